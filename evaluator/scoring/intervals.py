"""How sure a score is, and a difference between two: one standard error with its degrees of freedom says both.

The variance comes from leaving out each group of clips (`jackknife.py`), over all folds together, and from training several
times; intervals and p values are Student's t. Nothing is drawn at random.

The target of an interval is the expected score on new groups of the same kind, with this mix of classes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluator.scoring import jackknife
from evaluator.scoring.columns import Columns
from evaluator.scoring.metrics import METRICS, score
from evaluator.scoring.units import Units

MIN_UNITS = 4  # for an interval: with 3 it would be honest, but 66 points wide
MIN_UNITS_FOR_P = 6  # exchanging the signs of 5 groups' differences gives p = 0.0625 at best
SURE = 0.05  # a difference whose corrected p is below it is called real
ROUNDING = 1e-12  # of a score: differences below it are of floating point, not of answers
POWER = 2.8  # standard errors: a true difference as large is found in 80 % of tests (1.96 + 0.84)
POOLED, MEAN = "pooled", "mean"  # how folds make one score: all clips together, or the mean of the folds' scores

Tested = Sequence[tuple[np.ndarray, np.ndarray]]
"""Of each fold the targets (n_clips, ...) and probabilities (n_times, n_clips, ...) of its test clips."""


@dataclass(frozen=True)
class Estimate:
    """A score, and all that its doubt is made of: a difference is the difference of two of them.

    value: The score, mean over trainings.
    changes: How far each block of units moves it, (n_blocks,).
    bias: How far it lies above what more clips would give.
    factor: Of the sum of the squared changes, for the variance over units; NaN where it cannot be known.
    freedom: Degrees of freedom of that variance.
    n_units: Groups or clips.
    by_training: The score of each training, (n_times,).
    limit: How far two such scores can be apart at most; infinite for scores without bounds.
    """

    value: float
    changes: np.ndarray
    bias: float
    factor: float
    freedom: float
    n_units: int
    by_training: np.ndarray
    limit: float = math.inf

    @property
    def variances(self) -> list[tuple[float, float]]:
        """Variance and degrees of freedom, two of each at most: of changes (n_blocks,), and of several trainings (n_times,)."""
        over_units = (self.factor * float(self.changes @ self.changes), self.freedom)
        return [over_units, *self.variances_of_training]

    @property
    def variances_of_training(self) -> list[tuple[float, float]]:
        """Variance of the mean over trainings (n_times,), and its degrees of freedom; empty for one training."""
        n = len(self.by_training)
        if n < 2:
            return []
        alike = np.ptp(self.by_training) < ROUNDING
        return [(0.0 if alike else float(self.by_training.var(ddof=1)) / n, n - 1.0)]


def estimate(tested: Tested, metric: str, units: Units, over_folds: str) -> Estimate:
    """A score with its doubt.

    Several folds share training clips, so that the results of groups hang together: the variance over units is multiplied by
    1 + k / (2 (k - 1)) for k folds, half the correction of Nadeau & Bengio 2003 (simulated: bench/coverage.py).

    Args:
        tested: Targets (n_clips, n_classes) and probabilities (n_times, n_clips, n_classes) of each fold.
        metric: Name of the score.
        units: Of the clips of these folds.
        over_folds: `POOLED` or `MEAN`.

    Raises:
        EvaluationError: There is nothing to score, or probabilities are not finite.
    """
    by_training = scores_by_training(tested, metric, over_folds)
    every = [
        jackknife.influence(columns_of(tested, metric, units, over_folds, number)) for number in range(len(by_training))
    ]
    n_folds = len(tested)
    is_high = METRICS[metric].ranks and (over_folds == POOLED or n_folds == 1)  # the mean of folds is of folds as small
    shared = 1 + 0.5 * n_folds / (n_folds - 1) if n_folds > 1 else 1.0
    return Estimate(
        value=float(by_training.mean()),
        changes=_exact(np.mean([each.changes for each in every], axis=0)),
        bias=float(np.mean([each.bias for each in every])) if is_high else 0.0,
        factor=shared * every[0].factor,
        freedom=every[0].freedom,
        n_units=units.n,
        by_training=by_training,
        limit=METRICS[metric].high - METRICS[metric].low,
    )


def _exact(values: np.ndarray) -> np.ndarray:
    """The values (n,) without what is only rounding."""
    return np.where(np.abs(values) < ROUNDING, 0.0, values)


def columns_of(tested: Tested, metric: str, units: Units, over_folds: str, training: int = 0) -> Columns:
    """What a score of one training is the mean of: the metric's own columns, or, for the mean of folds, a column a fold.

    Arguments as in `estimate`; targets are (n_clips, n_classes).

    Args:
        training: Which of the trainings, from 0.
    """
    folds = [(true, repetitions(probabilities)[training]) for true, probabilities in tested]
    if over_folds == POOLED or len(folds) == 1:
        true, probabilities = (np.concatenate(part) for part in zip(*folds, strict=True))
        return METRICS[metric].columns(true, probabilities, np.concatenate(units.blocks), units.n_blocks)
    every = [
        METRICS[metric].columns(*fold, blocks, units.n_blocks) for fold, blocks in zip(folds, units.blocks, strict=True)
    ]
    return Columns(
        np.array([each.score for each in every]),
        np.stack([_score_without(each) for each in every], axis=1),
        np.stack([np.bincount(blocks, minlength=units.n_blocks) for blocks in units.blocks], axis=1),
    )


def _score_without(columns: Columns) -> np.ndarray:
    """A fold's score without each group, (n_groups,); NaN where nothing is left, and classes that are lost stay as they are."""
    known = columns.known()
    left = np.where(np.isnan(known.without), known.values, known.without).mean(axis=1) * known.share
    return np.where(np.isnan(known.without).all(axis=1), np.nan, left)


