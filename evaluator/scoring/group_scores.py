"""The score of each group of a test set: individual, speaker, site or recording."""

from collections.abc import Sequence

import numpy as np

from evaluator.scoring.intervals import Tested, repetitions
from evaluator.scoring.metrics import METRICS


def group_measure(metric: str, one_label: bool) -> str:
    """Which metric groups of (n_clips,) are scored by: one that needs no clip of every class, which groups seldom have.

    Args:
        metric: Of the task.
        one_label: Whether each clip has one label.
    """
    if not METRICS[metric].by_class:
        return metric
    return "accuracy" if one_label else "map"


def group_scores(tested: Tested, groups: Sequence[Sequence[str]], measure: str) -> dict[str, float]:
    """The score of each named group, in order of name, mean over trainings; NaN where it is not defined.

    Clips of all folds count together.

    Args:
        tested: Targets (n_clips, n_classes) and probabilities (n_times, n_clips, n_classes) of each fold.
        groups: For each fold the group of each test clip, (n_clips,), "" for none.
        measure: Name of the score.
    """
    names = np.array([name for fold in groups for name in fold], dtype=object)
    folds = [repetitions(probabilities) for _, probabilities in tested]
    if len({len(fold) for fold in folds}) > 1:  # trained differently often: the mean of each
        folds = [fold.mean(axis=0, keepdims=True) for fold in folds]
    targets, probabilities = np.concatenate([true for true, _ in tested]), np.concatenate(folds, axis=1)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    return {
        name: float(np.mean([METRICS[measure].value(targets[rows[name]], each[rows[name]]) for each in probabilities]))
        for name in sorted(rows)
        if name
    }
