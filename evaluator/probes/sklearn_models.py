"""Models of scikit-learn as probes: features standardised, one setting chosen on the validation clips.

The setting with the best score by the task's metric is taken; of equal scores the first. All are deterministic: a job's seed
plays no part.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from evaluator.embedding.matrix import Matrix, moments
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob, ProbeOutcome, Setting
from evaluator.scoring import metrics
from evaluator.scoring.targets import Targets

_MIN_STD = 1e-10  # of a feature; below it, the feature says nothing and becomes 0

Predict = Callable[[np.ndarray], np.ndarray]
"""From features (n_clips, width) to probabilities (n_clips, n_classes)."""

Fit = Callable[[np.ndarray, np.ndarray, Targets], Predict]
"""From features and targets of the training clips, (n_clips, width) and (n_clips, n_classes), to a fitted model."""


def standardised(matrix: Matrix, train: np.ndarray, scale: bool) -> Callable[[np.ndarray], np.ndarray]:
    """A function from rows (n,) to features (n, width), which have mean 0 and standard deviation 1 over the training rows.

    Args:
        matrix: The features.
        train: Training rows, (n_train,).
        scale: Whether they are changed at all. A feature that hardly differs between training clips becomes 0.
    """
    if not scale:
        return matrix.take
    mean, std = moments(matrix, train)
    std = std * ((len(train) - 1) / len(train)) ** 0.5  # of the clips themselves, as scikit-learn's scaler
    factor = np.where(std > _MIN_STD, 1 / np.maximum(std, _MIN_STD), 0)
    return lambda rows: ((matrix.take(rows) - mean) * factor).astype(np.float32)


def fit_best(request: FitRequest, settings_of: Callable[[int], Sequence[tuple[str, Fit]]]) -> list[Outcomes]:
    """The outcome of each job with the setting that is best on its validation clips.

    Features are (n_clips, width), predictions (n_clips, n_classes).

    Args:
        request: Jobs that read one feature matrix each.
        settings_of: From a number of training clips to the settings to try, each as its name and a function that fits it.
    """
    return [{Setting(): [_best(job, request, settings_of(len(job.train)))]} for job in request.jobs]


def _best(job: ProbeJob, request: FitRequest, settings: Sequence[tuple[str, Fit]]) -> ProbeOutcome:
    """The outcome with the best validation score; without labelled validation clips, that of the middle setting."""
    targets = request.targets
    features = standardised(request.matrices[job.features[0]], job.train, request.standardise)
    train, values = features(job.train), targets.values
    if not values[job.valid].any():
        settings = [settings[len(settings) // 2]]
    best: tuple[float | None, str, np.ndarray, Predict] | None = None
    for name, fit in settings:
        predict = fit(train, values[job.train], targets)
        valid = (
            predict(features(job.valid)).astype(np.float32)
            if len(job.valid)
            else np.zeros((0, values.shape[1]), np.float32)
        )
        score = targets.score(job.valid, valid)[0] if values[job.valid].any() else None
        highest = -math.inf if best is None or best[0] is None else metrics.signed(targets.metric, best[0])
        if best is None or (score is not None and metrics.signed(targets.metric, score) > highest):
            best = (score, name, valid, predict)
        request.progress(1)
    score, name, valid, predict = best  # type: ignore[misc]  # there is at least one setting
    return ProbeOutcome(predict(features(job.test)).astype(np.float32), valid, 0, score, chosen=name)


def logistic_regression(x: np.ndarray, targets: np.ndarray, labels: str, C: float, max_iter: int) -> Predict:
    """Fitted regressions as one function from features to probabilities (n_clips, n_classes).

    A class that no training clip has gets probability 0.

    Args:
        x: Features of the training clips, (n_clips, width).
        targets: 0 or 1, (n_clips, n_classes).
        labels: `single` for one multinomial regression, `multi` for one a class.
        C: Inverse of the L2 penalty, scikit-learn's unit.
        max_iter: Iterations of the solver (L-BFGS).
    """
    if labels == "single":
        classes, class_of = np.unique(targets.argmax(axis=1), return_inverse=True)
        model = _fitted(x, class_of, C, max_iter)

        def single(features: np.ndarray) -> np.ndarray:
            probabilities = np.zeros((len(features), targets.shape[1]))
            probabilities[:, classes] = 1.0 if model is None else model.predict_proba(features)
            return probabilities

        return single
    models = [_fitted(x, column.astype(int), C, max_iter) for column in targets.T]

    def multi(features: np.ndarray) -> np.ndarray:
        constant = targets.mean(axis=0)  # of labels that all training clips have, or none
        columns = [
            np.full(len(features), share) if model is None else model.predict_proba(features)[:, 1]
            for model, share in zip(models, constant, strict=True)
        ]
        return np.stack(columns, axis=1)

    return multi


def _fitted(x: np.ndarray, class_of: np.ndarray, C: float, max_iter: int) -> Any:
    """A fitted model; None if there is only one class."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(class_of)) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a weak penalty may not settle; validation then tells
        return LogisticRegression(C=C, max_iter=max_iter).fit(x, class_of)
