"""Modules on tasks under protocols: `run`, and what it takes."""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluator.api import inputs
from evaluator.api.inputs import HearModule, Tasks
from evaluator.datasets import own_split
from evaluator.datasets.task import Task
from evaluator.embedding import baselines as baseline_modules
from evaluator.embedding import workers as other_processes
from evaluator.embedding.embed import Progress, no_progress
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.options import RunOptions
from evaluator.experiment.run import Failure, Keeping, Question, RunRequest, run_many
from evaluator.files import writable_folder
from evaluator.probes import protocol as protocols
from evaluator.probes.protocol import Protocol
from evaluator.results import on_disk, sharing
from evaluator.results.result import Result

LOG = logging.getLogger("evaluator")
LOG.addHandler(logging.NullHandler())  # who wants to read it says so


class RunError(EvaluationError):
    """Some of several runs failed; the others are done.

    Attributes:
        results: Of the runs that succeeded, (n_done,).
        failures: Those that failed, (n_failed,), each with its module, question and error.
    """

    def __init__(self, results: Sequence[Result], failures: Sequence[Failure]):
        self.results, self.failures = list(results), list(failures)
        sentences = "".join(f"\n  {each.spec.name}: {each.error}" for each in failures)
        super().__init__(f"{len(failures)} runs failed, {len(results)} are done:{sentences}")


