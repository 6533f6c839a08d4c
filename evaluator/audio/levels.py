"""What a clip is like before a module hears it: its peak, channels that are dead or cancel, an offset, and what a lower rate loses.

All of it is summed up while the clip is decoded, over the part that is heard.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

FAR_BEYOND = 2.0  # full scale 1; lossy codecs go a little beyond it
NEAR_SILENCE = 1e-4  # RMS, -80 dB of full scale: some three steps of 16 bits
OFFSET = 1e-3  # of full scale; smaller ones are rounding
_STRETCH = 1 << 20  # samples that are summed up at once, in float64
_CANCELLED = 0.2  # of the power that channels without anything in common keep, which is a share of 1 / n_channels

# What is told of clips, after their number: the fact, and the way out.
ODDITIES: Mapping[str, str] = {
    "channels_cancel": (
        "lose nearly all of their power when their channels are averaged, as with opposite phase; take one channel: "
        "`--channel loudest`, `first` or its number, or `channel` in a task's YAML file"
    ),
    "dead_channels": (
        "have channels without any sound beside others, which averaging makes quieter; `--channel loudest` takes the loudest"
    ),
    "over_full_scale": f"have samples beyond {FAR_BEYOND:g} times full scale, louder than modules were trained for",
    "near_silent_clips": f"are nearly silent: below {20 * math.log10(NEAR_SILENCE):g} dB of full scale",
    "constant_offset": "are an offset from zero (DC) more than a sound",
}


@dataclass(frozen=True)
class Levels:
    """What a clip is like, over the part that is heard.

    peak: Largest absolute sample of the channel that is heard, of any where they are averaged; full scale is 1.
    n_channels, n_dead: How many channels there are, and how many of them hold one value throughout while others do not.
    kept: Power of what the channels become, as a share of their mean power; 1 for one channel.
    offset: Mean of the samples, of full scale.
    rms: Root mean square about it, of full scale.
    """

    peak: float
    n_channels: int
    n_dead: int
    kept: float
    offset: float
    rms: float

    @property
    def odd(self) -> tuple[str, ...]:
        """Which of `ODDITIES` it shows; a clip whose samples are all 0 shows none."""
        cancel = self.n_channels > 1 and self.kept < _CANCELLED / self.n_channels
        shows = {
            "channels_cancel": cancel,
            "dead_channels": self.n_dead > 0,
            "over_full_scale": self.peak > FAR_BEYOND,
            "near_silent_clips": self.peak > 0 and self.rms < NEAR_SILENCE and not cancel,
            "constant_offset": abs(self.offset) > max(OFFSET, self.rms),
        }
        return tuple(kind for kind in ODDITIES if shows[kind])

    def of_channels(self, before: "Levels") -> "Levels":
        """These levels, of a clip that was degraded, with what is known of the channels that it was made of (n_channels, and so on)."""
        return replace(self, n_channels=before.n_channels, n_dead=before.n_dead, kept=before.kept)


class Meter:
    """Sums over the blocks of a clip, over its first `n_frames` frames."""

    def __init__(self, n_channels: int, n_frames: float = math.inf):
        self.n_left = n_frames
        self.lowest, self.highest = np.full(n_channels, np.inf), np.full(n_channels, -np.inf)
        self.channels, self.mono, self.peak = Power(), Power(), 0.0

    def take(self, block: np.ndarray, mono: np.ndarray) -> None:
        """Add frames (n, n_channels), and what they become (n,)."""
        if self.n_left <= 0:
            return
        block, mono = block[: int(min(self.n_left, len(block)))], mono[: int(min(self.n_left, len(mono)))]
        self.n_left -= len(block)
        self.mono.add(mono)
        self.peak = max(self.peak, float(np.abs(mono).max(initial=0)))
        self.lowest = np.minimum(self.lowest, block.min(axis=0))
        self.highest = np.maximum(self.highest, block.max(axis=0))
        if block.shape[1] > 1:
            self.channels.add(block)

    def levels(self, mixed: bool) -> Levels:
        """What the clip is like; `mixed` is whether channels are averaged, so that they can cancel and dead ones weaken the others."""
        n_channels, n = len(self.lowest), max(1, self.mono.n)
        dead = self.lowest == self.highest
        power, before = float(self.mono.about_mean), float(np.mean(self.channels.about_mean))
        return Levels(
            peak=float(np.maximum(-self.lowest, self.highest).max()) if mixed else self.peak,
            n_channels=n_channels if mixed else 1,
            n_dead=int(dead.sum()) if mixed and not dead.all() else 0,
            kept=power / before if before > 0 else 1.0,
            offset=float(self.mono.total) / n,
            rms=math.sqrt(power / n),
        )

    def unheard(self, heard: np.ndarray, rate: float, sample_rate: float) -> float:
        """Share of the power about the mean, 0 to 1, that is gone at a lower rate.

        Args:
            heard: What the clip becomes there, (n_samples,), full scale 1.
            rate: Of the clip, as it is heard, in Hz.
            sample_rate: That it becomes, in Hz.
        """
        if sample_rate >= rate or self.mono.about_mean == 0:
            return 0.0
        after = Power()
        for first in range(0, len(heard), _STRETCH):
            after.add(heard[first : first + _STRETCH])
        return min(1.0, max(0.0, 1 - float(after.about_mean) / sample_rate / (float(self.mono.about_mean) / rate)))


class Power:
    """Sum, and sum of squares about the mean, of samples (n,), or of each of several channels (n, n_channels), that come in pieces."""

    def __init__(self) -> None:
        self.n = 0
        self.total: np.ndarray = np.zeros(())
        self.squares: np.ndarray = np.zeros(())

    def add(self, samples: np.ndarray) -> None:
        """Add samples (n,) or (n, n_channels)."""
        exact = samples.astype(np.float64)
        self.n += len(exact)
        self.total = self.total + exact.sum(axis=0)
        self.squares = self.squares + np.einsum("n...,n...->...", exact, exact)

    @property
    def about_mean(self) -> np.ndarray:
        """Sum of squares about the mean, () or (n_channels,), at least 0."""
        return np.maximum(0.0, self.squares - np.square(self.total) / max(1, self.n))
