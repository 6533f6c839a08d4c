"""What is handed to a probe and what comes back: jobs, the request to fit them, outcomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluator.embedding.matrix import Matrix
from evaluator.scoring.targets import Targets


@dataclass(frozen=True)
class ProbeJob:
    """One probe to fit.

    Attributes:
        features: Numbers of the feature matrices that it reads; several are mixed with learned weights.
        train, valid, test: Rows of them, (n_rows,) each; training rows in the order in which an unshuffled training goes.
        seed: Of its initial weights, orders and dropout.
        fold: Number of its fold, from 0.
        series: What it has in common with the probes of other folds, for which a grid's best point is chosen together.
    """

    features: tuple[int, ...]
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    seed: int
    fold: int = 0
    series: int = 0


@dataclass(frozen=True)
class ProbeOutcome:
    """What a fitted probe predicts.

    Attributes:
        test, valid: Probabilities of its test and validation rows, (n_rows, n_classes), float32; of kinds with `measures` what these
            are made of, (n_rows, n_measures, 3).
        chosen_epoch: Epoch, counted from 1, whose weights predicted it; 0 for probes without epochs.
        valid_score: The task's score on the validation rows; None without any, or if there is nothing to score.
        valid_losses, valid_scores: At each check on validation; empty where none was needed.
        n_epochs: That were trained.
        chosen: What was chosen beside the epoch, in words for people.
        shares: How much of each of several feature matrices it takes, sum 1; empty if it reads one.
        unsettled: Names of the choices whose solver did not arrive at its optimum.
    """

    test: np.ndarray
    valid: np.ndarray
    chosen_epoch: int
    valid_score: float | None
    valid_losses: tuple[float, ...] = ()
    valid_scores: tuple[float, ...] = ()
    n_epochs: int = 0
    chosen: str = ""
    shares: tuple[float, ...] = ()
    unsettled: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """One of several ways in which a probe is fitted to the same features, all of which are kept.

    n_shots: Training clips of each class; None where all are taken.
    head: The classifier that sees them, `centroid` or `logistic`; "" where there is one only.
    """

    n_shots: int | None = None
    head: str = ""

    @property
    def name(self) -> str:
        """What it is called: `5 shots, centroid`; "" where there is one only."""
        return "" if self.n_shots is None else f"{self.n_shots} shot{'' if self.n_shots == 1 else 's'}, {self.head}"


# For each setting of a job the outcomes of all repetitions (draws of few shots); one of each where nothing is repeated.
Outcomes = Mapping[Setting, Sequence[ProbeOutcome]]


@dataclass(frozen=True)
class FitRequest:
    """Jobs to fit, with all that they need.

    Attributes:
        jobs: The probes.
        matrices: Features, (n_rows, width) float32 each.
        targets: What the probes must say about each row.
        standardise: Whether features are set to mean 0 and standard deviation 1 of each probe's training rows.
        device: "auto", "cpu", "cuda", ... for probes that train there.
        progress: Called with the number of steps done since the last call; the probe's `n_steps` says how many there are.
        recordings, groups: Of each row, (n_rows,): its recording, and its group, "" for none; empty where the rows are frames.
        frames: Of each row, which rows of the matrices are its frames, (n_rows,); empty where the matrices have a row for each row.
    """

    jobs: Sequence[ProbeJob]
    matrices: Sequence[Matrix]
    targets: Targets
    standardise: bool = False
    device: str = "auto"
    progress: Callable[[int], object] = lambda n_steps: None
    recordings: Sequence[str] = ()
    groups: Sequence[str] = ()
    frames: Sequence[slice] = ()

    def only(self, jobs: Sequence[ProbeJob]) -> "FitRequest":
        """The same request for some of its jobs."""
        return replace(self, jobs=jobs)
