"""Which runs make a paper's tables, and what each still lacks: weights, data, another interpreter.

A cell of a table is a run in each of the recipe's profiles. Rows that are the same run in several tables are one run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from evaluator import schema
from evaluator.datasets.task import Task
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from evaluator.experiment.setup import adapted, clip_rule
from evaluator.probes import protocol
from evaluator.probes.protocol import Protocol
from evaluator.reproduction import adding, finished, replacing, weights
from evaluator.reproduction.finished import FinishedScore, Run
from evaluator.reproduction.recipe import Recipe, RecipeTable
from evaluator.reproduction.replacing import Replacement
from evaluator.reproduction.task_data import DataOnDisk
from evaluator.reproduction.weights import ModuleWeights

CellKey = tuple[str, str, str, str]  # table, row, column, profile


@dataclass(frozen=True)
class ReproductionOptions:
    """What a user may choose about reproducing tables.

    Attributes:
        data: Where the datasets lie; None if nowhere.
        cache, out: Folders of embeddings and results.
        weights: A folder with weights under the names of modules; None for none.
        use: Patterns of printed rows, each with the module and options that stand for them instead.
        python: Patterns of printed rows, each with the interpreter that has their module.
        device: What modules and probes run on.
        tables: Names of those that are made; all if empty.
        rehash: Whether to read every file anew, whatever is remembered of it.
        add: Modules that get rows of their own; where there are some and no `name_parts`, only these are run.
        name_parts: Parts of names of modules, rows and tasks; if there are some, runs without any of them are not run.
        workers, ray: Other processes that embed at the same time, as in `run`.
    """

    data: Path | None
    cache: Path
    out: Path
    weights: Path | None = None
    use: Mapping[str, Replacement] = field(default_factory=dict)
    python: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    tables: Sequence[str] = ()
    name_parts: Sequence[str] = ()
    rehash: bool = False
    add: Sequence[Replacement] = ()
    workers: int | str = ""
    ray: str = ""


@dataclass
class PlannedRun:
    """One run, where it stands in the tables, and how far it is.

    Attributes:
        run: The run.
        rows: The printed rows that it serves, each as `table: row`.
        lacks: What is missing, each a sentence that begins with weights:, data: or environment:.
        n_clips: Of the data on disk, else as published; 0 if not known.
        hours: Of audio, as published; 0 if not known.
        bytes: Size of its embeddings, about; 0 if not known.
        selected: Whether it is among those that `--only` names; all are without it.
        score: Of its result, once there is one.
        failure: Why it failed, if it was tried.
        passed_over: A sentence for each result in its place that cannot be taken.
    """

    run: Run
    rows: list[str]
    lacks: list[str]
    n_clips: int
    hours: float
    bytes: int
    selected: bool = True
    score: FinishedScore | None = None
    failure: str = ""
    passed_over: Sequence[str] = ()

    @property
    def state(self) -> str:
        """done, failed, ready, or what is missing."""
        if self.score is not None:
            return "done"
        if self.failure:
            return "failed"
        kinds = list(dict.fromkeys(each.partition(":")[0] for each in self.lacks))
        return f"missing {' and '.join(kinds)}" if kinds else "ready"


@dataclass(frozen=True)
class Plan:
    """The tables of a recipe as they will be made: the run behind each cell of (n_rows, n_columns, n_profiles).

    Attributes:
        recipe: With the modules of the user's choice in it, and only the tables that the user named.
        runs: Every run by its key, in the order of the tables.
        cells: The run's key behind each cell; a fusion's and an impossible one's are not there.
        why_not: The reason for each cell that cannot be.
        shared: For each run that embeds clips which another one embeds too, the key of that one.
    """

    recipe: Recipe
    runs: Mapping[str, PlannedRun]
    cells: Mapping[CellKey, str]
    why_not: Mapping[CellKey, str]
    shared: Mapping[str, str]


def make_plan(recipe: Recipe, options: ReproductionOptions) -> Plan:
    """The plan of a recipe: a run for each cell of its tables (n_rows, n_columns) and profile.

    It reads lists of clips and names of files, no audio, no weights, and nothing from the net.

    Raises:
        UsageError: A choice names a table, row, module or task that the recipe does not have.
    """
    module_weights = weights.read_module_weights()
    recipe = _apply_options(recipe, options, module_weights)
    data, tasks = DataOnDisk(options.data, options.cache), _RecipeTasks(recipe)
    runs: dict[str, PlannedRun] = {}
    cells: dict[CellKey, str] = {}
    why_not: dict[CellKey, str] = {}
    for table, row, column, profile in _all_cells(recipe):
        recipe_row, cell = table.rows[row], (table.name, row, column, profile)
        if recipe_row.cannot or column in recipe_row.excepted:
            why_not[cell] = recipe_row.cannot or recipe_row.excepted[column]
        elif recipe_row.module:
            spec = _module_of(row, table, options)
            run = Run(spec, *tasks.of(table.columns[column], profile), recipe.seeds, recipe.layers)
            if run.key not in runs:
                runs[run.key] = _plan_run(run, data, module_weights, options.out)
            title = f"{table.name}: {row}"
            runs[run.key].rows += [title] if title not in runs[run.key].rows else []
            cells[cell] = run.key
    _select_runs(runs, options.name_parts)
    if options.add and not options.name_parts:
        added = adding.selected(cells, recipe.tables)
        for key, each in runs.items():
            each.selected = key in added
    return Plan(recipe, runs, cells, why_not, _shared(runs))


def _all_cells(recipe: Recipe) -> Iterator[tuple[RecipeTable, str, str, str]]:
    """Every cell of a recipe: table, row, column, profile."""
    for table in recipe.tables:
        for row in table.rows:
            for column in table.columns:
                for profile in recipe.profiles:
                    yield table, row, column, profile


def _apply_options(recipe: Recipe, options: ReproductionOptions, module_weights: Mapping[str, ModuleWeights]) -> Recipe:
    """The recipe with only the tables, and with the modules, that the user chose."""
    known = [table.name for table in recipe.tables]
    for name in options.tables:
        if name not in known:
            raise UsageError(f"--table: {schema.unknown('table', name, known)}")
    named = [table for table in recipe.tables if not options.tables or table.name in options.tables]
    tables = [adding.add_rows(table, options.add) for table in named]
    every = [row for table in tables for row in table.rows]
    for option, patterns in (("--use", list(options.use)), ("--python", list(options.python))):
        for pattern in patterns:
            if not any(fnmatchcase(row, pattern) for row in every):
                raise UsageError(f"{option}: {schema.unknown('row', pattern, every)}")
    with_rows = [replace(table, rows=replacing.replace_rows(table, options.use, module_weights)) for table in tables]
    return replace(recipe, tables=tuple(with_rows))


def _module_of(name: str, table: RecipeTable, options: ReproductionOptions) -> ModuleSpec:
    """The module of the row called `name`, with the user's weights and interpreter for it."""
    row = table.rows[name]
    path = adding.find_weights(row, options.weights, table.rows.values())
    return ModuleSpec(row.module, path, row.options, options.device, replacing.match_row(name, options.python) or "")


