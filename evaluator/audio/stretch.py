"""Which stretch of a recording a clip is: its frames, what it is called by its content, and how long it is."""

import math
from pathlib import Path

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
    parts = [facts.sha256]
    if (start, stop) != (0, facts.frames):
        parts.append(f"frames{start}-{stop}")
    channel_number(clip.path, facts.channels, rule.channel)
    parts += rule.source(facts.channels, facts.expansion)
    parts += rule.effect(_heard_seconds(stop - start, facts, rule), _heard_rate(facts, rule))[0]
    return "-".join(parts)


def clip_seconds(facts: FileFacts, clip: Clip, rule: ClipRule) -> float:
    """How long the clip is, in seconds as it is heard, once `rule` is applied.

    Raises:
        AudioError: The clip is not inside the file.
    """
    start, stop = frame_span(facts.frames, facts.sample_rate, clip)
    return rule.effect(_heard_seconds(stop - start, facts, rule), _heard_rate(facts, rule))[1]


def _heard_rate(facts: FileFacts, rule: ClipRule) -> float:
    return facts.sample_rate / rule.slower(facts.expansion)


def _heard_seconds(n_frames: int, facts: FileFacts, rule: ClipRule) -> float:
    return n_frames / facts.sample_rate * rule.slower(facts.expansion)


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
