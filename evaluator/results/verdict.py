"""A comparison of two results in a sentence: how far they are apart, and whether that is chance."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluator.results.caveats import footnotes, mark
from evaluator.results.result import Result
from evaluator.scoring import differences, intervals, metrics
from evaluator.scoring.differences import Difference
from evaluator.scoring.group_scores import group_measure
from evaluator.scoring.units import Units

SEEDS = 3  # with fewer trainings their std is hardly known
WAY_OUT = {  # of what was done once, by what is repeated (`Metric.repeats`)
    "trainings": f"--seeds {SEEDS}",
    "starts": f"--seeds {SEEDS}, or the clean profile where the published one fixes its seed",
}
_ONCE = {
    "trainings": f"a probe was trained once, which hides its luck ({WAY_OUT['trainings']})",
    "starts": f"a clustering was started once, which hides its luck ({WAY_OUT['starts']})",
}
_SELDOM = {
    "trainings": f"trained less than {SEEDS} times, so that luck in training is hardly counted (--seeds)",
    "starts": f"started less than {SEEDS} times, so that luck of random starts is hardly counted (--seeds)",
}
NO_VERDICT, TOO_FEW, SIGNIFICANT, NOT_SIGNIFICANT, THE_SAME = (
    "no verdict",
    "too few",
    "significant",
    "not significant",
    "the same",
)


@dataclass(frozen=True)
class Verdict:
    """Whether a difference is chance.

    word: In a table: significant, not significant, the same, too few groups (or clips), no verdict.
    text: Behind the difference, in a sentence.
    reason: Why there is no other word, for a note below a table; "" where the word says all.
    """

    word: str
    text: str
    reason: str = ""


def had_once(metric: str) -> Verdict:
    """That there is no verdict, since a probe was trained once, or what trains none was started once."""
    why = _ONCE[metrics.METRICS[metric].repeats]
    return Verdict(NO_VERDICT, f"; no verdict, since {why}", why)


def had_seldom(metric: str) -> str:
    """That a probe was trained, or what trains none started, too seldom to count its luck."""
    return _SELDOM[metrics.METRICS[metric].repeats]


@dataclass(frozen=True)
class Pair:
    """Two results on the same test clips, (n_clips,), the better one first, and what is said of their difference.

    units: Of both, with n_units names.
    n_pairs: How many pairs are compared at once, over all tasks.
    n_results: How many results of this task.
    withheld: Why caveats forbid a verdict; "" if they do not.
    with_baseline: Whether one of them is a baseline: such pairs are corrected for each other alone.
    """

    names: tuple[str, str]
    one: Result
    other: Result
    difference: Difference
    p: float
    units: Units
    over_folds: str
    n_pairs: int
    n_results: int
    withheld: str = ""
    with_baseline: bool = False


def trained_seldom(result: Result) -> bool:
    """Whether its probes (or starts) draw something, and were trained too seldom, (n_times, n_clips, ...), to tell how much that matters."""
    return bool(result.provenance.get("seeded")) and intervals.n_trainings(result.test_probabilities) < SEEDS


def hides_luck(result: Result) -> bool:
    """Whether its probes draw something and were trained once, on (n_clips, ...), so that nothing tells how much that matters."""
    return bool(result.provenance.get("seeded")) and intervals.n_trainings(result.test_probabilities) == 1


def sentence(pair: Pair, by_group: Mapping[str, float]) -> str:
    """How far two results are apart, and whether that is chance; or why it cannot be told.

    Args:
        pair: Of the same test clips, (n_clips,).
        by_group: Difference in each group, where they are few.
    """
    caveats = zip(pair.names, (pair.one.caveats, pair.other.caveats), strict=True)
    return f"{_how_far(pair)}{verdict(pair, by_group).text}{footnotes(caveats, pair.withheld)}"


def withheld(why: str) -> Verdict:
    """That there is no verdict, for a reason that falsifies the comparison."""
    said = f"such a comparison says nothing: {why}"
    return Verdict(NO_VERDICT, f"; no verdict, since {said}", said)


def in_brackets(p: float, n_compared: int) -> str:
    """A p value, 0 to 1, and for how many comparisons it is corrected."""
    several = f", corrected for {n_compared} comparisons" if n_compared > 1 else ""
    return f"(p {'<' if p < 0.001 else '='} {max(p, 0.001):.3f}{several})"


def by_chance(p: float, n_compared: int, detectable: str) -> Verdict:
    """Whether p, 0 to 1, calls a difference significant; if not, the least that would have been found, with its unit."""
    chance = in_brackets(p, n_compared)
    if p < differences.SURE:
        return Verdict(SIGNIFICANT, f", significant {chance}")
    found = f"a real difference would most likely have been found from {detectable} on"
    return Verdict(NOT_SIGNIFICANT, f", not significant, which may well be chance {chance}; {found}")


def ends(metric: str, difference: Difference) -> tuple[float, float]:
    """The ends of a difference's interval, so that above 0 is better, also where the lowest score is best."""
    is_up = metrics.METRICS[metric].best == "highest"
    return (difference.low, difference.high) if is_up else (-difference.high, -difference.low)


