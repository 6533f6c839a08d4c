"""An analysis on disk: one JSON that can be read without us, and its tables as CSV.

    OUT/similarity-RUN/similarity.json, representations.csv, variables.csv, and the figures (`rsa_figures`)

RUN is a hash of what was asked, and of which clips: the same analysis again replaces its own files only. In the tables, rows whose task is
`MEAN` hold the mean over tasks, and how many of these count.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluator import tables
from evaluator.files import finite, write_whole
from evaluator.results.result import run_name
from evaluator.similarity.correlations import Alike, corrected, kept

SCHEMA_VERSION = 1
MEAN = "(mean)"
FEW = 6  # embeddings, of which every two are printed, and the variables that are SHOWN; of more, the files tell
SHOWN = 5
FEWER = ", not defined on the others"


@dataclass(frozen=True)
class Table:
    """How alike some ways to see clips (rows) and others (columns) are.

    r, p: As in `similarity.Alike`, lists of rows; None where not defined.
    p_corrected: Corrected for the false discovery rate over all of the table; where rows and columns are the same,
        over what is above the diagonal.
    kept: Whether r counts: above 0, and unlikely to be chance.
    """

    rows: list[str]
    columns: list[str]
    r: list[list[float]]
    p: list[list[float]]
    p_corrected: list[list[float]]
    kept: list[list[bool]]

    @classmethod
    def of(cls, rows: Sequence[str], columns: Sequence[str], found: Alike, symmetric: bool = False) -> "Table":
        """The table of correlations and their p, (n_rows, n_columns) each; `symmetric` if both sides are the same."""
        if not symmetric:
            p_corrected = corrected(found.p)
        else:
            upper = np.triu_indices(len(rows), 1)
            p_corrected = np.full(found.p.shape, np.nan)
            p_corrected[upper] = corrected(found.p[upper])
            p_corrected.T[upper] = p_corrected[upper]
        counts = kept(found.r, p_corrected)
        numbers = (found.r.tolist(), found.p.tolist(), p_corrected.tolist(), counts.tolist())
        return cls(list(rows), list(columns), *numbers)


@dataclass(frozen=True)
class Found:
    """What was found on one task.

    Attributes:
        clips: Names of the clips that were compared.
        n_failed: Clips that could not be used.
        between: Embeddings and embeddings.
        cka: Their linear CKA, (n_ways, n_ways).
        variables: Embeddings and descriptors or metadata.
        kinds, n_defined: Of each variable: `descriptor` or `metadata`; of how many clips it is known.
    """

    task: str
    dataset: str
    protocol: str
    profile: str
    clips: list[str]
    n_failed: int
    between: Table
    cka: list[list[float]]
    variables: Table
    kinds: list[str]
    n_defined: list[int]
    notes: list[str]
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Mean:
    """Means over tasks of r or CKA, (n_rows, n_columns), and on how many tasks each was defined, and counts.

    Tasks on which a correlation does not count are in the mean too; leaving them out would raise it.
    """

    rows: list[str]
    columns: list[str]
    values: np.ndarray
    n_tasks: np.ndarray
    n_kept: np.ndarray


@dataclass(frozen=True)
class Analysis:
    """A whole analysis: modules, what was found on each task, the descriptors' definitions, and where it comes from."""

    modules: list[dict[str, Any]]
    datasets: list[Found]
    descriptors: list[dict[str, str]]
    seconds: dict[str, float]
    provenance: dict[str, Any]
    schema_version: int = SCHEMA_VERSION
    kind: str = "similarity"

    @property
    def run(self) -> str:
        """Name of the analysis, 8 hex digits: equal for equal questions about the same list of clips."""
        asked: list[Any] = [{name: each[name] for name in ("module", "weights", "options")} for each in self.modules]
        asked += [self.provenance.get(name) for name in ("layers", "n_clips", "seed")]
        asked += [
            (each.task, *(each.provenance.get(f"{name}_sha256") for name in ("task", "protocol", "manifest")))
            for each in self.datasets
        ]
        return run_name(asked)

    def mean_between(self) -> Mean:
        """Embeddings and embeddings, over all tasks."""
        return mean([each.between for each in self.datasets])

    def mean_variables(self) -> Mean:
        """Embeddings and variables, over all tasks."""
        return mean([each.variables for each in self.datasets])

    def mean_cka(self) -> Mean:
        """The embeddings' CKA, over all tasks."""
        tables = [each.between for each in self.datasets]
        return mean(tables, [each.cka for each in self.datasets])

    def profiles(self) -> np.ndarray:
        """Pearson's correlation between the embeddings' mean r with all descriptors, (n_ways, n_ways).

        Source: Ogg 2025 reports such a correlation of profiles; which one is a guess.
        """
        acoustic = {each["name"] for each in self.descriptors}
        over_tasks = self.mean_variables()
        values = over_tasks.values[:, [name in acoustic for name in over_tasks.columns]]
        known = values[:, ~np.isnan(values).any(axis=0)]
        if known.shape[1] < 3:
            return np.full((len(values), len(values)), np.nan)
        return np.atleast_2d(np.corrcoef(known))


