"""How much of a clip is heard, and at what level: a pure rule that `audio.read_clip` applies to decoded samples."""

import math
from dataclasses import dataclass

import numpy as np

FILLS = ("zeros", "repeat")


@dataclass(frozen=True)
class ClipRule:
    """How much of a clip is heard: cut first, then brought to full scale, then filled up.

    seconds: Clips are cut at the end to this length; None for whole clips.
    pad: Whether shorter clips get zeros at the end, up to `seconds`.
    min_seconds: Clips that are still shorter are filled up to this length; None if any length will do.
    fill: What fills them: `zeros` at the end (Ogg 2025 up to 1 s), or `repeat`: the clip again as many whole times
        as fit and then its start (Sarkar & Magimai-Doss 2025 up to 5000 samples at 16 kHz, 0.3125 s).
    peak: Whether samples are divided by the largest absolute value of those that are heard. Sarkar & Magimai-Doss
        divide by that of the whole clip; they cut none, so that is the same. Silence stays silence (there it became NaN).
    """

    seconds: float | None = None
    pad: bool = False
    min_seconds: float | None = None
    fill: str = "zeros"
    peak: bool = False

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise ValueError(f"a clip rule with fill {self.fill!r}: known are {', '.join(FILLS)}")

    def effect(self, seconds: float) -> tuple[list[str], float]:
        """What the rule changes of a clip of so many seconds, as words for its key, and how long the clip is then."""
        words, heard = [], seconds
        if self.seconds is not None and heard > self.seconds:
            words, heard = [f"cut{self.seconds!r}"], self.seconds
        if self.peak:
            words.append("peak")
        zeros = self.zeros_up_to()
        if heard < zeros:
            words, heard = [*words, f"pad{zeros!r}"], zeros
        least = self.min_seconds or 0.0
        if heard < least:  # `zeros` would have filled it
            words, heard = [*words, f"repeat{least!r}"], least
        return words, heard

    def zeros_up_to(self) -> float:
        """Seconds up to which zeros are added at the end; 0 for none."""
        padded = self.seconds if self.pad else None
        least = self.min_seconds if self.fill == "zeros" else None
        return max(padded or 0.0, least or 0.0)

    def most_samples(self, sample_rate: int) -> int | None:
        """Samples beyond which nothing is heard, at a rate in Hz; None if all are."""
        return None if self.seconds is None else n_samples(self.seconds, sample_rate)

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """The samples that are heard, (n_heard,) float32, of a clip's (n_samples,) at a rate in Hz."""
        samples = samples[: self.most_samples(sample_rate)]
        peak = np.abs(samples).max(initial=0) if self.peak else 0
        if peak:
            samples = samples / peak
        n_missing = n_samples(self.zeros_up_to(), sample_rate) - len(samples)
        if n_missing > 0:
            samples = np.pad(samples, (0, n_missing))
        n_least = n_samples(self.min_seconds or 0.0, sample_rate)
        return np.resize(samples, n_least) if len(samples) < n_least else samples  # resize repeats


def n_samples(seconds: float, sample_rate: int) -> int:
    """The number of samples in `seconds`, a half rounded up, as soxr does when it resamples."""
    return math.floor(seconds * sample_rate + 0.5)
