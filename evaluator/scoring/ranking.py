"""How well one class is ranked above all else: average precision and area under the ROC curve, class by class.

Arguments are those of `metrics.py`: `targets` and `probabilities` (n_clips, n_classes), `counts` (n_clips, n_draws).
"""

import numpy as np


def average_precisions(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision of each class, (n_classes, n_draws); NaN for classes without clips.

    The mean, over the clips that have the label, of the share of such clips among all those that are ranked at least
    as high: scikit-learn's `average_precision_score`, ties included.
    """
    return np.stack(
        [average_precision_of(*columns, counts) for columns in zip(targets.T, probabilities.T, strict=True)]
    )


def average_precision_of(true: np.ndarray, probable: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision of one class, (n_draws,); true and probable are (n_clips,)."""
    order = np.argsort(-probable, kind="stable")
    ranking = -probable[order]  # ascends
    own = np.flatnonzero(true[order])  # places of the clips that have the label
    last = np.searchsorted(ranking, ranking[own], side="right") - 1  # the last place that is ranked as high
    last_own = np.searchsorted(ranking[own], ranking[own], side="right") - 1
    weights = counts[order[own]]  # (n_own, n_draws)
    n_above = counts[order].cumsum(axis=0)[last]
    precision = weights.cumsum(axis=0)[last_own] / np.maximum(n_above, 1)  # a draw may lack all clips so far
    return ratio((weights * precision).sum(axis=0), weights.sum(axis=0))


def areas(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each class, (n_classes, n_draws); NaN for classes that all counted clips have, or none.

    The area is the share of pairs of a clip with the label and one without in which the former is ranked higher, ties
    counting half: scikit-learn's `roc_auc_score`.
    """
    return np.stack([_area(*columns, counts) for columns in zip(targets.T, probabilities.T, strict=True)])


def _area(true: np.ndarray, probable: np.ndarray, counts: np.ndarray) -> np.ndarray:
    order = np.argsort(probable, kind="stable")
    ranking, has, weights = probable[order], true[order].astype(bool), counts[order]
    own = ranking[has]
    others = np.concatenate([np.zeros((1, counts.shape[1])), (weights * ~has[:, None]).cumsum(axis=0)])
    below = others[np.searchsorted(ranking, own, side="left")]
    up_to = others[np.searchsorted(ranking, own, side="right")]
    pairs = weights[has].sum(axis=0) * others[-1]
    return ratio((weights[has] * (below + up_to) / 2).sum(axis=0), pairs)


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where below is 0.

    Both have one shape, (n_classes, n_draws) or (n_draws,).
    """
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over classes, the first axis, of what is not NaN; NaN where all is.

    Values are (n_classes, n_draws), means (n_draws,).
    """
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=0), known.sum(axis=0))
