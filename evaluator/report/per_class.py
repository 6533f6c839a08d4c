"""Scores of each class of a test set."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.report.drawing import shortened
from evaluator.results.result import Result
from evaluator.scoring import intervals
from evaluator.scoring.metrics import METRICS
from evaluator.scoring.ranking import average_precisions
from evaluator.scoring.units import units_of
from evaluator.tables import HeadAndRows

MAX_MODULES = 6  # below each other in a row of a drawing
_MAX_ROWS = 60  # classes that are drawn


def has_one_label(result: Result) -> bool:
    """Whether each clip has one label, so that there is a confusion matrix, (n_classes, n_classes)."""
    return result.confusion is not None


def class_measure(result: Result) -> str:
    """What `class_scores` is, in words; "" for tasks that have none."""
    if not METRICS[result.metric].by_class:
        return ""
    return "recall" if has_one_label(result) else "average precision"


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
        average_precisions(targets, one_training, np.zeros(len(targets), dtype=np.int64), 1).values
        for targets, probabilities in zip(result.test_targets, result.test_probabilities, strict=True)
        for one_training in intervals.repetitions(probabilities)
    ]
    known = ~np.isnan(values)
    n_known = known.sum(axis=0)
    return np.divide(np.nansum(values, axis=0), n_known, out=np.full(len(n_known), np.nan), where=n_known > 0)


def class_sizes(result: Result) -> np.ndarray:
    """Test clips of each class, all folds together, (n_classes,), int."""
    sizes: np.ndarray = sum(targets.sum(axis=0) for targets in result.test_targets).round().astype(int)
    return sizes


def class_rows(titles: Sequence[str], results: Sequence[Result]) -> HeadAndRows:
    """A row a class: its number from 1, name, test clips, and the score of each module in %, as `class_scores`.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task, (n_results,). None of a task of events has rows.
    """
    head = ["number", "class", "clips", *titles]
    if not results or not class_measure(results[0]):
        return head, []
    columns = [class_scores(result) for result in results]
    sizes = class_sizes(results[0])
    return head, [
        [number + 1, name, int(sizes[number]), *(percent(column[number]) for column in columns)]
        for number, name in enumerate(results[0].classes)
    ]


def percent(share: float) -> float | None:
    """A share (0 to 1) in %, to one decimal, as a table shows it; None for NaN."""
    return None if np.isnan(share) else round(100 * float(share), 1)


def class_intervals(result: Result, classes: np.ndarray) -> dict[int, tuple[float, float]]:
    """The 95 % interval of the recall of classes, 0 to 1, over groups or clips as that of the score; by number of the class.

    Without those that have none: classes with fewer than four groups, and all of a task of several labels a clip, whose average
    precisions are means over folds.

    Args:
        result: With its predictions.
        classes: Numbers from 0, (n_classes,).
    """
    if not has_one_label(result):
        return {}
    found = {}
    for number in classes.tolist():
        rows = [np.flatnonzero(fold.argmax(axis=1) == number) for fold in result.test_targets]
        kept = [n for n, each in enumerate(rows) if len(each)]
        if not kept:
            continue
        groups = [[result.test_groups[n][row] for row in rows[n]] for n in kept]
        clips = [[result.test_clips[n][row] for row in rows[n]] for n in kept]
        tested = [
            (result.test_targets[n][rows[n]], intervals.repetitions(result.test_probabilities[n])[:, rows[n]])
            for n in kept
        ]
        made = intervals.estimate(tested, "accuracy", units_of(groups, clips), intervals.POOLED)
        low, high = intervals.interval(made, "accuracy")
        if not np.isnan(low):
            found[number] = (low, high)
    return found


@dataclass(frozen=True)
class ClassLines:
    """What is drawn of classes, on the page and in the figure beside it: a row a class, a mark a module.

    names: With the number of test clips, (n_classes,).
    lines: Score and the ends of its interval in %, NaN for none, (n_classes, n_modules).
    which: `each class`, or which ones.
    """

    names: list[str]
    lines: list[list[tuple[float, float, float]]]
    which: str


def class_lines(results: Sequence[Result]) -> ClassLines:
    """Recall (or average precision) of each class with its interval; beyond 60 classes of the hardest; `results`, (n_modules,), of one task."""
    values = np.array([class_scores(each) for each in results])  # (n_modules, n_classes)
    picked = np.arange(values.shape[1])
    if len(picked) > _MAX_ROWS:
        means = np.nan_to_num(values, nan=2.0).mean(axis=0)  # those without clips last
        picked = np.sort(np.argsort(means, kind="stable")[:_MAX_ROWS])
    ends = [class_intervals(each, picked) for each in results]
    sizes, nothing = class_sizes(results[0]), (math.nan, math.nan)
    lines = [
        [(100 * values[row, n], *(100 * each for each in ends[row].get(n, nothing))) for row in range(len(results))]
        for n in picked.tolist()
    ]
    which = f"the {_MAX_ROWS} hardest of {values.shape[1]} classes" if len(picked) < values.shape[1] else "each class"
    return ClassLines([f"{shortened(results[0].classes[n], 40)} ({sizes[n]})" for n in picked], lines, which)
