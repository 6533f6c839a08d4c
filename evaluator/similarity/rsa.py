"""Representational similarity analysis of any modules and layers on any tasks, from files to tables.

The steps are those of Ogg 2025: up to 1000 validation clips of each dataset (all clips, where folds rotate); cosine dissimilarity of embeddings,
absolute difference of descriptors, same or other label; Spearman over pairs of clips; what is above 0 and survives the
correction for the false discovery rate counts; the mean over datasets. The paper's p is not described; ours is that
of a Mantel test. The mathematics is in `correlations`, the descriptors in `descriptors`.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from evaluator.datasets.task import Task
from evaluator.embedding.matrix import Matrix
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError
from evaluator.experiment.provenance import Clock, surroundings
from evaluator.experiment.sample import (
    MIN_CLIPS,
    SampleEmbeddings,
    SampleOptions,
    draw,
    embed_all,
    layer_matrices,
    made_from,
    named,
    resolve_layers,
)
from evaluator.experiment.setup import Setup
from evaluator.probes.protocol import Protocol
from evaluator.similarity import correlations, descriptors
from evaluator.similarity.analysis import Analysis, CorrelationTable, TaskSimilarity
from evaluator.similarity.variables import Variable, variables_of


def analyse(
    specs: Sequence[ModuleSpec], tasks: Sequence[Task], protocols: Sequence[Protocol], options: SampleOptions
) -> Analysis:
    """Compare modules and layers with each other, with acoustic descriptors and with labels, task by task.

    Each of a task's tables has shape (n_embeddings, n_embeddings) or (n_embeddings, n_variables).

    Args:
        specs: The modules.
        tasks, protocols: Which clips, and how: each task's protocol says how clips are cut and filled up.
        options: Which layers, how many clips, seed, and where data and cache lie.

    Raises:
        UsageError: A module, layer or dataset is not there, or there are too few clips.
        EvaluationError: A module fails, or more clips are unreadable than `options.allow_failed` admits. What was
            embedded is kept.
    """
    clock = Clock()
    layers = resolve_layers(specs, options)
    samples = [draw(task, protocol, options) for task, protocol in zip(tasks, protocols, strict=True)]
    clock.lap("list")
    embeddings, modules = embed_all(specs, samples, layers, options)
    clock.lap("embed")
    by_task = [_compare(sample, by_module, options) for sample, by_module in zip(samples, embeddings, strict=True)]
    clock.lap("compare")
    settings = {"layers": layers, "n_clips": options.n_clips, "seed": options.seed}
    return Analysis(
        modules=modules,
        datasets=by_task,
        descriptors=[asdict(each) for each in descriptors.list_descriptors()],
        seconds=clock.seconds,
        provenance={**surroundings(clock), **settings, "permutations": correlations.MIN_PERMUTATIONS},
    )


def _compare(sample: Setup, embeddings: Sequence[SampleEmbeddings], options: SampleOptions) -> TaskSimilarity:
    """Correlations between all embeddings of a sample, and of these with descriptors and labels.

    Raises:
        EvaluationError: Too few clips can be used.
    """
    usable = sorted(set.intersection(*(set(each.extraction.keys) for each in embeddings)))
    names: list[str] = []
    matrices: list[Matrix] = []
    for each in embeddings:
        for name, matrix in layer_matrices(each, usable):
            names.append(named(each.module, name))
            matrices.append(matrix)
    rows = _usable_rows(matrices, len(usable))
    if len(rows) < MIN_CLIPS:
        raise EvaluationError(
            f"{sample.task.name}: {len(rows)} clips have an embedding of every module that is not all zeros; "
            f"{MIN_CLIPS} are needed"
        )
    clip_numbers = [usable[row] for row in rows.tolist()]
    representations = [_lazy_rows(matrix, rows) for matrix in matrices]
    distances = [_lazy_cosine_distances(each) for each in representations]
    between = correlations.correlate(distances, distances, len(rows), options.seed)
    variables = variables_of(sample, clip_numbers, options)
    to_variables, notes = correlate_with_variables(representations, variables, options.seed)
    n_zero = len(usable) - len(rows)
    return TaskSimilarity(
        task=sample.task.name,
        dataset=sample.task.dataset.name,
        protocol=sample.protocol.name,
        profile=sample.protocol.profile,
        clips=[sample.recordings.clips[number].name for number in clip_numbers],
        n_failed=len(sample.recordings.clips) - len(usable),
        between=CorrelationTable.of(names, names, between, symmetric=True),
        cka=correlations.linear_cka(representations, len(rows)).tolist(),
        variables=CorrelationTable.of(names, [each.name for each in variables], to_variables),
        kinds=[each.kind for each in variables],
        n_defined=[int(each.defined.sum()) for each in variables],
        notes=[
            *(note for each in embeddings for note in each.notes),
            *([f"{n_zero} clips have an embedding that is all zeros, and are left out"] if n_zero else []),
            *notes,
        ],
        provenance=made_from(sample, embeddings),
    )


def _usable_rows(matrices: Sequence[Matrix], n_clips: int) -> np.ndarray:
    """Rows (n,) of clips that no embedding is all zeros of: those have no cosine."""
    nonzero = np.ones(n_clips, bool)
    for matrix in matrices:
        nonzero &= matrix.take(np.arange(n_clips)).any(axis=1)
    return np.flatnonzero(nonzero)


def _lazy_rows(matrix: Matrix, rows: np.ndarray) -> correlations.LazyArray:
    """Reads some rows of a matrix when they are needed."""
    return lambda: matrix.take(rows)


def _lazy_cosine_distances(
    embeddings: correlations.LazyArray, rows: np.ndarray | None = None
) -> correlations.LazyArray:
    """Computes dissimilarities of embeddings, or of some rows of them, when they are needed."""
    return lambda: correlations.cosine_distances(embeddings() if rows is None else embeddings()[rows])


def _lazy_distances(variable: Variable, rows: np.ndarray) -> correlations.LazyArray:
    """Computes dissimilarities of a variable, over some clips, when they are needed."""
    return lambda: variable.distances(rows)


def correlate_with_variables(
    embeddings: Sequence[correlations.LazyArray], variables: Sequence[Variable], seed: int
) -> tuple[correlations.Correlations, list[str]]:
    """Correlations of embeddings with variables, (n_embeddings, n_variables), each over the clips that it is defined of; and notes.

    Args:
        embeddings: Each gives embeddings (n_clips, width).
        variables: Of the same clips.
        seed: Of the permutations.
    """
    r, p = np.full((2, len(embeddings), len(variables)), np.nan)
    together: dict[bytes, list[int]] = {}  # variables that are defined of the same clips
    for number, variable in enumerate(variables):
        together.setdefault(variable.defined.tobytes(), []).append(number)
    for numbers in together.values():
        rows = np.flatnonzero(variables[numbers[0]].defined)
        if len(rows) < MIN_CLIPS:
            continue
        of_embeddings = [_lazy_cosine_distances(each, rows) for each in embeddings]
        of_variables = [_lazy_distances(variables[number], rows) for number in numbers]
        part = correlations.correlate(of_embeddings, of_variables, len(rows), seed)
        r[:, numbers], p[:, numbers] = part.r, part.p
    without = [each.name for each, column in zip(variables, r.T, strict=True) if np.isnan(column).all()]
    why = f"not compared, as they are the same in all clips or known of fewer than {MIN_CLIPS}: "
    return correlations.Correlations(r, p), [why + ", ".join(without)] if without else []
