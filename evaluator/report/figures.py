"""The report's figures: scores, confusions, recalls, groups and clip lengths, as Matplotlib figures.

A function gives None where there is nothing to draw. Long names are shortened; where not all modules are drawn, the title says so.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluator.figure import empty, lengths_figure
from evaluator.report import per_class
from evaluator.report.drawing import (
    COLOURS,
    GREY,
    HALF,
    MAX_MODULES,
    asked,
    axes_of,
    axis_name,
    dots,
    look_of,
    name_rows,
    rgb,
    scale_of,
    set_title,
    shortened,
)
from evaluator.report.per_class import class_measure
from evaluator.report.per_group import large_group_scores, measure_of
from evaluator.results.result import Result

_MAX_NAMED = 60  # classes that stand by name
_MAX_COUNTED = 15  # classes whose cells show their numbers
_MAX_GROUPS = 40  # that stand by name; more are drawn as their distribution
_CELL_SIDE = 0.28  # inches: room for `100` at 9 points
_CELL = "#2A85C4"  # full cells of a matrix: ink can be read on it in light and in dark


def scores(
    titles: Sequence[str],
    values: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    metric: str,
    numbers: Sequence[int] | None = None,
) -> Any | None:
    """Each module's score as a dot and its 95 % interval as a line, the first at the top.

    Args:
        titles: Names of the modules, (n_modules,).
        values, lows, highs: Score and ends of the interval of each, (n_modules,), in the unit of the metric; NaN draws nothing.
        metric: Name of the score.
        numbers: Of the modules on the page, (n_modules,), which give their colours; None for their order.
    """
    if not len(values) or np.isnan(np.array(values, dtype=float)).all():
        return None
    scale, rows = scale_of(metric), np.arange(len(values))
    figure = empty(HALF, 0.8 + 0.36 * len(values))
    axes = axes_of(figure, "x")
    looks = [look_of(number) for number in numbers or range(len(values))]
    axes.hlines(
        rows, scale * np.array(lows), scale * np.array(highs), colors=[look.colour for look in looks], linewidth=1.5
    )
    for row, look in enumerate(looks):
        axes.plot(scale * values[row], row, look.marker, color=look.colour, markersize=5)
    for row, title in enumerate(titles):  # above its row: beside it, it would take half of a phone's width
        axes.text(
            0,
            row - 0.28,
            shortened(title, 44),
            transform=axes.get_yaxis_transform(),
            va="bottom",
            fontsize=9,
            parse_math=False,
        )
    axes.set_yticks([])
    axes.set_ylim(len(values) - 0.5, -0.9)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"{axis_name(metric)}, 95 % interval", loc="right")
    return figure


def confusion(result: Result, normalised: bool) -> Any | None:
    """True class by predicted class; None for tasks with several labels a clip.

    Colour grows evenly from a pale one, so that rare confusions show; what never happened is clear. Classes without a
    test clip are hatched. Beyond 60 classes the axes have numbers, those of `per_class.class_rows`.

    Args:
        result: Its counts, (n_classes, n_classes), are of all folds, and of all trainings.
        normalised: Whether rows are divided by their sum, in %: the diagonal is recall then.
    """
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    if result.confusion is None:
        return None
    counts = np.array(result.confusion, dtype=float)
    n, totals = len(counts), counts.sum(axis=1, keepdims=True)
    values = np.divide(100 * counts, totals, out=np.zeros_like(counts), where=totals > 0) if normalised else counts
    names = [shortened(name, 24) for name in result.classes] if n <= _MAX_NAMED else []
    side = max(2.0, n * _CELL_SIDE) if n <= _MAX_COUNTED else max(_MAX_COUNTED * _CELL_SIDE, min(n, _MAX_NAMED) * 0.14)
    words = 0.08 * max(map(len, names), default=4)
    figure = empty(side + words + 0.9, side + words + 0.9)
    figure.set_layout_engine("compressed")  # its cells are square
    axes = figure.subplots()
    colours = LinearSegmentedColormap.from_list("pale to full", [(*rgb(_CELL), 0.15), (*rgb(_CELL), 0.9)])
    norm = Normalize(0, 100 if normalised else max(1.0, values.max()))
    image = axes.imshow(np.ma.masked_equal(values, 0), cmap=colours, norm=norm, interpolation="none")
    for empty_row in np.flatnonzero(totals[:, 0] == 0):
        axes.axhspan(empty_row - 0.5, empty_row + 0.5, facecolor="none", edgecolor=GREY, hatch="////", linewidth=0)
    if n <= _MAX_COUNTED:
        for row, column in np.argwhere(values > 0).tolist():
            axes.text(column, row, f"{np.floor(values[row, column] + 0.5):.0f}", ha="center", va="center", fontsize=9)
    _class_ticks(axes, n, names)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02, aspect=25)
    bar.solids.set_rasterized(True)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=9)
    n_times = max((len(fold) for fold in result.test_probabilities if fold.ndim == 3), default=1)
    bar.set_label("% of the true class" if normalised else f"clips{f' x {n_times} trainings' if n_times > 1 else ''}")
    set_title(figure, asked(result), shortened(result.module), 1, 1)
    return figure


def _class_ticks(axes: Any, n: int, names: list[str]) -> None:
    small = 9.0
    if names:
        axes.set_xticks(range(n), names, rotation=90, fontsize=small, parse_math=False)
        axes.set_yticks(range(n), names, fontsize=small, parse_math=False)
    else:
        step = 10 if n <= 150 else 20
        numbers = [0, *range(step - 1, n, step)]
        axes.set_xticks(numbers, [str(number + 1) for number in numbers], rotation=90, fontsize=small)
        axes.set_yticks(numbers, [str(number + 1) for number in numbers], fontsize=small)
    what = "class" if names else "class (number in the table of classes)"
    axes.set(xlabel=f"predicted {what}", ylabel=f"true {what}")
    axes.tick_params(length=2)
    axes.spines[:].set(linewidth=0.5, color=GREY)


def recalls(titles: Sequence[str], results: Sequence[Result], numbers: Sequence[int] | None = None) -> Any | None:
    """Recall of each class, or average precision where clips have several labels, with its interval: a row a class, a marker a module.

    It shows what the page does (`per_class.class_lines`); `per_class.class_rows` has all classes and modules.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task, the most important first, (n_results,).
        numbers: Of their modules on the page, (n_results,), which give their looks; None for their order.
    """
    shown = results[: per_class.MAX_MODULES]
    if not shown or not class_measure(shown[0]):
        return None
    drawn = per_class.class_lines(shown)
    figure = dots(titles[: len(shown)], drawn.names, np.array(drawn.lines).transpose(1, 0, 2), numbers)
    figure.axes[0].set_xlabel(f"{class_measure(shown[0])} (%), 95 % interval; test clips behind the name", loc="right")
    set_title(figure, asked(shown[0]), f"{class_measure(shown[0])} of {drawn.which}", len(shown), len(results))
    return figure


def by_group(titles: Sequence[str], results: Sequence[Result], numbers: Sequence[int] | None = None) -> Any | None:
    """The score of each group (individual, speaker, site, recording), or how it spreads where groups are more than 40.

    None where fewer than two groups are known. Scores as `per_group.large_group_scores`.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task, the most important first, (n_results,).
        numbers: Of their modules on the page, (n_results,), which give their looks; None for their order.
    """
    shown = [(title, result) for title, result in zip(titles, results, strict=True)][:MAX_MODULES]
    columns = [large_group_scores(result) for _, result in shown]
    sizes = {name: size for column in reversed(columns) for name, (size, _) in sorted(column.items())}
    if not sizes:
        return None
    metric = measure_of(shown[0][1])
    nothing = (0, float("nan"))
    values = scale_of(metric) * np.array([[column.get(name, nothing)[1] for name in sizes] for column in columns])
    shown_titles = [title for title, _ in shown]
    if len(sizes) <= _MAX_GROUPS:
        figure = dots(
            shown_titles,
            [f"{shortened(name, 30)} ({size})" for name, size in sizes.items()],
            values[..., None],
            numbers,
        )
        figure.axes[0].set_xlabel(f"{axis_name(metric)}; number of test clips behind the name", loc="right")
    else:
        figure = empty(HALF, 1.2 + 0.24 * len(shown))
        axes = axes_of(figure, "x")
        axes.boxplot(
            [row[~np.isnan(row)] for row in values], orientation="horizontal", positions=range(len(shown)), whis=(5, 95),
            showfliers=False, medianprops={"color": COLOURS[1], "linewidth": 2}, manage_ticks=False,
            boxprops={"color": GREY}, whiskerprops={"color": GREY}, capprops={"color": GREY},
        )  # fmt: skip
        name_rows(axes, shown_titles, "medium")
        axes.set_xlabel(f"{axis_name(metric)}: median, middle half and middle 90 % of groups", loc="right")
    set_title(figure, asked(shown[0][1]), f"{len(sizes)} groups", len(shown), len(results))
    return figure


def lengths(result: Result) -> Any | None:
    """How long the test clips are, in seconds, as `hear-eval check --figure` draws it; each clip counts once."""
    seconds = {
        name: float(value)
        for names, values in zip(result.test_clips, result.test_seconds, strict=True)
        for name, value in zip(names, values, strict=True)
    }
    return lengths_figure({shortened(result.dataset): list(seconds.values())})
