"""Representational similarity analysis of any modules and layers on any tasks, from files to tables.

The steps are those of Ogg 2025: up to 1000 validation clips of each dataset (all clips, where folds rotate); cosine dissimilarity of embeddings,
absolute difference of descriptors, same or other label; Spearman over pairs of clips; what is above 0 and survives the
correction for the false discovery rate counts; the mean over datasets. The paper's p is not described; ours is that
of a Mantel test. The mathematics is in `similarity`, the descriptors in `descriptors`.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from evaluator.datasets import audio, manifest, splits
from evaluator.datasets.audio import AudioError, FileFacts
from evaluator.datasets.clip_rule import ClipRule
from evaluator.datasets.manifest import Manifest
from evaluator.embedding import usable
from evaluator.embedding.extract import Extraction, extract, part_of
from evaluator.embedding.matrix import Matrix
from evaluator.embedding.module import Module, ModuleSpec, open_module
from evaluator.embedding.store import Store
from evaluator.errors import EvaluationError, UsageError
from evaluator.judging import asking, features
from evaluator.judging.protocol import Protocol
from evaluator.provenance import Clock, audio_sha256, identity, surroundings
from evaluator.similarity import correlations, descriptors
from evaluator.similarity.results import Analysis, Found, Table
from evaluator.similarity.variables import Variable, described, labelled
from evaluator.task import Task

MOST_CLIPS = 5000  # 12.5 million pairs; time and memory grow with the square


@dataclass(frozen=True)
class Settings:
    """What a user may choose about an analysis, beside modules, tasks and protocols.

    Attributes:
        data: Where the datasets lie; None for data that is made or knows its place.
        cache: Folder for embeddings, descriptors and made data.
        n_clips: At most so many clips of each task, drawn.
        layers: Which layers are looked at (`features.parse`, but for `weighted`); "" for the scene embedding.
        seed: Of the clips that are drawn, and of the permutations.
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


def analyse(
    specs: Sequence[ModuleSpec], tasks: Sequence[Task], protocols: Sequence[Protocol], settings: Settings
) -> Analysis:
    """Compare modules and layers with each other, with acoustic descriptors and with labels, task by task.

    Args:
        specs: The modules.
        tasks, protocols: What they hear, and how: each task's protocol says how clips are cut and filled up.
        settings: The rest.

    Raises:
        UsageError: A module, layer or dataset is not there, or there are too few clips.
        EvaluationError: A module fails, or more clips are unreadable than `settings.allow_failed` admits. What was
            embedded is kept.
    """
    clock = Clock()
    layers = checked(specs, settings)
    samples = [drawn(task, protocol, settings) for task, protocol in zip(tasks, protocols, strict=True)]
    clock.lap("list")
    heard: list[list[Heard]] = [[] for _ in samples]
    modules = []
    for spec in specs:
        with open_module(spec) as module:
            described = module.describe()
            for sample, by_module in zip(samples, heard, strict=True):
                by_module.append(embedded(spec, module, sample, layers, settings))
            modules.append(
                {"module": spec.name, "weights": spec.weights, "options": dict(spec.options), "described": described}
            )
    clock.lap("embed")
    found = [compared(sample, by_module, settings) for sample, by_module in zip(samples, heard, strict=True)]
    clock.lap("compare")
    asked = {"layers": layers, "n_clips": settings.n_clips, "seed": settings.seed}
    return Analysis(
        modules=modules,
        datasets=found,
        descriptors=[asdict(each) for each in descriptors.listed()],
        seconds=clock.seconds,
        provenance={**surroundings(clock), **asked, "permutations": correlations.PERMUTATIONS},
    )


