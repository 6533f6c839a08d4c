"""The report's curves: the score over layers, as Sarkar's Figures 3 and 4, and over the number of shots."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluator.figure import empty
from evaluator.report import curve_points
from evaluator.report.curve_points import Setting
from evaluator.report.drawing import (
    LINES,
    MOST_MODULES,
    WIDTH,
    axes_of,
    axis_name,
    entitle,
    legend,
    look_of,
    scale_of,
    shortened,
)
from evaluator.results.result import CurvePoint, Result

MOST_BANDS = 3  # curves whose intervals are drawn as bands; more are bars beside each other


def are_layers(results: Sequence[Result]) -> bool:
    """Whether everything that `layer_curves` draws is a layer."""
    return all(each.layer is not None for result in results for each, _ in curve_points.by_features(result))


def layer_curves(titles: Sequence[str], results: Sequence[Result]) -> Any | None:
    """The score of each layer with its 95 % interval, one curve a module.

    Rings mark what counts, with how many folds chose it where they did not agree; the score itself, which is then no point of
    the curve, is a dotted line. Only modules of which several layers were judged are drawn.

    Args:
        titles: What each result is called.
        results: Of one task and metric, the most important first.
    """
    found = [(title, result) for title, result in zip(titles, results, strict=True) if curve_points.by_features(result)]
    shown = found[:MOST_MODULES]
    if not shown:
        return None
    places = _places([each for _, result in shown for each, _ in curve_points.by_features(result)])
    figure = empty(WIDTH, 3.2 + 0.2 * (len(shown) + 2))
    axes = axes_of(figure)
    for number, (_, result) in enumerate(shown):
        _layer_curve(axes, result, places, number, len(shown))
    layers = are_layers([result for _, result in shown])
    _ticks(axes, places, layers)
    axes.set(xlabel="layer" if layers else "", ylabel=axis_name(shown[0][1].metric))
    handles = [_handle(axes, number) for number in range(len(shown))]
    handles.append(axes.plot([], [], "o", color="black", fillstyle="none", markersize=9)[0])
    names = [*(title for title, _ in shown), "ring: what was chosen"]
    if any(_chose_apart(result) for _, result in shown):
        handles.append(axes.plot([], [], color="black", linestyle=":", linewidth=1.2)[0])
        names.append("dotted: the score, where folds chose differently")
    legend(figure, handles, names)
    entitle(figure, shown[0][1].task, "score by layer" if layers else "score by setting", len(shown), len(found))
    return figure


def _layer_curve(axes: Any, result: Result, places: dict[Setting, int], number: int, n_modules: int) -> None:
    points = sorted(curve_points.by_features(result), key=lambda pair: places[pair[0]])
    x = np.array([float(places[each]) for each, _ in points])
    if n_modules > MOST_BANDS:
        x = x + (number - (n_modules - 1) / 2) * 0.5 / n_modules
    look = look_of(number)
    y = _line(axes, x, [point for _, point in points], result.metric, number, look.line, bars=n_modules > MOST_BANDS)
    counts = curve_points.chosen(result)
    ringed = np.array([point.name in counts for _, point in points])
    axes.plot(x[ringed], y[ringed], "o", color=look.colour, fillstyle="none", markersize=9)
    if _chose_apart(result):
        axes.margins(x=0.1)  # for the words at its ends
        axes.axhline(scale_of(result.metric) * result.score, color=look.colour, linestyle=":", linewidth=1.2)
        for place in np.flatnonzero(ringed) if n_modules <= MOST_BANDS else ():
            says = f"{counts[points[place][1].name]} of {len(result.folds)} folds"
            axes.annotate(says, (x[place], y[place]), (0, 8), textcoords="offset points", ha="center", fontsize=7.5)


def _chose_apart(result: Result) -> bool:
    return len(curve_points.chosen(result)) > 1


def _places(names: Sequence[Setting]) -> dict[Setting, int]:
    """Where each stands on the axis: layers at their number, others after them in order of appearance."""
    layers = {each: each.layer for each in names if each.layer is not None}
    others = [each for each in dict.fromkeys(names) if each not in layers]
    first = max(layers.values(), default=-1) + 1
    return layers | {each: first + number for number, each in enumerate(others)}


def _ticks(axes: Any, places: dict[Setting, int], layers: bool) -> None:
    if layers:
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(13, integer=True))
    else:
        names = [shortened(each.features.removeprefix("layer "), 24) for each in places]
        axes.set_xticks(list(places.values()), names, parse_math=False, rotation=30, ha="right")


def shot_curves(titles: Sequence[str], results: Sequence[Result]) -> Any | None:
    """The score over the number of training clips of each class, on a logarithmic axis: a curve a module and classifier.

    Colour and marker tell modules apart, the line classifiers. Where several layers were judged, it is the headline's.

    Args:
        titles: What each result is called.
        results: Of one task and metric, the most important first.
    """
    found = [(title, result) for title, result in zip(titles, results, strict=True) if curve_points.by_shots(result)]
    shown = [(title, result, curve_points.by_shots(result)) for title, result in found[:MOST_MODULES]]
    if not shown:
        return None
    classifiers = list(dict.fromkeys(name for _, _, curves in shown for name in curves))
    n_curves = sum(len(curves) for _, _, curves in shown)
    figure = empty(WIDTH, 3.2 + 0.2 * (len(shown) + len(classifiers)))
    axes = axes_of(figure)
    axes.set_xscale("log")
    drawn = 0
    for number, (_, result, curves) in enumerate(shown):
        for classifier, points in curves.items():
            beside = 2 ** ((drawn - (n_curves - 1) / 2) * 0.3 / n_curves) if n_curves > MOST_BANDS else 1.0
            x = beside * np.array([n for n, _ in points], dtype=float)
            line = LINES[classifiers.index(classifier) % len(LINES)]
            y = _line(axes, x, [point for _, point in points], result.metric, number, line, n_curves > MOST_BANDS)
            ringed = np.array([point.name in curve_points.chosen(result) for _, point in points])
            axes.plot(x[ringed], y[ringed], "o", color=look_of(number).colour, fillstyle="none", markersize=9)
            drawn += 1
    shots = sorted({n for _, _, curves in shown for points in curves.values() for n, _ in points})
    axes.set_xticks(shots, [str(n) for n in shots])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="training clips of each class (shots)", ylabel=axis_name(shown[0][1].metric))
    handles = [_handle(axes, number, "none") for number in range(len(shown))]
    handles += [axes.plot([], [], color="black", linestyle=LINES[n % len(LINES)])[0] for n in range(len(classifiers))]
    legend(figure, handles, [*(title for title, *_ in shown), *classifiers])
    entitle(figure, shown[0][1].task, "score by number of shots", len(shown), len(found))
    return figure


def _line(
    axes: Any, x: np.ndarray, points: Sequence[CurvePoint], metric: str, number: int, line: str, bars: bool
) -> np.ndarray:
    """Draw one curve with its intervals, as bars or as a band; its heights, in the unit that is read."""
    look, scale = look_of(number), scale_of(metric)
    y, low, high = (
        scale * np.array([getattr(point, name) for point in points], dtype=float)
        for name in ("score", "ci_low", "ci_high")
    )
    if bars:
        axes.vlines(x, low, high, color=look.colour, linewidth=0.8)
    else:
        axes.fill_between(x, low, high, color=look.colour, alpha=0.18, linewidth=0)
    axes.plot(x, y, color=look.colour, marker=look.marker, linestyle=line, markersize=4, linewidth=1.4)
    return y


def _handle(axes: Any, number: int, line: str = "") -> Any:
    """What stands for a module in the legend."""
    look = look_of(number)
    return axes.plot([], [], color=look.colour, marker=look.marker, linestyle=line or look.line, markersize=4)[0]
