"""Runs of a plan, one after another: what is ready is run, what has a result is not run again, what fails is reported."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from evaluator.experiment import forecast as forecasting
from evaluator.experiment.forecast import Forecast
from evaluator.experiment.options import RunOptions
from evaluator.experiment.run import Failure, Keeping, Question, RunRequest, run_many
from evaluator.reproduction.finished import describe_part, module_identity, score_of
from evaluator.reproduction.plan import Plan, PlannedRun
from evaluator.results.on_disk import write
from evaluator.results.result import Result

OnFailure = Callable[[str, Exception], object]


def runnable(plan: Plan, fetch: bool = False) -> list[PlannedRun]:
    """The runs that are selected, not done, and lack nothing, (n_runs,); with `fetch` also those that only lack weights."""
    kinds = ("ready", "missing weights") if fetch else ("ready",)
    return [each for each in plan.runs.values() if each.selected and each.state in kinds]


def group_by_module(runs: Sequence[PlannedRun]) -> list[list[PlannedRun]]:
    """The runs of each module, (n_modules,) lists, in the order in which modules first come."""
    groups: dict[str, list[PlannedRun]] = {}
    for each in runs:
        groups.setdefault(repr(module_identity(each.run.spec)), []).append(each)
    return list(groups.values())


def run(plan: Plan, options: RunOptions, out: Path, on_failure: OnFailure, fetch: bool = False) -> Iterator[Result]:
    """Run what is runnable and write each result into `out`; gives it once it is written and marked in the plan.

    Args:
        plan: The plan; runs that succeed get their score, the others why not.
        options: Where data and embeddings lie; layers and the number of seeds are the recipe's.
        out: Folder of results.
        on_failure: Called with the module's name and the reason of each failure.
        fetch: Whether modules may fetch weights that they lack.
    """
    for request, by_question in requests(plan, options, fetch):
        for answer in run_many([request], partial(_failed, by_question, on_failure)):
            result, question = answer.result, answer.question
            path = write(result, out)
            score = score_of(result, path, describe_part(question[0], result.n_clips))
            by_question[_name_of(question)].score = score
            yield result


def forecasts(
    plan: Plan, options: RunOptions, on_failure: OnFailure, fetch: bool = False
) -> Iterator[tuple[PlannedRun, Forecast]]:
    """Each run that is runnable with what it will take, in clips, bytes and seconds to embed; nothing is run.

    Args:
        plan, options, on_failure: As for `run`.
        fetch: Whether modules may fetch weights that they lack: their forecasts need them.
    """
    for request, by_question in requests(plan, options, fetch):
        failed = partial(_failed, by_question, on_failure)
        for each in forecasting.forecasts([request], Keeping(), lambda spec: ((), 0.0), failed):
            yield by_question[each.task, each.profile], each


def requests(
    plan: Plan, options: RunOptions, fetch: bool
) -> Iterator[tuple[RunRequest, dict[tuple[str, str], PlannedRun]]]:
    """What is asked of each module, and its planned runs, of (n_clips,) clips each, by task and profile; as for `run`."""
    options = replace(options, n_seeds=plan.recipe.seeds, layers=plan.recipe.layers)
    for runs in group_by_module(runnable(plan, fetch)):
        questions = [(each.run.task, each.run.protocol) for each in runs]
        by_question = dict(zip(map(_name_of, questions), runs, strict=True))
        yield RunRequest(runs[0].run.spec, questions, options), by_question


def _failed(by_question: Mapping[tuple[str, str], PlannedRun], on_failure: OnFailure, failure: Failure) -> None:
    for each in [by_question[_name_of(failure.question)]] if failure.question else by_question.values():
        each.failure = each.failure or str(failure.error)
    on_failure(failure.spec.name, failure.error)


def _name_of(question: Question) -> tuple[str, str]:
    """Task and profile, which distinguish a module's runs."""
    task, protocol = question
    return task.name, protocol.profile