class _RecipeTasks:
    """Tasks with the recipe's protocol, each read from its YAML once."""

    def __init__(self, recipe: Recipe):
        self.recipe = recipe
        self.read: dict[tuple[str, str], tuple[Task, Protocol]] = {}

    def of(self, name: str, profile: str) -> tuple[Task, Protocol]:
        """A task in a profile, and the protocol as the task adapts it.

        Raises:
            UsageError: There is no such task, or it does not fit the protocol.
        """
        if (name, profile) not in self.read:
            tasks = catalogue.find(name, profile)
            if len(tasks) != 1:
                raise UsageError(f"{self.recipe.name}: {name} is {len(tasks)} tasks; a column is one task")
            self.read[name, profile] = tasks[0], adapted(tasks[0], protocol.load(self.recipe.protocol, profile))
        return self.read[name, profile]


def _plan_run(run: Run, data: DataOnDisk, module_weights: Mapping[str, ModuleWeights], out: Path) -> PlannedRun:
    """How far a run is."""
    task_data = data.of(run.task, run.protocol.profile)
    lacks = [
        *weights.missing(run.spec, module_weights, weights.OF_REPRODUCE),
        *([task_data.lacks] if task_data.lacks else []),
    ]
    hours = float(run.task.dataset.expected.get("hours") or 0)
    score, passed_over = finished.find_score(run, out, task_data.sha256)
    size = 0
    if run.spec.name in module_weights:
        known = module_weights[run.spec.name]
        of_events = run.task.labels == "events"
        size = int(hours * known.hour_bytes()) if of_events else task_data.n_clips * known.clip_bytes()
    return PlannedRun(run, [], lacks, task_data.n_clips, hours, size, score=score, passed_over=passed_over)


def _select_runs(runs: Mapping[str, PlannedRun], parts: Sequence[str]) -> None:
    """Mark as selected the runs that fit one of the parts that name tasks, and one of those that name modules or rows.

    Raises:
        UsageError: A part fits nothing.
    """
    by_task = [part for part in parts if any(part in each.run.task.name for each in runs.values())]
    by_module = [part for part in parts if any(_fits(part, each) for each in runs.values())]
    for part in parts:
        if part not in (*by_task, *by_module):
            raise UsageError(f"--only {part}: in no name of a module, row or task here; see --plan")
    for each in runs.values():
        fits = any(part in each.run.task.name for part in by_task) or not by_task
        each.selected = fits and (any(_fits(part, each) for part in by_module) or not by_module)


def _fits(part: str, planned: PlannedRun) -> bool:
    return part in planned.run.spec.name or any(part in row for row in planned.rows)


def _shared(runs: Mapping[str, PlannedRun]) -> dict[str, str]:
    """For each run whose embeddings another one stores as well, that one; of runs on more and fewer clips, that on more."""
    same = {key: _embedding_identity(each.run) for key, each in runs.items()}
    largest: dict[str, str] = {}
    for key, each in runs.items():
        if same[key] not in largest or runs[largest[same[key]]].n_clips < each.n_clips:
            largest[same[key]] = key
    return {key: largest[same[key]] for key in runs if largest[same[key]] != key}


def _embedding_identity(run: Run) -> str:
    """What decides a run's embeddings: module, dataset, how clips are cut, and whether frames are kept."""
    rule, of_events = clip_rule(run.task, run.protocol), run.task.labels == "events"
    return repr((*finished.module_identity(run.spec), run.task.dataset.name, rule, of_events))
