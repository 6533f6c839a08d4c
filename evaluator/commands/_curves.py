"""Curves over layers on a terminal: a line a layer with its score on a lane, or, of many results, a line a result."""

import math
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluator.results.result import CurvePoint, Result

_MAX_FULL = 6  # results whose layers stand one by one
_LANE = 48  # characters at most
_MIN_LANE = 16  # with less room there are numbers alone
_MIN_WIDTH, _USUAL_WIDTH = 40, 100  # characters of a line: at least, and where there is no terminal
_STEPS = "▁▂▃▄▅▆▇█"


def curve_lines(results: "Sequence[Result]") -> Iterator[str]:
    """The scores of each layer of the results that have several, (n_results,), below each other."""
    curves = [(each, points) for each in results if (points := _by_layer(each))]
    for result, points in curves:
        if len(curves) <= _MAX_FULL:
            yield from _lanes(result, points)
        else:
            yield _sparkline(result, points)


def _by_layer(result: "Result") -> "list[CurvePoint]":
    """The points of a curve that differ in their layer alone, (n_layers,); none where there are no two."""
    from evaluator.report.curve_points import points_by_features

    points = [result.curve[index] for index in points_by_features(result)]
    return [each for each in points if each.layer is not None and each.score == each.score] if len(points) > 1 else []


def _title(result: "Result") -> str:
    return f"{result.module} on {result.task} ({result.protocol}, {result.profile}), {result.metric}"


def _scored(result: "Result", points: "Sequence[CurvePoint]") -> dict[int | None, int]:
    """By layer, of (n_layers,), of how many folds the score is of it."""
    layers = [result.curve[fold.point].layer for fold in result.folds]
    return {each.layer: layers.count(each.layer) for each in points}


def _lanes(result: "Result", points: "Sequence[CurvePoint]") -> Iterator[str]:
    from evaluator.scoring.metrics import METRICS

    metric, scored, n_folds = METRICS[result.metric], _scored(result, points), len(result.folds)
    unit = f" {metric.unit}" if metric.unit else ""
    cells = [f"layer {each.layer}" for each in points]
    spans = [metric.interval(each.ci_low, each.ci_high) for each in points]
    marks = [_mark(scored[each.layer], n_folds) for each in points]
    widths = [max(map(len, column)) for column in (cells, spans, marks)]
    text = [
        f"{cell:<{widths[0]}}  {metric.shown(each.score):>6}{unit}  {span:<{widths[1]}}"
        for cell, each, span in zip(cells, points, spans, strict=True)
    ]
    columns = shutil.get_terminal_size((_USUAL_WIDTH, 24)).columns
    lane = min(_LANE, max(columns, _MIN_WIDTH) - len(text[0]) - widths[2] - 5)
    low, high = _reach(points)
    yield f"\n{_title(result)} of each layer, with 95 % intervals; * is what the score is of:"
    for row, each, sign in zip(text, points, marks, strict=True):
        drawn = f"  |{_lane(each, low, high, lane)}|" if lane >= _MIN_LANE else ""
        yield f"{row}{drawn} {sign}".rstrip()
    if lane >= _MIN_LANE:
        ends = f"{metric.shown(low)}{unit}", f"{metric.shown(high)}{unit}"
        yield f"{'':<{len(text[0]) + 3}}{ends[0]}{ends[1]:>{lane - len(ends[0])}}"


def _mark(n_chosen: int, n_folds: int) -> str:
    return "" if not n_chosen else "*" if n_chosen == n_folds else f"* in {n_chosen} of {n_folds} folds"


def _reach(points: "Sequence[CurvePoint]") -> tuple[float, float]:
    """The lowest and the highest number on the lanes of (n_layers,) points."""
    numbers = [n for each in points for n in (each.score, each.ci_low, each.ci_high) if math.isfinite(n)]
    low, high = min(numbers), max(numbers)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _lane(point: "CurvePoint", low: float, high: float, width: int) -> str:
    """A score as `o` on its interval of dashes, from `low` to `high` on so many characters."""

    def place(value: float) -> int:
        return min(width - 1, max(0, round((value - low) / (high - low) * (width - 1))))

    cells = [" "] * width
    if math.isfinite(point.ci_low) and math.isfinite(point.ci_high):
        for n in range(place(point.ci_low), place(point.ci_high) + 1):
            cells[n] = "-"
    cells[place(point.score)] = "o"
    return "".join(cells)


def _sparkline(result: "Result", points: "Sequence[CurvePoint]") -> str:
    """One line: a step a layer, and the lowest and the highest score with their layers."""
    from evaluator.scoring.metrics import METRICS

    metric = METRICS[result.metric]
    scores = [each.score for each in points]
    low, high = min(scores), max(scores)
    steps = [_STEPS[round((score - low) / (high - low) * (len(_STEPS) - 1)) if high > low else 0] for score in scores]
    ends = ", ".join(
        f"{word} {metric.shown(each.score)} (layer {each.layer})"
        for word, each in (
            ("lowest", points[scores.index(low)]),
            ("highest", points[scores.index(high)]),
        )
    )
    return f"{_title(result)}, layers {points[0].layer} to {points[-1].layer}: {''.join(steps)} {ends}"
