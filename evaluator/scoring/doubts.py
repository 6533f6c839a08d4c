"""What a reader should know of an interval: what it is about, and what it depends on, as sentences without their full stop."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from evaluator.scoring import jackknife
from evaluator.scoring.columns import Columns
from evaluator.scoring.differences import MIN_UNITS_FOR_P
from evaluator.scoring.intervals import MEAN, MIN_UNITS, Estimate, spread
from evaluator.scoring.metrics import METRICS
from evaluator.scoring.units import Units
from evaluator.words import counted

_MIN_FREEDOM = 3  # below, the interval depends on one group
_MAX_NAMED = 5


def target(
    units: Units, n_folds: int, over_folds: str, n_trainings: int, n_known: int | None = None, trains: bool = True
) -> Iterator[str]:
    """What an interval is about; nothing where units are too few for one.

    Args:
        units: Of the result, (n_units,).
        n_folds, over_folds: How many folds there are, and how they make one score.
        n_trainings: How often probes were trained, or clusterings begun.
        n_known: How many of the units that are tested have clips in training too; None where that is not known.
        trains: Whether something is trained.
    """
    if units.n < MIN_UNITS:
        return
    what = "groups (individuals, sites, recordings)" if units.over == "groups" else "clips"
    if units.over == "clips":
        whose = "new clips like these"
    elif n_known is None:
        whose = "groups like these"
    elif n_known:
        whose = f"groups like these, of which {n_known:,} {'has' if n_known == 1 else 'have'} clips in training too: it says nothing of new ones"
    else:
        whose = "new groups like these"
    score = "the expected mean of such folds' scores" if over_folds == MEAN and n_folds > 1 else "the score"
    counts = [
        *(["that folds share training clips"] if n_folds > 1 else []),
        *(["luck in training" if trains else "luck of random starts"] if n_trainings > 1 else []),
    ]
    also = f"; it takes into account {' and '.join(counts)}" if counts else ""
    if not trains:  # a unit is left out as a query, and stays among what others are compared with
        also += "; what clips are compared or clustered with stays the same, which makes it somewhat too narrow"
    yield f"the interval is over {units.n:,} {what}, for {score} on {whose}, with this mix of classes{also}"


def few_units(units: Units, by_group: Mapping[str, float], measure: str) -> Iterator[str]:
    """What so few groups, or clips, cannot tell; nothing where they are enough.

    Args:
        units: Of the result, (n_units,).
        by_group: Score of each group.
        measure: Which score that is.
    """
    n, what = units.n, units.over if units.n > 1 else units.over[:-1]
    if n >= MIN_UNITS_FOR_P:
        return
    if n == 1 and units.over == "groups":
        yield f"all test clips are of one group ({units.names[0]}), so that nothing is known about others"
    elif n < MIN_UNITS:
        shown = METRICS[measure].shown
        scores = ", ".join(f"{name} {shown(value)}" for name, value in by_group.items())
        yield f"{n} {what} are too few for an interval{f'; {measure} of each: {scores}' if scores else ''}"
    else:
        yield f"{n} {what} are enough for an interval, but too few to tell that two modules differ"


def alone(units: Units) -> Iterator[str]:
    """That some clips have no group while others have one, (n_units,) in all."""
    if units.n_alone:
        yield (
            f"{units.n_alone} test clips have no group: each counts as a group of its own, which makes the interval too narrow "
            "if some belong together"
        )


def dominant(units: Units, made: Estimate, columns: Columns) -> Iterator[str]:
    """Which group an interval depends on, where its degrees of freedom are below 3: (n_units,) in all."""
    if MIN_UNITS <= units.n == units.n_blocks and made.freedom < _MIN_FREEDOM:
        shares = columns.sizes.sum(axis=1) / columns.sizes.sum()
        largest = int(shares.argmax())
        yield f"the interval depends mostly on {units.names[largest]}, with {100 * shares[largest]:.0f} % of the clips"


def alike(units: Units, made: Estimate) -> Iterator[str]:
    """That no group differs from another, (n_units,) in all, so that the width of the interval is no measure of how they differ."""
    if units.over == "groups" and units.n >= MIN_UNITS and spread(made.variances)[0] == 0:
        yield (
            f"all {units.n:,} groups score alike, so that nothing shows how much others differ: the interval counts those that "
            f"{units.n:,} groups could have missed"
        )


def rare_classes(columns: Columns, classes: Sequence[str], metric: str, over: str) -> Iterator[str]:
    """Which classes are of one or two groups or clips only, so that they hardly show how much their scores vary.

    Args:
        columns: One for each of the classes, (n_groups, n_classes).
        classes: Their names.
        metric: Name of the score.
        over: `groups` or `clips`.
    """
    if len(columns.values) != len(classes) or len(classes) < 2:
        return
    rare = (jackknife.thinness(columns.sizes) >= 0.5) & ~np.isnan(columns.values) & (columns.sizes.sum(axis=0) > 0)
    names = [name for name, is_rare in zip(classes, rare, strict=True) if is_rare]
    if names:
        some = ", ".join(names[:_MAX_NAMED]) + (", ..." if len(names) > _MAX_NAMED else "")
        part = jackknife.share_of_variance(columns, rare)
        share = "" if np.isnan(part) else f"; {100 * min(max(part, 0), 1):.0f} % of its variance comes from them"
        yield (
            f"{metric} depends on {counted(len(names), 'classes')} with fewer than 3 test {over} ({some}), whose variance "
            f"is estimated in part from the other classes{share}"
        )
