"""How sure a difference between two scores is, or several: its interval, its p value, and both corrected for being several.

The differences of what each group of clips changes have a variance of their own (`intervals.Estimate`); intervals and p values are
Student's t. Nothing is drawn at random.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluator.scoring.intervals import MIN_UNITS, Estimate, exact, quantile, spread

MIN_UNITS_FOR_P = 6  # exchanging the signs of 5 groups' differences gives p = 0.0625 at best
SURE = 0.05  # a difference whose corrected p is below it is called real
POWER = 2.8  # standard errors: a true difference as large is found in 80 % of tests (1.96 + 0.84)


@dataclass(frozen=True)
class Difference:
    """How far one score is above another on the same clips.

    value: The difference, in the unit of the score.
    low, high: Its interval; NaN with fewer than `MIN_UNITS` units.
    p: Chance of a difference as large if there were none, 0 to 1; NaN with fewer than `MIN_UNITS_FOR_P` units.
    error, freedom: Its standard error, and the degrees of freedom of that.
    n_units: Clips or groups.
    level: Of the interval, 0 to 1.
    limit: The largest difference that there can be, 1 for scores between 0 and 1; an interval ends there at most.
    """

    value: float
    low: float
    high: float
    p: float
    error: float
    freedom: float
    n_units: int
    level: float = 0.95
    limit: float = math.inf

    @property
    def detectable(self) -> float:
        """The smallest true difference, in the unit of the score, that would have been found in 80 % of such tests."""
        return POWER * self.error


def between(one: Estimate, other: Estimate, same_trainings: bool = False) -> Difference:
    """The difference of two scores of the same units: that of their changes has a variance of its own.

    p is never below what exchanging the signs of so few units' differences gives at best, 2^(1 - n); it decides only
    as far as the interval does, which excludes 0 exactly where p is below 0.05.

    Args:
        one, other: Of the same metric and units, (n_blocks,) changes each.
        same_trainings: Whether both are of the very same probes, training by training: then these add no more to the doubt than the
            difference varies from one to the next.
    """
    value, changes = float(exact(np.asarray(one.value - other.value))), exact(one.changes - other.changes)
    over_units = (one.factor * float(changes @ changes), one.freedom)
    if same_trainings:
        of_training = replace(one, by_training=one.by_training - other.by_training).variances_of_training
    else:
        of_training = [*one.variances_of_training, *other.variances_of_training]
    error, freedom = spread([over_units, *of_training])
    return difference(value, error, freedom, one.n_units, one.limit)


def difference(value: float, error: float, freedom: float, n_units: int, limit: float = math.inf) -> Difference:
    """A difference with its p value and its 95 % interval, from its standard error, the degrees of freedom of that, and the units.

    None is larger than `limit`, so that an interval that is cut there holds the target as often.
    """
    from scipy.special import stdtr

    p = float("nan")
    if n_units >= MIN_UNITS_FOR_P and not math.isnan(value + freedom + error):
        tail = 2 * stdtr(freedom, -abs(value) / error) if error > 0 else float(value == 0)
        p = min(1.0, max(float(tail), least_p(n_units)))
    return at_level(Difference(value, float("nan"), float("nan"), p, error, freedom, n_units, limit=limit), 0.95)


def least_p(n_units: int) -> float:
    """The smallest p that so many units can give: that of all their differences having one sign, 2^(1 - n)."""
    return 2.0 ** (1 - min(n_units, 1000))


def at_level(found: Difference, level: float) -> Difference:
    """The same difference with its interval at another level (0 to 1), which reaches 0 where p alone, being at its least, does."""
    low = high = float("nan")
    if found.n_units >= MIN_UNITS and not math.isnan(found.value + found.error + found.freedom):
        reach = quantile(found.freedom, level) * found.error if found.error > 0 else 0.0
        low, high = found.value - reach, found.value + reach
        if found.p > 1 - level:
            low, high = min(low, 0.0), max(high, 0.0)
        low, high = max(low, -found.limit), min(high, found.limit)
    return replace(found, low=low, high=high, level=level)


def cannot_tell(n_units: int, n_pairs: int = 1) -> bool:
    """Whether so few units cannot tell any difference, however large, among so many pairs (Holm)."""
    return n_units < MIN_UNITS_FOR_P or n_pairs * least_p(n_units) >= SURE


def holm(chances: Sequence[float]) -> list[float]:
    """p values corrected for being several, in their order: the chance that one of them at least is a false alarm.

    NaN stays NaN and counts as no comparison; (n_pairs,) in and out.

    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure.
    """
    p = np.array(chances, dtype=float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    if len(known):
        adjusted[order] = np.minimum(1, np.maximum.accumulate(np.arange(len(known), 0, -1) * p[order]))
    return adjusted.tolist()


def holm_levels(chances: Sequence[float]) -> list[float]:
    """The level of each difference's interval that agrees with Holm's verdict on it: 1 - 0.05 / (m - r), r p values being smaller.

    From the first on that is not significant, all have its level; (n_pairs,) in and out.
    """
    p = np.array(chances, dtype=float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    levels = np.full(len(p), 1 - SURE / max(len(known), 1))
    step = 0
    for rank, place in enumerate(order):
        if step == rank - 1 and p[order[rank - 1]] < SURE / (len(known) - rank + 1):
            step = rank
        levels[place] = 1 - SURE / (len(known) - step)
    return levels.tolist()
