"""One pass over a clip: whether it can be read, what it holds, and by what it is recognised."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evaluator.audio import decode, unheard
from evaluator.audio.clip import Clip
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.check import fingerprint

MODEL_RATE = 16000  # Hz, of nearly every speech model
_FULL_SCALE = 0.999  # 16-bit audio that was clipped stays there
_NO_LANDMARKS = np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class ClipScan:
    """What decoding a clip showed.

    problem: Why it cannot be read; the other fields are empty then.
    sha256: Of its samples.
    flat: Whether all samples are the same: 0 in a silent clip.
    peak: The largest absolute sample; full scale is 1.
    clipped: Share of samples at full scale.
    above_nyquist: Share of the power above the Nyquist frequency of a 16 kHz model; None for silence.
    landmarks: As `fingerprint.landmarks` gives them, (n_landmarks, 2).
    """

    problem: str = ""
    sha256: str = ""
    flat: bool = False
    peak: float = 0.0
    clipped: float = 0.0
    above_nyquist: float | None = None
    landmarks: np.ndarray = field(default_factory=lambda: _NO_LANDMARKS)

    @property
    def silent(self) -> bool:
        """Whether the clip was read and holds nothing but zeros."""
        return bool(self.sha256) and self.peak == 0


def scan(root: Path, clip: Clip, facts: FileFacts | AudioError) -> ClipScan:
    """What the samples of a clip show; it is decoded once, in blocks.

    Args:
        root: Folder that the clip's path is relative to.
        clip: The clip.
        facts: Of its recording.
    """
    try:
        if isinstance(facts, AudioError):
            raise facts
        return _scan(root / clip.path, clip, facts.sample_rate)
    except AudioError as error:
        return ClipScan(problem=str(error))


def _scan(path: Path, clip: Clip, rate: int) -> ClipScan:
    digest, beginning = hashlib.sha256(), []
    low, high, n_samples, n_full, n_kept = np.inf, -np.inf, 0, 0, 0
    total = above = 0.0
    for block in decode.read_blocks(path, clip):
        digest.update(block.tobytes())
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        n_full += int((np.abs(block) >= _FULL_SCALE).sum())
        n_samples += len(block)
        in_all, over = unheard.powers(block, rate, MODEL_RATE / 2)
        total, above = total + in_all, above + over
        if n_kept < fingerprint.MAX_SECONDS * rate:
            beginning.append(block)
            n_kept += len(block)
    return ClipScan(
        sha256=digest.hexdigest(),
        flat=low == high,
        peak=max(-low, high),
        clipped=n_full / n_samples,
        above_nyquist=above / total if total else None,
        landmarks=_landmarks(np.concatenate(beginning), rate),
    )


def _landmarks(samples: np.ndarray, rate: int) -> np.ndarray:
    import soxr

    samples = samples[: int(fingerprint.MAX_SECONDS * rate)]
    return fingerprint.landmarks(soxr.resample(samples, rate, fingerprint.RATE))
