"""Round numbers on an axis that is drawn without Matplotlib."""

from dataclasses import dataclass

import numpy as np

_OF_A_DECADE = (1, 2, 5)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where it lies, 0 to 1 from its low end, its value, and how that is written."""

    position: float
    value: float
    text: str


def linear(low: float, high: float, n_max: int = 5) -> list[Tick]:
    """Round numbers from `low` to `high`, at most about `n_max` steps, (n_ticks,)."""
    return [Tick((value - low) / max(high - low, 1e-300), value, f"{value:g}") for value in _round(low, high, n_max)]


def logarithmic(low: float, high: float, n_max: int = 5) -> list[Tick]:
    """1, 2 and 5 of each decade from `low` to `high`, both above 0, on a logarithmic axis, (n_ticks,).

    Only whole decades where there are many, other round numbers where there are fewer than two.
    """
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    values = [step * 10.0**decade for decade in decades for step in _OF_A_DECADE]
    inside = [value for value in values if low <= value <= high]
    if len(inside) > 2 * n_max:
        inside = [10.0**decade for decade in decades if low <= 10.0**decade <= high]
    if len(inside) < 2:
        inside = _round(low, high, n_max)
    width = max(float(np.log(high / low)), 1e-300)
    return [Tick(float(np.log(value / low)) / width, value, f"{value:g}") for value in inside]


def _round(low: float, high: float, n_max: int) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    values = np.asarray(MaxNLocator(n_max, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)).tolist()
    return [0.0 if abs(value) < 1e-9 * (high - low) else value for value in values if low <= value <= high]
