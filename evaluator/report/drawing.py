"""How every figure of the report looks: colours, markers, axes, names and legends.

Black is ink and the ground is clear, as `themed` wants; colours hold a contrast of 3 to white and to #111, and lines and
markers differ in form as well. Names are plain text, never mathematics.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from evaluator.figure import empty
from evaluator.results.result import Result
from evaluator.scoring.metrics import METRICS, title_of

# Okabe & Ito 2008, https://jfly.uni-koeln.de/color/ : those that can be seen on white and on black, then a purple and grey. Their
# yellow, sky blue and black cannot, and orange, darkened so that it can, is vermilion to a deuteranope.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8400FC", "#808080")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "d")
LINES = ("-", "--", "-.", ":")
WIDTH = 11.6  # inches, with margins 1,130 CSS pixels: the page's column on a wide screen
PHONE = 3.6  # inches, with margins 362 CSS pixels: the column of a phone of 390
HALF = 5.6  # inches, of figures that no page shows but papers may
MAX_MODULES = 12  # in one figure
GREY = "#808080"
_PART_OF_ROW, _HEIGHT_OF_MARK = 0.75, 0.09  # of a row that its marks take, and inches of each
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")
# Of classes: those of modules but grey, a dark red and ink; to a deuteranope they are 0.076 apart at least (in Oklab under Machado
# et al. 2009, https://doi.org/10.1109/TVCG.2009.113).
CLASS_COLOURS = (*COLOURS[:5], "#A83C30", "#000000")


def shortened(name: str, n_max: int = 40) -> str:
    """A name as one line of at most so many characters, its middle left out; without controls and changes of direction."""
    name = _UNREADABLE.sub(" ", name)
    return name if len(name) <= n_max else f"{name[: (n_max - 1) // 2]}…{name[-(n_max // 2) :]}"


class Look(NamedTuple):
    """What tells one module from the others: colour, marker and line style, as Matplotlib names them."""

    colour: str
    marker: str
    line: str


def look_of(number: int) -> Look:
    """That of the `number`-th module, from 0; the first 12 all differ."""
    row = number // len(COLOURS)
    return Look(COLOURS[number % len(COLOURS)], _MARKERS[number % len(_MARKERS)], LINES[(number + row) % len(LINES)])


def dots(titles: Sequence[str], names: Sequence[str], values: np.ndarray, numbers: Sequence[int] | None = None) -> Any:
    """A figure with a row a name and a marker a module.

    Args:
        titles: Of the modules, (n_modules,).
        names: Of the rows, (n_names,), the first at the top.
        values: (n_modules, n_names, 1), in the unit that is read, or (n_modules, n_names, 3) with the ends of intervals; NaN where
            nothing is drawn.
        numbers: Of the modules on the page, (n_modules,), which give their looks; None for their order.
    """
    height = max(0.17, _HEIGHT_OF_MARK * len(values)) * len(names)
    figure = empty(HALF, 1.2 + height + 0.18 * len(titles))
    axes = axes_of(figure, "both")
    rows, points = np.arange(len(names)), values[..., 0]
    for number, (row, each) in enumerate(zip(points, values, strict=True)):
        look = look_of(numbers[number] if numbers else number)
        # As on the page: modules below each other, so that no mark hides another.
        places = rows + (number - (len(values) - 1) / 2) * _PART_OF_ROW / len(values)
        if each.shape[1] > 1:
            axes.hlines(places, each[:, 1], each[:, 2], colors=look.colour, linewidth=1)
        axes.plot(row, places, look.marker, color=look.colour, markersize=4.5, alpha=0.9, clip_on=False)
    for row in np.flatnonzero(np.isnan(points).all(axis=0)):
        axes.axhspan(row - 0.5, row + 0.5, facecolor="none", edgecolor=GREY, hatch="////", linewidth=0)
    name_rows(axes, names, 8 if len(names) <= 25 else 7)
    if len(titles) > 1:
        legend(figure, list(axes.lines), titles)
    return figure


def axes_of(figure: Any, grid: str = "y") -> Any:
    """The figure's only axes, open at the top and the right, with a pale grid along `x`, `y` or `both`."""
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color=GREY, alpha=0.3, linewidth=0.5)
    axes.set_axisbelow(True)
    return axes


def name_rows(axes: Any, names: Sequence[str], size: Any) -> None:
    """Name the rows 0, 1, 2 ... of axes, (n_rows,), the first at the top; size: of the font, in points or in words."""
    axes.set_yticks(range(len(names)), [shortened(name) for name in names], fontsize=size, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def legend(figure: Any, handles: list[Any], titles: Sequence[str]) -> None:
    """Name what was drawn, one line each, below the axes; handles and titles (n_handles,)."""
    # Named afterwards: Matplotlib leaves out what is called `_something`, and reads $...$ as mathematics.
    drawn = figure.legend(handles, ["-"] * len(handles), loc="outside lower left", fontsize=9.5, frameon=False)
    for text, title in zip(drawn.get_texts(), titles, strict=True):
        text.set_parse_math(False)
        text.set_text(shortened(title, 60))


def set_title(figure: Any, task: str, what: str, n_shown: int, n_all: int) -> None:
    """Say above the axes, from the left edge so that it fits, what they show, and of how many modules if that is not all."""
    several = f", {n_shown} of {n_all} modules" if n_all > n_shown else ""
    title = f"{shortened(task, 80)}\n{what}{several}"
    figure.suptitle(title, x=0.01, ha="left", fontsize="medium", parse_math=False, linespacing=1.3)


def asked(result: Result) -> str:
    """Task, protocol and profile of a result, since a page may have a task under several protocols."""
    return f"{shortened(result.task)}, {way(result)}"


def way(result: Result) -> str:
    """Protocol and profile of a result, in words."""
    return f"{result.protocol} ({result.profile})"


def scale_of(metric: str) -> float:
    """What a score is multiplied by to be read: 100 where it is read in %."""
    return 100.0 if METRICS[metric].unit == "%" else 1.0


def axis_name(metric: str) -> str:
    """What stands beside an axis of scores: the metric and its unit."""
    return f"{title_of(metric)} (%)" if METRICS[metric].unit == "%" else title_of(metric)


def rgb(colour: str) -> tuple[float, float, float]:
    """Red, green and blue, shape (3,), 0 to 1, of a colour such as `#0072B2`."""
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
