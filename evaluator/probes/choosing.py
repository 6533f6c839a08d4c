"""Probes with one number to choose: features standardised, each number tried, the best on the validation clips taken.

The number with the best score by the task's metric is taken; of equal scores the first. Nothing is drawn: a job's seed plays
no part.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evaluator.embedding.matrix import Matrix, is_constant, moments
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob, ProbeOutcome, Setting
from evaluator.schema import Field
from evaluator.scoring import metrics

REFIT = Field(
    bool,
    required=False,
    default=False,
    meaning="Whether the probe that is tested was fitted to training and validation clips, once validation has chosen.",
)


class Fitted(Protocol):
    """Probes fitted to the same clips, one for each number."""

    def probabilities(self, x: np.ndarray, which: Sequence[int]) -> list[np.ndarray]:
        """What some of them, by their indices, say of features (n_clips, width): (n_clips, n_classes) each."""

    def unsettled(self, which: Sequence[int]) -> list[int]:
        """Those whose solver did not arrive at the optimum."""


@dataclass(frozen=True)
class Choosing:
    """How a kind of probes is fitted with each of several numbers.

    Features are (n_clips, width), targets (n_clips, n_classes).

    numbers: From a number of training clips to the numbers to try.
    named: What a number is called.
    fit: From features, targets, `single` or `multi`, numbers and a function to be called with the steps done, to the probes.
    refit: Whether the one that is tested is fitted again, to training and validation clips.
    """

    numbers: Callable[[int], Sequence[float]]
    named: Callable[[float], str]
    fit: Callable[[np.ndarray, np.ndarray, str, Sequence[float], Callable[[int], object]], Fitted]
    refit: bool


def standardised(matrix: Matrix, train: np.ndarray, scale: bool) -> Callable[[np.ndarray], np.ndarray]:
    """A function from rows (n,) to features (n, width), float64, of mean 0 and standard deviation 1 over the training rows.

    Args:
        matrix: The features.
        train: Training rows, (n_train,).
        scale: Whether they are changed at all. A feature that hardly differs between training clips becomes 0.
    """
    if not scale:
        return lambda rows: matrix.take(rows).astype(np.float64)
    mean, std = moments(matrix, train)
    constant = is_constant(mean, std)
    std = std * ((len(train) - 1) / len(train)) ** 0.5  # of the clips themselves, as scikit-learn's scaler
    factor = np.where(constant, 0, 1 / np.where(constant, 1, std))

    def features(rows: np.ndarray) -> np.ndarray:
        x = matrix.take(rows) - mean
        return np.multiply(x, factor, out=x)

    return features


def fit_best(request: FitRequest, choosing: Choosing) -> list[Outcomes]:
    """The outcome of each job with the number that is best on its validation clips.

    Features are (n_clips, width), predictions (n_clips, n_classes).

    Args:
        request: Jobs that read one feature matrix each.
        choosing: What is tried, and how.
    """
    return [{Setting(): [_best(job, request, choosing)]} for job in request.jobs]


def _best(job: ProbeJob, request: FitRequest, choosing: Choosing) -> ProbeOutcome:
    """The outcome with the best validation score; without labelled validation clips, that of the middle number."""
    targets, labelled = request.targets, bool(request.targets.values[job.valid].any())
    numbers = list(choosing.numbers(len(job.train)))
    if not labelled:
        numbers = [numbers[len(numbers) // 2]]
    every = range(len(numbers))
    features, fitted = _fitted(job, job.train, request, choosing, numbers)
    on_valid = [each.astype(np.float32) for each in fitted.probabilities(features(job.valid), every)]
    scores = [targets.score(job.valid, valid)[0] if labelled else None for valid in on_valid]
    ranks = [-math.inf if score is None else metrics.signed(targets.metric, score) for score in scores]
    best = int(np.argmax([-math.inf if math.isnan(rank) else rank for rank in ranks]))  # the first of equals
    unsettled = [choosing.named(numbers[each]) for each in fitted.unsettled(every)]
    chosen = best
    if choosing.refit and len(job.valid):
        both = np.concatenate([job.train, job.valid])
        features, fitted = _fitted(job, both, request, choosing, [numbers[best]])
        unsettled += [f"{choosing.named(numbers[best])}, refitted" for _ in fitted.unsettled([0])]
        chosen = 0
    (test,) = fitted.probabilities(features(job.test), [chosen])
    return ProbeOutcome(
        test.astype(np.float32),
        on_valid[best],
        0,
        scores[best],
        chosen=choosing.named(numbers[best]),
        unsettled=tuple(unsettled),
    )


def _fitted(
    job: ProbeJob, rows: np.ndarray, request: FitRequest, choosing: Choosing, numbers: Sequence[float]
) -> tuple[Callable[[np.ndarray], np.ndarray], Fitted]:
    """The probes fitted to some rows with each number, and the function from rows to the features that they read."""
    features = standardised(request.matrices[job.features[0]], rows, request.standardise)
    targets = request.targets
    return features, choosing.fit(features(rows), targets.values[rows], targets.labels, numbers, request.progress)


def n_steps(jobs: Sequence[ProbeJob], n_numbers: int, refit: bool) -> int:
    """What the progress of `fit_best` adds up to at most: a step a number of each job, and one for its second fit."""
    return len(jobs) * (n_numbers + refit)
