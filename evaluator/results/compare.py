"""Results beside each other: is a difference real."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from evaluator.errors import UsageError
from evaluator.results.alike import common_way, refuse_another_score, refuse_unlike, tested, titles, units_in
from evaluator.results.caveats import Caveat, why_no_verdict
from evaluator.results.result import Result
from evaluator.results.verdict import Pair, hides_luck, is_pooled_anew, sentence, verdict
from evaluator.scoring import differences, intervals, metrics
from evaluator.scoring.differences import Difference
from evaluator.scoring.group_scores import group_measure, group_scores

_MAX_GROUPS = 12  # whose differences are kept one by one


@dataclass(frozen=True)
class Comparison:
    """Two results on the same test clips, (n_clips,).

    better, worse: What they are called, the higher score first.
    difference: Of the scores.
    p: The difference's, corrected for all that were compared at once (Holm), pairs of modules and pairs with a baseline each for
        themselves; NaN where there is no verdict.
    mcnemar: p of McNemar's exact test, for accuracy where clips are independent; else None.
    by_group: Difference in each group, by name, where these are 12 or fewer; in accuracy, or `map` for several labels.
    sentence: All of it in words.
    task, protocol, profile: Of both; of two protocols or profiles, the better's.
    withheld: Why caveats forbid a verdict; "" if they do not.
    caveats: Of each, by what it is called.
    metric: Of both.
    verdict: In a word or two: `significant`, `not significant`, `the same`, `too few groups` (or `clips`), `no verdict`.
    reason: Why it is no other word; "" where the word says all.
    with_baseline: Whether one of them is a baseline.
    is_pooled_anew: Whether folds made their scores in different ways, so that both were pooled for this.
    """

    better: str
    worse: str
    difference: Difference
    p: float
    mcnemar: float | None
    by_group: dict[str, float]
    sentence: str
    task: str = ""
    protocol: str = ""
    profile: str = ""
    withheld: str = ""
    caveats: dict[str, list[Caveat]] = field(default_factory=dict)
    metric: str = ""
    verdict: str = ""
    reason: str = ""
    with_baseline: bool = False
    is_pooled_anew: bool = False


def compare(results: Sequence[Result], baselines: bool = False) -> list[Comparison]:
    """Every two modules among the results, each by the method of `differences.between` over their common test clips.

    Targets are (n_clips, n_classes), probabilities (n_times, n_clips, n_classes) for each fold. Groups (recordings,
    individuals) are the units wherever the data names some. Of results whose folds made one score in different ways, both are
    pooled.

    Args:
        results: Two or more, of one task.
        baselines: Whether modules are compared with baselines as well. Where there is no other pair of modules, they are in any case.

    Raises:
        UsageError: They do not have the same test clips and metric; the sentence says where they part.
        EvaluationError: The score of one is not that of its predictions.
    """
    return decide(pairs_of(results, titles(results), baselines or not has_two_modules(results)))


def has_two_modules(results: Sequence[Result]) -> bool:
    """Whether two or more of the results, (n_results,), are no baselines."""
    return sum(not each.is_baseline for each in results) > 1


def pairs_of(results: Sequence[Result], names: Sequence[str], baselines: bool) -> list[Pair]:
    """Every two of the results, the better one first, the best pair first; not corrected for being several.

    Two baselines are no pair, unless there is nothing else.

    Args:
        results: Of one task, with the same test clips, (n_clips,).
        names: What they are called.
        baselines: Whether pairs of a module and a baseline are among them.

    Raises:
        UsageError, EvaluationError: As `compare`.
    """
    if len(results) < 2:
        raise UsageError("one result alone cannot be compared; give two or more")
    if not baselines:
        kept = [n for n, each in enumerate(results) if not each.is_baseline]
        results, names = [results[n] for n in kept], [names[n] for n in kept]
    refuse_unlike(results)
    for each in results:
        refuse_another_score(each)
    units, over_folds = units_in(results[0]), common_way(results)
    made = [intervals.estimate(tested(each), each.metric, units, over_folds) for each in results]
    ordered = sorted(
        range(len(results)), key=lambda number: -metrics.signed(results[number].metric, made[number].value)
    )
    pairs = []
    has_modules = not all(each.is_baseline for each in results)
    for one, other in combinations(ordered, 2):
        n_baselines = has_modules * (results[one].is_baseline + results[other].is_baseline)
        if n_baselines > 1:
            continue
        called, both = (names[one], names[other]), (results[one], results[other])
        withheld = why_no_verdict(called, both)
        found = differences.between(made[one], made[other])
        if withheld or any(map(hides_luck, both)):
            found = replace(found, p=float("nan"))
        pairs.append(Pair(called, *both, found, found.p, units, over_folds, 1, len(results), withheld, n_baselines > 0))
    return pairs


def decide(pairs: Sequence[Pair]) -> list[Comparison]:
    """What is said of pairs, of one task or several, corrected for being so many (Holm): first those of modules, then those with baselines.

    The two families are corrected each for itself, as on leaderboards, so that baselines cost the modules no power.

    Args:
        pairs: As `pairs_of` gives them; test clips, (n_clips,), of one pair are the same.
    """
    families = ([pair for pair in pairs if pair.with_baseline is kind] for kind in (False, True))
    return [each for family in families for each in _decided(family)]


def _decided(pairs: Sequence[Pair]) -> list[Comparison]:
    """What is said of pairs of one family."""
    chances = [each.difference.p for each in pairs]
    levels = differences.holm_levels(chances)
    tested = [pair for pair, p in zip(pairs, chances, strict=True) if not np.isnan(p)]
    asked = [
        (each.task, each.protocol, each.profile, name)
        for pair in tested
        for name, each in zip(pair.names, (pair.one, pair.other), strict=True)
    ]
    n_results = len(set(asked))
    counted = [replace(pair, n_pairs=len(tested), n_results=n_results) for pair in pairs]
    return [
        _comparison(replace(pair, difference=differences.at_level(pair.difference, level), p=p))
        for pair, level, p in zip(counted, levels, differences.holm(chances), strict=True)
    ]


def _comparison(pair: Pair) -> Comparison:
    independent = pair.units.over == "clips"
    once = all(len(fold) == 1 for each in (pair.one, pair.other) for fold in each.test_probabilities)
    has_mcnemar = pair.one.metric == "accuracy" and once and independent and not pair.withheld
    mcnemar = _mcnemar(pair.one, pair.other) if has_mcnemar else None
    by_group = {} if independent or pair.units.n > _MAX_GROUPS else _by_group(pair.one, pair.other)
    found = verdict(pair, by_group)
    return Comparison(
        *pair.names,
        difference=pair.difference,
        p=pair.p,
        mcnemar=mcnemar,
        by_group=by_group,
        sentence=sentence(pair, by_group),
        task=pair.one.task,
        protocol=_both(pair.one.protocol, pair.other.protocol),
        profile=_both(pair.one.profile, pair.other.profile),
        withheld=pair.withheld,
        caveats=dict(zip(pair.names, (pair.one.caveats, pair.other.caveats), strict=True)),
        metric=pair.one.metric,
        verdict=found.word,
        reason=found.reason,
        with_baseline=pair.with_baseline,
        is_pooled_anew=is_pooled_anew(pair),
    )


def _both(one: str, other: str) -> str:
    return one if one == other else f"{one} and {other}"


def _by_group(one: Result, other: Result) -> dict[str, float]:
    """Difference in each group, the first less the second."""
    first, second = (
        group_scores(tested(each), each.test_groups, group_measure(each.metric, each.confusion is not None))
        for each in (one, other)
    )
    return {name: first[name] - second[name] for name in first}


def _mcnemar(one: Result, other: Result) -> float:
    """p of McNemar's exact test: of the clips that one gets right and the other wrong, how many are whose.

    Source: McNemar 1947, with the binomial distribution of the discordant pairs.
    """
    from scipy.stats import binomtest

    right = [
        np.concatenate([_right(true, probabilities[0]) for true, probabilities in tested(each)])  # (n_clips,)
        for each in (one, other)
    ]
    only_one, only_other = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    if only_one + only_other == 0:
        return 1.0
    return float(binomtest(only_one, only_one + only_other, 0.5).pvalue)


def _right(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    hits: np.ndarray = targets.argmax(axis=1) == probabilities.argmax(axis=1)
    return hits
