"""A table for a paper: modules in rows, tasks in columns by suite; what is bold, marked and said below it.

What it looks like as LaTeX, Markdown or CSV is `paper_text`'s.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from evaluator.report.board import Board, BoardEntry
from evaluator.report.board_tables import by_model
from evaluator.report.overview import Overview
from evaluator.report.published import PrintedRow, PublishedPaper, rows_of
from evaluator.results.caveats import ALWAYS, CAVEATS
from evaluator.scoring import differences
from evaluator.scoring.metrics import METRICS, title_of
from evaluator.words import begun

INTERVAL, STD, NONE = "interval", "std", "none"
DOUBTS = (INTERVAL, STD, NONE)
PRINTED = "printed"  # the kind of mark of a printed number that answers another question
# Caveats that falsify every comparison: marked in each cell, never only at the head of a column.
GRAVE = tuple(kind for kind, each in CAVEATS.items() if each.falsifies == ALWAYS)
_OVER = {"groups": "groups of test clips (individuals, sites, recordings)", "clips": "test clips"}


@dataclass(frozen=True)
class PaperCell:
    """A score as it is read, "" where there is none.

    value: The same with all its digits, in the unit that is read; NaN where there is none.
    doubt: Its interval or standard deviation as it is read, of shape (2,) or (1,); none where there is none, or none is asked for.
    bold: Whether the module is significantly better than every other one of the column.
    kinds: Of its caveats, and `PRINTED`, each a mark.
    """

    text: str
    value: float = math.nan
    doubt: tuple[str, ...] = ()
    bold: bool = False
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class PaperColumn:
    """A task, or the mean of a group of them.

    group: The suite, with protocol and profile where the table has several.
    kinds: Of caveats that every measured score of the column has.
    """

    title: str
    group: str
    metric: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrintedPart:
    """The rows that a paper prints, (n_rows, n_columns), by the models' names; its own name, and how to cite it."""

    name: str
    citation: str
    rows: list[tuple[str, list[PaperCell]]]


@dataclass(frozen=True)
class PaperTable:
    """Rows of cells, (n_rows, n_columns), by what they are called, first the measured ones and then those of each paper.

    printed: Of each paper.
    kinds: All kinds of marks in the table, in order, with what each means.
    caption: Sentences.
    """

    columns: list[PaperColumn]
    measured: list[tuple[str, list[PaperCell]]]
    printed: list[PrintedPart]
    kinds: dict[str, str]
    caption: str


def make(
    everything: Overview, papers: Sequence[PublishedPaper], doubt: str = INTERVAL, means: bool = False
) -> PaperTable:
    """The table of an overview, (n_modules, n_boards), with papers' printed numbers below.

    Args:
        everything: All boards.
        papers: Whose numbers stand below.
        doubt: What stands behind each score, of `DOUBTS`.
        means: Whether each suite of several tasks has its mean, for rows that have them all.
    """
    order = sorted(
        range(len(everything.boards)),
        key=lambda n: (not _group_key(everything.boards[n])[0], *_group_key(everything.boards[n]), n),
    )
    boards = [everything.boards[n] for n in order]
    columns = _columns(boards)
    measured = [
        (row.title, [_cell(board, row.entries[n], doubt) for board, n in zip(boards, order, strict=True)])
        for row in everything.rows
    ]
    columns, measured = _hoisted(columns, measured)
    parts = [_part(paper, boards, doubt) for paper in papers]
    printed = [part for part in parts if part.rows]
    if means:
        columns, measured, printed = _with_means(columns, measured, printed)
    every = [cells for rows in (measured, *(part.rows for part in printed)) for _, cells in rows]
    used = {kind for cells in every for cell in cells for kind in cell.kinds} | {
        k for each in columns for k in each.kinds
    }
    meanings = {**{kind: each.meaning for kind, each in CAVEATS.items()}, PRINTED: _other_question(boards, papers)}
    kinds = {kind: meaning for kind, meaning in meanings.items() if kind in used}
    return PaperTable(columns, measured, printed, kinds, _caption(boards, columns, measured, doubt))


