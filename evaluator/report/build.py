"""A report from results on disk: gather them, one board at a time, and write the page and what was asked for beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evaluator.errors import UsageError
from evaluator.files import write_whole
from evaluator.report import budget, page, sections, text
from evaluator.report.board import Board, boards
from evaluator.report.collect import Gathered, gather
from evaluator.report.listening import Listening
from evaluator.report.overview import Overview, Row, leaderboard, matrix, overview
from evaluator.report.page import Amount, OverviewRow, Page, Section

READING = [
    "A score is the mean over folds; its 95 % interval says where it might lie for other test clips from the same source.",
    "Two modules are told apart by a paired bootstrap on the same test clips, corrected for all pairs of a leaderboard (Holm), "
    "at 5 %. Rank 2–4 means that one module is surely better, two can be told from this one in neither direction, and the "
    "rest are surely worse.",
    "Overlapping intervals do not make a tie, and a tie does not make two modules equal: more clips may tell them apart.",
    "A mean rank is the mean of the middles of a module's ranks, over the tasks that all modules have; a board is one task under one "
    "protocol and profile, and scores of two boards are not to be compared.",
]
BYTES_OF_PAGE = 16_000_000  # aimed at; what may not be left out can take it a little above
_BYTES_OF_PLACE = 1_800  # of a result in leaderboard, overview, provenance and failures (bench/report_size.py: 1,400)


@dataclass(frozen=True)
class Wish:
    """What a user may choose about a report.

    Attributes:
        out: The page, .html.
        data: Where the audio lies now; None for where each result says.
        clips: How many clips of each task can be heard; 0 for none.
        kinds: What is written beside the page, of `budget.PICTURES` and `budget.TABLES`.
        seed: Of the bootstrap draws that ranks are made of.
        progress: Gives a progress bar, as in `run.Settings`.
    """

    out: Path
    data: Path | None = None
    clips: int = 12
    kinds: Sequence[str] = ()
    seed: int = 0
    progress: Callable[[str, int], Callable[[int], object]] = lambda title, total: lambda n: None


@dataclass(frozen=True)
class Made:
    """What was written, the page first, and a sentence for each file that could not be used."""

    written: list[Path]
    problems: list[str]


def make(places: Sequence[Path], wish: Wish) -> Made:
    """Write the report of all results in files and folders.

    Raises:
        UsageError: Nothing usable among them, the page's name is none for a page, or there is no folder of that audio.
    """
    refuse_other_kinds(wish.out)
    if wish.data is not None and not wish.data.is_dir():
        raise UsageError(
            f"--data {wish.data}: there is no such folder; give the one in which the audio lies, or leave it out"
        )
    found = gather(places)
    ranked: list[Board] = []
    problems = list(found.problems)
    advance = wish.progress("leaderboards", len(found.asked))
    for asked in found.asked:
        for board in boards(asked, wish.seed):
            problems += board.problems
            ranked += [board] if board.places else []
        advance(1)
    if not ranked:
        raise UsageError(f"nothing to report: {' '.join(map(text.ended, problems))}")
    everything = overview(ranked)
    files = budget.Files(wish.out.with_name(f"{wish.out.stem}-files"), wish.kinds)
    made = _sections(everything, wish, files)
    files.table(partial(matrix, everything), "overview")
    write_whole(wish.out, page.render(_page(found, everything, made, problems)).encode("utf-8", errors="replace"))
    return Made([wish.out, *files.written], [*problems, *_left_over(files)])


def _left_over(files: budget.Files) -> list[str]:
    """A sentence if there is more beside the page than was written now: figures or tables of an earlier report."""
    if not files.written:
        return []
    others = sorted(path.name for path in files.folder.iterdir() if path not in files.written)
    if not others:
        return []
    return [
        f"{files.folder}: has {len(others)} files that are not of this report, {others[0]} for one; remove what is of an earlier one"
    ]


def _sections(everything: Overview, wish: Wish, files: budget.Files) -> list[Section]:
    made: list[Section] = []
    n_places = sum(len(board.places) for board in everything.boards)
    room_of_each = max(0, BYTES_OF_PAGE - _BYTES_OF_PLACE * n_places) // len(everything.boards)
    advance = wish.progress("sections", len(everything.boards))
    for number, (board, title) in enumerate(zip(everything.boards, everything.columns, strict=True)):
        name = sections.anchor(number, board)
        files.table(partial(leaderboard, board), name)
        drawer = budget.Drawer(name, files, room_of_each)
        made.append(sections.section(name, title, board, drawer, Listening(wish.clips, wish.data)))
        advance(1)
    return made


def _page(found: Gathered, everything: Overview, made: Sequence[Section], problems: Sequence[str]) -> Page:
    runs = {place.head.run: place.head for board in everything.boards for place in board.places}
    modules, tasks = len(everything.rows), len({board.task for board in everything.boards})
    boards_of = f" ({_many(len(everything.boards), 'board')})" if len(everything.boards) > tasks else ""
    days = sorted(head.started[:10] for head in runs.values() if head.started)
    when = f", from runs of {days[0]}{f' to {days[-1]}' if days[-1] != days[0] else ''}" if days else ""
    return Page(
        title="What the modules hear",
        subtitle=f"{_many(len(runs), 'result')}: {_many(modules, 'module')} on {_many(tasks, 'task')}{boards_of}{when}.",
        problems=[text.ended(each) for each in (*problems, *found.notes)],
        missing=[text.ended(each) for each in everything.missing],
        overview_says=[text.ended(each) for each in everything.notes],
        overview_caption=_caption(everything),
        overview=[_row(row, made) for row in everything.rows],
        sections=made,
        reading=READING,
    )


def _caption(everything: Overview) -> str:
    """What is in the cells of the overview, and no more than that."""
    places = [place for row in everything.rows for place in row.cells]
    ranked = any(place and place.rank for place in places)
    says = f"Scores with 95 % intervals{' and ranks' if ranked else ''}."
    best = " The best of each board and its ties are bold." if ranked else ""
    return f"{says}{best}{' A dash stands for a missing result.' if None in places else ''}"


def _row(row: Row, made: Sequence[Section]) -> OverviewRow:
    cells = [
        next((line for line in section.lines if line.place is place), None) if place else None
        for place, section in zip(row.cells, made, strict=True)
    ]
    rank = Amount("–" if row.mean_rank is None else f"{row.mean_rank:.1f}", row.mean_rank)
    return OverviewRow(row.title, cells, row.n_present, rank)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def refuse_other_kinds(out: Path) -> None:
    """Refuse a page that cannot be written; found out before the work rather than after.

    Raises:
        UsageError: It does not end with .html, or its folder is not there.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out {out}: a report is a page; give a name that ends with .html")
    if out.is_dir():
        raise UsageError(f"--out {out}: this is a folder; give the name of a file in it")
    if not out.absolute().parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}; make it, or give another place")
