"""How far scores fall when test clips are made worse."""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.api import inputs
from evaluator.api.inputs import HearModule, Tasks
from evaluator.api.running import questions_of, run_options
from evaluator.audio.degradation import PINK, WHITE, Degradation
from evaluator.embedding import workers as other_processes
from evaluator.embedding.embed import Progress, no_progress
from evaluator.embedding.ensemble import open_any
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment import robustness, usable
from evaluator.experiment.checked import Question
from evaluator.experiment.degradations import Wanted, degradations, noise_sources
from evaluator.experiment.experiment import layers_of
from evaluator.experiment.options import RunOptions
from evaluator.experiment.setup import Setup, set_up
from evaluator.files import writable_folder
from evaluator.probes.protocol import Protocol
from evaluator.results import on_disk, sharing
from evaluator.results.result import Result
from evaluator.results.robustness import CLEAN, DEGRADED, RobustnessCurve, curves_of, of_clean

LOG = logging.getLogger("evaluator")

Levels = Sequence[float] | None
"""Levels of one kind of degradation: None for none, and an empty list for the usual ones."""


@dataclass(frozen=True)
class Robustness:
    """A module on one task, clean and degraded.

    Attributes:
        clean: The result of the clean clips, as `run` gives it.
        curves: The score over the levels of each degradation (dB, Hz or seconds, as its kind says), with its change from the clean one.
        failures: What could not be scored: degradation and error.
        written: Files of the results; empty where none were written.
    """

    clean: Result
    curves: list[RobustnessCurve]
    failures: list[tuple[Degradation, EvaluationError]]
    written: list[Path]


def measure_robustness(
    modules: HearModule | Sequence[HearModule],
    tasks: Tasks,
    *,
    noise: str | Path | Sequence[str | Path] = (WHITE, PINK),
    snr: Levels = None,
    gain: Levels = None,
    low_pass: Levels = None,
    length: Levels = None,
    sample_rate: Levels = None,
    noise_seed: int = 0,
    degrade_training: bool = False,
    protocol: str | Path | Protocol | None = None,
    profile: str = "clean",
    layers: str | int = "",
    seed: int = 0,
    seeds: int = 1,
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
    out: str | Path | None = "robustness",
    rehash: bool = False,
    paths: bool = True,
    workers: int | str = "",
    ray: str = "",
    progress: Progress = no_progress,
    on_result: Callable[[Robustness], object] = lambda result: None,
    on_failure: Callable[[str, Exception], object] = lambda name, error: None,
) -> list[Robustness]:
    """How far scores fall with noise, gain, a low-pass, shorter clips and a lower sample rate, as `hear-eval robustness` measures it.

    Probes are fitted once to clean training clips and tested on clean and on degraded test clips, which are the same for every module:
    they are made at their recording's own rate, and what is drawn hangs on the recording's content. Every level is a result of its
    own, whose task is named after the degradation.

    Args:
        modules, tasks, protocol, profile, layers, seed, seeds, folds, channel, expand, weights, options, device, python,
            worker_timeout, in_process, allow_failed, allow_unrepeatable, store, data, cache, rehash, paths, workers, ray, progress:
            As in `run`.
        noise: `white`, `pink`, folders of recordings, or several of them.
        snr: Signal-to-noise ratios in dB, over the samples in which a clip sounds. Where none of the five is given, all have
            their usual levels; an empty list asks for the usual ones.
        gain: In dB; what goes beyond full scale is kept, not clipped.
        low_pass: Cut-off frequencies in Hz.
        length: Seconds that are kept of a clip, at a place that is drawn.
        sample_rate: Rates in Hz that clips are brought to and back.
        noise_seed: Of all that is drawn of clips.
        degrade_training: Whether training and validation clips are degraded alike; every level has its own probes then.
        out: Folder in which results are written; None to write none. It is best apart from clean results, since every level is a
            task of its own to `compare` and `write_table`.
        on_result: Called with each module on a task as soon as it is there.
        on_failure: Called with module and error of what fails; the others go on.

    Returns:
        Module by module in the order of the tasks.

    Raises:
        UsageError: What is asked for cannot be, before any work.
        EvaluationError: Nothing succeeded.

    >>> (robust,) = measure_robustness("hear_ssl.melspec", "demo/calls", noise="white", snr=[10, 0], protocol="knn")
    >>> [(point.level, 0 <= point.result.score <= 1) for point in robust.curves[0].points]
    [(0.0, True), (10.0, True)]
    """
    wanted = _wanted(noise, noise_seed, snr, gain, low_pass, length, sample_rate)
    questions = questions_of(tasks, protocol, profile, folds, channel, expand)
    how = (weights, options, device, python, worker_timeout, in_process, allow_unrepeatable, store)
    specs = inputs.module_specs(modules, *how)
    pool = other_processes.hired(workers, ray)
    chosen = run_options(data, cache, device, seed, seeds, layers, allow_failed, progress, rehash, pool)
    folder = None if out is None else writable_folder("--out", inputs.path_of(out))
    prepared = _prepared(questions, chosen, wanted, paths)
    with pool or contextlib.nullcontext():
        return _measure(specs, prepared, chosen, degrade_training, folder, paths, on_result, on_failure)


