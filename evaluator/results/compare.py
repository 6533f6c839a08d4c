"""Results beside each other: is a difference real, and what do several say together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.results.result import Caveat, CurvePoint, FoldResult, Result
from evaluator.scoring import intervals, metrics

_ROUNDING = (
    0.0005  # of a score from that of its predictions, which are kept in single precision: half a digit of what is shown
)
SEEDS = 3  # with fewer trainings their std cannot be told (simulated: 17 % false alarms with two, 6 % with three)


@dataclass(frozen=True)
class Comparison:
    """Two results on the same test clips.

    better, worse: What they are called, the higher score first.
    difference: Of the scores.
    p: The difference's, corrected for all that were compared at once (Holm).
    mcnemar: p of McNemar's exact test, for accuracy; else None.
    sentence: All of it in words.
    """

    better: str
    worse: str
    difference: intervals.Difference
    p: float
    mcnemar: float | None
    sentence: str


def compare(results: Sequence[Result], seed: int = 0) -> list[Comparison]:
    """Every two of the results, each tested by a paired bootstrap over their common test clips.

    Targets are (n_clips, n_classes), probabilities (n_times, n_clips, n_classes) for each fold.

    Groups (recordings, individuals) are drawn instead of clips where every fold has enough of them.

    Args:
        results: Two or more, of one task.
        seed: Of the draws.

    Raises:
        UsageError: They do not have the same test clips and metric; the sentence says where they part.
        EvaluationError: The score of one is not that of its predictions.
    """
    if len(results) < 2:
        raise UsageError("one result alone cannot be compared; give two or more")
    refuse_unlike(results)
    values = [refuse_another_score(each) for each in results]
    names = titles(results)
    ordered = sorted(
        range(len(results)), key=lambda number: -metrics.signed(results[number].metric, results[number].score)
    )
    pairs = list(combinations(ordered, 2))
    groups = intervals.units(results[0].test_groups)
    drawn = [intervals.many_draws(tested(each), each.metric, seed, groups) for each in results]
    n_units = intervals.n_units(tested(results[0]), groups)
    sides = list(zip(drawn, values, strict=True))
    differences = [intervals.between(sides[one], sides[other], n_units) for one, other in pairs]
    corrected = intervals.holm([each.p for each in differences])
    return [
        _comparison(names[one], names[other], results[one], results[other], each, p, len(pairs))
        for (one, other), each, p in zip(pairs, differences, corrected, strict=True)
    ]


def fuse(results: Sequence[Result], seed: int = 0) -> Result:
    """The results' probabilities averaged with equal weight, scored as one.

    Each fold's probabilities are (n_times, n_clips, n_classes).

    Source: Sarkar & Magimai-Doss 2025, Table III (posteriors of several features, each at its best layer).

    Args:
        results: Two or more, of one task, with the same test clips.
        seed: Of the bootstrap.

    Raises:
        UsageError: They do not have the same test clips and metric.
    """
    if len(results) < 2:
        raise UsageError("one result alone cannot be fused; give two or more")
    refuse_unlike(results)
    first, names = results[0], titles(results)
    if metrics.METRICS[first.metric].of_events:
        raise UsageError(f"{first.task}: {first.metric} is made of events, which have no probabilities to average")
    averaged = [_averaged(fold) for fold in zip(*(each.test_probabilities for each in results), strict=True)]
    pairs = list(zip(first.test_targets, averaged, strict=True))
    scores = [intervals.repeated_score(first.metric, *pair) for pair in pairs]
    low, high = intervals.bootstrap_interval(pairs, first.metric, seed=seed, groups=intervals.units(first.test_groups))
    folds = [
        FoldResult(fold.name, score, fold.n_train, fold.n_valid, fold.n_test, 0, None)
        for fold, score in zip(first.folds, scores, strict=True)
    ]
    score, n_times = float(np.mean(scores)), len(averaged[0])
    seeds = first.seeds if n_times % len(first.seeds) == 0 and n_times > 1 else [seed]
    by_time = [
        [metrics.score(first.metric, true, probabilities[n]) for true, probabilities in pairs] for n in range(n_times)
    ]
    return replace(
        first,
        module="fusion of " + " and ".join(names),
        weights="",
        options={},
        score=score,
        ci_low=low,
        ci_high=high,
        protocol=first.protocol if len({each.protocol for each in results}) == 1 else "several",
        seeds=seeds,
        seed_scores=np.mean(by_time, axis=1).reshape(len(seeds), -1).mean(axis=1).tolist(),
        std=float(np.std(np.mean(by_time, axis=1), ddof=1)) if n_times > 1 else None,
        scores={},
        chosen="",
        curve=[CurvePoint("", score, low, high, None, None)],
        folds=folds,
        notes=[f"probabilities averaged: {', '.join(names)}"],
        caveats=_joined_caveats(results, names),
        interval_over="clips" if intervals.units(first.test_groups) is None else "groups",
        confusion=metrics.confusion(pairs) if first.confusion is not None else None,
        seconds={},
        provenance={
            "seed": seed,
            "seeded": any(each.provenance.get("seeded") for each in results),
            "fused_runs": [each.run for each in results],
            "fused": [{"module": each.module, **each.provenance} for each in results],
        },
        test_probabilities=averaged,
    )


def _joined_caveats(results: Sequence[Result], names: Sequence[str]) -> list[Caveat]:
    """The caveats of all, each once; where not all have one, it says whose it is."""
    who: dict[Caveat, list[str]] = {}
    for name, result in zip(names, results, strict=True):
        for caveat in result.caveats:
            who.setdefault(caveat, []).append(name)
    return [
        caveat if len(owners) == len(results) else Caveat(caveat.kind, f"{', '.join(owners)}: {caveat.text}")
        for caveat, owners in who.items()
    ]


def _averaged(probabilities: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of several modules' probabilities (n_times, n_clips, n_classes) for a fold, time by time.

    Where they were not trained equally often, each module's own mean comes first, (1, n_clips, n_classes).
    """
    if len({len(each) for each in probabilities}) > 1:
        probabilities = [each.mean(axis=0, keepdims=True) for each in probabilities]
    averaged: np.ndarray = np.mean(probabilities, axis=0).astype(np.float32)
    return averaged


