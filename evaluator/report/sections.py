"""A section of the page: all about one board, within its share of the page's bytes; what does not fit is named."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from evaluator.report import bills, board_tables, charts, curves, figures, lanes, per_class, per_group, published, text
from evaluator.report.answers import answer
from evaluator.report.board import Board, BoardEntry
from evaluator.report.budget import PageBudget
from evaluator.report.clips import ClipOptions, clip_list
from evaluator.report.curve_points import points_by_features, points_by_shots
from evaluator.report.drawing import MAX_MODULES
from evaluator.report.page import LeaderboardRow, Section
from evaluator.report.page_parts import Amount, Chart, Details, PageFigure, PageTable
from evaluator.report.published import PrintedRow
from evaluator.results import on_disk
from evaluator.results.caveats import mark
from evaluator.results.result import Result
from evaluator.scoring.metrics import METRICS, title_of
from evaluator.words import begun

_MAX_CONFUSIONS = 3  # modules, best first: as many as stand beside each other
_SHARE, _COUNT = "share", "count"
_MAX_GROUPS = 100  # in a table on the page
_MAX_CHARACTERS = 60  # of a task's name in an anchor


def anchor(number: int, board: Board) -> str:
    """The section's name in addresses and file names: its number keeps it unique, whatever the task is called."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{board.task}-{board.protocol}-{board.profile}").strip("-")
    return f"{number + 1}-{words[:_MAX_CHARACTERS]}"


def section(
    name: str,
    title: str,
    board: Board,
    budget: PageBudget,
    clip_options: ClipOptions,
    printed: Sequence[PrintedRow] = (),
    numbers: Mapping[str, int] | None = None,
    fine_tuned: Mapping[str, str] = MappingProxyType({}),
) -> Section:
    """The section of a board.

    Args:
        name: Its anchor.
        title: Its heading.
        board: With entries, (n_entries,), one at least.
        budget: The bytes that it may fill; puts figures where they go.
        clip_options: Which clips are wanted, and where their sounds lie.
        printed: Numbers of papers that stand below the leaderboard's own, (n_printed,).
        numbers: Of each variant on the page, which give colours and marks; None for their order on the board.
        fine_tuned: Module -> the pre-trained module that it was fine-tuned from.
    """
    results = _read(board)
    numbers = numbers or {entry.header.variant: number for number, entry in enumerate(board.entries)}
    own = [numbers[entry.header.variant] for entry in board.entries]
    titles = [entry.title for entry in board.entries]
    marked = [f"{title} {mark(each.caveats)}".strip() for title, each in zip(titles, results, strict=True)]
    page_figures = _overall_figures(budget, board, marked, results, own, fine_tuned)
    details = [
        *_classes(budget, marked, results, own, [entry.baseline for entry in board.entries]),
        *_groups(budget, marked, results, own),
        *_lengths(budget, results[0]),
        *_failures(titles, results),
        *bills.details(titles, results),
    ]
    clips = clip_list(marked[:MAX_MODULES], results[:MAX_MODULES], budget, clip_options)
    shared, names, values = text.origins(results)
    return Section(
        anchor=name,
        title=title,
        metric=text.metric_name(board.metric),
        caption=text.caption(board),
        facts=text.facts(board, results),
        caveats=text.caveats(titles, results),
        notes=list(
            dict.fromkeys(
                [*map(text.as_sentence, [*board.notes, *published.notes(printed)]), *text.notes(titles, results)]
            )
        ),
        rows=_leaderboard_rows(name, board, own),
        figures=page_figures,
        details=details,
        clips=clips,
        left_out=_left_out(budget.left_out),
        shared_origins=shared,
        other_origins=_other_origins(titles, names, values),
        printed=printed,
        answer=answer(board),
        chart=charts.board_chart(board, numbers, printed, name),
        repeats=METRICS[board.metric].repeats,
    )


def _read(board: Board) -> list[Result]:
    """The results of the board's entries; of those behind the best `MAX_MODULES` without their predictions.

    With 100 modules on a large task, all predictions together would not fit into memory.
    """
    results = []
    for number, entry in enumerate(board.entries):
        results.append(on_disk.read(entry.header.path, predictions=number < MAX_MODULES))
    return results


