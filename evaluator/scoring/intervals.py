"""How sure a score is, and a difference between two: bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.scoring.metrics import METRICS, score

LEAST_GROUPS = 10  # in a fold, to be drawn instead of clips: with fewer, the ends of an interval hang on single groups
DRAWS = 1000  # Efron & Tibshirani 1993, section 13.3: about 1000 for the ends of a percentile interval
TEST_DRAWS = (
    4 * DRAWS
)  # behind a p value, whose spread of the draws they tell to about 1 %, and p near 0.003 to a tenth of it
SURE = 0.05  # a difference whose corrected p is below it is called real
_VALUES = 4_000_000  # counts held at once (clips times draws)


def units(groups: Sequence[Sequence[str]]) -> list[np.ndarray] | None:
    """The groups to draw in each fold, if every test clip has one and every fold enough of them; else None.

    Groups of a fold come as (n_clips,) names.

    Args:
        groups: For each fold the group of each test clip, "" for none.
    """
    if all("" not in fold and len(set(fold)) >= LEAST_GROUPS for fold in groups):
        return [np.array(fold) for fold in groups]
    return None


def why_not(groups: Sequence[Sequence[str]]) -> str:
    """Why groups are not drawn although there are some, as the end of a sentence; empty if they are, or are not known."""
    if units(groups) is not None or not any(any(fold) for fold in groups):
        return ""
    fewest = min(len(set(fold) - {""}) for fold in groups)
    return f", since a fold has {fewest} groups only: new individuals may do worse than it says"


def bootstrap_interval(
    tested: Sequence[tuple[np.ndarray, np.ndarray]],
    metric: str,
    seed: int = 0,
    level: float = 0.95,
    groups: Sequence[np.ndarray] | None = None,
) -> tuple[float, float]:
    """Bootstrap interval of a score that is the mean over folds: percentiles of the draws, centred on the score.

    Test clips are drawn anew with replacement inside each fold, and so are the times that probes were trained, if there
    are several: the interval then tells the doubt from training too; with one training it cannot. Draws in which a fold has nothing
    to score are left out; both ends are NaN if that is all of them.

    Centring matters for average precision only, which a clip that is drawn twice raises: in simulated tasks of 150
    to 300 clips with rare labels, plain percentiles held the score of endless test clips 47 to 78 % of the time, and
    in a large random task not even the score itself; centred ones held it 82 to 90 %. For a mean over clips, such as
    accuracy, the two are the same.

    Args:
        tested: Targets and probabilities (n_clips, n_classes) of each fold's test clips; where probes were trained several
            times, probabilities (n_times, n_clips, n_classes), whose scores are averaged in each draw.
        metric: Name of the score.
        seed: Of the draws.
        level: Share of draws inside the interval, 0 to 1.
        groups: For each fold the group (individual, recording) of each clip, (n_clips,): whole groups are drawn
            then, because 20 calls of one animal are not 20 independent clips.

    Returns:
        Lower and upper end, in the unit of the score.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    means = draws(tested, metric, seed, groups)
    if np.isnan(means).all():
        return float("nan"), float("nan")
    value = mean_score(tested, metric)
    raised = np.nanmean(means) - value
    outside = (1 - level) / 2
    ends = np.nanquantile(means, [outside, 1 - outside]) - raised
    low, high = np.clip(ends, METRICS[metric].low, METRICS[metric].high)
    if low == high:  # all right or all wrong, so that every draw is: the rule of three (Hanley & Lippman-Hand 1983)
        reach = 3 / n_units(tested, groups)
        low, high = np.clip([value - reach, value + reach], METRICS[metric].low, METRICS[metric].high)
    return float(low), float(high)


@dataclass(frozen=True)
class Difference:
    """How far one score is above another on the same clips.

    value: The difference, in the unit of the score.
    low, high: Its 95 % interval.
    p: How often a difference as large would be drawn if there were none, 0 to 1.
    """

    value: float
    low: float
    high: float
    p: float


