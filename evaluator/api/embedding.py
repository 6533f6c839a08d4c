"""One module: its embeddings of recordings, and whether it keeps the HEAR contract."""

import contextlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.api import inputs
from evaluator.api.inputs import HearModule
from evaluator.datasets.task import Task
from evaluator.embedding import conformance, deep_checks, rounding
from evaluator.embedding import workers as other_processes
from evaluator.embedding.asked import Check
from evaluator.embedding.embed import Progress, no_progress
from evaluator.embedding.module import open_module
from evaluator.errors import UsageError
from evaluator.experiment import blocks, embed_files, embeddings, sources
from evaluator.experiment.embed_files import EmbedRequest
from evaluator.experiment.embeddings import Embeddings, WrittenEmbeddings
from evaluator.experiment.sources import Hearing
from evaluator.vectors import destination

Places = str | Path | Task | Sequence[str | Path | Task]
"""What is embedded: audio files, folders, tables and tasks, one or several."""

DEPTHS = ("quick", "full", "deep")


def embed(
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
    allow_unrepeatable: bool = False,
    store: str = "float32",
    data: str | Path | None = None,
    cache: str | Path | None = None,
    rehash: bool = False,
    workers: int | str = "",
    ray: str = "",
    progress: Progress = no_progress,
) -> Embeddings:
    """Vectors of recordings, clips or windows, in memory; what is in the cache is not made again.

    Args:
        module: A HEAR module by name, or the module itself.
        places: Audio files, folders that hold some at any depth, tables (path, and start, end, label, group if there), tables of
            annotation programs or folders with such tables, tasks by name or YAML file, or tasks that `find_tasks` gave. A `Path` is
            never a task's name.
        window: Length in seconds of the windows that clips are cut into; None for a row a clip.
        hop: Seconds from the start of one window to the next; None for windows side by side.
        layers: `scene`, `all` (a vector for each layer), `last`, `mean`, or a layer's number.
        frames: Whether timestamp embeddings and their times in ms are wanted too; of a module that gives none they are empty.
        allow_failed: Share, 0 to 1, of the recordings or clips that may fail.
        channel, expand, weights, options, device, python, worker_timeout, in_process, allow_unrepeatable, store, data, cache, rehash,
            workers, ray, progress: As in `run`.

    Raises:
        UsageError: The module, its layers or a place is not there.
        EvaluationError: More cannot be embedded than `allow_failed` admits, or the module fails.

    >>> embeddings = embed("hear_ssl.melspec", ["tone.wav", "noise.wav"], frames=True)
    >>> embeddings.vectors.shape, len(embeddings.frames), list(embeddings.to_frame().columns[:6])
    ((2, 128), 2, ['path', 'start', 'end', 'label', 'group', 'v0'])
    """
    how = (weights, options, device, python, worker_timeout, in_process, allow_unrepeatable, store)
    inputs.check_share("allow_failed", allow_failed)
    request = request_of(module, places, window, hop, layers, channel, expand, how, data, cache, rehash)
    pool = other_processes.hired(workers, ray)
    with pool or contextlib.nullcontext():
        return embeddings.collect(replace(request, workers=pool), frames, allow_failed, progress)


