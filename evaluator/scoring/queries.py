"""Measures of embeddings without training: every clip is a query, and all others are ranked by their similarity to it.

Throughout: `similar` (n_clips, n_clips) is larger for more similar clips, `alike` (n_clips, n_clips) is true where two clips share a label,
`asked` (n_clips, n_clips) is true where a clip may be found for a query: never itself. A function gives a value for each query, (n_clips,), and
what a random order of the same clips would give on average; NaN for both where the query has no value.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

DISTANCES = ("cosine", "euclidean", "spearman")
DECIMALS = 12  # of a cosine or rank correlation: what differs by less is rounding, and counts as a tie
BLOCK_VALUES = 4_000_000  # similarities that are held at once (32 MB)


@dataclass(frozen=True)
class QueryValues:
    """A measure of every query, (n_clips,), and its mean over random orders; NaN for queries without a value."""

    values: np.ndarray
    by_chance: np.ndarray


def prepared(x: np.ndarray, distance: str) -> np.ndarray:
    """Features (n_clips, width) so that their products, or for `euclidean` they themselves, tell how similar clips are; float64."""
    x = np.asarray(x, np.float64)
    if distance == "spearman":
        from scipy.stats import rankdata

        x = rankdata(x, axis=1)
        x = x - x.mean(axis=1, keepdims=True)
    if distance == "euclidean":
        return x
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def similarities(x: np.ndarray, rows: slice, distance: str) -> np.ndarray:
    """Of some clips to all, (n_rows, n_clips): cosine, rank correlation, or the negative Euclidean distance.

    Args:
        x: What `prepared` gave, (n_clips, width).
        rows: Which clips.
        distance: One of `DISTANCES`.
    """
    if distance == "euclidean":
        squares = (x**2).sum(axis=1)
        return -np.sqrt(np.maximum(squares[rows, None] + squares - 2 * x[rows] @ x.T, 0))
    return np.round(x[rows] @ x.T, DECIMALS)


def blocks(n_clips: int) -> Iterator[slice]:
    """Stretches of clips whose similarities to all (n_clips,) fit into memory."""
    size = max(1, BLOCK_VALUES // max(1, n_clips))
    return (slice(first, min(first + size, n_clips)) for first in range(0, n_clips, size))


def roc_auc(similar: np.ndarray, alike: np.ndarray) -> tuple[float, float]:
    """Area under the ROC of one query's candidates (n_candidates,): the share of pairs in the right order, ties half.

    NaN where all are alike or none is.
    """
    n_alike = int(alike.sum())
    if n_alike in (0, len(alike)):
        return float("nan"), float("nan")
    others = np.sort(similar[~alike])
    own = similar[alike]
    won = np.searchsorted(others, own, side="left") + np.searchsorted(others, own, side="right")
    return float(won.sum() / (2 * n_alike * len(others))), 0.5


def average_precision(similar: np.ndarray, alike: np.ndarray) -> tuple[float, float]:
    """Average precision of one query's candidates (n_candidates,): scikit-learn's, equal similarities together.

    By chance: the exact mean over all orders, without ties.
    """
    n, n_alike = len(alike), int(alike.sum())
    if not n_alike:
        return float("nan"), float("nan")
    own, every = np.sort(similar[alike]), np.sort(similar)
    levels = own  # of each that is alike, those at least as similar
    n_own = n_alike - np.searchsorted(own, levels, side="left")
    n_every = n - np.searchsorted(every, levels, side="left")
    harmonic = float((1 / np.arange(1, n + 1)).sum())
    by_chance = 1.0 if n == 1 else (harmonic + (n_alike - 1) / (n - 1) * (n - harmonic)) / n
    return float((n_own / n_every).mean()), by_chance


def precision_at(k: int) -> Callable[[np.ndarray, np.ndarray], tuple[float, float]]:
    """The share of the k most similar candidates that are alike, of equally similar ones the first; those that are lacking count as wrong.

    It reads the similarities and which are alike of one query's candidates, (n_candidates,) each.
    """

    def precision(similar: np.ndarray, alike: np.ndarray) -> tuple[float, float]:
        if not len(alike):
            return 0.0, 0.0
        first = np.argsort(-similar, kind="stable")[:k]
        return float(alike[first].sum() / k), float(alike.mean() * min(k, len(alike)) / k)

    return precision


def r_precision(similar: np.ndarray, alike: np.ndarray) -> tuple[float, float]:
    """Precision at the number of candidates (n_candidates,) that are alike."""
    n_alike = int(alike.sum())
    return precision_at(n_alike)(similar, alike) if n_alike else (float("nan"), float("nan"))


OF_A_QUERY: dict[str, Callable[[np.ndarray, np.ndarray], tuple[float, float]]] = {
    "retrieval_auc": roc_auc,
    "retrieval_map": average_precision,
    "precision_at_1": precision_at(1),
    "precision_at_5": precision_at(5),
    "r_precision": r_precision,
}


def rank(
    x: np.ndarray, values: np.ndarray, apart: np.ndarray, distance: str, without_match: str, names: tuple[str, ...]
) -> dict[str, QueryValues]:
    """Measures of every clip as a query against all others.

    Args:
        x: Features, (n_clips, width).
        values: 1 where a clip has a label, (n_clips, n_classes); clips without any are found, and never asked with.
        apart: Numbers of what each clip is of, (n_clips, n_kinds), such as its recording and its group: clips that share one of them
            are not found for each other. Without a kind nothing but the clip itself is left out.
        distance: One of `DISTANCES`.
        without_match: What becomes of a query for which nothing alike may be found: `skip`, or `wrong` (precisions are 0).
        names: Of `OF_A_QUERY`.

    Source: earthspecies/avex, evaluation/retrieval.py (`skip`); VocSim, benchmarks/precision.py (`wrong`).
    """
    x, labels = prepared(x, distance), values > 0
    n = len(x)
    found = {name: np.full((2, n), np.nan) for name in names}
    for rows in blocks(n):
        similar = similarities(x, rows, distance)
        for row, own in zip(range(rows.start, rows.stop), similar, strict=True):
            asked, alike = _candidates(row, labels, apart)
            if not labels[row].any() or (without_match == "skip" and not alike.any()):
                continue
            for name in names:
                found[name][:, row] = OF_A_QUERY[name](own[asked], alike)
    return {name: QueryValues(both[0], both[1]) for name, both in found.items()}


def answered(name: str, values: np.ndarray, apart: np.ndarray, without_match: str) -> bool:
    """Whether `rank` would give any query a value of a measure, whatever the features: most often the first that is looked at has one.

    Args:
        name: One of `OF_A_QUERY`.
        values, apart, without_match: As those of `rank`, of (n_clips,) clips.
    """
    labels = values > 0
    for row in np.flatnonzero(labels.any(axis=1)).tolist():
        asked, alike = _candidates(row, labels, apart)
        if without_match == "skip" and not alike.any():
            continue
        if not np.isnan(OF_A_QUERY[name](np.zeros(int(asked.sum())), alike)[0]):
            return True
    return False


def _candidates(row: int, labels: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which clips (n_clips,) may be found for the one in a row, and which of these (n_asked,) share a label with it."""
    asked = ~(apart == apart[row]).any(axis=1)
    asked[row] = False
    return asked, (labels[asked] & labels[row]).any(axis=1)


