"""Scores of an experiment: primary, others, curve, folds, with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.datasets import splits
from evaluator.experiment.evaluation import Evaluation
from evaluator.experiment.fit import Fitted
from evaluator.results.result import CurvePoint, FoldResult
from evaluator.scoring import doubts, intervals, metrics
from evaluator.scoring.group_scores import group_measure, group_scores
from evaluator.scoring.units import Units, units_of

_MAX_GROUPS = 100  # whose scores are kept with the result


@dataclass(frozen=True)
class Scores:
    """How well an experiment went.

    primary: The score that stands for the whole, with its interval.
    curve: A point for each kind of features in each setting of the probe.
    seed_scores: Mean score of each seed.
    others: Other scores of the same predictions, by name.
    over_folds: How folds make one score: `pooled` or `mean`.
    folds: What is kept of each fold.
    groups: Group of each fold's test clips, "" for none.
    group_scores: Score of each group by name; empty where there are more than 100.
    units: What the intervals are over, of each fold's clips (n_clips,).
    few, rare: Caveats: too few units for an interval or a comparison; what the interval depends on.
    target: What the interval is about, if there is one.
    confusion: Counts (n_classes, n_classes), row = true class; None unless each clip has one label.
    """

    primary: CurvePoint
    curve: list[CurvePoint]
    seed_scores: list[float]
    others: dict[str, float]
    over_folds: str
    folds: list[FoldResult]
    groups: list[list[str]]
    group_scores: dict[str, float]
    units: Units
    few: list[str]
    rare: list[str]
    target: list[str]
    confusion: list[list[int]] | None


def score(fitted: Fitted, classes: Sequence[str]) -> Scores:
    """The scores of fitted probes; intervals are over groups of clips wherever they have some, over all folds together.

    Targets are (n_clips, n_classes), probabilities (n_times, n_clips, n_classes) for each fold.

    Args:
        fitted: The probes.
        classes: Names of the classes.
    """
    groups = [[fitted.clips[row].group for row in fold.test] for fold in fitted.folds]
    units = units_of(groups, [[fitted.clips[row].name for row in fold.test] for fold in fitted.folds])
    evaluations, chosen = fitted.evaluations, fitted.choice.evaluation
    made = [each.estimate(units) for each in evaluations.values()]
    curve = [each.point(its) for each, its in zip(evaluations.values(), made, strict=True)]
    index = {id(each): number for number, each in enumerate(evaluations.values())}
    points = [index[id(each)] for each in fitted.choice.by_fold]
    primary = made[points[0]] if fitted.choice.same else chosen.estimate(units)
    single = fitted.targets.row_targets.labels == "single"
    by_class = metrics.METRICS[chosen.metric].by_class
    measure = group_measure(chosen.metric, single)
    by_group = group_scores(chosen.tested(), groups, measure) if 0 < _n_groups(groups) <= _MAX_GROUPS else {}
    return Scores(
        primary=chosen.point(primary),
        curve=curve,
        seed_scores=chosen.time_scores.reshape(len(fitted.seeds), -1).mean(axis=1).tolist(),
        others=_others(fitted, chosen),
        over_folds=chosen.over_folds,
        folds=_fold_results(fitted, points),
        groups=groups,
        group_scores=by_group,
        units=units,
        few=[*doubts.few_units(units, by_group, measure)],
        rare=_rare(chosen, primary, units, classes),
        target=[
            *doubts.target(
                units,
                len(groups),
                chosen.over_folds,
                len(chosen.time_scores),
                len(splits.divided(fitted.folds, fitted.clips)),
                trains=not metrics.METRICS[chosen.metric].of_measures,
            )
        ],
        confusion=metrics.confusion(chosen.tested()) if single and by_class else None,
    )


def _n_groups(groups: Sequence[Sequence[str]]) -> int:
    return len({name for fold in groups for name in fold if name})


def _others(fitted: Fitted, chosen: Evaluation) -> dict[str, float]:
    """Other metrics; and, of several folds, the score that they make in the other way."""
    others = fitted.targets.scores(chosen.predictions, chosen.over_folds)
    if len(fitted.folds) > 1:
        pooled = chosen.over_folds == intervals.POOLED
        name, way = ("mean_of_folds", intervals.MEAN) if pooled else ("pooled", intervals.POOLED)
        others[f"{chosen.metric}_{name}"] = intervals.mean_score(chosen.tested(), chosen.metric, way)
    return others


def _rare(chosen: Evaluation, made: intervals.Estimate, units: Units, classes: Sequence[str]) -> list[str]:
    """What the interval depends on, as sentences."""
    columns = intervals.columns_of(chosen.tested(), chosen.metric, units, chosen.over_folds)
    by_class = chosen.over_folds == intervals.POOLED and metrics.METRICS[chosen.metric].by_class
    return [
        *doubts.alone(units),
        *doubts.dominant(units, made, columns),
        *doubts.alike(units, made),
        *(doubts.rare_classes(columns, classes, chosen.metric, units.over) if by_class else ()),
    ]


def _fold_results(fitted: Fitted, points: list[int]) -> list[FoldResult]:
    """What is kept of each fold; `points` are the places in the curve of what its score is of."""
    choice, chosen = fitted.choice, fitted.choice.evaluation
    scores = chosen.fold_scores.mean(axis=1).tolist()
    results = []
    for number, (fold, value, point) in enumerate(zip(fitted.folds, scores, points, strict=True)):
        sizes, first = (len(fold.train), len(fold.valid), len(fold.test)), chosen.outcomes[number][0]
        layer = "" if choice.same else choice.by_fold[number].name
        words = ", ".join(part for part in (layer, first.chosen) if part)
        results.append(
            FoldResult(fold.name, value, *sizes, first.chosen_epoch, first.valid_score, words, first.shares, point)
        )
    return results
