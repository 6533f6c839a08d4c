"""Which stretch of a recording a clip is: its frames, what it is called by its content, and how long it is."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.errors import AudioError
from evaluator.audio.facts import FileFacts

_SLACK = 0.05  # seconds by which a clip may end after its recording: tables are rounded, and codecs add or drop a frame


def clip_key(facts: FileFacts, clip: Clip, rule: ClipRule) -> str:
    """A name for the samples that `read_clip` gives: equal names, equal samples, at any sample rate.

    Rules that change nothing (a cut beyond the end of the clip) do not show, nor does where the file lies. Whether
    bringing a clip to full scale changes it is not known before it is decoded; that always shows.

    Raises:
        AudioError: The clip is not inside the file, or the file has no such channel.
    """
    start, stop = frame_span(facts.frames, facts.sample_rate, clip)
    channel_number(clip.path, facts.channels, rule.channel)
    return _key(facts, start, stop, _changes(facts, stop - start, rule)[0])


def stretch_keys(
    facts: FileFacts, path: str, starts: np.ndarray, stops: np.ndarray, rule: ClipRule
) -> Iterator[tuple[str, float]]:
    """`clip_key` and `clip_seconds` of stretches of one recording, but for those without a frame; what all of one length share is made once.

    Args:
        facts: Of its file.
        path: Of the recording, for messages.
        starts, stops: First frame of each stretch, and the one after its last, (n_stretches,) int64 each.
        rule: What of each is used.

    Raises:
        AudioError: The file has no such channel.
    """
    channel_number(path, facts.channels, rule.channel)
    known: dict[int, tuple[str, float]] = {}
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        n_frames = stop - start
        if n_frames <= 0:
            continue
        if n_frames not in known:
            known[n_frames] = _changes(facts, n_frames, rule)
        changes, seconds = known[n_frames]
        yield _key(facts, start, stop, changes), seconds


def _key(facts: FileFacts, start: int, stop: int, changes: str) -> str:
    """The key of a stretch, from its first frame to before `stop`."""
    where = "" if (start, stop) == (0, facts.frames) else f"-frames{start}-{stop}"
    return f"{facts.sha256}{where}{changes}"


def _changes(facts: FileFacts, n_frames: int, rule: ClipRule) -> tuple[str, float]:
    """What a rule changes of a stretch of so many frames, as the end of its key, and its length then, in seconds as it is heard."""
    slower = rule.slower(facts.expansion)
    effect, seconds = rule.effect(n_frames / facts.sample_rate * slower, facts.sample_rate / slower)
    return "".join(f"-{part}" for part in [*rule.source(facts.channels, facts.expansion), *effect]), seconds


def content_of(key: str) -> str:
    """The SHA-256 of the file that a clip with this key lies in, 64 hex digits."""
    return key.partition("-")[0]


def clip_seconds(facts: FileFacts, clip: Clip, rule: ClipRule) -> float:
    """How long the clip is, in seconds as it is heard, once `rule` is applied.

    Raises:
        AudioError: The clip is not inside the file.
    """
    start, stop = frame_span(facts.frames, facts.sample_rate, clip)
    return _changes(facts, stop - start, rule)[1]


def frame_span(frames: int, sample_rate: int, clip: Clip, name: str = "") -> tuple[int, int]:
    """First frame of the clip and the one after its last, in a recording of so many frames.

    Raises:
        AudioError: The recording is empty, or the clip's times are no numbers, out of order, or outside it.
    """
    name = name or clip.path
    if frames <= 0:
        raise AudioError(f"{name}: the file holds no audio (0 frames)")
    start = 0.0 if clip.start is None else clip.start
    end = frames / sample_rate if clip.end is None else clip.end
    if not (math.isfinite(start) and math.isfinite(end)):
        raise AudioError(f"{name}: the clip goes from {start} to {end} s; both have to be finite numbers")
    if not 0 <= start < end:
        raise AudioError(
            f"{name}: the clip goes from {start:g} to {end:g} s; it has to start at 0 or later and before its end"
        )
    if end > frames / sample_rate + _SLACK:
        raise AudioError(f"{name}: the clip ends at {end:g} s, but the recording at {frames / sample_rate:g} s")
    first, after = math.floor(start * sample_rate + 0.5), min(frames, math.floor(end * sample_rate + 0.5))
    if first >= after:
        raise AudioError(f"{name}: the clip from {start:g} to {end:g} s is shorter than one sample at {sample_rate} Hz")
    return first, after


def channel_number(path: Path | str, n_channels: int, channel: str) -> int:
    """The number of the channel that a rule takes, from 1 on; 1 where it names none.

    Raises:
        AudioError: There is no such channel.
    """
    number = int(channel) if channel.isdecimal() else 1
    if number > n_channels:
        several = f"{n_channels} channel{'s' * (n_channels != 1)}"
        raise AudioError(f"{path}: has {several}, but channel {number} is asked for")
    return number
