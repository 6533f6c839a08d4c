"""Which colour a number has: from the 2nd to the 98th percentile, so that a few outliers do not leave all others one colour."""

from dataclasses import dataclass

import numpy as np

from evaluator.report import ticks
from evaluator.report.ticks import Tick

LOW_PERCENTILE, HIGH_PERCENTILE = 2, 98
COLOUR_MAP = "viridis"


@dataclass(frozen=True)
class ColourScale:
    """A scale of colours over numbers.

    low, high: Numbers at its ends; those beyond have the colours of the ends.
    logarithmic: Whether equal ratios are equally far apart on it.
    n_below, n_above: How many numbers lie beyond the ends.
    """

    low: float
    high: float
    logarithmic: bool
    n_below: int
    n_above: int

    @classmethod
    def of(cls, numbers: np.ndarray, logarithmic: bool) -> "ColourScale":
        """The scale of numbers (n_values,), NaN where not defined; above 0 where it is logarithmic.

        Percentiles lie between the two nearest numbers in proportion, on a logarithmic scale in proportion of logarithms.
        """
        defined = numbers[~np.isnan(numbers)]
        if not len(defined):
            return cls(1.0, 2.0, logarithmic, 0, 0)
        drawn = np.log(defined) if logarithmic else defined
        low, high = np.percentile(drawn, [LOW_PERCENTILE, HIGH_PERCENTILE]).tolist()
        if not low < high:
            low, high = float(drawn.min()), float(drawn.max())
        n_below, n_above = int((drawn < low).sum()), int((drawn > high).sum())
        if logarithmic:
            low, high = float(np.exp(low)), float(np.exp(high))
        return cls(low, high, logarithmic, n_below, n_above)

    def shares(self, numbers: np.ndarray) -> np.ndarray:
        """Where numbers (n_values,) lie between the ends, 0 to 1 each; beyond them 0 or 1, NaN stays NaN, a half where the ends are one."""
        drawn, low, high = numbers, self.low, self.high
        if self.logarithmic:
            drawn, low, high = np.log(numbers), np.log(low), np.log(high)
        if not low < high:
            return np.where(np.isnan(numbers), np.nan, 0.5)
        shares: np.ndarray = np.clip((drawn - low) / (high - low), 0, 1)
        return shares

    def ticks(self) -> list[Tick]:
        """Round numbers on it, or its only number."""
        if not self.low < self.high:
            return [Tick(0.5, self.low, f"{self.low:.4g}")]
        return ticks.logarithmic(self.low, self.high) if self.logarithmic else ticks.linear(self.low, self.high)

    def colours(self, numbers: np.ndarray) -> list[str]:
        """The colour of each number (n_values,), such as `#21918c`; "" for NaN."""
        from matplotlib import colormaps
        from matplotlib.colors import to_hex

        return ["" if np.isnan(share) else to_hex(colormaps[COLOUR_MAP](share)) for share in self.shares(numbers)]

    def told(self) -> str:
        """What the ends are, in a sentence; "" where nothing lies beyond them."""
        if not self.n_below + self.n_above:
            return ""
        return (
            f"From the {LOW_PERCENTILE}nd to the {HIGH_PERCENTILE}th percentile{', logarithmic' * self.logarithmic}: {self.n_below} "
            f"below and {self.n_above} above have the colours of the ends."
        )
