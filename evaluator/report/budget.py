"""Where figures and tables go: onto the page while there is room, and into files beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluator import tables
from evaluator.report import themed
from evaluator.report.overview import Table
from evaluator.report.page import Drawn

PICTURES, TABLES = ("svg", "png"), tuple(tables.KINDS.values())
_DOTS_PER_INCH = 200  # of PNG files; print wants 150 to 300


@dataclass
class Files:
    """Figures and tables beside the page, in the kinds that were asked for.

    folder: Where they go; made when the first is written.
    kinds: Of svg, png, csv, md, tex.
    written: Paths, in order.
    """

    folder: Path
    kinds: Sequence[str] = ()
    written: list[Path] = field(default_factory=list)

    def figure(self, figure: Any, name: str) -> None:
        """Write a figure in each kind of figure."""
        from evaluator.figure import save

        for kind in PICTURES:
            if kind in self.kinds:
                self.folder.mkdir(parents=True, exist_ok=True)
                path = self.folder / f"{name}.{kind}"
                save(figure, path, **({"dpi": _DOTS_PER_INCH} if kind == "png" else {}))
                self.written.append(path)

    def table(self, made: Callable[[str], Table], name: str) -> None:
        """Write a table in each kind of table; `made` gives its head and rows for a kind."""
        for kind in TABLES:
            if kind in self.kinds:
                self.written.append(tables.write(*made(kind), self.folder / f"{name}.{kind}"))


@dataclass
class Drawer:
    """Draws figures for one section: onto the page while there is room, and into files.

    name: The section's, first in the names of files.
    files: Where figures and tables go as well.
    room: Bytes that the section may still fill with figures and clips.
    left_out: What did not fit.
    """

    name: str
    files: Files
    room: int
    left_out: list[str] = field(default_factory=list)

    def draw(self, name: str, title: str, caption: str, figure: Any) -> list[Drawn]:
        """The figure for the page; nothing if there is none or no room."""
        if figure is None:
            return []
        svg = themed.inline(
            figure, f"{title} {caption}".strip()
        )  # first: drawing a figure again moves its layout a little
        self.files.figure(figure, f"{self.name}-{name}")
        return [Drawn(title, caption, svg)] if self.fits(len(svg.encode()), title.rstrip(".")) else []

    def fits(self, n_bytes: int, what: str) -> bool:
        """Take so many bytes if they are left; else remember what did not fit."""
        if n_bytes > self.room:
            self.left_out.append(what)
            return False
        self.room -= n_bytes
        return True
