"""The page: one HTML file that holds all it needs and may load nothing, made of what `sections` and `overview` gathered.

Every text on it is escaped by Jinja's autoescape, since modules, classes and files are named by strangers. Marked as safe are
our own assets and the figures, whose makers escape names themselves (`themed.inline`).
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.report.board import Place
from evaluator.tables import Cell

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_HERE = Path(__file__).parent
# Marks that turn the direction of what follows, beyond the name that they stand in (https://www.unicode.org/reports/tr9/).
_TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd")
_LIBRARY, _SCRIPT, _STYLE = "dataTables.min.js", "report.js", "report.css"


@dataclass(frozen=True)
class Amount:
    """A number in a table: as it is read, and as it is sorted (None for none)."""

    text: str
    value: float | None


@dataclass(frozen=True)
class Grid:
    """A table: a caption, names of columns, rows of as many cells, and which column names a row."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    naming: int = 0

    @property
    def is_number(self) -> list[bool]:
        """Whether a column holds numbers and no text, (n_columns,)."""
        columns = [[row[place] for row in self.rows] for place in range(len(self.head))]
        return [
            any(cell is not None for cell in each) and not any(isinstance(cell, str) for cell in each)
            for each in columns
        ]


@dataclass(frozen=True)
class Drawn:
    """A figure: title, a sentence or two below it, and itself as SVG text that needs no escaping any more."""

    title: str
    caption: str
    svg: str

    @property
    def markup(self) -> "Markup":
        """The SVG as it goes onto the page."""
        from markupsafe import Markup

        return Markup(self.svg)  # noqa: S704 - made by themed.inline, which escapes every name


@dataclass(frozen=True)
class Folded:
    """Figures and tables that open at a click on their summary; paired, figures stand two in a row where there is room."""

    summary: str
    figures: Sequence[Drawn] = ()
    tables: Sequence[Grid] = ()
    paired: bool = False


@dataclass(frozen=True)
class Answer:
    """What one module says of a clip: the label, whether it is right, and its probability."""

    title: str
    said: str
    right: bool
    probability: str


@dataclass(frozen=True)
class Clip:
    """A clip to hear: its name, the truth, the modules' answers, and its sound and spectrogram as data URIs.

    trouble: Why it cannot be heard; "" if it can.
    cut: What to know about the sound, such as that it is the first 10 s; "" for nothing.
    """

    name: str
    says: str
    answers: Sequence[Answer]
    audio: str = ""
    picture: str = ""
    cut: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class Listed:
    """The clips of a section: a heading, how they were chosen, and themselves."""

    title: str = ""
    says: str = ""
    clips: Sequence[Clip] = ()


@dataclass(frozen=True)
class Line:
    """A place on a leaderboard as it is read: rank (or ranks), score, interval, std, and how many are surely behind."""

    place: Place
    rank: str
    score: Amount
    interval: Amount
    std: Amount
    ahead: int


@dataclass(frozen=True)
class Section:
    """All about one task under one protocol, in the order of the page."""

    anchor: str
    title: str
    metric: str
    caption: str
    asked: Sequence[tuple[str, str]]
    notes: Sequence[str]
    lines: Sequence[Line]
    figures: Sequence[Drawn]
    folded: Sequence[Folded]
    heard: Listed
    left_out: Sequence[str]
    shared: Sequence[tuple[str, str]]
    parting: Grid | None

    @property
    def has_ranks(self) -> bool:
        """Whether there are two modules at least to be ranked."""
        return any(line.place.rank for line in self.lines)

    @property
    def has_spread(self) -> bool:
        """Whether any probe was trained several times."""
        return any(line.place.head.std is not None for line in self.lines)

    @property
    def has_chosen(self) -> bool:
        """Whether any score is of one of several layers or settings."""
        return any(line.place.head.chosen for line in self.lines)


@dataclass(frozen=True)
class OverviewRow:
    """A module in the table of all: a cell a section (None where it has no result), in how many it is, its mean rank."""

    title: str
    cells: Sequence[Line | None]
    n_present: int
    mean_rank: Amount


@dataclass(frozen=True)
class Page:
    """The whole report; sentences in the order in which they are read."""

    title: str
    subtitle: str
    problems: Sequence[str]
    missing: Sequence[str]
    overview_says: Sequence[str]
    overview_caption: str
    overview: Sequence[OverviewRow]
    sections: Sequence[Section]
    reading: Sequence[str] = field(default_factory=list)


def render(page: Page) -> str:
    """The page as HTML text.

    Its Content-Security-Policy forbids every request, and every script and style but ours, which are known by their hashes:
    no name on the page could run or load anything even if it were not escaped (https://www.w3.org/TR/CSP3/).
    """
    from markupsafe import Markup

    library, script, style = (_asset(name) for name in (_LIBRARY, _SCRIPT, _STYLE))
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(library)} {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "media-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            policy=policy,
            library=Markup(library),  # noqa: S704 - our own files
            script=Markup(script),  # noqa: S704
            style=Markup(style),  # noqa: S704
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (_HERE / "assets" / name).read_text(encoding="utf-8")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=unturned,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return environment


def unturned(value: object) -> object:
    """What goes onto the page, without marks that turn the direction of the words around it; our own markup as it is."""
    return value.translate(_TURNS) if type(value) is str else value


def breakable(name: object) -> "Markup":
    """A name, escaped, that a narrow table may break after its dots, slashes, dashes and underscores."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(
        escape(part) for part in re.split(r"(?<=[._/:,-])(?=[^._/:,-])", str(name).translate(_TURNS))
    )