def checked(specs: Sequence[ModuleSpec], settings: Settings) -> str:
    """Which layers are asked for, once it is clear that the question can be put.

    Raises:
        UsageError: It cannot.
    """
    layers = features.parse(settings.layers or "scene")
    if layers == "weighted":
        raise UsageError("--layers weighted: nothing is trained here; give scene, all, last, mean, or a number")
    if not correlations.LEAST_CLIPS <= settings.n_clips <= MOST_CLIPS:
        raise UsageError(
            f"--clips {settings.n_clips}: give {correlations.LEAST_CLIPS} to {MOST_CLIPS}; every two of them are compared"
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
    protocol = asking.adapted(task, protocol)
    clips = manifest.read(task, settings.data, settings.cache)
    folds = splits.make(task.split, clips.clips)
    parts = [fold.valid for fold in folds]
    parts += [fold.test for fold in folds if len(folds) > 1 or not len(fold.valid)]
    numbers = np.unique(np.concatenate(parts))
    if len(numbers) < correlations.LEAST_CLIPS:
        raise UsageError(f"{task.name}: {len(numbers)} clips to compare; {correlations.LEAST_CLIPS} are needed")
    chosen = np.sort(np.random.default_rng(settings.seed).permutation(numbers)[: settings.n_clips])
    few = replace(clips, clips=tuple(clips.clips[number] for number in chosen.tolist()))
    facts = audio.file_facts(few.root, [clip.path for clip in few.clips], settings.cache)
    return Sample(task, protocol, asking.clip_rule(task, protocol), few, facts)


def embedded(spec: ModuleSpec, module: Module, sample: Sample, layers: str, settings: Settings) -> Heard:
    """A module's embeddings of a sample; only those that the store lacks are made.

    Raises:
        UsageError: The module has no such layers.
        EvaluationError: Too many clips cannot be used, or the module fails.
    """
    said: list[str] = []
    described = module.describe()
    if layers in ("all", "last") and described["n_layers"] < 2:
        said = ["shows a single layer; its scene embedding stands for it"] if layers == "all" else []
        layers = "scene"
    features.refuse_plain(layers, described, spec.name)
    views = "scene" if layers == "scene" else "layers"
    store = Store(settings.cache, identity(spec, described), part_of(views, module))
    advance = settings.progress(f"{spec.name} {sample.task.name}: clips", len(sample.clips.clips))
    try:
        extraction = extract(module, sample.clips, sample.rule, sample.facts, store, advance, views=views)
        usable.refuse_failures(sample.task, sample.clips, extraction, settings.allow_failed)
    except EvaluationError as error:
        raise EvaluationError(f"{spec.name}: {error}") from error
    said += usable.notes(extraction, sample.clips)
    return Heard(spec.name, layers, store, extraction, [f"{spec.name}: {note}" for note in said])


def compared(sample: Sample, heard: Sequence[Heard], settings: Settings) -> Found:
    """How alike all embeddings of a sample are, and what they have in common with descriptors and labels.

    Raises:
        EvaluationError: Too few clips can be used.
    """
    good = sorted(set.intersection(*(set(each.extraction.keys) for each in heard)))
    names: list[str] = []
    matrices: list[Matrix] = []
    for each in heard:
        for name, matrix in embeddings(each, good):
            names.append(f"{each.module}, {name}" if name else each.module)
            matrices.append(matrix)
    rows = usable_rows(matrices, len(good))
    if len(rows) < correlations.LEAST_CLIPS:
        raise EvaluationError(
            f"{sample.task.name}: {len(rows)} clips have an embedding of every module that is not all zeros; "
            f"{correlations.LEAST_CLIPS} are needed"
        )
    kept = [good[row] for row in rows.tolist()]
    ways = [as_way(matrix, rows) for matrix in matrices]
    unlike = [as_unlike(way) for way in ways]
    between = correlations.alike(unlike, unlike, len(rows), settings.seed)
    variables = known_of(sample, kept, settings)
    to_variables, notes = with_variables(ways, variables, settings.seed)
    n_zero = len(good) - len(rows)
    return Found(
        task=sample.task.name,
        dataset=sample.task.dataset.name,
        protocol=sample.protocol.name,
        profile=sample.protocol.profile,
        clips=[sample.clips.clips[number].name for number in kept],
        n_failed=len(sample.clips.clips) - len(good),
        between=Table.of(names, names, between, symmetric=True),
        cka=correlations.linear_cka(ways, len(rows)).tolist(),
        variables=Table.of(names, [each.name for each in variables], to_variables),
        kinds=[each.kind for each in variables],
        n_defined=[int(each.defined.sum()) for each in variables],
        notes=[
            *(note for each in heard for note in each.notes),
            *([f"{n_zero} clips have an embedding that is all zeros, and are left out"] if n_zero else []),
            *notes,
        ],
        provenance={
            "task_sha256": sample.task.spec_sha256,
            "protocol_sha256": sample.protocol.sha256,
            "manifest_sha256": sample.clips.sha256,
            "audio_sha256": audio_sha256(heard[0].extraction),
            "stores": {each.module: each.store.key for each in heard},
            "n_embedded": {each.module: each.extraction.n_embedded for each in heard},
        },
    )


def embeddings(heard: Heard, good: Sequence[int]) -> Iterator[tuple[str, Matrix]]:
    """The embeddings (n_clips, width) that are asked for of some clips, with the names of their layers, which are left on disk."""
    keys = [heard.extraction.keys[number] for number in good]
    matrices, candidates = features.read(heard.store, keys, heard.layers, "mean", memory=0)
    for candidate, matrix in zip(candidates, matrices, strict=True):
        yield candidate.name, matrix


def usable_rows(matrices: Sequence[Matrix], n_clips: int) -> np.ndarray:
    """Rows (n,) of clips that no embedding is all zeros of: those have no cosine."""
    good = np.ones(n_clips, bool)
    for matrix in matrices:
        good &= matrix.take(np.arange(n_clips)).any(axis=1)
    return np.flatnonzero(good)


def as_way(matrix: Matrix, rows: np.ndarray) -> correlations.Way:
    """Reads some rows of a matrix when they are needed."""
    return lambda: matrix.take(rows)


def as_unlike(way: correlations.Way, rows: np.ndarray | None = None) -> correlations.Way:
    """Makes dissimilarities of embeddings, or of some rows of them, when they are needed."""
    return lambda: correlations.cosine(way() if rows is None else way()[rows])


def as_difference(variable: Variable, rows: np.ndarray) -> correlations.Way:
    """Makes dissimilarities of a variable, over some clips, when they are needed."""
    return lambda: variable.unlike(rows)


def known_of(sample: Sample, numbers: Sequence[int], settings: Settings) -> list[Variable]:
    """Descriptors, labels and groups of some clips of a sample; descriptors that were made before are remembered."""
    clips = [sample.clips.clips[number] for number in numbers]
    place = hashlib.sha256(str(sample.clips.root.resolve()).encode()).hexdigest()[:16]
    memory = settings.cache / "descriptors" / f"{place}-{descriptors.version()}.json"
    advance = settings.progress(f"{sample.task.name}: descriptors", len(clips))
    acoustic = described(sample.clips.root, clips, sample.facts, sample.rule.seconds, memory, advance)
    return [*acoustic, *labelled(clips, sample.clips.classes)]


def with_variables(
    ways: Sequence[correlations.Way], variables: Sequence[Variable], seed: int
) -> tuple[correlations.Alike, list[str]]:
    """What embeddings have in common with variables, each over the clips that it is defined of; and notes on it.

    Args:
        ways: Give embeddings (n_clips, width).
        variables: Of the same clips.
        seed: Of the permutations.
    """
    r, p = np.full((2, len(ways), len(variables)), np.nan)
    together: dict[bytes, list[int]] = {}  # variables that are defined of the same clips
    for number, variable in enumerate(variables):
        together.setdefault(variable.defined.tobytes(), []).append(number)
    for numbers in together.values():
        rows = np.flatnonzero(variables[numbers[0]].defined)
        if len(rows) < correlations.LEAST_CLIPS:
            continue
        unlike = [as_unlike(way, rows) for way in ways]
        differ = [as_difference(variables[number], rows) for number in numbers]
        found = correlations.alike(unlike, differ, len(rows), seed)
        r[:, numbers], p[:, numbers] = found.r, found.p
    without = [each.name for each, column in zip(variables, r.T, strict=True) if np.isnan(column).all()]
    said = f"not compared, as they are the same in all clips or known of fewer than {correlations.LEAST_CLIPS}: "
    return correlations.Alike(r, p), [said + ", ".join(without)] if without else []
