"""Modules x boards: who stands where, what is missing, and means over what all of them have; and both as tables.

Tables have two forms: for reading (Markdown, LaTeX) figures are rounded, percentages times a hundred; CSV has all digits, in the
metric's own unit, and one figure a cell.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.report.board import Board, Place
from evaluator.report.collect import Head
from evaluator.report.missing import how
from evaluator.scoring.metrics import METRICS
from evaluator.tables import Cell

Table = tuple[list[str], list[list[Cell]]]  # head and rows


@dataclass(frozen=True)
class Row:
    """One module, with its weights and options.

    head: Of one of its results.
    cells: Its place on each board, (n_boards,); None where it has none.
    n_present: On how many boards it is.
    mean_rank: Mean of (rank + last_rank) / 2 over the tasks of the shared boards, each task's boards averaged first; None if
        there is none.
    means: Mean score over the shared boards of one metric, protocol and profile, by their name, where there are several such.
    """

    title: str
    head: Head
    cells: list[Place | None]
    n_present: int
    mean_rank: float | None
    means: dict[str, float]


@dataclass(frozen=True)
class Overview:
    """Rows in order of mean rank, else of title.

    columns: What to call each board, (n_boards,), all different.
    shared: Places in `boards` of those on which every row has a rank.
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
    """All boards in one: each module's place on each."""
    titles: dict[str, Head] = {}  # by variant
    cells: dict[str, list[Place | None]] = defaultdict(lambda: [None] * len(boards))
    columns, notes = _columns(boards), []
    for number, board in enumerate(boards):
        for place in board.places:
            variant = place.head.variant
            titles.setdefault(variant, place.head)
            before = cells[variant][number]
            if before is not None:
                notes.append(
                    f"{place.head.title} has several runs on {columns[number]}; the one trained most often is shown"
                )
            cells[variant][number] = place if before is None else _steadier(before, place)
    shared = [
        number
        for number in range(len(boards))
        if all(cell and cell.rank for cell in (row[number] for row in cells.values()))
    ]
    rows = [_row(titles[variant], row, shared, boards) for variant, row in cells.items()]
    rows.sort(key=lambda row: (math.inf if row.mean_rank is None else row.mean_rank, -row.n_present, row.title))
    if len(rows) > 1 and len(shared) < len(boards):
        notes.append(_why_not_shared(rows, columns, shared))
    if len({boards[number].task for number in shared}) < len(shared):
        notes.append(
            "in mean ranks each task counts once: where it has several boards, by protocol or profile, theirs are averaged first"
        )
    return Overview(list(boards), columns, rows, shared, _missing(rows, boards, columns), list(dict.fromkeys(notes)))


def _columns(boards: Sequence[Board]) -> list[str]:
    plain = [f"{board.task} ({board.protocol}, {board.profile})" for board in boards]
    metrics = defaultdict(set)
    for name, board in zip(plain, boards, strict=True):
        metrics[name].add(board.metric)
    full = [
        name if len(metrics[name]) == 1 else f"{name[:-1]}, {board.metric})"
        for name, board in zip(plain, boards, strict=True)
    ]
    return [
        name if full.count(name) == 1 else f"{name}, clips {full[:n].count(name) + 1}" for n, name in enumerate(full)
    ]


def _steadier(one: Place, other: Place) -> Place:
    """Of two runs of a variant the one that was trained more often, then the newer: never the one with the better score."""
    return max(one, other, key=lambda place: (place.head.seeds, place.head.started, place.head.run))


def _row(head: Head, cells: list[Place | None], shared: Sequence[int], boards: Sequence[Board]) -> Row:
    common = [(boards[number], place) for number in shared if (place := cells[number]) is not None]
    ranks = defaultdict(list)  # of each task
    for board, place in common:
        if place.rank and place.last_rank:
            ranks[board.task].append((place.rank + place.last_rank) / 2)
    scores = defaultdict(list)
    for board, place in common:
        scores[f"{board.metric} ({board.protocol}, {board.profile})"].append(place.head.score)
    means = {name: float(np.mean(several)) for name, several in scores.items() if len(several) > 1}
    n_present = sum(place is not None for place in cells)
    return Row(head.title, head, cells, n_present, _mean_of_means(ranks.values()), means)


def _mean_of_means(several: Iterable[Sequence[float]]) -> float | None:
    means = [float(np.mean(each)) for each in several]
    return float(np.mean(means)) if means else None


