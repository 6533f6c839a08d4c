"""Scores of an experiment: primary, others, curve, folds, with their intervals."""

from dataclasses import dataclass

import numpy as np

from evaluator.experiment.fit import Fitted
from evaluator.results.result import CurvePoint, FoldResult
from evaluator.scoring import intervals, metrics


@dataclass(frozen=True)
class Scores:
    """How well an experiment went.

    primary: The score that stands for the whole, with its interval.
    curve: A point for each kind of features in each setting of the probe.
    seed_scores: Mean score of each seed.
    others: Other scores of the same predictions, by name.
    folds: What is kept of each fold.
    groups: Group of each fold's test clips, "" for none.
    confusion: Counts (n_classes, n_classes), row = true class; None unless each clip has one label.
    """

    primary: CurvePoint
    curve: list[CurvePoint]
    seed_scores: list[float]
    others: dict[str, float]
    folds: list[FoldResult]
    groups: list[list[str]]
    confusion: list[list[int]] | None

    @property
    def interval_over(self) -> str:
        """What the intervals are over: `clips`, or `groups` of them."""
        return "clips" if intervals.units(self.groups) is None else "groups"


def score(fitted: Fitted) -> Scores:
    """The scores of fitted probes; intervals are over groups of clips wherever there are enough of them.

    Targets are (n_clips, n_classes), probabilities (n_times, n_clips, n_classes) for each fold.
    """
    groups = [[fitted.clips[row].group for row in fold.test] for fold in fitted.folds]
    units = intervals.units(groups)
    seed, evaluations = fitted.seeds[0], fitted.evaluations
    curve = [each.point(seed, units) for each in evaluations.values()]
    chosen = fitted.choice.evaluation
    index = {id(each): number for number, each in enumerate(evaluations.values())}
    points = [index[id(each)] for each in fitted.choice.by_fold]
    primary = curve[points[0]] if fitted.choice.same else chosen.point(seed, units)
    labels = fitted.targets.row_targets.labels
    single = labels == "single"
    return Scores(
        primary=primary,
        curve=curve,
        seed_scores=_by_seed(chosen.fold_scores, len(fitted.seeds)),
        others=fitted.targets.scores(chosen.predictions),
        folds=_fold_results(fitted, points),
        groups=groups,
        confusion=metrics.confusion(chosen.tested()) if single else None,
    )


def _by_seed(scores: np.ndarray, n_seeds: int) -> list[float]:
    """Mean score of each seed; scores are (n_folds, n_times), the times of a seed beside each other."""
    means: list[float] = scores.mean(axis=0).reshape(n_seeds, -1).mean(axis=1).tolist()
    return means


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
