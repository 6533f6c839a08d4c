"""Figures of an analysis, after Figures 3 and 4 of Ogg 2025: embeddings and embeddings, and what these have in common with
descriptors and labels: a row a variable for whole sounds and metadata, curves over frequency for bands; a heat map for many
embeddings.

Which of both figures has which form in the paper is known from its text only. All are as wide as a column, and their type is 12
pixels at least where they are shown at their size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.figure import empty, save
from evaluator.report.drawing import GREY, MAX_MODULES, axes_of, look_of, name_rows, shortened
from evaluator.similarity import descriptors
from evaluator.similarity.analysis import Analysis, MeanTable

COLUMN = 4.4  # inches: 440 CSS pixels with margins; two stand beside each other, and a phone shows one hardly smaller
MAX_WIDTH = 11.6  # inches: the page
TYPE = 11  # points, 14.7 CSS pixels
SMALL_TYPE = 9.5  # points, 12.7 CSS pixels, of figures that a page does not shrink
MAX_NUMBERED = 12  # rows and columns of a heat map whose cells show their numbers
SUFFIXES = (".svg", ".png")
BANDS = ("energy", "variability")  # what descriptors say of each band
_INK_ON = 0.5  # brightness of a cell above which its number is dark


def draw(analysis: Analysis, folder: Path) -> list[Path]:
    """Draw an analysis, r and CKA (n_embeddings, n_embeddings) and r (n_embeddings, n_variables), as SVG and PNG; gives the files.

    Each is written into an existing folder, PNG at 150 dots an inch.
    """
    drawn = []
    for name, (_, _, figure) in figures_of(analysis).items():
        for kind in SUFFIXES:
            drawn.append(folder / f"{name}{kind}")
            save(figure, drawn[-1], dpi=150)
    return drawn


def figures_of(analysis: Analysis, numbers: Mapping[str, int] | None = None) -> dict[str, tuple[str, str, Any]]:
    """Title, caption and Matplotlib figure by name, in the order in which they are read.

    Args:
        analysis: Its means over tasks are drawn: r and CKA (n_embeddings, n_embeddings), and r (n_embeddings, n_variables).
        numbers: Of modules on the page, by name, so that each has the look that it has elsewhere; None for their order.
    """
    n_tasks = len(analysis.datasets)
    over = f"Mean over {n_tasks} tasks." if n_tasks > 1 else ""
    between, cka, variables = analysis.mean_between(), analysis.mean_cka(), analysis.mean_variables()
    drawn: dict[str, tuple[str, str, Any]] = {}
    if len(between.rows) > 1:
        sorts = "" if len(between.rows) > len(analysis.modules) else " Alike ones stand together."
        order = likeness_order(between.values) if sorts else np.arange(len(between.rows))
        for name, title, meaning, table in (
            ("modules-r", "Spearman's r of dissimilarities.", "1 where both order all pairs of clips alike.", between),
            ("modules-cka", "Linear CKA.", "1 where both are the same but for rotation and scale.", cka),
        ):
            drawn[name] = (title, f"{meaning}{sorts} {over}".strip(), _square(table, order))
    looks = [look_of(number) for number in _numbers(variables.rows, numbers or {})]
    defined = ~np.isnan(variables.values).all(axis=0)
    if not defined.any():
        return drawn
    shown = _some_columns(variables, defined)
    pale = "hollow where r is not significant on any task."
    if len(shown.rows) > MAX_MODULES:
        heat = _heat_map(with_task_counts(_sorted_columns(shown), n_tasks))
        drawn["variables"] = (
            "Descriptors and labels.",
            f"Spearman's r; a dot where it is not significant on any task. {over}".strip(),
            heat,
        )
        return drawn
    whole = _some_columns(shown, np.array([band_of(name) is None for name in shown.columns]))
    if whole.columns:
        whole = with_task_counts(_sorted_columns(whole), n_tasks)
        drawn["variables"] = (
            "Labels and whole sounds.",
            f"Spearman's r, largest mean first; {pale} {over}".strip(),
            _dots(whole, looks),
        )
    for what in BANDS:
        is_band = [(band := band_of(name)) is not None and band[0] == what for name in shown.columns]
        if any(is_band):
            table = _some_columns(shown, np.array(is_band))
            title = f"{what.capitalize()} in a band."
            drawn[f"bands-{what}"] = (
                title,
                f"Spearman's r over the middle of the band; {pale} {over}".strip(),
                _curves(table, looks),
            )
    return drawn


def _numbers(rows: Sequence[str], numbers: Mapping[str, int]) -> list[int]:
    """Of each embedding, (n_rows,), the number of its look: its module's on the page, else the next that is free."""
    taken = {numbers[name] for name in rows if name in numbers}
    free = iter(number for number in range(len(rows) + len(taken)) if number not in taken)
    return [numbers[name] if name in numbers else next(free) for name in rows]


