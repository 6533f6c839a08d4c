"""L2-regularised logistic regression at its optimum, however weak the penalty.

C sum_i loss_i + |W|^2 / 2 is minimised over weights W (width, n_columns) and intercepts (n_columns,), which have no penalty:
scikit-learn's objective. Classes of which a clip has exactly one are a softmax, two of them one sigmoid, and labels of which a
clip may have several a sigmoid each, all in one problem. scipy's trust-region Newton method (`trust-ncg`: conjugate gradients,
so that no Hessian is stored) finds the minimum in float64; each fit of a grid begins where that of the next stronger penalty ended.

An optimum is proved, not hoped for: under a penalty P |W|^2 / 2, a function with gradient g is no further than |g| / P from its
minimum, and no more than |g|^2 / 2P above it (strong convexity; for intercepts their own curvature stands in for P, which is right
to first order). A fit has arrived when |g|^2 / 2P is within `TOLERANCE` of the penalty itself, for each label: weights are
then right to 1e-4 of their length, and the objective to better than 1e-8 of its value.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-8  # see above
_TRIES = 5  # a search is begun again where it stopped, if the proof is lacking there
_ROUNDED = 1e-15  # what rounding can make of the gradient of an intercept, a mean of numbers of up to 1
_NEWTON_RTOL = 1e-6  # of the last steps, relative to the gradient
_NEWTON_PRODUCTS = 5000  # of such a step with the Hessian, at most
_FIRST_RADIUS = 10.0  # of the trust region, for each column; it doubles while the model is good


@dataclass(frozen=True)
class Regression:
    """A fitted regression, from features (n_clips, width) to probabilities (n_clips, n_classes).

    Attributes:
        weights, intercepts: (width, n_columns) and (n_columns,).
        columns: The classes that have a column, (n_columns,).
        rest: Probabilities (n_classes,) of the classes without a column; others' are not used.
        softmax: Whether columns exclude each other.
        opposite: Where one column tells two classes apart, the one that has none; None elsewhere.
        arrived: Whether the objective is proved to be at its minimum.
    """

    weights: np.ndarray
    intercepts: np.ndarray
    columns: np.ndarray
    rest: np.ndarray
    softmax: bool
    opposite: int | None
    arrived: bool

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Of features (n_clips, width), as (n_clips, n_classes), 0 to 1."""
        from scipy.special import expit, softmax

        out = np.tile(self.rest, (len(x), 1))
        logits = x @ self.weights + self.intercepts
        out[:, self.columns] = softmax(logits, axis=1) if self.softmax else expit(logits)
        if self.opposite is not None:
            out[:, self.opposite] = expit(-logits[:, 0])
        return out


def fit_path(
    x: np.ndarray,
    targets: np.ndarray,
    labels: str,
    Cs: Sequence[float],
    max_iter: int,
    progress: Callable[[int], object] = lambda n: None,
) -> list[Regression]:
    """A regression for each strength of the penalty, in the order of `Cs`.

    A class that no training clip has gets probability 0, one that all have gets 1.

    Args:
        x: Features of the training clips, (n_clips, width), in any unit.
        targets: 0 or 1, (n_clips, n_classes).
        labels: `single` (each row has one 1) or `multi`.
        Cs: Inverses of the penalty, scikit-learn's unit, above 0.
        max_iter: Newton steps of a fit at most.
        progress: Called with 1 after each fit.
    """
    targets = np.asarray(targets, np.float64)
    share = targets.mean(axis=0)
    columns = np.flatnonzero((share > 0) & (share < 1))
    opposite = None
    if labels == "single" and len(columns) == 2:  # as scikit-learn: both columns of a softmax would halve the penalty
        opposite, columns = int(columns[0]), columns[1:]
    softmax = labels == "single" and len(columns) > 1
    span, y = _Span(x), targets[:, columns]
    start = np.log(share[columns]) if softmax else np.log(share[columns] / (1 - share[columns]))
    point = np.concatenate([np.zeros((span.x.shape[1], len(columns))), start[None]])  # the optimum without weights
    found: dict[int, Regression] = {}
    for number in sorted(range(len(Cs)), key=lambda each: Cs[each]):
        penalty = span.unit**-2 / (Cs[number] * len(x))
        point, arrived = minimum(span.x, y, softmax, penalty, point, max_iter) if len(columns) else (point, True)
        weights, intercepts = span.back(point)
        found[number] = Regression(weights, intercepts, columns, share, softmax, opposite, arrived)
        progress(1)
    return [found[number] for number in range(len(Cs))]


