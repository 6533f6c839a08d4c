"""The report's section on degraded clips: a curve for each module over the levels of each degradation, and how far each lies from clean."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from evaluator.audio.degradation import KINDS
from evaluator.errors import EvaluationError
from evaluator.figure import empty
from evaluator.report.budget import PageBudget, ReportFiles
from evaluator.report.drawing import GREY, MAX_MODULES, WIDTH, axis_name, legend, look_of, scale_of, set_title
from evaluator.report.header import ResultHeader
from evaluator.report.page import FurtherSection
from evaluator.report.page_parts import Details, PageTable
from evaluator.results import on_disk
from evaluator.results.caveats import DAGGER, mark
from evaluator.results.robustness import CLEAN, DEGRADATION, RobustnessCurve, curves_of
from evaluator.scoring import metrics
from evaluator.scoring.metrics import METRICS
from evaluator.tables import TableCell

_PANEL_WIDTH = 3.6  # inches, at least, for the names of its levels
_MAX_BANDS = 3  # curves whose intervals are drawn as bands; more are bars
_BYTES = 2_000_000  # of the page, for all curves together
_HEAD = ["module", "degradation", "level", "score", "95 % interval", "change", "interval of the change", "p"]

Titled = tuple[str, int, list[RobustnessCurve]]
"""What a module is called, its number on the page, which gives its look, and its curves on a task."""


def section(
    clean: Sequence[ResultHeader], degraded: Sequence[ResultHeader], files: ReportFiles, numbers: Mapping[str, int]
) -> tuple[list[FurtherSection], list[str]]:
    """The section, or none where no clip was degraded, and a sentence for each result that could not be used.

    Args:
        clean, degraded: Headers of results, (n_results,) each.
        files: Where figures go beside the page.
        numbers: Of the modules on the page, by `variant`.
    """
    by_task, problems = _read(clean, degraded, numbers)
    if not by_task:
        return [], problems
    budget, details = PageBudget("robustness", files, _BYTES, 4 * len(by_task)), []
    figures = []
    for number, ((task, protocol, profile, training, _), titled) in enumerate(sorted(by_task.items()), start=1):
        fitted = "" if training == CLEAN else ", probes fitted to clips degraded alike"
        caption = f"{task}, {protocol}, {profile}{fitted}. Dotted: the score of the clean clips."
        figures += budget.draw(f"curves-{number}", "Robustness.", caption, partial(curves, task, titled))
        details.append(
            Details(
                f"{task}: every level", (), [PageTable(f"{task}, {protocol}, {profile}{fitted}", _HEAD, _rows(titled))]
            )
        )
    return [FurtherSection("robustness", "When clips are made worse", _lead(by_task), figures, details)], problems


def _lead(by_task: dict[tuple[str, str, str, str, int], list[Titled]]) -> list[str]:
    curves = [curve for titled in by_task.values() for *_, several in titled for curve in several]
    sentences = [
        "Test clips were degraded on purpose, alike for every module, and scored by the probes that were fitted to clean clips, unless it is "
        "said otherwise. Bands are 95 % intervals; the table has the change from the clean score on the same clips, its interval and "
        "p corrected for all levels of a module on a task (Holm)."
    ]
    if any(curve.clean.caveats for curve in curves):
        sentences.append(f"{DAGGER} has a caveat, which its task above tells.")
    return sentences


def _read(
    clean: Sequence[ResultHeader], degraded: Sequence[ResultHeader], numbers: Mapping[str, int]
) -> tuple[dict[tuple[str, str, str, str, int], list[Titled]], list[str]]:
    """By task, protocol, profile, what probes were fitted to and seed the curves of each module; and what could not be used."""
    by_run = {header.result.run: header for header in clean}
    several: dict[str, list[ResultHeader]] = defaultdict(list)
    problems = []
    for header in degraded:
        facts = header.result.provenance.get(DEGRADATION)
        run = str(facts.get("clean_run")) if isinstance(facts, dict) else ""
        if run in by_run:
            several[run].append(header)
        else:
            problems.append(
                f"{header.path}: the result of the clean clips, run {run or 'unknown'}, is not among these; give its file too"
            )
    by_task: dict[tuple[str, str, str, str, int], list[Titled]] = defaultdict(list)
    for run, headers in several.items():
        own = by_run[run]
        try:
            found = curves_of(on_disk.read(own.path), [on_disk.read(each.path) for each in headers])
        except EvaluationError as error:
            problems.append(f"{own.result.module} on {own.result.task}, degraded: {error}")
            continue
        for training, seed in sorted({(curve.training, curve.seed) for curve in found}):
            key = (own.result.task, own.result.protocol, own.result.profile, training, seed)
            its = [curve for curve in found if (curve.training, curve.seed) == (training, seed)]
            title = f"{own.title} {mark(own.result.caveats)}".strip()
            by_task[key].append((title, numbers.get(own.variant, len(numbers)), its))
    for titled in by_task.values():
        titled.sort(key=lambda each: (-metrics.signed(each[2][0].clean.metric, each[2][0].clean.score), each[0]))
    return dict(by_task), problems


def curves(task: str, titled: Sequence[Titled], width: float = WIDTH) -> Any:
    """A panel for each degradation, a curve for each module: its score over levels with the 95 % interval.

    Args:
        task: Its name.
        titled: Of each module, the first being the most important, (n_modules,).
        width: Of the figure, in inches.

    Returns:
        A Matplotlib figure.
    """
    shown = titled[:MAX_MODULES]
    kinds = {curve.series: curve.kind for *_, several in shown for curve in several}
    series = sorted(kinds, key=lambda name: (list(KINDS.values()).index(kinds[name]), name))
    n_beside = min(len(series), max(1, int(width / _PANEL_WIDTH)))
    n_rows = -(-len(series) // n_beside)
    figure = empty(width, 2.3 * n_rows + 0.2 * len(shown) + 0.7)
    panels = figure.subplots(n_rows, n_beside, sharey=True, squeeze=False).ravel()
    for panel, name in zip(panels, series, strict=False):
        own = [(number, curve) for _, number, its in shown for curve in its if curve.series == name]
        _panel(panel, name, own)
    for panel in panels[len(series) :]:
        panel.set_visible(False)
    for panel in panels[::n_beside]:
        panel.set_ylabel(axis_name(shown[0][2][0].clean.metric), fontsize="small")
    looks = [look_of(number) for _, number, _ in shown]
    handles = [panels[0].plot([], [], color=each.colour, marker=each.marker, linestyle=each.line)[0] for each in looks]
    legend(figure, handles, [title for title, *_ in shown])
    set_title(figure, task, "score of degraded clips", len(shown), len(titled))
    return figure


def _panel(panel: Any, name: str, numbered: Sequence[tuple[int, RobustnessCurve]]) -> None:
    """Draw the curves of one degradation, each with the number of its module."""
    kind = numbered[0][1].kind
    if kind.logarithmic:
        panel.set_xscale("log")
    levels = set()
    for number, curve in numbered:
        look, scale, clean = look_of(number), scale_of(curve.clean.metric), curve.clean
        points = [(each.level, each.result.score, each.result.ci_low, each.result.ci_high) for each in curve.points]
        if kind is KINDS["gain"] and all(level for level, *_ in points):
            points = sorted([*points, (0.0, clean.score, clean.ci_low, clean.ci_high)])
        x, y, low, high = np.array(points).T
        levels |= set(x.tolist())
        if len(numbered) > _MAX_BANDS or len(x) == 1:
            panel.vlines(x, scale * low, scale * high, color=look.colour, linewidth=0.8)
        else:
            panel.fill_between(x, scale * low, scale * high, color=look.colour, alpha=0.15, linewidth=0)
        panel.plot(
            x, scale * y, color=look.colour, marker=look.marker, linestyle=look.line, markersize=4, linewidth=1.4
        )
        panel.axhline(scale * clean.score, color=look.colour, linestyle=":", linewidth=1)
    ticks = sorted(levels)
    panel.set_xlim(*_limits(ticks, kind.logarithmic))
    panel.set_xticks(ticks, [f"{each:g}" if each < 1000 else f"{each / 1000:g}k" for each in ticks], fontsize="small")
    panel.set_xticks([], minor=True)
    panel.tick_params(axis="y", labelsize="small")
    panel.set_title(name, fontsize="medium", loc="left", parse_math=False)
    panel.set_xlabel(kind.axis, fontsize="small")
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.5)
    panel.set_axisbelow(True)


def _limits(levels: Sequence[float], logarithmic: bool) -> tuple[float, float]:
    """The ends of an axis with room beside the levels, (n_levels,) in order, also where there is one only."""
    if logarithmic:
        room = max((levels[-1] / levels[0]) ** 0.06, 1.05) if len(levels) > 1 else 2.0
        return levels[0] / room, levels[-1] * room
    room = 0.06 * (levels[-1] - levels[0]) or 1.0
    return levels[0] - room, levels[-1] + room


def _rows(titled: Sequence[Titled]) -> list[list[TableCell]]:
    """Every level of every module, the mildest first."""
    rows: list[list[TableCell]] = []
    for title, _, several in titled:
        clean = several[0].clean
        metric = METRICS[clean.metric]
        rows.append(
            [
                title,
                "none",
                "",
                metric.shown(clean.score),
                metric.interval(clean.ci_low, clean.ci_high, " – "),
                "",
                "",
                "",
            ]
        )
        for curve in several:
            for point in reversed(curve.points):
                result, change = point.result, point.change
                told = ["", "", ""]
                if change is not None:
                    known = change.low == change.low
                    told = [
                        _minus(metric.shown(change.value)),
                        _minus(f"{metric.shown(change.low)} to {metric.shown(change.high)}") if known else "none",
                        "" if change.p != change.p else "< 0.001" if change.p < 0.001 else f"{change.p:.3f}",
                    ]
                interval = metric.interval(result.ci_low, result.ci_high, " – ")
                level = _minus(f"{point.level:g} {curve.kind.unit}")
                rows.append([title, curve.series, level, metric.shown(result.score), interval, *told])
    return rows


def _minus(text: str) -> str:
    """A text with true minus signs, after which no line is broken."""
    return text.replace("-", "−")
