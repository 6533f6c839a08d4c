"""Notes below a table about its rows, columns and cells, each with the letter that marks them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from string import ascii_lowercase

from evaluator.reproduction.recipe import Footnote, RecipeTable
from evaluator.reproduction.replacing import describe_row, is_replaced


@dataclass(frozen=True)
class Note:
    """A sentence about rows, columns, or the cells where both meet; about the whole table if both are empty.

    letter: Marks what it is about; "" if that is the whole table.
    """

    text: str
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    letter: str = ""

    def __str__(self) -> str:
        return f"({self.letter}) {self.text}" if self.letter else self.text


def table_notes(table: RecipeTable, footnotes: Sequence[Footnote]) -> tuple[list[Note], list[Note]]:
    """Notes on other modules than the recipe's, and known reasons for differences, (n_notes,) each; lettered consecutively."""
    others, known = list(_others(table)), [note for each in footnotes for note in _reason(table, each)]
    letters = (letter * n for n in count(1) for letter in ascii_lowercase)  # a, b, ... z, aa, bb, ...
    lettered = [
        replace(note, letter=next(letters)) if note.rows or note.columns else note for note in [*others, *known]
    ]
    return lettered[: len(others)], lettered[len(others) :]


def marks(notes: Sequence[Note], row: str, column: str) -> str:
    """The letters of the notes about a row alone (`column` ""), a column alone (`row` ""), or the cell of both."""
    about = [note.letter for note in notes if note.letter and _about(note.rows, row) and _about(note.columns, column)]
    return f" ({', '.join(about)})" if about else ""


def _about(names: Sequence[str], name: str) -> bool:
    return name in names if name else not names


def _others(table: RecipeTable) -> list[Note]:
    """A note for each module that stands in place of the recipe's, one for fusions of such, and one for added rows."""
    by_module: dict[str, list[str]] = {}
    for name, row in table.rows.items():
        if is_replaced(table, name):
            what = f"{describe_row(row)}, not what the recipe runs" if row.module else "made of rows with other modules"
            by_module.setdefault(what, []).append(name)
    added = tuple(name for name, row in table.rows.items() if row.added)
    own = [Note(f"{', '.join(added)}: added here, no row of the paper.", added)] if added else []
    return [
        *own,
        *(
            Note(f"{', '.join(names)}: {what}; not compared with the printed numbers.", tuple(names))
            for what, names in by_module.items()
        ),
    ]


def _reason(table: RecipeTable, footnote: Footnote) -> list[Note]:
    """A footnote as far as it is true here: not of rows with other modules or options than it speaks of."""
    if not footnote.concerns(table.name):
        return []
    rows: Mapping[str, bool] = {
        name: not is_replaced(table, name)
        if not footnote.options
        else footnote.options.items() <= dict(row.options).items()
        for name, row in table.rows.items()
        if name in footnote.rows or not footnote.rows
    }
    limited = bool(footnote.rows or footnote.options)
    true_of = tuple(name for name, is_true in rows.items() if is_true) if limited else ()
    text = f"{footnote.text.rstrip('.')}. Source: {footnote.source}."
    return [Note(text, true_of, footnote.columns)] if true_of or not limited else []
