"""How well clusters agree with labels. Rows are clips: `targets` (n_clips, 1) holds the number of a clip's class, -1 for none, `probabilities`
(n_clips, 1) that of its cluster; `groups` as in `columns.py`. Each is of one column, and of the counts of classes in clusters alone, from which
those of a group are subtracted to leave it out.
"""

from collections.abc import Callable

import numpy as np

from evaluator.scoring.columns import Columns

_NOTHING = 1e-12  # nats: what rounding leaves of a difference of entropies that is 0

Agreement = Callable[[np.ndarray], float]
"""From counts (n_classes, n_clusters) to a score."""


def of_counts(
    agreement: Agreement, targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int
) -> Columns:
    """An agreement of all clips (n_clips,), and with each group left out."""
    known = targets[:, 0] >= 0
    classes, clusters = targets[known, 0].astype(np.int64), probabilities[known, 0].astype(np.int64)
    shape = (n_groups, int(classes.max(initial=0)) + 1, int(clusters.max(initial=0)) + 1)
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, (groups[known], classes, clusters), 1)
    whole, sizes = counts.sum(axis=0), counts.sum(axis=(1, 2))
    without = [agreement(whole - each) for each in counts] if n_groups > 1 else [float("nan")]
    return Columns(np.array([agreement(whole)]), np.array(without)[:, None], sizes[:, None].astype(float))


def v_measure(counts: np.ndarray) -> float:
    """Harmonic mean of homogeneity and completeness of (n_classes, n_clusters), which is mutual information over mean entropy.

    NaN for clips of one class, or none.

    Source: Rosenberg & Hirschberg 2007; scikit-learn's v_measure_score and, the same number, normalized_mutual_info_score.
    """
    if _n_classes(counts) < 2:
        return float("nan")
    own, found = _entropy(counts.sum(axis=1)), _entropy(counts.sum(axis=0))
    return max(0.0, 2 * _information(counts) / (own + found))


def adjusted_information(counts: np.ndarray) -> float:
    """Mutual information of (n_classes, n_clusters) less what permuted labels have, over the mean entropy less the same; NaN for one class.

    0 for clips that each have a class and a cluster of their own: any labels would agree as much (0 / 0, where scikit-learn says 1).

    Source: Vinh, Epps & Bailey 2010; scikit-learn's adjusted_mutual_info_score.
    """
    from sklearn.metrics.cluster import expected_mutual_information

    if _n_classes(counts) < 2:
        return float("nan")
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if counts.shape[1] == 1:
        return 0.0
    expected = float(expected_mutual_information(counts, int(counts.sum())))
    below = (_entropy(counts.sum(axis=1)) + _entropy(counts.sum(axis=0))) / 2 - expected
    return float((_information(counts) - expected) / below) if abs(below) > _NOTHING else 0.0


def adjusted_rand(counts: np.ndarray) -> float:
    """Share of pairs of clips that are together in both or in neither, of (n_classes, n_clusters), less what permuted labels have; NaN for one class.

    0 for clips that each have a class and a cluster of their own, as `adjusted_information`.

    Source: Hubert & Arabie 1985; scikit-learn's adjusted_rand_score.
    """
    if _n_classes(counts) < 2:
        return float("nan")
    pairs, own, found = (
        float((each * (each - 1) / 2).sum()) for each in (counts, counts.sum(axis=1), counts.sum(axis=0))
    )
    n = int(counts.sum())
    expected = own * found / (n * (n - 1) / 2)
    below = (own + found) / 2 - expected
    return (pairs - expected) / below if below else 0.0


def _n_classes(counts: np.ndarray) -> int:
    return int((counts.sum(axis=1) > 0).sum())


def _entropy(sizes: np.ndarray) -> float:
    """Of a partition with parts of these sizes, (n_parts,), in nats."""
    shares = sizes[sizes > 0] / sizes.sum()
    return float(-(shares * np.log(shares)).sum())


def _information(counts: np.ndarray) -> float:
    """Mutual information of two partitions by their counts (n_classes, n_clusters), in nats."""
    own, found, n = counts.sum(axis=1, keepdims=True), counts.sum(axis=0, keepdims=True), counts.sum()
    there = counts > 0
    expected = (own * found)[there]
    return float((counts[there] / n * np.log(counts[there] * n / expected)).sum())