@dataclass(frozen=True)
class Separation:
    """The global separation rate of VocSim and what permuted labels give.

    values: Of each clip, (n_clips,), 0 to 1; NaN for clips that are left out. Their mean is the rate.
    permuted: The rate for each permutation of the labels, (n_permutations,); NaN for one in which no clip has a value, as can be among
        few clips of few recordings. Such are left out, since the rate is of labels that give one.
    """

    values: np.ndarray
    permuted: np.ndarray

    @property
    def baseline(self) -> float:
        """Mean over permutations (n_permutations,); NaN if none has a rate."""
        return _mean_of_known(self.permuted)

    @property
    def p(self) -> float:
        """Chance of a rate as high if labels meant nothing: (1 + permutations as high) / (1 + permutations), (n_permutations,) of them."""
        n_known = int((~np.isnan(self.permuted)).sum())
        n_as_high = int((self.permuted >= _mean_of_known(self.values) - 1e-12).sum())
        return (1 + n_as_high) / (1 + n_known)


def separation(
    x: np.ndarray, classes: np.ndarray, apart: np.ndarray, distance: str, min_class_size: int, n_permutations: int
) -> Separation:
    """How much nearer clips of one class lie than the nearest stranger: of each clip (NID - AID) / (NID + AID), from -1 to 1 put on 0 to 1.

    NID is the distance to the nearest clip of another class, AID the mean distance to the others of its own.

    Args:
        x: Features, (n_clips, width).
        classes: Of each clip, (n_clips,), from 0; below 0 for clips without a label, which are left out.
        apart: See `rank`.
        distance: One of `DISTANCES`; cosines and correlations as (1 - r) / 2.
        min_class_size: Classes of fewer clips are left out.
        n_permutations: Of the labels, drawn with the seeds 0, 1, ... by numpy's RandomState; class sizes stay.

    Source: VocSim (arXiv 2512.10120), benchmarks/gsr.py and calculate_permutation_baseline.py; p counts the observed order too, so that it
    is never 0.
    """
    sizes = np.bincount(classes[classes >= 0], minlength=1)
    kept = np.flatnonzero((classes >= 0) & (sizes[np.maximum(classes, 0)] >= min_class_size))
    values = np.full(len(classes), np.nan)
    if not len(kept):
        return Separation(values, np.empty(0))
    x = prepared(x, distance)[kept]
    distances = np.concatenate([_as_distance(similarities(x, rows, distance), distance) for rows in blocks(len(x))])
    left_out = np.zeros((len(kept), len(kept)), bool)
    for kind in apart[kept].T:
        left_out |= kind[:, None] == kind
    np.fill_diagonal(left_out, True)
    labels = np.unique(classes[kept], return_inverse=True)[1]
    values[kept] = _rates(distances, left_out, labels)
    permuted = [
        _mean_of_known(_rates(distances, left_out, np.random.RandomState(seed).permutation(labels)))
        for seed in range(n_permutations if not np.isnan(values).all() else 0)
    ]
    return Separation(values, np.array(permuted))


def _mean_of_known(values: np.ndarray) -> float:
    """Mean of those of (n,) that are not NaN; NaN without any."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _as_distance(similar: np.ndarray, distance: str) -> np.ndarray:
    return -similar if distance == "euclidean" else (1 - similar) / 2


def _rates(distances: np.ndarray, left_out: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The separation of each clip, (n_clips,), on 0 to 1; NaN where nothing of its class, or nothing else, may be found."""
    own = labels[:, None] == labels
    among = own & ~left_out
    n_own = among.sum(axis=1)
    strangers = np.where(own | left_out, np.inf, distances).min(axis=1, initial=np.inf)
    known = (n_own > 0) & np.isfinite(strangers)
    mean = np.where(among, distances, 0).sum(axis=1) / np.maximum(n_own, 1)
    nearest = np.where(known, strangers, 0)
    return np.where(known, ((nearest - mean) / (nearest + mean + 1e-9) + 1) / 2, np.nan)