def _how_far(pair: Pair) -> str:
    """The difference and its interval."""
    metric, difference = metrics.METRICS[pair.one.metric], pair.difference
    low, high = ends(pair.one.metric, difference)
    level = f"{100 * difference.level:.3g} % interval"
    over = f"over {pair.units.n:,} {pair.units.over}"
    within = "" if np.isnan(low) else f" ({level} {metric.interval(low, high)}, {over})"
    pooled = ", all folds pooled" if is_pooled_anew(pair) else ""
    better, worse = (
        f"{name}{mark(result.caveats)}" for name, result in zip(pair.names, (pair.one, pair.other), strict=True)
    )
    return (
        f"{better} is {metric.shown(abs(difference.value))} {'points ' if metric.unit == '%' else ''}"
        f"{'above' if metric.best == 'highest' else 'below'} {worse} on {pair.one.task}{pooled}{within}"
    )


def is_pooled_anew(pair: Pair) -> bool:
    """Whether folds make one score of the two in different ways, so that both are pooled to be compared."""
    return pair.one.over_folds != pair.other.over_folds


def verdict(pair: Pair, by_group: Mapping[str, float]) -> Verdict:
    """Whether the difference of a pair, of the same (n_clips,), is chance, or why it cannot be told; arguments as in `sentence`."""
    metric, n, p = metrics.METRICS[pair.one.metric], pair.units.n, pair.p
    if pair.withheld:
        return withheld(pair.withheld)
    if n < differences.MIN_UNITS_FOR_P:
        return _too_few(pair, by_group)
    if any(map(hides_luck, (pair.one, pair.other))):
        return had_once(pair.one.metric)
    if np.isnan(p):
        return Verdict(NO_VERDICT, "; its doubt cannot be known, so there is no verdict", "its doubt cannot be known")
    if pair.difference.error == 0 and pair.difference.value == 0:
        return Verdict(THE_SAME, f", the same in each of the {pair.units.over} (p = 1.000)")
    detectable = f"{metric.shown(pair.difference.detectable)}{' points' if metric.unit == '%' else ''}"
    if p >= differences.SURE and differences.cannot_tell(n, pair.n_pairs):
        why = _cannot_rank(pair)
        found = Verdict(f"{TOO_FEW} {pair.units.over}", f", not significant {in_brackets(p, pair.n_pairs)}: {why}", why)
    else:
        found = by_chance(p, pair.n_pairs, detectable)
    if any(map(trained_seldom, (pair.one, pair.other))):
        seldom = had_seldom(pair.one.metric)
        return Verdict(found.word, f"{found.text}; {seldom}", "; ".join(filter(None, (found.reason, seldom))))
    return found


def _too_few(pair: Pair, by_group: Mapping[str, float]) -> Verdict:
    """That so few groups can tell nothing; their differences instead."""
    n, shown = pair.units.n, metrics.METRICS[group_measure(pair.one.metric, pair.one.confusion is not None)].shown
    each = ", ".join(f"{name} {'-' * (value < 0)}{shown(abs(value))}" for name, value in by_group.items())
    what = pair.units.over if n > 1 else pair.units.over[:-1]
    measure = group_measure(pair.one.metric, pair.one.confusion is not None)
    inside = f" ({measure} in each, the difference: {each})" if each else ""
    said = f"{n} {what} cannot tell whether that is chance"
    reason = f"{n} {what} cannot tell whether a difference is chance: it takes {differences.MIN_UNITS_FOR_P}"
    return Verdict(f"{TOO_FEW} {pair.units.over}", f"; {said}{inside}", reason)


def _cannot_rank(pair: Pair) -> str:
    n, over = pair.units.n, pair.units.over
    what = f"tell {pair.n_pairs} comparisons" if pair.with_baseline else f"rank {pair.n_results} results"
    return cannot_tell(f"{n} {over} cannot {what}", n, pair.n_pairs)


def cannot_tell(begin: str, n_units: int, n_pairs: int) -> str:
    """That so few units cannot tell so many pairs apart, whatever the answers: the smallest p they have, and what becomes of it.

    Args:
        begin: Who cannot tell what.
        n_units: Groups or clips.
        n_pairs: How many pairs are compared at once.
    """
    least = differences.least_p(n_units)
    times = f", times {n_pairs} comparisons {min(1.0, n_pairs * least):.3f}" if n_pairs > 1 else ""
    return (
        f"{begin}, since their p is {least:.3f} at best, where all of them differ the same way{times}; intervals reach to 0 "
        "for that"
    )
