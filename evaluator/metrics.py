"""Scores of probabilities against targets, each a pure function.

Throughout: `targets` (n_clips, n_classes) holds 1 where a clip has a label and 0 elsewhere, `probabilities` has the
same shape, and a score lies between 0 (worst) and 1 (best). Classes that no clip of the targets has are left out of
averages over classes, unless the function says otherwise. Ties in the prediction go to the first class.
"""

from collections.abc import Callable, Sequence

import numpy as np

from evaluator.errors import EvaluationError


def accuracy(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of clips, in [0, 1], whose most probable class is theirs."""
    return float(np.mean(targets.argmax(axis=1) == probabilities.argmax(axis=1)))


def recalls(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Share of each class's clips that are recognised, (n_classes,); NaN for classes without clips."""
    hits = targets * (targets.argmax(axis=1) == probabilities.argmax(axis=1))[:, None]
    n_clips = targets.sum(axis=0)
    return np.divide(hits.sum(axis=0), n_clips, out=np.full(len(n_clips), np.nan), where=n_clips > 0)


def uar(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Unweighted average recall, in [0, 1], over the classes that occur in the targets."""
    return float(np.nanmean(recalls(targets, probabilities)))


def uar_all_classes(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Unweighted average recall, in [0, 1], where a class without clips counts as recall 0 (torchmetrics 0.11)."""
    return float(np.nan_to_num(recalls(targets, probabilities)).mean())


def macro_f1(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over classes of the F1 score, in [0, 1], for classes that occur in the targets or are predicted."""
    true, predicted = targets.argmax(axis=1), probabilities.argmax(axis=1)
    counts = np.zeros((targets.shape[1], targets.shape[1]))
    np.add.at(counts, (true, predicted), 1)
    whole = counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * np.diag(counts)[whole > 0] / whole[whole > 0]))


def average_precisions(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Average precision of each class, (n_classes,), in [0, 1]; NaN for classes without clips."""
    from sklearn.metrics import average_precision_score

    return np.array(
        [
            average_precision_score(true, probable) if true.any() else np.nan
            for true, probable in zip(targets.T, probabilities.T, strict=True)
        ]
    )


def mean_average_precision(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Unweighted (macro) mean over classes of average precision, in [0, 1]."""
    return float(np.nanmean(average_precisions(targets, probabilities)))


def weighted_average_precision(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over classes of average precision, in [0, 1], each class weighted by its number of clips."""
    values, weights = average_precisions(targets, probabilities), targets.sum(axis=0)
    return float(np.average(values[weights > 0], weights=weights[weights > 0]))


# Name in task files -> score; the highest is best for all of them.
METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": accuracy,
    "uar": uar,
    "uar_all_classes": uar_all_classes,
    "macro_f1": macro_f1,
    "map": mean_average_precision,
    "weighted_map": weighted_average_precision,
}


def score(metric: str, targets: np.ndarray, probabilities: np.ndarray) -> float:
    """The score named `metric`, in [0, 1].

    Raises:
        EvaluationError: No clip to score, or probabilities that are not finite.
    """
    if not len(targets):
        raise EvaluationError(f"{metric}: there is no clip to score (targets have shape {targets.shape})")
    if not np.isfinite(probabilities).all():
        bad = int((~np.isfinite(probabilities)).any(axis=1).sum())
        raise EvaluationError(f"{metric}: the probe gives NaN or infinite probabilities for {bad} clips")
    return METRICS[metric](targets, probabilities)


def confusion(tested: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[list[int]]:
    """Counts over all folds: row = true class, column = predicted class, n_classes x n_classes."""
    n_classes = tested[0][0].shape[1]
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    for targets, probabilities in tested:
        np.add.at(counts, (targets.argmax(axis=1), probabilities.argmax(axis=1)), 1)
    return counts.tolist()
