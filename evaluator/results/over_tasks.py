"""Modules beside each other on several tasks: each task by itself, and the mean difference over tasks with its doubt.

The mean is over these tasks, not over others that might have been chosen: its interval is for new groups, or clips, of each of
them. Tasks are independent, so that variances add, unless they share clips or groups; of those that do, standard errors add, as if
they were right and wrong together, which no correlation can make too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from evaluator.results.caveats import Caveat, footnotes, mark
from evaluator.results.compare import Comparison, compare, decide, pairs_of
from evaluator.results.pairing import pair_up
from evaluator.results.result import Result
from evaluator.results.verdict import TRAINED_ONCE, Pair, hides_luck, in_brackets, may_be_chance, says_nothing
from evaluator.scoring import intervals
from evaluator.scoring.intervals import Difference
from evaluator.scoring.metrics import METRICS


@dataclass(frozen=True)
class MeanDifference:
    """How far one module is above another in the mean over tasks.

    better, worse: What they are called.
    tasks: Over which, (n_tasks,).
    difference: Of the scores, so that above 0 is better; `n_units` counts those of all tasks.
    p: The difference's, corrected for all means that were compared at once (Holm); NaN where there is no verdict.
    n_better: On how many tasks the better one is above the other.
    sharing: Tasks that have clips or groups in common, each time two or more.
    withheld: Why caveats forbid a verdict; "" if they do not.
    caveats: Of each, by what it is called, each once.
    sentence: All of it in words.
    """

    better: str
    worse: str
    tasks: list[str]
    difference: Difference
    p: float
    n_better: int
    sharing: list[list[str]]
    withheld: str
    caveats: dict[str, list[Caveat]]
    sentence: str = ""


@dataclass(frozen=True)
class OverTasks:
    """Comparisons on each task, means over tasks, and a sentence for each result that could not be compared."""

    by_task: list[Comparison]
    means: list[MeanDifference]
    unpaired: list[str]


def over_tasks(results: Sequence[Result]) -> OverTasks:
    """Every two modules on each task, and in the mean over the tasks that both have.

    Results are paired by task, protocol and profile, (n_results,); p values of single tasks are corrected for all of them, those of
    means for all means. Tasks have one mean where their scores have one unit; where a task has several protocols or profiles,
    each of these has means of its own. Results of one task alone are compared as `compare` does, whatever their protocols.

    Raises:
        UsageError: No two results can be compared.
        EvaluationError: The score of one is not that of its predictions.
    """
    if len({result.task for result in results}) < 2:
        return OverTasks(compare(results), [], [])
    paired = pair_up(results)
    pairs = [pair for each in paired.questions for pair in pairs_of(each.results, each.names)]
    return OverTasks(decide(pairs), _means(pairs), paired.unpaired)


def _means(pairs: Sequence[Pair]) -> list[MeanDifference]:
    """The means over tasks, (n_means,), the largest first."""
    asked = [(pair.one.task, pair.one.protocol, pair.one.profile) for pair in pairs]
    one_way = len(set(asked)) == len({task for task, *_ in asked})  # each task has one protocol and profile
    alike: dict[tuple[object, ...], list[Pair]] = {}
    for pair, (_, *way) in zip(pairs, asked, strict=True):
        unit = METRICS[pair.one.metric].unit or pair.one.metric
        alike.setdefault((unit, *([] if one_way else way), *sorted(pair.names)), []).append(pair)
    means = [_mean(several) for several in alike.values() if len(several) > 1]
    chances = [mean.difference.p for mean in means]
    levels = intervals.holm_levels(chances)
    corrected = intervals.holm(chances)
    finished = []
    for mean, level, p in zip(means, levels, corrected, strict=True):
        said = replace(mean, difference=intervals.at_level(mean.difference, level), p=p)
        pair = next(each for each in pairs if each.names in ((mean.better, mean.worse), (mean.worse, mean.better)))
        finished.append(
            replace(said, sentence=_sentence(said, pair.one.metric, len(means), _one_training(mean, pairs)))
        )
    return sorted(finished, key=lambda each: -each.difference.value)


def _mean(pairs: Sequence[Pair]) -> MeanDifference:
    """The mean over tasks of two modules' differences, not corrected for being one of several."""
    first = pairs[0].names[0]
    ahead = np.array([_ahead(pair, first) for pair in pairs])  # (n_tasks,)
    names = (first, pairs[0].names[1])
    if ahead.mean() < 0:
        ahead, names = -ahead, (names[1], names[0])
    groups = _sharing(pairs)
    difference = mean_of([[pairs[n].difference for n in group] for group in groups], float(ahead.mean()))
    reasons = list(dict.fromkeys(f"{pair.one.task}: {pair.withheld}" for pair in pairs if pair.withheld))
    if reasons or any(hides_luck(each) for pair in pairs for each in (pair.one, pair.other)):
        difference = replace(difference, p=float("nan"))
    return MeanDifference(
        *names,
        tasks=[pair.one.task for pair in pairs],
        difference=difference,
        p=difference.p,
        n_better=int((ahead > 0).sum()),
        sharing=[[pairs[n].one.task for n in group] for group in groups if len(group) > 1],
        withheld="; ".join(reasons),
        caveats={name: _caveats(pairs, name) for name in names},
    )


