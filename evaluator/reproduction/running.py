"""Runs of a plan, one after another: what is ready is run, what has a result is not run again, what fails is told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from evaluator.experiment.options import RunOptions
from evaluator.experiment.run import Failure, Question, RunRequest, run_many
from evaluator.reproduction.finished import Score, identity, part
from evaluator.reproduction.plan import Plan, Planned
from evaluator.results.on_disk import write
from evaluator.results.result import Result

Tell = Callable[[str, Exception], object]


def waiting(plan: Plan, fetch: bool = False) -> list[Planned]:
    """The runs that are wanted, not done, and lack nothing; with `fetch` also those that only lack weights."""
    kinds = ("ready", "missing weights") if fetch else ("ready",)
    return [each for each in plan.runs.values() if each.wanted and each.state in kinds]


def by_module(runs: Sequence[Planned]) -> list[list[Planned]]:
    """The runs of each module, in the order in which modules first come."""
    found: dict[str, list[Planned]] = {}
    for each in runs:
        found.setdefault(repr(identity(each.run.spec)), []).append(each)
    return list(found.values())


def run(plan: Plan, options: RunOptions, out: Path, tell: Tell, fetch: bool = False) -> Iterator[Result]:
    """Run what is waiting and write each result into `out`; gives it once it is written and marked in the plan.

    Args:
        plan: The plan; runs that succeed get their score, the others why not.
        options: Where data and embeddings lie; layers and the number of seeds are the recipe's.
        out: Folder of results.
        tell: Called with the module's name and the reason of each failure.
        fetch: Whether modules may fetch weights that they lack.
    """
    options = replace(options, n_seeds=plan.recipe.seeds, layers=plan.recipe.layers)
    for runs in by_module(waiting(plan, fetch)):
        by_question = {_question_name((each.run.task, each.run.protocol)): each for each in runs}
        request = RunRequest(runs[0].run.spec, [(each.run.task, each.run.protocol) for each in runs], options)
        for _, question, result in run_many([request], partial(_failed, by_question, tell)):
            path = write(result, out)
            there = part(question[0], result.n_clips)
            score = Score(result.score, result.ci_low, result.ci_high, result.chosen, path, there)
            by_question[_question_name(question)].score = score
            yield result


def _failed(among: Mapping[str, Planned], tell: Tell, failure: Failure) -> None:
    for each in [among[_question_name(failure.question)]] if failure.question else among.values():
        each.failure = each.failure or str(failure.error)
    tell(failure.spec.name, failure.error)


def _question_name(question: Question) -> str:
    """What tells a module's runs apart."""
    asked, judged = question
    return f"{asked.name} {judged.profile}"
