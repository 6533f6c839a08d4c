"""Figures of an analysis, after Figures 3 and 4 of Ogg 2025: a heat map of embeddings, and what they have in common with
descriptors and labels, as bars for a few embeddings and as a heat map for many.

Which of both figures has which form in the paper is known from its text only.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.figure import empty, save
from evaluator.similarity.results import Analysis, MeanTable

MAX_BARS = 6  # embeddings; more colours than that are hard to tell apart
MAX_NUMBERED_ROWS = 12  # rows of a heat map whose cells show their numbers
# Paul Tol's bright scheme, safe for colour-blind readers: https://personal.sron.nl/~pault/
COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")
PALE_OPACITY = 0.25  # of what does not count
SUFFIXES = (".svg", ".png")


def draw(analysis: Analysis, folder: Path) -> list[Path]:
    """Draw an analysis as heat maps (n_embeddings, n_embeddings) and (n_embeddings, n_variables), or bars; gives the files.

    Each is written into an existing folder, as SVG and PNG (150 dots an inch).
    """
    n_tasks = len(analysis.datasets)
    over = f"mean over {n_tasks} tasks" if n_tasks > 1 else analysis.datasets[0].task
    between, cka, variables = analysis.mean_between(), analysis.mean_cka(), analysis.mean_variables()
    drawn = _save(
        _heat_maps([("Spearman's r of dissimilarities", between), ("linear CKA", cka)], over), folder, "modules"
    )
    defined = ~np.isnan(variables.values).all(axis=0)
    if defined.any():
        shown = with_task_counts(_some_columns(variables, defined), n_tasks)
        figure = _variables_bars(shown, over) if len(shown.rows) <= MAX_BARS else _variables_heat_map(shown, over)
        drawn += _save(figure, folder, "variables")
    return drawn


def _some_columns(table: MeanTable, columns: np.ndarray) -> MeanTable:
    """Those columns of a table that a bool (n_columns,) selects."""
    names = [name for name, is_in in zip(table.columns, columns, strict=True) if is_in]
    return MeanTable(table.rows, names, *(each[:, columns] for each in (table.values, table.n_tasks, table.n_kept)))


def with_task_counts(table: MeanTable, n_tasks: int) -> MeanTable:
    """The table (n_rows, n_columns) with the number of tasks in the names of columns that are not defined on all tasks."""
    counts = zip(table.columns, table.n_tasks.max(axis=0).tolist(), strict=True)
    names = [name if n == n_tasks else f"{name} ({n} of {n_tasks} tasks)" for name, n in counts]
    return replace(table, columns=names)


def _save(figure: Any, folder: Path, name: str) -> list[Path]:
    """Write a figure in each of `SUFFIXES`, whole."""
    paths = [folder / f"{name}{kind}" for kind in SUFFIXES]
    for path in paths:
        save(figure, path, dpi=150)
    return paths


def _heat_maps(tables: Sequence[tuple[str, MeanTable]], over: str) -> Any:
    """Heat maps of embeddings and embeddings beside each other."""
    n = len(tables[0][1].rows)
    side = 1.5 + 0.45 * min(n, 40)
    figure = empty(len(tables) * side + 0.07 * _longest(tables[0][1].rows), side + 0.06 * _longest(tables[0][1].rows))
    for number, (axes, (title, table)) in enumerate(
        zip(np.atleast_1d(figure.subplots(1, len(tables))), tables, strict=True)
    ):
        _heat(figure, axes, table, (0.0, 1.0), "viridis")
        axes.set_title(f"{title}\n{over}", fontsize="medium", loc="left", parse_math=False)
        if number:
            axes.set_yticks([])
    return figure


def _variables_heat_map(table: MeanTable, over: str) -> Any:
    """A heat map of many embeddings and variables; dots where r does not count on any task."""
    label_inches = 0.075 * _longest([*table.rows, *table.columns])
    figure = empty(2 + label_inches + 0.25 * len(table.columns), 1.5 + label_inches + 0.25 * min(len(table.rows), 80))
    axes = figure.subplots()
    largest = float(np.nanmax(np.abs(table.values)))
    _heat(figure, axes, table, (-largest, largest), "RdBu_r")
    rows, columns = np.nonzero((table.n_kept == 0) & ~np.isnan(table.values))
    axes.plot(columns, rows, ".", color="#555555", markersize=2)
    axes.set_title(f"Spearman's r, {over}; a dot where it does not count", fontsize="medium", parse_math=False)
    return figure


def _heat(figure: Any, axes: Any, table: MeanTable, limits: tuple[float, float], colours: str) -> None:
    """Fill axes with a table's values, named on both sides; numbers in the cells of a small one."""
    image = axes.imshow(np.ma.masked_invalid(table.values), cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto")
    axes.set_facecolor("#dddddd")  # where nothing is defined
    axes.set_xticks(range(len(table.columns)), table.columns, rotation=90, fontsize="small", parse_math=False)
    axes.set_yticks(range(len(table.rows)), table.rows, fontsize="small", parse_math=False)
    figure.colorbar(image, ax=axes, shrink=0.8)
    if max(len(table.rows), len(table.columns)) > MAX_NUMBERED_ROWS:
        return
    for row, column in np.argwhere(~np.isnan(table.values)).tolist():
        red, green, blue, _ = image.to_rgba(table.values[row, column])
        ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
        axes.text(
            column, row, f"{table.values[row, column]:.2f}", ha="center", va="center", color=ink, fontsize="small"
        )


def _variables_bars(table: MeanTable, over: str) -> Any:
    """A bar for each embedding and variable; pale where r does not count on any task."""
    label_inches = 0.075 * _longest(table.columns)
    n_rows, n_columns = len(table.rows), len(table.columns)
    figure = empty(max(6.0, 1.5 + n_columns * (0.12 + 0.1 * n_rows)), 3.2 + label_inches + 0.2 * n_rows)
    axes = figure.subplots()
    width = 0.8 / n_rows
    for number, name in enumerate(table.rows):
        positions = np.arange(n_columns) - 0.4 + width * (number + 0.5)
        drawn = axes.bar(positions, np.nan_to_num(table.values[number]), width, color=COLOURS[number])
        for bar, counts in zip(drawn, table.n_kept[number] > 0, strict=True):
            bar.set_alpha(1.0 if counts else PALE_OPACITY)
        axes.plot([], [], "s", color=COLOURS[number], label=name)
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set_xticks(range(n_columns), table.columns, rotation=90, fontsize="small", parse_math=False)
    axes.set(ylabel="Spearman's r", xlim=(-0.6, n_columns - 0.4))
    axes.set_title(f"{over}; pale where it does not count", fontsize="medium", loc="left", parse_math=False)
    legend = figure.legend(loc="outside lower left", fontsize="small", frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def _longest(names: Sequence[str]) -> int:
    """Letters of the longest name, of 60 at most."""
    return min(60, max(map(len, names), default=0))
