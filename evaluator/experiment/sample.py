"""Several modules' embeddings of the same clips of a task, drawn by seed: what `similarity` compares and `map` draws."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.embedding.embed import Progress, Workers, no_progress
from evaluator.embedding.ensemble import open_any
from evaluator.embedding.extraction import Extraction
from evaluator.embedding.matrix import Matrix
from evaluator.embedding.spec import Module, ModuleSpec, highest_rate
from evaluator.embedding.store import Store
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment import caveats
from evaluator.experiment.experiment import Experiment, embed
from evaluator.experiment.provenance import audio_sha256
from evaluator.experiment.setup import Setup, set_up
from evaluator.probes import features
from evaluator.probes.protocol import Protocol

MIN_CLIPS = 10  # fewer say nothing: 9 clips have 36 pairs, which hang together
MAX_CLIPS = 5000  # 12.5 million pairs; time and memory grow with the square


@dataclass(frozen=True)
class SampleOptions:
    """What a user may choose about a sample and its embeddings, beside modules, tasks and protocols.

    Attributes:
        data: Where the datasets lie; None for data that is made or knows its place.
        cache: Folder for embeddings, descriptors and made data.
        n_clips: At most so many clips of each task, drawn.
        layers: Which layers are looked at (`features.parse`, but for `weighted`); "" for the scene embedding.
        seed: Of the clips that are drawn, and of what is done with them.
        allow_failed: Share of clips that may be unreadable, 0 to 1.
        progress: Shows how far a stage is: called with a title and a total number of steps.
        rehash: Whether to read every file anew, whatever is remembered of it.
        workers: Other processes that embed at the same time; None for nobody.
    """

    data: Path | None
    cache: Path
    n_clips: int
    layers: str = ""
    seed: int = 0
    allow_failed: float = 0.0
    progress: Progress = no_progress
    rehash: bool = False
    workers: Workers | None = None


@dataclass(frozen=True)
class SampleEmbeddings:
    """One module's embeddings of a sample: where they are, which layers are wanted, and what a reader should know."""

    module: str
    layers: str
    store: Store
    extraction: Extraction
    notes: list[str]


def resolve_layers(specs: Sequence[ModuleSpec], options: SampleOptions) -> str:
    """Which layers are wanted, once it is clear that the modules can be compared.

    Raises:
        UsageError: They cannot: a module is given twice, or layers or the number of clips are none that can be.
    """
    layers = features.parse(options.layers or "scene")
    if layers == "weighted":
        raise UsageError(
            f"--layers {layers}: nothing is trained here; give scene, all, last, mean, or numbers, such as 6, 1,6,12 or 0-4"
        )
    if not MIN_CLIPS <= options.n_clips <= MAX_CLIPS:
        raise UsageError(f"--clips {options.n_clips}: give {MIN_CLIPS} to {MAX_CLIPS}; every two of them are compared")
    names = [spec.name for spec in specs]
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise UsageError(f"{twice[0]} is given twice; a module is compared with the others")
    return layers


def draw(task: Task, protocol: Protocol, options: SampleOptions) -> Setup:
    """The task with the clips that are compared, drawn by seed if there are more than wanted.

    Their numbers are (n_clips,), in order.

    They are the validation clips; test clips where there are none. Where every clip is tested in one of several folds,
    all of them.

    Raises:
        UsageError: There are too few.
    """

    def pick(clips: Manifest, folds: Sequence[Fold]) -> list[int]:
        parts = [fold.valid for fold in folds]
        parts += [fold.test for fold in folds if len(folds) > 1 or not len(fold.valid)]
        numbers = np.unique(np.concatenate(parts))
        if len(numbers) < MIN_CLIPS:
            raise UsageError(f"{task.name}: {len(numbers)} clips to compare; {MIN_CLIPS} are needed")
        chosen = np.random.default_rng(options.seed).permutation(numbers)[: options.n_clips]
        return np.sort(chosen).tolist()

    return set_up(task, protocol, options.data, options.cache, pick, options.rehash)


def embed_all(
    specs: Sequence[ModuleSpec], samples: Sequence[Setup], layers: str, options: SampleOptions
) -> tuple[list[list[SampleEmbeddings]], list[dict[str, Any]]]:
    """Every module's embeddings of every sample, a list a sample; and what the modules are.

    Raises:
        UsageError, EvaluationError: A module cannot be opened, or as `_embed_sample`.
    """
    by_sample: list[list[SampleEmbeddings]] = [[] for _ in samples]
    modules = []
    for spec in specs:
        with open_any(spec) as module:
            described = module.describe()
            for sample, by_module in zip(samples, by_sample, strict=True):
                by_module.append(_embed_sample(spec, module, sample, layers, options))
            modules.append(
                {"module": spec.name, "weights": spec.weights, "options": dict(spec.options), "described": described}
            )
    return by_sample, modules


def _embed_sample(
    spec: ModuleSpec, module: Module, sample: Setup, layers: str, options: SampleOptions
) -> SampleEmbeddings:
    """A module's embeddings of a sample; only those that the store lacks are made.

    Raises:
        UsageError: The module has no such layers.
        EvaluationError: Too many clips cannot be used, or the module fails.
    """
    notes: list[str] = []
    described = module.describe()
    if layers in ("all", "last") and described["n_layers"] < 2:
        notes = ["shows a single layer; its scene embedding stands for it"] if layers == "all" else []
        layers = "scene"
    features.refuse_plain(layers, described, spec.name)
    experiment = Experiment(spec, sample, layers, "scene" if layers == "scene" else "layers")
    try:
        embedded = embed(experiment, module, options.cache, options.progress, options.allow_failed, options.workers)
    except EvaluationError as error:
        raise EvaluationError(f"{spec.name}: {error}") from error
    notes += [caveat.text for caveat in caveats.on_module(sample, described, options.cache)]
    notes += [caveat.text for caveat in caveats.on_clips(sample, embedded.extraction)]
    notes += [caveat.text for caveat in caveats.on_sound(sample, embedded.extraction, highest_rate(described))]
    return SampleEmbeddings(
        spec.name, layers, embedded.store, embedded.extraction, [f"{spec.name}: {note}" for note in notes]
    )


def made_from(sample: Setup, embeddings: Sequence[SampleEmbeddings]) -> dict[str, Any]:
    """What a result over a sample of (n_clips,) clips was made from: the task, its clips and audio, and each module's embeddings, by hashes."""
    return {
        "task_sha256": sample.task.spec_sha256,
        "protocol_sha256": sample.protocol.sha256,
        "manifest_sha256": sample.recordings.manifest.sha256,
        "audio_sha256": audio_sha256(embeddings[0].extraction),
        "stores": {each.module: each.store.key for each in embeddings},
        "n_embedded": {each.module: each.extraction.n_embedded for each in embeddings},
    }


def named(module: str, layer: str) -> str:
    """A module and one of its layers, as people read it."""
    return f"{module}, {layer}" if layer else module


def layer_matrices(embeddings: SampleEmbeddings, good: Sequence[int]) -> Iterator[tuple[str, Matrix]]:
    """The wanted embeddings (n_clips, width) of some clips with the names of their layers; they are left on disk.

    Args:
        embeddings: Of a module.
        good: Numbers of clips that it could embed, in order.
    """
    keys = [embeddings.extraction.keys[number] for number in good]
    every, candidates = features.read(embeddings.store, keys, embeddings.layers, "mean", memory=0)
    for candidate, matrix in zip(candidates, every, strict=True):
        yield candidate.name, matrix
