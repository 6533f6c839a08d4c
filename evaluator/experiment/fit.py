"""The probes of an experiment: fitted to its embeddings, over every fold, seed and layer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.splits import Fold
from evaluator.embedding.matrix import Matrix
from evaluator.experiment import evaluation
from evaluator.experiment.evaluation import CandidateJob, Choice, Evaluation, Key
from evaluator.experiment.experiment import Embedded, Experiment
from evaluator.experiment.options import RunOptions
from evaluator.experiment.targets import ClipTargets, EventTargets, MeasureTargets, TaskTargets
from evaluator.experiment.usable import restrict
from evaluator.probes import apart, features
from evaluator.probes.features import Candidate
from evaluator.probes.jobs import FitRequest, Outcomes
from evaluator.scoring.events import PostProcessing
from evaluator.scoring.intervals import POOLED


@dataclass(frozen=True)
class Fitted:
    """What the probes of an experiment predict.

    Features are (n_rows, width), a row a clip or a row a frame.

    clips: The clips that could be used, in the order of the features' rows.
    folds: Of these clips, by their rows.
    targets: What the probes had to say.
    seeds: That probes were fitted with.
    evaluations: What came of each kind of features in each setting of the probe.
    choice: What stands for the whole.
    """

    clips: list[Clip]
    folds: list[Fold]
    targets: TaskTargets
    seeds: list[int]
    evaluations: Mapping[Key, Evaluation]
    choice: Choice


@dataclass(frozen=True)
class Probed:
    """What came of an experiment's probes, before it is put together by features and setting.

    clips, folds, targets, seeds: As those of `Fitted`.
    jobs: Which fold, seed and features each probe was of.
    outcomes: Of each job, probabilities (n_rows, n_classes).
    candidates: The features.
    over_folds: How folds make one score.
    """

    clips: list[Clip]
    folds: list[Fold]
    targets: TaskTargets
    seeds: list[int]
    jobs: list[CandidateJob]
    outcomes: list[Outcomes]
    candidates: list[Candidate]
    over_folds: str

    def evaluations(self) -> dict[Key, Evaluation]:
        """By features and setting, probabilities (n_times, n_clips, n_classes) of each fold."""
        parts = (self.jobs, self.outcomes, self.targets, self.folds, self.candidates, self.over_folds)
        return evaluation.collect(*parts)

    def fitted(self, evaluations: Mapping[Key, Evaluation], choice: Choice) -> Fitted:
        """All of it, with what stands for the whole; predictions are (n_times, n_clips, n_classes) for each fold."""
        return Fitted(self.clips, self.folds, self.targets, self.seeds, evaluations, choice)


def fit(experiment: Experiment, embedded: Embedded, options: RunOptions) -> Fitted:
    """Fit the protocol's probe to every fold, seed and kind of features, and say what stands for the whole.

    Feature matrices are (n_rows, width), targets (n_rows, n_classes).

    Args:
        experiment, embedded: What is evaluated, and its embeddings.
        options: Seeds, device and progress.

    Raises:
        UsageError: The probe cannot be fitted to such a task, or there is no such device.
        EvaluationError: A fold has no usable clips, or training diverges.
    """
    protocol = experiment.setup.protocol
    probed = fit_probes(experiment, embedded, options)
    evaluations = probed.evaluations()
    return probed.fitted(evaluations, evaluation.choose(evaluations, protocol.probe, protocol.choose_layer))


def fit_probes(experiment: Experiment, embedded: Embedded, options: RunOptions, n_ordered: int | None = None) -> Probed:
    """As `fit`, without a choice of what stands for the whole.

    Args:
        experiment, embedded, options: As those of `fit`, of (n_clips,) clips.
        n_ordered: How many of the clips, from the first on, decide the order of unshuffled training; None for all. Those behind are
            tested only.
    """
    protocol, every = experiment.setup.protocol, experiment.setup.recordings.clips
    good = sorted(embedded.extraction.keys)
    clips = [every[number] for number in good]
    folds = [restrict(fold, good) for fold in experiment.setup.tested_folds]
    keys = [embedded.extraction.keys[number] for number in good]
    targets, matrices, candidates, frames = _features(experiment, embedded, clips, keys)
    seeds = options.seeds if protocol.probe.follows_seeds else options.seeds[:1]
    first = evaluation.file_order(every[:n_ordered])
    order = np.concatenate([first, np.arange(len(first), len(every))])[good]
    jobs = evaluation.plan(targets, folds, candidates, seeds, order)
    plain = [each.job for each in jobs]
    advance = options.progress(f"{experiment.title}: probes", protocol.probe.n_steps(plain))
    request = FitRequest(plain, matrices, targets.row_targets, protocol.standardise, options.device, advance)
    if not isinstance(targets, EventTargets):
        recordings, groups = [clip.path for clip in clips], [clip.group for clip in clips]
        request = replace(request, recordings=recordings, groups=groups, frames=frames)
    over_folds = protocol.over_folds if len(folds) > 1 else POOLED  # of one split, both are the same
    outcomes = apart.fit(protocol.probe, request, options.workers)
    return Probed(clips, folds, targets, seeds, jobs, outcomes, candidates, over_folds)


def _features(
    experiment: Experiment, embedded: Embedded, clips: list[Clip], keys: list[str]
) -> tuple[TaskTargets, list[Matrix], list[Candidate], list[slice]]:
    """What the probes must say, the feature matrices (n_rows, width), what probes can be fitted to of them, and clips' frames if they are read."""
    task, protocol = experiment.setup.task, experiment.setup.protocol
    classes = experiment.setup.recordings.manifest.classes
    if experiment.views == "frames":
        frames, times, rows = embedded.store.read_frames(keys)
        if task.labels != "events":
            return ClipTargets(clips, classes, task.labels, task.metric), [frames], [Candidate("")], rows
        recordings = experiment.setup.recordings  # events are in the files' time, frames in the module's
        times = [each / recordings.slower(clip) for each, clip in zip(times, clips, strict=True)]
        choices = [PostProcessing(*pair) for pair in protocol.events]
        return EventTargets(clips, classes, task.metric, times, rows, choices), [frames], [Candidate("")], rows
    matrices, candidates = features.read(embedded.store, keys, experiment.layers, protocol.pooling)
    if protocol.probe.measures:
        return MeasureTargets(clips, classes, task.labels, protocol.probe.measures), matrices, candidates, []
    return ClipTargets(clips, classes, task.labels, task.metric), matrices, candidates, []