def _ahead(pair: Pair, name: str) -> float:
    """How far the module of this name is ahead, above 0 where it is the better one."""
    better = abs(pair.difference.value)
    return better if pair.names[0] == name else -better


def _caveats(pairs: Sequence[Pair], name: str) -> list[Caveat]:
    results = [
        each
        for pair in pairs
        for called, each in zip(pair.names, (pair.one, pair.other), strict=True)
        if called == name
    ]
    return list(dict.fromkeys(caveat for result in results for caveat in result.caveats))


def _sharing(pairs: Sequence[Pair]) -> list[list[int]]:
    """The pairs' numbers, those together whose tasks have clips, or groups of one dataset, in common."""
    clips = [{name for fold in pair.one.test_clips for name in fold} for pair in pairs]
    groups = [{(pair.one.dataset, name) for name in pair.units.names} for pair in pairs]
    together = [{number} for number in range(len(pairs))]
    for one, other in combinations(range(len(pairs)), 2):
        if clips[one] & clips[other] or groups[one] & groups[other]:
            joined = together[one] | together[other]
            for number in joined:
                together[number] = joined
    return sorted({min(each): sorted(each) for each in together}.values())


def mean_of(groups: Sequence[Sequence[Difference]], value: float) -> Difference:
    """The mean of independent differences with its doubt: standard error, and degrees of freedom by Welch and Satterthwaite.

    Source: Satterthwaite 1946, An Approximate Distribution of Estimates of Variance Components.

    Args:
        groups: One for each task; tasks that may go up and down together are in one group, (n_tasks,) in all.
        value: The mean.
    """
    n_tasks = sum(map(len, groups))
    parts = [
        ((sum(each.error for each in group) / n_tasks) ** 2, min(each.freedom for each in group)) for group in groups
    ]
    counted = [part for part in parts if part[0] != 0] or parts[:1]
    error, freedom = intervals.spread(counted)
    n_units = sum(max(each.n_units for each in group) for group in groups)
    if min(each.n_units for group in groups for each in group) < intervals.MIN_UNITS:
        freedom = float("nan")  # simulated: a task of 2 groups beside one of 50 gives 12 % of false alarms
    return intervals.difference(value, error, freedom, n_units)


def _one_training(mean: MeanDifference, pairs: Sequence[Pair]) -> bool:
    mine = [pair for pair in pairs if set(pair.names) == {mean.better, mean.worse} and pair.one.task in mean.tasks]
    return any(hides_luck(each) for pair in mine for each in (pair.one, pair.other))


def _sentence(mean: MeanDifference, name: str, n_means: int, one_training: bool) -> str:
    """A mean difference in words, in the unit of the metric of this name."""
    metric, difference = METRICS[name], mean.difference
    points = "points " if metric.unit == "%" else ""
    better, worse = (f"{each}{mark(mean.caveats[each])}" for each in (mean.better, mean.worse))
    level = f"{100 * difference.level:.3g} % interval"
    ends = metric.interval(difference.low, difference.high)
    within = "" if np.isnan(difference.low) else f"{level} {ends}, for these tasks; "
    shared = "".join(
        f"; {' and '.join(tasks)} share clips or groups, so that their standard errors add" for tasks in mean.sharing
    )
    return (
        f"{better} is {metric.shown(abs(difference.value))} {points}better than {worse} in the mean over {len(mean.tasks)} tasks "
        f"({within}better on {mean.n_better}: {', '.join(mean.tasks)})"
        f"{_verdict(mean, metric.shown(difference.detectable), points, n_means, one_training)}{shared}{footnotes(mean.caveats.items(), mean.withheld)}"
    )


def _verdict(mean: MeanDifference, detectable: str, points: str, n_means: int, one_training: bool) -> str:
    if mean.withheld:
        return says_nothing(mean.withheld)
    if one_training:
        return TRAINED_ONCE
    if np.isnan(mean.p):
        return "; no verdict, since a task with fewer than four groups, too few groups in all, or a doubt that cannot be known, cannot tell whether that is chance"
    chance = in_brackets(mean.p, n_means)
    return (
        f", significant {chance}"
        if mean.p < intervals.SURE
        else may_be_chance(chance, f"{detectable} {points}".strip())
    )
