"""Modules on tasks, from files to results: prepare, embed, fit, score, record."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluator.audio.decoded import Decoded
from evaluator.embedding.ensemble import open_any
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.checked import Asked, Checks, Failure, Keeping, Question, RunRequest
from evaluator.experiment.experiment import embed, prepare
from evaluator.experiment.fit import fit
from evaluator.experiment.from_clips import settled
from evaluator.experiment.options import RunOptions
from evaluator.experiment.provenance import Clock
from evaluator.experiment.record import record
from evaluator.experiment.request import Namer
from evaluator.experiment.score import score
from evaluator.experiment.setup import Setup
from evaluator.results.kept import REQUEST
from evaluator.results.result import Result

LOG = logging.getLogger(__name__)

__all__ = ["Answer", "Failure", "Keeping", "Question", "RunRequest", "run", "run_many"]


@dataclass(frozen=True)
class Answer:
    """The result of a run.

    kept: The file in which it lay already, where nothing had changed since; None for one that was made now.
    """

    spec: ModuleSpec
    question: Question
    result: Result
    kept: Path | None = None


def run(spec: ModuleSpec, module: Module, setup: Setup, options: RunOptions, clock: Clock | None = None) -> Result:
    """Score an open module on a task that is set up.

    Stages are timed in seconds.

    Args:
        spec, module: The module, as asked for and opened (`ensemble.open_any`).
        setup: The task under its protocol.
        options: The rest.
        clock: Has the time that the setup took; None for a new one.

    Raises:
        UsageError: The module, the task or the probe cannot do what is asked.
        EvaluationError: More clips are unreadable than `options.allow_failed` admits (what could be embedded is
            kept), or the module or the training fails.
    """
    clock = clock or Clock()
    experiment = prepare(spec, module, setup, options.layers)
    embedded = embed(experiment, module, options.cache, options.progress, options.allow_failed, options.workers)
    clock.lap_embedding(embedded.extraction)
    n_clips, n_new = len(embedded.extraction.keys), embedded.extraction.n_embedded
    LOG.info("%s: embeddings of %d clips, %d of them made now; fitting probes", experiment.title, n_clips, n_new)
    fitted = fit(experiment, embedded, options)
    clock.lap("fit")
    scores = score(fitted, setup.recordings.manifest.classes)
    clock.lap("score")
    return record(experiment, module, embedded, fitted, scores, options, clock)


def run_many(
    requests: Sequence[RunRequest], failed: Callable[[Failure], object], keeping: Keeping | None = None
) -> Iterator[Answer]:
    """The result of every run that succeeds, as soon as it is there.

    Everything that can be checked without a module is, of all requests, before the first is opened; each is opened once, or not at
    all where nothing is left to run.

    Args:
        requests: What to run, (n_requests,), one module after another.
        failed: Called with each run that fails.
        keeping: Where results are kept, of which those of the very same requests are given as they are; None for nowhere.
    """
    requests = settled(requests, failed)
    checks = Checks(requests, keeping or Keeping())
    for failure in checks.failures:
        failed(failure)
    if sum(any(each.kept is None for each in asked) for asked in checks.asked) > 1:
        checks.share(Decoded())
    for request, namer, asked in zip(requests, checks.namers, checks.asked, strict=True):
        left = list(asked)
        if any(each.kept is None for each in left):
            namer.opening()
            opening = Clock()
            try:
                with open_any(request.spec) as module:
                    namer.opened(module)
                    opening.lap("open")
                    yield from _answers(request, module, namer, left, failed, opening)
            except (UsageError, EvaluationError) as error:
                failed(Failure(request.spec, None, error))
        for each in left:  # of a module that is not needed, or cannot be opened
            if each.kept is not None:
                yield Answer(request.spec, each.question, *each.kept)


def _answers(
    request: RunRequest,
    module: Module,
    namer: Namer,
    left: list[Asked],
    failed: Callable[[Failure], object],
    opening: Clock,
) -> Iterator[Answer]:
    """What an open module answers, question by question; what is done is taken out of `left`."""
    while left:
        asked = left.pop(0)
        if asked.kept is not None:
            yield Answer(request.spec, asked.question, *asked.kept)
            continue
        clock, setup = Clock(), asked.listed.setup
        clock.take_over("list", asked.listed.clock)
        clock.take_over("open", opening)
        try:
            result = run(request.spec, module, setup, request.options, clock)
        except (UsageError, EvaluationError) as error:
            failed(Failure(request.spec, asked.question, error))
            continue
        name = namer.of_result(setup)
        if name is not None:
            result = replace(result, environment={**result.environment, REQUEST: name})
        yield Answer(request.spec, asked.question, result)