def _why_not_shared(rows: Sequence[Row], columns: Sequence[str], shared: Sequence[int]) -> str:
    fewest = min(rows, key=lambda row: row.n_present)
    lacking = f"{fewest.title}, for one, is on {fewest.n_present} of {len(columns)}"
    if not shared:
        return f"no mean ranks: there is no board on which every module has a rank; {lacking}"
    return f"means are over the {len(shared)} of {len(columns)} boards on which every module has a rank; {lacking}"


def _missing(rows: Sequence[Row], boards: Sequence[Board], columns: Sequence[str]) -> list[str]:
    """A sentence for each empty cell."""
    siblings = defaultdict(list)
    for number, board in enumerate(boards):
        siblings[_question(board)].append(number)
    found = []
    for row in rows:
        for number, board in enumerate(boards):
            if row.cells[number] is None:
                elsewhere = [each for each in siblings[_question(board)] if row.cells[each] is not None]
                if elsewhere:
                    why = f"was tested on other clips ({columns[elsewhere[0]]})"
                else:
                    why = f"has no result: {how(row.head, board)}"
                found.append(f"{row.title} on {columns[number]} {why}")
    return found


def _question(board: Board) -> tuple[str, str, str, str]:
    return board.task, board.protocol, board.profile, board.metric


def leaderboard(board: Board, kind: str) -> Table:
    """Head and rows of a board: for `csv` all digits, for others as it is read."""
    if kind == "csv":
        head = ["rank", "last_rank", "title", *_HEAD_FIGURES]
        return head, [[place.rank, place.last_rank, place.title, *_figures(place.head)] for place in board.places]
    rows: list[list[Cell]] = [
        [
            ranks(place),
            place.title,
            METRICS[board.metric].shown(place.head.score),
            f"{METRICS[board.metric].shown(place.head.ci_low)} to {METRICS[board.metric].shown(place.head.ci_high)}",
            ""
            if place.head.std is None
            else f"±{METRICS[board.metric].shown(place.head.std)} ({place.n_times} trainings)",
            place.head.chosen,
        ]
        for place in board.places
    ]
    unit = METRICS[board.metric].unit
    names = ["rank", "module", f"{board.metric}{f' ({unit})' if unit else ''}", "95 % interval", "std", "of"]
    kept = [n for n in range(len(names)) if n < 4 or any(row[n] for row in rows)]
    return [names[n] for n in kept], [[row[n] for n in kept] for row in rows]


def matrix(found: Overview, kind: str) -> Table:
    """Head and rows of an overview: for `csv` a row for each module and board, for others a row for each module."""
    if kind == "csv":
        head = ["title", "board", "task", "dataset", "protocol", "profile", "metric", "n_boards", "mean_rank"]
        return [*head, "rank", "last_rank", *_HEAD_FIGURES], [
            [
                row.title,
                column,
                *(board.task, board.dataset, board.protocol, board.profile, board.metric),
                *(row.n_present, row.mean_rank),
                *((None, None) if place is None else (place.rank, place.last_rank)),
                *(_figures(row.head, missing=True) if place is None else _figures(place.head)),
            ]
            for row in found.rows
            for column, board, place in zip(found.columns, found.boards, row.cells, strict=True)
        ]
    rows: list[list[Cell]] = [
        [
            row.title,
            None if row.mean_rank is None else f"{row.mean_rank:.1f}",
            f"{row.n_present}/{len(found.boards)}",
            *(
                "missing"
                if place is None
                else f"{METRICS[board.metric].shown(place.head.score)}{f' ({ranks(place)})' if place.rank else ''}"
                for board, place in zip(found.boards, row.cells, strict=True)
            ),
        ]
        for row in found.rows
    ]
    return ["module", "mean rank", "boards", *found.columns], rows


_WHO = ["module", "weights", "options"]
_HEAD_FIGURES = [*_WHO, "layers", "seeds", "score", "ci_low", "ci_high", "std", "chosen", "run", "path"]


def _figures(head: Head, missing: bool = False) -> list[Cell]:
    who: list[Cell] = [head.module, head.weights, json.dumps(head.options, sort_keys=True)]
    if missing:
        return [*who, *[None] * (len(_HEAD_FIGURES) - len(_WHO))]
    numbers = [None if math.isnan(value) else value for value in (head.score, head.ci_low, head.ci_high)]
    return [*who, head.layers, head.seeds, *numbers, head.std, head.chosen, head.run, str(head.path)]


def ranks(place: Place) -> str:
    """The ranks that a place may have, `2` or `2–4`; a dash if it has no score, or nothing beside it."""
    if place.rank is None:
        return "–"
    return str(place.rank) if place.rank == place.last_rank else f"{place.rank}–{place.last_rank}"
