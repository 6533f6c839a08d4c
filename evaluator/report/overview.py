"""Modules x boards: who stands where, what is missing, and means over what all of them have."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluator.report.board import Board, BoardEntry
from evaluator.report.header import ResultHeader
from evaluator.report.missing import how_to_get
from evaluator.scoring.metrics import METRICS


@dataclass(frozen=True)
class ModuleRow:
    """One module, with its weights and options.

    header: Of one of its results.
    entries: Its entry on each board, (n_boards,); None where it has none.
    n_present: On how many boards it is.
    mean_rank: Mean of (rank + last_rank) / 2 over the tasks of the shared boards, each task's boards averaged first; None if
        there is none, or if it has no rank on one of them.
    withheld: Whether its caveats keep it from a rank on some board.
    baseline: Whether it has no rank on some board because it is a baseline.
    means: Mean score over the shared boards of one metric, protocol and profile, by their name, where there are several such;
        none for a row without a mean rank.
    """

    title: str
    header: ResultHeader
    entries: list[BoardEntry | None]
    n_present: int
    mean_rank: float | None
    means: dict[str, float]
    withheld: bool = False
    baseline: bool = False


@dataclass(frozen=True)
class Overview:
    """Rows in order of mean rank, where these tie or are not there, of their places on the boards that they have; baselines last.

    columns: What to call each board, (n_boards,), all different.
    shared: Which of `boards`, counted from 0, every row has a rank on, but for baselines and rows that are withheld somewhere.
    missing: Sentences: which module has no result where, and how to get it.
    notes: What a reader should know, such as why there is no mean rank.
    titles: As `columns`, without protocol and profile where all boards share them.
    """

    boards: list[Board]
    columns: list[str]
    rows: list[ModuleRow]
    shared: list[int]
    missing: list[str]
    notes: list[str]
    titles: list[str] = field(default_factory=list)


def overview(boards: Sequence[Board]) -> Overview:
    """All boards in one: each module's entry on each, (n_modules, n_boards)."""
    headers: dict[str, ResultHeader] = {}  # by variant
    entries: dict[str, list[BoardEntry | None]] = defaultdict(lambda: [None] * len(boards))
    columns, notes = _columns(boards), []
    for number, board in enumerate(boards):
        for entry in board.entries:
            variant = entry.header.variant
            headers.setdefault(variant, entry.header)
            before = entries[variant][number]
            if before is not None:
                most = f"the one with most {METRICS[board.metric].repeats}"
                notes.append(f"{entry.header.title} has several runs on {columns[number]}; {most} is shown")
            entries[variant][number] = entry if before is None else _trained_more(before, entry)
    shared = _shared(list(entries.values()), len(boards))
    rows = [_row(headers[variant], row, shared, boards) for variant, row in entries.items()]
    rows.sort(key=lambda row: _place(row, boards))
    if len(rows) > 1 and len(shared) < len(boards):
        notes.append(_why_not_shared(rows, columns, shared))
    left_out = [row.title for row in rows if row.withheld and row.mean_rank is None]
    if left_out and len(boards) > 1:
        notes.append(f"No mean rank for {', '.join(left_out)}: no rank on some leaderboard, as is said there")
    if len({boards[number].task for number in shared}) < len(shared):
        notes.append(
            "In mean ranks each task counts once: where it has several boards, by protocol or profile, theirs are averaged first"
        )
    titles = _columns(boards, with_protocol=len({(board.protocol, board.profile) for board in boards}) > 1)
    missing = _missing(rows, boards, columns)
    return Overview(list(boards), columns, rows, shared, missing, list(dict.fromkeys(notes)), titles)


def _place(row: ModuleRow, boards: Sequence[Board]) -> tuple[bool, float, int, float, str]:
    """Where a row stands: the smaller, the earlier."""
    own = [  # its places in the order of scores, 0 for the first to 1
        next(n for n, each in enumerate(board.entries) if each is entry) / len(board.entries)
        for board, entry in zip(boards, row.entries, strict=True)
        if entry
    ]
    mean_rank = math.inf if row.mean_rank is None else row.mean_rank
    return row.baseline, mean_rank, -row.n_present, float(np.mean(own)) if own else math.inf, row.title


