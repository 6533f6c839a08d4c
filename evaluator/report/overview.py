"""Modules x boards: who stands where, what is missing, and means over what all of them have."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.report.board import Board, Place


@dataclass(frozen=True)
class Row:
    """One module, with its weights and options.

    cells: Its place on each board, (n_boards,); None where it has none.
    n_present: On how many boards it is.
    mean_rank: Mean of (rank + last_rank) / 2 over the shared boards; None if there is none.
    means: Mean score over the shared boards of one metric, protocol and profile, by their name, where there are several such.
    """

    title: str
    cells: list[Place | None]
    n_present: int
    mean_rank: float | None
    means: dict[str, float]


@dataclass(frozen=True)
class Overview:
    """Rows in order of mean rank, else of title.

    columns: What to call each board, (n_boards,).
    shared: Places in `boards` of those on which every row is.
    missing: Sentences: which module has no result where, and how to get it.
    notes: What a reader should know, such as why there is no mean rank.
    """

    boards: list[Board]
    columns: list[str]
    rows: list[Row]
    shared: list[int]
    missing: list[str]
    notes: list[str]


def overview(boards: Sequence[Board]) -> Overview:
    """All boards in one."""
    raise NotImplementedError(boards)
