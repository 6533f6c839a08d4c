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

from evaluator import metrics
from evaluator.probe import ProbeJob, ProbeOutcome
from evaluator.protocol import Logistic, Neighbours

_LEAST_DEVIATION = 1e-10  # of a feature; below it, the feature says nothing and becomes 0

Predict = Callable[[np.ndarray], np.ndarray]


def logistic(
    jobs: Sequence[ProbeJob],
    features: Sequence[np.ndarray],
    targets: np.ndarray,
    labels: str,
    metric: str,
    judge: Logistic,
    progress: Callable[[int], object] = lambda n: None,
) -> list[ProbeOutcome]:
    """What logistic regression says, its strength chosen on validation; arguments as those of `probe.train`.

    Features are standardised by mean and deviation of each job's training clips. A class that no training clip has gets
    probability 0.
    """

    def fits(job: ProbeJob) -> list[tuple[str, Callable[[], Predict]]]:
        x = np.asarray(features[job.features], np.float32)
        mean, deviation = x[job.train].mean(axis=0), x[job.train].std(axis=0)
        scale = np.where(deviation > _LEAST_DEVIATION, 1 / np.maximum(deviation, _LEAST_DEVIATION), 0)
        ready = (x[job.train] - mean) * scale

        def fit(strength: float) -> Predict:
            said = _regression(ready, targets[job.train], labels, strength, judge.most_iterations)
            return lambda rows: said((x[rows] - mean) * scale)

        return [(f"C = {strength:g}", partial(fit, strength)) for strength in judge.strengths]

    return [_chosen(job, fits(job), targets, metric, progress) for job in jobs]


def neighbours(
    jobs: Sequence[ProbeJob],
    features: Sequence[np.ndarray],
    targets: np.ndarray,
    labels: str,
    metric: str,
    judge: Neighbours,
    progress: Callable[[int], object] = lambda n: None,
) -> list[ProbeOutcome]:
    """The share of each label among the nearest training clips by cosine; arguments as those of `probe.train`."""
    from sklearn.neighbors import KNeighborsRegressor

    def fits(job: ProbeJob) -> list[tuple[str, Callable[[], Predict]]]:
        x = features[job.features]

        def fit(number: int) -> Predict:
            model = KNeighborsRegressor(number, metric="cosine", algorithm="brute").fit(
                x[job.train], targets[job.train]
            )
            return lambda rows: model.predict(x[rows]).reshape(len(rows), -1)

        usable = [number for number in judge.numbers if number <= len(job.train)] or [len(job.train)]
        return [(f"{number} neighbours", partial(fit, number)) for number in usable]

    return [_chosen(job, fits(job), targets, metric, progress) for job in jobs]


def _chosen(
    job: ProbeJob,
    fits: Sequence[tuple[str, Callable[[], Predict]]],
    targets: np.ndarray,
    metric: str,
    progress: Callable[[int], object],
) -> ProbeOutcome:
    """The outcome with the best validation score; without labelled validation clips, that of the middle setting."""
    if not targets[job.valid].any():
        fits = [fits[len(fits) // 2]]
    best: tuple[float | None, str, np.ndarray, Predict] | None = None
    for name, fit in fits:
        predict = fit()
        valid = predict(job.valid).astype(np.float32) if len(job.valid) else np.zeros((0, targets.shape[1]), np.float32)
        score = metrics.score(metric, targets[job.valid], valid) if targets[job.valid].any() else None
        known = -math.inf if best is None or best[0] is None or math.isnan(best[0]) else best[0]
        if best is None or (score is not None and score > known):
            best = (score, name, valid, predict)
        progress(1)
    score, name, valid, predict = best  # type: ignore[misc]  # there is at least one setting
    return ProbeOutcome(predict(job.test).astype(np.float32), valid, 0, score, (), name)


def _regression(x: np.ndarray, targets: np.ndarray, labels: str, strength: float, most: int) -> Predict:
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
