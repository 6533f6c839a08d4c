"""What is made of embeddings and results: similarity, maps, a report."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from evaluator.api import inputs
from evaluator.api.inputs import HearModule, Tasks
from evaluator.datasets.task import Task
from evaluator.embedding import workers as other_processes
from evaluator.embedding.embed import Progress, Workers, no_progress
from evaluator.embedding.spec import ModuleSpec
from evaluator.experiment.sample import SampleOptions
from evaluator.mapping import atlas
from evaluator.mapping import maps as mapping
from evaluator.mapping import page as map_page
from evaluator.mapping.atlas import Atlas
from evaluator.probes.protocol import Protocol
from evaluator.report.build import BuiltReport, ReportOptions, build
from evaluator.report.page import FurtherSection
from evaluator.reproduction import printed
from evaluator.reproduction import weights as weight_folders
from evaluator.similarity import page as similarity_page
from evaluator.similarity import results, rsa
from evaluator.similarity.analysis import Analysis


def compute_similarity(
    modules: HearModule | Sequence[HearModule],
    tasks: Tasks,
    *,
    protocol: str | Path | Protocol | None = None,
    profile: str = "clean",
    layers: str | int = "",
    channel: str | int | None = None,
    expand: float | None = None,
    n_clips: int = 1000,
    seed: int = 0,
    allow_failed: float = 0.0,
    allow_unrepeatable: bool = False,
    weights: str = "",
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    python: str = "",
    worker_timeout: float = 600.0,
    in_process: bool = False,
    data: str | Path | None = None,
    cache: str | Path | None = None,
    rehash: bool = False,
    workers: int | str = "",
    ray: str = "",
    progress: Progress = no_progress,
) -> Analysis:
    """How alike modules and layers are, and what they have in common with acoustic descriptors and labels.

    Each pair of embeddings is compared over every two clips of a task, (n_pairs,) dissimilarities.

    Args:
        modules, tasks, profile, channel, expand, weights, options, device, python, worker_timeout, in_process, data, cache, rehash,
            workers, ray, progress: As in `run`; `weights` may be a folder that holds some under the modules' names.
        protocol: Says how much of each clip is used.
        layers: `scene`, `all`, `last`, `mean`, a layer's number, or several (`1,6,12`, `0-4`); "" for the scene embedding.
        n_clips: Held-out clips that are drawn of each task.
        seed: Of all that is drawn.
        allow_failed: Share of the clips, 0 to 1, that may be unreadable.
        allow_unrepeatable: Whether to take embeddings that differ when a module is asked again.

    Raises:
        UsageError: A module, layer or dataset is not there, or there are too few clips.
        EvaluationError: A module fails, or too many clips are unreadable.

    >>> analysis = compute_similarity(["hear_ssl.melspec", "hear_ssl.duration_loudness"], "demo/calls", n_clips=40)
    >>> analysis.datasets[0].between.rows
    ['hear_ssl.melspec', 'hear_ssl.duration_loudness']
    """
    specs = inputs.module_specs(
        modules, weights, options, device, python, worker_timeout, in_process, allow_unrepeatable
    )
    chosen, protocols = _questions(tasks, protocol, profile, channel, expand)
    pool = other_processes.hired(workers, ray)
    sample = _sample(n_clips, layers, seed, allow_failed, data, cache, rehash, progress, pool)
    with pool or contextlib.nullcontext():
        return rsa.analyse(_with_weights(specs), chosen, protocols, sample)


def draw_maps(
    modules: HearModule | Sequence[HearModule],
    tasks: Tasks,
    *,
    methods: Sequence[str] = ("tsne", "pca"),
    colours: Sequence[str] = ("label",),
    perplexity: float = 30.0,
    protocol: str | Path | Protocol | None = None,
    profile: str = "clean",
    layers: str | int = "",
    channel: str | int | None = None,
    expand: float | None = None,
    n_clips: int = 1000,
    seed: int = 0,
    allow_failed: float = 0.0,
    allow_unrepeatable: bool = False,
    weights: str = "",
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    python: str = "",
    worker_timeout: float = 600.0,
    in_process: bool = False,
    data: str | Path | None = None,
    cache: str | Path | None = None,
    rehash: bool = False,
    workers: int | str = "",
    ray: str = "",
    progress: Progress = no_progress,
) -> list[Atlas]:
    """The embeddings of tasks on a plane, and how far such maps can be trusted; one atlas a task.

    Each map gives the clips' places on a plane, (n_clips, 2).

    Args:
        modules, tasks, protocol, profile, layers, channel, expand, n_clips, seed, allow_failed, allow_unrepeatable: As in `compute_similarity`.
        methods: `tsne`, `pca`, `umap`.
        colours: `label`, `group`, `fold`, `split`, `recording`, `folder`, or an acoustic descriptor.
        perplexity: Of t-SNE.
        weights, options, device, python, worker_timeout, in_process, data, cache, rehash, workers, ray, progress: As in `run`.

    Raises:
        UsageError: A module, layer, dataset, library or column is not there, or the perplexity does not fit.
        EvaluationError: A module fails, or too many clips are unreadable.

    >>> (atlas,) = draw_maps("hear_ssl.melspec", "demo/calls", methods=["pca"], n_clips=40)
    >>> len(atlas.clips)
    40
    """
    specs = inputs.module_specs(
        modules, weights, options, device, python, worker_timeout, in_process, allow_unrepeatable
    )
    chosen, protocols = _questions(tasks, protocol, profile, channel, expand)
    pool = other_processes.hired(workers, ray)
    sample = _sample(n_clips, layers, seed, allow_failed, data, cache, rehash, progress, pool)
    map_options = mapping.MapOptions(tuple(methods), tuple(colours), perplexity)
    with pool or contextlib.nullcontext():
        return mapping.draw(_with_weights(specs), chosen, protocols, map_options, sample)


def _questions(
    tasks: Tasks,
    protocol: str | Path | Protocol | None,
    profile: str,
    channel: str | int | None,
    expand: float | None,
) -> tuple[list[Task], list[Protocol]]:
    """Tasks, and the protocol of each."""
    chosen = inputs.tasks_of(tasks, profile, channel, expand)
    return chosen, [inputs.protocol_of(protocol, task, profile) for task in chosen]


def _sample(
    n_clips: int,
    layers: str | int,
    seed: int,
    allow_failed: float,
    data: str | Path | None,
    cache: str | Path | None,
    rehash: bool,
    progress: Progress,
    workers: Workers | None,
) -> SampleOptions:
    inputs.check_count("seed", seed, 0)
    inputs.check_count("n_clips", n_clips, 1)
    inputs.check_share("allow_failed", allow_failed)
    where, folder = inputs.folder_of_data(data), inputs.folder_of_cache(cache)
    return SampleOptions(where, folder, n_clips, str(layers), seed, allow_failed, progress, rehash, workers)


def _with_weights(specs: list[ModuleSpec]) -> list[ModuleSpec]:
    """Each module with its own weights, where a folder of several was given."""
    return weight_folders.with_own_weights(specs)


def write_report(
    places: str | Path | Sequence[str | Path],
    out: str | Path = "report.html",
    *,
    data: str | Path | None = None,
    n_clips: int = 12,
    log_frequency: bool = False,
    formats: Sequence[str] = (),
    published: str | Sequence[str] = (),
    title: str = "",
    author: str = "",
    maps: str | Path | Sequence[str | Path] = (),
    similarities: str | Path | Sequence[str | Path] = (),
    pairs: Sequence[tuple[str, str]] = (),
    progress: Progress = no_progress,
) -> BuiltReport:
    """One page of results that needs no network: leaderboards, figures, clips to hear; and tables and figures beside it.

    Args:
        places: Result files, or folders of them.
        out: The page; its name ends in .html.
        data: Where the audio lies: a folder with one folder per dataset, or a dataset's own; None for where it was when it was
            evaluated.
        n_clips: Clips a task that can be heard, 0 for none.
        log_frequency: Whether their spectrograms are drawn over the logarithm of frequency, in kHz.
        formats: Of tables (csv, md, tex) and figures (svg, png) that are written beside it.
        published: Papers whose printed numbers stand beside the measured ones: `arch2024`, `sarkar2025`, `wu2022`, or the
            path of a recipe of your own.
        title, author: The heading of the page and the line below it; "" for a general heading and no line.
        maps, similarities: Folders that `hear-eval map` and `hear-eval similarity` wrote, shown on the same page with the same colours.
        pairs: Pre-trained modules, each with one that was fine-tuned from it, (n_pairs,): marked in curves of layers.
        progress: As in `run`.

    Returns:
        What was written (`.written`, paths, the page first), and what could not be used (`.problems`, sentences).

    Raises:
        UsageError: A place is not there, or holds no result that can be used; or there is no such paper, or no result of a pair's module.
        EvaluationError: A map or an analysis cannot be read.

    >>> _ = ev.run("hear_ssl.melspec", "demo/calls", protocol="knn", out="mine")
    >>> write_report("mine", "page.html", n_clips=0).written[0].name
    'page.html'
    """
    silent: list[str] = []
    where = inputs.folder_of_data(data)
    options = ReportOptions(
        inputs.path_of(out),
        where,
        n_clips,
        list(formats),
        printed.papers(inputs.names_of(published)),
        progress,
        title=title,
        author=author,
        log_frequency=log_frequency,
        further=[
            *_map_sections(maps, where, n_clips > 0, silent),
            *_similarity_sections(similarities),
        ],
        pairs=list(pairs),
    )
    built = build(inputs.places_of(places), options)
    return replace(built, problems=[*built.problems, *silent])


def _map_sections(
    folders: str | Path | Sequence[str | Path], data: Path | None, with_sounds: bool, silent: list[str]
) -> list[Callable[[Mapping[str, int]], FurtherSection]]:
    """What makes the section of each folder of maps, which share the bytes for sounds; a sentence to `silent` for each that lacks some."""
    made: list[Callable[[Mapping[str, int]], FurtherSection]] = []
    places = _places(folders)
    for number, folder in enumerate(places):
        read = atlas.read(folder)
        n_max = map_page.MAX_SOUNDS if with_sounds else 0
        sounds = map_page.sounds_of(read, data, n_max, map_page.SOUND_BYTES // len(places))
        silent += [sounds.missing] if sounds.missing else []
        section = map_page.section(read, sounds, f"map-{number + 1}")
        made.append(partial(_as_it_is, section))
    return made


def _as_it_is(section: FurtherSection, numbers: Mapping[str, int]) -> FurtherSection:
    """A section that shows no module's look."""
    return section


def _similarity_sections(
    folders: str | Path | Sequence[str | Path],
) -> list[Callable[[Mapping[str, int]], FurtherSection]]:
    """What makes the section of each folder of an analysis."""
    return [
        partial(similarity_page.section, results.read(folder), anchor=f"similarity-{number + 1}")
        for number, folder in enumerate(_places(folders))
    ]


def _places(folders: str | Path | Sequence[str | Path]) -> list[Path]:
    return [inputs.path_of(each) for each in ([folders] if isinstance(folders, str | Path) else folders)]