def likeness_order(values: np.ndarray) -> np.ndarray:
    """Numbers of embeddings, (n_embeddings,), so that alike ones stand together: the leaves of average linkage over 1 - r.

    Args:
        values: r, -1 to 1, (n_embeddings, n_embeddings); NaN, where it is not defined, is as unlike as can be.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(values) < 3:
        return np.arange(len(values))
    distances = 1 - np.nan_to_num(values, nan=-1.0)
    np.fill_diagonal(distances, 0)
    order: np.ndarray = leaves_list(
        linkage(squareform((distances + distances.T) / 2, checks=False), "average", optimal_ordering=True)
    )
    return order


def band_of(name: str) -> tuple[str, float] | None:
    """What a descriptor says of a band, and the band's middle in Hz on a logarithmic axis; None for another variable."""
    for what in BANDS:
        for edges in zip(descriptors.erb_edges()[:-1], descriptors.erb_edges()[1:], strict=True):
            if name == f"{what} {edges[0]:.0f}-{edges[1]:.0f} Hz":
                return what, float(np.sqrt(edges[0] * edges[1]))
    return None


def _some_columns(table: MeanTable, columns: np.ndarray) -> MeanTable:
    """Those columns of a table that a bool (n_columns,) selects, or in the order of their numbers."""
    names = np.array(table.columns, dtype=object)[columns].tolist()
    return MeanTable(table.rows, names, *(each[:, columns] for each in (table.values, table.n_tasks, table.n_kept)))


def _sorted_columns(table: MeanTable) -> MeanTable:
    """Labels and groups first, then whole sounds, each by their mean r, largest first, then bands by what and by frequency."""

    def key(column: int) -> tuple[int, float]:
        band = band_of(table.columns[column])
        if band:
            return 2 + BANDS.index(band[0]), band[1]
        acoustic = {each.name for each in descriptors.list_descriptors()}
        mean = float(np.nanmean(table.values[:, column])) if not np.isnan(table.values[:, column]).all() else -1.0
        return int(table.columns[column] in acoustic), -mean

    return _some_columns(table, np.array(sorted(range(len(table.columns)), key=key), dtype=int))


def with_task_counts(table: MeanTable, n_tasks: int) -> MeanTable:
    """The table (n_rows, n_columns) with the number of tasks in the names of columns that are not defined on all tasks."""
    counts = zip(table.columns, table.n_tasks.max(axis=0).tolist(), strict=True)
    names = [name if n == n_tasks else f"{name} ({n} of {n_tasks} tasks)" for name, n in counts]
    return replace(table, columns=names)


