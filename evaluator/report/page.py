"""What a page is made of: sections and an overview, with tables, figures, charts and clips; `render` makes HTML of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evaluator.report.answers import Answer
from evaluator.report.board import BoardEntry
from evaluator.report.published import PrintedRow
from evaluator.tables import TableCell

if TYPE_CHECKING:
    from evaluator.report.sound import ClipSound


@dataclass(frozen=True)
class Amount:
    """A number in a table: as it is read, in the unit of its column, and as it is sorted (None for none)."""

    text: str
    value: float | None


@dataclass(frozen=True)
class PageTable:
    """A table: caption, names of columns (n_columns,), rows (n_rows, n_columns), and which column, from 0, names a row."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[TableCell]]
    naming: int = 0

    @property
    def is_number(self) -> list[bool]:
        """Whether a column holds numbers and no text, (n_columns,)."""
        columns = [[row[n] for row in self.rows] for n in range(len(self.head))]
        return [
            any(cell is not None for cell in each) and not any(isinstance(cell, str) for cell in each)
            for each in columns
        ]


@dataclass(frozen=True)
class PageFigure:
    """A figure: title, a sentence or two below it, and itself as SVG text that needs no escaping any more.

    narrow: The same for a phone; "" where one drawing does for both.
    kind: Which side of a switch shows it; "" for both.
    """

    title: str
    caption: str
    svg: str
    narrow: str = ""
    kind: str = ""


@dataclass(frozen=True)
class ChartRow:
    """A row of a chart: a name with a mark before it, a lane of marks, and what stands behind it.

    key, lane: SVG text that needs no escaping any more; "" for no mark.
    anchor: A section that the name leads to; "" for none.
    text, note: Numbers as they are read, and a word about them.
    """

    name: str
    lane: str
    key: str = ""
    anchor: str = ""
    text: str = ""
    note: str = ""
    is_heading: bool = False


@dataclass(frozen=True)
class Chart:
    """Scores with intervals on lanes, (n_rows,), which is as wide as its place on any screen.

    axis: SVG text of the scale.
    legend: Marks, as SVG text, and what they are, (n_marks,).
    """

    title: str
    caption: str
    rows: Sequence[ChartRow]
    axis: str
    legend: Sequence[tuple[str, str]] = ()

    @property
    def n_bytes(self) -> int:
        """About how many bytes of the page it fills."""
        return sum(len(row.lane) + len(row.name) + 300 for row in self.rows)


@dataclass(frozen=True)
class Details:
    """Figures, charts and tables that open at a click on their summary.

    paired: Figures stand beside each other where they fit.
    switch: Two words between which a reader switches, where each figure's `kind` is one of them; none for no switch.
    """

    summary: str
    figures: Sequence[PageFigure] = ()
    tables: Sequence[PageTable] = ()
    paired: bool = False
    charts: Sequence[Chart] = ()
    switch: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownPrediction:
    """What one module predicts for a clip: its labels, whether they are right, and their probabilities (0 to 1)."""

    title: str
    labels: str
    right: bool
    probabilities: str


@dataclass(frozen=True)
class ClipEntry:
    """A clip to hear: its name, the truth, the modules' predictions, (n_modules,), and its sound with a spectrogram.

    sound: None if it cannot be heard.
    note: What to know about the sound, such as that it is the first 10 s; "" for nothing.
    trouble: Why it cannot be heard, without a full stop; "" if it can.
    left_out: Whether too few of the page's bytes were left for its sound.
    """

    name: str
    truth: str
    predictions: Sequence[ShownPrediction]
    sound: "ClipSound | None" = None
    note: str = ""
    trouble: str = ""
    left_out: bool = False


@dataclass(frozen=True)
class UnheardClips:
    """So many clips without recordings, (n_clips,): why they cannot be heard, with the first of them, and what modules predict for each."""

    n_clips: int
    why: str
    details: Details


@dataclass(frozen=True)
class ClipList:
    """The clips of a section: a heading, the rule by which they were selected, and the clips, (n_clips,), most disputed first.

    unheard: Those whose recordings are not there, which have no card.
    """

    title: str = ""
    rule: str = ""
    clips: Sequence[ClipEntry] = ()
    unheard: UnheardClips | None = None


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
