"""Where figures and tables go: onto the page while its bytes last, and into files beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluator import tables
from evaluator.report import themed
from evaluator.report.drawing import PHONE
from evaluator.report.page_parts import PageFigure
from evaluator.tables import HeadAndRows

FIGURE_KINDS, TABLE_KINDS = ("svg", "png"), tuple(tables.KINDS.values())
_DOTS_PER_INCH = 200  # of PNG files; print wants 150 to 300


@dataclass
class ReportFiles:
    """Figures and tables beside the page, in the kinds that were asked for.

    folder: Where they go; made when the first is written.
    kinds: Of svg, png, csv, md, tex.
    written: Paths, in order.
    """

    folder: Path
    kinds: Sequence[str] = ()
    written: list[Path] = field(default_factory=list)

    @property
    def has_figures(self) -> bool:
        """Whether figures are written beside the page."""
        return bool(set(FIGURE_KINDS) & set(self.kinds))

    def figure(self, figure: Any, name: str) -> None:
        """Write a figure in each kind of figure; PNG at 200 dots per inch."""
        from evaluator.figure import save

        for kind in FIGURE_KINDS:
            if kind in self.kinds:
                self.folder.mkdir(parents=True, exist_ok=True)
                path = self.folder / f"{name}.{kind}"
                save(figure, path, **({"dpi": _DOTS_PER_INCH} if kind == "png" else {}))
                self.written.append(path)

    def table(self, table_of_kind: Callable[[str], HeadAndRows], name: str) -> None:
        """Write a table in each kind of table; `table_of_kind` gives its head and rows, (n_rows, n_columns), for a kind."""
        for kind in TABLE_KINDS:
            if kind in self.kinds:
                self.written.append(tables.write(*table_of_kind(kind), self.folder / f"{name}.{kind}"))


@dataclass
class PageBudget:
    """One section's share of the page's bytes and figures, and where its figures go.

    section: Its anchor, first in the names of files.
    files: Where figures and tables go as well.
    n_bytes: That the section may still fill with figures and clips.
    n_figures: How many figures it may still have: each takes half a second to draw.
    left_out: What did not fit.
    """

    section: str
    files: ReportFiles
    n_bytes: int
    n_figures: int
    left_out: list[str] = field(default_factory=list)

    def beside(self, name: str, figure: Callable[[], Any]) -> None:
        """Write a figure beside the page, where figures are wanted there; what the page shows of it is made otherwise."""
        if self.files.has_figures and (drawn := figure()) is not None:
            self.files.figure(drawn, f"{self.section}-{name}")

    def draw(
        self, name: str, title: str, caption: str, figure: Callable[..., Any] | None, narrow: bool = True
    ) -> list[PageFigure]:
        """The figure for the page; nothing if there is none (None) or too little is left.

        Args:
            name: Of its file.
            title, caption: Beside it.
            figure: Makes a Matplotlib figure; only called if it is wanted.
            narrow: Whether it takes the width, `drawing.PHONE` of which makes a second drawing for phones.
        """
        if figure is None:
            return []
        if not self.n_figures:
            self.beside(name, figure)
            self.left_out.append(title.rstrip("."))
            return []
        drawn = figure()
        if drawn is None:
            return []
        self.n_figures -= 1
        # Before the files: drawing a figure again moves its layout a little.
        svg, label = themed.inline(drawn, f"{title} {caption}".strip()), f"{title} {caption}".strip()
        self.files.figure(drawn, f"{self.section}-{name}")
        phone = themed.inline(figure(width=PHONE), label) if narrow else ""
        n_bytes = len(svg.encode()) + len(phone.encode())
        return [PageFigure(title, caption, svg, phone)] if self.take(n_bytes, title.rstrip(".")) else []

    def take(self, n_bytes: int, what: str) -> bool:
        """Take so many bytes if they are left; else remember what did not fit."""
        if n_bytes > self.n_bytes:
            self.left_out.append(what)
            return False
        self.n_bytes -= n_bytes
        return True
