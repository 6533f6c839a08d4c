"""Scores of probabilities against targets, each a pure function.

Throughout: `targets` (n_clips, n_classes) holds 1 where a clip has a label and 0 elsewhere; `probabilities` has the
same shape; `counts` (n_clips, n_draws) says how often each clip counts, so that a bootstrap is one call: each column
is one draw and gives one score. All ones in one column is the plain score, which `score` gives.

Scores lie between 0 (worst) and 1 (best). Classes that no counted clip has are left out of averages over classes,
unless the function says otherwise; a score with nothing to average is NaN. Ties in the prediction go to the first
class.
"""

from collections.abc import Callable, Sequence

import numpy as np

from evaluator.errors import EvaluationError


def accuracy(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of clips whose most probable class is theirs, (n_draws,)."""
    return recognised(targets, probabilities).sum(axis=1) @ counts / counts.sum(axis=0)


def recognised(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """1 at the class of each clip whose most probable class is its own, else 0; (n_clips, n_classes)."""
    return targets * (targets.argmax(axis=1) == probabilities.argmax(axis=1))[:, None]


def recalls(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of each class's clips that are recognised, (n_classes, n_draws); NaN for classes without clips."""
    return ratio(recognised(targets, probabilities).T @ counts, targets.T @ counts)


def uar(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall over the classes that occur in the targets, (n_draws,)."""
    return mean_of_known(recalls(targets, probabilities, counts))


def uar_all_classes(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall where a class without clips counts as recall 0 (torchmetrics 0.11), (n_draws,)."""
    return np.nan_to_num(recalls(targets, probabilities, counts)).mean(axis=0)


def macro_f1(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean F1 score of the classes that occur in the targets or are predicted, (n_draws,)."""
    predicted = np.eye(targets.shape[1])[probabilities.argmax(axis=1)]
    return mean_of_known(ratio(2 * recognised(targets, probabilities).T @ counts, (targets + predicted).T @ counts))


def average_precisions(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision of each class, (n_classes, n_draws); NaN for classes without clips.

    The mean, over the clips that have the label, of the share of such clips among all those that are ranked at least
    as high: scikit-learn's `average_precision_score`, ties included.
    """
    return np.stack([_average_precision(*columns, counts) for columns in zip(targets.T, probabilities.T, strict=True)])


def _average_precision(true: np.ndarray, probable: np.ndarray, counts: np.ndarray) -> np.ndarray:
    order = np.argsort(-probable, kind="stable")
    ranking = -probable[order]  # ascends
    own = np.flatnonzero(true[order])  # places of the clips that have the label
    last = np.searchsorted(ranking, ranking[own], side="right") - 1  # the last place that is ranked as high
    last_own = np.searchsorted(ranking[own], ranking[own], side="right") - 1
    weights = counts[order[own]]  # (n_own, n_draws)
    n_above = counts[order].cumsum(axis=0)[last]
    precision = weights.cumsum(axis=0)[last_own] / np.maximum(n_above, 1)  # a draw may lack all clips so far
    return ratio((weights * precision).sum(axis=0), weights.sum(axis=0))


def mean_average_precision(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Unweighted (macro) mean over classes of average precision, (n_draws,)."""
    return mean_of_known(average_precisions(targets, probabilities, counts))


def mean_average_precision_all_classes(
    targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Macro mean of average precision where a class without clips counts as 0, as in BEANS, (n_draws,)."""
    return np.nan_to_num(average_precisions(targets, probabilities, counts)).mean(axis=0)


def weighted_average_precision(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean over classes of average precision, each weighted by its number of clips, (n_draws,)."""
    values, sizes = average_precisions(targets, probabilities, counts), targets.T @ counts
    return ratio((np.nan_to_num(values) * sizes).sum(axis=0), sizes.sum(axis=0))


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where below is 0."""
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over classes, the first axis, of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=0), known.sum(axis=0))


# Name in task files -> score; the highest is best for all of them.
def average_precision(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision of the last class, which is the positive one of a binary task, (n_draws,)."""
    return _average_precision(targets[:, -1], probabilities[:, -1], counts)


def aucroc(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean over classes of the area under the ROC curve, (n_draws,).

    The area is the share of pairs of a clip with the label and one without in which the former is ranked higher, ties
    counting half: scikit-learn's `roc_auc_score`. Classes that all counted clips have, or none, are left out.
    """
    return mean_of_known(
        np.stack([_area(*columns, counts) for columns in zip(targets.T, probabilities.T, strict=True)])
    )


def _area(true: np.ndarray, probable: np.ndarray, counts: np.ndarray) -> np.ndarray:
    order = np.argsort(probable, kind="stable")
    ranking, has, weights = probable[order], true[order].astype(bool), counts[order]
    own = ranking[has]
    others = np.concatenate([np.zeros((1, counts.shape[1])), (weights * ~has[:, None]).cumsum(axis=0)])
    below = others[np.searchsorted(ranking, own, side="left")]
    up_to = others[np.searchsorted(ranking, own, side="right")]
    pairs = weights[has].sum(axis=0) * others[-1]
    return ratio((weights[has] * (below + up_to) / 2).sum(axis=0), pairs)


METRICS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "accuracy": accuracy,
    "uar": uar,
    "uar_all_classes": uar_all_classes,
    "macro_f1": macro_f1,
    "map": mean_average_precision,
    "map_all_classes": mean_average_precision_all_classes,
    "weighted_map": weighted_average_precision,
    "average_precision": average_precision,
    "aucroc": aucroc,
}


def score(metric: str, targets: np.ndarray, probabilities: np.ndarray) -> float:
    """The score named `metric`, in [0, 1], each clip counted once.

    Raises:
        EvaluationError: No clip to score, none that has a label, or probabilities that are not finite.
    """
    if not len(targets):
        raise EvaluationError(f"{metric}: there is no clip to score (targets have shape {targets.shape})")
    if not targets.any():
        raise EvaluationError(f"{metric}: none of the {len(targets)} clips to score has a label")
    if not np.isfinite(probabilities).all():
        bad = int((~np.isfinite(probabilities)).any(axis=1).sum())
        raise EvaluationError(f"{metric}: the probe gives NaN or infinite probabilities for {bad} clips")
    return float(METRICS[metric](targets, probabilities, np.ones((len(targets), 1)))[0])


def confusion(tested: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[list[int]]:
    """Counts over all folds: row = true class, column = predicted class, n_classes x n_classes."""
    n_classes = tested[0][0].shape[1]
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    for targets, probabilities in tested:
        np.add.at(counts, (targets.argmax(axis=1), probabilities.argmax(axis=1)), 1)
    return counts.tolist()
