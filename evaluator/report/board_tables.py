"""Leaderboards and the overview as tables for other programs and for papers.

Tables have two forms: for reading (Markdown, LaTeX) figures are rounded, percentages times a hundred, and a score with
caveats has a dagger; CSV has all digits, in the metric's own unit, one figure a cell, the dagger in one of its own, and the
kinds of the caveats.
"""

import json
import math
from collections.abc import Sequence

from evaluator.report.board import Board, BoardEntry
from evaluator.report.header import ResultHeader
from evaluator.report.overview import Overview
from evaluator.report.published import DOUBLE_DAGGER, PrintedRow
from evaluator.results.caveats import DAGGER, mark
from evaluator.scoring.metrics import METRICS
from evaluator.tables import HeadAndRows, TableCell

_WHO = ["module", "weights", "options"]
_FIGURES = [
    *_WHO,
    "layers",
    "seeds",
    "score",
    "ci_low",
    "ci_high",
    "std",
    "chosen",
    "mark",
    "caveats",
    "no_rank",
    "run",
    "path",
]


def leaderboard(board: Board, kind: str, printed: Sequence[PrintedRow] = ()) -> HeadAndRows:
    """A board as head, (n_columns,), and rows, (n_entries + n_printed, n_columns): for `csv` all digits, for others as it is read.

    Numbers that papers print, `printed`, stand below, without a rank.
    """
    if kind == "csv":
        head = ["rank", "last_rank", "title", *_FIGURES]
        measured = [
            [entry.rank, entry.last_rank, entry.title, *_figures(entry.header, entry)] for entry in board.entries
        ]
        return head, [*measured, *([None, None, row.title, *_printed_figures(row)] for row in printed)]
    metric = METRICS[board.metric]
    rows: list[list[TableCell]] = []
    for entry in board.entries:
        result = entry.result
        std = "" if result.std is None else f"±{metric.shown(result.std)} ({entry.n_times} {metric.repeats})"
        rows.append(
            [
                ranks(entry),
                entry.title,
                _marked(entry, metric.shown(result.score)),
                metric.interval(result.ci_low, result.ci_high),
                std,
                result.chosen,
                "; ".join(caveat.text for caveat in result.caveats),
                "baseline" if entry.baseline else entry.withheld,
            ]
        )
    for row in printed:
        std = f"±{row.number.std}" if row.number.std else ""
        rows.append(["–", row.title, row.score, row.number.interval or "none", std, "", "; ".join(row.others), ""])
    score = f"{board.metric} ({metric.unit})" if metric.unit else board.metric
    marks = f"{DAGGER} caveats{f', {DOUBLE_DAGGER} other question' if any(row.others for row in printed) else ''}"
    names = ["rank", "module", score, "95 % interval", "std", "of", marks, "no rank, since"]
    kept = [n for n in range(len(names)) if n < 4 or any(row[n] for row in rows)]
    return [names[n] for n in kept], [[row[n] for n in kept] for row in rows]


def matrix(overview: Overview, kind: str, printed: Sequence[Sequence[PrintedRow]] = ()) -> HeadAndRows:
    """An overview as head, (n_columns,), and rows: for `csv` one for each module and board, for others one for each module.

    Numbers that papers print, `printed`, (n_boards,) lists of rows, stand below.
    """
    if kind == "csv":
        return _long_matrix(overview, printed)
    rows: list[list[TableCell]] = []
    for row in overview.rows:
        scores = [
            "missing" if entry is None else _score_and_rank(board, entry)
            for board, entry in zip(overview.boards, row.entries, strict=True)
        ]
        mean_rank = None if row.mean_rank is None else f"{row.mean_rank:.1f}"
        rows.append([row.title, mean_rank, f"{row.n_present}/{len(overview.boards)}", *scores])
    rows += [
        [title, None, "–", *("–" if cell is None else cell.score for cell in cells)]
        for title, cells in by_model(printed)
    ]
    return ["module", "mean rank", "boards", *overview.columns], rows


def by_model(printed: Sequence[Sequence[PrintedRow]]) -> list[tuple[str, list[PrintedRow | None]]]:
    """Printed numbers, (n_boards,) lists of rows, as a line for each model of a paper: its title, and its number on each board, (n_boards,)."""
    by_board = [{row.variant: row for row in rows} for rows in printed]
    titles = {variant: row.title for rows in by_board for variant, row in rows.items()}
    return [(title, [rows.get(variant) for rows in by_board]) for variant, title in titles.items()]


def _long_matrix(overview: Overview, printed: Sequence[Sequence[PrintedRow]]) -> HeadAndRows:
    head = ["title", "board", "task", "dataset", "protocol", "profile", "metric", "n_boards", "mean_rank"]
    measured = [
        [
            row.title,
            *_board_cells(column, board),
            *(row.n_present, row.mean_rank),
            *((None, None) if entry is None else (entry.rank, entry.last_rank)),
            *_figures(row.header if entry is None else entry.header, entry),
        ]
        for row in overview.rows
        for column, board, entry in zip(overview.columns, overview.boards, row.entries, strict=True)
    ]
    of_papers = [
        [row.title, *_board_cells(column, board), None, None, None, None, *_printed_figures(row)]
        for column, board, rows in zip(
            overview.columns, overview.boards, printed or [()] * len(overview.boards), strict=True
        )
        for row in rows
    ]
    return [*head, "rank", "last_rank", *_FIGURES], [*measured, *of_papers]


def _board_cells(column: str, board: Board) -> list[TableCell]:
    return [column, board.task, board.dataset, board.protocol, board.profile, board.metric]


def _printed_figures(row: PrintedRow) -> list[TableCell]:
    """The cells under `_FIGURES` of a printed number, which says under caveats that it is one."""
    number = row.number
    doubt = [number.scaled(each) for each in (number.low, number.high, number.std)]
    caveats = "; ".join(["printed, not measured", *row.others])
    return [None, None, None, None, None, number.value, *doubt, None, None, caveats, "printed", None, None]


def _score_and_rank(board: Board, entry: BoardEntry) -> str:
    score = _marked(entry, METRICS[board.metric].shown(entry.result.score))
    return f"{score} ({ranks(entry) if entry.rank else 'no rank'})" if entry.rank or entry.withheld else score


def _marked(entry: BoardEntry, score: str) -> str:
    return f"{score}{mark(entry.result.caveats)}"


def _figures(header: ResultHeader, entry: BoardEntry | None) -> list[TableCell]:
    """The cells under `_FIGURES`; only who it is about where there is no entry."""
    result = header.result
    who: list[TableCell] = [result.module, result.weights, json.dumps(result.options, sort_keys=True)]
    if entry is None:
        return [*who, *[None] * (len(_FIGURES) - len(_WHO))]
    numbers = [None if math.isnan(value) else value for value in (result.score, result.ci_low, result.ci_high)]
    doubts = (
        mark(result.caveats),
        "; ".join(caveat.kind for caveat in result.caveats),
        "baseline" if entry.baseline else entry.withheld,
    )
    run = (result.run, str(header.path))
    return [*who, header.layers, len(result.seeds), *numbers, result.std, result.chosen, *doubts, *run]


def ranks(entry: BoardEntry) -> str:
    """The ranks that an entry may have, `2` or `2–4`; a dash if it has no score, or nothing beside it."""
    if entry.rank is None:
        return "–"
    return str(entry.rank) if entry.rank == entry.last_rank else f"{entry.rank}–{entry.last_rank}"
