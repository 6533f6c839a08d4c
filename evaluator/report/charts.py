"""The report's charts of scores with intervals: a board's modules, the classes and the groups of a task."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from evaluator.report import lanes, per_class, per_group
from evaluator.report.board import Board, BoardEntry
from evaluator.report.drawing import MAX_MODULES, scale_of, shortened, way
from evaluator.report.lanes import LaneScale, Mark
from evaluator.report.page_parts import Chart, ChartRow
from evaluator.report.published import PrintedRow
from evaluator.results.caveats import mark
from evaluator.results.result import Result
from evaluator.scoring.metrics import METRICS, title_of
from evaluator.words import begun

MAX_ON_LANE = 6  # modules below each other in one row
_MAX_ROWS = 60
_PERCENT = (0.0, 100.0)
_SIGNIFICANT, _NOT_SIGNIFICANT, _TOO_FEW = "∗", "n.s.", "too few"
VERDICTS = {
    _SIGNIFICANT: "the best module is significantly better (p < 0.05, Holm)",
    _NOT_SIGNIFICANT: "not significant",
    _TOO_FEW: "test groups or clips to tell",
}


def limits(metric: str) -> tuple[float, float]:
    """Ends of a metric in the unit that is read."""
    kind, scale = METRICS[metric], scale_of(metric)
    return kind.low * scale, kind.high * scale


def mark_of(entry: BoardEntry, number: int, metric: str) -> Mark:
    """An entry's score on a lane; number: of its module on the page."""
    result, scale, kind = entry.result, scale_of(metric), METRICS[metric]
    span = kind.interval(result.ci_low, result.ci_high)
    title = f"{entry.title}: {kind.shown(result.score)}{mark(result.caveats)} ({span})"
    return Mark(scale * result.score, scale * result.ci_low, scale * result.ci_high, number, title)


def board_chart(
    board: Board, numbers: Mapping[str, int], printed: Sequence[PrintedRow] = (), anchor: str = ""
) -> Chart | None:
    """The scores of a board, a row a module, best first; of more than 12 the best, and the numbers that papers print.

    Args:
        board: With entries, (n_entries,).
        numbers: Of each variant on the page.
        printed: Numbers of papers, (n_printed,).
        anchor: Where its title leads.
    """
    entries = [each for each in board.entries if not math.isnan(each.result.score)]
    shown = entries[:MAX_MODULES]
    if not shown:
        return None
    marks = [mark_of(each, numbers[each.header.variant], board.metric) for each in shown]
    of_papers = [_printed_mark(row, board.metric) for row in printed[:MAX_MODULES]]
    scale = lanes.scale_of_marks([*marks, *of_papers], limits(board.metric))
    kind, places = METRICS[board.metric], {id(each): n for n, each in enumerate(board.entries)}
    best = next((places[id(each)] for each in shown if not each.withheld and not each.baseline), None)
    rows = []
    for entry, each in zip(shown, marks, strict=True):
        result = entry.result
        text = f"{kind.shown(result.score)}{mark(result.caveats)}"
        rows.append(
            ChartRow(
                entry.title,
                lanes.lane([each], scale, each.title),
                lanes.key(each.number),
                text=f"{text} ({kind.interval(result.ci_low, result.ci_high, '–')})" if _has_interval(result) else text,
                note=_note(board, entry, places[id(entry)], best),
            )
        )
    for row, each in zip(printed, of_papers, strict=False):
        lane = lanes.lane([each], scale, each.title)
        rows.append(ChartRow(row.title, lane, lanes.key(None), text=row.score, note="printed"))
    more = f" The best {len(shown)} of {len(entries)} modules." if len(shown) < len(entries) else ""
    more += f" The best {len(of_papers)} of {len(printed)} printed numbers." if len(of_papers) < len(printed) else ""
    caption = f"{begun(title_of(board.metric))} under {board.protocol} ({board.profile}) with 95 % intervals.{more}{_verdicts(rows)}"
    return Chart(anchor, caption, rows, lanes.axis(scale, kind.unit))


def _verdicts(rows: Sequence[ChartRow]) -> str:
    """What the words behind the scores mean, those that stand there, (n_rows,)."""
    used = [f"{sign} {meaning}" for sign, meaning in VERDICTS.items() if any(row.note.endswith(sign) for row in rows)]
    return f" {'; '.join(used)}." if used else ""


def _has_interval(result: Result) -> bool:
    return not math.isnan(result.ci_low) and not math.isnan(result.ci_high)


def _note(board: Board, entry: BoardEntry, place: int, best: int | None) -> str:
    """A word about an entry beside the best one: whether the best one is significantly better."""
    if entry.withheld:
        return "not ranked"
    if best is None or place == best:
        return ""
    verdict = _SIGNIFICANT if board.significantly_better[best][place] else _NOT_SIGNIFICANT
    if verdict == _NOT_SIGNIFICANT and board.cannot_tell(with_baselines=entry.baseline):
        verdict = _TOO_FEW
    return f"{'baseline ' if entry.baseline else ''}{verdict}"


