"""What runs will take, told before they are run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from evaluator.api import inputs, running
from evaluator.api.embedding import Places, request_of
from evaluator.api.inputs import HearModule, Tasks
from evaluator.datasets.root import find_root
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment import first_look, outline
from evaluator.experiment import forecast as forecasting
from evaluator.experiment.forecast import Forecast
from evaluator.experiment.options import RunOptions
from evaluator.experiment.run import Failure, Keeping, RunRequest
from evaluator.probes.protocol import Protocol
from evaluator.reproduction import task_data
from evaluator.reproduction import weights as known_weights


def forecast(
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
    store: str = "float32",
    data: str | Path | None = None,
    cache: str | Path | None = None,
    out: str | Path | None = "results",
    rehash: bool = False,
    again: bool = False,
    paths: bool = True,
    on_forecast: Callable[[Forecast], object] = lambda forecast: None,
    on_failure: Callable[[Failure], object] = lambda failure: None,
) -> list[Forecast]:
    """What `run` with the same arguments will take: clips, audio, downloads, disk, memory, and time by a trial of a few batches.

    Nothing is downloaded for modules of ours, scored, or embedded into the cache; a module whose weights are here is loaded. Time to fit
    probes is not forecast: it depends on how soon they settle.

    Args:
        modules, tasks, protocol, profile, layers, seed, seeds, baselines, folds, channel, expand, weights, options, device, python,
            worker_timeout, in_process, allow_failed, store, data, cache, out, rehash, again, paths: As in `run`.
        on_forecast: Called with each forecast as soon as it is there.
        on_failure: Called with each run that could not be.

    Raises:
        UsageError: What is asked for cannot be.

    >>> (each,) = forecast("hear_ssl.melspec", "demo/calls", protocol="knn")
    >>> each.n_clips, each.download_bytes, each.trial.n_stored, each.trial.processor.mean > 0
    (330, 0.0, 0, True)
    """
    questions = running.questions_of(tasks, protocol, profile, folds, channel, expand)
    given = inputs.module_specs(modules, weights, options, device, python, worker_timeout, in_process, False, store)
    chosen = running.run_options(data, cache, device, seed, seeds, layers, allow_failed, rehash=rehash)
    requests = running.requests_of(given, questions, chosen, baselines)
    keeping = Keeping(None if out is None else inputs.path_of(out), paths, again)
    return _forecast_all(requests, given, keeping, chosen, on_forecast, on_failure)


def forecast_embedding(
    module: HearModule,
    places: Places,
    *,
    window: float | None = None,
    hop: float | None = None,
    layers: str | int = "scene",
    frames: bool = False,
    channel: str | int | None = None,
    expand: float | None = None,
    weights: str = "",
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    python: str = "",
    worker_timeout: float = 600.0,
    in_process: bool = False,
    allow_failed: float = 0.0,
    store: str = "float32",
    data: str | Path | None = None,
    cache: str | Path | None = None,
    rehash: bool = False,
) -> list[Forecast]:
    """What `write_embeddings` with the same arguments will take, (n_clips,) clips or windows, a forecast for each source.

    Args:
        module, places, window, hop, layers, frames, channel, expand, weights, options, device, python, worker_timeout, in_process,
            allow_failed, store, data, cache, rehash: As in `write_embeddings`.

    Raises:
        UsageError, EvaluationError: As in `write_embeddings`.
    """
    inputs.check_share("allow_failed", allow_failed)
    how = (weights, options, device, python, worker_timeout, in_process, False, store)
    request = request_of(module, places, window, hop, layers, channel, expand, how, data, cache, rehash)
    first_look.look(request.sources, request.cut, request.cache, rehash).warn(allow_failed)
    lacking = partial(known_weights.to_load, known=known_weights.read_module_weights())
    every = outline.outlines(request.sources, request.cut, request.cache, rehash)
    view = "frames" if frames else request.clip_view
    return forecasting.of_embedding(request.spec, every, view, request.cache, lacking)


def _forecast_all(
    requests: Sequence[RunRequest],
    given: Sequence[ModuleSpec],
    keeping: Keeping,
    chosen: RunOptions,
    on_forecast: Callable[[Forecast], object],
    on_failure: Callable[[Failure], object],
) -> list[Forecast]:
    """Forecast requests; `given` are the modules that were asked for by name, whose failures count.

    A run whose data is not here has a forecast too, of what is published of it.
    """
    lacking = partial(known_weights.to_load, known=known_weights.read_module_weights())
    made: list[Forecast] = []

    def take(each: Forecast) -> None:
        made.append(each)
        on_forecast(each)

    def failed(failure: Failure) -> None:
        lacks = _without_data(failure, chosen)
        if lacks is None:
            if failure.spec in given or not isinstance(failure.error, UsageError):  # as in `run`
                on_failure(failure)
        else:
            sentences, n_bytes = lacking(failure.spec)
            total = None if n_bytes is None or lacks.download_bytes is None else n_bytes + lacks.download_bytes
            take(replace(lacks, lacks=(*sentences, *lacks.lacks), download_bytes=total))

    for each in forecasting.forecasts(requests, keeping, lacking, failed):
        take(each)
    return made


def _without_data(failure: Failure, options: RunOptions) -> Forecast | None:
    """The forecast of a run whose data is not here, as far as was published of it, in seconds; None where it failed otherwise."""
    if failure.question is None:
        return None
    task = failure.question[0]
    if task.dataset.access in ("made", "own"):
        return None
    try:
        find_root(task.dataset, options.data, options.cache)
    except UsageError:
        expected = task.dataset.expected
        sizes = [part.bytes for item in task.dataset.download for part in item.parts]
        return Forecast(
            failure.spec.name,
            task.name,
            expected.get("clips"),
            3600 * expected["hours"] if expected.get("hours") else None,
            (f"data: {task_data.how_to_get(task.dataset)}",),
            float(sum(size or 0 for size in sizes)) if sizes and all(sizes) else None,
            why="its data is not here",
            profile=failure.question[1].profile,
        )
    return None
