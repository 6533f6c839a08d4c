"""Whether results are alike enough to be compared: the same test clips, labels, groups and metric, each score that of its predictions."""

from collections.abc import Sequence

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.results import naming
from evaluator.results.result import Result
from evaluator.scoring import intervals, metrics
from evaluator.scoring.units import Units, units_of

ROUNDING = (
    0.0005  # of a score from that of its predictions, which are kept in single precision: half a digit of what is shown
)
_ONE = {  # what to compare instead of results that differ in it
    "task": "compare results of one task",
    "metric": "compare results of one metric, such as those of one task under one protocol",
    "classes": "compare results of one task on the same data",
}


def units_in(result: Result) -> Units:
    """The units of sampling of a result, over the test clips (n_clips,) of all its folds."""
    return units_of(result.test_groups, result.test_clips)


def common_way(results: Sequence[Result]) -> str:
    """How folds make one score in all results, (n_results,); pooled, if they do not agree."""
    ways = {each.over_folds for each in results}
    return ways.pop() if len(ways) == 1 else intervals.POOLED


def tested(result: Result) -> list[tuple[np.ndarray, np.ndarray]]:
    """Targets (n_clips, ...) and probabilities (n_times, n_clips, ...) of each fold."""
    return list(zip(result.test_targets, result.test_probabilities, strict=True))


def titles(results: Sequence[Result]) -> list[str]:
    """What to call each result of one task, (n_results,), all different (`naming.titles`).

    Raises:
        UsageError: One is given twice.
    """
    names = naming.titles(results)
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name}: the same result is given twice")
    return names


def refuse_unlike(results: Sequence[Result]) -> None:
    """Refuse results that were not tested on the same clips.

    Targets (n_clips, n_classes) have to agree as well.

    Raises:
        UsageError: They differ in task, metric, folds, test clips or the groups of these.
    """
    first = results[0]
    for other in results[1:]:
        here, there = naming.titles([first, other])
        for what in ("task", "metric", "classes"):
            one, two = getattr(first, what), getattr(other, what)
            if one != two:
                raise UsageError(f"{here} and {there} differ in {what}: {one!r} and {two!r}; {_ONE[what]}")
        for number, fold in enumerate(first.folds):
            ours = first.test_clips[number]
            theirs = other.test_clips[number] if number < len(other.folds) else []
            strange = sorted(set(ours) ^ set(theirs))
            if ours != theirs or len(first.folds) != len(other.folds):
                raise UsageError(
                    f"{here} and {there} were not tested on the same clips in fold {fold.name}"
                    f"{f', {strange[0]} for one' if strange else ''}; run both on the same data in the same profile"
                )
            if first.test_groups[number] != other.test_groups[number]:
                alone = next(
                    (name for name, each in ((here, first), (there, other)) if not any(each.test_groups[number])), ""
                )
                what = f"{alone} knows no groups" if alone else f"{here} and {there} know other groups"
                raise UsageError(
                    f"{what} of the clips in fold {fold.name}, which are what an interval is over; run both on the same data"
                )
            # Of measures without training the second column is what chance gives, which may be the module's own.
            known = [
                each.test_targets[number][:, : 1 if metrics.METRICS[first.metric].of_measures else None]
                for each in (first, other)
            ]
            differing = np.flatnonzero((known[0] != known[1]).any(axis=1))
            if len(differing):
                raise UsageError(
                    f"{here} and {there} know other labels of {len(differing)} clips in fold {fold.name}, "
                    f"{ours[differing[0]]} for one; run both on the same data"
                )


def refuse_another_score(result: Result) -> float:
    """The score of the predictions; refuse a result that says another one, or an interval, curve or std that cannot be.

    Predictions are (n_times, n_clips, n_classes) for each fold; the score is in the metric's own range, NaN where it is not defined.

    Raises:
        EvaluationError: The sentence has both numbers, or the one that cannot be.
    """
    value = intervals.mean_score(tested(result), result.metric, result.over_folds)
    metric = metrics.METRICS[result.metric]
    if np.isnan(value) != np.isnan(result.score) or abs(value - result.score) > ROUNDING * max(1.0, abs(value)):
        stated = "none" if np.isnan(result.score) else f"{result.score:.4g}"
        raise EvaluationError(
            f"its {result.metric} is {stated}, but {value:.4g} by its predictions, as if one of them were edited; run it again"
        )
    ends = (result.ci_low, result.ci_high)
    if any(each < metric.low or each > metric.high for each in ends) or ends[0] > ends[1]:
        raise EvaluationError(
            f"its interval, {ends[0]:.4g} to {ends[1]:.4g}, cannot be of {result.metric}; run it again"
        )
    for point in result.curve:
        if point.score < metric.low or point.score > metric.high:
            raise EvaluationError(
                f"its curve has {point.score:.4g} at {point.name!r}, no {result.metric}; run it again"
            )
    if result.std is not None and not 0 <= result.std < np.inf:
        raise EvaluationError(f"its std is {result.std:.4g}, which cannot be; run it again")
    return value