def _leaderboard_rows(section_name: str, board: Board, numbers: Sequence[int]) -> list[LeaderboardRow]:
    return [
        replace(
            _leaderboard_row(board.metric, entry, sum(better)),
            anchor=f"{section_name}-module-{place + 1}",
            key=lanes.key(number),
        )
        for place, (entry, better, number) in enumerate(
            zip(board.entries, board.significantly_better, numbers, strict=True)
        )
    ]


def _leaderboard_row(metric: str, entry: BoardEntry, n_worse: int) -> LeaderboardRow:
    result, shown = entry.result, METRICS[metric].shown
    has_rank = entry.rank is not None
    return LeaderboardRow(
        entry,
        "baseline" if entry.baseline else board_tables.ranks(entry),
        Amount(shown(result.score), _sorted_by(result.score)),
        Amount(METRICS[metric].interval(result.ci_low, result.ci_high, " – "), _sorted_by(result.ci_low)),
        Amount("–" if result.std is None else shown(result.std), result.std),
        Amount(str(n_worse) if has_rank else "–", n_worse if has_rank else None),
        " ".join(text.as_sentence(f"{each.text[:1].upper()}{each.text[1:]}") for each in result.caveats),
    )


def _sorted_by(value: float) -> float | None:
    return None if value != value else value


def _other_origins(titles: Sequence[str], names: Sequence[str], values: Sequence[Sequence[str]]) -> PageTable | None:
    """What differs, a row a fact and a column a module, since there are long values and many facts."""
    if not names:
        return None
    rows = [[name, *(row[n] for row in values)] for n, name in enumerate(names)]
    return PageTable("What differs between the modules", ["fact", *titles], rows)


def _left_out(names: Sequence[str]) -> list[str]:
    """A sentence about figures and clips for which too few bytes were left; none if there are none."""
    if not names:
        return []
    return [
        f"Left out, to keep this page small and quick: {', '.join(dict.fromkeys(names))}. A report of this task's results alone has them, "
        "or one of fewer modules; --format svg writes figures beside the page."
    ]


def _overall_figures(
    budget: PageBudget,
    board: Board,
    marked: Sequence[str],
    results: Sequence[Result],
    numbers: Sequence[int],
    fine_tuned: Mapping[str, str],
) -> list[PageFigure]:
    """Layers and shots, and scores beside the page; `marked` are the titles, (n_results,), with a dagger where there are caveats."""
    headers = [entry.result for entry in board.entries]
    ends = ([each.ci_low for each in headers], [each.ci_high for each in headers])
    values = [each.score for each in headers]
    if any(each == each for each in values):
        budget.beside("scores", partial(figures.scores, marked, values, *ends, board.metric, numbers))
    intervals = "its 95 % interval; a ring marks what the score is of."
    metric, way = begun(title_of(board.metric)), f"under {board.protocol} ({board.profile})"
    layers, chosen = "Layers." if curves.are_layers(results) else "Settings.", curves.chosen_in_words(marked, results)
    # Made only where the budget has room for them, but told as left out only where there is something to draw.
    of_layers = partial(curves.layer_curves, marked, results, numbers=numbers, fine_tuned=fine_tuned)
    of_shots = partial(curves.shot_curves, marked, results, numbers=numbers)
    return [
        *budget.draw(
            "layers",
            layers,
            f"{metric} of each {'layer' if layers == 'Layers.' else 'setting'} {way}, with {intervals} {chosen}".strip(),
            of_layers if any(map(points_by_features, results)) else None,
        ),
        *budget.draw(
            "shots",
            "Number of shots.",
            f"{metric} {way} with so many training clips of each class, the mean of many draws, with {intervals}",
            of_shots if any(map(points_by_shots, results)) else None,
        ),
    ]


