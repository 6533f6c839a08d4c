"""Probes of several layers fitted in several processes at once: the outcomes of one process with as many threads."""

from collections.abc import Sequence
from dataclasses import replace

from evaluator.embedding.embed import Workers
from evaluator.probes.jobs import FitRequest, Outcomes
from evaluator.probes.kind import ProbeKind

# Feature values of all jobs' training rows, of layers apart: with fewer a worker takes longer to start than the fits take.
MIN_VALUES = 20_000_000


def fit(probe: ProbeKind, request: FitRequest, workers: Workers | None) -> list[Outcomes]:
    """The outcomes of each job, in order; feature matrices are (n_rows, width).

    Jobs that read the same features go to one worker. Networks are trained side by side here: it is their company in
    which they are fast.

    Args:
        probe, request: What is fitted.
        workers: Who is asked; None for nobody.

    Raises:
        UsageError, EvaluationError: As `ProbeKind.fit`.
    """
    numbers: dict[tuple[int, ...], list[int]] = {}
    for number, job in enumerate(request.jobs):
        numbers.setdefault(job.features, []).append(number)
    if workers is None or not probe.APART or len(numbers) < 2 or _n_values(request) < MIN_VALUES:
        return probe.fit(request)
    pieces = [_piece(request, features, its) for features, its in numbers.items()]
    outcomes: list[Outcomes] = [{} for _ in request.jobs]
    made = workers.each(_fitted, [(probe, piece) for piece in pieces])
    for piece, its, given in zip(pieces, numbers.values(), made, strict=True):
        for number, outcome in zip(its, probe.fit(piece) if given is None else given, strict=True):
            outcomes[number] = outcome
        request.progress(probe.n_steps(piece.jobs))
    return outcomes


def _n_values(request: FitRequest) -> int:
    """How many numbers the training rows of all jobs hold."""
    return sum(len(job.train) * request.matrices[each].shape[1] for job in request.jobs for each in job.features)


def _piece(request: FitRequest, features: tuple[int, ...], numbers: Sequence[int]) -> FitRequest:
    """Some of a request's jobs, those that read `features`, with nothing but what they need."""
    its = tuple(range(len(features)))
    jobs = [replace(request.jobs[number], features=its) for number in numbers]
    matrices = [request.matrices[each] for each in features]
    return replace(request, jobs=jobs, matrices=matrices, progress=_untold)


def _untold(n_steps: int) -> None:
    """Progress of a piece: it is told when it is there."""


def _fitted(work: tuple[ProbeKind, FitRequest]) -> list[Outcomes]:
    """Outcomes of a piece, in another process."""
    probe, request = work
    return probe.fit(request)
