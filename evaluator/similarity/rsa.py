"""Representational similarity analysis of any modules and layers on any tasks, from files to tables.

The steps are those of Ogg 2025: up to 1000 validation clips of each dataset (all clips, where folds rotate); cosine dissimilarity of embeddings,
absolute difference of descriptors, same or other label; Spearman over pairs of clips; what is above 0 and survives the
correction for the false discovery rate counts; the mean over datasets. The paper's p is not described; ours is that
of a Mantel test. The mathematics is in `similarity`, the descriptors in `descriptors`.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from evaluator.datasets.task import Task
from evaluator.embedding.matrix import Matrix
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError
from evaluator.experiment.provenance import Clock, audio_sha256, surroundings
from evaluator.experiment.sample import (
    MIN_CLIPS,
    SampleEmbeddings,
    SampleOptions,
    draw,
    embed_all,
    layer_matrices,
    named,
    resolve_layers,
)
from evaluator.experiment.setup import Setup
from evaluator.probes.protocol import Protocol
from evaluator.similarity import correlations, descriptors
from evaluator.similarity.results import Analysis, Found, Table
from evaluator.similarity.variables import Variable, known_of


def analyse(
    specs: Sequence[ModuleSpec], tasks: Sequence[Task], protocols: Sequence[Protocol], options: SampleOptions
) -> Analysis:
    """Compare modules and layers with each other, with acoustic descriptors and with labels, task by task.

    Args:
        specs: The modules.
        tasks, protocols: What they hear, and how: each task's protocol says how clips are cut and filled up.
        options: The rest.

    Raises:
        UsageError: A module, layer or dataset is not there, or there are too few clips.
        EvaluationError: A module fails, or more clips are unreadable than `options.allow_failed` admits. What was
            embedded is kept.
    """
    clock = Clock()
    layers = resolve_layers(specs, options)
    samples = [draw(task, protocol, options) for task, protocol in zip(tasks, protocols, strict=True)]
    clock.lap("list")
    heard, modules = embed_all(specs, samples, layers, options)
    clock.lap("embed")
    found = [_compared(sample, by_module, options) for sample, by_module in zip(samples, heard, strict=True)]
    clock.lap("compare")
    asked = {"layers": layers, "n_clips": options.n_clips, "seed": options.seed}
    return Analysis(
        modules=modules,
        datasets=found,
        descriptors=[asdict(each) for each in descriptors.listed()],
        seconds=clock.seconds,
        provenance={**surroundings(clock), **asked, "permutations": correlations.PERMUTATIONS},
    )


def _compared(sample: Setup, heard: Sequence[SampleEmbeddings], options: SampleOptions) -> Found:
    """How alike all embeddings of a sample are, and what they have in common with descriptors and labels.

    Raises:
        EvaluationError: Too few clips can be used.
    """
    good = sorted(set.intersection(*(set(each.extraction.keys) for each in heard)))
    names: list[str] = []
    matrices: list[Matrix] = []
    for each in heard:
        for name, matrix in layer_matrices(each, good):
            names.append(named(each.module, name))
            matrices.append(matrix)
    rows = _usable_rows(matrices, len(good))
    if len(rows) < MIN_CLIPS:
        raise EvaluationError(
            f"{sample.task.name}: {len(rows)} clips have an embedding of every module that is not all zeros; "
            f"{MIN_CLIPS} are needed"
        )
    kept = [good[row] for row in rows.tolist()]
    ways = [_as_way(matrix, rows) for matrix in matrices]
    unlike = [_as_unlike(way) for way in ways]
    between = correlations.alike(unlike, unlike, len(rows), options.seed)
    variables = known_of(sample, kept, options)
    to_variables, notes = with_variables(ways, variables, options.seed)
    n_zero = len(good) - len(rows)
    return Found(
        task=sample.task.name,
        dataset=sample.task.dataset.name,
        protocol=sample.protocol.name,
        profile=sample.protocol.profile,
        clips=[sample.recordings.clips[number].name for number in kept],
        n_failed=len(sample.recordings.clips) - len(good),
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
            "manifest_sha256": sample.recordings.manifest.sha256,
            "audio_sha256": audio_sha256(heard[0].extraction),
            "stores": {each.module: each.store.key for each in heard},
            "n_embedded": {each.module: each.extraction.n_embedded for each in heard},
        },
    )


def _usable_rows(matrices: Sequence[Matrix], n_clips: int) -> np.ndarray:
    """Rows (n,) of clips that no embedding is all zeros of: those have no cosine."""
    good = np.ones(n_clips, bool)
    for matrix in matrices:
        good &= matrix.take(np.arange(n_clips)).any(axis=1)
    return np.flatnonzero(good)


def _as_way(matrix: Matrix, rows: np.ndarray) -> correlations.Way:
    """Reads some rows of a matrix when they are needed."""
    return lambda: matrix.take(rows)


def _as_unlike(way: correlations.Way, rows: np.ndarray | None = None) -> correlations.Way:
    """Makes dissimilarities of embeddings, or of some rows of them, when they are needed."""
    return lambda: correlations.cosine(way() if rows is None else way()[rows])


def _as_difference(variable: Variable, rows: np.ndarray) -> correlations.Way:
    """Makes dissimilarities of a variable, over some clips, when they are needed."""
    return lambda: variable.unlike(rows)


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
        if len(rows) < MIN_CLIPS:
            continue
        unlike = [_as_unlike(way, rows) for way in ways]
        differ = [_as_difference(variables[number], rows) for number in numbers]
        found = correlations.alike(unlike, differ, len(rows), seed)
        r[:, numbers], p[:, numbers] = found.r, found.p
    without = [each.name for each, column in zip(variables, r.T, strict=True) if np.isnan(column).all()]
    said = f"not compared, as they are the same in all clips or known of fewer than {MIN_CLIPS}: "
    return correlations.Alike(r, p), [said + ", ".join(without)] if without else []
