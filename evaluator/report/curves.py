"""The report's curves: the score over layers, as Sarkar's Figures 3 and 4, and over the number of shots."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from evaluator.figure import empty
from evaluator.report.curve_points import points_by_features, points_by_shots, scored_points
from evaluator.report.drawing import (
    HALF,
    LINES,
    MAX_MODULES,
    WIDTH,
    asked,
    axes_of,
    axis_name,
    legend,
    look_of,
    scale_of,
    set_title,
    shortened,
)
from evaluator.results.result import CurvePoint, Result
from evaluator.scoring.metrics import title_of

_HEIGHT = 3.4  # inches, without the legend
_RING = 10  # points
_MAX_BANDS = 3  # curves whose intervals are drawn as bands; more are bars beside each other


def are_layers(results: Sequence[Result]) -> bool:
    """Whether everything that `layer_curves` draws of these results, (n_results,), is a layer."""
    return all(result.curve[n].layer is not None for result in results for n in points_by_features(result))


def layer_curves(
    titles: Sequence[str],
    results: Sequence[Result],
    numbers: Sequence[int] | None = None,
    width: float = WIDTH,
    fine_tuned: Mapping[str, str] = MappingProxyType({}),
) -> Any | None:
    """The score of each layer with its 95 % interval, one curve a module.

    Rings mark what the score is of, with how many folds chose it where they did not agree; the score itself, which is
    then no point of the curve, is a dotted line. Only modules with several layers are drawn.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task and metric, the most important first, (n_results,).
        numbers: Of their modules on the page, (n_results,), which give their looks; None for their order.
        width: In inches.
        fine_tuned: Module -> the pre-trained module that it was fine-tuned from: where there are any, their curves are dashed, all
            others drawn through.

    Returns:
        A Matplotlib figure; None if no module has several layers.
    """
    own = _numbered(titles, results, numbers)
    drawable = [each for each in own if points_by_features(each[1])]
    shown = drawable[:MAX_MODULES]
    if not shown:
        return None
    points = [result.curve[n] for _, result, _ in shown for n in points_by_features(result)]
    positions = _positions(points)
    figure = empty(width, _HEIGHT + 0.2 * (len(shown) + 2))
    axes = axes_of(figure)
    for place, (_, result, number) in enumerate(shown):
        aside = (place - (len(shown) - 1) / 2) * 0.5 / len(shown) if len(shown) > _MAX_BANDS else 0.0
        line = _line(result, number, fine_tuned)
        _layer_curve(axes, result, positions, number, aside, line, bars=len(shown) > _MAX_BANDS)
    layers = are_layers([result for _, result, _ in shown])
    _set_ticks(axes, points, positions, layers, width)
    axes.set(xlabel="layer" if layers else "", ylabel=axis_name(shown[0][1].metric))
    handles = [_handle(axes, number, _line(result, number, fine_tuned)) for _, result, number in shown]
    handles.append(axes.plot([], [], "o", color="black", fillstyle="none", markersize=_RING)[0])
    differ = any(_folds_disagree(result) for _, result, _ in shown)
    names = [
        *(_with_origin(title, result, fine_tuned) for title, result, _ in shown),
        f"ring: what the score is of{' (larger: in more folds)' if differ else ''}",
    ]
    if differ:
        handles.append(axes.plot([], [], color="black", linestyle=":", linewidth=1.2)[0])
        names.append("dotted: the score, where folds chose differently")
    legend(figure, handles, names)
    what = f"{title_of(shown[0][1].metric)} by {'layer' if layers else 'setting'}"
    set_title(figure, asked(shown[0][1]), what, len(shown), len(drawable))
    return figure


def _numbered(
    titles: Sequence[str], results: Sequence[Result], numbers: Sequence[int] | None
) -> list[tuple[str, Result, int]]:
    """Title, result and number on the page of each, (n_results,)."""
    return list(zip(titles, results, numbers or range(len(results)), strict=True))


def _layer_curve(
    axes: Any, result: Result, positions: dict[str, int], number: int, aside: float, line: str, bars: bool
) -> None:
    """Draw the curve of one module, moved `aside` by a part of a layer, its intervals as bars or as a band."""
    indices = sorted(points_by_features(result), key=lambda index: positions[result.curve[index].features])
    points = [result.curve[index] for index in indices]
    x = aside + np.array([float(positions[point.features]) for point in points])
    look = look_of(number)
    y = _plot(axes, x, points, result.metric, number, line, bars=bars)
    n_folds = scored_points(result)
    for n, index in enumerate(indices):
        if index in n_folds:
            size = _RING * (0.75 + 0.75 * n_folds[index] / len(result.folds)) if _folds_disagree(result) else _RING
            axes.plot(x[n], y[n], "o", color=look.colour, fillstyle="none", markersize=size)
    if _folds_disagree(result):
        axes.axhline(scale_of(result.metric) * result.score, color=look.colour, linestyle=":", linewidth=1.2)


def _line(result: Result, number: int, fine_tuned: Mapping[str, str]) -> str:
    if not fine_tuned:
        return look_of(number).line
    return "--" if result.module in fine_tuned else "-"


def _with_origin(title: str, result: Result, fine_tuned: Mapping[str, str]) -> str:
    base = fine_tuned.get(result.module, "")
    return f"{title}, fine-tuned from {base}" if base else title


def chosen_in_words(titles: Sequence[str], results: Sequence[Result]) -> str:
    """Which layers the folds of each module, (n_results,), chose, in a sentence; "" where they agree in all of them."""
    said = []
    for title, result in zip(titles, results, strict=True):
        if points_by_features(result) and _folds_disagree(result):
            counts = [(result.curve[n].features, count) for n, count in scored_points(result).most_common()]
            said.append(f"{title}: {', '.join(f'{features} in {count}' for features, count in counts)}")
    return f"Folds chose differently: {'; '.join(said)}." if said else ""


def _folds_disagree(result: Result) -> bool:
    return len(scored_points(result)) > 1


def _positions(points: Sequence[CurvePoint]) -> dict[str, int]:
    """Where features stand on the axis: layers at their number, others after them in order of appearance."""
    layers = {point.features: point.layer for point in points if point.layer is not None}
    others = dict.fromkeys(point.features for point in points if point.features not in layers)
    first = max(layers.values(), default=-1) + 1
    return layers | {features: first + number for number, features in enumerate(others)}


def _set_ticks(axes: Any, points: Sequence[CurvePoint], positions: dict[str, int], layers: bool, width: float) -> None:
    """Whole numbers where all are layers, as many as the width (inches) has room for; else the number of each layer and the name of what else there is."""
    if layers:
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(13 if width > HALF else 7, integer=True))
        return
    names = {
        positions[point.features]: shortened(point.features if point.layer is None else str(point.layer), 24)
        for point in points
    }
    axes.set_xticks(list(names), list(names.values()), parse_math=False, rotation=30, ha="right")


def shot_curves(
    titles: Sequence[str], results: Sequence[Result], numbers: Sequence[int] | None = None, width: float = WIDTH
) -> Any | None:
    """The score over the number of training clips of each class, on a logarithmic axis: a curve a module and classifier.

    Colour and marker tell modules apart, the line classifiers. Of several layers, that of the score is drawn.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task and metric, the most important first, (n_results,).
        numbers: Of their modules on the page, (n_results,), which give their looks; None for their order.
        width: In inches.

    Returns:
        A Matplotlib figure; None if no module has several numbers of shots.
    """
    drawable = [each for each in _numbered(titles, results, numbers) if points_by_shots(each[1])]
    shown = [(title, result, points_by_shots(result), number) for title, result, number in drawable[:MAX_MODULES]]
    if not shown:
        return None
    classifiers = list(dict.fromkeys(name for _, _, curves, _ in shown for name in curves))
    n_curves = sum(len(curves) for _, _, curves, _ in shown)
    figure = empty(width, _HEIGHT + 0.2 * (len(shown) + len(classifiers)))
    axes = axes_of(figure)
    axes.set_xscale("log")
    n_drawn = 0
    shots: set[int] = set()
    for _, result, curves, number in shown:
        for classifier, indices in curves.items():
            points = [result.curve[index] for index in indices]
            # Curves side by side, a factor apart: the axis is logarithmic.
            aside = 2 ** ((n_drawn - (n_curves - 1) / 2) * 0.3 / n_curves) if n_curves > _MAX_BANDS else 1.0
            x = aside * np.array([point.n_shots for point in points], dtype=float)
            line = LINES[classifiers.index(classifier) % len(LINES)]
            y = _plot(axes, x, points, result.metric, number, line, bars=n_curves > _MAX_BANDS)
            is_ringed = np.array([index in scored_points(result) for index in indices])
            axes.plot(x[is_ringed], y[is_ringed], "o", color=look_of(number).colour, fillstyle="none", markersize=9)
            shots |= {point.n_shots for point in points if point.n_shots is not None}
            n_drawn += 1
    axes.set_xticks(sorted(shots), [str(n) for n in sorted(shots)])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="training clips of each class (shots)", ylabel=axis_name(shown[0][1].metric))
    handles = [_handle(axes, number, "none") for *_, number in shown]
    handles += [axes.plot([], [], color="black", linestyle=LINES[n % len(LINES)])[0] for n in range(len(classifiers))]
    legend(figure, handles, [*(title for title, *_ in shown), *classifiers])
    what = f"{title_of(shown[0][1].metric)} by number of shots"
    set_title(figure, asked(shown[0][1]), what, len(shown), len(drawable))
    return figure


def _plot(
    axes: Any, x: np.ndarray, points: Sequence[CurvePoint], metric: str, number: int, line: str, bars: bool
) -> np.ndarray:
    """Draw one curve with its intervals, as bars or as a band; its heights, (n_points,), in the unit that is read."""
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
