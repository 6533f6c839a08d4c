"""Maps of the embeddings of any modules and layers on a task, from files to an atlas.

As in Ogg 2025, held-out clips are mapped, and coloured by their label or by what else is known of them; the paper draws up to 2000
a dataset, and its other options are unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.datasets.task import Task
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError
from evaluator.experiment.provenance import Clock, surroundings
from evaluator.experiment.sample import (
    MIN_CLIPS,
    SampleEmbeddings,
    SampleOptions,
    embed_all,
    layer_matrices,
    made_from,
    named,
    resolve_layers,
)
from evaluator.experiment.sample import draw as draw_sample
from evaluator.experiment.setup import Setup
from evaluator.mapping import colouring, methods
from evaluator.mapping.atlas import Atlas, Map, MappedEmbedding
from evaluator.mapping.colouring import Colouring
from evaluator.probes.protocol import Protocol
from evaluator.similarity.variables import variables_of


@dataclass(frozen=True)
class MapOptions:
    """What a user may choose about maps.

    methods: Of `methods.METHODS`.
    colours: Columns of clips, or acoustic descriptors such as level (dB) and centroid (Hz); see `colouring`.
    perplexity: Of t-SNE; at least 1, less than the number of clips.
    """

    methods: Sequence[str] = ("tsne", "pca")
    colours: Sequence[str] = ("label",)
    perplexity: float = 30.0


def draw(
    specs: Sequence[ModuleSpec],
    tasks: Sequence[Task],
    protocols: Sequence[Protocol],
    map_options: MapOptions,
    options: SampleOptions,
) -> list[Atlas]:
    """Map the embeddings of all modules on each task: each clip a point, (n_clips, 2).

    Args:
        specs: The modules.
        tasks, protocols: Which clips, and how: each task's protocol says how clips are cut and filled up.
        map_options: Methods and colours.
        options: Which layers, how many clips, seed, and where data and cache lie.

    Raises:
        UsageError: A module, layer, dataset, library or column is not there, or the perplexity does not fit.
        EvaluationError: A module fails, gives all clips the same embedding, or more clips are unreadable than
            `options.allow_failed` admits. What was embedded is kept.
    """
    clock = Clock()
    layers = resolve_layers(specs, options)
    methods.refuse_unfit(map_options.methods, map_options.perplexity, options.n_clips)
    samples = [draw_sample(task, protocol, options) for task, protocol in zip(tasks, protocols, strict=True)]
    for sample in samples:
        methods.refuse_unfit(map_options.methods, map_options.perplexity, len(sample.recordings.clips))
        colouring.refuse_unfit(map_options.colours, sample.recordings.clips, sample.task.name)
    clock.lap("list")
    embeddings, modules = embed_all(specs, samples, layers, options)
    clock.lap("embed")
    settings = {
        "layers": layers,
        "n_clips": options.n_clips,
        "seed": options.seed,
        "methods": list(map_options.methods),
        "colours": list(map_options.colours),
        "perplexity": map_options.perplexity if "tsne" in map_options.methods else None,
    }
    atlases = []
    for sample, by_module in zip(samples, embeddings, strict=True):
        clock.restart()
        common = {"modules": modules, "options": settings}
        atlases.append(_map_task(sample, by_module, map_options, options, clock, common))
    return atlases


def _map_task(
    sample: Setup,
    embeddings: Sequence[SampleEmbeddings],
    map_options: MapOptions,
    options: SampleOptions,
    clock: Clock,
    common: dict[str, Any],
) -> Atlas:
    """The atlas of one task; `common` holds the fields that are the same on all tasks.

    Raises:
        UsageError: Too few clips are left for the perplexity.
        EvaluationError: Too few clips can be used.
    """
    usable = sorted(set.intersection(*(set(each.extraction.keys) for each in embeddings)))
    task = sample.task
    if len(usable) < MIN_CLIPS:
        raise EvaluationError(f"{task.name}: {len(usable)} clips can be used with every module; {MIN_CLIPS} are needed")
    methods.refuse_unfit(map_options.methods, map_options.perplexity, len(usable))
    colourings = _colour_clips(sample, usable, map_options, options)
    spaces = _map_embeddings(embeddings, usable, colourings, map_options, options)
    clock.lap("map")
    n_failed = len(sample.recordings.clips) - len(usable)
    return Atlas(
        task=task.name,
        dataset=task.dataset.name,
        protocol=sample.protocol.name,
        profile=sample.protocol.profile,
        clips=[sample.recordings.clips[number] for number in usable],
        colourings=colourings,
        by_chance={each.name: methods.chance_agreement(each.values) for each in colourings if each.kinds},
        n_neighbours=methods.n_neighbours(len(usable)),
        spaces=spaces,
        n_failed=n_failed,
        notes=[
            *(note for each in embeddings for note in each.notes),
            *([f"{n_failed} clips cannot be used, and are left out"] if n_failed else []),
            *(note for each in colourings for note in _colour_notes(each)),
        ],
        seconds=dict(clock.seconds),
        provenance=_provenance(sample, embeddings, clock),
        heard={
            "data": str(sample.recordings.manifest.root.resolve()),
            "channel": sample.recordings.rule.channel,
            "expand": sample.recordings.rule.expand,
        },
        **common,
    )


def _provenance(sample: Setup, embeddings: Sequence[SampleEmbeddings], clock: Clock) -> dict[str, Any]:
    """What an atlas was made from: machine and versions, the task, its clips and audio, and each module's embeddings."""
    return {
        **surroundings(clock),
        "task": sample.task.document(),
        **made_from(sample, embeddings),
    }


