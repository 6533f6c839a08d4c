"""Modules beside each other on several tasks: each task by itself, and the mean difference over tasks with its doubt.

The mean is over these tasks, not over others that might have been chosen: its interval is for new groups, or clips, of each of
them. Tasks are independent, so that variances add, unless they share clips or groups; of those that do, standard errors add, as if
they were right and wrong together, which no correlation can make too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from evaluator.results import naming, verdict
from evaluator.results.alike import titles
from evaluator.results.caveats import Caveat, footnotes, mark
from evaluator.results.compare import Comparison, decide, has_two_modules, pairs_of
from evaluator.results.pairing import Paired, SameQuestion, pair_up
from evaluator.results.result import Result
from evaluator.results.verdict import NO_VERDICT, Pair, Verdict, had_once, hides_luck
from evaluator.scoring import differences, intervals
from evaluator.scoring.differences import Difference
from evaluator.scoring.metrics import METRICS
from evaluator.words import counted


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
    metric: Of the first task, whose unit all have.
    verdict, reason, with_baseline: As those of a `Comparison`.
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
    metric: str = ""
    verdict: str = ""
    reason: str = ""
    with_baseline: bool = False


@dataclass(frozen=True)
class OverTasks:
    """Comparisons on each task, means over tasks, and a sentence for each result that could not be compared.

    by_task: A comparison for each pair of modules on each task, (n_pairs,).
    means: One for each pair of modules and set of tasks that have a mean, (n_means,).
    unpaired: (n_unpaired,).
    """

    by_task: list[Comparison]
    means: list[MeanDifference]
    unpaired: list[str]


def over_tasks(results: Sequence[Result], baselines: bool = False) -> OverTasks:
    """Every two modules on each task, and in the mean over the tasks that both have.

    Results are paired by task, protocol and profile, (n_results,); p values of single tasks are corrected for all of them, those of
    means for all means. Tasks have one mean where their scores have one unit; where a task has several protocols or profiles,
    each of these has means of its own. Results of one task alone are compared as `compare` does, whatever their protocols, as long as
    these are of different modules, or no two modules share one.

    Args:
        results: Of two modules or more.
        baselines: Whether modules are compared with baselines as well, these pairs corrected for themselves. Where no task has two
            modules, they are in any case.

    Raises:
        UsageError: No two results can be compared.
        EvaluationError: The score of one is not that of its predictions.
    """
    paired = (
        pair_up(results) if _has_several_questions(results) else Paired([SameQuestion(titles(results), list(results))])
    )
    questions = paired.questions
    asked = baselines or not any(has_two_modules(each.results) for each in questions)
    pairs = [pair for each in questions for pair in pairs_of(each.results, each.names, asked)]
    left_out = [] if asked else [name for each in questions for name in _baselines(each)]
    said = [f"baselines: {', '.join(dict.fromkeys(left_out))}; ask for them with --baselines"] if left_out else []
    means = [mean for kind in (False, True) for mean in _means([each for each in pairs if each.with_baseline is kind])]
    return OverTasks(decide(pairs), means, [*said, *paired.unpaired])


def _has_several_questions(results: Sequence[Result]) -> bool:
    """Whether results, (n_results,), are paired by what was asked: they are of several tasks, or of a module under several protocols.

    Of one task, what is one module's under two protocols is put beside each other only where that is all that can be compared.
    """
    if len({result.task for result in results}) > 1:
        return True
    modules: dict[tuple[str, str], set[str]] = {}
    for name, result in zip(naming.variants(results), results, strict=True):
        modules.setdefault((result.protocol, result.profile), set()).add(name)
    is_repeated = len(set().union(*modules.values())) < sum(map(len, modules.values()))
    is_asked_alike = any(len(each) > 1 for each in modules.values()) or len({each.metric for each in results}) > 1
    return is_repeated and is_asked_alike


def _baselines(question: SameQuestion) -> list[str]:
    return [name for name, result in zip(question.names, question.results, strict=True) if result.is_baseline]


def _means(pairs: Sequence[Pair]) -> list[MeanDifference]:
    """The means over tasks of pairs of one family, (n_means,), the largest first."""
    asked = [(pair.one.task, pair.one.protocol, pair.one.profile) for pair in pairs]
    one_way = len(set(asked)) == len({task for task, *_ in asked})  # each task has one protocol and profile
    alike: dict[tuple[object, ...], list[Pair]] = {}
    for pair, (_, *way) in zip(pairs, asked, strict=True):
        unit = METRICS[pair.one.metric].unit or pair.one.metric
        alike.setdefault((unit, *([] if one_way else way), *sorted(pair.names)), []).append(pair)
    means = [_mean(several) for several in alike.values() if len(several) > 1]
    chances = [mean.difference.p for mean in means]
    levels = differences.holm_levels(chances)
    corrected = differences.holm(chances)
    finished = []
    for mean, level, p in zip(means, levels, corrected, strict=True):
        said = replace(mean, difference=differences.at_level(mean.difference, level), p=p)
        found = _verdict(said, len(means), _one_training(mean, pairs))
        finished.append(replace(said, verdict=found.word, reason=found.reason, sentence=_sentence(said, found)))
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
        metric=pairs[0].one.metric,
        with_baseline=pairs[0].with_baseline,
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
    limit = max(each.limit for group in groups for each in group)
    return differences.difference(value, error, freedom, n_units, limit)


def _one_training(mean: MeanDifference, pairs: Sequence[Pair]) -> bool:
    mine = [pair for pair in pairs if set(pair.names) == {mean.better, mean.worse} and pair.one.task in mean.tasks]
    return any(hides_luck(each) for pair in mine for each in (pair.one, pair.other))


def _sentence(mean: MeanDifference, found: Verdict) -> str:
    """A mean difference in words, in the unit of its metric."""
    metric, difference = METRICS[mean.metric], mean.difference
    points = "points " if metric.unit == "%" else ""
    better, worse = (f"{each}{mark(mean.caveats[each])}" for each in (mean.better, mean.worse))
    level = f"{100 * difference.level:.3g} % interval"
    ends = metric.interval(difference.low, difference.high)
    within = "" if np.isnan(difference.low) else f"{level} {ends}, for these tasks; "
    n_tasks = len(mean.tasks)
    shared = "".join(f"; {each}" for each in sharing_in_words(mean))
    return (
        f"{better} is {metric.shown(abs(difference.value))} {points}better than {worse} in the mean over {n_tasks} tasks "
        f"({within}better on {mean.n_better} of {n_tasks}: {', '.join(mean.tasks)})"
        f"{found.text}{shared}{footnotes(mean.caveats.items(), mean.withheld)}"
    )


def sharing_in_words(mean: MeanDifference) -> list[str]:
    """A sentence for each group of tasks, of (n_tasks,), that have clips or groups in common."""
    return [f"{' and '.join(tasks)} share clips or groups, so that their standard errors add" for tasks in mean.sharing]


def _verdict(mean: MeanDifference, n_means: int, one_training: bool) -> Verdict:
    """Whether a mean difference is chance, or why it cannot be told."""
    if mean.withheld:
        return verdict.withheld(mean.withheld)
    if one_training:
        return had_once(mean.metric)
    if np.isnan(mean.p):
        why = "a task with fewer than four groups, too few groups in all, or a doubt that cannot be known, cannot tell whether that is chance"
        return Verdict(NO_VERDICT, f"; no verdict, since {why}", why)
    metric = METRICS[mean.metric]
    detectable = f"{metric.shown(mean.difference.detectable)}{' points' if metric.unit == '%' else ''}"
    n_units = mean.difference.n_units
    if mean.p >= differences.SURE and differences.cannot_tell(n_units, n_means):
        over = f"{n_units} groups or clips"
        why = verdict.cannot_tell(f"{over} of all tasks cannot tell {counted(n_means, 'means')}", n_units, n_means)
        chance = verdict.in_brackets(mean.p, n_means)
        return Verdict(f"{verdict.TOO_FEW} groups", f", not significant {chance}: {why}", why)
    return verdict.by_chance(mean.p, n_means, detectable)
