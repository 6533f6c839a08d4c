"""What `hear-eval reproduce` does and prints: the plan as tables, its forecast, and running it up to the written tables."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from evaluator.embedding import workers as other_processes
from evaluator.embedding.embed import Workers
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment.forecast import Forecast
from evaluator.experiment.options import RunOptions
from evaluator.files import finite
from evaluator.reproduction import running, written
from evaluator.reproduction.plan import Plan, PlannedRun, ReproductionOptions
from evaluator.reproduction.replacing import describe_options
from evaluator.reproduction.running import OnFailure
from evaluator.reproduction.weights import about

ProgressBar = Callable[[str, int], Callable[[int], object]]
TableHead = Sequence[str]
TableRows = list[list[str]]
Forecasts = list[tuple[PlannedRun, Forecast]]


def _run_options(options: ReproductionOptions, bar: ProgressBar, workers: Workers | None = None) -> RunOptions:
    """Of the options of a reproduction those that every run takes."""
    places = options.data, options.cache, options.device
    return RunOptions(*places, progress=bar, rehash=options.rehash, workers=workers)


def forecast_plan(
    plan: Plan, options: ReproductionOptions, on_failure: OnFailure, bar: ProgressBar, fetch: bool
) -> Forecasts:
    """The forecast of every run that could begin now: clips, bytes, and seconds to embed by a trial."""
    return list(running.forecasts(plan, _run_options(options, bar), on_failure, fetch))


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

    pool = other_processes.hired(options.workers, options.ray)
    try:
        with pool or contextlib.nullcontext():
            for _ in running.run(plan, _run_options(options, bar, pool), options.out, count_failure, fetch):
                pass
    finally:
        texts = written.write(plan, options.out)
    return len(failures), texts


def plan_tables(plan: Plan, forecasts: Forecasts) -> list[tuple[TableHead, TableRows]]:
    """The plan as tables: every run, cells that cannot be, what is missing and how to get it, and totals.

    With forecasts also the time that embedding takes, from seconds to days.
    """
    listed = [each for each in plan.runs.values() if each.selected]
    times = {id(planned): each for planned, each in forecasts}
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


def _totals(plan: Plan, listed: Sequence[PlannedRun], forecasts: Forecasts) -> TableRows:
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
        trials = [each.trial for _, each in forecasts if each.trial is not None]
        untried = f", {len(forecasts) - len(trials)} could not be tried" if len(trials) < len(forecasts) else ""
        opened = {planned.run.spec.name: each.open_processor or 0.0 for planned, each in forecasts}
        what = (
            f"{_duration(sum(trial.wall.mean for trial in trials))} for the {len(trials)} that could begin now{untried}"
        )
        rows.append(["time to embed", f"{what}; {_duration(sum(opened.values()))} to open modules; probes not counted"])
    return rows


def _describe_module(spec: ModuleSpec) -> str:
    return f"{spec.name} with {describe_options(spec.options)}" if spec.options else spec.name


def _describe_time(each: Forecast) -> str:
    trial = each.trial
    if trial is None:
        return f"not tried: {each.why}"
    if not trial.n_tried:
        return "stored, or counted above"
    span = f"{_duration(trial.wall.low)} to {_duration(trial.wall.high)}".replace("about ", "")
    return f"{_duration(trial.wall.mean)} ({span}, from {trial.n_tried} of {each.n_clips} clips)"


def _duration(seconds: float) -> str:
    """A time in words.

    >>> _duration(5400)
    'about 1.5 h'
    """
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"about {seconds / size:.2g} {unit}"
    return f"about {seconds:.2g} s"


def plan_as_plain(plan: Plan, forecasts: Forecasts) -> dict[str, Any]:
    """The plan as plain values for `--json`; times in seconds, sizes in bytes."""
    times = {id(planned): each.trial.wall.mean for planned, each in forecasts if each.trial is not None}
    told = {id(planned): asdict(each) for planned, each in forecasts}
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
            "forecast": told.get(id(each)),
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
