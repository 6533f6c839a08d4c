"""Scores of each group of a test set: individual, speaker, site or recording."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from evaluator.report.per_class import has_one_label, percent
from evaluator.results.result import Result
from evaluator.scoring import intervals
from evaluator.scoring.metrics import METRICS
from evaluator.tables import HeadAndRows, TableCell

MIN_CLIPS_OF_GROUP = 5  # test clips: a group of one is right or wrong, which tells nothing of an individual or a site


def group_measure(result: Result) -> str:
    """Which metric groups are scored by: a group seldom has clips of every class, so it is one that needs none."""
    if METRICS[result.metric].of_events:
        return result.metric
    return "accuracy" if has_one_label(result) else "map"


def group_scores(result: Result) -> dict[str, tuple[int, float]]:
    """Of each group, in order of name: number of test clips, and score (`group_measure`), NaN where it is not defined.

    Clips of all folds, (n_clips,), count together. Left out are clips without a group and, but for files of events,
    groups of fewer than `MIN_CLIPS_OF_GROUP` clips; empty where fewer than two groups are left.
    """
    metric = METRICS[group_measure(result)]
    groups = np.array([name for fold in result.test_groups for name in fold])  # (n_clips,)
    names = _large_groups(result)
    if len(names) < 2:
        return {}
    folds = [intervals.repetitions(fold) for fold in result.test_probabilities]
    if len({len(fold) for fold in folds}) > 1:  # trained differently often: the mean of each
        folds = [fold.mean(axis=0, keepdims=True) for fold in folds]
    targets, probabilities = np.concatenate(result.test_targets), np.concatenate(folds, axis=1)
    scores = {}
    for name in names:
        own = groups == name
        values = [metric(targets[own], each[own], np.ones((own.sum(), 1)))[0] for each in probabilities]
        scores[name] = (int(own.sum()), float(np.mean(values)))
    return scores


def _large_groups(result: Result) -> list[str]:
    """Names of the groups that are scored."""
    sizes = Counter(name for fold in result.test_groups for name in fold if name)
    minimum = 1 if METRICS[result.metric].of_events else MIN_CLIPS_OF_GROUP
    return sorted(name for name, size in sizes.items() if size >= minimum)


def n_small_groups(result: Result) -> int:
    """How many groups have too few test clips to be scored: the rest of those in `Result.test_groups`, (n_clips,) a fold."""
    return len({name for fold in result.test_groups for name in fold if name}) - len(_large_groups(result))


def group_rows(titles: Sequence[str], results: Sequence[Result]) -> HeadAndRows:
    """A row a group: name, test clips, and the score of each module (in % where the metric is); as `group_scores`.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task, (n_results,).
    """
    columns = [group_scores(result) for result in results]
    rows: list[list[TableCell]] = []
    for name in sorted({name for column in columns for name in column}):
        size = max(column[name][0] for column in columns if name in column)
        scores = [column.get(name, (0, float("nan")))[1] for column in columns]
        rows.append([name, size, *map(_rounded, results, scores)])
    return ["group", "clips", *titles], rows


def group_summary_rows(titles: Sequence[str], results: Sequence[Result]) -> HeadAndRows:
    """A row a module: number of groups, and lowest, median, highest score and standard deviation over groups.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task, (n_results,). Those with fewer than two scored groups have no row.
    """
    rows: list[list[TableCell]] = []
    for title, result in zip(titles, results, strict=True):
        scores = np.array([score for _, score in group_scores(result).values()])
        scores = scores[~np.isnan(scores)]
        if len(scores) > 1:
            values = (scores.min(), np.median(scores), scores.max(), scores.std(ddof=1))
            rows.append([title, len(scores), *(_rounded(result, float(value)) for value in values)])
    return ["module", "groups", "lowest", "median", "highest", "standard deviation"], rows


def _rounded(result: Result, value: float) -> float | None:
    """A score of `group_measure` as a table shows it."""
    if METRICS[group_measure(result)].unit == "%":
        return percent(value)
    return None if np.isnan(value) else round(value, 3)