def _wanted(
    noise: str | Path | Sequence[str | Path],
    noise_seed: int,
    snr: Levels,
    gain: Levels,
    low_pass: Levels,
    length: Levels,
    sample_rate: Levels,
) -> Wanted:
    """The degradations that are asked for; arguments, in dB, Hz and seconds, are those of `measure_robustness`.

    Raises:
        UsageError: The seed is none.
    """
    inputs.check_count("noise_seed", noise_seed, 0)
    levels = {"noise": snr, "gain": gain, "low_pass": low_pass, "length": length, "sample_rate": sample_rate}
    several = [noise] if isinstance(noise, str | Path) else list(noise)
    return Wanted({kind: list(its) for kind, its in levels.items() if its is not None}, several, noise_seed)


def _prepared(
    questions: Sequence[Question], chosen: RunOptions, wanted: Wanted, paths: bool
) -> list[tuple[Setup, list[Degradation]]]:
    """Every task set up, of (n_clips,) clips, and what is done to them: all that can be checked before a module is opened.

    Raises:
        UsageError: Data, layers or what is asked for do not fit, or results would name folders where they shall not (`paths`).
        EvaluationError: Recordings are missing.
    """
    for task, asked in [] if paths else questions:
        sharing.refuse_folders(task.name, [task.document(), asked.document()])
    sources, prepared = noise_sources(wanted, chosen.cache), []
    for question in questions:
        setup = set_up(*question, chosen.data, chosen.cache, rehash=chosen.rehash)
        usable.refuse_missing(setup, chosen.allow_failed)
        layers_of(setup, chosen.layers)
        steps = degradations(wanted, setup, sources)
        robustness.refuse(setup, steps)
        prepared.append((setup, steps))
    return prepared


def _measure(
    specs: Sequence[ModuleSpec],
    prepared: Sequence[tuple[Setup, list[Degradation]]],
    chosen: RunOptions,
    degrade_training: bool,
    folder: Path | None,
    paths: bool,
    on_result: Callable[[Robustness], object],
    on_failure: Callable[[str, Exception], object],
) -> list[Robustness]:
    """Every module on every task; what fails is told, and the others go on.

    Raises:
        UsageError, EvaluationError: Nothing succeeded; the first error.
    """
    training = DEGRADED if degrade_training else CLEAN
    done: list[Robustness] = []
    errors: list[UsageError | EvaluationError] = []

    def failed(spec: ModuleSpec, error: UsageError | EvaluationError) -> None:
        LOG.warning("%s: %s", spec.name, error)
        on_failure(spec.name, error)
        errors.append(error)

    for spec in specs:
        try:
            with open_any(spec) as module:
                for setup, steps in prepared:
                    try:
                        made = robustness.run(spec, module, setup, steps, chosen, training)
                    except (UsageError, EvaluationError) as error:
                        failed(spec, error)
                        continue
                    for degradation, why in made.failures:
                        on_failure(f"{spec.name} on {setup.task.name}, {degradation.title}", why)
                    done.append(_kept(made, folder, paths))
                    on_result(done[-1])
        except (UsageError, EvaluationError) as error:
            failed(spec, error)
    if errors and not done:
        raise errors[0]
    return done


def _kept(made: robustness.Robustness, folder: Path | None, paths: bool) -> Robustness:
    """The results written, and their curves."""
    clean, degraded = made.clean, made.degraded
    if not paths:  # a module that is a path gets another name, and its run with it
        clean = sharing.without_paths(clean)
        degraded = [of_clean(sharing.without_paths(each), clean) for each in degraded]
    written = [] if folder is None else [on_disk.write(each, folder) for each in (clean, *degraded)]
    return Robustness(clean, curves_of(clean, degraded), made.failures, written)
