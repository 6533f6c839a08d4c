"""An analysis of similarity: correlations of embeddings with each other and with what is known of clips, on each task and over all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.results.result import run_name
from evaluator.similarity.correlations import Correlations, fdr_corrected, significant

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class CorrelationTable:
    """Correlations of some representations (rows) with others (columns) on one task; each list has shape (n_rows, n_columns).

    r, p: As in `correlations.Correlations`; NaN where not defined.
    p_corrected: Corrected for the false discovery rate over all of the table; where rows and columns are the same,
        over what is above the diagonal.
    kept: Whether r is significant: above 0, and unlikely to be chance.
    """

    rows: list[str]
    columns: list[str]
    r: list[list[float]]
    p: list[list[float]]
    p_corrected: list[list[float]]
    kept: list[list[bool]]

    @classmethod
    def of(
        cls, rows: Sequence[str], columns: Sequence[str], correlations: Correlations, symmetric: bool = False
    ) -> "CorrelationTable":
        """The table of correlations and their p, (n_rows, n_columns) each; `symmetric` if both sides are the same."""
        if not symmetric:
            p_corrected = fdr_corrected(correlations.p)
        else:
            upper = np.triu_indices(len(rows), 1)
            p_corrected = np.full(correlations.p.shape, np.nan)
            p_corrected[upper] = fdr_corrected(correlations.p[upper])
            p_corrected.T[upper] = p_corrected[upper]
        kept = significant(correlations.r, p_corrected)
        numbers = (correlations.r.tolist(), correlations.p.tolist(), p_corrected.tolist(), kept.tolist())
        return cls(list(rows), list(columns), *numbers)


@dataclass(frozen=True)
class TaskSimilarity:
    """The analysis of one task.

    Attributes:
        clips: Names of the clips that were compared.
        n_failed: Clips that could not be used.
        between: Embeddings and embeddings.
        cka: Their linear CKA, (n_embeddings, n_embeddings).
        variables: Embeddings and descriptors or metadata.
        kinds, n_defined: Of each variable: `descriptor` or `metadata`; of how many clips it is known.
    """

    task: str
    dataset: str
    protocol: str
    profile: str
    clips: list[str]
    n_failed: int
    between: CorrelationTable
    cka: list[list[float]]
    variables: CorrelationTable
    kinds: list[str]
    n_defined: list[int]
    notes: list[str]
    provenance: dict[str, Any]


@dataclass(frozen=True)
class MeanTable:
    """Means over tasks of r or CKA, (n_rows, n_columns), and on how many tasks each was defined, and is significant.

    Tasks on which a correlation is not significant are in the mean too; leaving them out would raise it.
    """

    rows: list[str]
    columns: list[str]
    values: np.ndarray
    n_tasks: np.ndarray
    n_kept: np.ndarray


@dataclass(frozen=True)
class Analysis:
    """A whole analysis: modules, the correlations on each task, the descriptors' definitions and units, times in seconds, provenance."""

    modules: list[dict[str, Any]]
    datasets: list[TaskSimilarity]
    descriptors: list[dict[str, str]]
    seconds: dict[str, float]
    provenance: dict[str, Any]
    schema_version: int = SCHEMA_VERSION
    kind: str = "similarity"

    @property
    def run(self) -> str:
        """Name of the analysis, 8 hex digits: equal for equal modules, settings, clips and audio."""
        identity: list[Any] = [{name: each[name] for name in ("module", "weights", "options")} for each in self.modules]
        identity += [self.provenance.get(name) for name in ("layers", "n_clips", "seed")]
        identity += [
            (each.task, *(each.provenance.get(f"{name}_sha256") for name in ("task", "protocol", "manifest", "audio")))
            for each in self.datasets
        ]
        return run_name(identity)

    def mean_between(self) -> MeanTable:
        """Embeddings and embeddings, over all tasks."""
        return mean_over_tasks([each.between for each in self.datasets])

    def mean_variables(self) -> MeanTable:
        """Embeddings and variables, over all tasks."""
        return mean_over_tasks([each.variables for each in self.datasets])

    def mean_cka(self) -> MeanTable:
        """The embeddings' CKA, over all tasks."""
        tables = [each.between for each in self.datasets]
        return mean_over_tasks(tables, [each.cka for each in self.datasets])

    def profiles(self) -> np.ndarray:
        """Pearson's correlation between the embeddings' mean r with all descriptors, (n_embeddings, n_embeddings).

        Source: Ogg 2025 reports such a correlation of profiles; which one is a guess.
        """
        acoustic = {each["name"] for each in self.descriptors}
        over_tasks = self.mean_variables()
        values = over_tasks.values[:, [name in acoustic for name in over_tasks.columns]]
        defined = values[:, ~np.isnan(values).any(axis=0)]
        if defined.shape[1] < 3:
            return np.full((len(values), len(values)), np.nan)
        return np.atleast_2d(np.corrcoef(defined))


def mean_over_tasks(tables: Sequence[CorrelationTable], values: Sequence[list[list[float]]] | None = None) -> MeanTable:
    """The mean (n_rows, n_columns) of tables with the same rows or columns or some of them, in the order in which they first come.

    Args:
        tables: Their rows, columns and significance.
        values: What the mean is of, a matrix (n_rows, n_columns) for each table; None for r.
    """
    rows = list(dict.fromkeys(name for table in tables for name in table.rows))
    columns = list(dict.fromkeys(name for table in tables for name in table.columns))
    total, n_tasks, n_kept = np.zeros((3, len(rows), len(columns)))
    for number, table in enumerate(tables):
        own = np.array(table.r if values is None else values[number], dtype=np.float64)
        block = np.ix_([rows.index(name) for name in table.rows], [columns.index(name) for name in table.columns])
        total[block] += np.nan_to_num(own)
        n_tasks[block] += ~np.isnan(own)
        n_kept[block] += np.array(table.kept)
    averaged = np.divide(total, n_tasks, out=np.full_like(total, np.nan), where=n_tasks > 0)
    return MeanTable(rows, columns, averaged, n_tasks.astype(int), n_kept.astype(int))
