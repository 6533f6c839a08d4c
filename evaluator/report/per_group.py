"""Scores of each group of a test set: individual, speaker, site or recording."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from evaluator.report.per_class import has_one_label, percent
from evaluator.results import alike
from evaluator.results.result import Result
from evaluator.scoring.group_scores import group_measure, group_scores
from evaluator.scoring.metrics import METRICS
from evaluator.tables import HeadAndRows, TableCell

MIN_CLIPS_OF_GROUP = 5  # test clips: a group of one is right or wrong, which tells nothing of an individual or a site


def measure_of(result: Result) -> str:
    """Which metric the groups of a result are scored by (`group_scores.group_measure`); it is made of (n_clips, ...)."""
    return group_measure(result.metric, has_one_label(result))


def large_group_scores(result: Result) -> dict[str, tuple[int, float]]:
    """Of each group, in order of name: number of test clips, and score (`measure_of`), NaN where it is not defined.

    Clips of all folds, (n_clips,), count together. Left out are clips without a group and, but for files of events,
    groups of fewer than `MIN_CLIPS_OF_GROUP` clips; empty where fewer than two groups are left.
    """
    names = _large_groups(result)
    if len(names) < 2:
        return {}
    sizes = Counter(name for fold in result.test_groups for name in fold)
    scores = group_scores(alike.tested(result), result.test_groups, measure_of(result))
    return {name: (sizes[name], scores[name]) for name in names}


def _large_groups(result: Result) -> list[str]:
    """Names of the groups that are scored."""
    sizes = Counter(name for fold in result.test_groups for name in fold if name)
    minimum = 1 if METRICS[result.metric].of_events else MIN_CLIPS_OF_GROUP
    return sorted(name for name, size in sizes.items() if size >= minimum)


def n_small_groups(result: Result) -> int:
    """How many groups have too few test clips to be scored: the rest of those in `Result.test_groups`, (n_clips,) a fold."""
    return len({name for fold in result.test_groups for name in fold if name}) - len(_large_groups(result))


def group_rows(titles: Sequence[str], results: Sequence[Result]) -> HeadAndRows:
    """A row a group: name, test clips, and the score of each module (in % where the metric is); as `large_group_scores`.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task, (n_results,).
    """
    columns = [large_group_scores(result) for result in results]
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
        scores = np.array([score for _, score in large_group_scores(result).values()])
        scores = scores[~np.isnan(scores)]
        if len(scores) > 1:
            values = (scores.min(), np.median(scores), scores.max(), scores.std(ddof=1))
            rows.append([title, len(scores), *(_rounded(result, float(value)) for value in values)])
    return ["module", "groups", "lowest", "median", "highest", "standard deviation"], rows


def _rounded(result: Result, value: float) -> float | None:
    """A score of `measure_of` as a table shows it."""
    if METRICS[measure_of(result)].unit == "%":
        return percent(value)
    return None if np.isnan(value) else round(value, 3)
