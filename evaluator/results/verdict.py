"""A comparison of two results in a sentence: how far they are apart, and whether that is chance."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluator.results.caveats import footnotes, mark
from evaluator.results.result import Result
from evaluator.scoring import intervals, metrics
from evaluator.scoring.group_scores import group_measure
from evaluator.scoring.intervals import Difference
from evaluator.scoring.units import Units

SEEDS = 3  # with fewer trainings their std is hardly known
TRAINED_ONCE = f"; no verdict, since a probe was trained once, which hides its luck (--seeds {SEEDS})"


@dataclass(frozen=True)
class Pair:
    """Two results, the better one first, and what is said of their difference.

    units: Of both, with n_units names.
    n_pairs: How many pairs are compared at once, over all tasks.
    n_results: How many results of this task.
    withheld: Why caveats forbid a verdict; "" if they do not.
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


def trained_seldom(result: Result) -> bool:
    """Whether its probes draw something, and were trained too seldom, (n_times, n_clips, ...), to tell how much that matters."""
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
    return f"{_how_far(pair)}{_verdict(pair, by_group)}{footnotes(caveats, pair.withheld)}"


def says_nothing(why: str) -> str:
    """That there is no verdict, for a reason that falsifies the comparison."""
    return f"; no verdict, since such a comparison says nothing: {why}"


def in_brackets(p: float, n_compared: int) -> str:
    """A p value, 0 to 1, and for how many comparisons it is corrected."""
    several = f", corrected for {n_compared} comparisons" if n_compared > 1 else ""
    return f"(p {'<' if p < 0.001 else '='} {max(p, 0.001):.3f}{several})"


def may_be_chance(chance: str, detectable: str) -> str:
    """That a difference is not significant: its p value `in_brackets`, and the least that would have been found, with its unit."""
    return (
        f", not significant, which may well be chance {chance}; a real difference would most likely have been found from "
        f"{detectable} on"
    )


def _how_far(pair: Pair) -> str:
    """The difference and its interval."""
    metric, difference = metrics.METRICS[pair.one.metric], pair.difference
    # Where the lowest is best, the better one lies below.
    ends = (difference.low, difference.high) if metric.best == "highest" else (-difference.high, -difference.low)
    level = f"{100 * difference.level:.3g} % interval"
    over = f"over {pair.units.n:,} {pair.units.over}"
    within = "" if np.isnan(ends[0]) else f" ({level} {metric.interval(*ends)}, {over})"
    pooled = ", all folds pooled" if len({pair.one.over_folds, pair.other.over_folds}) > 1 else ""
    better, worse = (
        f"{name}{mark(result.caveats)}" for name, result in zip(pair.names, (pair.one, pair.other), strict=True)
    )
    return (
        f"{better} is {metric.shown(abs(difference.value))} {'points ' if metric.unit == '%' else ''}"
        f"{'above' if metric.best == 'highest' else 'below'} {worse} on {pair.one.task}{pooled}{within}"
    )


def _verdict(pair: Pair, by_group: Mapping[str, float]) -> str:
    """Whether that is chance, or why it cannot be told."""
    metric, n, p = metrics.METRICS[pair.one.metric], pair.units.n, pair.p
    if pair.withheld:
        return says_nothing(pair.withheld)
    if n < intervals.MIN_UNITS_FOR_P:
        measure = group_measure(pair.one.metric, pair.one.confusion is not None)
        shown = metrics.METRICS[measure].shown
        each = ", ".join(f"{name} {'-' * (value < 0)}{shown(abs(value))}" for name, value in by_group.items())
        what = pair.units.over if n > 1 else pair.units.over[:-1]
        return f"; {n} {what} cannot tell whether that is chance{f' ({measure} in each, the difference: {each})' if each else ''}"
    if any(map(hides_luck, (pair.one, pair.other))):
        return TRAINED_ONCE
    if np.isnan(p):
        return "; its doubt cannot be known, so there is no verdict"
    if pair.difference.error == 0 and pair.difference.value == 0:
        return f", the same in each of the {pair.units.over} (p = 1.000)"
    chance = in_brackets(p, pair.n_pairs)
    seldom = any(map(trained_seldom, (pair.one, pair.other)))
    luck = f"; trained less than {SEEDS} times, so that luck in training is hardly counted (--seeds)" if seldom else ""
    if p < intervals.SURE:
        return f", significant {chance}{luck}"
    if intervals.cannot_tell(n, pair.n_pairs):
        return f", not significant {chance}: {n} {pair.units.over} cannot rank {pair.n_results} results{luck}"
    detectable = f"{metric.shown(pair.difference.detectable)}{' points' if metric.unit == '%' else ''}"
    return f"{may_be_chance(chance, detectable)}{luck}"
