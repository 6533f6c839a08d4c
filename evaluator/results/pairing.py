"""Which of many results, of several tasks, can be put beside each other; those that cannot are named."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evaluator.errors import UsageError
from evaluator.results import naming
from evaluator.results.alike import refuse_unlike
from evaluator.results.result import Result
from evaluator.scoring import intervals
from evaluator.scoring.metrics import METRICS


@dataclass(frozen=True)
class SameQuestion:
    """Results of one task under one protocol and profile on the same test clips, each of another module or variant.

    names: What to call them, on every task alike, (n_results,).
    """

    names: list[str]
    results: list[Result]


@dataclass(frozen=True)
class Paired:
    """What can be put beside each other, (n_questions,), in order of tasks, and a sentence for each result that cannot."""

    questions: list[SameQuestion] = field(default_factory=list)
    unpaired: list[str] = field(default_factory=list)


def pair_up(results: Sequence[Result]) -> Paired:
    """The results by task, protocol and profile, where two or more have the same test clips, (n_clips,).

    Of several runs of one module, with the same weights, options and layers, the one with most trainings (or starts of what trains nothing) counts, then the newest.

    Raises:
        UsageError: No two can be compared; the sentence says why, for one.
    """
    names = naming.variants(results)
    by_question: dict[tuple[str, str, str], dict[str, Result]] = {}
    paired = Paired()
    for name, result in zip(names, results, strict=True):
        mine = by_question.setdefault((result.task, result.protocol, result.profile), {})
        before = mine.get(name)
        mine[name] = result if before is None else max(before, result, key=_precedence)
        if before is not None and before.run != result.run:
            paired.unpaired.append(
                f"{_where(name, result)}: one of several runs; the one with most {METRICS[result.metric].repeats} is taken"
            )
    for _, mine in sorted(by_question.items()):
        _add(paired, mine)
    if not paired.questions:
        raise UsageError(f"no two results of one task, protocol and profile: {'; '.join(paired.unpaired[:3])}")
    return paired


def _add(paired: Paired, mine: dict[str, Result]) -> None:
    """Put the most results of one question that have the same test clips beside each other, and name the others."""
    groups: list[list[str]] = []
    reasons: dict[str, str] = {}
    for name, result in mine.items():
        for group in groups:
            try:
                refuse_unlike([mine[group[0]], result])
            except UsageError as error:
                reasons[name] = str(error)
            else:
                group.append(name)
                break
        else:
            groups.append([name])
    largest = max(groups, key=len)
    if len(largest) > 1:
        paired.questions.append(SameQuestion(list(largest), [mine[name] for name in largest]))
    for name, result in mine.items():
        if len(largest) < 2 or name not in largest:
            why = reasons.get(name) or next(
                iter(reasons.values()), "no other result of this task, protocol and profile"
            )
            paired.unpaired.append(f"{_where(name, result)}: {why}")


def _where(name: str, result: Result) -> str:
    return f"{name} on {result.task} ({result.protocol}, {result.profile})"


def _precedence(result: Result) -> tuple[int, str, str]:
    return intervals.n_trainings(result.test_probabilities), str(result.environment.get("started") or ""), result.run
