"""Scores of parts of a test set: of each class, and of each group (individual, speaker, site, recording)."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluator.results.result import Result
from evaluator.scoring import intervals
from evaluator.scoring.metrics import METRICS, average_precisions

LEAST_OF_GROUP = 5  # test clips: a group of one is right or wrong, which tells nothing of an individual or a site
Rows = tuple[
    list[str], list[list[Any]]
]  # the head of a table and its rows: text, numbers, None for what is not defined


def single_label(result: Result) -> bool:
    """Whether each clip of the task has one label."""
    return result.confusion is not None


def class_measure(result: Result) -> str:
    """What `class_scores` is, in words; "" for tasks that have none."""
    if METRICS[result.metric].of_events:
        return ""
    return "recall" if single_label(result) else "average precision"


def class_scores(result: Result) -> np.ndarray:
    """Recall of each class, 0 to 1, (n_classes,), or average precision where clips have several labels; NaN without clips.

    Recall is of all folds' test clips together; average precision is the mean over folds and trainings, since
    probabilities of two probes make no common ranking.
    """
    if result.confusion is not None:
        counts = np.array(result.confusion, dtype=float)
        totals = counts.sum(axis=1)
        return np.divide(counts.diagonal(), totals, out=np.full(len(counts), np.nan), where=totals > 0)
    values = [
        average_precisions(true, each, np.ones((len(true), 1)))[:, 0]
        for true, said in zip(result.test_targets, result.test_probabilities, strict=True)
        for each in intervals.repetitions(said)
    ]
    known = ~np.isnan(values)
    n_known = known.sum(axis=0)
    return np.divide(np.nansum(values, axis=0), n_known, out=np.full(len(n_known), np.nan), where=n_known > 0)


def class_sizes(result: Result) -> np.ndarray:
    """Test clips of each class, all folds together, (n_classes,)."""
    sizes: np.ndarray = sum(true.sum(axis=0) for true in result.test_targets).round().astype(int)
    return sizes


def recall_rows(titles: Sequence[str], results: Sequence[Result]) -> Rows:
    """A row a class: its number from 1, name, test clips, and the score of each module in %, as `class_scores`.

    Args:
        titles: What each result is called.
        results: Of one task. None of a task of events has rows.
    """
    if not results or not class_measure(results[0]):
        return ["number", "class", "clips", *titles], []
    columns = [class_scores(result) for result in results]
    rows = [
        [number + 1, name, int(size), *(_percent(column[number]) for column in columns)]
        for number, (name, size) in enumerate(zip(results[0].classes, class_sizes(results[0]), strict=True))
    ]
    return ["number", "class", "clips", *titles], rows


def group_measure(result: Result) -> str:
    """Which metric groups are scored by: a group seldom has clips of every class, so it is one that needs none."""
    if METRICS[result.metric].of_events:
        return result.metric
    return "accuracy" if single_label(result) else "map"


def group_scores(result: Result) -> dict[str, tuple[int, float]]:
    """Of each group, in order of name: number of test clips, and score (`group_measure`), NaN where it is not defined.

    Clips of all folds count together. Left out are clips without a group and, but for files of events, groups of fewer than
    `LEAST_OF_GROUP` clips; empty where fewer than two are left.
    """
    metric = METRICS[group_measure(result)]
    groups = np.array([name for fold in result.test_groups for name in fold])
    names = _large_groups(result)
    if len(names) < 2:
        return {}
    said = [intervals.repetitions(fold) for fold in result.test_probabilities]
    if len({len(fold) for fold in said}) > 1:
        said = [fold.mean(axis=0, keepdims=True) for fold in said]
    targets, probabilities = np.concatenate(result.test_targets), np.concatenate(said, axis=1)
    found = {}
    for name in names:
        own = groups == name
        scores = [metric(targets[own], each[own], np.ones((own.sum(), 1)))[0] for each in probabilities]
        found[name] = (int(own.sum()), float(np.mean(scores)))
    return found


def _large_groups(result: Result) -> list[str]:
    """Names of the groups that are scored."""
    sizes = Counter(name for fold in result.test_groups for name in fold if name)
    least = 1 if METRICS[result.metric].of_events else LEAST_OF_GROUP
    return sorted(name for name, size in sizes.items() if size >= least)


def n_small_groups(result: Result) -> int:
    """How many groups have too few test clips to be scored."""
    return len({name for fold in result.test_groups for name in fold if name}) - len(_large_groups(result))


def group_rows(titles: Sequence[str], results: Sequence[Result]) -> Rows:
    """A row a group: name, test clips, and the score of each module (in % where the metric is); as `group_scores`."""
    columns = [group_scores(result) for result in results]
    names = sorted({name for column in columns for name in column})
    rows: list[list[Any]] = []
    for name in names:
        size = max(column[name][0] for column in columns if name in column)
        scores = [column.get(name, (0, float("nan")))[1] for column in columns]
        rows.append([name, size, *map(_shown, results, scores)])
    return ["group", "clips", *titles], rows


def spread_rows(titles: Sequence[str], results: Sequence[Result]) -> Rows:
    """A row a module: number of groups, and lowest, median, highest score and standard deviation over groups."""
    rows: list[list[Any]] = []
    for title, result in zip(titles, results, strict=True):
        scores = np.array([score for _, score in group_scores(result).values()])
        scores = scores[~np.isnan(scores)]
        if len(scores) > 1:
            said = (scores.min(), np.median(scores), scores.max(), scores.std(ddof=1))
            rows.append([title, len(scores), *(_shown(result, float(value)) for value in said)])
    return ["module", "groups", "lowest", "median", "highest", "standard deviation"], rows


def _shown(result: Result, value: float) -> float | None:
    if METRICS[group_measure(result)].unit == "%":
        return _percent(value)
    return None if np.isnan(value) else round(value, 3)


def _percent(value: float) -> float | None:
    return None if np.isnan(value) else round(100 * float(value), 1)
