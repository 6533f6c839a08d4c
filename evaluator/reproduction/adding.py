"""Modules of the user's choice as rows of their own below a paper's: evaluated under its protocol on its tasks, printed nowhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evaluator.errors import UsageError
from evaluator.reproduction import weights
from evaluator.reproduction.recipe import RecipeRow, RecipeTable
from evaluator.reproduction.replacing import Replacement, describe_options


def add_rows(table: RecipeTable, add: Sequence[Replacement]) -> RecipeTable:
    """A table with a row for each added module below its own, of shape (n_rows + n_added, n_columns).

    Raises:
        UsageError: One is there twice, or has the name of a printed row.
    """
    rows = dict(table.rows)
    for each in add:
        name = f"{each.module} ({describe_options(each.options)})" if each.options else each.module
        if name in rows:
            what = "is there twice" if rows[name].added else f"is a row of {table.name} already"
            raise UsageError(f"--add {name}: {what}; give each module once, or another name or options")
        rows[name] = RecipeRow(each.module, each.options, added=True)
    return replace(table, rows=rows)


def find_weights(row: RecipeRow, folder: Path | None, table_rows: Iterable[RecipeRow]) -> str:
    """The weights of a row's module, "" for none.

    They are `FOLDER/MODULE`, as for printed rows; for an added module also the path itself, as `run --weights` takes it, unless
    that is a folder with weights of printed rows.

    Args:
        row: A printed row or an added one.
        folder: What the user gave.
        table_rows: All rows, (n_rows,).
    """
    own = weights.find_weights(row.module, folder)
    if own or not row.added or folder is None:
        return own
    if row.module.endswith(".py") and (own := weights.find_weights(Path(row.module).stem, folder)):
        return own
    others = {each.module for each in table_rows if each.module and each.module != row.module}
    return "" if any(weights.find_weights(module, folder) for module in others) else str(folder)


def selected(cells: Mapping[tuple[str, str, str, str], str], tables: Sequence[RecipeTable]) -> set[str]:
    """The keys of the runs that stand behind cells, (table, row, column, profile), of added rows."""
    rows = {(table.name, name) for table in tables for name, row in table.rows.items() if row.added}
    return {key for (table, row, _, _), key in cells.items() if (table, row) in rows}
