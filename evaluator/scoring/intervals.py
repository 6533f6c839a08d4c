"""How sure a score is, as one standard error with its degrees of freedom says.

The variance comes from leaving out each group of clips (`jackknife.py`), over all folds together, and from training several
times; intervals are Student's t. Nothing is drawn at random.
How sure a difference between two scores is, `differences` says.

The target of an interval is the expected score on new groups of the same kind, with this mix of classes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.scoring import jackknife
from evaluator.scoring.columns import Columns
from evaluator.scoring.metrics import METRICS, score
from evaluator.scoring.units import Units

MIN_UNITS = 4  # for an interval: with 3 it would be honest, but 66 points wide
ROUNDING = 1e-12  # of a score: differences below it are of floating point, not of answers
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
        changes=exact(np.mean([each.changes for each in every], axis=0)),
        bias=float(np.mean([each.bias for each in every])) if is_high else 0.0,
        factor=shared * every[0].factor,
        freedom=every[0].freedom,
        n_units=units.n,
        by_training=by_training,
        limit=METRICS[metric].high - METRICS[metric].low,
    )


def exact(values: np.ndarray) -> np.ndarray:
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
    reach = quantile(freedom, level) * error
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


def quantile(freedom: float, level: float) -> float:
    """How many standard errors an interval of Student's t reaches to either side, at a level from 0 to 1."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))


def repetitions(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities with a leading axis for the times that probes were trained: (n_times, n_clips, n_classes)."""
    return probabilities[None] if probabilities.ndim == 2 else probabilities


def n_trainings(probabilities: Sequence[np.ndarray]) -> int:
    """How often probes were trained, over seeds and draws of few shots; of each fold its probabilities, as in `repetitions`.

    Probabilities are (n_times, n_clips, n_classes).
    """
    return min((len(repetitions(probabilities)) for probabilities in probabilities), default=1)
