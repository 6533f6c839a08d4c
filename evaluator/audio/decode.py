"""From files to samples: what a file holds, which stretch of it a clip is, and that stretch at any sample rate.

Channels are averaged first, then the mono signal is resampled (soxr, quality HQ), then the clip rule is applied.
Recordings are decoded in blocks, so that memory is set by the clip and never by the recording. How long they are is
`lengths.measure`'s to say, never a header's.
"""

import hashlib
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from evaluator.audio import limits
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.errors import AudioError, named, reason
from evaluator.audio.facts import FileFacts, Line, facts_of, recall, remember, sha256_of, unchanged
from evaluator.audio.lengths import measure, open_recording, trust
from evaluator.audio.recording import Recording
from evaluator.errors import EvaluationError
from evaluator.files import Stamp, own_folder, sweep

__all__ = [
    "AudioError",
    "FileFacts",
    "clip_key",
    "clip_seconds",
    "file_facts",
    "read_blocks",
    "read_clip",
    "recording_seconds",
    "unchanged",
]

LOG = logging.getLogger(__name__)

_BLOCK = 1 << 16  # frames decoded at once, less where there are many channels
_BLOCK_VALUES = 1 << 20  # samples of all channels
_SLACK = 0.05  # seconds by which a clip may end after its recording: tables are rounded, and codecs add or drop a frame
_N_THREADS = 8  # hashing and header reading wait for the disk and leave Python's lock
_TRIES = 3  # of reading a file that changes meanwhile


def file_facts(
    root: Path, paths: Sequence[str], cache: Path, rehash: bool = False
) -> dict[str, FileFacts | AudioError]:
    """Content hash and true length (frames, Hz, channels) of files, or why they cannot be had; what was read before is remembered.

    Files whose header is wrong, and that are read nevertheless, have a `remark`; a warning says how many they are.

    Args:
        root: Folder that `paths` are relative to.
        paths: Files, (n_paths,), each once or more.
        cache: Folder in which the facts are remembered, by each file's size, modification and change times, and inode. Several
            processes may use it at once.
        rehash: Whether to read every file anew, whatever is remembered.
    """
    name = f"{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}.json"
    own = own_folder(cache, "files")
    sweep(own)
    memories = dict.fromkeys([cache / "files" / name, own / name])
    known: dict[str, Line] = {}
    for memory in [] if rehash else memories:
        known |= recall(memory)
    distinct = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(_N_THREADS) as pool:
        read = dict(zip(distinct, pool.map(lambda path: _facts(root / path, known.get(path)), distinct), strict=True))
    _remember_new(own / name, known, read)
    _tell_remarks(root, read)
    return read


def clip_key(facts: FileFacts, clip: Clip, rule: ClipRule) -> str:
    """A name for the samples that `read_clip` gives: equal names, equal samples, at any sample rate.

    Rules that change nothing (a cut beyond the end of the clip) do not show, nor does where the file lies. Whether
    bringing a clip to full scale changes it is not known before it is decoded; that always shows.

    Raises:
        AudioError: The clip is not inside the file.
    """
    start, stop = _frame_span(facts.frames, facts.sample_rate, clip)
    parts = [facts.sha256]
    if (start, stop) != (0, facts.frames):
        parts.append(f"frames{start}-{stop}")
    parts += rule.effect((stop - start) / facts.sample_rate)[0]
    return "-".join(parts)


def clip_seconds(facts: FileFacts, clip: Clip, rule: ClipRule) -> float:
    """How long the clip is, in seconds, once `rule` is applied.

    Raises:
        AudioError: The clip is not inside the file.
    """
    start, stop = _frame_span(facts.frames, facts.sample_rate, clip)
    return rule.effect((stop - start) / facts.sample_rate)[1]


def read_clip(path: Path, clip: Clip, rule: ClipRule, sample_rate: int) -> np.ndarray:
    """The samples of a clip, mono, float32, shape (n_samples,), full scale 1.

    A cut or padded clip has exactly `n_samples(rule.seconds, sample_rate)` of them; every clip has at least one.
    The rule is applied after resampling, so that a cut clip is the start of the whole one, bit for bit. Decoding ends
    where the rule cuts, so its memory is the clip's; the peak of `ClipRule.peak` is therefore that of the part used.

    Args:
        path: The recording.
        clip: Which stretch of it; `clip.path` is not looked at.
        rule: How much of it is used, and at what level.
        sample_rate: Of the result, in Hz.

    Raises:
        AudioError: The file is missing, not audio, empty or cut off, the clip is not inside it or needs more than 4 GB,
            or a sample is NaN, infinite or beyond 1000 times full scale. Nothing else is raised for any file.
    """
    n_needed = rule.max_samples(sample_rate)
    parts, n_read = [], 0
    with named(path, "decoding it"), open_recording(path) as file:
        start, stop = _frame_span(file.frames, file.samplerate, clip, name=str(path))
        seconds = (stop - start) / file.samplerate
        limits.refuse_huge(file, seconds, min(seconds, rule.seconds or math.inf), sample_rate)
        for part in _resampled(_mono_blocks(file, start, stop), file.samplerate, sample_rate):
            parts.append(part)
            n_read += len(part)
            if n_needed is not None and n_read >= n_needed:
                break
        return rule.apply(np.concatenate(parts), sample_rate)


