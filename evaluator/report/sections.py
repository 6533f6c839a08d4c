"""A section of the page: all about one board, within its share of the page's bytes; what does not fit is named."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from evaluator.report import bills, board_tables, curves, figures, per_class, per_group, published, text
from evaluator.report.board import Board, BoardEntry
from evaluator.report.budget import PageBudget
from evaluator.report.clips import ClipOptions, clip_list
from evaluator.report.curve_points import points_by_features, points_by_shots
from evaluator.report.drawing import MAX_MODULES
from evaluator.report.page import Amount, Details, LeaderboardRow, PageFigure, PageTable, Section
from evaluator.report.published import PrintedRow
from evaluator.results import on_disk
from evaluator.results.caveats import DAGGER, mark
from evaluator.results.result import Result
from evaluator.scoring.metrics import METRICS

_MAX_CONFUSIONS = 4  # modules, best first: eight drawings are as many as a reader looks through
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
) -> Section:
    """The section of a board.

    Args:
        name: Its anchor.
        title: Its heading.
        board: With entries, (n_entries,), one at least.
        budget: The bytes that it may fill; puts figures where they go.
        clip_options: Which clips are wanted, and where their sounds lie.
        printed: Numbers of papers that stand below the leaderboard's own, (n_printed,).
    """
    results = _read(board)
    titles = [entry.title for entry in board.entries]
    marked = [f"{title} {mark(each.caveats)}".strip() for title, each in zip(titles, results, strict=True)]
    page_figures = _overall_figures(budget, board, marked, results)
    details = [*_classes(budget, marked, results), *_groups(budget, marked, results), *_lengths(budget, results[0])]
    clips = clip_list(marked[:MAX_MODULES], results[:MAX_MODULES], budget, clip_options)
    failed = text.failures(titles, results)
    if failed:
        table = PageTable("Failures", ["clip", "why", "modules"], [list(each) for each in failed])
        details.append(Details(f"{text.count_of(len(failed), 'clip')} that could not be used", (), [table]))
    details += bills.details(titles, results)
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
        rows=_leaderboard_rows(board),
        figures=page_figures,
        details=details,
        clips=clips,
        left_out=_left_out(budget.left_out),
        shared_origins=shared,
        other_origins=_other_origins(titles, names, values),
        printed=printed,
    )


def _read(board: Board) -> list[Result]:
    """The results of the board's entries; of those behind the best `MAX_MODULES` without their predictions.

    With 100 modules on a large task, all predictions together would not fit into memory.
    """
    results = []
    for number, entry in enumerate(board.entries):
        results.append(on_disk.read(entry.header.path, predictions=number < MAX_MODULES))
    return results


def _leaderboard_rows(board: Board) -> list[LeaderboardRow]:
    return [
        _leaderboard_row(board.metric, entry, sum(better))
        for entry, better in zip(board.entries, board.significantly_better, strict=True)
    ]


def _leaderboard_row(metric: str, entry: BoardEntry, n_worse: int) -> LeaderboardRow:
    result, shown = entry.result, METRICS[metric].shown
    has_rank = entry.rank is not None
    return LeaderboardRow(
        entry,
        board_tables.ranks(entry),
        Amount(shown(result.score), _sorted_by(result.score)),
        Amount(METRICS[metric].interval(result.ci_low, result.ci_high, " – "), _sorted_by(result.ci_low)),
        Amount("–" if result.std is None else shown(result.std), result.std),
        Amount(str(n_worse) if has_rank else "–", n_worse if has_rank else None),
        " ".join(text.as_sentence(f"{each.text[:1].upper()}{each.text[1:]}") for each in result.caveats),
    )


def _order(board: Board) -> str:
    if len(board.entries) < 2:
        return ""
    return f", best first{', those without a rank below' if any(each.withheld for each in board.entries) else ''}"


def _sorted_by(value: float) -> float | None:
    return None if value != value else value


def _other_origins(titles: Sequence[str], names: Sequence[str], values: Sequence[Sequence[str]]) -> PageTable | None:
    if not names:
        return None
    rows = [[title, *row] for title, row in zip(titles, values, strict=True)]
    return PageTable("What differs between the modules", ["module", *names], rows)


def _left_out(names: Sequence[str]) -> list[str]:
    """A sentence about figures and clips for which too few bytes were left; none if there are none."""
    if not names:
        return []
    return [
        f"Left out, to keep this page small and quick: {', '.join(dict.fromkeys(names))}. A report of this task's results alone has them, "
        "or one of fewer modules; --format svg writes figures beside the page."
    ]


def _overall_figures(
    budget: PageBudget, board: Board, marked: Sequence[str], results: Sequence[Result]
) -> list[PageFigure]:
    """Scores, layers and shots; `marked` are the titles, (n_results,), with a dagger where there are caveats."""
    headers = [entry.result for entry in board.entries]
    ends = ([each.ci_low for each in headers], [each.ci_high for each in headers])
    caveat = f" {DAGGER} has a caveat, above." if any(each.caveats for each in headers) else ""
    intervals = "its 95 % interval; a ring marks what the score is of."
    layers = "Layers." if curves.are_layers(results) else "Settings."
    # Made only where the budget has room for them, but told as left out only where there is something to draw.
    scores = partial(figures.scores, marked, [each.score for each in headers], *ends, board.metric)
    of_layers, of_shots = partial(curves.layer_curves, marked, results), partial(curves.shot_curves, marked, results)
    return [
        *budget.draw(
            "scores",
            "Scores",
            f"with their 95 % intervals{_order(board)}.{caveat}",
            None if all(each.score != each.score for each in headers) else scores,
        ),
        *budget.draw(
            "layers",
            layers,
            f"The score of each {'layer' if layers == 'Layers.' else 'setting'}, with {intervals}",
            of_layers if any(map(points_by_features, results)) else None,
        ),
        *budget.draw(
            "shots",
            "Number of shots.",
            f"The score with so many training clips of each class, the mean of many draws, with {intervals}",
            of_shots if any(map(points_by_shots, results)) else None,
        ),
    ]


def _classes(budget: PageBudget, titles: Sequence[str], results: Sequence[Result]) -> list[Details]:
    """The score of each class, and the confusions of the best."""
    best = results[:MAX_MODULES]
    measure = per_class.class_measure(results[0])
    if not measure:
        return []
    head, rows = per_class.class_rows(titles[: len(best)], best)
    budget.files.table(lambda kind: (head, rows), f"{budget.section}-classes")
    title = f"{measure.capitalize()} of each class"
    figure = partial(figures.recalls, titles[: len(best)], best)
    drawn = budget.draw("classes", f"{title}.", _of_best(best, results), figure)
    details = [Details(title, drawn, [PageTable(f"{title} in %", head, rows, naming=1)])]
    confusions: list[PageFigure] = []
    for number, result in enumerate(results[:_MAX_CONFUSIONS]):
        for normalised, unit in ((True, "in % of each true class"), (False, "in clips")):
            name = f"confusion-{number + 1}-{'share' if normalised else 'count'}"
            confusions += budget.draw(
                name, f"{titles[number]}: confusions", unit, partial(figures.confusion, result, normalised)
            )
    if confusions:
        of = f", by the best {_MAX_CONFUSIONS} of {len(results)} modules" if len(results) > _MAX_CONFUSIONS else ""
        details.append(Details(f"Which classes are taken for which{of}", confusions, paired=True))
    return details


def _groups(budget: PageBudget, titles: Sequence[str], results: Sequence[Result]) -> list[Details]:
    """Scores of each individual, site or recording, where the dataset knows them."""
    best = results[:MAX_MODULES]
    titles = titles[: len(best)]
    head, rows = per_group.group_rows(titles, best)
    if not rows:
        return []
    budget.files.table(lambda kind: (head, rows), f"{budget.section}-groups")
    measure = text.metric_name(per_group.measure_of(best[0]))
    figure = partial(figures.by_group, titles, best)
    drawn = budget.draw("groups", f"{measure} of each group.", _of_best(best, results), figure)
    summary = per_group.group_summary_rows(titles, best)
    tables = [PageTable(f"{measure} over {len(rows)} groups; --format csv has each one's", *summary)]
    if len(rows) <= _MAX_GROUPS:
        each_group = PageTable(f"{measure} of each group", head, rows)
        tables = [replace(tables[0], caption=f"{measure} over groups"), each_group]
    n_small = per_group.n_small_groups(best[0])
    has = "has" if n_small == 1 else "have"
    small = f"; {n_small} more {has} fewer than {per_group.MIN_CLIPS_OF_GROUP} test clips" if n_small else ""
    return [Details(f"Scores of {len(rows)} groups (recordings, individuals, sites){small}", drawn, tables)]


def _lengths(budget: PageBudget, result: Result) -> list[Details]:
    figure = partial(figures.lengths, result) if any(map(len, result.test_seconds)) else None
    drawn = budget.draw("lengths", "Lengths", "of the test clips.", figure)
    return [Details("How long the clips are", drawn)] if drawn else []


def _of_best(best: Sequence[Result], results: Sequence[Result]) -> str:
    return f"The best {len(best)} of {len(results)} modules." if len(best) < len(results) else ""
