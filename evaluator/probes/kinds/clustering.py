"""K-means on the tested clips without their labels, and how well its clusters agree with these: nothing is trained on labels."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.errors import EvaluationError
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob, ProbeOutcome, Setting
from evaluator.probes.kind import MeasureKind
from evaluator.schema import Field
from evaluator.scoring import partitions

_AGREEMENTS = {
    "v_measure": partitions.v_measure,
    "ami": partitions.adjusted_information,
    "ari": partitions.adjusted_rand,
}
_PERMUTATIONS = 100  # of labels, whose mean is the V-measure by chance


@dataclass(frozen=True)
class Clustering(MeasureKind):
    """Clusters of clips (n_clips, width), as many as they have classes; of several labels the first counts.

    scores: How they are compared with labels; the first stands for the whole.
    n_init: Starts of k-means, of which the one with the least sum of squares is taken.
    max_iter: Its steps.
    repeats: How often all of that is done, with other seeds; scores are means.
    seed: Of the first time; null for the user's (`--seeds`).
    """

    n_init: int
    max_iter: int
    repeats: int
    seed: int | None = None

    SEEDED = True
    FIELDS = {  # noqa: RUF012 (a class variable of ProbeKind)
        "scores": Field(
            list,
            each=Field(str, choices=tuple(_AGREEMENTS)),
            meaning="How clusters are compared with labels; the first stands for the whole.",
        ),
        "n_init": Field(
            int, min=1, meaning="Starts of k-means, of which the one with the least sum of squares is taken."
        ),
        "max_iter": Field(int, min=1, meaning="Steps of k-means at most."),
        "repeats": Field(int, min=1, meaning="How often all of that is done, with other seeds."),
        "seed": Field(
            (int, type(None)), required=False, min=0, meaning="Seed of the first time; empty for the user's."
        ),
    }

    @property
    def follows_seeds(self) -> bool:
        """See `ProbeKind`."""
        return self.seed is None

    def takes(self, labels: str) -> str:
        """See `ProbeKind`."""
        first = (
            "of several labels of a clip the first counts, in the order of the classes; the others are not looked at"
        )
        return first if labels == "multi" else ""

    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """One for each time."""
        return len(jobs) * self.repeats

    def refuse_tested(self, values: np.ndarray, recordings: Sequence[str], groups: Sequence[str]) -> None:
        """See `ProbeKind`."""
        classes = _first_classes(values)
        n_classes, n_known = len(np.unique(classes[classes >= 0])), int((classes >= 0).sum())
        if n_classes < 2:
            raise EvaluationError(
                f"clustering: the {len(values)} clips that are tested are of one class; nothing is to be told apart"
            )
        if n_classes == n_known:  # clusters of single clips agree with any labels: V-measure 1, whatever the vectors
            raise EvaluationError(
                f"clustering: each of the {n_known} labelled clips that are tested has a class of its own; nothing is to be found together"
            )

    def fit(self, request: FitRequest) -> list[Outcomes]:
        """The class and the cluster of each test row (n_rows, width), each time.

        Raises:
            EvaluationError: The clips are of one class, or each has a class of its own.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # sums in one order, whatever the machine
            return [
                {Setting(): [self._clustered(job, time, request) for time in range(self.repeats)]}
                for job in request.jobs
            ]

    def _clustered(self, job: ProbeJob, time: int, request: FitRequest) -> ProbeOutcome:
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        x, values = self.features(job, request), request.targets.values[job.test]
        self.refuse_tested(values, (), ())
        classes = _first_classes(values)
        n_classes = len(np.unique(classes[classes >= 0]))
        seed = self.seed if self.seed is not None else job.seed
        means = KMeans(n_classes, n_init=self.n_init, max_iter=self.max_iter, random_state=(seed + time) % 2**32)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", ConvergenceWarning
            )  # fewer distinct clips than classes: fewer clusters, and the score says it
            clusters = means.fit_predict(np.asarray(x, np.float64))
        by_chance = self._by_chance(classes, clusters)
        rows = np.stack(
            [np.stack([classes, np.full(len(x), by_chance[name]), clusters], axis=1) for name in self.scores], axis=1
        ).astype(np.float32)
        request.progress(1)
        return ProbeOutcome(rows, rows[:0], 0, None)

    def _by_chance(self, classes: np.ndarray, clusters: np.ndarray) -> dict[str, float]:
        """Mean scores of permuted labels (n_clips,), by name: 0 for those that are adjusted for chance."""
        if "v_measure" not in self.scores:
            return dict.fromkeys(self.scores, 0.0)
        random, known = np.random.default_rng(0), np.flatnonzero(classes >= 0)
        found = []
        for _ in range(_PERMUTATIONS):
            counts = np.zeros((classes.max() + 1, clusters.max() + 1), np.int64)
            np.add.at(counts, (random.permutation(classes[known]), clusters[known]), 1)
            found.append(partitions.v_measure(counts))
        return {**dict.fromkeys(self.scores, 0.0), "v_measure": float(np.mean(found))}


def _first_classes(values: np.ndarray) -> np.ndarray:
    """The number of each clip's first label, (n_clips,), -1 for clips without any; values are (n_clips, n_classes)."""
    return np.where(values.any(axis=1), values.argmax(axis=1), -1)
