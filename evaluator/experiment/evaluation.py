"""Probe jobs of an experiment and what comes of them: every fold, seed and layer is one job, and all are fitted together."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.splits import Fold
from evaluator.errors import EvaluationError
from evaluator.experiment.targets import Predictions, TaskTargets
from evaluator.probes.features import Candidate
from evaluator.probes.jobs import Outcomes, ProbeJob, ProbeOutcome, Setting
from evaluator.probes.kind import ProbeKind
from evaluator.results.result import CurvePoint
from evaluator.scoring import intervals, metrics
from evaluator.scoring.units import Units

BY_FOLD = "each fold's choice"

Key = tuple[int, Setting]
"""Which features, by their index among the candidates, and which setting of the probe."""


@dataclass(frozen=True)
class CandidateJob:
    """A job, and the index of the candidate features that it is of."""

    job: ProbeJob
    candidate: int


@dataclass
class Evaluation:
    """Probes fitted to one kind of features in one setting, over all folds.

    candidate, setting: What the features are, and the setting of the probe.
    metric: Of its scores.
    over_folds: How folds make one score: `intervals.POOLED` or `MEAN`.
    predictions, outcomes: For each fold those of each time that its probe was fitted.
    """

    candidate: Candidate
    setting: Setting
    metric: str
    over_folds: str
    predictions: list[list[Predictions]] = field(default_factory=list)
    outcomes: list[list[ProbeOutcome]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What it is called: `layer 3`, or `layer 3, 5 shots, centroid`; "" if there is only one."""
        return ", ".join(part for part in (self.candidate.name, self.setting.name) if part)

    def tested(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Targets (n_clips, ...) and probabilities (n_times, n_clips, ...) of each fold."""
        probabilities = [np.stack([each.probabilities for each in fold]) for fold in self.predictions]
        return list(zip(self.targets, probabilities, strict=True))

    @property
    def targets(self) -> list[np.ndarray]:
        """Of each fold's test clips, (n_clips, ...)."""
        return [fold[0].targets for fold in self.predictions]

    @cached_property
    def fold_scores(self) -> np.ndarray:
        """Scores, (n_folds, n_times); not to be asked before all predictions are there."""
        return np.array([[metrics.score(self.metric, true, each) for each in fold] for true, fold in self.tested()])

    @cached_property
    def time_scores(self) -> np.ndarray:
        """Score of all folds each time that probes were fitted, (n_times,)."""
        return intervals.scores_by_training(self.tested(), self.metric, self.over_folds)

    @property
    def score(self) -> float:
        """Mean over times."""
        return float(self.time_scores.mean())

    def valid_scores(self) -> list[float | None]:
        """Validation score of each fold, mean over times; None if one is missing."""
        means = []
        for fold in self.outcomes:
            scores = [outcome.valid_score for outcome in fold if outcome.valid_score is not None]
            means.append(float(np.mean(scores)) if len(scores) == len(fold) else None)
        return means

    def valid_score(self) -> float | None:
        """Mean validation score over folds; None if one is missing."""
        scores = [score for score in self.valid_scores() if score is not None]
        return float(np.mean(scores)) if len(scores) == len(self.outcomes) else None

    def estimate(self, units: Units) -> intervals.Estimate:
        """Its score with all that the doubt of it is made of.

        Args:
            units: Groups or clips, of each fold's test clips (n_clips,).
        """
        return intervals.estimate(self.tested(), self.metric, units, self.over_folds)

    def point(self, made: intervals.Estimate) -> CurvePoint:
        """Its score with the interval, and its standard deviation over the times that probes were fitted.

        Args:
            made: What `estimate` gives, with changes (n_blocks,).
        """
        low, high = intervals.interval(made, self.metric)
        std = float(self.time_scores.std(ddof=1)) if len(self.time_scores) > 1 else None
        what = (self.candidate.name, self.candidate.layer, self.setting.n_shots, self.setting.head)
        return CurvePoint(self.name, self.score, low, high, self.valid_score(), std, *what)


@dataclass
class Choice:
    """What stands for the whole: one evaluation, or where folds chose for themselves, another one in each.

    Its predictions are probabilities (n_times, n_clips, n_classes) for each fold.

    by_fold: The evaluation that each fold's score is of.
    """

    by_fold: Sequence[Evaluation]

    @property
    def same(self) -> bool:
        """Whether all folds have the same one."""
        return len({id(each) for each in self.by_fold}) == 1

    @property
    def name(self) -> str:
        """What it is called: the evaluation's name, or `BY_FOLD`."""
        return self.by_fold[0].name if self.same else BY_FOLD

    @cached_property
    def evaluation(self) -> Evaluation:
        """The predictions and outcomes of all folds together."""
        if self.same:
            return self.by_fold[0]
        first = self.by_fold[0]
        return Evaluation(
            Candidate(BY_FOLD),
            Setting(),
            first.metric,
            first.over_folds,
            [each.predictions[fold] for fold, each in enumerate(self.by_fold)],
            [each.outcomes[fold] for fold, each in enumerate(self.by_fold)],
        )


def plan(
    targets: TaskTargets,
    folds: Sequence[Fold],
    candidates: Sequence[Candidate],
    seeds: Sequence[int],
    order: np.ndarray,
) -> list[CandidateJob]:
    """Every fold, seed and features as one job.

    Args:
        targets: Of the task.
        folds: Of clips, by their numbers among the features' clips.
        candidates: Features to fit probes to.
        seeds: Of the user; every fold has its own made from each.
        order: Rank of each clip where training is not shuffled, (n_clips,).
    """
    jobs = []
    for number, fold in enumerate(folds):
        train = targets.rows(fold.train[np.argsort(order[fold.train], kind="stable")])
        valid, test = targets.rows(fold.valid), targets.rows(fold.test)
        for which, candidate in enumerate(candidates):
            for index, seed in enumerate(seeds):
                series = which * len(seeds) + index
                job = ProbeJob(candidate.features, train, valid, test, _fold_seed(seed, number), number, series)
                jobs.append(CandidateJob(job, which))
    return jobs


def _fold_seed(seed: int, fold: int) -> int:
    """Seed of a fold's probe: no fold of one run shares it with another fold of the next seed's run."""
    return int(np.random.SeedSequence((seed, fold)).generate_state(1)[0])


def file_order(clips: Sequence[Clip]) -> np.ndarray:
    """Rank of each clip in HEAR's one order of training, (n_clips,): part by part, each shuffled once.

    Parts are the dataset's own folds or splits, sorted by name as HEAR's folds are; a dataset without any is one part.
    One generator serves all parts.

    Source: heareval 2021.1.3, embedding stage (files of a split are shuffled with random.Random(0)).
    """
    generator = random.Random(0)  # noqa: S311  (an order, no secret)
    parts: dict[str, list[int]] = {}
    for number, clip in enumerate(clips):
        parts.setdefault(clip.fold or clip.split, []).append(number)
    ranks = np.empty(len(clips), dtype=np.int64)
    ordered = []
    names = list(parts) if any(clip.split for clip in clips) else sorted(parts)  # splits: in the order of the metadata
    for name in names:
        generator.shuffle(parts[name])
        ordered += parts[name]
    ranks[ordered] = np.arange(len(clips))
    return ranks


def collect(
    jobs: Sequence[CandidateJob],
    outcomes: Sequence[Outcomes],
    targets: TaskTargets,
    folds: Sequence[Fold],
    candidates: Sequence[Candidate],
    over_folds: str,
) -> dict[Key, Evaluation]:
    """What came of all jobs, which go fold by fold, by candidate and setting.

    Each outcome's probabilities are (n_rows, n_classes); `over_folds` says how folds make one score.
    """
    evaluations: dict[Key, Evaluation] = {}
    for job, by_setting in zip(jobs, outcomes, strict=True):
        fold = folds[job.job.fold]
        for setting, repeated in by_setting.items():
            evaluation = evaluations.setdefault(
                (job.candidate, setting),
                Evaluation(candidates[job.candidate], setting, targets.row_targets.metric, over_folds),
            )
            if len(evaluation.predictions) <= job.job.fold:
                evaluation.predictions.append([])
                evaluation.outcomes.append([])
            evaluation.predictions[-1] += [
                targets.predictions(fold.test, each.test, fold.valid, each.valid) for each in repeated
            ]
            evaluation.outcomes[-1] += repeated
    return evaluations


def choose(evaluations: Mapping[Key, Evaluation], probe: ProbeKind, by: str) -> Choice:
    """What stands for the whole: of the probe's primary setting the best features, for each fold, (n_folds,).

    Measures without training choose nothing: the last features count. By validation, each fold chooses for itself: its validation clips
    are test clips of other folds, so that a choice by all of them together would have seen every test label.

    Args:
        evaluations: What was evaluated.
        probe: The probe.
        by: Which clips choose among features: "valid" or "test".

    Raises:
        EvaluationError: They should be chosen on validation, but there is nothing to score there.
    """
    among = [each for (_, setting), each in evaluations.items() if setting == probe.primary_setting]
    n_folds = len(among[0].predictions)
    if (
        len(among) == 1 or probe.measures
    ):  # nothing is trained, and nothing validates: the last layer stands for the whole
        return Choice(among[-1:] * n_folds)
    if by == "test":
        return Choice([max(among, key=lambda each: metrics.signed(each.metric, each.score))] * n_folds)
    chosen = []
    for fold, scores in enumerate(zip(*(each.valid_scores() for each in among), strict=True)):
        if any(score is None for score in scores):
            raise EvaluationError(
                f"layers are chosen by their validation score, but fold {fold + 1} of this split has no labelled validation "
                "clips; name one layer (--layers 6), or change the split"
            )
        chosen.append(among[int(np.argmax([metrics.signed(among[0].metric, score or 0.0) for score in scores]))])
    return Choice(chosen)