def _square(table: MeanTable, order: np.ndarray) -> Any:
    """A heat map of embeddings and embeddings: rows by name and number, columns by number; what is above the diagonal is left out."""
    values = table.values[np.ix_(order, order)].copy()
    values[np.triu_indices(len(values), 1)] = np.nan
    names = [f"{shortened(table.rows[row], 26)}  {number + 1}" for number, row in enumerate(order.tolist())]
    is_small = len(values) <= MAX_NUMBERED
    words, cell = 0.082 * max(map(len, names)), 0.45 if is_small else 0.28
    width = min(MAX_WIDTH, words + 0.4 + (not is_small) + cell * len(values))
    figure = empty(max(COLUMN, width), 0.6 + min(cell, (width - words - 0.3) / len(values)) * len(values))
    figure.set_layout_engine("compressed")
    axes = figure.subplots()
    image = axes.imshow(np.ma.masked_invalid(values), cmap="viridis", vmin=0, vmax=1, aspect="equal")
    size = TYPE if is_small else SMALL_TYPE
    axes.set_xticks(range(len(values)), [str(number + 1) for number in range(len(values))], fontsize=size)
    axes.set_yticks(range(len(values)), names, fontsize=size, parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if is_small:
        _number_cells(axes, image, values, SMALL_TYPE)
    else:
        figure.colorbar(image, ax=axes, shrink=0.6).ax.tick_params(labelsize=size)
    return figure


def _number_cells(axes: Any, image: Any, values: np.ndarray, size: float) -> None:
    """Write each defined value of (n_rows, n_columns) into its cell, so that it can be read on its colour."""
    for row, column in np.argwhere(~np.isnan(values)).tolist():
        red, green, blue, _ = image.to_rgba(values[row, column])
        is_bright = 0.299 * red + 0.587 * green + 0.114 * blue > _INK_ON
        ink = "#111111" if is_bright else "white"  # pure black would turn light on a dark page
        axes.text(column, row, f"{values[row, column]:.2f}", ha="center", va="center", color=ink, fontsize=size)


def _dots(table: MeanTable, looks: Sequence[Any]) -> Any:
    """A row a variable and a mark an embedding, hollow where r is not significant on any task."""
    figure = empty(COLUMN, 0.9 + 0.27 * len(table.columns) + 0.22 * len(table.rows))
    axes = axes_of(figure, "both")
    for number, look in enumerate(looks):
        # Slightly apart, so that equal values do not hide each other.
        rows = np.arange(len(table.columns)) + 0.36 * ((number + 0.5) / len(looks) - 0.5)
        _marks(axes, table.values[number], rows, table.n_kept[number] > 0, look)
    axes.axvline(0, color="black", linewidth=0.8)
    name_rows(axes, table.columns, TYPE)
    axes.tick_params(axis="x", labelsize=TYPE)
    axes.set_xlabel("Spearman's r", fontsize=TYPE)
    _legend(axes, table.rows, looks)
    return figure


def _curves(table: MeanTable, looks: Sequence[Any]) -> Any:
    """A curve an embedding over the middle of each band, in kHz; marks hollow where r is not significant on any task."""
    centres = [band[1] / 1000 for name in table.columns if (band := band_of(name))]
    figure = empty(COLUMN, 3.2 + 0.22 * len(table.rows))
    axes = axes_of(figure, "both")
    for number, look in enumerate(looks):
        axes.plot(centres, table.values[number], look.line, color=look.colour, linewidth=1.5)
        _marks(axes, centres, table.values[number], table.n_kept[number] > 0, look)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    ticks = [each for each in (0.1, 0.2, 0.5, 1, 2, 5) if centres[0] <= each <= centres[-1]]
    axes.set_xticks(ticks, [f"{each:g}" for each in ticks], fontsize=TYPE)
    axes.minorticks_off()
    axes.tick_params(labelsize=TYPE)
    axes.set_xlabel("kHz", fontsize=TYPE)
    axes.set_ylabel("Spearman's r", fontsize=TYPE)
    _legend(axes, table.rows, looks)
    return figure


def _marks(axes: Any, x: Any, y: Any, kept: np.ndarray, look: Any) -> None:
    """Marks at x, y (n,), filled where `kept`, hollow elsewhere."""
    for is_filled in (False, True):
        these = kept == is_filled
        fill = look.colour if is_filled else "none"
        axes.plot(
            np.asarray(x)[these],
            np.asarray(y)[these],
            look.marker,
            color=look.colour,
            markerfacecolor=fill,
            markersize=7,
            clip_on=False,
        )


def _legend(axes: Any, names: Sequence[str], looks: Sequence[Any]) -> None:
    """Name the embeddings below the axis and its name."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import blended_transform_factory

    if len(names) < 2:
        return
    handles = [Line2D([], [], color=each.colour, marker=each.marker, linestyle="") for each in looks]
    # Named afterwards: Matplotlib leaves out what is called `_something`, and reads $...$ as mathematics.
    shown = axes.legend(
        handles,
        ["-"] * len(names),
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=blended_transform_factory(axes.figure.transFigure, axes.transAxes),
        borderaxespad=3.6,
        fontsize=TYPE,
        frameon=False,
    )
    for text, name in zip(shown.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(shortened(name, 36))


def _heat_map(table: MeanTable) -> Any:
    """A heat map of many embeddings and variables; dots where r is not significant on any task."""
    rows = [shortened(name, 36) for name in table.rows]
    words, above = 0.075 * max(map(len, rows)), 0.075 * max(map(len, table.columns))
    width = min(MAX_WIDTH, 1.2 + words + 0.25 * len(table.columns))
    figure = empty(width, 0.8 + above + 0.22 * len(rows))
    axes = figure.subplots()
    largest = float(np.nanmax(np.abs(table.values))) or 1.0
    image = axes.imshow(
        np.ma.masked_invalid(table.values),
        cmap="RdBu_r",
        vmin=-largest,
        vmax=largest,
        aspect="auto",
        interpolation="none",
    )
    axes.set_facecolor(GREY)  # where nothing is defined
    axes.set_xticks(range(len(table.columns)), table.columns, rotation=90, fontsize=SMALL_TYPE, parse_math=False)
    axes.set_yticks(range(len(rows)), rows, fontsize=SMALL_TYPE, parse_math=False)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("Spearman's r", fontsize=SMALL_TYPE)
    bar.ax.tick_params(labelsize=SMALL_TYPE)
    at_rows, at_columns = np.nonzero((table.n_kept == 0) & ~np.isnan(table.values))
    axes.plot(at_columns, at_rows, ".", color="#555555", markersize=3)
    return figure