def difference(
    one: Sequence[tuple[np.ndarray, np.ndarray]],
    other: Sequence[tuple[np.ndarray, np.ndarray]],
    metric: str,
    seed: int = 0,
    groups: Sequence[np.ndarray] | None = None,
) -> Difference:
    """The paired bootstrap of a difference: both are scored on the very same draws of test clips.

    Targets are (n_clips, n_classes), probabilities (n_times, n_clips, n_classes).

    Args:
        one, other: Targets and probabilities of each fold's test clips, in the same order in both.
        metric: Name of the score.
        seed: Of the draws.
        groups: As in `bootstrap_interval`.

    Source: Efron & Tibshirani 1993, chapters 13 and 16: the interval is that of `bootstrap_interval`; p is that of `p_values`.
    """
    first, second = ((many_draws(each, metric, seed, groups), mean_score(each, metric)) for each in (one, other))
    return between(first, second, n_units(one, groups))


def between(one: tuple[np.ndarray, float], other: tuple[np.ndarray, float], n_units: int) -> Difference:
    """As `difference`, of two that were scored already: scores in the same draws, (n_draws,), and the score of each."""
    drawn, value = one[0] - other[0], one[1] - other[1]
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return Difference(value, float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(known - known.mean(), [0.025, 0.975]) + value
    (p,) = p_values(drawn[None], np.array([value]), n_units).tolist()
    return Difference(value, float(low), float(high), p)


def p_values(drawn: np.ndarray, values: np.ndarray, n_units: int) -> np.ndarray:
    """p of each of several differences, (n_pairs,): how often one as large would be drawn if there were none.

    The tail of a normal distribution whose variance is that of the draws and what the difference itself adds if there is
    none, value^2 / n_units, which for accuracies gives McNemar's statistic. The share of draws that lie as far out would be
    the same but for luck: of 1,000 draws three or four do where p is 0.0034, and a board of seven is decided there (Holm).
    Never below what flipping the signs of so few clips or groups could tell at best (2 / 2^n).

    Args:
        drawn: The differences in each draw, (n_pairs, n_draws); NaN where there was nothing to score. All NaN: p is NaN.
        values: The differences themselves, (n_pairs,).
        n_units: Clips or groups that were drawn from.

    Source: Efron & Tibshirani 1993, chapters 13 and 16 (the normal approximation); McNemar 1947.
    """
    from scipy.special import ndtr

    known = ~np.isnan(drawn)
    n_known = known.sum(axis=1)
    n = np.maximum(n_known, 1)
    around = drawn - (np.where(known, drawn, 0).sum(axis=1) / n)[:, None]
    variance = np.where(known, around**2, 0).sum(axis=1) / n + values**2 / n_units
    p = 2 * ndtr(-np.abs(values) / np.sqrt(np.where(variance > 0, variance, np.inf)))
    return np.where(n_known > 0, np.clip(p, 2 * 0.5**n_units, 1.0), np.nan)


def holm(chances: Sequence[float]) -> list[float]:
    """p values corrected for being several, in their order: the chance that one of them at least is a false alarm.

    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure.
    """
    order = np.argsort(chances, kind="stable")
    corrected = np.maximum.accumulate([(len(chances) - rank) * chances[index] for rank, index in enumerate(order)])
    adjusted = np.empty(len(chances))
    adjusted[order] = np.minimum(1.0, corrected)
    return adjusted.tolist()


def mean_score(tested: Sequence[tuple[np.ndarray, np.ndarray]], metric: str) -> float:
    """The score of all folds: the mean of theirs; targets and probabilities as in `bootstrap_interval`.

    Targets are (n_clips, n_classes), probabilities (n_times, n_clips, n_classes).
    """
    return float(np.mean([repeated_score(metric, *fold) for fold in tested]))


def repetitions(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities with a leading axis for the times that probes were trained: (n_times, n_clips, n_classes)."""
    return probabilities[None] if probabilities.ndim == 2 else probabilities


def n_trainings(probabilities: Sequence[np.ndarray]) -> int:
    """How often probes were trained, over seeds and draws of few shots; of each fold its probabilities, as in `repetitions`.

    Probabilities are (n_times, n_clips, n_classes).
    """
    return min((len(repetitions(probabilities)) for probabilities in probabilities), default=1)


def repeated_score(metric: str, targets: np.ndarray, probabilities: np.ndarray) -> float:
    """The score of one fold, the mean over the times that its probe was trained.

    Targets are (n_clips, n_classes), probabilities (n_times, n_clips, n_classes).
    """
    return float(np.mean([score(metric, targets, each) for each in repetitions(probabilities)]))


def n_units(tested: Sequence[tuple[np.ndarray, np.ndarray]], groups: Sequence[np.ndarray] | None) -> int:
    """How many test clips, or groups of them, are drawn from in all folds together.

    Targets are (n_clips, n_classes).
    """
    return sum(len(true) for true, _ in tested) if groups is None else sum(len(np.unique(fold)) for fold in groups)


def _training_draws(n_times: int, random: np.random.Generator) -> np.ndarray:
    """How much each of several trainings counts in each draw, (n_times, DRAWS), columns of sum 1.

    One fewer is drawn than there are, which makes the variance of the mean that of a sample (Rao & Wu 1988): with three or
    five trainings the difference is large.
    """
    if n_times == 1:
        return np.ones((1, DRAWS))
    drawn = random.integers(n_times, size=(n_times - 1, DRAWS))
    return np.stack([(drawn == number).mean(axis=0) for number in range(n_times)])


def draws(
    tested: Sequence[tuple[np.ndarray, np.ndarray]], metric: str, seed: int, groups: Sequence[np.ndarray] | None
) -> np.ndarray:
    """Mean over folds of the score in each draw, shape (DRAWS,); the same clips are drawn for the same seed and folds.

    Arguments as in `bootstrap_interval`.
    """
    return _drawn(tested, metric, np.random.default_rng(seed), np.random.default_rng((seed, 1)), groups)


def many_draws(
    tested: Sequence[tuple[np.ndarray, np.ndarray]], metric: str, seed: int, groups: Sequence[np.ndarray] | None
) -> np.ndarray:
    """As `draws`, but as many as differences are tested with, shape (TEST_DRAWS,); the first DRAWS are those of `draws`."""
    more = [
        _drawn(
            tested, metric, np.random.default_rng((seed, 0, number)), np.random.default_rng((seed, 1, number)), groups
        )
        for number in range(1, TEST_DRAWS // DRAWS)
    ]
    return np.concatenate([draws(tested, metric, seed, groups), *more])


def _drawn(
    tested: Sequence[tuple[np.ndarray, np.ndarray]],
    metric: str,
    random: np.random.Generator,
    again: np.random.Generator,
    groups: Sequence[np.ndarray] | None,
) -> np.ndarray:
    n_times = n_trainings([probabilities for _, probabilities in tested])
    times = _training_draws(n_times, again)  # the same in every fold: a training is one seed
    scores = [
        fold_draws(*fold, metric, random, None if groups is None else groups[number], times)
        for number, fold in enumerate(tested)
    ]
    return np.asarray(np.mean(scores, axis=0))


def fold_draws(
    targets: np.ndarray,
    probabilities: np.ndarray,
    metric: str,
    random: np.random.Generator,
    groups: np.ndarray | None = None,
    times: np.ndarray | None = None,
) -> np.ndarray:
    """Scores of one fold in each bootstrap draw, (DRAWS,); arguments as in `bootstrap_interval`.

    `times` (n_times, DRAWS) says how much each training counts in each draw; None for all the same.
    """
    units = np.arange(len(targets)) if groups is None else np.unique(groups, return_inverse=True)[1]
    at_once = max(1, _VALUES // len(targets))
    parts = []
    for first in range(0, DRAWS, at_once):
        counts = _unit_counts(units.max() + 1, min(at_once, DRAWS - first), random)[units]  # (n_clips, n_draws)
        each = np.array(
            [METRICS[metric](targets, probabilities, counts) for probabilities in repetitions(probabilities)]
        )
        weights = np.full(each.shape, 1 / len(each)) if times is None else times[:, first : first + at_once]
        parts.append((each * weights).sum(axis=0))
    return np.concatenate(parts)


def _unit_counts(n_units: int, n_draws: int, random: np.random.Generator) -> np.ndarray:
    """How often each unit comes when as many are drawn with replacement, (n_units, n_draws), float32."""
    drawn = random.integers(n_units, size=(n_units, n_draws)) * n_draws + np.arange(n_draws)
    counts = np.bincount(drawn.ravel(), minlength=n_units * n_draws)
    return counts.reshape(n_units, n_draws).astype(np.float32)