def tested(result: Result) -> list[tuple[np.ndarray, np.ndarray]]:
    """Targets (n_clips, ...) and probabilities (n_times, n_clips, ...) of each fold."""
    return list(zip(result.test_targets, result.test_probabilities, strict=True))


def titles(results: Sequence[Result]) -> list[str]:
    """What to call each result: its module, and as much more as tells it from the others."""
    ways = (
        lambda each: each.module,
        lambda each: f"{each.module} ({each.protocol}, {each.profile})",
        lambda each: (
            f"{each.module} ({', '.join(part for part in (each.protocol, each.profile, each.chosen) if part)})"
        ),
        lambda each: " ".join(
            part
            for part in (each.module, str(each.options or ""), each.weights, f"({each.protocol}, {each.run})")
            if part
        ),
    )
    for way in ways:
        names = [way(each) for each in results]
        if len(set(names)) == len(names):
            return names
    raise UsageError(f"{names[0]}: the same result is given twice")


def refuse_unlike(results: Sequence[Result]) -> None:
    """Refuse results that were not tested on the same clips.

    Targets (n_clips, n_classes) have to agree as well.

    Raises:
        UsageError: They differ in task, metric, folds or test clips.
    """
    first = results[0]
    for other in results[1:]:
        for what in ("task", "metric", "classes"):
            one, two = getattr(first, what), getattr(other, what)
            if one != two:
                raise UsageError(
                    f"{first.module} and {other.module} differ in {what}: {one!r} and {two!r}; compare results of one task"
                )
        for number, fold in enumerate(first.folds):
            ours = first.test_clips[number]
            theirs = other.test_clips[number] if number < len(other.folds) else []
            strange = sorted(set(ours) ^ set(theirs))
            if ours != theirs or len(first.folds) != len(other.folds):
                raise UsageError(
                    f"{first.module} and {other.module} were not tested on the same clips in fold {fold.name}"
                    f"{f', {strange[0]} for one' if strange else ''}; run both on the same data in the same profile"
                )
            differing = np.flatnonzero((first.test_targets[number] != other.test_targets[number]).any(axis=1))
            if len(differing):
                raise UsageError(
                    f"{first.module} and {other.module} know other labels of {len(differing)} clips in fold {fold.name}, "
                    f"{ours[differing[0]]} for one; run both on the same data"
                )


def _comparison(
    better: str, worse: str, one: Result, other: Result, difference: intervals.Difference, p: float, n_pairs: int
) -> Comparison:
    few = any(trained_seldom(each) for each in (one, other))
    once = all(len(fold) == 1 for each in (one, other) for fold in each.test_probabilities)
    mcnemar = _mcnemar(one, other) if one.metric == "accuracy" and once else None
    metric = metrics.METRICS[one.metric]
    # Where the lowest is best, the better one lies below.
    ends = (
        sorted((difference.low, difference.high))
        if metric.best == "highest"
        else sorted((-difference.high, -difference.low))
    )
    points, low, high = map(metric.shown, (abs(difference.value), *ends))
    verdict = "significant" if p < intervals.SURE else "not significant"
    several = f", corrected for {n_pairs} comparisons" if n_pairs > 1 else ""
    sentence = (
        f"{better} is {points} {'points ' if metric.unit == '%' else ''}"
        f"{'above' if metric.best == 'highest' else 'below'} {worse} on {one.task} "
        f"(95 % interval {low} to {high}), {verdict} "
        f"(p {'<' if p < 0.001 else '='} {max(p, 0.001):.3f}{several})"
        f"{f'; trained less than {SEEDS} times, so that luck in training is hardly counted (--seeds)' if few else ''}"
    )
    return Comparison(better, worse, difference, p, mcnemar, sentence)


def refuse_another_score(result: Result) -> float:
    """The score of the predictions; refuse a result that says another one, or an interval, curve or std that cannot be.

    Raises:
        EvaluationError: The sentence has both numbers, or the one that cannot be.
    """
    value, metric = intervals.mean_score(tested(result), result.metric), metrics.METRICS[result.metric]
    if np.isnan(value) != np.isnan(result.score) or abs(value - result.score) > _ROUNDING * max(1.0, abs(value)):
        stated = "none" if np.isnan(result.score) else f"{result.score:.4g}"
        raise EvaluationError(
            f"its {result.metric} is {stated}, but {value:.4g} by its predictions, as if one of them were edited; run it again"
        )
    ends = (result.ci_low, result.ci_high)
    if any(each < metric.low or each > metric.high for each in ends) or ends[0] > ends[1]:
        raise EvaluationError(
            f"its interval, {ends[0]:.4g} to {ends[1]:.4g}, cannot be of {result.metric}; run it again"
        )
    for point in result.curve:
        if point.score < metric.low or point.score > metric.high:
            raise EvaluationError(
                f"its curve has {point.score:.4g} at {point.name!r}, no {result.metric}; run it again"
            )
    if result.std is not None and not 0 <= result.std < np.inf:
        raise EvaluationError(f"its std is {result.std:.4g}, which cannot be; run it again")
    return value


def trained_seldom(result: Result) -> bool:
    """Whether its probes draw something, and were trained too seldom to tell how much that matters."""
    return bool(result.provenance.get("seeded")) and intervals.n_trainings(result.test_probabilities) < SEEDS


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
