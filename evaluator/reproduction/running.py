"""Runs of a plan, one after another: what is ready is run, what has a result is not run again, what fails is told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from evaluator.embedding.spec import ModuleSpec
from evaluator.experiment import run_many
from evaluator.experiment.run import Settings
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


def run(plan: Plan, settings: Settings, out: Path, tell: Tell, fetch: bool = False) -> Iterator[Result]:
    """Run what is waiting and write each result into `out`; gives it once it is written and marked in the plan.

    Args:
        plan: The plan; runs that succeed get their score, the others why not.
        settings: Where data and embeddings lie; layers and the number of seeds are the recipe's.
        out: Folder of results.
        tell: Called with the module's name and the reason of each failure.
        fetch: Whether modules may fetch weights that they lack.
    """
    settings = replace(settings, n_seeds=plan.recipe.seeds, layers=plan.recipe.layers)
    for runs in by_module(waiting(plan, fetch)):
        by_question = {question_name((each.run.task, each.run.protocol)): each for each in runs}

        order = run_many.Order(runs[0].run.spec, [(each.run.task, each.run.protocol) for each in runs], settings)
        for _, question, result in run_many.results([order], partial(_failed, by_question, tell)):
            path = write(result, out)
            there = part(question[0], result.n_clips)
            score = Score(result.score, result.ci_low, result.ci_high, result.chosen, path, there)
            by_question[question_name(question)].score = score
            yield result


def _failed(
    among: Mapping[str, Planned], tell: Tell, spec: ModuleSpec, question: run_many.Question | None, error: Exception
) -> None:
    for each in [among[question_name(question)]] if question else among.values():
        each.failure = each.failure or str(error)
    tell(spec.name, error)


def question_name(question: run_many.Question) -> str:
    """What tells a module's runs apart."""
    asked, judged = question
    return f"{asked.name} {judged.profile}"
