"""From embeddings to two dimensions, and how much of their neighbourhoods survives.

Embeddings are centred, not standardised, and compared by Euclidean distance: scikit-learn's defaults, as the settings of
Ogg's maps are unknown. All is computed on one thread, so that a seed gives the same map on machines with few and many
cores; other versions of scikit-learn may give another.

Sources: t-SNE, van der Maaten & Hinton 2008, https://www.jmlr.org/papers/v9/vandermaaten08a.html; UMAP, McInnes et al.
2018, https://arxiv.org/abs/1802.03426; trustworthiness, Venna & Kaski 2001, as `sklearn.manifold.trustworthiness`.
"""

import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.errors import EvaluationError, UsageError

MAX_NEIGHBOURS = 10
UMAP_NEIGHBOURS, UMAP_MIN_DISTANCE = 15, 0.1  # umap-learn's defaults, spelt out so that they can be printed

MAX_FULL_SOLVER = (
    300  # clips or numbers an embedding, whichever is less; beyond that a full decomposition takes seconds
)


@dataclass(frozen=True)
class Projection:
    """Clips on a plane, as a method puts them: points (n_clips, 2), and its settings and figures by name."""

    points: np.ndarray
    facts: dict[str, Any]


def refuse_unfit(methods: Sequence[str], perplexity: float, n_clips: int) -> None:
    """Refuse methods and settings that do not fit so many clips, before these are embedded.

    Raises:
        UsageError: UMAP is has_value for and not installed, or the perplexity of t-SNE is not between 1 and `n_clips`.
    """
    if "umap" in methods and importlib.util.find_spec("umap") is None:
        raise UsageError("--method umap: its library is not installed; pip install umap-learn, or take tsne or pca")
    if "tsne" in methods and not 1 <= perplexity < n_clips:
        raise UsageError(
            f"--perplexity {perplexity:g}: t-SNE of {n_clips} clips takes 1 or more, and less than {n_clips}; a third "
            f"of them at most is sensible, such as --perplexity {max(1, min(30, n_clips // 4))}"
        )


def project(method: str, embeddings: np.ndarray, perplexity: float, seed: int) -> Projection:
    """Put clips on a plane.

    Args:
        method: One of `METHODS`.
        embeddings: As `centred` gives them, (n_clips, width).
        perplexity: Of t-SNE: about how many neighbours count; from 1 to less than n_clips.
        seed: Of all that is random.

    Returns:
        Points (n_clips, 2), with the method's settings and figures.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return METHODS[method](embeddings, perplexity, seed)


def centred(embeddings: np.ndarray, name: str) -> np.ndarray:
    """Embeddings without their mean, (n_clips, width, at least 2), float64; a missing second column is filled with zeros.

    Raises:
        EvaluationError: All clips have the same embedding; `name` says of which module.
    """
    wide = embeddings.astype(np.float64)
    if not np.ptp(wide, axis=0).any():
        raise EvaluationError(f"{name}: all {len(wide)} clips have the same embedding, so there is nothing to map")
    wide -= wide.mean(axis=0)
    return wide if wide.shape[1] > 1 else np.pad(wide, ((0, 0), (0, 1)))


def _pca(embeddings: np.ndarray, perplexity: float, seed: int) -> Projection:
    """The two directions of most variance; arguments as in `project`."""
    from sklearn.decomposition import PCA

    solver = "full" if min(embeddings.shape) <= MAX_FULL_SOLVER else "arpack"  # both exact, unlike its random one
    fitted = PCA(2, svd_solver=solver, random_state=seed)
    points = fitted.fit_transform(embeddings)
    return Projection(points, {"explained_variance": fitted.explained_variance_ratio_.tolist(), "standardised": False})


def _tsne(embeddings: np.ndarray, perplexity: float, seed: int) -> Projection:
    """t-SNE (Barnes-Hut) that starts from PCA, so that little depends on the seed; arguments as in `project`."""
    from sklearn.manifold import TSNE

    fitted = TSNE(2, perplexity=perplexity, random_state=seed, init="pca", n_jobs=1)
    points = fitted.fit_transform(embeddings)
    settings = {"perplexity": perplexity, "metric": "euclidean", "init": "pca", "standardised": False}
    numbers = {"learning_rate": float(fitted.learning_rate_), "n_iterations": int(fitted.n_iter_)}
    return Projection(points, {"kl_divergence": float(fitted.kl_divergence_), "seed": seed, **settings, **numbers})


def _umap(embeddings: np.ndarray, perplexity: float, seed: int) -> Projection:
    """UMAP with its library's defaults; arguments as in `project`."""
    from umap import UMAP

    n_neighbours = min(UMAP_NEIGHBOURS, len(embeddings) - 1)
    fitted = UMAP(n_neighbors=n_neighbours, min_dist=UMAP_MIN_DISTANCE, random_state=seed, n_jobs=1)
    points = fitted.fit_transform(embeddings)
    settings = {"n_neighbours": n_neighbours, "min_distance": UMAP_MIN_DISTANCE, "metric": "euclidean"}
    version = importlib.metadata.version("umap-learn")
    return Projection(points, {"seed": seed, **settings, "standardised": False, "umap_learn": version})


METHODS: Mapping[str, Callable[[np.ndarray, float, int], Projection]] = {"tsne": _tsne, "pca": _pca, "umap": _umap}
TITLES = {"tsne": "t-SNE", "pca": "PCA", "umap": "UMAP"}


def n_neighbours(n_clips: int) -> int:
    """How many neighbours are looked at: 10, or fewer where these would be half of the clips."""
    return min(MAX_NEIGHBOURS, (n_clips - 1) // 2)


def neighbours(points: np.ndarray) -> np.ndarray:
    """The nearest others of each point (n_clips, width), by Euclidean distance, (n_clips, n_neighbours), nearest first."""
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        index = NearestNeighbors(n_neighbors=n_neighbours(len(points)), n_jobs=1).fit(points)
        return np.asarray(index.kneighbors(return_distance=False))


def share_kept(before: np.ndarray, after: np.ndarray) -> float:
    """Share, 0 to 1, of the neighbours (n_clips, n_neighbours) in one space that are neighbours in the other too."""
    return float(np.mean([np.isin(row, other).mean() for row, other in zip(before, after, strict=True)]))


def trustworthiness(embeddings: np.ndarray, points: np.ndarray) -> float:
    """How few of a map's neighbours are far off in the embedding, 0 to 1: 1 where the map shows no false neighbour.

    Args:
        embeddings: (n_clips, width).
        points: The map, (n_clips, 2).
    """
    from sklearn import manifold
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return float(manifold.trustworthiness(embeddings, points, n_neighbors=n_neighbours(len(points))))


def agreement(neighbour_numbers: np.ndarray, values: np.ndarray) -> float:
    """Share, 0 to 1, of clips' neighbours that have the clips' own value; NaN where no clip has one.

    Args:
        neighbour_numbers: Numbers of each clip's neighbours, (n_clips, n_neighbours).
        values: Of each clip, text (n_clips,); "" for none, and such clips do not count.
    """
    has_value = values != ""
    return float((values[neighbour_numbers] == values[:, None])[has_value].mean()) if has_value.any() else float("nan")


def chance_agreement(values: np.ndarray) -> float:
    """What `agreement` would be on average if every other clip were as likely a neighbour, 0 to 1; values (n_clips,) as there."""
    has_value = values != ""
    _, value_numbers, counts = np.unique(values[has_value], return_inverse=True, return_counts=True)
    return float((counts[value_numbers] - 1).mean() / (len(values) - 1)) if has_value.any() else float("nan")
