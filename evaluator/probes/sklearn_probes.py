"""Judges without training epochs: logistic regression and nearest neighbours, by scikit-learn.

Each has one setting, which is chosen by the task's metric on the validation clips; of equal scores the first wins. Both
are deterministic: a job's seed plays no part.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from evaluator.embedding.matrix import Matrix, moments
from evaluator.probes.network import ProbeJob, ProbeOutcome
from evaluator.probes.settings import Logistic, Neighbours
from evaluator.scoring import metrics
from evaluator.scoring.targets import Targets

_LEAST_DEVIATION = 1e-10  # of a feature; below it, the feature says nothing and becomes 0

Predict = Callable[[np.ndarray], np.ndarray]


def logistic(
    jobs: Sequence[ProbeJob],
    matrices: Sequence[Matrix],
    targets: Targets,
    settings: Logistic,
    standardise: bool = True,
    progress: Callable[[int], object] = lambda n: None,
) -> list[ProbeOutcome]:
    """What logistic regression says, its strength chosen on validation; arguments as those of `probe.train`.

    A class that no training clip has gets probability 0.
    """

    def fits(job: ProbeJob) -> list[tuple[str, Callable[[], Predict]]]:
        x = standardised(matrices[job.features[0]], job.train, standardise)
        ready, true = x(job.train), targets.values[job.train]

        def fit(strength: float) -> Predict:
            said = regression(ready, true, targets.labels, strength, settings.max_iter)
            return lambda rows: said(x(rows))

        return [(f"C = {strength:g}", partial(fit, strength)) for strength in settings.Cs]

    return [_chosen(job, fits(job), targets, progress) for job in jobs]


def neighbours(
    jobs: Sequence[ProbeJob],
    matrices: Sequence[Matrix],
    targets: Targets,
    settings: Neighbours,
    standardise: bool = False,
    progress: Callable[[int], object] = lambda n: None,
) -> list[ProbeOutcome]:
    """The share of each label among the nearest training clips by cosine; arguments as those of `probe.train`."""
    from sklearn.neighbors import KNeighborsRegressor

    def fits(job: ProbeJob) -> list[tuple[str, Callable[[], Predict]]]:
        x = standardised(matrices[job.features[0]], job.train, standardise)
        ready, true = x(job.train), targets.values[job.train]

        def fit(number: int) -> Predict:
            # In float64, since squares of large features overflow in float32.
            model = KNeighborsRegressor(number, metric="cosine", algorithm="brute").fit(ready.astype(np.float64), true)
            return lambda rows: model.predict(x(rows).astype(np.float64)).reshape(len(rows), -1)

        usable = [number for number in settings.n_neighbors if number <= len(job.train)] or [len(job.train)]
        return [(f"{number} neighbours", partial(fit, number)) for number in usable]

    return [_chosen(job, fits(job), targets, progress) for job in jobs]


def standardised(matrix: Matrix, train: np.ndarray, wanted: bool) -> Callable[[np.ndarray], np.ndarray]:
    """A function from rows (n,) to features (n, width), which have mean 0 and deviation 1 over the training rows.

    Args:
        matrix: The features.
        train: Training rows.
        wanted: Whether they are changed at all. A feature that hardly differs between training clips becomes 0.
    """
    if not wanted:
        return matrix.take
    mean, deviation = moments(matrix, train)
    deviation = deviation * ((len(train) - 1) / len(train)) ** 0.5  # of the clips themselves, as scikit-learn's scaler
    scale = np.where(deviation > _LEAST_DEVIATION, 1 / np.maximum(deviation, _LEAST_DEVIATION), 0)
    return lambda rows: ((matrix.take(rows) - mean) * scale).astype(np.float32)


def _chosen(
    job: ProbeJob,
    fits: Sequence[tuple[str, Callable[[], Predict]]],
    targets: Targets,
    progress: Callable[[int], object],
) -> ProbeOutcome:
    """The outcome with the best validation score; without labelled validation clips, that of the middle setting."""
    values = targets.values
    if not values[job.valid].any():
        fits = [fits[len(fits) // 2]]
    best: tuple[float | None, str, np.ndarray, Predict] | None = None
    for name, fit in fits:
        predict = fit()
        valid = predict(job.valid).astype(np.float32) if len(job.valid) else np.zeros((0, values.shape[1]), np.float32)
        score = targets.score(job.valid, valid)[0] if values[job.valid].any() else None
        known = -math.inf if best is None or best[0] is None else metrics.signed(targets.metric, best[0])
        if best is None or (score is not None and metrics.signed(targets.metric, score) > known):
            best = (score, name, valid, predict)
        progress(1)
    score, name, valid, predict = best  # type: ignore[misc]  # there is at least one setting
    return ProbeOutcome(predict(job.test).astype(np.float32), valid, 0, score, chosen=name)


def regression(x: np.ndarray, targets: np.ndarray, labels: str, strength: float, most: int) -> Predict:
    """Fitted regressions as one function from features to probabilities (n_clips, n_classes)."""
    if labels == "single":
        classes, known = np.unique(targets.argmax(axis=1), return_inverse=True)
        model = _fitted(x, known, strength, most)

        def single(rows: np.ndarray) -> np.ndarray:
            said = np.zeros((len(rows), targets.shape[1]))
            said[:, classes] = 1.0 if model is None else model.predict_proba(rows)
            return said

        return single
    models = [_fitted(x, column.astype(int), strength, most) for column in targets.T]

    def multi(rows: np.ndarray) -> np.ndarray:
        constant = targets.mean(axis=0)  # of labels that all training clips have, or none
        columns = [
            np.full(len(rows), share) if model is None else model.predict_proba(rows)[:, 1]
            for model, share in zip(models, constant, strict=True)
        ]
        return np.stack(columns, axis=1)

    return multi


def _fitted(x: np.ndarray, known: np.ndarray, strength: float, most: int) -> Any:
    """A fitted model; None if there is only one class to know."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(known)) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a weak penalty may not settle; validation then tells
        return LogisticRegression(C=strength, max_iter=most).fit(x, known)
