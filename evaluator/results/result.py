"""The result of one module on one task under one protocol: scores, doubt, predictions, and where they came from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from evaluator.module_names import is_baseline
from evaluator.results import table
from evaluator.results.caveats import DAGGER, Caveat, mark, with_facts
from evaluator.results.hearing import Hearing
from evaluator.scoring.metrics import METRICS

SCHEMA_VERSION = 6


@dataclass(frozen=True)
class CurvePoint:
    """One of several features or settings that probes were fitted on: a layer, a number of shots.

    Scores are means over folds of (n_clips, n_classes) predictions.

    name: What it is called in words, such as `layer 3` or `layer 3, 5 shots, centroid`; "" where there was only one.
    score, ci_low, ci_high: As those of a result.
    valid_score: On the validation clips, mean over folds; None where they have no say or no label.
    std: Standard deviation of the score over the times that probes were trained (seeds, draws of shots); None for one.
    features: What the features are called: `layer 3`, `mean of layers`; "" for the module's only ones.
    layer: The layer's number from 0; None for other features.
    n_shots: Training clips of each class; None where all were taken.
    head: The classifier that saw the shots, `centroid` or `logistic`; "" without shots.
    """

    name: str
    score: float
    ci_low: float
    ci_high: float
    valid_score: float | None
    std: float | None
    features: str = ""
    layer: int | None = None
    n_shots: int | None = None
    head: str = ""


@dataclass(frozen=True)
class FoldResult:
    """One fold: its score, sizes in clips, and which epoch's weights, or which setting, was tested.

    Where probes were trained several times, the score is the mean; the rest is the first time's. `layer_shares` are the learned
    weights of `--layers weighted`, (n_layers,), sum 1. `point` is the place in the result's curve of what the score is of;
    `chosen` says the same and what else was chosen, for people.
    """

    name: str
    score: float
    n_train: int
    n_valid: int
    n_test: int
    chosen_epoch: int
    valid_score: float | None
    chosen: str = ""
    layer_shares: tuple[float, ...] = ()
    point: int = 0


@dataclass(frozen=True, repr=False)
class Result:
    """One (module, task, protocol): score, doubt, predictions and where they came from.

    Attributes:
        score, ci_low, ci_high: Of all folds (`over_folds`), in the metric's unit, and its 95 % interval over groups or clips, and
            over trainings if there are several; NaN at both ends where there is no honest one.
        seeds, seed_scores: Seeds that the probes were trained with, and the score of each; their mean is `score`.
        std: Standard deviation of the score over seeds, or over the draws of few shots; None if trained once.
        scores: Other scores of the same predictions, by name.
        chosen: Which of several features or settings the score is of, a name in `curve`; "" if there was only one. Where
            folds chose different ones for themselves, it says so, and each fold tells its own.
        curve: Everything that probes were fitted on, in order.
        failed: Clips that could not be used, with the reason.
        notes: Sentences about how the score came about, without a doubt in them.
        caveats: Facts that limit what the score means.
        interval_over, n_units: What the interval is over: `clips`, or `groups` of them (individuals, recordings), and how many;
            0 where an earlier version did not keep it.
        over_folds: How folds make one score: `pooled` (all their test clips together), or the `mean` of their scores.
        group_scores: Score of each group by name, `accuracy` or `map` (`scoring/group_scores.py`); empty beyond 100.
        hearing: How the clips were recorded, in Hz, and what of that the module heard; None in results that do not tell.
        confusion: Counts, row = true class, column = predicted; None for multi-label tasks.
        seconds: Wall time by stage.
        provenance: What decides question and answer: the whole task and protocol, their hashes and those of clips, audio,
            weights and code, layers and seeds.
        environment: What differs between machines and moments: host, folders, command, start time, versions, devices
            (`environment.py`). Results that differ in nothing else but it and `seconds` are equal.
        test_clips, test_groups, test_seconds, test_targets, test_probabilities: For each fold the test clips' names, their
            groups ("" for none), lengths in seconds (n_clips,), targets (n_clips, n_classes) and probabilities (n_times, n_clips, n_classes), n_times being
            how often probes were trained. For tasks that ask when: counts of each clip instead (`events.tally`);
            of measures without training, targets (n_clips, 2) and values (n_times, n_clips, 1) as in `scoring/measures.py`.
        test_events: For such tasks, the events found in each fold the first time: (n_events, 4), place of the clip in the
            fold, place of the class, onset and offset in ms. Empty for others.
    """

    module: str
    weights: str
    options: dict[str, Any]
    task: str
    dataset: str
    protocol: str
    profile: str
    metric: str
    score: float
    ci_low: float
    ci_high: float
    seeds: list[int]
    seed_scores: list[float]
    std: float | None
    scores: dict[str, float]
    chosen: str
    curve: list[CurvePoint]
    folds: list[FoldResult]
    n_clips: int
    n_failed: int
    n_silent: int
    failed: dict[str, str]
    notes: list[str]
    classes: list[str]
    confusion: list[list[int]] | None
    seconds: dict[str, float]
    provenance: dict[str, Any]
    test_clips: list[list[str]] = field(repr=False)
    test_groups: list[list[str]] = field(repr=False)
    test_seconds: list[np.ndarray] = field(repr=False)
    test_targets: list[np.ndarray] = field(repr=False)
    test_probabilities: list[np.ndarray] = field(repr=False)
    test_events: list[np.ndarray] = field(repr=False)
    caveats: list[Caveat] = field(default_factory=list)
    interval_over: str = "clips"
    n_units: int = 0
    over_folds: str = "pooled"
    group_scores: dict[str, float] = field(default_factory=dict)
    hearing: Hearing | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def run(self) -> str:
        """Name of the run, 8 hex digits: equal for equal questions about equal audio, whatever the answer."""
        return run_of(vars(self))

    @property
    def is_baseline(self) -> bool:
        """Whether it stands beside others to be compared with, such as chance, or log-mel that came by `--baselines`."""
        return is_baseline(self.module, [str(word) for word in self.environment.get("command") or ()])

    def summary(self) -> dict[str, Any]:
        """What `--json` prints: the result as one flat object, without predictions, notes, provenance and environment."""
        names = (*table.COLUMNS, "seed_scores", "scores", "group_scores", "n_silent", "seconds")
        listed = {name: [asdict(each) for each in getattr(self, name)] for name in ("curve", "folds")}
        caveats = [with_facts(each) for each in self.caveats]
        return {**{name: getattr(self, name) for name in names}, **listed, "caveats": caveats}

    def to_frame(self) -> Any:
        """A row for each test clip with its label, prediction and probabilities, as a pandas DataFrame (`table.clip_frame`).

        Raises:
            UsageError: pandas is not installed.
        """
        return table.clip_frame(self)

    def __repr__(self) -> str:
        """What a session shows: module, task, protocol, score with its interval, the run's name (which its file has), and caveats."""
        metric = METRICS.get(self.metric)
        if metric is None:  # such a one is refused where it matters
            return f"Result({self.module} on {self.task}: {self.metric} {self.score:.4g})"
        unit = f" {metric.unit}" if metric.unit else ""
        span = metric.interval(self.ci_low, self.ci_high)
        interval = "no interval" if span == "none" else f"95 % interval {span} over {self.n_units} {self.interval_over}"
        of = f", of {self.chosen}" if self.chosen else ""
        notes = "".join(f"; {DAGGER} {each.text}" for each in self.caveats)
        return (
            f"Result({self.module} on {self.task}, {self.protocol} ({self.profile}): {self.metric} "
            f"{metric.shown(self.score)}{unit}{mark(self.caveats)} ({interval}){of}, run {self.run}{notes})"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: one row with score, interval and caveats."""
        return table.as_html(table.marked_rows([self]))


def run_of(fields: Mapping[str, Any]) -> str:
    """Name of the run of which these are the fields, by their names; for all that they tell of the question."""
    question = [fields[name] for name in ("module", "weights", "options", "task", "protocol", "profile")]
    decides = (
        "seed",
        "n_seeds",
        "layers",
        "task_sha256",
        "protocol_sha256",
        "manifest_sha256",
        "audio_sha256",
        "fused_runs",
        "session",
    )
    question += [fields["provenance"].get(name) for name in decides]
    question += [fields["provenance"][name] for name in ("kept_as", "degradation") if name in fields["provenance"]]
    return run_name(question)


def run_name(question: Any) -> str:
    """8 hex digits that stand for a question, equal for equal ones."""
    return hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode()).hexdigest()[:8]
