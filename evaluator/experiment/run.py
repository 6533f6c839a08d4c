"""Modules on tasks, from files to results: prepare, embed, fit, score, record."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.task import Task
from evaluator.embedding.ensemble import open_any
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.experiment import embed, prepare
from evaluator.experiment.fit import fit
from evaluator.experiment.options import RunOptions
from evaluator.experiment.provenance import Clock
from evaluator.experiment.record import record
from evaluator.experiment.score import score
from evaluator.experiment.setup import Setup, set_up
from evaluator.probes.protocol import Protocol
from evaluator.results.result import Result

Question = tuple[Task, Protocol]
"""A task, and the protocol that it is evaluated under."""


@dataclass(frozen=True)
class RunRequest:
    """A module and the tasks that it is to be evaluated on, each under a protocol."""

    spec: ModuleSpec
    questions: Sequence[Question]
    options: RunOptions


@dataclass(frozen=True)
class Failure:
    """A run that gave no result, and why; of a module that could not be opened, without a question."""

    spec: ModuleSpec
    question: Question | None
    error: UsageError | EvaluationError


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
    embedded = embed(experiment, module, options.cache, options.progress, options.allow_failed)
    clock.seconds.update(embedded.extraction.seconds)
    clock.restart()
    fitted = fit(experiment, embedded, options)
    clock.lap("fit")
    scores = score(fitted, setup.recordings.manifest.classes)
    clock.lap("score")
    return record(experiment, module, embedded, fitted, scores, options, clock)


def run_many(
    requests: Sequence[RunRequest], failed: Callable[[Failure], object]
) -> Iterator[tuple[ModuleSpec, Question, Result]]:
    """The result of every run that succeeds, as soon as it is there; each module is opened once.

    Args:
        requests: What to run, one module after another.
        failed: Called with each run that fails.
    """
    hashed: set[tuple[str, Path | None]] = set()  # tasks, by name and folder, whose files were all read by this call
    for request in requests:
        try:
            with open_any(request.spec) as module:
                for question in request.questions:
                    clock = Clock()
                    try:
                        where = request.options.data, request.options.cache
                        files = question[0].name, question[0].dataset.root
                        rehash = request.options.rehash and files not in hashed
                        setup = set_up(*question, *where, rehash=rehash)
                        hashed.add(files)
                        clock.lap("list")
                        result = run(request.spec, module, setup, request.options, clock)
                    except (UsageError, EvaluationError) as error:
                        failed(Failure(request.spec, question, error))
                        continue
                    yield request.spec, question, result
        except (UsageError, EvaluationError) as error:
            failed(Failure(request.spec, None, error))