def mean(tables: Sequence[Table], values: Sequence[list[list[float]]] | None = None) -> Mean:
    """The mean of tables with the same rows or columns or some of them, in the order in which they first come.

    Args:
        tables: Name the rows and columns, and tell what counts.
        values: What the mean is of, a matrix a table; None for r.
    """
    rows = list(dict.fromkeys(name for table in tables for name in table.rows))
    columns = list(dict.fromkeys(name for table in tables for name in table.columns))
    total, n_tasks, n_kept = np.zeros((3, len(rows), len(columns)))
    for number, table in enumerate(tables):
        own = np.array(table.r if values is None else values[number], dtype=np.float64)
        at = np.ix_([rows.index(name) for name in table.rows], [columns.index(name) for name in table.columns])
        total[at] += np.nan_to_num(own)
        n_tasks[at] += ~np.isnan(own)
        n_kept[at] += np.array(table.kept)
    averaged = np.divide(total, n_tasks, out=np.full_like(total, np.nan), where=n_tasks > 0)
    return Mean(rows, columns, averaged, n_tasks.astype(int), n_kept.astype(int))


def plain(analysis: Analysis) -> dict[str, Any]:
    """All of an analysis as JSON knows it, the means over tasks included; what is not defined is None."""
    found = {**asdict(analysis), "run": analysis.run}
    for name in ("between", "variables", "cka"):
        over_tasks: Mean = getattr(analysis, f"mean_{name}")()
        found[f"mean_{name}"] = {
            key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in asdict(over_tasks).items()
        }
    found["profiles"] = analysis.profiles().tolist()
    whole: dict[str, Any] = finite(found)
    return whole


def write(analysis: Analysis, out: Path) -> Path:
    """Write JSON and tables under `out`, each whole, the JSON last; gives the folder they are in."""
    folder = out / f"similarity-{analysis.run}"
    folder.mkdir(parents=True, exist_ok=True)
    head = ["task", "one", "other", "r", "p", "p_corrected", "kept", "cka"]
    tables.write(head, list(_pair_rows(analysis)), folder / "representations.csv")
    head = ["task", "representation", "variable", "kind", "r", "p", "p_corrected", "kept", "n_clips"]
    tables.write(head, list(_variable_rows(analysis)), folder / "variables.csv")
    text = json.dumps(plain(analysis), indent=1, allow_nan=False, default=str) + "\n"
    write_whole(folder / "similarity.json", text.encode())
    return folder


def as_tables(analysis: Analysis) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Head and rows of tables for people: every two embeddings of a few, and with what each has most in common.

    Means over fewer tasks than others cannot be ranked with them: variables that are known on all tasks come first.
    """
    between, cka = analysis.mean_between(), analysis.mean_cka()
    if 1 < len(between.rows) <= FEW:
        yield (
            ["one", "other", "r", "linear CKA", "counts on"],
            [
                [between.rows[at[0]], between.columns[at[1]], f"{between.values[at]:.3f}", f"{cka.values[at]:.3f}"]
                + [f"{_counted(between, at)} tasks"]
                for at in _pairs(len(between.rows))
            ],
        )
    over_tasks = analysis.mean_variables()
    rows, n_shown = [], SHOWN if len(over_tasks.rows) <= FEW else 1
    for row, name in enumerate(over_tasks.rows):
        fewer = over_tasks.n_tasks[row] < len(analysis.datasets)
        order = np.lexsort((-over_tasks.values[row], fewer))  # NaN comes last
        for column in [place for place in order.tolist() if over_tasks.n_kept[row, place]][:n_shown]:
            at = (row, column)
            rows.append([name, over_tasks.columns[column], f"{over_tasks.values[at]:.3f}"])
            rows[-1].append(f"{_counted(over_tasks, at)} tasks{FEWER if fewer[column] else ''}")
    yield ["representation", "has in common with", "r", "counts on"], rows


def _pair_rows(analysis: Analysis) -> Iterator[list[Any]]:
    """Every two embeddings on every task, then over all of them."""
    for each in analysis.datasets:
        table = each.between
        for row, column in _pairs(len(table.rows)):
            numbers = [values[row][column] for values in (table.r, table.p, table.p_corrected, table.kept, each.cka)]
            yield [each.task, table.rows[row], table.columns[column], *numbers]
    over_tasks, cka = analysis.mean_between(), analysis.mean_cka()
    for at in _pairs(len(over_tasks.rows)):
        names = [over_tasks.rows[at[0]], over_tasks.columns[at[1]]]
        yield [MEAN, *names, over_tasks.values[at], "", "", _counted(over_tasks, at), cka.values[at]]


def _variable_rows(analysis: Analysis) -> Iterator[list[Any]]:
    """Every embedding and variable on every task, then over all of them."""
    kinds: dict[str, str] = {}
    for each in analysis.datasets:
        table = each.variables
        kinds.update(zip(table.columns, each.kinds, strict=True))
        for row, name in enumerate(table.rows):
            for column, variable in enumerate(table.columns):
                numbers = [values[row][column] for values in (table.r, table.p, table.p_corrected, table.kept)]
                yield [each.task, name, variable, each.kinds[column], *numbers, each.n_defined[column]]
    over_tasks = analysis.mean_variables()
    for at in np.ndindex(over_tasks.values.shape):
        name, variable = over_tasks.rows[at[0]], over_tasks.columns[at[1]]
        kind = kinds[variable]
        yield [MEAN, name, variable, kind, over_tasks.values[at], "", "", _counted(over_tasks, at), ""]


def _pairs(n: int) -> Iterator[tuple[int, int]]:
    """Places above the diagonal of a square table."""
    return ((row, column) for row in range(n) for column in range(row + 1, n))


def _counted(over_tasks: Mean, at: tuple[int, ...]) -> str:
    """On how many tasks a correlation counts, such as `2 of 3`."""
    return f"{over_tasks.n_kept[at]} of {over_tasks.n_tasks[at]}"
