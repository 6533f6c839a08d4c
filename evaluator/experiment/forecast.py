"""What runs will take, before they are run: clips, audio, disk, memory, and time by a trial; nothing is scored or stored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.recordings import Recordings
from evaluator.embedding.ensemble import MemberwiseEnsemble, open_any
from evaluator.embedding.extraction import keyed, seconds_of
from evaluator.embedding.missing import Clips, ListedClips
from evaluator.embedding.precomputed import Precomputed
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.embedding.trial import Trial, tried, tried_members
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.checked import Asked, Checks, Failure, Keeping, RunRequest
from evaluator.experiment.experiment import prepare
from evaluator.experiment.outline import Outline
from evaluator.experiment.provenance import Clock


@dataclass(frozen=True)
class Forecast:
    """What a run of a module on a task will take.

    Attributes:
        module, task: Their names.
        n_clips: Of the task; of data that is not here as published, None if not known.
        audio_seconds: Of them all, as modules hear them; of data that is not here as published.
        lacks: What has to be had first, a sentence each: weights, data.
        download_bytes: Of that; 0 where nothing is missing, None where a size is not known.
        unchanged: Whether the result is there already and nothing has changed.
        open_processor: Processor seconds that importing and loading the module took, once for all its tasks.
        trial: What embedding will take; None where it could not be tried (`why`), or has not to be.
        why: Why there is no trial.
        profile: Of the protocol; "" where nothing is scored.
    """

    module: str
    task: str
    n_clips: int | None
    audio_seconds: float | None
    lacks: tuple[str, ...] = ()
    download_bytes: float | None = 0
    unchanged: bool = False
    open_processor: float | None = None
    trial: Trial | None = None
    why: str = ""
    profile: str = ""


Lacking = Callable[[ModuleSpec], tuple[Sequence[str], float | None]]
"""What a module lacks before it can be loaded, a sentence each, and how many bytes that is; None where that is not known."""


def forecasts(
    requests: Sequence[RunRequest], keeping: Keeping, lacking: Lacking, failed: Callable[[Failure], object]
) -> Iterator[Forecast]:
    """The forecast of every run, (n_clips,) clips each, as soon as it is there.

    Args:
        requests: What would be run.
        keeping: Where results are kept, of which those of the very same requests need nothing.
        lacking: Says what a module lacks; one that lacks something is not loaded.
        failed: Called with each run that could not be.
    """
    checks = Checks(requests, keeping)
    for failure in checks.failures:
        failed(failure)
    for request, among in zip(requests, checks.asked, strict=True):
        try:
            sentences, n_bytes = lacking(request.spec)
        except (UsageError, EvaluationError) as error:
            failed(Failure(request.spec, None, error))
            continue
        to_do = [each for each in among if each.kept is None]
        for each in among:
            if each.kept is not None or sentences:
                yield _untried(request.spec, each, sentences, n_bytes)
        if to_do and not sentences:
            yield from _tried(request, to_do, n_bytes, failed)


def _untried(spec: ModuleSpec, asked: Asked, lacks: Sequence[str], n_bytes: float | None) -> Forecast:
    named = spec.name, asked.question[0].name, *_counts(asked.listed.setup.recordings)
    profile = asked.question[1].profile
    if asked.kept is not None:
        return Forecast(*named, unchanged=True, profile=profile)
    return Forecast(*named, tuple(lacks), n_bytes, why="its weights are not here", profile=profile)


def _tried(
    request: RunRequest, to_do: Sequence[Asked], n_bytes: float | None, failed: Callable[[Failure], object]
) -> Iterator[Forecast]:
    spec, clock = request.spec, Clock()
    counted: dict[Path, set[str]] = {}
    try:
        with open_any(spec) as module:
            clock.lap("open")
            for asked in to_do:
                setup = asked.listed.setup
                try:
                    views = prepare(spec, module, setup, request.options.layers).views
                    made, why = _trial(
                        spec, module, views, ListedClips(setup.recordings, counted), request.options.cache
                    )
                except (UsageError, EvaluationError) as error:
                    failed(Failure(spec, asked.question, error))
                    continue
                yield Forecast(
                    spec.name,
                    asked.question[0].name,
                    *_counts(setup.recordings),
                    download_bytes=n_bytes,
                    open_processor=clock.processor["open"],
                    trial=made,
                    why=why,
                    profile=asked.question[1].profile,
                )
    except (UsageError, EvaluationError) as error:
        failed(Failure(spec, None, error))


def of_embedding(
    spec: ModuleSpec, several: Sequence[Outline], view: str, cache: Path, lacking: Lacking
) -> list[Forecast]:
    """The forecasts of embedding clips or windows, (n_clips,) of each source.

    Args:
        spec: The module.
        several: What each source holds.
        view: "scene", "layers" or "frames".
        cache: Folder of all stores.
        lacking: As for `forecasts`.

    Raises:
        UsageError, EvaluationError: The module cannot be opened, or fails.
    """
    sentences, n_bytes = lacking(spec)
    clock = Clock()
    if sentences:
        missing, why = (tuple(sentences), n_bytes), "its weights are not here"
        return [Forecast(spec.name, each.name, each.n_clips, each.seconds, *missing, why=why) for each in several]
    made = []
    with open_any(spec) as module:
        clock.lap("open")
        if view == "frames" and not module.describe()["timestamp_embedding_size"]:
            raise UsageError(f"{spec.name}: gives no timestamp embeddings; leave --frames out")
        for each in several:
            trial, why = _trial(spec, module, view, each, cache)
            named, opened = (spec.name, each.name, each.n_clips, each.seconds), clock.processor["open"]
            made.append(Forecast(*named, (), n_bytes, False, opened, trial, why))
    return made


def _trial(spec: ModuleSpec, module: Module, views: str, clips: Clips, cache: Path) -> tuple[Trial | None, str]:
    if isinstance(module, MemberwiseEnsemble):
        if module.merges_scenes(views):
            return tried_members(module, clips, cache), ""
        return None, "its members' frames are merged clip by clip; ask for the members"
    if isinstance(module, Precomputed):
        return None, "its vectors are looked up, which takes moments"
    return tried(spec, module, views, clips, cache), ""


def _counts(recordings: Recordings) -> tuple[int, float]:
    """Clips, and seconds of audio of those that can be read."""
    return len(recordings.clips), sum(seconds_of(recordings, number) for number in keyed(recordings).keys)
