"""A table reproduced: three numbers a cell (printed, ours as published, ours clean), what differs marked, and why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.errors import EvaluationError, UsageError
from evaluator.reproduction.finished import FinishedScore, score_of
from evaluator.reproduction.plan import Plan
from evaluator.reproduction.recipe import RecipeRow, RecipeTable
from evaluator.reproduction.replacing import is_replaced
from evaluator.results import fusion, on_disk

PERCENT = 100
MARK = "*"
# Caveats that falsify a comparison with the printed number: it was of all clips, each time the same. A module that knew the recordings,
# or a layer chosen on the test clips, is what the paper has as well.
NOT_AS_PRINTED = ("partial_data", "failed_clips", "unrepeatable", "channels_cancel", "dead_channels", "time_expansion")


@dataclass(frozen=True)
class OurScore:
    """Our number of a cell in one profile: a score from 0 to 1 with its interval.

    score: None where there is none.
    why_not: Why there is none, in short; "" if there is one.
    n_fused, n_rows: Of a fusion, how many of its rows were there; 0 for others.
    """

    score: FinishedScore | None
    why_not: str = ""
    n_fused: int = 0
    n_rows: int = 0


@dataclass(frozen=True)
class Cell:
    """One cell of a table (n_rows, n_columns): the printed number as text, "" for none, and ours in each profile.

    module, options: Behind the row; "" and none for a fusion and a row that cannot be.
    other_module: Whether the module, or one of a row of the fusion, is not the recipe's; ours and the printed number are not compared then.
    differs: Whether the printed number lies outside the interval of ours, by more than its rounding, by profile.
    """

    row: str
    column: str
    module: str
    options: Mapping[str, Any]
    other_module: bool
    printed: str
    ours: Mapping[str, OurScore]
    differs: Mapping[str, bool]


def is_outside(printed: str, score: FinishedScore) -> bool:
    """Whether a printed percentage lies outside a score's 95 % interval (0 to 1) by more than half its last digit.

    >>> is_outside("64.4", FinishedScore(0.60, 0.55, 0.6435, "", Path("x")))
    False
    >>> is_outside("64.4", FinishedScore(0.60, 0.55, 0.6434, "", Path("x")))
    True
    """
    half = 0.5 * 10.0 ** -decimals(printed)
    value, slack = float(printed), half * (1 + 1e-9)
    return value < PERCENT * score.low - slack or value > PERCENT * score.high + slack


def decimals(printed: str) -> int:
    """Digits after the point; 1 for no number."""
    return len(printed.partition(".")[2]) if printed else 1


def make_cells(plan: Plan, table: RecipeTable, out: Path) -> list[Cell]:
    """The cells (n_rows, n_columns) of a table in one list, row by row.

    Fusions are made of the results that there are, and written.

    Args:
        plan: The plan, its runs marked as far as they are done.
        table: One of its recipe's tables.
        out: Folder of results.
    """
    cells = []
    for name, row in table.rows.items():
        replaced = is_replaced(table, name)
        for column in table.columns:
            ours = {
                profile: _our_score(plan, table, name, row, column, profile, out) for profile in plan.recipe.profiles
            }
            printed = table.printed.get((name, column), "")
            differs = {profile: not replaced and _differs(printed, each) for profile, each in ours.items()}
            cells.append(Cell(name, column, row.module, row.options, replaced, printed, ours, differs))
    return cells


def _differs(printed: str, ours: OurScore) -> bool:
    """Whether a printed number lies outside ours; where ours is of a part only, or no honest one, they cannot be compared."""
    if not printed or ours.score is None or ours.score.part or ours.n_fused < ours.n_rows:
        return False
    if any(each.kind in NOT_AS_PRINTED for each in ours.score.caveats):
        return False
    return not math.isnan(ours.score.low) and is_outside(printed, ours.score)


def _our_score(
    plan: Plan, table: RecipeTable, name: str, row: RecipeRow, column: str, profile: str, out: Path
) -> OurScore:
    cell = (table.name, name, column, profile)
    if cell in plan.why_not:
        return OurScore(None, plan.why_not[cell])
    if row.fuse:
        return _fuse_rows(plan, table, row.fuse, column, profile, out)
    planned = plan.runs[plan.cells[cell]]
    others = "not run beside --add" if any(each.added for each in table.rows.values()) else "not among those of --only"
    waits = "not run yet" if planned.selected else others
    why_not = planned.failure or (waits if planned.state == "ready" else planned.state)
    return OurScore(planned.score, "" if planned.score else why_not)


def _fuse_rows(
    plan: Plan, table: RecipeTable, members: Sequence[str], column: str, profile: str, out: Path
) -> OurScore:
    """The fusion of those rows that have a result; a run that stands behind several rows counts once."""
    keys = [plan.cells.get((table.name, member, column, profile), "") for member in members]
    scores = [plan.runs[key].score for key in keys if key]
    paths = list(dict.fromkeys(score.path for score in scores if score))
    if len(paths) < 2:
        return OurScore(
            None, f"fusion of {len(members)} rows, of which {len(paths)} {'is' if len(paths) == 1 else 'are'} there"
        )
    try:
        fused = fusion.fuse([on_disk.read(path) for path in paths])
    except (UsageError, EvaluationError) as error:
        return OurScore(None, str(error))
    part = next(score.part for score in scores if score)
    return OurScore(score_of(fused, on_disk.write(fused, out), part), "", len(paths), len(members))
