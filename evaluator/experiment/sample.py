"""What several modules hear of the same clips of a task: clips drawn by seed, and each module's embeddings of them.

Nothing is judged here: `similarity` compares what comes out, `map` draws it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.datasets import manifest, splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.task import Task
from evaluator.embedding.extract import Extraction
from evaluator.embedding.in_turn import Hearing, stored
from evaluator.embedding.matrix import Matrix
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.embedding.store import Store
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment import setup, usable
from evaluator.probes import features
from evaluator.probes.protocol import Protocol

LEAST_CLIPS = 10  # fewer say nothing: 9 clips have 36 pairs, which hang together
MOST_CLIPS = 5000  # 12.5 million pairs; time and memory grow with the square


@dataclass(frozen=True)
class Settings:
    """What a user may choose about a sample and its embeddings, beside modules, tasks and protocols.

    Attributes:
        data: Where the datasets lie; None for data that is made or knows its place.
        cache: Folder for embeddings, descriptors and made data.
        n_clips: At most so many clips of each task, drawn.
        layers: Which layers are looked at (`features.parse`, but for `weighted`); "" for the scene embedding.
        seed: Of the clips that are drawn, and of what is done with them.
        allow_failed: Share of clips that may be unreadable, 0 to 1.
        progress: As in `run.Settings`.
    """

    data: Path | None
    cache: Path
    n_clips: int
    layers: str = ""
    seed: int = 0
    allow_failed: float = 0.0
    progress: Callable[[str, int], Callable[[int], object]] = lambda title, total: lambda n: None


@dataclass(frozen=True)
class Sample:
    """The clips of a task that all modules hear, how they hear them, and what their recordings hold."""

    task: Task
    protocol: Protocol
    rule: ClipRule
    clips: Manifest
    facts: Mapping[str, FileFacts | AudioError]


@dataclass(frozen=True)
class Heard:
    """What a module made of a sample: where its embeddings are, which of them are asked for, and what is to be said."""

    module: str
    layers: str
    store: Store
    extraction: Extraction
    notes: list[str]


def checked(specs: Sequence[ModuleSpec], settings: Settings) -> str:
    """Which layers are asked for, once it is clear that the question can be put.

    Raises:
        UsageError: It cannot.
    """
    layers = features.parse(settings.layers or "scene")
    if layers == "weighted":
        raise UsageError("--layers weighted: nothing is trained here; give scene, all, last, mean, or a number")
    if not LEAST_CLIPS <= settings.n_clips <= MOST_CLIPS:
        raise UsageError(
            f"--clips {settings.n_clips}: give {LEAST_CLIPS} to {MOST_CLIPS}; every two of them are compared"
        )
    names = [spec.name for spec in specs]
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise UsageError(f"{twice[0]} is given twice; a module is compared with the others")
    return layers


def drawn(task: Task, protocol: Protocol, settings: Settings) -> Sample:
    """The clips that are compared, drawn by seed if there are more than asked for.

    They are the validation clips; test clips where there are none. Where every clip is tested in one of several folds,
    all of them.

    Raises:
        UsageError: There are too few.
    """
    protocol = setup.adapted(task, protocol)
    clips = manifest.read(task, settings.data, settings.cache)
    folds = splits.make(task.split, clips.clips)
    parts = [fold.valid for fold in folds]
    parts += [fold.test for fold in folds if len(folds) > 1 or not len(fold.valid)]
    numbers = np.unique(np.concatenate(parts))
    if len(numbers) < LEAST_CLIPS:
        raise UsageError(f"{task.name}: {len(numbers)} clips to compare; {LEAST_CLIPS} are needed")
    chosen = np.sort(np.random.default_rng(settings.seed).permutation(numbers)[: settings.n_clips])
    few = replace(clips, clips=tuple(clips.clips[number] for number in chosen.tolist()))
    facts = decode.file_facts(few.root, [clip.path for clip in few.clips], settings.cache)
    return Sample(task, protocol, setup.clip_rule(task, protocol), few, facts)


def hear(
    specs: Sequence[ModuleSpec], samples: Sequence[Sample], layers: str, settings: Settings
) -> tuple[list[list[Heard]], list[dict[str, Any]]]:
    """What every module makes of every sample, a list a sample; and what the modules are.

    Raises:
        UsageError, EvaluationError: As `embedded`, or a module cannot be opened.
    """
    heard: list[list[Heard]] = [[] for _ in samples]
    modules = []
    for spec in specs:
        with open_module(spec) as module:
            facts = module.describe()
            for sample, by_module in zip(samples, heard, strict=True):
                by_module.append(embedded(spec, module, sample, layers, settings))
            modules.append(
                {"module": spec.name, "weights": spec.weights, "options": dict(spec.options), "described": facts}
            )
    return heard, modules


def embedded(spec: ModuleSpec, module: Module, sample: Sample, layers: str, settings: Settings) -> Heard:
    """A module's embeddings of a sample; only those that the store lacks are made.

    Raises:
        UsageError: The module has no such layers.
        EvaluationError: Too many clips cannot be used, or the module fails.
    """
    said: list[str] = []
    facts = module.describe()
    if layers in ("all", "last") and facts["n_layers"] < 2:
        said = ["shows a single layer; its scene embedding stands for it"] if layers == "all" else []
        layers = "scene"
    features.refuse_plain(layers, facts, spec.name)
    views = "scene" if layers == "scene" else "layers"
    hearing = Hearing(sample.task.name, sample.clips, sample.rule, sample.facts)
    try:
        store, extraction = stored(spec, module, views, hearing, settings.cache, settings.progress)
        usable.refuse_failures(sample.task, sample.clips, extraction, settings.allow_failed)
    except EvaluationError as error:
        raise EvaluationError(f"{spec.name}: {error}") from error
    said += usable.notes(extraction, sample.clips)
    return Heard(spec.name, layers, store, extraction, [f"{spec.name}: {note}" for note in said])


def named(module: str, layer: str) -> str:
    """A module and one of its layers, as people read it."""
    return f"{module}, {layer}" if layer else module


def embeddings(heard: Heard, good: Sequence[int]) -> Iterator[tuple[str, Matrix]]:
    """The embeddings (n_clips, width) that are asked for of some clips, with the names of their layers, which are left on disk."""
    keys = [heard.extraction.keys[number] for number in good]
    matrices, candidates = features.read(heard.store, keys, heard.layers, "mean", memory=0)
    for candidate, matrix in zip(candidates, matrices, strict=True):
        yield candidate.name, matrix
