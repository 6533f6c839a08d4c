"""A page: sections and an overview, made of `page_parts`; `render` makes HTML of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evaluator.report.answers import Answer
from evaluator.report.board import BoardEntry
from evaluator.report.page_parts import Amount, Chart, ClipList, Details, PageFigure, PageTable
from evaluator.report.published import PrintedRow


@dataclass(frozen=True)
class LeaderboardRow:
    """An entry of a leaderboard as it is read.

    anchor: Its own, in addresses.
    key: Its module's mark, as SVG text.
    rank: One rank, or the first and the last that it may have.
    score, interval, std: In the unit that is read.
    n_worse: Than how many modules it is significantly better; a dash without a rank.
    caveats: Those of its score, as text; "" for none.
    """

    entry: BoardEntry
    rank: str
    score: Amount
    interval: Amount
    std: Amount
    n_worse: Amount
    caveats: str
    anchor: str = ""
    key: str = ""


@dataclass(frozen=True)
class Section:
    """All about one board, in the order of the page.

    facts: What was scored and how: a word for each fact, and sentences about it.
    caveats, notes: Sentences.
    rows: Of the leaderboard, (n_entries,), best first.
    answer: Which module is best, in a sentence.
    chart: The scores; None where there are none.
    left_out: What the page had too few bytes for.
    shared_origins: Where all results came from: names and values.
    other_origins: What differs between the modules in that; None if nothing does.
    printed: Numbers that papers print, (n_printed,), below the measured ones.
    repeats: Over what the column of standard deviations is (`Metric.repeats`).
    """

    anchor: str
    title: str
    metric: str
    caption: str
    facts: Sequence[tuple[str, str]]
    caveats: Sequence[str]
    notes: Sequence[str]
    rows: Sequence[LeaderboardRow]
    figures: Sequence[PageFigure]
    details: Sequence[Details]
    clips: ClipList
    left_out: Sequence[str]
    shared_origins: Sequence[tuple[str, str]]
    other_origins: PageTable | None
    printed: Sequence[PrintedRow] = ()
    answer: Answer | None = None
    chart: Chart | None = None
    repeats: str = "trainings"

    @property
    def has_ranks(self) -> bool:
        """Whether there are two modules at least to be ranked."""
        return any(row.entry.rank for row in self.rows)

    @property
    def has_std(self) -> bool:
        """Whether any score is a mean over several trainings or starts."""
        measured = any(row.entry.result.std is not None for row in self.rows)
        return measured or any(row.number.std for row in self.printed)

    @property
    def has_chosen(self) -> bool:
        """Whether any score is of one of several layers or settings."""
        return any(row.entry.result.chosen for row in self.rows)


@dataclass(frozen=True)
class FurtherSection:
    """A section about more than one leaderboard, such as a map of embeddings or how alike modules are, below the tasks.

    anchor: In addresses; letters, digits and dashes, no other section's.
    title: Its heading, as the list of contents shows it.
    lead: Sentences below the heading.
    figures, details: As in `Section`.
    markup: HTML of its own, whose maker has escaped every name in it; "" for none. It holds no script, no style and no
        address: what it needs of these is a file in `assets`.
    """

    anchor: str
    title: str
    lead: Sequence[str] = ()
    figures: Sequence[PageFigure] = ()
    details: Sequence[Details] = ()
    markup: str = ""


@dataclass(frozen=True)
class OverviewRow:
    """A module in the table of all: cells (n_sections,), None where it has no result, in how many it is, its mean rank.

    key: Its mark, as SVG text.
    """

    title: str
    cells: Sequence[LeaderboardRow | None]
    n_present: int
    mean_rank: Amount
    key: str = ""


@dataclass(frozen=True)
class TaskRow:
    """A task in the table of all, where tasks are rows: its section, and all modules' scores on one lane, as SVG text."""

    section: Section
    place: int
    lane: str


@dataclass(frozen=True)
class TaskGroup:
    """The tasks of a suite under one protocol, (n_tasks,), with each module's mean, (n_modules,); none where there is no mean."""

    title: str
    tasks: Sequence[TaskRow]
    means: Sequence[Amount] = ()


@dataclass(frozen=True)
class PrintedOverviewRow:
    """A model of a paper in the table of all: its printed number in each section, (n_sections,), None for none."""

    title: str
    cells: Sequence[PrintedRow | None]


@dataclass(frozen=True)
class Page:
    """The whole report: rows of the overview, (n_modules,), a section a board, (n_boards,), and sentences as they are read.

    author: "" for none.
    summary: All boards in a sentence or two.
    groups: Suites with their tasks, (n_suites,), where these are the rows of the overview; else empty.
    axis: The scale of their lanes, as SVG text.
    folded: Whether sections open at a click, since there are many.
    further: Sections below those of the boards, (n_further,).
    """

    title: str
    subtitle: str
    problems: Sequence[str]
    missing: Sequence[str]
    overview_notes: Sequence[str]
    overview_caption: str
    overview: Sequence[OverviewRow]
    sections: Sequence[Section]
    reading: Sequence[str] = field(default_factory=list)
    overview_printed: Sequence[PrintedOverviewRow] = ()
    further: Sequence[FurtherSection] = ()
    author: str = ""
    summary: Sequence[str] = ()
    groups: Sequence[TaskGroup] = ()
    axis: str = ""
    folded: bool = False