def _group_key(board: Board) -> tuple[str, str, str]:
    """Suite, protocol, profile."""
    return board.task.rpartition("/")[0], board.protocol, board.profile


def _columns(boards: Sequence[Board]) -> list[PaperColumn]:
    several = len({_group_key(board)[1:] for board in boards}) > 1
    columns: list[PaperColumn] = []
    for board in boards:
        suite, protocol, profile = _group_key(board)
        group = f"{suite or 'own data'} ({protocol}, {profile})" if several else suite or "own data"
        title = board.task.rpartition("/")[2]
        n_before = sum((each.title.partition(" #")[0], each.group) == (title, group) for each in columns)
        columns.append(PaperColumn(f"{title} #{n_before + 1}" if n_before else title, group, board.metric))
    return columns


def _cell(board: Board, entry: BoardEntry | None, doubt: str) -> PaperCell:
    if entry is None or entry.result.score != entry.result.score:
        return PaperCell("")
    result, metric = entry.result, METRICS[board.metric]
    behind: tuple[str, ...] = ()
    if doubt == INTERVAL and result.ci_low == result.ci_low and result.ci_high == result.ci_high:
        behind = (metric.shown(result.ci_low), metric.shown(result.ci_high))
    elif doubt == STD and result.std is not None:
        behind = (metric.shown(result.std),)
    own = {caveat.kind for caveat in result.caveats}
    kinds = tuple(kind for kind in CAVEATS if kind in own)
    value = result.score * (100 if metric.unit == "%" else 1)
    return PaperCell(metric.shown(result.score), value, behind, _is_best(board, entry), kinds)


def _is_best(board: Board, entry: BoardEntry) -> bool:
    """Whether a module is significantly better than all others of its board that can be compared, one at least."""
    number = next(n for n, each in enumerate(board.entries) if each is entry)
    others = [n for n, each in enumerate(board.entries) if _is_comparable(each) and n != number]
    can_be_best = _is_comparable(entry) and not entry.baseline
    return can_be_best and bool(others) and all(board.significantly_better[number][n] for n in others)


def _is_comparable(entry: BoardEntry) -> bool:
    """Whether what is bold has to be better than it: not what a caveat keeps from a rank."""
    return entry.result.score == entry.result.score and not entry.withheld


def _part(paper: PublishedPaper, boards: Sequence[Board], doubt: str) -> PrintedPart:
    """The rows of a paper, those without a number on any board left out."""
    lines = by_model([rows_of(board, [paper]) for board in boards])
    rows = [
        (next(cell.name for cell in cells if cell), [_printed_cell(cell, doubt) for cell in cells])
        for _, cells in lines
    ]
    return PrintedPart(paper.name, paper.citation, rows)


def _printed_cell(row: PrintedRow | None, doubt: str) -> PaperCell:
    if row is None:
        return PaperCell("")
    number = row.number
    behind: tuple[str, ...] = ()
    if doubt == INTERVAL and number.interval:
        behind = (number.low, number.high)
    elif doubt == STD and number.std:
        behind = (number.std,)
    return PaperCell(number.shown, float(number.text), behind, False, (PRINTED,) if row.others else ())


_Rows = list[tuple[str, list[PaperCell]]]


def _hoisted(columns: Sequence[PaperColumn], rows: _Rows) -> tuple[list[PaperColumn], _Rows]:
    """Marks that every score of a column has, at its head instead; those that falsify a comparison stay with the scores."""
    shared: list[set[str]] = []
    for n in range(len(columns)):
        kinds = [set(cells[n].kinds) for _, cells in rows if cells[n].text]
        shared.append(set.intersection(*kinds) - set(GRAVE) if len(kinds) > 1 else set())
    at_head = [
        replace(column, kinds=tuple(kind for kind in CAVEATS if kind in own))
        for column, own in zip(columns, shared, strict=True)
    ]
    rest = [
        (
            title,
            [
                replace(cell, kinds=tuple(kind for kind in cell.kinds if kind not in own))
                for cell, own in zip(cells, shared, strict=True)
            ],
        )
        for title, cells in rows
    ]
    return at_head, rest


