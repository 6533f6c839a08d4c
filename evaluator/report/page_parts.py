"""What sections of a page are made of: tables, figures, charts, details that open at a click, and clips to hear."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
