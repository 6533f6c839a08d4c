"""The printed numbers of a paper's recipe as the report takes them: each with its task, metric, protocol and profile."""

from collections.abc import Iterator

from evaluator import schema
from evaluator.datasets.task import Task
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from evaluator.probes import protocol
from evaluator.report.published import PrintedNumber, PublishedPaper
from evaluator.reproduction import recipe
from evaluator.reproduction.recipe import Recipe, RecipeTable

PUBLISHED = "published"


def papers(names: list[str]) -> list[PublishedPaper]:
    """The printed numbers of papers, (n_papers,), each named once, by name or by the path of a recipe of one's own.

    Raises:
        UsageError: There is no such recipe, or its tables print no number.
    """
    return [_paper(recipe.read(name)) for name in dict.fromkeys(names)]


def _paper(of: Recipe) -> PublishedPaper:
    numbers = [number for table in of.tables for number in _numbers(of, table)]
    if not numbers:
        with_numbers = [name for name in recipe.names() if any(each.printed for each in recipe.read(name).tables)]
        raise UsageError(f"--published {of.name}: {of.source}; papers with printed numbers: {', '.join(with_numbers)}")
    return PublishedPaper(of.name, of.citation, numbers)


def _numbers(of: Recipe, table: RecipeTable) -> Iterator[PrintedNumber]:
    """The numbers of a table, row by row; what the paper prints as published is of that profile, if the recipe has it."""
    profile = PUBLISHED if PUBLISHED in of.profiles else of.profiles[0]
    protocol_name = protocol.load(of.protocol, profile).name
    tasks = {
        column: {each: _task(of, task, each) for each in protocol.PROFILES} for column, task in table.columns.items()
    }
    for row in table.rows:
        for column, by_profile in tasks.items():
            if text := table.printed.get((row, column), ""):
                doubts = table.doubts.get((row, column), {})
                metrics = {each: task.metric for each, task in by_profile.items()}
                name = by_profile[profile].name
                yield PrintedNumber(row, table.name, name, protocol_name, profile, metrics, text, **doubts)


def _task(of: Recipe, task: str, profile: str) -> Task:
    found = catalogue.find(task, profile)
    if len(found) != 1:
        raise UsageError(
            f"{of.name}: {schema.unknown('task', task, [each.name for each in found])}; a column is one task"
        )
    return found[0]
