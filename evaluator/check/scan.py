"""One pass over a clip: whether it can be read, what it holds, and by what it is recognised."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import AS_IT_IS, ClipRule
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.audio.levels import Meter
from evaluator.check import fingerprint
from evaluator.check.matching import Landmarks
from evaluator.datasets.manifest import Manifest

MODEL_RATE = 16000  # Hz, of nearly every speech model
_THREADS, _AT_ONCE = 4, 256  # clips that are listened to beside each other, and before their results are taken
_FULL_SCALE = 0.999  # 16-bit audio that was clipped stays there
_NO_LANDMARKS = np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class ClipScan:
    """What decoding a clip showed.

    problem: Why it cannot be read; the other fields are empty then.
    sha256: Of its samples.
    flat: Whether all samples are the same: 0 in a silent clip.
    silent: Whether they are all 0, in every channel.
    peak: The largest absolute sample of any channel; full scale is 1.
    clipped: Share of samples at full scale.
    above_nyquist: Share of the power above the Nyquist frequency of a 16 kHz model; None for silence.
    odd: What is odd about its levels, of `levels.ODDITIES`.
    landmarks: As `fingerprint.landmarks` gives them, (n_landmarks, 2).
    """

    problem: str = ""
    sha256: str = ""
    flat: bool = False
    silent: bool = False
    peak: float = 0.0
    clipped: float = 0.0
    above_nyquist: float | None = None
    odd: tuple[str, ...] = ()
    landmarks: np.ndarray = field(default_factory=lambda: _NO_LANDMARKS)


class Scans:
    """What decoding all clips showed, in a few bytes a clip.

    problems: Why clips cannot be read, by their index; the columns hold zeros for those.
    silent, flat: Whether a clip holds nothing but zeros, or one value throughout, (n_clips,) of bool.
    peaks: The largest absolute sample of each clip, (n_clips,); full scale is 1.
    clipped: Share of samples at full scale, (n_clips,).
    odd: Indices of the clips that show each kind of `levels.ODDITIES`.
    above_nyquist: Share of the power above the Nyquist frequency of a 16 kHz model, (n_clips,); NaN for silence and unread.
    clips_of: Indices of the clips that hold the same samples, by a digest of these; clips without a sound are in none.
    landmarks: By which near doubles are found.
    """

    def __init__(self, n_clips: int) -> None:
        self.problems: dict[int, str] = {}
        self.silent, self.flat = np.zeros(n_clips, bool), np.zeros(n_clips, bool)
        self.peaks, self.clipped, self.above_nyquist = np.zeros(n_clips), np.zeros(n_clips), np.full(n_clips, np.nan)
        self.odd: dict[str, list[int]] = {}
        self.clips_of: dict[bytes, list[int]] = {}
        self.landmarks = Landmarks()

    def take(self, index: int, one: ClipScan) -> None:
        """Take what a clip showed; clips come in their order."""
        self.landmarks.add(one.landmarks)
        if one.problem:
            self.problems[index] = one.problem
            return
        self.silent[index], self.flat[index], self.clipped[index] = one.silent, one.flat, one.clipped
        self.peaks[index] = one.peak
        for kind in one.odd:
            self.odd.setdefault(kind, []).append(index)
        if one.above_nyquist is not None:
            self.above_nyquist[index] = one.above_nyquist
        if not one.flat:
            self.clips_of.setdefault(bytes.fromhex(one.sha256), []).append(index)

    def doubles(self) -> list[list[int]]:
        """Sets of clips that hold the same samples, (n_sets,) of two or more indices each."""
        return [indices for indices in self.clips_of.values() if len(indices) > 1]


def scan_all(
    manifest: Manifest,
    facts: dict[str, FileFacts | AudioError],
    advance: Callable[[int], object],
    rule: ClipRule = AS_IT_IS,
) -> Scans:
    """What the samples of all clips show; each is decoded once, several beside each other.

    Args:
        manifest: The clips, (n_clips,).
        facts: Of their recordings, by path.
        advance: Called with 1 after each clip.
        rule: Which channel is taken, and how slowly clips are heard.
    """
    scans = Scans(len(manifest.clips))
    with ThreadPoolExecutor(_THREADS) as threads:
        for start in range(0, len(manifest.clips), _AT_ONCE):
            clips: Sequence[Clip] = manifest.clips[start : start + _AT_ONCE]
            read = threads.map(lambda clip: scan(manifest.root, clip, facts[clip.path], rule), clips)
            for index, one in enumerate(read, start=start):
                scans.take(index, one)
                advance(1)
    return scans


def scan(root: Path, clip: Clip, facts: FileFacts | AudioError, rule: ClipRule = AS_IT_IS) -> ClipScan:
    """What the samples of a clip show; it is decoded once, in blocks.

    Args:
        root: Folder that the clip's path is relative to.
        clip: The clip.
        facts: Of its recording.
        rule: Which channel is taken, and how slowly it is heard.
    """
    try:
        if isinstance(facts, AudioError):
            raise facts
        return _scan(root / clip.path, clip, facts, rule)
    except AudioError as error:
        return ClipScan(problem=str(error))


def _scan(path: Path, clip: Clip, facts: FileFacts, rule: ClipRule) -> ClipScan:
    digest, beginning = hashlib.sha256(), []
    low, high, n_samples, n_full, n_kept = np.inf, -np.inf, 0, 0, 0
    total = above = 0.0
    rate, meter = facts.sample_rate / rule.slower(facts.expansion), Meter(facts.channels)
    for block in decode.read_blocks(path, clip, rule, meter):
        digest.update(block.tobytes())
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        n_full += int((np.abs(block) >= _FULL_SCALE).sum())
        n_samples += len(block)
        in_all, over = _powers(block, rate, MODEL_RATE / 2)
        total, above = total + in_all, above + over
        if n_kept < fingerprint.MAX_SECONDS * rate:
            beginning.append(block)
            n_kept += len(block)
    levels = meter.levels(rule.channel == "mix")
    return ClipScan(
        sha256=digest.hexdigest(),
        flat=low == high,
        silent=levels.peak == 0,
        peak=levels.peak,
        odd=levels.odd,
        clipped=n_full / n_samples,
        above_nyquist=above / total if total else None,
        landmarks=_landmarks(np.concatenate(beginning), rate),
    )


def _powers(block: np.ndarray, rate: float, above: float) -> tuple[float, float]:
    """Power of samples (n_samples,) at a rate in Hz, in all and above a frequency in Hz; any unit, the same for both."""
    power = np.abs(np.fft.rfft(block)) ** 2
    return float(power.sum()), float(power[np.fft.rfftfreq(len(block), 1 / rate) > above].sum())


def _landmarks(samples: np.ndarray, rate: float) -> np.ndarray:
    import soxr

    samples = samples[: int(fingerprint.MAX_SECONDS * rate)]
    return fingerprint.landmarks(soxr.resample(samples, rate, fingerprint.RATE))