def run(
    modules: HearModule | Sequence[HearModule],
    tasks: Tasks,
    *,
    protocol: str | Path | Protocol | None = None,
    profile: str = "clean",
    layers: str | int = "",
    seed: int = 0,
    seeds: int = 1,
    baselines: bool = False,
    folds: int | None = None,
    channel: str | int | None = None,
    expand: float | None = None,
    weights: str = "",
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    python: str = "",
    worker_timeout: float = 600.0,
    in_process: bool = False,
    allow_failed: float = 0.0,
    allow_unrepeatable: bool = False,
    store: str = "float32",
    data: str | Path | None = None,
    cache: str | Path | None = None,
    out: str | Path | None = "results",
    rehash: bool = False,
    again: bool = False,
    paths: bool = True,
    workers: int | str = "",
    ray: str = "",
    progress: Progress = no_progress,
    on_result: Callable[[Result, Path | None], object] = lambda result, path: None,
    on_unchanged: Callable[[Result, Path], object] = lambda result, path: None,
    on_failure: Callable[[Failure], object] = lambda failure: None,
) -> list[Result]:
    """Score modules on tasks, as `hear-eval run` does.

    Each clip is embedded once and kept in the cache; what is there already is not made again. Every result is written as soon as
    it is there, so that an interruption loses none: `load_results` reads them back, and the same call goes on.

    A result of a module of ours that lies in `out` is given as it is, with its predictions in single precision, where all that it
    depends on is the same: code, libraries, machine, task, protocol, options, layers, seeds, device, weight files, clips,
    labels and recordings.

    Args:
        modules: HEAR modules by name (`hear_ssl.melspec`, `./mine.py`, `hf:ORG/MODEL`, `ensemble:A+B`, `untrained:MODULE`), or as
            objects that have the three functions.
        tasks: Tasks or suites by name, paths of your own data, or tasks that `find_tasks` gave.
        protocol: Name or file of a protocol; None for the suite's.
        profile: `clean`, or `published` with the deviations of the published code.
        layers: `scene`, `all`, `last`, `mean`, `weighted`, a layer's number, or several (`1,6,12`, `0-4`), each by itself as with `all`; ""
            for what the protocol says.
        seed: First seed of probes.
        seeds: How often probes are trained, with consecutive seeds.
        baselines: Whether to add null baselines, loudness and duration, log-mel, and each module untrained.
        folds: In how many parts, each tested once, data without folds of its own is divided; None for five, or one for each of
            three to six groups.
        channel: What becomes of recordings with several channels: `mix`, `first`, `loudest` or a number from 1 on; None for what the
            task says.
        expand: How many times slower than life modules hear the clips, their pitch lowered with it, such as 10 for bats; None for
            what the task says.
        weights, options: Passed to `load_model`, as its path and its keyword arguments.
        device: "auto", "cpu", "cuda", ...
        python: Another interpreter, or its virtual environment, in which modules are loaded.
        worker_timeout: Seconds that one call of a module in a process of its own may take: of each that is neither ours nor
            given as an object.
        in_process: Whether modules that are not ours run in this process instead, where a debugger reaches them, and where
            nothing stops a hang or survives a crash.
        allow_failed: Share of the clips, 0 to 1, that may be unreadable.
        allow_unrepeatable: Whether to score embeddings that differ when a module is asked again; the result bears a caveat.
        store: In which numbers embeddings are kept: "float32" as they are, or "float16" in half the bytes, within 5e-4 of
            each number, or 6e-8 of the largest of its clip and layer.
        data: Folder in which datasets lie; None for data that is made or knows its place.
        cache: Folder of embeddings; None for $HEAR_EVAL_CACHE, else ~/.cache/hear-eval.
        out: Folder in which results are written; None to write none.
        rehash: Whether to read every audio file anew. Otherwise one whose size, times and inode are those of before is taken for
            unchanged.
        again: Whether to fit probes and score anew also where a kept result says that nothing has changed.
        paths: Whether results name host, folders and files in full; without, they can be handed on: files are named relative to the
            data.
        workers: How many processes embed at the same time, on Ray (`pip install "hear-ssl[ray]"`), or `gpu` for one on each GPU; ""
            for this process alone. Results are the same.
        ray: Address of a cluster of Ray that runs already, for workers there; "" for this machine.
        progress: Called with a title and a total, gives what is called with the number of steps done.
        on_result: Called with each result as soon as it is there, and the path of its file (None without `out`).
        on_unchanged: Called with each result that lay in `out` already, and its file, before `on_result` is.
        on_failure: Called with each run that fails.

    Returns:
        The results, module by module in the order of the tasks.

    Raises:
        UsageError: What is asked for cannot be, before any work; or the only run failed so.
        EvaluationError: The only run failed.
        RunError: Some of several runs failed; it holds the results of the others.

    >>> results = run("hear_ssl.melspec", "demo/calls", protocol="knn")
    >>> results[0].task, results[0].n_clips, results[0].ci_low < results[0].score < results[0].ci_high
    ('demo/calls', 330, True)
    """
    questions = questions_of(tasks, protocol, profile, folds, channel, expand)
    given = inputs.module_specs(
        modules, weights, options, device, python, worker_timeout, in_process, allow_unrepeatable, store
    )
    pool = other_processes.hired(workers, ray)
    chosen = run_options(data, cache, device, seed, seeds, layers, allow_failed, progress, rehash, pool)
    requests = requests_of(given, questions, chosen, baselines)
    for task, asked in [] if paths else questions:
        sharing.refuse_folders(task.name, [task.document(), asked.document()])
    keeping = Keeping(None if out is None else writable_folder("--out", inputs.path_of(out)), paths, again)
    with pool or contextlib.nullcontext():
        return _run_all(requests, given, keeping, on_result, on_unchanged, on_failure)


def questions_of(
    tasks: Tasks,
    protocol: str | Path | Protocol | None,
    profile: str,
    folds: int | None,
    channel: str | int | None,
    expand: float | None,
) -> list[Question]:
    """Each task with the protocol that it is evaluated under, (n_tasks,); arguments are those of `run`.

    Raises:
        UsageError: There is no such task, protocol or way to hear and divide clips.
    """
    if folds is not None:
        inputs.check_count("folds", folds, 2)
    chosen = [own_split.with_folds(task, folds) for task in inputs.tasks_of(tasks, profile, channel, expand)]
    return [(task, inputs.protocol_of(protocol, task, profile)) for task in chosen]


