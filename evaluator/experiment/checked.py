"""All that can be found out before a module is loaded, of all that is asked for: clips, folds, options, results that are kept.

What is wrong is told before the first module is opened or downloaded. Tables are read once for all modules.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluator.audio.decoded import Decoded
from evaluator.datasets.task import Task
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment import setup as setups
from evaluator.experiment import usable
from evaluator.experiment.experiment import layers_of
from evaluator.experiment.options import RunOptions
from evaluator.experiment.provenance import Clock
from evaluator.experiment.request import Namer
from evaluator.experiment.setup import Setup
from evaluator.probes.protocol import Protocol
from evaluator.results import conditions
from evaluator.results import kept as kept_results
from evaluator.results.result import Result

LOG = logging.getLogger(__name__)

Question = tuple[Task, Protocol]
"""A task, and the protocol that it is evaluated under."""


@dataclass(frozen=True)
class RunRequest:
    """A module and the tasks that it is to be evaluated on, each under a protocol, (n_questions,), in this order."""

    spec: ModuleSpec
    questions: Sequence[Question]
    options: RunOptions


@dataclass(frozen=True)
class Failure:
    """A run that gave no result, and why; of a module that could not be opened, without a question."""

    spec: ModuleSpec
    question: Question | None
    error: UsageError | EvaluationError


@dataclass(frozen=True)
class Keeping:
    """Where results are kept.

    out: The folder; None where they are not.
    paths: Whether results name host and folders.
    again: Whether what is kept there is made anew.
    """

    out: Path | None = None
    paths: bool = True
    again: bool = False


class Listed:
    """A task under a protocol, set up step by step, once for all modules; what went wrong is raised again for each of them.

    setup: Its (n_clips,) clips; folds and file facts once they are asked for.
    clock: Its one stage, `list`, is all of that.
    """

    setup: Setup

    def __init__(self, question: Question, options: RunOptions):
        self.question, self.options, self.clock = question, options, Clock()
        self.error: UsageError | EvaluationError | None = None
        self.done: set[str] = set()

    def step(self, name: str, make: Callable[[], Setup]) -> None:
        """Carry out a step unless it was.

        Raises:
            UsageError, EvaluationError: It fails, or one did before.
        """
        if self.error is not None:
            raise self.error
        if name in self.done:
            return
        self.clock.restart()
        try:
            self.setup = make()
        except (UsageError, EvaluationError) as error:
            self.error = error
            raise
        finally:
            self.clock.lap("list")
        self.done.add(name)

    def list_clips(self) -> None:
        """Read the clips."""
        self.step("clips", lambda: setups.list_clips(*self.question, self.options.data, self.options.cache))

    def divide(self) -> None:
        """Make the folds."""
        self.step("folds", lambda: setups.divide(self.setup))

    def look_at_files(self, rehash: bool) -> None:
        """Find out what the files hold."""
        self.step("files", lambda: setups.with_facts(self.setup, self.options.cache, rehash))


@dataclass
class Asked:
    """A question to a module, and what is known of its answer before the module is opened.

    candidates: Files of results that could be of this very request, (n_files,), those first that were written last.
    kept: The result that is, and its file; None where there is none.
    """

    question: Question
    listed: Listed
    candidates: list[Path]
    kept: tuple[Result, Path] | None = None


class Checks:
    """What is asked for, checked as far as that is possible without a module; in `asked` is what is left for each request.

    Setups have (n_clips,) clips each.

    Args:
        requests: What is to be run.
        keeping: Where results are kept.
    """

    def __init__(self, requests: Sequence[RunRequest], keeping: Keeping):
        self.requests, self.keeping = requests, keeping
        self.failures: list[Failure] = []
        self.hashed: set[tuple[str, Path | None]] = set()  # tasks, by name and folder, whose files were all read anew
        under = conditions.conditions()
        self.namers = [Namer(each.spec, each.options, keeping.paths, under) for each in requests]
        known: dict[tuple[int, int, Path | None, Path], Listed] = {}
        self.asked = [
            [Asked(each, _listed(known, each, request.options), []) for each in request.questions]
            for request in requests
        ]
        self.every(self.list_clips)
        self.every(self.look_at_files)
        self.find_kept()
        self.every(self.divide)
        self.tell_unreadable()

    def tell_unreadable(self) -> None:
        """Say once of each task, before anything is embedded, that clips cannot be read and all its runs will fail for it."""
        told = (
            usable.unreadable(asked.listed.setup, request.options.allow_failed)
            for request, among in zip(self.requests, self.asked, strict=True)
            for asked in among
            if asked.kept is None
        )
        for text in dict.fromkeys(told):
            if text:
                LOG.warning("%s", text)

    def every(self, step: Callable[[RunRequest, Asked], None]) -> None:
        """Carry out a step for every question to every module; what fails is left out from then on."""
        for request, among in zip(self.requests, self.asked, strict=True):
            for asked in list(among):
                try:
                    step(request, asked)
                except (UsageError, EvaluationError) as error:
                    among.remove(asked)
                    self.failures.append(Failure(request.spec, asked.question, error))

    def list_clips(self, request: RunRequest, asked: Asked) -> None:
        """Read the clips, and divide them at once where no kept result could spare it."""
        asked.listed.list_clips()
        out, setup = self.keeping.out, asked.listed.setup
        if out is not None and not self.keeping.again:
            names = setup.task.name, setup.protocol.name, setup.protocol.profile
            asked.candidates = kept_results.candidates(out, request.spec.name, *names)
        if not asked.candidates:
            self.divide(request, asked)

    def look_at_files(self, request: RunRequest, asked: Asked) -> None:
        """Find out what the recordings hold, once for each folder; refuse parts of a dataset."""
        task = asked.question[0]
        files = task.name, task.dataset.root
        asked.listed.look_at_files(request.options.rehash and files not in self.hashed)
        self.hashed.add(files)
        usable.refuse_missing(asked.listed.setup, request.options.allow_failed)

    def find_kept(self) -> None:
        """Look for the results of the very same requests."""
        for namer, among in zip(self.namers, self.asked, strict=True):
            hopeful = [asked for asked in among if asked.candidates]
            names = namer.expected([asked.listed.setup for asked in hopeful]) if hopeful else []
            for asked, name in zip(hopeful, names, strict=True):
                if name is not None:
                    asked.kept = kept_results.find(asked.candidates, name)

    def share(self, decoded: Decoded) -> None:
        """Let modules find what was decoded for those before them, clips (n_samples,) each."""
        for asked in (each for among in self.asked for each in among):
            setup = asked.listed.setup
            asked.listed.setup = replace(setup, recordings=replace(setup.recordings, decoded=decoded))

    def divide(self, request: RunRequest, asked: Asked) -> None:
        """Make the folds of what has to be run, and refuse layers and targets that its probe cannot do with."""
        if asked.kept is None:
            asked.listed.divide()
            layers_of(asked.listed.setup, request.options.layers)
            setups.refuse_targets(asked.listed.setup)


def _listed(known: dict[tuple[int, int, Path | None, Path], Listed], question: Question, options: RunOptions) -> Listed:
    """The one for this question and these folders."""
    key = (id(question[0]), id(question[1]), options.data, options.cache)
    return known.setdefault(key, Listed(question, options))
