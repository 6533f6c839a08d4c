"""Which runs make a paper's tables, and what each still lacks: weights, data, another interpreter.

A cell of a table is a run in each of the recipe's profiles. Rows that are the same run in several tables are one run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from evaluator import schema
from evaluator.datasets import manifest
from evaluator.datasets.dataset import Dataset
from evaluator.datasets.task import Task
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from evaluator.experiment.setup import adapted, clip_rule
from evaluator.probes import protocol
from evaluator.probes.protocol import Protocol
from evaluator.reproduction import finished, replacing, weights
from evaluator.reproduction.finished import Run, Score
from evaluator.reproduction.recipe import Recipe, Row, Table
from evaluator.reproduction.replacing import Other
from evaluator.reproduction.weights import Facts

Place = tuple[str, str, str, str]  # of a cell: table, row, column, profile


@dataclass(frozen=True)
class Choices:
    """What a user may choose about making tables again.

    Attributes:
        data: Where the datasets lie; None if nowhere.
        cache, out: Folders of embeddings and results.
        weights: A folder with weights under the names of modules; None for none.
        use: Patterns of printed rows, each with the module and options that stand for them instead.
        python: Patterns of printed rows, each with the interpreter that has their module.
        device: Where modules and probes run.
        tables: Names of those wanted; all if empty.
        only: Parts of the names of modules and tasks; only runs that fit are run.
    """

    data: Path | None
    cache: Path
    out: Path
    weights: Path | None = None
    use: Mapping[str, Other] = field(default_factory=dict)
    python: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    tables: Sequence[str] = ()
    only: Sequence[str] = ()


@dataclass
class Planned:
    """One run, where it stands in the tables, and how far it is.

    Attributes:
        run: The run.
        rows: The printed rows that it serves, each as `table: row`.
        lacks: What is missing, each a sentence that begins with weights:, data: or environment:.
        n_clips, hours: Of the data on disk, else as published; 0 if not known.
        bytes: About what its embeddings take; 0 if not known.
        wanted: Whether it is among those that `--only` names.
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
    wanted: bool = True
    score: Score | None = None
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
    """The tables of a recipe as they will be made.

    Attributes:
        recipe: With the modules of the user's choice in it, and the tables that were asked for.
        runs: Every run by its key, in the order of the tables.
        cells: The run's key behind each cell; a fusion's and an impossible one's are not there.
        why_not: The reason for each cell that cannot be.
        shared: For each run that embeds clips which another one embeds too, the key of that one.
    """

    recipe: Recipe
    runs: Mapping[str, Planned]
    cells: Mapping[Place, str]
    why_not: Mapping[Place, str]
    shared: Mapping[str, str]


def make(recipe: Recipe, choices: Choices) -> Plan:
    """The plan of a recipe; reads lists of clips and names of files, no audio, no weights, and nothing from the net.

    Raises:
        UsageError: A choice names a table, row, module or task that the recipe does not have.
    """
    facts = weights.known()
    recipe = _chosen(recipe, choices, facts)
    data, questions = Data(choices), Questions(recipe)
    runs: dict[str, Planned] = {}
    cells: dict[Place, str] = {}
    why_not: dict[Place, str] = {}
    for table, row, column, profile in _places(recipe):
        asked, place = table.rows[row], (table.name, row, column, profile)
        if asked.cannot or column in asked.excepted:
            why_not[place] = asked.cannot or asked.excepted[column]
        elif asked.module:
            spec = _module_of(row, asked, choices)
            run = Run(spec, *questions.of(table.columns[column], profile), recipe.seeds, recipe.layers)
            if run.key not in runs:
                runs[run.key] = _look(run, data, facts, choices.out)
            title = f"{table.name}: {row}"
            runs[run.key].rows += [title] if title not in runs[run.key].rows else []
            cells[place] = run.key
    _only(runs, choices.only)
    return Plan(recipe, runs, cells, why_not, _shared(runs))


def _places(recipe: Recipe) -> Iterator[tuple[Table, str, str, str]]:
    """Every cell of a recipe: table, row, column, profile."""
    for table in recipe.tables:
        for row in table.rows:
            for column in table.columns:
                for profile in recipe.profiles:
                    yield table, row, column, profile


def _chosen(recipe: Recipe, choices: Choices, facts: Mapping[str, Facts]) -> Recipe:
    """The recipe with only the tables, and with the modules, that the user chose."""
    known = [table.name for table in recipe.tables]
    for name in choices.tables:
        if name not in known:
            raise UsageError(f"--table: {schema.unknown('table', name, known)}")
    tables = [table for table in recipe.tables if not choices.tables or table.name in choices.tables]
    every = [row for table in tables for row in table.rows]
    for option, patterns in (("--use", list(choices.use)), ("--python", list(choices.python))):
        for pattern in patterns:
            if not any(fnmatchcase(row, pattern) for row in every):
                raise UsageError(f"{option}: {schema.unknown('row', pattern, every)}")
    with_rows = [replace(table, rows=replacing.rows(table, choices.use, facts)) for table in tables]
    return replace(recipe, tables=tuple(with_rows))


