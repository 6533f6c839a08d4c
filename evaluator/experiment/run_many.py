"""Many runs in a row: each module opened once, a failure told and the others gone on with."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evaluator.datasets.task import Task
from evaluator.embedding.in_turn import opened
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.run import Settings, evaluate
from evaluator.probes.protocol import Protocol
from evaluator.results.result import Result

Question = tuple[Task, Protocol]


@dataclass(frozen=True)
class Order:
    """A module and what is asked of it."""

    spec: ModuleSpec
    questions: Sequence[Question]
    settings: Settings


def results(
    orders: Sequence[Order], failed: Callable[[ModuleSpec, Question | None, Exception], object]
) -> Iterator[tuple[ModuleSpec, Question, Result]]:
    """The result of every run that succeeds, as soon as it is there.

    Args:
        orders: What to run, one module after another.
        failed: Told of each run that fails, with the reason; of a module that cannot be opened with None for the question.
    """
    for order in orders:
        try:
            with opened(order.spec) as module:
                for question in order.questions:
                    try:
                        result = evaluate(order.spec, module, *question, order.settings)
                    except (UsageError, EvaluationError) as error:
                        failed(order.spec, question, error)
                        continue
                    yield order.spec, question, result
        except (UsageError, EvaluationError) as error:
            failed(order.spec, None, error)