def _with_means(
    columns: Sequence[PaperColumn], measured: _Rows, printed: Sequence[PrintedPart]
) -> tuple[list[PaperColumn], _Rows, list[PrintedPart]]:
    """A column behind each group of several tasks in percent: the mean of rows that have all of them."""
    places: list[int | list[int]] = []  # a column as it is, or those that a mean is of
    wide: list[PaperColumn] = []
    for group in dict.fromkeys(each.group for each in columns):
        members = [n for n, each in enumerate(columns) if each.group == group]
        places += members
        wide += [columns[n] for n in members]
        if len(members) > 1 and all(METRICS[columns[n].metric].unit == "%" for n in members):
            places.append(members)
            wide.append(PaperColumn("mean", group, ""))

    def widened(rows: _Rows) -> _Rows:
        return [
            (title, [cells[each] if isinstance(each, int) else _mean([cells[n] for n in each]) for each in places])
            for title, cells in rows
        ]

    return wide, widened(measured), [replace(part, rows=widened(part.rows)) for part in printed]


def _mean(cells: Sequence[PaperCell]) -> PaperCell:
    """The mean of scores in percent, none if one is missing; it keeps the marks that falsify a comparison."""
    if not all(cell.text for cell in cells):
        return PaperCell("")
    kinds = {kind for cell in cells for kind in cell.kinds}
    kept = tuple(kind for kind in (*GRAVE, PRINTED) if kind in kinds)
    value = fmean(cell.value for cell in cells)
    return PaperCell(f"{value:.1f}", value, kinds=kept)


def _other_question(boards: Sequence[Board], papers: Sequence[PublishedPaper]) -> str:
    """In which ways printed numbers answer other questions than the measured ones."""
    others = [other for board in boards for row in rows_of(board, papers) for other in row.others]
    return f"printed for another question than the measured scores of the column: {'; '.join(dict.fromkeys(others))}"


def _caption(boards: Sequence[Board], columns: Sequence[PaperColumn], rows: _Rows, doubt: str) -> str:
    """What is in the table, as sentences."""
    return " ".join(f"{sentence}." for sentence in _sentences(boards, columns, rows, doubt))


def _sentences(boards: Sequence[Board], columns: Sequence[PaperColumn], rows: _Rows, doubt: str) -> Iterator[str]:
    names = list(dict.fromkeys(column.metric for column in columns if column.metric))
    unit = " in %" if all(METRICS[name].unit == "%" for name in names) else ""
    of = begun(title_of(names[0])) if len(names) == 1 else "Scores"
    trains = not (names and all(METRICS[name].of_measures for name in names))
    yield f"{of}{unit} of {'probes on ' * trains}frozen embeddings{_protocol(boards)}"
    entries = [entry.result for board in boards for entry in board.entries]
    has_doubt = any(cell.doubt for _, cells in rows for cell in cells)
    if doubt == INTERVAL and has_doubt:
        over = {each.interval_over for each in entries}
        units = " or ".join(text for name, text in _OVER.items() if name in over)
        yield f"In brackets: 95 % intervals over {units} (jackknife); scores without one have too few of them"
    if doubt == STD:
        what = "trainings of the probe" if trains else "random starts"
        yield f"Behind ±: standard deviation over {what}{'' if has_doubt else '; measured here once, so that there is none'}"
    if any(cell.bold for _, cells in rows for cell in cells):
        yield (
            "Bold: significantly better than every other measured module of the column "
            f"(p < {differences.SURE:g}, corrected for all pairs, Holm)"
        )
    elif len(rows) > 1:
        yield "No module is significantly better than all others of a column, so that none is bold"
    if any(column.title == "mean" and not column.metric for column in columns):
        mixed = " of different metrics" if len(names) > 1 else ""
        yield f"Means{mixed} over the tasks of a suite, for rows that have all of them"
    if any(not cell.text for _, cells in rows for cell in cells):
        yield "A dash stands for no score"


def _protocol(boards: Sequence[Board]) -> str:
    under = {(board.protocol, board.profile) for board in boards}
    if len(under) > 1:
        return ", under the protocols and profiles at the head of the columns"
    ((protocol, profile),) = under
    return f", protocol {protocol}, {profile} profile"
