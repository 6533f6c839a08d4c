"""An analysis on disk: one JSON that can be read without us, and its tables as CSV.

    OUT/similarity-RUN/similarity.json, representations.csv, variables.csv, and the figures (`rsa_figures`)

RUN is a hash of the modules, the settings and the clips: the same analysis again replaces its own files only. In the tables, rows
whose task is `MEAN` hold the mean over tasks, and on how many of these r is significant.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from evaluator import tables
from evaluator.errors import EvaluationError
from evaluator.files import finite, sweep, write_whole
from evaluator.similarity.analysis import SCHEMA_VERSION, Analysis, CorrelationTable, MeanTable, TaskSimilarity

MEAN = "(mean)"
MAX_LISTED = (
    6  # embeddings; of up to so many every pair is printed, and `N_LISTED` variables each; of more, one variable each
)
N_LISTED = 5
NOT_ON_ALL = ", not defined on the others"


def as_plain(analysis: Analysis) -> dict[str, Any]:
    """All of an analysis as plain values for JSON, the means over tasks (n_rows, n_columns) included; None for what is not defined."""
    document = {**asdict(analysis), "run": analysis.run}
    for name in ("between", "variables", "cka"):
        over_tasks: MeanTable = getattr(analysis, f"mean_{name}")()
        document[f"mean_{name}"] = {
            key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in asdict(over_tasks).items()
        }
    document["profiles"] = analysis.profiles().tolist()
    finite_document: dict[str, Any] = finite(document)
    return finite_document


def write(analysis: Analysis, out: Path) -> Path:
    """Write JSON and tables, with (n_pairs,) and (n_embeddings, n_variables) lines a task, each whole, the JSON last; gives their folder."""
    folder = out / f"similarity-{analysis.run}"
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    head = ["task", "one", "other", "r", "p", "p_corrected", "kept", "cka"]
    tables.write(head, list(_pair_rows(analysis)), folder / "representations.csv")
    head = ["task", "representation", "variable", "kind", "r", "p", "p_corrected", "kept", "n_clips"]
    tables.write(head, list(_variable_rows(analysis)), folder / "variables.csv")
    text = json.dumps(as_plain(analysis), indent=1, allow_nan=False, default=str) + "\n"
    write_whole(folder / "similarity.json", text.encode())
    return folder


def read(folder: Path) -> Analysis:
    """The analysis that `write` left in a folder, with all its correlations (n_rows, n_columns).

    Raises:
        EvaluationError: There is none, another version wrote it, or it is not whole.
    """
    path = folder / "similarity.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"{path}: no analysis can be read there ({error}); make one with hear-eval similarity"
        ) from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION or document.get("kind") != "similarity":
        raise EvaluationError(
            f"{path}: is no analysis of version {SCHEMA_VERSION} (it says {version!r}); make it again with hear-eval similarity"
        )
    try:
        known = {each.name for each in fields(Analysis)}
        plain = {name: value for name, value in document.items() if name in known}
        return Analysis(**plain | {"datasets": [_from_plain(each) for each in document["datasets"]]})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvaluationError(
            f"{path}: is not whole ({error!r:.120}); make it again with hear-eval similarity"
        ) from error


def _from_plain(task: dict[str, Any]) -> TaskSimilarity:
    """The analysis of a task from plain values, in which None stands for NaN."""
    tables = {}
    for name in ("between", "variables"):
        table = task[name]
        arrays = {key: _floats(table[key]) for key in ("r", "p", "p_corrected")}
        shape = (len(table["rows"]), len(table["columns"]))
        if any(np.shape(each) != shape for each in (*arrays.values(), table["kept"])):
            raise ValueError(f"the table {name!r} is not {shape[0]} by {shape[1]}")
        tables[name] = CorrelationTable(**{**table, **arrays})
    return TaskSimilarity(**{**task, **tables, "cka": _floats(task["cka"])})


def _floats(rows: list[list[float | None]]) -> list[list[float]]:
    return [[float("nan") if value is None else float(value) for value in row] for row in rows]


def as_tables(analysis: Analysis) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Head and rows of tables for people: (n_pairs,) of a few embeddings, and which variables each correlates with most.

    Means over fewer tasks than others cannot be ranked with them: variables that are known on all tasks come first.
    """
    between, cka = analysis.mean_between(), analysis.mean_cka()
    if 1 < len(between.rows) <= MAX_LISTED:
        yield (
            ["one", "other", "r", "linear CKA", "significant on"],
            [
                [
                    between.rows[cell[0]],
                    between.columns[cell[1]],
                    f"{between.values[cell]:.3f}",
                    f"{cka.values[cell]:.3f}",
                ]
                + [f"{_n_significant(between, cell)} tasks"]
                for cell in _pairs(len(between.rows))
            ],
        )
    over_tasks = analysis.mean_variables()
    rows, n_shown = [], N_LISTED if len(over_tasks.rows) <= MAX_LISTED else 1
    for row, name in enumerate(over_tasks.rows):
        fewer = over_tasks.n_tasks[row] < len(analysis.datasets)
        order = np.lexsort((-over_tasks.values[row], fewer))  # NaN comes last
        for column in [index for index in order.tolist() if over_tasks.n_kept[row, index]][:n_shown]:
            cell = (row, column)
            rows.append([name, over_tasks.columns[column], f"{over_tasks.values[cell]:.3f}"])
            rows[-1].append(f"{_n_significant(over_tasks, cell)} tasks{NOT_ON_ALL if fewer[column] else ''}")
    yield ["representation", "has in common with", "r", "significant on"], rows


def _pair_rows(analysis: Analysis) -> Iterator[list[Any]]:
    """Every two embeddings on every task, then over all of them."""
    for each in analysis.datasets:
        table = each.between
        for row, column in _pairs(len(table.rows)):
            numbers = [values[row][column] for values in (table.r, table.p, table.p_corrected, table.kept, each.cka)]
            yield [each.task, table.rows[row], table.columns[column], *numbers]
    over_tasks, cka = analysis.mean_between(), analysis.mean_cka()
    for cell in _pairs(len(over_tasks.rows)):
        names = [over_tasks.rows[cell[0]], over_tasks.columns[cell[1]]]
        yield [MEAN, *names, over_tasks.values[cell], "", "", _n_significant(over_tasks, cell), cka.values[cell]]


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
    for cell in np.ndindex(over_tasks.values.shape):
        name, variable = over_tasks.rows[cell[0]], over_tasks.columns[cell[1]]
        kind = kinds[variable]
        yield [MEAN, name, variable, kind, over_tasks.values[cell], "", "", _n_significant(over_tasks, cell), ""]


def _pairs(n: int) -> Iterator[tuple[int, int]]:
    """Places above the diagonal of a square table."""
    return ((row, column) for row in range(n) for column in range(row + 1, n))


def _n_significant(over_tasks: MeanTable, cell: tuple[int, ...]) -> str:
    """On how many of the tasks where it is defined a correlation is significant, such as `2 of 3`."""
    return f"{over_tasks.n_kept[cell]} of {over_tasks.n_tasks[cell]}"