def write_embeddings(
    module: HearModule,
    places: Places,
    out: str | Path,
    *,
    window: float | None = None,
    hop: float | None = None,
    layers: str | int = "scene",
    frames: bool = False,
    overwrite: bool = False,
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
    rehash: bool = False,
    workers: int | str = "",
    ray: str = "",
    progress: Progress = no_progress,
) -> WrittenEmbeddings:
    """As `embed`, into a table that R and pandas read; hours of audio take no more memory than minutes.

    It is there once it is whole; the same call after an interruption goes on, and ends with the same bytes. What cannot be embedded is
    told, as far as headers tell it before the module is loaded, and the others are written.

    Args:
        module, places, window, hop, layers, channel, expand, weights, options, device, python, worker_timeout, in_process,
            allow_unrepeatable, store, data, cache, rehash, workers, ray, progress: As in `embed`.
        out: A file that ends in `.parquet`, `.csv` or `.npz`, or a folder (a name without ending, or a slash at its end) of `.npy`
            files that a memory map reads, with an index.
        frames: Whether timestamp embeddings, (n_frames, width) a clip, are written instead of a vector a clip; into a folder.
        overwrite: Whether to replace what another request made, or anything else that is there.
        allow_failed: Share, 0 to 1, of the recordings or clips that may be unreadable without a warning before anything is embedded; the
            others are written in any case.

    Raises:
        UsageError: The module, its layers or a place is not there, or `out` holds something else.
        EvaluationError: The module fails, nothing can be embedded, or it cannot be written.

    >>> written = write_embeddings("hear_ssl.melspec", ["tone.wav", "noise.wav"], "vectors.csv")
    >>> written.n_rows, written.failed, written.path.read_text()[:28]
    (2, {}, 'path,start,end,label,group,v')
    """
    if frames and str(layers) != "scene":
        raise UsageError(
            f"--frames and --layers {layers}: frames are those of the module as it gives them; leave one out"
        )
    inputs.check_share("allow_failed", allow_failed)
    goes_to = destination.destination(inputs.path_of(out) if isinstance(out, Path) else out, frames)
    how = (weights, options, device, python, worker_timeout, in_process, allow_unrepeatable, store)
    request = request_of(module, places, window, hop, layers, channel, expand, how, data, cache, rehash)
    if not overwrite:
        goes_to.refuse_other(request.asked(frames, goes_to.path))
    pool = other_processes.hired(workers, ray)
    with pool or contextlib.nullcontext():
        return embeddings.write(replace(request, workers=pool), goes_to, frames, allow_failed, progress)


def request_of(
    module: HearModule,
    places: Places,
    window: float | None,
    hop: float | None,
    layers: str | int,
    channel: str | int | None,
    expand: float | None,
    how: tuple[Any, ...],
    data: str | Path | None,
    cache: str | Path | None,
    rehash: bool,
) -> EmbedRequest:
    """What is to be embedded, checked; `how` are arguments of `inputs.one_module`, the others those of `embed`, lengths in seconds."""
    spec = inputs.one_module(module, *how)
    cut = blocks.cut_of(window, hop)
    chosen = embed_files.checked_layers(str(layers))
    given = [places] if isinstance(places, (str, Path, Task)) else list(places)
    folder = inputs.folder_of_cache(cache)
    hearing = Hearing(inputs.channel_of(channel), inputs.check_pace(expand))
    found = sources.sources_of(given, hearing, inputs.folder_of_data(data), folder, whole=cut.window is not None)
    named = [place.name if isinstance(place, Task) else Path(place).as_posix() for place in given]
    paths = [Path(place).expanduser().absolute() for place in given if not isinstance(place, Task)]
    there = [path for path in paths if path.exists()]
    return EmbedRequest(spec, named, found, hearing, chosen, cut, folder, rehash, paths=there)


def validate(
    module: HearModule,
    *,
    depth: str = "full",
    weights: str = "",
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    python: str = "",
    worker_timeout: float = 600.0,
    in_process: bool = False,
    on_check: Callable[[Check], object] = lambda check: None,
) -> list[Check]:
    """Each promise of the HEAR contract, and whether a module keeps it.

    It is asked for sounds of 1 sample up to 60 s, alone and in batches (n_sounds, n_samples); in a reduced precision also how far each
    layer is from float32.

    Args:
        module: A HEAR module by name, or the module itself.
        depth: `quick` for a few seconds of audio; `full`; `deep` to load it a second time as well, in a fresh process in which its
            random generators run.
        weights, options, device, python, worker_timeout, in_process: As in `run`.
        on_check: Called with each check as soon as it is done.

    Raises:
        UsageError: It is not there, or cannot be loaded.
        EvaluationError: It crashes or hangs.

    >>> all(check.passed for check in validate("hear_ssl.melspec"))
    True
    """
    if depth not in DEPTHS:
        raise UsageError(schema.unknown("depth", depth, DEPTHS))
    spec = inputs.one_module(module, weights, options, device, python, worker_timeout, in_process)
    done: list[Check] = []
    with open_module(spec) as opened:
        deep = deep_checks.checks(spec, opened) if depth == "deep" else ()
        kept = conformance.checks(opened, quick=depth == "quick")
        for check in itertools.chain(kept, rounding.checks(spec, opened), deep):
            done.append(check)
            on_check(check)
    return done
