"""Small networks trained on frozen embeddings, many side by side, and the best point of a grid among them.

Probes whose shapes, epochs and batches agree are one stack (`evaluator/probes/stack.py`). How they are stacked does not show in
their numbers.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from evaluator.embedding.matrix import moments
from evaluator.errors import EvaluationError, UsageError
from evaluator.probes import networks
from evaluator.probes.jobs import FitRequest, ProbeJob, ProbeOutcome
from evaluator.probes.network_settings import NetworkSettings
from evaluator.probes.stack import Stack
from evaluator.probes.stacked_probe import StackedProbe
from evaluator.scoring import metrics

# Most values that a stack holds on a GPU: weights (with gradient, Adam's two moments and the kept copy five times) and what
# a batch makes of them.
GPU_VALUES = 1_000_000_000
# On a CPU a larger stack leaves the caches and gains nothing.
CPU_VALUES = 24_000_000
# Up to so many values a training step on a CPU takes about a millisecond, too little to share among threads.
ONE_THREAD_VALUES = 5_000_000


def n_steps(jobs: Sequence[ProbeJob], settings: NetworkSettings) -> int:
    """What `progress` of `train` will add up to: an epoch of a probe each."""
    n_first = sum(_chooses(job, settings) for job in jobs)
    n_points = len(settings.points())
    return settings.epochs * (n_first * n_points + len(jobs) - n_first if n_points > 1 else len(jobs))


def train(request: FitRequest, settings: NetworkSettings) -> list[ProbeOutcome]:
    """Train every probe as the protocol says; with a grid, all its points, and keep the best.

    Features are (n_rows, width), outcomes' probabilities (n_rows, n_classes).

    Where fold 0 chooses for all, its best point alone is trained on the others.

    Args:
        request: The probes, and what they are trained on; progress counts epochs, each probe's (see `n_steps`).
        settings: Training settings.

    Raises:
        UsageError: There is no such device.
        EvaluationError: A probe has no training rows, or no validation rows where these choose something, or its
            training diverges.
    """
    jobs = request.jobs
    _refuse_empty(jobs, settings)
    training = Training(replace(request, device=pick_device(request.device)))
    points = settings.points()
    if len(points) == 1:
        return _trained_all(training.outcomes(jobs, [points[0]] * len(jobs)))
    outcomes: dict[int, ProbeOutcome] = {}
    point_of: dict[int, int] = {}  # of each series, read where fold 0 chose for all
    first = [number for number, job in enumerate(jobs) if _chooses(job, settings)]
    tried = training.outcomes(
        [jobs[number] for number in first for _ in points], [point for _ in first for point in points]
    )
    for index, number in enumerate(first):
        own = tried[index * len(points) : (index + 1) * len(points)]
        ranks = [_rank(outcome, settings, request.targets.metric) for outcome in own]
        chosen = int(np.argmax(ranks))  # the earlier of equals
        point_of[jobs[number].series] = chosen
        outcomes[number] = _at_point(own[chosen], settings.grid[chosen])
    rest = [number for number in range(len(jobs)) if number not in outcomes]
    others = training.outcomes([jobs[n] for n in rest], [points[point_of[jobs[n].series]] for n in rest])
    for number, outcome in zip(rest, others, strict=True):
        outcomes[number] = _at_point(outcome, settings.grid[point_of[jobs[number].series]])
    return _trained_all([outcomes[number] for number in range(len(jobs))])


def _at_point(outcome: ProbeOutcome, point: Any) -> ProbeOutcome:
    """The outcome, in whose words the point of the grid comes first."""
    return replace(outcome, chosen=", ".join(part for part in (_in_words(point), outcome.chosen) if part))


def _chooses(job: ProbeJob, settings: NetworkSettings) -> bool:
    """Whether a probe chooses a point of the grid, by its own validation rows."""
    return job.fold == 0 or settings.grid_by == "each_fold"


def _trained_all(outcomes: list[ProbeOutcome]) -> list[ProbeOutcome]:
    """The outcomes, if all of them are of trained probes.

    Raises:
        EvaluationError: Some probe never had a validation loss or score that is a number.
    """
    bad = [outcome for outcome in outcomes if not outcome.chosen_epoch]
    if bad:
        raise EvaluationError(
            f"the validation loss or score of {len(bad)} probes was NaN or infinite after each of {bad[0].n_epochs} epochs: "
            "the embeddings hold NaN, infinite or huge values, or no validation clip has a label"
        )
    return outcomes


def _rank(outcome: ProbeOutcome, settings: NetworkSettings, metric: str) -> float:
    """How well a probe did on validation, by what is monitored; higher is better, never NaN."""
    if not outcome.chosen_epoch:
        return -np.inf
    if settings.monitor == "valid_loss":
        return -min(loss for loss in outcome.valid_losses if not np.isnan(loss))
    return max(metrics.signed(metric, score) for score in outcome.valid_scores)


def _in_words(point: Any) -> str:
    """A point of a grid: `hidden [1024, 1024], learning_rate 0.001, initialisation xavier_uniform`."""
    return ", ".join(f"{name} {list(value) if isinstance(value, tuple) else value}" for name, value in point.items())


def _refuse_empty(jobs: Sequence[ProbeJob], settings: NetworkSettings) -> None:
    """Refuse probes without the rows that their training needs.

    Raises:
        EvaluationError: See `train`.
    """
    validates = settings.weights == "best" or settings.patience or settings.schedule == "plateau" or settings.grid
    for number, job in enumerate(jobs):
        if not len(job.train) or (validates and not len(job.valid)):
            part = "train" if not len(job.train) else "valid"
            raise EvaluationError(f"probe {number}: its {part} part has 0 clips; this protocol needs some there")
        if settings.norm == "batch" and len(job.train) == 1:
            raise EvaluationError(f"probe {number}: its train part has 1 clip; batch norm needs two or more")


class Training:
    """Stacks of probes, one after the other.

    Args:
        request: What they are trained on; its device is a real one.
    """

    def __init__(self, request: FitRequest):
        self.matrices, self.targets, self.standardise = request.matrices, request.targets, request.standardise
        self.device, self.progress = request.device, request.progress
        self.moments: dict[tuple[int, bytes], tuple[np.ndarray, np.ndarray]] = {}

    def outcomes(self, jobs: Sequence[ProbeJob], own_settings: Sequence[NetworkSettings]) -> list[ProbeOutcome]:
        """Train each job by its settings; outcomes in their order."""
        alike: dict[Any, list[int]] = defaultdict(list)
        for number, (job, settings) in enumerate(zip(jobs, own_settings, strict=True)):
            n_train = (
                len(job.train)
                if settings.norm == "batch" or settings.dropout
                else -(-len(job.train) // settings.batch_size)
            )
            width = self.matrices[job.features[0]].shape[1]
            shape = replace(settings, learning_rate=0.0, initialisation="")
            alike[n_train, width, len(job.features), repr(shape)].append(number)
        outcome_of: dict[int, ProbeOutcome] = {}
        for numbers in alike.values():
            numbers.sort(key=lambda number: (jobs[number].features, own_settings[number].learning_rate))
            size = self.n_at_once(jobs[numbers[0]], own_settings[numbers[0]])
            for first in range(0, len(numbers), size):
                some = numbers[first : first + size]
                outcomes = self.stack([jobs[number] for number in some], [own_settings[number] for number in some])
                outcome_of.update(zip(some, outcomes, strict=True))
        return [outcome_of[number] for number in range(len(jobs))]

    def values(self, job: ProbeJob, settings: NetworkSettings) -> int:
        """About how many values one probe keeps busy while it trains."""
        width, n_classes = self.matrices[job.features[0]].shape[1], self.targets.values.shape[1]
        per_row = width * len(job.features) + 4 * sum(settings.hidden) + 2 * n_classes
        return 4 * networks.n_values(settings, width, n_classes) + min(settings.batch_size, len(job.train)) * per_row

    def n_at_once(self, job: ProbeJob, settings: NetworkSettings) -> int:
        """How many such probes make a stack."""
        most = CPU_VALUES if self.device == "cpu" else GPU_VALUES
        return max(1, most // self.values(job, settings))

    def stack(self, jobs: Sequence[ProbeJob], own_settings: Sequence[NetworkSettings]) -> list[ProbeOutcome]:
        """Train one stack."""
        probes = [
            StackedProbe(job.features, job.train, job.valid, job.seed, settings)
            for job, settings in zip(jobs, own_settings, strict=True)
        ]
        moments_of = [self.moments_of(job) for job in jobs] if self.standardise else None
        with _threads_for(len(jobs) * self.values(jobs[0], own_settings[0])):
            stack = Stack(probes, self.matrices, moments_of, self.targets, self.device)
            stack.fit(self.progress)
            probabilities = [
                (stack.probabilities(number, job.test), stack.probabilities(number, job.valid))
                for number, job in enumerate(jobs)
            ]
        outcomes = [
            self.outcome(job, probe, *each) for job, probe, each in zip(jobs, probes, probabilities, strict=True)
        ]
        return [replace(outcome, shares=stack.shares(number)) for number, outcome in enumerate(outcomes)]

    def outcome(self, job: ProbeJob, probe: StackedProbe, test: np.ndarray, valid: np.ndarray) -> ProbeOutcome:
        """What is kept of a probe: probabilities (n_rows, n_classes) of its test and validation rows, and how it was trained."""
        score, how = self.targets.score(job.valid, valid) if len(job.valid) else (float("nan"), "")
        return ProbeOutcome(
            test,
            valid,
            probe.chosen_epoch,
            None if np.isnan(score) else score,
            tuple(probe.valid_losses),
            tuple(probe.valid_scores),
            probe.stopped or probe.settings.epochs,
            how,
        )

    def moments_of(self, job: ProbeJob) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation (width,) of a job's training features, those of mixed matrices beside each other."""
        for number in job.features:
            key = (number, job.train.tobytes())
            if key not in self.moments:
                self.moments[key] = moments(self.matrices[number], job.train)
        parts = [self.moments[number, job.train.tobytes()] for number in job.features]
        if len(parts) == 1:
            return parts[0]
        return np.stack([mean for mean, _ in parts]), np.stack([std for _, std in parts])


@contextmanager
def _threads_for(n_values: int) -> Iterator[None]:
    """One thread for small stacks: several would wait for each other longer than they work, above all on a busy CPU."""
    import torch

    before = torch.get_num_threads()
    if n_values < ONE_THREAD_VALUES:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def pick_device(device: str) -> str:
    """The device that "auto" means here: a GPU if there is one, else the CPU.

    Raises:
        UsageError: There is no such device.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {device!r} cannot be used here ({error}); known are auto, cpu and cuda") from error
    return device