def read_blocks(path: Path, clip: Clip) -> Iterator[np.ndarray]:
    """The whole clip at its recording's rate, mono, in blocks (n_samples,) of float32, so that its length costs no memory.

    Raises:
        AudioError: As `read_clip`.
    """
    with named(path, "decoding it"), open_recording(path) as file:
        start, stop = _frame_span(file.frames, file.samplerate, clip, name=str(path))
        yield from _mono_blocks(file, start, stop)


def recording_seconds(path: Path) -> float:
    """True length of a recording, in seconds.

    Raises:
        AudioError: The file is missing, not audio, empty or cut off.
    """
    found = measure(path)
    if found.frames <= 0:
        raise AudioError(f"{path}: the file holds no audio (0 frames)")
    return found.frames / found.sample_rate


def _frame_span(frames: int, sample_rate: int, clip: Clip, name: str = "") -> tuple[int, int]:
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


def _mono_blocks(file: Recording, start: int, stop: int) -> Iterator[np.ndarray]:
    """Frames start to stop, averaged over channels, in blocks (n,) of float32."""
    position, size = start, max(1, min(_BLOCK, _BLOCK_VALUES // file.channels))
    try:
        if start:
            file.seek(start)
        while position < stop:
            block = file.read(min(size, stop - position))  # (n, channels)
            if len(block) == 0:
                raise AudioError(
                    f"{file.path}: the file is cut off or damaged: it should have {file.frames} frames, "
                    f"but decoding ends at {position}"
                )
            limits.refuse_levels(file, block, position)
            position += len(block)
            yield block.mean(axis=1)
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(
            f"{file.path}: cannot be decoded to its end, damaged or cut off near {position / file.samplerate:.2f} s "
            f"of {file.frames / file.samplerate:.2f} s ({reason(error)})"
        ) from error


def _resampled(blocks: Iterator[np.ndarray], rate: int, sample_rate: int) -> Iterator[np.ndarray]:
    """The blocks at another sample rate: together, bit for bit what resampling the whole at once gives."""
    import soxr

    if rate == sample_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, sample_rate, num_channels=1, dtype="float32", quality="HQ")
    n_out, last = 0, np.zeros(1, np.float32)
    for last in blocks:
        part = stream.resample_chunk(last)
        n_out += len(part)
        yield part
    part = stream.resample_chunk(np.zeros(0, np.float32), last=True)
    # A clip that is shorter than half a new sample would vanish; it becomes one sample, its mean.
    yield part if n_out + len(part) else last.mean(keepdims=True)


# Remembering facts ---------------------------------------------------------------------------------------


def _facts(path: Path, known: Line | None) -> FileFacts | AudioError:
    """The facts of one file, from what is known if the file system says that it still is that file."""
    try:
        remembered = facts_of(known) if known else None
        if remembered and remembered.stamp and path.is_file() and remembered.stamp == Stamp.of(path):
            if not remembered.remark:
                trust(path, remembered.stamp, remembered.frames)
            return remembered
        for _ in range(_TRIES):
            facts = _read_facts(path)
            if facts.stamp == Stamp.of(path):
                return facts
    except AudioError as error:
        return error
    except OSError as error:
        return AudioError(f"{path}: cannot be read ({error})")
    return AudioError(f"{path}: changes while it is read; run again once nothing writes to it any more")


def _read_facts(path: Path) -> FileFacts:
    """The facts of a file, with its stamp before they were read; errors as those of `measure`."""
    now = time.time_ns()
    found = measure(path)
    stamp = Stamp.of(path)
    settled = stamp.settled(now)
    return FileFacts(sha256_of(path), found.frames, found.sample_rate, found.channels, stamp, settled, found.remark)


def _tell_remarks(root: Path, read: Mapping[str, FileFacts | AudioError]) -> None:
    """Say of how many files the header is wrong, and what is wrong with one of them."""
    odd = {path: facts.remark for path, facts in read.items() if isinstance(facts, FileFacts) and facts.remark}
    if odd:
        path, remark = next(iter(odd.items()))
        others = f" (and {len(odd) - 1} more files have a header that is wrong)" if len(odd) > 1 else ""
        LOG.warning("%s: %s%s", root / path, remark, others)


def _remember_new(memory: Path, known: dict[str, Line], read: dict[str, FileFacts | AudioError]) -> None:
    """Write down what was not known; facts that cannot be written are found out again next time."""
    settled = {path: facts.line for path, facts in read.items() if isinstance(facts, FileFacts) and facts.settled}
    fresh = {path: line for path, line in settled.items() if line != known.get(path)}
    if fresh:
        try:
            remember(memory, {**recall(memory, quietly=True), **fresh})
        except EvaluationError as error:
            LOG.warning("%s", error)