def _classes(
    budget: PageBudget,
    titles: Sequence[str],
    results: Sequence[Result],
    numbers: Sequence[int],
    baseline: Sequence[bool],
) -> list[Details]:
    """The score of each class, and the confusions of the best that are no baselines."""
    best = results[:MAX_MODULES]
    measure = per_class.class_measure(results[0])
    if not measure:
        return []
    head, rows = per_class.class_rows(titles[: len(best)], best)
    budget.files.table(lambda kind: (head, rows), f"{budget.section}-classes")
    title = f"{measure.capitalize()} of each class"
    budget.beside("classes", partial(figures.recalls, titles[: len(best)], best, numbers))
    drawn = _chart(budget, f"{title}.", charts.class_chart(titles[: len(best)], best, numbers))
    details = [Details(title, (), [PageTable(f"{title} in %", head, rows, naming=1)], charts=drawn)]
    way = f"under {results[0].protocol} ({results[0].profile})"
    modules = [n for n in range(len(best)) if not baseline[n]] or [*range(len(best))]
    confusions: list[PageFigure] = []
    for number in modules[:_MAX_CONFUSIONS]:
        for kind, unit in ((_SHARE, f"in % of each true class, {way}"), (_COUNT, f"in clips, {way}")):
            name = f"confusion-{number + 1}-{kind}"
            figure = partial(figures.confusion, results[number], kind == _SHARE) if results[0].confusion else None
            drawings = budget.draw(name, f"{titles[number]}: confusions", unit, figure, narrow=False)
            confusions += [replace(each, kind=kind) for each in drawings]
    if confusions:
        of = f", by the best {_MAX_CONFUSIONS} of {len(results)} modules" if len(results) > _MAX_CONFUSIONS else ""
        switch = (_SHARE, _COUNT)
        details.append(Details(f"Which classes are taken for which{of}", confusions, paired=True, switch=switch))
    return details


def _chart(budget: PageBudget, title: str, chart: Chart | None) -> list[Chart]:
    """The chart, if the page has room for it."""
    return [chart] if chart and budget.take(chart.n_bytes, title.rstrip(".")) else []


def _groups(
    budget: PageBudget, titles: Sequence[str], results: Sequence[Result], numbers: Sequence[int]
) -> list[Details]:
    """Scores of each individual, site or recording, where the dataset knows them."""
    best = results[:MAX_MODULES]
    titles = titles[: len(best)]
    head, rows = per_group.group_rows(titles, best)
    if not rows:
        return []
    budget.files.table(lambda kind: (head, rows), f"{budget.section}-groups")
    measure = text.metric_name(per_group.measure_of(best[0]))
    budget.beside("groups", partial(figures.by_group, titles, best, numbers))
    drawn = _chart(budget, f"{measure} of each group", charts.group_chart(titles, best, numbers))
    summary = per_group.group_summary_rows(titles, best)
    tables = [PageTable(f"{measure} over {len(rows)} groups; --format csv has each one's", *summary)]
    if len(rows) <= _MAX_GROUPS:
        each_group = PageTable(f"{measure} of each group", head, rows)
        tables = [replace(tables[0], caption=f"{measure} over groups"), each_group]
    n_small = per_group.n_small_groups(best[0])
    has = "has" if n_small == 1 else "have"
    small = f"; {n_small} more {has} fewer than {per_group.MIN_CLIPS_OF_GROUP} test clips" if n_small else ""
    summary_line = f"Scores of {text.count_of(len(rows), 'group')} (recordings, individuals, sites){small}"
    return [Details(summary_line, (), tables, charts=drawn)]


def _lengths(budget: PageBudget, result: Result) -> list[Details]:
    figure = partial(figures.lengths, result) if any(map(len, result.test_seconds)) else None
    drawn = budget.draw("lengths", "Lengths", "of the test clips.", figure, narrow=False)
    return [Details("How long the clips are", drawn)] if drawn else []


def _failures(titles: Sequence[str], results: Sequence[Result]) -> list[Details]:
    """The clips that could not be used, and by which modules."""
    failed = text.failures(titles, results)
    if not failed:
        return []
    table = PageTable("Failures", ["clip", "why", "modules"], [list(each) for each in failed])
    return [Details(f"{text.count_of(len(failed), 'clip')} that could not be used", (), [table])]
