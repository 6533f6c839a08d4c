"""A report from results on disk: collect them, rank one board at a time, and write the page and what else was asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from evaluator.errors import UsageError
from evaluator.files import write_whole
from evaluator.report import answers, overview_page, published, robustness, sections
from evaluator.report.board import Board
from evaluator.report.board_tables import by_model, leaderboard, matrix
from evaluator.report.budget import PageBudget, ReportFiles
from evaluator.report.clips import ClipOptions
from evaluator.report.collect import Collection, collect
from evaluator.report.overview import Overview, overview
from evaluator.report.page import FurtherSection, Page, PrintedOverviewRow, Section
from evaluator.report.published import PublishedPaper
from evaluator.report.ranking import boards
from evaluator.report.render import render
from evaluator.report.text import as_sentence, count_of
from evaluator.results.caveats import DAGGER

PAGE_BYTES = 16_000_000  # aimed at; what may not be left out can take it a little above
_TITLE = "Audio embeddings, evaluated"
_MAX_OPEN = 6  # tasks whose sections are open; more open at a click
_FIGURES = 120  # on the page, about half a second each; a task has one at least, its scores
_ENTRY_BYTES = 1_800  # of a result in leaderboard, overview, provenance and failures (bench/report_size.py: 1,400)
_HOW_TO_READ = [
    "A score is of all folds' test clips together (published profiles: the mean of the folds); its 95 % interval says where it might "
    "lie for other groups (individuals, sites, recordings), or clips where none are named, from the same source. There is none where "
    "the groups are fewer than four.",
    f"{DAGGER} marks a score with a caveat, such as that the module was pre-trained on this data; follow it to the sentence. "
    "Where the caveat falsifies the comparison with the others, there is no rank, no bold and no mean rank, and it stands below them.",
    "One module is significantly better than another if the differences in the same groups or test clips say so at 5 %, corrected "
    "for all pairs of a leaderboard (Holm). Rank 2–4 means that one module is significantly better than this one, that the "
    "difference to two others is not significant, and that the rest are significantly worse.",
    "Overlapping intervals do not make a tie, and a tie does not make two modules equal: more clips may tell them apart.",
    "Baselines, such as chance, stand beside the modules to be compared with; they have no rank.",
    "A mean rank is the mean of the middles of a module's ranks, over the tasks that all modules have; a leaderboard is one task under "
    "one protocol and profile, and scores of two leaderboards are not to be compared. A suite's mean is over modules that have all its tasks.",
]


@dataclass(frozen=True)
class ReportOptions:
    """What a user may choose about a report.

    Attributes:
        out: The page, .html.
        data: Where the audio lies now, of one dataset or of several below each other; None for where each result says.
        clips: How many clips of each task can be heard; 0 for none.
        log_frequency: Whether their spectrograms have a logarithmic axis of frequency.
        kinds: What is written beside the page, of `budget.FIGURE_KINDS` and `budget.TABLE_KINDS`.
        published: Papers whose printed numbers stand beside the measured ones.
        progress: Gives a progress bar, as in `run.Settings`.
        further: What makes the sections below those of the tasks, such as maps, (n_further,), of the titles of the modules and their
            numbers on the page, which give their looks.
        title: Of the page; "" for a general one.
        author: The line below it; "" for none.
        pairs: A pre-trained module and one that was fine-tuned from it, each, (n_pairs,): marked among the layers' curves.
    """

    out: Path
    data: Path | None = None
    clips: int = 12
    kinds: Sequence[str] = ()
    published: Sequence[PublishedPaper] = ()
    progress: Callable[[str, int], Callable[[int], object]] = lambda title, total: lambda n: None
    further: Sequence[Callable[[Mapping[str, int]], FurtherSection]] = ()
    log_frequency: bool = False
    title: str = ""
    author: str = ""
    pairs: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class BuiltReport:
    """What was written, (n_files,), the page first, and a sentence for each file that could not be used, (n_problems,)."""

    written: list[Path]
    problems: list[str]


def build(paths: Sequence[Path], options: ReportOptions) -> BuiltReport:
    """Write the report of all results in files and folders.

    Raises:
        UsageError: Nothing usable among them, the page's name is none for a page, or there is no folder of that audio.
    """
    _refuse_other_kinds(options.out)
    if options.data is not None and not options.data.is_dir():
        raise UsageError(
            f"--data {options.data}: there is no such folder; give the one in which the audio lies, or leave it out"
        )
    collection = collect(paths)
    ranked, problems = ranked_boards(collection, options.progress)
    problems += published.unmatched(ranked, options.published)
    everything = overview(ranked)
    numbers = {row.header.variant: number for number, row in enumerate(everything.rows)}
    _refuse_other_modules(options.pairs, everything)
    files = ReportFiles(options.out.with_name(f"{options.out.stem}-files"), options.kinds)
    built = _sections(everything, options, files, numbers)
    files.table(partial(matrix, everything, printed=[section.printed for section in built]), "overview")
    of_degraded, unused = robustness.section(collection.clean, collection.degraded, files, numbers)
    problems += unused
    titles = {row.title: number for number, row in enumerate(everything.rows)}
    further = [*of_degraded, *(make(titles) for make in options.further)]
    html = render(replace(_page(collection, everything, built, problems, options, numbers), further=further))
    write_whole(options.out, html.encode("utf-8", errors="replace"))
    return BuiltReport([options.out, *files.written], [*problems, *_silent(built), *_left_over(files)])


def ranked_boards(
    collection: Collection,
    progress: Callable[[str, int], Callable[[int], object]] = lambda title, total: lambda n: None,
) -> tuple[list[Board], list[str]]:
    """The boards of a collection, (n_boards,), each with an entry at least, and a sentence for each result that could not be used.

    Raises:
        UsageError: None could be used.
    """
    ranked: list[Board] = []
    problems = list(collection.problems)
    advance = progress("leaderboards", len(collection.comparable))
    for comparable in collection.comparable:
        for board in boards(comparable):
            problems += board.problems
            ranked += [board] if board.entries else []
        advance(1)
    if not ranked:
        raise UsageError(f"nothing to report: {' '.join(map(as_sentence, problems))}")
    return ranked, problems


def _silent(built: Sequence[Section]) -> list[str]:
    """A sentence if clips cannot be heard, though the page has room for them."""
    clips = [clip for section in built for clip in section.clips.clips]
    unheard = [section.clips.unheard for section in built if section.clips.unheard]
    reasons = [clip.trouble for clip in clips if clip.trouble]
    n_gone = sum(each.n_clips for each in unheard)
    if not reasons and not unheard:
        return []
    first = f"the first because {reasons[0]}" if reasons else unheard[0].why
    return [
        f"{len(reasons) + n_gone} of {count_of(len(clips) + n_gone, 'clip')} on the page cannot be heard, {first}; --data names the "
        "folder of the recordings, or one that holds a folder for each dataset"
    ]


def _left_over(files: ReportFiles) -> list[str]:
    """A sentence if there is more beside the page than was written now: figures or tables of an earlier report."""
    if not files.written:
        return []
    others = sorted(path.name for path in files.folder.iterdir() if path not in files.written)
    if not others:
        return []
    are = "is" if len(others) == 1 else "are"
    return [
        f"{files.folder}: has {count_of(len(others), 'file')} that {are} not of this report, {others[0]} for one; "
        "remove what is of an earlier one"
    ]


def _sections(
    everything: Overview, options: ReportOptions, files: ReportFiles, numbers: Mapping[str, int]
) -> list[Section]:
    built: list[Section] = []
    fine_tuned = {tuned: base for base, tuned in options.pairs}
    n_entries = sum(len(board.entries) for board in everything.boards)
    bytes_of_each = max(0, PAGE_BYTES - _ENTRY_BYTES * n_entries) // len(everything.boards)
    clip_options = ClipOptions(options.clips, options.data, options.log_frequency)
    advance = options.progress("sections", len(everything.boards))
    for number, (board, title) in enumerate(zip(everything.boards, everything.titles, strict=True)):
        name = sections.anchor(number, board)
        printed = published.rows_of(board, options.published)
        files.table(partial(leaderboard, board, printed=printed), name)
        budget = PageBudget(name, files, bytes_of_each, max(1, _FIGURES // len(everything.boards) - 1))
        built.append(sections.section(name, title, board, budget, clip_options, printed, numbers, fine_tuned))
        advance(1)
    return built


def _page(
    collection: Collection,
    everything: Overview,
    built: Sequence[Section],
    problems: Sequence[str],
    options: ReportOptions,
    numbers: Mapping[str, int],
) -> Page:
    by_task = overview_page.tasks_are_rows(everything)
    groups, axis = overview_page.task_groups(everything, built, numbers) if by_task else ([], "")
    return Page(
        title=options.title or _TITLE,
        author=options.author,
        subtitle=_subtitle(everything),
        summary=answers.summary(everything) if len(built) > _MAX_OPEN else [],
        problems=[as_sentence(each) for each in (*problems, *collection.notes)],
        missing=[as_sentence(each) for each in everything.missing],
        overview_notes=[as_sentence(each) for each in everything.notes],
        overview_caption=overview_page.caption(everything, [row for section in built for row in section.printed]),
        overview=overview_page.rows(everything, built, numbers),
        overview_printed=[PrintedOverviewRow(*row) for row in by_model([section.printed for section in built])],
        sections=built,
        reading=_HOW_TO_READ,
        groups=groups,
        axis=axis,
        folded=len(built) > _MAX_OPEN,
    )


def _subtitle(everything: Overview) -> str:
    """How many results of what, under which protocol, from when."""
    headers = {entry.result.run: entry.header for board in everything.boards for entry in board.entries}
    n_tasks = len({board.task for board in everything.boards})
    boards_of = f" ({count_of(len(everything.boards), 'leaderboard')})" if len(everything.boards) > n_tasks else ""
    days = sorted(started[:10] for header in headers.values() if (started := header.provenance("started")))
    when = f", from runs of {days[0]}{f' to {days[-1]}' if days[-1] != days[0] else ''}" if days else ""
    modules, tasks = count_of(len(everything.rows), "module"), count_of(n_tasks, "task")
    under = sorted({(board.protocol, board.profile) for board in everything.boards})
    protocol = f", protocol {under[0][0]}, profile {under[0][1]}" if len(under) == 1 else ""
    return f"{modules} on {tasks}{boards_of}, {count_of(len(headers), 'result')}{protocol}{when}."


def _refuse_other_modules(pairs: Sequence[tuple[str, str]], everything: Overview) -> None:
    """Refuse a pair of which a module has no result here.

    Raises:
        UsageError: Names the module, and those that are here.
    """
    here = sorted({row.header.result.module for row in everything.rows})
    for name in (name for pair in pairs for name in pair):
        if name not in here:
            raise UsageError(f"--pair: no result of {name}; there are results of {', '.join(here)}")


def _refuse_other_kinds(out: Path) -> None:
    """Refuse a page that cannot be written, before the work rather than after.

    Raises:
        UsageError: It does not end with .html, or its folder is not there.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out {out}: a report is a page; give a name that ends with .html")
    if out.is_dir():
        raise UsageError(f"--out {out}: this is a folder; give the name of a file in it")
    if not out.absolute().parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}; make it, or give another one")