def _printed_mark(row: PrintedRow, metric: str) -> Mark:
    number, scale = row.number, scale_of(metric)
    low, high = number.scaled(number.low), number.scaled(number.high)
    ends = [math.nan if each is None else scale * each for each in (low, high)]
    return Mark(scale * number.value, ends[0], ends[1], None, f"{row.title}: {row.score}")


def task_lane(board: Board, numbers: Mapping[str, int], scale: LaneScale, variants: Sequence[str]) -> str:
    """All modules' scores on one lane, in the order of `variants`, (n_modules,), at most six of them."""
    by_variant = {each.header.variant: each for each in board.entries}
    marks = [
        mark_of(by_variant[variant], numbers[variant], board.metric)
        for variant in variants[:MAX_ON_LANE]
        if variant in by_variant
    ]
    return lanes.lane(marks, scale, f"{board.task}: {'; '.join(each.title for each in marks)}")


def class_chart(titles: Sequence[str], results: Sequence[Result], numbers: Sequence[int]) -> Chart | None:
    """Recall (or average precision) of each class with its interval, a row a class; beyond 60 classes the hardest.

    Args:
        titles: What each result is called, (n_results,).
        results: Of one task, the most important first, (n_results,); the best six are drawn.
        numbers: Of their modules on the page, (n_results,).
    """
    shown = results[: per_class.MAX_MODULES]
    measure = per_class.class_measure(shown[0]) if shown else ""
    if not measure:
        return None
    drawn = per_class.class_lines(shown)
    caption = f"{measure.capitalize()} of {drawn.which} under {way(shown[0])} with 95 % intervals; number of test clips behind the name."
    return _rows_chart(caption, drawn.names, drawn.lines, titles, numbers, _PERCENT, "%")


def group_chart(titles: Sequence[str], results: Sequence[Result], numbers: Sequence[int]) -> Chart | None:
    """The score of each group (individual, site, recording), a row a group, the hardest 60.

    Args:
        titles, results, numbers: As in `class_chart`, (n_results,) each.
    """
    shown = results[:MAX_ON_LANE]
    columns = [per_group.large_group_scores(each) for each in shown]
    sizes = {name: size for column in reversed(columns) for name, (size, _) in sorted(column.items())}
    if not sizes:
        return None
    metric = per_group.measure_of(shown[0])
    scale = scale_of(metric)
    scores = {name: [scale * column.get(name, (0, math.nan))[1] for column in columns] for name in sizes}
    names = sorted(sizes)
    if len(names) > _MAX_ROWS:
        hardest = sorted(names, key=lambda name: float(np.nan_to_num(scores[name], nan=200.0).mean()))[:_MAX_ROWS]
        names = [name for name in names if name in hardest]
    lines = [[(value, math.nan, math.nan) for value in scores[name]] for name in names]
    which = f"the {_MAX_ROWS} hardest of {len(sizes)} groups" if len(names) < len(sizes) else "each group"
    caption = f"{begun(title_of(metric))} of {which} under {way(shown[0])}; number of test clips behind the name."
    labels = [f"{shortened(name, 40)} ({sizes[name]})" for name in names]
    return _rows_chart(caption, labels, lines, titles, numbers, limits(metric), METRICS[metric].unit)


def _rows_chart(
    caption: str,
    names: Sequence[str],
    lines: Sequence[Sequence[tuple[float, float, float]]],
    titles: Sequence[str],
    numbers: Sequence[int],
    within: tuple[float, float],
    unit: str,
) -> Chart:
    """A chart with a row a name and a mark a module: values with ends of their intervals, (n_names, n_modules)."""
    rows = [list(_marks(line, titles, numbers)) for line in lines]
    scale = lanes.scale_of_marks([each for row in rows for each in row], within)
    drawn = [
        ChartRow(name, lanes.lane(marks, scale, f"{name}: {'; '.join(each.title for each in marks)}"))
        for name, marks in zip(names, rows, strict=True)
    ]
    legend = [(lanes.key(number), title) for title, number in zip(titles, numbers, strict=True)][:MAX_ON_LANE]
    return Chart("", caption, drawn, lanes.axis(scale, unit), legend)


def _marks(line: Sequence[tuple[float, float, float]], titles: Sequence[str], numbers: Sequence[int]) -> Iterator[Mark]:
    for (value, low, high), title, number in zip(line, titles, numbers, strict=False):
        span = "" if math.isnan(low) or math.isnan(high) else f" ({low:.1f} to {high:.1f})"
        said = "no clip" if math.isnan(value) else f"{value:.1f}{span}"
        yield Mark(value, low, high, number, f"{title}: {said}")