def _module_of(name: str, row: Row, choices: Choices) -> ModuleSpec:
    """The module of the row called `name`, with the user's weights and interpreter for it."""
    given = weights.given(row.module, choices.weights)
    return ModuleSpec(row.module, given, row.options, choices.device, replacing.of(name, choices.python) or "")


class Questions:
    """Tasks with the recipe's protocol, each read once."""

    def __init__(self, recipe: Recipe):
        self.recipe = recipe
        self.read: dict[tuple[str, str], tuple[Task, Protocol]] = {}

    def of(self, name: str, profile: str) -> tuple[Task, Protocol]:
        """A task in a profile, and the protocol as the task adapts it.

        Raises:
            UsageError: There is no such task, or it does not fit the protocol.
        """
        if (name, profile) not in self.read:
            found = catalogue.find(name, profile)
            if len(found) != 1:
                raise UsageError(f"{self.recipe.name}: {name} is {len(found)} tasks; a column is one task")
            self.read[name, profile] = found[0], adapted(found[0], protocol.load(self.recipe.protocol, profile))
        return self.read[name, profile]


@dataclass(frozen=True)
class OnDisk:
    """What there is of a task's data: clips and their hash; or why not."""

    n_clips: int
    sha256: str
    lacks: str


class Data:
    """The data of tasks as it lies on disk, each looked at once."""

    def __init__(self, choices: Choices):
        self.choices = choices
        self.seen: dict[tuple[str, str], OnDisk] = {}

    def of(self, asked: Task, profile: str) -> OnDisk:
        """What there is for a task."""
        key = (asked.name, profile)
        if key not in self.seen:
            self.seen[key] = self.look(asked)
        return self.seen[key]

    def look(self, asked: Task) -> OnDisk:
        """As `of`, from the disk. Data that is made here is not made for a plan."""
        if asked.dataset.access == "made":
            return OnDisk(0, "", "")
        n_clips = int(asked.dataset.expected.get("clips") or 0)
        try:
            manifest.find_root(asked.dataset, self.choices.data, self.choices.cache)
        except UsageError:
            return OnDisk(n_clips, "", f"data: {_where(asked.dataset)}")
        try:
            clips = manifest.read(asked, self.choices.data, self.choices.cache)
        except UsageError as error:
            return OnDisk(n_clips, "", f"data: {error}")
        return OnDisk(len(clips.clips), clips.sha256, "")


def _where(dataset: Dataset) -> str:
    """Size and access of a dataset that is not here, and how to get it."""
    sizes = [part.bytes for item in dataset.download for part in item.parts]
    size = weights.told_bytes(sum(each or 0 for each in sizes))
    if any(sizes) and not all(sizes):
        size = f"at least {size.removeprefix('about ')}, not all sizes are known"
    how = {"open": "free to download", "request": "on request", "login": "behind a login"}.get(dataset.access, "")
    fetch = f"`hear-eval download`, or {dataset.url}" if dataset.download else dataset.url
    return f"{dataset.name} ({size}, {how}): {fetch}"


def _look(run: Run, data: Data, facts: Mapping[str, Facts], out: Path) -> Planned:
    """How far a run is."""
    there = data.of(run.task, run.protocol.profile)
    lacks = [*weights.missing(run.spec, facts), *([there.lacks] if there.lacks else [])]
    hours = float(run.task.dataset.expected.get("hours") or 0)
    score, passed_over = finished.find(run, out, there.sha256)
    size = 0
    if run.spec.name in facts:
        known = facts[run.spec.name]
        size = int(hours * known.hour_bytes()) if run.task.labels == "events" else there.n_clips * known.clip_bytes()
    return Planned(run, [], lacks, there.n_clips, hours, size, score=score, passed_over=passed_over)


def _only(runs: Mapping[str, Planned], parts: Sequence[str]) -> None:
    """Mark as wanted the runs that fit one of the parts that name tasks, and one of those that name modules or rows.

    Raises:
        UsageError: A part fits nothing.
    """
    by_task = [part for part in parts if any(part in each.run.task.name for each in runs.values())]
    by_module = [part for part in parts if any(_named(part, each) for each in runs.values())]
    for part in parts:
        if part not in (*by_task, *by_module):
            raise UsageError(f"--only {part}: in no name of a module, row or task here; see --plan")
    for each in runs.values():
        fits = any(part in each.run.task.name for part in by_task) or not by_task
        each.wanted = fits and (any(_named(part, each) for part in by_module) or not by_module)


def _named(part: str, planned: Planned) -> bool:
    return part in planned.run.spec.name or any(part in row for row in planned.rows)


def _shared(runs: Mapping[str, Planned]) -> dict[str, str]:
    """For each run whose embeddings another one stores as well, that one; of runs on more and fewer clips, that on more."""
    same = {key: _stores(each.run) for key, each in runs.items()}
    most: dict[str, str] = {}
    for key, each in runs.items():
        if same[key] not in most or runs[most[same[key]]].n_clips < each.n_clips:
            most[same[key]] = key
    return {key: most[same[key]] for key in runs if most[same[key]] != key}


def _stores(run: Run) -> str:
    """What decides a run's embeddings: module, dataset, how clips are heard, and whether frames are kept."""
    rule, of_events = clip_rule(run.task, run.protocol), run.task.labels == "events"
    return repr((*finished.identity(run.spec), run.task.dataset.name, rule, of_events))
