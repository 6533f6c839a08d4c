"""What `hear-eval reproduce` says and does: the plan as tables, its forecast, and running it up to the written tables."""

from collections.abc import Callable, Sequence
from typing import Any

from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment.options import RunOptions
from evaluator.files import finite
from evaluator.reproduction import running, written
from evaluator.reproduction.forecast import Forecast, forecast
from evaluator.reproduction.plan import Choices, Plan, Planned
from evaluator.reproduction.replacing import told_options
from evaluator.reproduction.running import Tell
from evaluator.reproduction.weights import told_bytes

Bar = Callable[[str, int], Callable[[int], object]]
Head = Sequence[str]
Rows = list[list[str]]


def options(choices: Choices, bar: Bar) -> RunOptions:
    """What a run needs beside the question."""
    return RunOptions(choices.data, choices.cache, choices.device, progress=bar)


def foresee(plan: Plan, choices: Choices, n: int | None, tell: Tell, bar: Bar, fetch: bool) -> list[Forecast]:
    """The forecast of every run that could begin now; none if no number of clips is given."""
    if n is None:
        return []
    return list(forecast(running.waiting(plan, fetch), n, options(choices, bar), tell))


def carry_out(plan: Plan, choices: Choices, tell: Tell, bar: Bar, fetch: bool) -> tuple[int, dict[str, str]]:
    """Run what can be run and write the tables, also after an interruption; gives the number of failures, and the texts.

    Raises:
        UsageError: Nothing can be run, and there is no result yet.
    """
    ready = running.waiting(plan, fetch)
    if not ready and not any(each.state == "done" for each in plan.runs.values()):
        raise UsageError(f"{plan.recipe.name}: no run has all that it needs; see what is missing with --plan")
    failures: list[str] = []

    def failed(name: str, error: Exception) -> None:
        tell(name, error)
        failures.append(name)

    try:
        for _ in running.run(plan, options(choices, bar), choices.out, failed, fetch):
            pass
    finally:
        shown = written.write(plan, choices.out)
    return len(failures), shown


def plan_tables(plan: Plan, foreseen: Sequence[Forecast]) -> list[tuple[Head, Rows]]:
    """The plan in words: every run, cells that cannot be, what is missing and how to get it, and totals."""
    listed = [each for each in plan.runs.values() if each.wanted]
    times = {id(each.planned): each for each in foreseen}
    runs = [
        [
            _named(each.run.spec),
            each.run.task.name,
            each.run.protocol.profile,
            each.state,
            "with another run" if key in plan.shared else told_bytes(each.bytes),
            *([_time(times[id(each)]) if id(each) in times else ""] if foreseen else []),
        ]
        for key, each in plan.runs.items()
        if each.wanted
    ]
    head = ["module", "task", "profile", "state", "embeddings", *(["time to embed"] if foreseen else [])]
    lacks = _missing(listed)
    impossible = {(table, row, column): why for (table, row, column, _), why in plan.why_not.items()}
    cannot = [[f"{table}: {row}", column, why] for (table, row, column), why in impossible.items()]
    tables = [
        (head, runs),
        (("row", "column", "cannot be, because"), cannot),
        (("missing", "for runs"), [[what, str(n)] for what, n in lacks.items()]),
        (("total", ""), _totals(plan, listed, foreseen)),
    ]
    return [(head, rows) for head, rows in tables if rows]


def _missing(listed: Sequence[Planned]) -> dict[str, int]:
    """What is missing, each thing once, with the number of runs that wait for it; done runs wait for nothing."""
    found: dict[str, int] = {}
    for each in listed:
        for what in each.lacks if each.score is None else []:
            found[what] = found.get(what, 0) + 1
    return dict(sorted(found.items()))


def _totals(plan: Plan, listed: Sequence[Planned], foreseen: Sequence[Forecast]) -> Rows:
    """How much there is of everything."""
    states: dict[str, int] = {}
    for each in listed:
        states[each.state] = states.get(each.state, 0) + 1
    n_cells = sum(len(table.rows) * len(table.columns) for table in plan.recipe.tables)
    n_fused = sum(bool(row.fuse) * len(table.columns) for table in plan.recipe.tables for row in table.rows.values())
    n_cannot = len({place[:3] for place in plan.why_not})
    stored = sum(each.bytes for key, each in plan.runs.items() if each.wanted and key not in plan.shared)
    unknown = sum(not each.bytes for each in listed)
    without = f", without {unknown} runs of which it is not known" if unknown else ""
    rows = [
        ["cells", f"{n_cells}: {n_cells - n_fused - n_cannot} run, {n_fused} fused of others, {n_cannot} cannot be"],
        [
            "runs",
            f"{len(listed)} in {len(plan.recipe.profiles)} profiles: {', '.join(f'{n} {what}' for what, n in states.items())}",
        ],
        ["embeddings on disk", told_bytes(stored) + without],
    ]
    if foreseen:
        seconds = sum(each.seconds for each in foreseen)
        what = f"{_duration(seconds)} for the {len(foreseen)} that could begin now, training not counted"
        rows.append(["time to embed", what])
    return rows


def _named(spec: ModuleSpec) -> str:
    return f"{spec.name} with {told_options(spec.options)}" if spec.options else spec.name


def _time(each: Forecast) -> str:
    if not each.n_measured:
        return "stored, as far as drawn"
    return f"{_duration(each.seconds)} (from {each.n_measured} of {each.n_clips} clips)"


def _duration(seconds: float) -> str:
    """A time in words.

    >>> duration(5400)
    'about 1.5 h'
    """
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"about {seconds / size:.2g} {unit}"
    return f"about {seconds:.2g} s"


def plan_as_plain(plan: Plan, foreseen: Sequence[Forecast]) -> dict[str, Any]:
    """The plan as plain values, for `--json`."""
    times = {id(each.planned): each.seconds for each in foreseen}
    runs = [
        {
            "module": each.run.spec.name,
            "weights": each.run.spec.weights,
            "options": dict(each.run.spec.options),
            "task": each.run.task.name,
            "profile": each.run.protocol.profile,
            "rows": each.rows,
            "state": each.state,
            "missing": each.lacks,
            "clips": each.n_clips,
            "embedding_bytes": each.bytes,
            "shares_embeddings": key in plan.shared,
            "embed_seconds": times.get(id(each)),
            "result": str(each.score.path) if each.score else None,
        }
        for key, each in plan.runs.items()
        if each.wanted
    ]
    cannot = [
        dict(zip(("table", "row", "column", "profile"), place, strict=True), why=why)
        for place, why in plan.why_not.items()
    ]
    said: dict[str, Any] = finite(
        {"paper": plan.recipe.name, "protocol": plan.recipe.protocol, "runs": runs, "cannot": cannot}
    )
    return said