def _shared(rows: Sequence[Sequence[BoardEntry | None]], n_boards: int) -> list[int]:
    """The boards on which every module has a rank; one that is withheld or a baseline anywhere has no say in that, unless all are."""
    without_caveat = [row for row in rows if not any(entry and (entry.withheld or entry.baseline) for entry in row)]
    return [
        number
        for number in range(n_boards)
        if all(entry and entry.rank for entry in (row[number] for row in without_caveat or rows))
    ]


def _columns(boards: Sequence[Board], with_protocol: bool = True) -> list[str]:
    """What to call each board, all different, (n_boards,); the protocol may be left out where all share it."""
    metrics = defaultdict(set)
    for board in boards:
        metrics[board.task, board.protocol, board.profile].add(board.metric)
    names = []
    for board in boards:
        parts = [board.protocol, board.profile] if with_protocol else []
        parts += [board.metric] if len(metrics[board.task, board.protocol, board.profile]) > 1 else []
        names.append(f"{board.task} ({', '.join(parts)})" if parts else board.task)
    return [
        name if names.count(name) == 1 else f"{name}, clips {names[:n].count(name) + 1}" for n, name in enumerate(names)
    ]


def _trained_more(one: BoardEntry, other: BoardEntry) -> BoardEntry:
    """Of two runs of a variant the one with more trainings or starts, then the newer: never the one with the better score."""
    return max(
        one, other, key=lambda entry: (len(entry.result.seeds), entry.header.provenance("started"), entry.result.run)
    )


def _row(
    header: ResultHeader, entries: list[BoardEntry | None], shared: Sequence[int], boards: Sequence[Board]
) -> ModuleRow:
    withheld = any(entry and entry.withheld for entry in entries)
    common = [(boards[number], entry) for number in shared if (entry := entries[number]) is not None]
    if any(entry is None or entry.rank is None for entry in (entries[number] for number in shared)):
        common = []  # a mean over fewer tasks is not to be compared
    ranks = defaultdict(list)  # of each task
    for board, entry in common:
        if entry.rank and entry.last_rank:
            ranks[board.task].append((entry.rank + entry.last_rank) / 2)
    scores = defaultdict(list)
    for board, entry in common:
        scores[f"{board.metric} ({board.protocol}, {board.profile})"].append(entry.result.score)
    means = {name: float(np.mean(several)) for name, several in scores.items() if len(several) > 1}
    n_present = sum(entry is not None for entry in entries)
    baseline = any(entry and entry.baseline for entry in entries)
    return ModuleRow(
        header.title, header, entries, n_present, _mean_of_means(ranks.values()), means, withheld, baseline
    )


def _mean_of_means(several: Iterable[Sequence[float]]) -> float | None:
    means = [float(np.mean(each)) for each in several]
    return float(np.mean(means)) if means else None


def _why_not_shared(rows: Sequence[ModuleRow], columns: Sequence[str], shared: Sequence[int]) -> str:
    fewest = min([row for row in rows if not (row.withheld or row.baseline)] or rows, key=lambda row: row.n_present)
    lacking = ""
    if fewest.n_present < len(columns):
        lacking = f"; {fewest.title}, for one, is on {fewest.n_present} of {len(columns)}"
    if not shared:
        return f"No mean ranks: there is no leaderboard on which every module has a rank{lacking}"
    return f"Mean ranks are over the {len(shared)} of {len(columns)} leaderboards on which every module has a rank{lacking}"


def _missing(rows: Sequence[ModuleRow], boards: Sequence[Board], columns: Sequence[str]) -> list[str]:
    """A sentence for each empty cell."""
    siblings = defaultdict(list)
    for number, board in enumerate(boards):
        siblings[_what_is_scored(board)].append(number)
    sentences = []
    for row in rows:
        for number, board in enumerate(boards):
            if row.entries[number] is None:
                elsewhere = [each for each in siblings[_what_is_scored(board)] if row.entries[each] is not None]
                if elsewhere:
                    why = f"was tested on other clips ({columns[elsewhere[0]]})"
                else:
                    why = f"has no result: {how_to_get(row.header, board)}"
                sentences.append(f"{row.title} on {columns[number]} {why}")
    return sentences


def _what_is_scored(board: Board) -> tuple[str, str, str, str]:
    return board.task, board.protocol, board.profile, board.metric