def _colour_clips(
    sample: Setup, usable: Sequence[int], map_options: MapOptions, options: SampleOptions
) -> list[Colouring]:
    """The colours of some clips; descriptors are only computed where one is asked for."""
    clips = [sample.recordings.clips[number] for number in usable]
    acoustic = {}
    if set(map_options.colours) - set(colouring.CLIP_COLUMNS):
        acoustic = {each.name: each for each in variables_of(sample, usable, options) if each.kind == "descriptor"}
    return [
        colouring.by_descriptor(acoustic[name])
        if name in acoustic and name not in colouring.CLIP_COLUMNS
        else colouring.by_column(name, clips, sample.recordings.manifest.classes)
        for name in dict.fromkeys(map_options.colours)
    ]


def _map_embeddings(
    embeddings: Sequence[SampleEmbeddings],
    usable: Sequence[int],
    colourings: Sequence[Colouring],
    map_options: MapOptions,
    options: SampleOptions,
) -> list[MappedEmbedding]:
    """Every embedding with its maps."""
    by_kind = [each for each in colourings if each.kinds]
    mapped = []
    for each in embeddings:
        for layer, matrix in layer_matrices(each, usable):
            name = named(each.module, layer)
            wide = methods.centred(matrix.take(np.arange(len(usable))), name)
            nearest = methods.neighbours(wide)
            advance = options.progress(f"{name}: maps", len(map_options.methods))
            maps = []
            for method in dict.fromkeys(map_options.methods):
                maps.append(_map_of(method, wide, nearest, by_kind, map_options, options.seed))
                advance(1)
            agreement = {colour.name: methods.agreement(nearest, colour.values) for colour in by_kind}
            mapped.append(MappedEmbedding(name, each.module, layer, matrix.shape[1], agreement, maps))
    return mapped


def _map_of(
    method: str, wide: np.ndarray, nearest: np.ndarray, by_kind: Sequence[Colouring], map_options: MapOptions, seed: int
) -> Map:
    """One map, with what it keeps of the neighbours `nearest` (n_clips, n_neighbours) in the embedding `wide` (n_clips, width)."""
    projection = methods.project(method, wide, map_options.perplexity, seed)
    points = np.asarray(projection.points, np.float64)
    nearest_on_map = methods.neighbours(points)
    agreement = {each.name: methods.agreement(nearest_on_map, each.values) for each in by_kind}
    trust = methods.trustworthiness(wide, points)
    return Map(method, points, projection.facts, methods.share_kept(nearest, nearest_on_map), trust, agreement)


def _colour_notes(colours: Colouring) -> list[str]:
    """Sentences about colours: how many clips have none, and when marks repeat."""
    notes = []
    for why in colours.specials:
        n = int((colours.special == why).sum())
        notes.append(f"{colours.name}: {n} of {len(colours.special)} clips have no colour: {why}")
    if len(colours.kinds) > colouring.n_distinct():
        notes.append(
            f"{colours.name}: {len(colours.kinds)} values share {colouring.n_distinct()} marks; hover over a mark to see which"
        )
    return notes
