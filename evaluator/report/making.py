"""A report from results on disk: gather them, one board at a time, and write the page and what was asked for beside it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator import results
from evaluator.embedding.store import write_whole
from evaluator.errors import EvaluationError, UsageError
from evaluator.report import page, room, sections, wording
from evaluator.report.board import Board, boards
from evaluator.report.gathered import Gathered, gather
from evaluator.report.overview import Overview, overview, overview_table
from evaluator.report.page import Page, Section

BYTES_OF_FIGURES = 9_000_000  # of all sections; with 100 modules x 50 tasks the tables take as much again (bench/report_size.py)


@dataclass(frozen=True)
class Wish:
    """What a user may choose about a report.

    Attributes:
        out: The page, .html.
        data: Where the audio lies now; None for where each result says.
        clips: How many clips of each task can be heard; 0 for none.
        kinds: What is written beside the page, of `room.PICTURES` and `room.TABLES`.
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
        UsageError: Nothing usable among them, or the page's name is none for a page.
    """
    refuse_other_kinds(wish.out)
    found = gather(places)
    files = room.Files(wish.out.with_name(f"{wish.out.stem}-files"), wish.kinds)
    problems = list(found.problems)
    ranked: list[Board] = []
    made: list[Section] = []
    advance = wish.progress("tasks", len(found.asked))
    for asked in found.asked:
        for board in boards(asked, wish.seed):
            problems += board.problems
            if board.places:
                ranked.append(board)
                made.append(_section(len(made), board, wish, files, BYTES_OF_FIGURES // len(found.asked)))
        advance(1)
    if not ranked:
        raise UsageError(f"nothing to report: {' '.join(map(wording.ended, problems))}")
    everything = overview(ranked)
    files.table(*overview_table(everything), "overview")
    write_whole(wish.out, page.render(_page(found, everything, made, problems)).encode("utf-8", errors="replace"))
    return Made([wish.out, *files.written], problems)


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


def _section(number: int, board: Board, wish: Wish, files: room.Files, n_bytes: int) -> Section:
    found = [results.read(place.head.path) for place in board.places]
    share = room.Share(n_bytes)
    name = sections.anchor(number, board)
    files.table(*leaderboard_table(board), name)
    drawer = room.Drawer(name, share, files)
    return sections.section(board, found, drawer, sections.Listening(wish.clips, wish.data))


def _page(found: Gathered, everything: Overview, made: Sequence[Section], problems: Sequence[str]) -> Page:
    ...