class _Span:
    """Centred features in as few dimensions as clips span.

    A penalised optimum lies in the span of the clips, so that nothing is lost (Hastie & Tibshirani 2004,
    https://doi.org/10.1093/biostatistics/kxh010). Centring only moves intercepts.

    Attributes:
        x: (n_clips, n_dimensions), float64, in a unit in which the mean square length of clips is 1, so that steps and
            tolerances do not depend on that of the features.
        unit: What they were divided by.
    """

    def __init__(self, x: np.ndarray):
        from scipy.linalg import qr

        self.mean = x.mean(axis=0, dtype=np.float64)
        self.x, self.basis = x - self.mean, None
        if x.shape[1] > len(x):
            self.basis, upper = qr(self.x.T, mode="economic", overwrite_a=True)
            self.x = np.ascontiguousarray(upper.T)
        self.unit = float(np.linalg.norm(self.x)) / len(x) ** 0.5 or 1.0
        self.x /= self.unit

    def back(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights (width, n_columns) and intercepts (n_columns,) for the features as they were given."""
        weights = point[:-1] / self.unit
        weights = weights if self.basis is None else self.basis @ weights
        return weights, point[-1] - self.mean @ weights


def minimum(
    x: np.ndarray, y: np.ndarray, softmax: bool, penalty: float, point: np.ndarray, max_iter: int
) -> tuple[np.ndarray, bool]:
    """Where mean loss + penalty |W|^2 / 2 is least, (width + 1, n_columns), and whether that is proved.

    Args:
        x: Features, (n_clips, width), float64, centred.
        y: Targets, 0 or 1, (n_clips, n_columns).
        softmax: Whether columns exclude each other.
        penalty: Above 0.
        point: Where to begin: weights, and intercepts in the last row, (width + 1, n_columns).
        max_iter: Newton steps at most.
    """
    from scipy.optimize import minimize

    objective = _Objective(x, y, softmax, penalty)
    for _ in range(_TRIES):
        if not objective.lacking(point).any():
            return point, True
        start = objective.rescale(point)
        found = minimize(
            objective.value,
            start,
            jac=objective.gradient,
            hessp=objective.product,
            method="trust-ncg",
            options={
                "gtol": objective.tolerable(),
                "maxiter": max_iter,
                "initial_trust_radius": _FIRST_RADIUS * y.shape[1] ** 0.5,
                "max_trust_radius": np.inf,
            },
        )
        point = _polished(objective, objective.point_at(found.x))
    return point, not objective.lacking(point).any()


def _polished(objective: "_Objective", point: np.ndarray) -> np.ndarray:
    """The point after a Newton step that asks the gradient alone, for each column to which it is good.

    A trust region ends where the objective no longer falls by more than its rounding, which is before strongly penalised weights
    and those of rare labels among common ones are known.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    if not objective.lacking(point).any():
        return point
    before, flat = objective.excess(point), objective.rescale(point)
    operator = LinearOperator((flat.size, flat.size), matvec=lambda v: objective.product(flat, v), dtype=flat.dtype)
    step, _ = cg(operator, -objective.gradient(flat), rtol=_NEWTON_RTOL, maxiter=_NEWTON_PRODUCTS)
    moved = objective.point_at(flat + step)
    return np.where(objective.excess(moved) < before, moved, point)


class _Objective:
    """Mean loss and penalty, its gradient and the products of its Hessian with vectors.

    Points are (width + 1, n_columns). Columns that do not exclude each other are problems of their own, whose sum is searched. Lest
    common labels drown the rare, each is divided by its value where the search began, and scipy sees its points in a unit in which
    curvatures are alike ("flat").

    Args: See `minimum`.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, softmax: bool, penalty: float):
        self.x, self.y, self.softmax, self.penalty = x, y, softmax, penalty
        self.scale = np.ones(1 if softmax else y.shape[1])
        self.point = np.full((0, 0), np.nan)

    def see(self, point: np.ndarray) -> None:
        """Bring losses (n_problems,) and probabilities (n_clips, n_columns) of a point into memory."""
        from scipy.special import expit, logsumexp

        if np.array_equal(self.point, point):
            return
        self.point = point
        logits = self.x @ point[:-1] + point[-1]
        if self.softmax:
            logits -= logsumexp(logits, axis=1, keepdims=True)
            self.loss = -np.vdot(logits, self.y)[None] / len(logits)
            self.p = np.exp(logits, out=logits)
        else:
            self.loss = (np.logaddexp(0, logits) - logits * self.y).mean(axis=0)
            self.p = expit(logits, out=logits)

    def values(self, point: np.ndarray) -> np.ndarray:
        """The objective of each problem, (n_problems,)."""
        self.see(point)
        return self.loss + self.penalty / 2 * self.by_problem(np.square(point[:-1]).sum(axis=0))

    def by_problem(self, of_columns: np.ndarray) -> np.ndarray:
        """Sums over the columns of each problem, (n_problems,)."""
        return of_columns.sum(keepdims=True) if self.softmax else of_columns

    def slopes(self, point: np.ndarray) -> np.ndarray:
        """Gradient of each problem, (width + 1, n_columns)."""
        self.see(point)
        return self.back(self.p - self.y, point)

    def back(self, residual: np.ndarray, point: np.ndarray) -> np.ndarray:
        """What residuals (n_clips, n_columns) and the penalty make of weights and intercepts, (width + 1, n_columns)."""
        residual /= len(residual)
        return np.concatenate([self.x.T @ residual + self.penalty * point[:-1], residual.sum(axis=0, keepdims=True)])

    def curvature(self) -> np.ndarray:
        """Of the intercepts at the point in memory, (n_columns,)."""
        return np.maximum((self.p * (1 - self.p)).mean(axis=0), np.finfo(float).tiny)

    def excess(self, point: np.ndarray) -> np.ndarray:
        """How much each problem can be above its minimum at most, (n_problems,)."""
        slopes = self.slopes(point)
        of_intercepts = np.maximum(np.abs(slopes[-1]) - _ROUNDED, 0) ** 2 / self.curvature()
        return self.by_problem(np.square(slopes[:-1]).sum(axis=0) / self.penalty + of_intercepts) / 2

    def lacking(self, point: np.ndarray) -> np.ndarray:
        """Which problems are not proved to be at their minimum, (n_problems,), bool."""
        values = self.values(point)
        unseen = np.finfo(float).eps ** 2 * values  # weights of less penalty change no probability in float64
        return ~(self.excess(point) <= np.maximum(TOLERANCE * (values - self.loss), unseen))

    def rescale(self, point: np.ndarray) -> np.ndarray:
        """Begin anew at a point, and give it as scipy sees it."""
        self.scale = self.values(point)
        curvature = self.curvature()
        self.flat_unit = np.ones_like(point)
        if not self.softmax:
            self.flat_unit *= np.sqrt(self.scale / curvature)
        self.flat_unit[:-1] /= np.sqrt(1 + self.penalty / curvature)
        return (point / self.flat_unit).ravel()

    def point_at(self, flat: np.ndarray) -> np.ndarray:
        """A point as scipy sees it, (width + 1, n_columns) again."""
        return flat.reshape(self.flat_unit.shape) * self.flat_unit

    def tolerable(self) -> float:
        """The norm of scipy's gradient at which every problem is within `TOLERANCE` of its value where the search began."""
        of_weights = self.flat_unit[0] ** 2 * self.penalty
        of_intercepts = self.flat_unit[-1] ** 2 * self.curvature()
        return float(np.sqrt(TOLERANCE * (np.minimum(of_weights, of_intercepts) / self.scale).min()))

    def value(self, flat: np.ndarray) -> float:
        """For scipy: the sum of the scaled problems."""
        return float((self.values(self.point_at(flat)) / self.scale).sum())

    def gradient(self, flat: np.ndarray) -> np.ndarray:
        """For scipy: of `value`."""
        return (self.slopes(self.point_at(flat)) * (self.flat_unit / self.scale)).ravel()

    def product(self, flat: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """For scipy: the Hessian of `value` times a vector."""
        self.see(self.point_at(flat))
        along = self.point_at(vector)
        change = self.x @ along[:-1] + along[-1]
        if self.softmax:
            change -= (self.p * change).sum(axis=1, keepdims=True)
            change *= self.p
        else:
            change *= self.p * (1 - self.p)
        return (self.back(change, along) * (self.flat_unit / self.scale)).ravel()
