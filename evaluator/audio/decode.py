"""From files to samples: what a file holds, which stretch of it a clip is, and that stretch at any sample rate.

Channels are averaged first, or one is taken, then the mono signal is resampled (soxr, quality HQ), then the clip rule is applied; a
degradation that the rule has is applied before resampling, so that it is the same for every module.
Recordings are decoded in blocks, so that memory is set by the clip and never by the recording. How long they are is
`lengths.measure`'s to say, never a header's.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.audio import limits
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import AS_IT_IS, ClipRule
from evaluator.audio.errors import AudioError, named, reason
from evaluator.audio.facts import FileFacts, file_facts, unchanged
from evaluator.audio.lengths import measure, open_recording
from evaluator.audio.levels import Levels, Meter, Power
from evaluator.audio.recording import Recording
from evaluator.audio.sample_blocks import joined, resampled
from evaluator.audio.stretch import channel_number, clip_key, clip_seconds, frame_span

__all__ = [
    "AudioError",
    "FileFacts",
    "Heard",
    "clip_key",
    "clip_seconds",
    "file_facts",
    "listen",
    "read_blocks",
    "read_clip",
    "recording_seconds",
    "unchanged",
]

_BLOCK = 1 << 16  # frames decoded at once, less where there are many channels
_BLOCK_VALUES = 1 << 20  # samples of all channels


@dataclass(frozen=True)
class Heard:
    """What a module gets of a clip.

    samples: (n_samples,) float32, full scale 1.
    levels: What the clip is like before that.
    unheard: Share of its power, 0 to 1, that is gone at the module's sample rate.
    """

    samples: np.ndarray
    levels: Levels
    unheard: float


def read_clip(path: Path, clip: Clip, rule: ClipRule, sample_rate: int) -> np.ndarray:
    """The samples of a clip, (n_samples,) float32 with full scale 1; arguments, sample rate in Hz, and errors as those of `listen`."""
    return listen(path, clip, rule, sample_rate).samples


def listen(path: Path, clip: Clip, rule: ClipRule, sample_rate: float, content: str = "") -> Heard:
    """The samples of a clip, mono, float32, shape (n_samples,), full scale 1, and its levels.

    A cut or padded clip has exactly `n_samples(rule.seconds, sample_rate)` of them; every clip has at least one.
    The rule is applied after resampling, so that a cut clip is the start of the whole one, bit for bit. Decoding ends
    where the rule cuts, so its memory is the clip's; the peak of `ClipRule.peak` is therefore that of the part used.

    Args:
        path: The recording.
        clip: Which stretch of it; `clip.path` is not looked at.
        rule: What of it is used, and at what level.
        sample_rate: Of the result, in Hz.
        content: SHA-256 of the file's bytes, from which is drawn what a degradation draws; not looked at without one.

    Raises:
        AudioError: The file is missing, not audio, empty or cut off, the clip is not inside it or needs more than 4 GB,
            it has no such channel, or a sample is NaN, infinite or beyond 1000 times full scale. Nothing else is raised for any file.
    """
    n_needed = rule.max_samples(sample_rate)
    with named(path, "decoding it"), open_recording(path) as file:
        start, stop = frame_span(file.frames, file.samplerate, clip, name=str(path))
        rate = file.samplerate / rule.slower(file.expansion)
        seconds = (stop - start) / rate
        limits.refuse_huge(file, seconds, min(seconds, rule.seconds or math.inf), sample_rate)
        meter = Meter(file.channels, math.inf if rule.seconds is None else max(1, round(rule.seconds * rate)))
        about = math.ceil(seconds * sample_rate) + 1  # a resampler may round up
        blocks, mixed = _mono_blocks(file, start, stop, rule.channel, meter), rule.channel == "mix"
        degraded, degradation = Meter(1), rule.degradation_of(seconds, rate)
        if degradation is not None:
            used = min(seconds, rule.seconds or math.inf)
            limits.refuse_huge(file, seconds, used, rate)
            samples = degradation.apply(_used(blocks, used, rate), rate, f"{content} {start} {stop}", _stretch)
            degraded.take(samples[:, None], samples)
            blocks = iter([samples])
        whole = joined(
            resampled(blocks, rate, sample_rate), about if n_needed is None else min(about, n_needed), n_needed
        )
        levels = meter.levels(mixed)
        if degradation is not None:
            levels, meter = degraded.levels(mixed).of_channels(levels), degraded
        return Heard(rule.apply(whole, sample_rate), levels, meter.unheard(whole, rate, sample_rate))


def _used(blocks: Iterator[np.ndarray], seconds: float, rate: float) -> np.ndarray:
    """The first so many seconds of a clip, (n_samples,) at its own rate in Hz; the last sample whole: the clip rule cuts after resampling."""
    n_used = math.ceil(seconds * rate - 1e-6)  # 0.1 s at 44.1 kHz are 4410 samples, whatever a float says
    return joined(blocks, n_used, n_used)


def _stretch(path: Path, start: float, end: float, rate: float) -> np.ndarray:
    """A stretch of a recording, from start to end in seconds, (n_samples,) at a rate in Hz; see `listen`."""
    return listen(path, Clip("", (), start, end), AS_IT_IS, rate).samples


def read_blocks(path: Path, clip: Clip, rule: ClipRule = AS_IT_IS, meter: Meter | None = None) -> Iterator[np.ndarray]:
    """The whole clip at its recording's rate, mono, in blocks (n_samples,) of float32, so that its length costs no memory.

    Args:
        path, clip: As those of `listen`.
        rule: Which channel is taken; the rest of it is not applied.
        meter: Sums up what passes, over as many channels as the recording has.

    Raises:
        AudioError: As `listen`.
    """
    with named(path, "decoding it"), open_recording(path) as file:
        start, stop = frame_span(file.frames, file.samplerate, clip, name=str(path))
        yield from _mono_blocks(file, start, stop, rule.channel, meter)


def recording_seconds(path: Path) -> float:
    """True length of a recording, in seconds.

    Raises:
        AudioError: The file is missing, not audio, empty or cut off.
    """
    found = measure(path)
    if found.frames <= 0:
        raise AudioError(f"{path}: the file holds no audio (0 frames)")
    return found.frames / found.sample_rate


def _mono_blocks(file: Recording, start: int, stop: int, channel: str, meter: Meter | None) -> Iterator[np.ndarray]:
    """Frames start to stop, averaged over channels or of one of them, in blocks (n,) of float32."""
    column = _column(file, start, stop, channel) if file.channels > 1 or channel.isdecimal() else None
    for block in _blocks(file, start, stop):
        mono = block.mean(axis=1) if column is None else np.ascontiguousarray(block[:, column])
        if meter is not None:
            meter.take(block, mono)
        yield mono


def _column(file: Recording, start: int, stop: int, channel: str) -> int | None:
    """Which channel is taken, from 0 on; None if all are averaged. The loudest is found by decoding the clip once more.

    Raises:
        AudioError: There is no such channel.
    """
    if channel == "mix":
        return None
    if channel == "loudest":
        power = Power()
        for block in _blocks(file, start, stop):
            power.add(block)
        file.seek(0)
        return int(np.argmax(power.about_mean))
    return channel_number(file.path, file.channels, channel) - 1


def _blocks(file: Recording, start: int, stop: int) -> Iterator[np.ndarray]:
    """Frames start to stop, in blocks (n, n_channels) of float32."""
    position, size = start, max(1, min(_BLOCK, _BLOCK_VALUES // file.channels))
    try:
        if start:
            file.seek(start)
        while position < stop:
            block = file.read(min(size, stop - position))  # (n, channels)
            if len(block) == 0:
                raise AudioError(
                    f"{file.path}: the file is cut off or damaged: it should have {file.frames / file.samplerate:.2f} s "
                    f"({file.frames} frames), but decoding ends at {position / file.samplerate:.2f} s"
                )
            limits.refuse_levels(file, block, position)
            position += len(block)
            yield block
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(
            f"{file.path}: cannot be decoded to its end, damaged or cut off near {position / file.samplerate:.2f} s "
            f"of {file.frames / file.samplerate:.2f} s ({reason(error)})"
        ) from error
