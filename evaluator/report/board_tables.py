"""Leaderboards and the overview as tables for other programs and for papers.

Tables have two forms: for reading (Markdown, LaTeX) figures are rounded, percentages times a hundred, and a score with
caveats has a dagger; CSV has all digits, in the metric's own unit, one figure a cell, the dagger in one of its own, and the
kinds of the caveats.
"""

import json
import math

from evaluator.report.board import Board, BoardEntry
from evaluator.report.header import ResultHeader
from evaluator.report.overview import Overview
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


def leaderboard(board: Board, kind: str) -> HeadAndRows:
    """A board as head, (n_columns,), and rows, (n_entries, n_columns): for `csv` all digits, for others as it is read."""
    if kind == "csv":
        head = ["rank", "last_rank", "title", *_FIGURES]
        return head, [
            [entry.rank, entry.last_rank, entry.title, *_figures(entry.header, entry)] for entry in board.entries
        ]
    metric = METRICS[board.metric]
    rows: list[list[TableCell]] = []
    for entry in board.entries:
        result = entry.result
        std = "" if result.std is None else f"±{metric.shown(result.std)} ({entry.n_times} trainings)"
        rows.append(
            [
                ranks(entry),
                entry.title,
                _marked(entry, metric.shown(result.score)),
                metric.interval(result.ci_low, result.ci_high),
                std,
                result.chosen,
                "; ".join(caveat.text for caveat in result.caveats),
                entry.withheld,
            ]
        )
    score = f"{board.metric} ({metric.unit})" if metric.unit else board.metric
    names = ["rank", "module", score, "95 % interval", "std", "of", f"{DAGGER} caveats", "no rank, since"]
    kept = [n for n in range(len(names)) if n < 4 or any(row[n] for row in rows)]
    return [names[n] for n in kept], [[row[n] for n in kept] for row in rows]


def matrix(overview: Overview, kind: str) -> HeadAndRows:
    """An overview as head, (n_columns,), and rows: for `csv` one for each module and board, for others one for each module."""
    if kind == "csv":
        return _long_matrix(overview)
    rows: list[list[TableCell]] = []
    for row in overview.rows:
        scores = [
            "missing" if entry is None else _score_and_rank(board, entry)
            for board, entry in zip(overview.boards, row.entries, strict=True)
        ]
        mean_rank = None if row.mean_rank is None else f"{row.mean_rank:.1f}"
        rows.append([row.title, mean_rank, f"{row.n_present}/{len(overview.boards)}", *scores])
    return ["module", "mean rank", "boards", *overview.columns], rows


def _long_matrix(overview: Overview) -> HeadAndRows:
    head = ["title", "board", "task", "dataset", "protocol", "profile", "metric", "n_boards", "mean_rank"]
    return [*head, "rank", "last_rank", *_FIGURES], [
        [
            row.title,
            column,
            *(board.task, board.dataset, board.protocol, board.profile, board.metric),
            *(row.n_present, row.mean_rank),
            *((None, None) if entry is None else (entry.rank, entry.last_rank)),
            *_figures(row.header if entry is None else entry.header, entry),
        ]
        for row in overview.rows
        for column, board, entry in zip(overview.columns, overview.boards, row.entries, strict=True)
    ]


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
    doubts = (mark(result.caveats), "; ".join(caveat.kind for caveat in result.caveats), entry.withheld)
    run = (result.run, str(header.path))
    return [*who, header.layers, len(result.seeds), *numbers, result.std, result.chosen, *doubts, *run]


def ranks(entry: BoardEntry) -> str:
    """The ranks that an entry may have, `2` or `2–4`; a dash if it has no score, or nothing beside it."""
    if entry.rank is None:
        return "–"
    return str(entry.rank) if entry.rank == entry.last_rank else f"{entry.rank}–{entry.last_rank}"