def run_options(
    data: str | Path | None,
    cache: str | Path | None,
    device: str,
    seed: int,
    seeds: int,
    layers: str | int,
    allow_failed: float,
    progress: Progress = no_progress,
    rehash: bool = False,
    pool: other_processes.RayWorkers | None = None,
) -> RunOptions:
    """What `run` was given of these, 0 to 1 for `allow_failed`, as the rooms below take it; `pool` are the workers.

    Raises:
        UsageError: A number cannot be, or the cache can be neither made nor read.
    """
    inputs.check_count("seed", seed, 0)
    inputs.check_count("seeds", seeds, 1)
    inputs.check_share("allow_failed", allow_failed)
    places = inputs.folder_of_data(data), inputs.folder_of_cache(cache)
    return RunOptions(*places, device, seed, seeds, str(layers), allow_failed, progress, rehash, pool)


def requests_of(
    given: Sequence[ModuleSpec], questions: Sequence[Question], chosen: RunOptions, baselines: bool
) -> list[RunRequest]:
    """What is to be run, (n_modules,), first the given modules in their order, then baselines where they are wanted."""
    added = baseline_modules.beside(given) if baselines else []
    # Baselines have no layers to choose from, but for untrained copies.
    layered = [*given, *filter(baseline_modules.is_untrained, added)]
    return [
        RunRequest(spec, questions, chosen if spec in layered else replace(chosen, layers=""))
        for spec in [*given, *added]
    ]


def _run_all(
    requests: Sequence[RunRequest],
    given: Sequence[ModuleSpec],
    keeping: Keeping,
    on_result: Callable[[Result, Path | None], object],
    on_unchanged: Callable[[Result, Path], object],
    on_failure: Callable[[Failure], object],
) -> list[Result]:
    """Carry out requests; `given` are the modules that were asked for by name, whose failures count.

    Where results shall not name folders, these are left out of them (`sharing`).
    """
    results: list[Result] = []
    failures: list[Failure] = []

    def failed(failure: Failure) -> None:
        LOG.warning("%s: %s", failure.spec.name, failure.error)
        on_failure(failure)
        # A baseline that cannot be, such as an untrained copy of what has no weights, was not asked for by name. One that can be, and
        # fails where a module that was named does not, is lost.
        of_module = failure.question is None or any(each.question is failure.question for each in failures)
        if failure.spec in given or not isinstance(failure.error, UsageError) or not of_module:
            failures.append(failure)

    for answer in run_many(requests, failed, keeping):
        result, path = answer.result, answer.kept
        if path is not None:
            on_unchanged(result, path)
        else:
            result = result if keeping.paths else sharing.without_paths(result)
            path = None if keeping.out is None else on_disk.write(result, keeping.out)
        name = answer.spec.name, answer.question[0].name
        LOG.info("%s on %s: %s %.4g", *name, result.metric, result.score)
        results.append(result)
        on_result(result, path)
    if len(failures) == 1 and not results:
        raise failures[0].error
    if failures:
        raise RunError(results, failures)
    return results


def find_tasks(spec: str | Path, profile: str = "clean") -> list[Task]:
    """The tasks that a name or path means, (n_tasks,): a suite's in its order, one of a suite, or your own data's.

    Args:
        spec: `arch`, `arch/esc50`, or the path of a folder of class folders, a CSV or a YAML file.
        profile: `clean` or `published`.

    Raises:
        UsageError: There is no such task, or its files are wrong.

    >>> [task.name for task in find_tasks("demo/calls")]
    ['demo/calls']
    """
    return inputs.tasks_of(spec, profile)


def load_protocol(name: str | Path, profile: str = "clean") -> Protocol:
    """A protocol by its name, or from a YAML file of your own.

    Raises:
        UsageError: There is no such protocol, or its file is wrong.

    >>> load_protocol("arch").layers
    'scene'
    """
    return protocols.load(str(name), profile)