def scores_by_training(tested: Tested, metric: str, over_folds: str) -> np.ndarray:
    """The score of all folds in each training, (n_times,); arguments as in `estimate`, targets (n_clips, n_classes)."""
    times = range(n_trainings([probabilities for _, probabilities in tested]))
    every = [[(true, repetitions(probabilities)[n]) for true, probabilities in tested] for n in times]
    if over_folds == POOLED:
        pooled = [[tuple(np.concatenate(part) for part in zip(*folds, strict=True))] for folds in every]
        return np.array([score(metric, *folds[0]) for folds in pooled])
    return np.array([np.mean([score(metric, *fold) for fold in folds]) for folds in every])


def mean_score(tested: Tested, metric: str, over_folds: str) -> float:
    """The score of all folds, mean over trainings; targets are (n_clips, n_classes)."""
    return float(scores_by_training(tested, metric, over_folds).mean())


def spread(variances: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Standard error and degrees of freedom of a sum, from variance and degrees of (n_parts,) (Welch-Satterthwaite)."""
    total = sum(variance for variance, _ in variances)
    if not total > 0:
        return math.sqrt(total) if total == 0 else float("nan"), variances[0][1]
    return math.sqrt(total), total**2 / sum(variance**2 / freedom for variance, freedom in variances)


def interval(made: Estimate, metric: str, level: float = 0.95) -> tuple[float, float]:
    """The interval of a score; NaN at both ends where none would be honest.

    Between 0 and 1 it is made on the logit scale. Scores of ranked clips lie above those of endless clips when few have the
    label: the interval then reaches down to where it would be without that bias.

    Where all units score alike, as all right or all wrong, nothing shows how much others vary: up to a share of 1 - 0.05^(1/n) of all
    could be otherwise and yet be missing among n with a chance of 5 % (for many units 3 / n, the rule of three; Hanley &
    Lippman-Hand 1983), and score anything.

    Args:
        made: The score, with changes (n_blocks,).
        metric: Its name.
        level: Share of intervals that hold the target, 0 to 1.
    """
    kind = METRICS[metric]
    error, freedom = spread(made.variances)
    if made.n_units < MIN_UNITS or math.isnan(made.value) or math.isnan(freedom) or math.isnan(error):
        return float("nan"), float("nan")
    reach = _quantile(freedom, level) * error
    if error == 0:
        others = 1 - (1 - level) ** (1 / made.n_units)
        low, high = (_mixed(made.value, end, others, sign) for end, sign in ((kind.low, -1), (kind.high, 1)))
    elif (kind.low, kind.high) == (0.0, 1.0) and 0 < made.value < 1:
        middle = math.log(made.value / (1 - made.value))
        apart = reach / (made.value * (1 - made.value))
        low, high = (1 / (1 + math.exp(-min(max(each, -700), 700))) for each in (middle - apart, middle + apart))
    else:
        low, high = made.value - reach, made.value + reach
    low, high = min(low, low - made.bias), max(high, high - made.bias)
    return float(np.clip(low, kind.low, kind.high)), float(np.clip(high, kind.low, kind.high))


def _mixed(value: float, end: float, share: float, sign: int) -> float:
    """A score of which so large a share were at an end of its range; of a range without that end, the share in its own unit beside it."""
    return value + share * (end - value) if math.isfinite(end) else value + sign * share


def _quantile(freedom: float, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))


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
    value, changes = float(_exact(np.asarray(one.value - other.value))), _exact(one.changes - other.changes)
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
        reach = _quantile(found.freedom, level) * found.error if found.error > 0 else 0.0
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


def repetitions(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities with a leading axis for the times that probes were trained: (n_times, n_clips, n_classes)."""
    return probabilities[None] if probabilities.ndim == 2 else probabilities


def n_trainings(probabilities: Sequence[np.ndarray]) -> int:
    """How often probes were trained, over seeds and draws of few shots; of each fold its probabilities, as in `repetitions`.

    Probabilities are (n_times, n_clips, n_classes).
    """
    return min((len(repetitions(probabilities)) for probabilities in probabilities), default=1)
