"""What `hear-eval reproduce` does and prints: the plan as tables, its forecast, and running it up to the written tables."""

from collections.abc import Callable, Sequence
from typing import Any

from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment.options import RunOptions
from evaluator.files import finite
from evaluator.reproduction import running, written
from evaluator.reproduction.forecast import Forecast, forecast
from evaluator.reproduction.plan import Plan, PlannedRun, ReproductionOptions
from evaluator.reproduction.replacing import describe_options
from evaluator.reproduction.running import OnFailure
from evaluator.reproduction.weights import about

ProgressBar = Callable[[str, int], Callable[[int], object]]
TableHead = Sequence[str]
TableRows = list[list[str]]


def _run_options(options: ReproductionOptions, bar: ProgressBar) -> RunOptions:
    """Of the options of a reproduction those that every run takes."""
    return RunOptions(options.data, options.cache, options.device, progress=bar, rehash=options.rehash)


def forecast_plan(
    plan: Plan, options: ReproductionOptions, n: int | None, on_failure: OnFailure, bar: ProgressBar, fetch: bool
) -> list[Forecast]:
    """The forecast, in seconds to embed, of every run that could begin now; none if `n` clips of each is None."""
    if n is None:
        return []
    return list(forecast(running.runnable(plan, fetch), n, _run_options(options, bar), on_failure))


def run_plan(
    plan: Plan, options: ReproductionOptions, on_failure: OnFailure, bar: ProgressBar, fetch: bool
) -> tuple[int, dict[str, str]]:
    """Run what can be run and write the tables (n_rows, n_columns), also after an interruption.

    Returns:
        The number of failures, and each written file's text by its path.

    Raises:
        UsageError: Nothing can be run, and there is no result yet.
    """
    ready = running.runnable(plan, fetch)
    if not ready and not any(each.state == "done" for each in plan.runs.values()):
        raise UsageError(f"{plan.recipe.name}: no run has all that it needs; see what is missing with --plan")
    failures: list[str] = []

    def count_failure(name: str, error: Exception) -> None:
        on_failure(name, error)
        failures.append(name)

    try:
        for _ in running.run(plan, _run_options(options, bar), options.out, count_failure, fetch):
            pass
    finally:
        texts = written.write(plan, options.out)
    return len(failures), texts


def plan_tables(plan: Plan, forecasts: Sequence[Forecast]) -> list[tuple[TableHead, TableRows]]:
    """The plan as tables: every run, cells that cannot be, what is missing and how to get it, and totals.

    With forecasts also the time that embedding takes, from seconds to days.
    """
    listed = [each for each in plan.runs.values() if each.selected]
    times = {id(each.planned): each for each in forecasts}
    runs = [
        [
            _describe_module(each.run.spec),
            each.run.task.name,
            each.run.protocol.profile,
            each.state,
            "with another run" if key in plan.shared else about(each.bytes),
            *([_describe_time(times[id(each)]) if id(each) in times else ""] if forecasts else []),
        ]
        for key, each in plan.runs.items()
        if each.selected
    ]
    head = ["module", "task", "profile", "state", "embeddings", *(["time to embed"] if forecasts else [])]
    lacks = _count_missing(listed)
    impossible = {(table, row, column): why for (table, row, column, _), why in plan.why_not.items()}
    cannot = [[f"{table}: {row}", column, why] for (table, row, column), why in impossible.items()]
    tables = [
        (head, runs),
        (("row", "column", "cannot be, because"), cannot),
        (("missing", "for runs"), [[what, str(n)] for what, n in lacks.items()]),
        (("total", ""), _totals(plan, listed, forecasts)),
    ]
    return [(head, rows) for head, rows in tables if rows]


def _count_missing(listed: Sequence[PlannedRun]) -> dict[str, int]:
    """What is missing, each thing once, with the number of runs that wait for it; done runs wait for nothing."""
    counts: dict[str, int] = {}
    for each in listed:
        for what in each.lacks if each.score is None else []:
            counts[what] = counts.get(what, 0) + 1
    return dict(sorted(counts.items()))


def _totals(plan: Plan, listed: Sequence[PlannedRun], forecasts: Sequence[Forecast]) -> TableRows:
    """How much there is of everything."""
    states: dict[str, int] = {}
    for each in listed:
        states[each.state] = states.get(each.state, 0) + 1
    n_cells = sum(len(table.rows) * len(table.columns) for table in plan.recipe.tables)
    n_fused = sum(bool(row.fuse) * len(table.columns) for table in plan.recipe.tables for row in table.rows.values())
    n_cannot = len({cell[:3] for cell in plan.why_not})
    stored = sum(each.bytes for key, each in plan.runs.items() if each.selected and key not in plan.shared)
    unknown = sum(not each.bytes for each in listed)
    without = f", without {unknown} runs of which it is not known" if unknown else ""
    rows = [
        ["cells", f"{n_cells}: {n_cells - n_fused - n_cannot} run, {n_fused} fused of others, {n_cannot} cannot be"],
        [
            "runs",
            f"{len(listed)} in {len(plan.recipe.profiles)} profiles: {', '.join(f'{n} {what}' for what, n in states.items())}",
        ],
        ["embeddings on disk", about(stored) + without],
    ]
    if forecasts:
        seconds = sum(each.seconds for each in forecasts)
        what = f"{_duration(seconds)} for the {len(forecasts)} that could begin now, training not counted"
        rows.append(["time to embed", what])
    return rows


def _describe_module(spec: ModuleSpec) -> str:
    return f"{spec.name} with {describe_options(spec.options)}" if spec.options else spec.name


def _describe_time(each: Forecast) -> str:
    if not each.n_measured:
        return "stored, as far as drawn"
    return f"{_duration(each.seconds)} (from {each.n_measured} of {each.n_clips} clips)"


def _duration(seconds: float) -> str:
    """A time in words.

    >>> _duration(5400)
    'about 1.5 h'
    """
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"about {seconds / size:.2g} {unit}"
    return f"about {seconds:.2g} s"


def plan_as_plain(plan: Plan, forecasts: Sequence[Forecast]) -> dict[str, Any]:
    """The plan as plain values for `--json`; times in seconds, sizes in bytes."""
    times = {id(each.planned): each.seconds for each in forecasts}
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
        if each.selected
    ]
    cannot = [
        dict(zip(("table", "row", "column", "profile"), cell, strict=True), why=why)
        for cell, why in plan.why_not.items()
    ]
    document: dict[str, Any] = finite(
        {"paper": plan.recipe.name, "protocol": plan.recipe.protocol, "runs": runs, "cannot": cannot}
    )
    return document
