"""What is trained for one result, and what comes of it: every fold, seed and layer is one job, and all go together."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.splits import Fold
from evaluator.errors import EvaluationError
from evaluator.experiment.task_targets import Answer, Question
from evaluator.probes import fit
from evaluator.probes.features import Candidate
from evaluator.probes.fit import Said
from evaluator.probes.network import ProbeJob, ProbeOutcome
from evaluator.probes.settings import Probe
from evaluator.results.result import CurvePoint
from evaluator.scoring import intervals, metrics

BY_FOLD = "each fold's choice"


@dataclass(frozen=True)
class Trial:
    """A job, and the place of the features that it is of."""

    job: ProbeJob
    candidate: int


@dataclass
class Judged:
    """One of the features or settings that were judged, and what was said.

    name: `layer 3`, or `5 shots, centroid`; "" if there is only one; `BY_FOLD` for what each fold chose for itself.
    metric: Of its scores.
    answers, outcomes: For each fold what was said, each time that its probe was trained.
    by_fold: Where folds chose differently, what each chose.
    """

    name: str
    metric: str
    answers: list[list[Answer]] = field(default_factory=list)
    outcomes: list[list[ProbeOutcome]] = field(default_factory=list)
    by_fold: list[str] = field(default_factory=list)

    def tested(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Targets and probabilities (n_times, n_clips, ...) of each fold."""
        said = [np.stack([answer.probabilities for answer in fold]) for fold in self.answers]
        return list(zip(self.targets, said, strict=True))

    @property
    def targets(self) -> list[np.ndarray]:
        """Of each fold's test clips."""
        return [fold[0].targets for fold in self.answers]

    @cached_property
    def fold_scores(self) -> np.ndarray:
        """Scores, (n_folds, n_times); not to be asked before all is said."""
        return np.array([[metrics.score(self.metric, true, each) for each in said] for true, said in self.tested()])

    @property
    def score(self) -> float:
        """Mean over folds and times."""
        return float(self.fold_scores.mean())

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

    def point(self, seed: int, groups: Sequence[np.ndarray] | None) -> CurvePoint:
        """Its score with the bootstrap interval, and its deviation over the times that probes were trained."""
        low, high = intervals.bootstrap_interval(self.tested(), self.metric, seed=seed, groups=groups)
        by_time = self.fold_scores.mean(axis=0)
        std = float(by_time.std(ddof=1)) if len(by_time) > 1 else None
        return CurvePoint(self.name, self.score, low, high, self.valid_score(), std)


def plan(
    question: Question, folds: Sequence[Fold], candidates: Sequence[Candidate], seeds: Sequence[int], order: np.ndarray
) -> list[Trial]:
    """Every fold, seed and features as one job.

    Args:
        question: What is asked.
        folds: Of clips, by their places among the features' clips.
        candidates: Features to probe.
        seeds: Of the user; every fold has its own made from each.
        order: Rank of each clip where training is not shuffled, (n_clips,).
    """
    trials = []
    for number, fold in enumerate(folds):
        train = question.rows(fold.train[np.argsort(order[fold.train], kind="stable")])
        valid, test = question.rows(fold.valid), question.rows(fold.test)
        for which, candidate in enumerate(candidates):
            for place, seed in enumerate(seeds):
                series = which * len(seeds) + place
                job = ProbeJob(candidate.features, train, valid, test, fold_seed(seed, number), number, series)
                trials.append(Trial(job, which))
    return trials


def fold_seed(seed: int, fold: int) -> int:
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
    trials: Sequence[Trial],
    said: Sequence[Said],
    question: Question,
    folds: Sequence[Fold],
    candidates: Sequence[Candidate],
) -> dict[tuple[int, str], Judged]:
    """What was said, by features (their place) and setting of the probe ("" where there is one); trials go fold by fold."""
    found: dict[tuple[int, str], Judged] = {}
    for trial, by_setting in zip(trials, said, strict=True):
        fold = folds[trial.job.fold]
        for setting, outcomes in by_setting.items():
            name = ", ".join(part for part in (candidates[trial.candidate].name, setting) if part)
            judged = found.setdefault((trial.candidate, setting), Judged(name, question.targets.metric))
            if len(judged.answers) <= trial.job.fold:
                judged.answers.append([])
                judged.outcomes.append([])
            judged.answers[-1] += [question.answers(fold.test, each.test, fold.valid, each.valid) for each in outcomes]
            judged.outcomes[-1] += outcomes
    return found


def choose(found: Mapping[tuple[int, str], Judged], probe: Probe, by: str) -> Judged:
    """What stands for the whole: of the probe's headline setting the best features.

    By validation, each fold chooses for itself: its validation clips are test clips of other folds, so that a choice by
    all of them together would have seen every test label.

    Args:
        found: What was judged.
        probe: The probe.
        by: Which clips choose among features: "valid" or "test".

    Raises:
        EvaluationError: They should be chosen on validation, but there is nothing to score there.
    """
    headline = fit.headline(probe)
    among = [judged for (_, setting), judged in found.items() if setting == headline]
    if len(among) == 1:
        return among[0]
    if by == "test":
        return max(among, key=lambda judged: metrics.signed(judged.metric, judged.score))
    chosen = []
    for fold, scores in enumerate(zip(*(judged.valid_scores() for judged in among), strict=True)):
        if any(score is None for score in scores):
            raise EvaluationError(
                f"layers are chosen by their validation score, but fold {fold + 1} of this split has no labelled validation "
                "clips; name one layer (--layers 6), or change the split"
            )
        chosen.append(among[int(np.argmax([metrics.signed(among[0].metric, score or 0.0) for score in scores]))])
    if len({judged.name for judged in chosen}) == 1:
        return chosen[0]
    return Judged(
        BY_FOLD,
        among[0].metric,
        [judged.answers[fold] for fold, judged in enumerate(chosen)],
        [judged.outcomes[fold] for fold, judged in enumerate(chosen)],
        [judged.name for judged in chosen],
    )
