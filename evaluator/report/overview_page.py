"""The overview as the page shows it: modules as rows, or tasks as rows where these are more, with the means of suites."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from evaluator.report import charts, lanes
from evaluator.report.lanes import LaneScale
from evaluator.report.overview import ModuleRow, Overview
from evaluator.report.page import LeaderboardRow, OverviewRow, Section, TaskGroup, TaskRow
from evaluator.report.page_parts import Amount
from evaluator.report.published import DOUBLE_DAGGER, PrintedRow
from evaluator.results.caveats import DAGGER
from evaluator.scoring.metrics import METRICS

_PERCENT = LaneScale(0, 100, (0, 25, 50, 75, 100))
_MAX_COLUMNS = 12  # modules beside each other in a table of tasks


def tasks_are_rows(everything: Overview) -> bool:
    """Whether there are more tasks than modules, and few enough modules to stand beside each other."""
    return len(everything.rows) < len(everything.boards) and len(everything.rows) <= _MAX_COLUMNS


def rows(everything: Overview, built: Sequence[Section], numbers: Mapping[str, int]) -> list[OverviewRow]:
    """A row a module, (n_modules,), with its cell in each section, (n_sections,)."""
    return [_row(row, built, numbers[row.header.variant]) for row in everything.rows]


def _row(row: ModuleRow, built: Sequence[Section], number: int) -> OverviewRow:
    cells = [_cell(row, place, section) for place, section in enumerate(built)]
    rank = Amount("–" if row.mean_rank is None else f"{row.mean_rank:.1f}", row.mean_rank)
    return OverviewRow(row.title, cells, row.n_present, rank, lanes.key(number))


def _cell(row: ModuleRow, place: int, section: Section) -> LeaderboardRow | None:
    entry = row.entries[place]
    return next((each for each in section.rows if each.entry is entry), None) if entry else None


def task_groups(
    everything: Overview, built: Sequence[Section], numbers: Mapping[str, int]
) -> tuple[list[TaskGroup], str]:
    """Suites with their tasks, (n_suites,), and the axis of the lanes; scores in percent are on the axis, others have no lane."""
    several = len({(board.protocol, board.profile) for board in everything.boards}) > 1
    places: dict[str, list[int]] = defaultdict(list)
    for place, board in enumerate(everything.boards):
        suite = board.task.rpartition("/")[0] or "own data"
        places[f"{suite}: protocol {board.protocol}, profile {board.profile}" if several else suite].append(place)
    variants = [row.header.variant for row in everything.rows]
    groups = []
    for title, own in places.items():
        tasks = []
        for place in own:
            board = everything.boards[place]
            percent = METRICS[board.metric].unit == "%"
            tasks.append(
                TaskRow(built[place], place, charts.task_lane(board, numbers, _PERCENT, variants) if percent else "")
            )
        groups.append(TaskGroup(title, tasks, _means(everything, own)))
    return groups, lanes.axis(_PERCENT, "%")


def _means(everything: Overview, places: Sequence[int]) -> list[Amount]:
    """The mean over a suite of several tasks in percent of each module that has them all, (n_modules,); none for other suites."""
    if len(places) < 2 or any(METRICS[everything.boards[place].metric].unit != "%" for place in places):
        return []
    means = []
    for row in everything.rows:
        entries = [entry for place in places if (entry := row.entries[place])]
        scores = [entry.result.score for entry in entries]
        complete = len(scores) == len(places) and all(score == score for score in scores)
        value = 100 * fmean(scores) if complete else None
        sign = DAGGER if any(entry.withheld for entry in entries) else ""
        means.append(Amount("–" if value is None else f"{value:.1f}{sign}", value))
    return means


def caption(everything: Overview, printed: Sequence[PrintedRow]) -> str:
    """What is in the cells of the overview, and no more than that."""
    entries = [entry for row in everything.rows for entry in row.entries]
    has_ranks = any(entry and entry.rank for entry in entries)
    return "".join(
        [
            f"Scores with 95 % intervals{' and ranks' if has_ranks and not tasks_are_rows(everything) else ''}.",
            " The best of each task and its ties are bold." if has_ranks else "",
            f" {DAGGER} leads to a caveat." if any(entry and entry.result.caveats for entry in entries) else "",
            " A dash stands for a missing result." if None in entries else "",
            " Below, in italics: what papers print, neither measured here nor ranked." if printed else "",
            f" {DOUBLE_DAGGER} answers another question; each task says which."
            if any(row.others for row in printed)
            else "",
        ]
    )
