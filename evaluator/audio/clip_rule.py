"""What of a clip a module gets: which channel, how slowly, how much of it, how degraded, and at what level; `decode.read_clip` applies it."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluator.audio.clip import n_samples

if TYPE_CHECKING:
    from evaluator.audio.degradation import Degradation

_FILLS = ("zeros", "repeat")
LEAST_EXPANDED, MOST_EXPANDED = 0.001, 1000.0  # bats are slowed down 8 to 32 times
CHANNELS = ("mix", "first", "loudest")  # or a number from 1 on


@dataclass(frozen=True)
class ClipRule:
    """What of a clip is used: one channel, slowed down, then cut, degraded, brought to full scale, and filled up.

    Lengths are in seconds as the module hears them.

    seconds: Clips are cut at the end to this length; None for whole clips.
    pad: Whether shorter clips get zeros at the end, up to `seconds`.
    min_seconds: Clips that are still shorter are filled up to this length; None if any length will do.
    fill: What fills them: `zeros` at the end (Ogg 2025 up to 1 s), or `repeat`: the clip again as many whole times
        as fit and then its start (Sarkar & Magimai-Doss 2025 up to 5000 samples at 16 kHz, 0.3125 s).
    peak: Whether samples are divided by the largest absolute value of those that are kept. Sarkar & Magimai-Doss
        divide by that of the whole clip; they cut none, so that is the same. Silence stays silence (there it became NaN).
    channel: What becomes of several channels: `mix` averages them; `first`, `loudest` (the one with the most power about its mean
        over the clip) or a number from 1 on takes one.
    expand: How many times slower than life a module hears the clip, its pitch lowered with it; None for as the file plays.
    degradation: How the part that is used is made worse, at the recording's own rate; None where it is not.
    """

    seconds: float | None = None
    pad: bool = False
    min_seconds: float | None = None
    fill: str = "zeros"
    peak: bool = False
    channel: str = "mix"
    expand: float | None = None
    degradation: "Degradation | None" = None

    def __post_init__(self) -> None:
        refuse_channel(self.channel)
        if self.fill not in _FILLS:
            raise ValueError(f"a clip rule with fill {self.fill!r}: known are {', '.join(_FILLS)}")

    def slower(self, expansion: float) -> float:
        """How many times slower a file is heard than it plays, which itself plays `expansion` times slower than life."""
        return 1.0 if self.expand is None else self.expand / expansion

    def source(self, n_channels: int, expansion: float) -> list[str]:
        """What the rule changes of a file's sound, as parts of a clip's key."""
        channel = "1" if self.channel == "first" else self.channel
        parts = [f"channel{channel}"] if n_channels > 1 and channel != "mix" else []
        slower = self.slower(expansion)
        return parts if slower == 1 else [*parts, f"slower{slower!r}"]

    def effect(self, seconds: float, rate: float = math.inf) -> tuple[list[str], float]:
        """What the rule changes of a clip, as parts of its key, and its length then, in seconds.

        Args:
            seconds: Of the clip.
            rate: Of its recording in Hz, as it is heard: what a degradation changes may hang on it.
        """
        parts = []
        if self.seconds is not None and seconds > self.seconds:
            parts, seconds = [f"cut{self.seconds!r}"], self.seconds
        if (degradation := self.degradation_of(seconds, rate)) is not None:
            parts, seconds = [*parts, degradation.key], degradation.length(seconds)
        if self.peak:
            parts.append("peak")
        zeros = self._zeros_up_to()
        if seconds < zeros:
            parts, seconds = [*parts, f"pad{zeros!r}"], zeros
        shortest = self.min_seconds or 0.0
        if seconds < shortest:  # `zeros` would have filled it
            parts, seconds = [*parts, f"repeat{shortest!r}"], shortest
        return parts, seconds

    def degradation_of(self, seconds: float, rate: float) -> "Degradation | None":
        """What a clip of so many seconds, of a recording at a rate in Hz, is degraded by; None if by nothing."""
        used = min(seconds, self.seconds or math.inf)
        known = self.degradation
        return known if known is not None and known.changes(used, rate) else None

    def _zeros_up_to(self) -> float:
        """Seconds up to which zeros are added at the end; 0 for none."""
        padded = self.seconds if self.pad else None
        filled = self.min_seconds if self.fill == "zeros" else None
        return max(padded or 0.0, filled or 0.0)

    def max_samples(self, sample_rate: float) -> int | None:
        """Samples beyond which a clip is cut, at a rate in Hz; None if it never is."""
        return None if self.seconds is None else n_samples(self.seconds, sample_rate)

    def apply(self, samples: np.ndarray, sample_rate: float) -> np.ndarray:
        """The samples that a module gets, (n_used,) float32, of a clip's (n_samples,) at a rate in Hz, in its memory where that does."""
        samples = samples[: self.max_samples(sample_rate)]
        peak = np.abs(samples).max(initial=0) if self.peak else 0
        if peak:
            samples = samples / peak
        n_missing = n_samples(self._zeros_up_to(), sample_rate) - len(samples)
        if n_missing > 0:
            samples = np.pad(samples, (0, n_missing))
        n_min = n_samples(self.min_seconds or 0.0, sample_rate)
        return np.resize(samples, n_min) if len(samples) < n_min else samples  # resize repeats


def refuse_channel(channel: str) -> None:
    """Refuse what names no channel.

    Raises:
        ValueError: It is none of `CHANNELS` and no whole number from 1 on.
    """
    if channel not in CHANNELS and not (channel.isascii() and channel.isdecimal() and int(channel) >= 1):
        raise ValueError(f"{channel!r} is no channel; give {', '.join(CHANNELS)}, or a number from 1 on")


AS_IT_IS = ClipRule()  # the whole clip, its channels averaged
