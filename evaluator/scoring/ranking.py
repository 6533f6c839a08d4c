"""How well a class is ranked above all else: average precision and area under the ROC curve, class by class; and, clip by clip, how well its labels are.

`targets` and `probabilities` are (n_clips, n_classes), `groups` (n_clips,) as in `columns.py`. Nothing is ranked again to leave
a group out: for each probability that a clip with the label has, what each group adds to the counts above it is subtracted.
"""

import numpy as np

from evaluator.scoring.columns import Columns, ratio, ratios


def average_precisions(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Average precision of each class, a column each; NaN for classes without clips.

    The mean, over the clips that have the label, of the share of such clips among all those that are ranked at least
    as high: scikit-learn's `average_precision_score`, ties included.

    Args:
        targets, probabilities: (n_clips, n_classes).
        groups: (n_clips,).
        n_groups: How many groups there are.
    """
    every = [
        _average_precision(own > 0, probable, groups, n_groups)
        for own, probable in zip(targets.T, probabilities.T, strict=True)
    ]
    values, without, sizes = (np.stack(part, axis=-1) for part in zip(*every, strict=True))
    return Columns(values, without, sizes)


def _average_precision(
    own: np.ndarray, probable: np.ndarray, groups: np.ndarray, n_groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, values without each group (n_groups,), and clips with the label of each group (n_groups,)."""
    levels = np.unique(-probable[own])  # distinct probabilities of the clips with the label, the highest first
    shape = (len(levels), n_groups)
    first = np.searchsorted(
        levels, -probable, side="left"
    )  # the first level that the clip is ranked at least as high as
    counted = first < len(levels)
    cells = first[counted] * n_groups + groups[counted]
    n_above = np.bincount(cells, minlength=shape[0] * n_groups).reshape(shape).cumsum(axis=0)
    n_at = np.bincount(first[own] * n_groups + groups[own], minlength=shape[0] * n_groups).reshape(shape)
    n_own = n_at.cumsum(axis=0)
    sizes = n_at.sum(axis=0)
    every_at, every_own, every_above = (each.sum(axis=1, keepdims=True) for each in (n_at, n_own, n_above))
    whole = (every_at * every_own / every_above).sum()
    left = (every_at - n_at) * (every_own - n_own) / np.maximum(every_above - n_above, 1)
    total = np.array(sizes.sum())
    return ratio(np.asarray(whole), total), ratio(left.sum(axis=0), total - sizes), sizes


def areas(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> tuple[Columns, Columns]:
    """Area under the ROC curve of each class, and the number of pairs it is the share of; NaN and 0 where there is no pair.

    The area is the share of pairs of a clip with the label and one without in which the former is ranked higher, ties
    counting half: scikit-learn's `roc_auc_score`.

    Args:
        targets, probabilities: (n_clips, n_classes).
        groups: (n_clips,).
        n_groups: How many groups there are.
    """
    every = [
        _pairs(own > 0, probable, groups, n_groups) for own, probable in zip(targets.T, probabilities.T, strict=True)
    ]
    won, won_without, pairs, pairs_without, sizes = (np.stack(part, axis=-1) for part in zip(*every, strict=True))
    return (
        Columns(ratio(won, pairs), ratio(won_without, pairs_without), sizes),
        Columns(pairs, pairs_without, sizes),
    )


def _pairs(own: np.ndarray, probable: np.ndarray, groups: np.ndarray, n_groups: int) -> tuple[np.ndarray, ...]:
    """Pairs won and all pairs, both also without each group (n_groups,), and clips with the label of each group.

    Without a group: all pairs, less those whose one clip is of it, less those whose other is, plus those of which both are.
    """
    levels = np.unique(probable[own])
    n_levels, size = len(levels), (len(levels) + 1) * n_groups
    above = np.searchsorted(levels, probable[~own], side="right")  # levels below or equal to the clip without the label
    at = np.searchsorted(levels, probable[~own], side="left")
    others = groups[~own]
    # Half for the levels above the clip, half for those at or above it: a tie counts half.
    lost = np.bincount(above * n_groups + others, minlength=size) + np.bincount(at * n_groups + others, minlength=size)
    below = 0.5 * lost.reshape(n_levels + 1, n_groups).cumsum(axis=0)[:n_levels]  # (n_levels, n_groups)
    n_own = np.bincount(np.searchsorted(levels, probable[own]) * n_groups + groups[own], minlength=n_levels * n_groups)
    n_own = n_own.reshape(n_levels, n_groups)
    every_below, every_own = below.sum(axis=1), n_own.sum(axis=1)
    won = every_own @ every_below
    won_without = won - n_own.T @ every_below - every_own @ below + (n_own * below).sum(axis=0)
    sizes, n_others = n_own.sum(axis=0), np.bincount(others, minlength=n_groups)
    left = (sizes.sum() - sizes).astype(np.float64) * (n_others.sum() - n_others)
    return np.asarray(won), won_without, np.asarray(float(sizes.sum() * n_others.sum())), left, sizes


def label_ranking(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Label ranking average precision (LRAP), one column: the mean over clips of how purely their labels stand first.

    For each label of a clip, the share of its labels among all that are at least as probable, (n_classes,); 1 for a clip that has none or
    all of them: scikit-learn's `label_ranking_average_precision_score`.

    Args:
        targets, probabilities: (n_clips, n_classes).
        groups: (n_clips,).
        n_groups: How many groups there are.
    """
    values = np.ones((len(targets), 1))
    for clip, (own, probable) in enumerate(zip(targets > 0, probabilities, strict=True)):
        if own.any():
            above = probable >= probable[own][:, None]  # (n_labels of the clip, n_classes)
            values[clip] = (above[:, own].sum(axis=1) / above.sum(axis=1)).mean()
    return ratios(values, np.ones_like(values), groups, n_groups)
