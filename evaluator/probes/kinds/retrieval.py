"""Each clip as a query for the others, ranked by similarity, and how far classes lie apart: nothing is trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob, ProbeOutcome, Setting
from evaluator.probes.kind import MeasureKind
from evaluator.schema import Field
from evaluator.scoring import queries

_SEPARATION = ("gsr", "gsr_lift", "gsr_normalised")
_MAX_CLIPS = 12_000  # whose distances to each other are held at once (1.2 GB)


@dataclass(frozen=True)
class Retrieval(MeasureKind):
    """Measures of clips (n_clips, width) as queries for each other.

    scores: What is measured; the first stands for the whole.
    distance: `cosine`, `euclidean`, or `spearman` (rank correlation of two vectors).
    exclude: What is never found for a query beside itself: `none`, clips of the same `recording`, or of the same recording or `group`.
    without_match: What becomes of a query of which nothing alike may be found: `skip`, or `wrong`.
    min_class_size: Of the separation: classes of fewer clips are left out.
    permutations: Of the labels, whose mean is the separation by chance.
    """

    distance: str = "cosine"
    exclude: str = "none"
    without_match: str = "skip"
    min_class_size: int = 2
    permutations: int = 1000

    FIELDS = {  # noqa: RUF012 (a class variable of ProbeKind)
        "scores": Field(
            list,
            each=Field(str, choices=(*queries.OF_A_QUERY, *_SEPARATION)),
            meaning="What is measured; the first stands for the whole.",
        ),
        "distance": Field(
            str,
            required=False,
            default="cosine",
            choices=queries.DISTANCES,
            meaning="What tells how similar two clips are.",
        ),
        "exclude": Field(
            str,
            required=False,
            default="none",
            choices=("none", "recording", "group"),
            meaning="What is never found for a query: clips of its own recording, or of its own recording or group.",
        ),
        "without_match": Field(
            str,
            required=False,
            default="skip",
            choices=("skip", "wrong"),
            meaning="Whether a query of which nothing alike may be found is left out, or counts as wrong.",
        ),
        "min_class_size": Field(
            int, required=False, default=2, min=2, meaning="Of the separation: classes of fewer clips are left out."
        ),
        "permutations": Field(
            int, required=False, default=1000, min=1, meaning="Of the labels, whose mean is the separation by chance."
        ),
    }

    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """One a job."""
        return len(jobs)

    def refuse(self, labels: str, sizes: Sequence[np.ndarray], tested: Sequence[np.ndarray]) -> None:
        """See `ProbeKind`."""
        super().refuse(labels, sizes, tested)
        if labels == "multi" and set(self.scores) & set(_SEPARATION):
            raise UsageError(
                "the separation of classes is for tasks with one label a clip, and these are multi-label; take the protocol retrieval"
            )

    def refuse_tested(self, values: np.ndarray, recordings: Sequence[str], groups: Sequence[str]) -> None:
        """See `ProbeKind`."""
        if set(self.scores) & set(_SEPARATION) and len(values) > _MAX_CLIPS:
            raise EvaluationError(
                f"gsr: {len(values)} clips are tested, and the distances of at most {_MAX_CLIPS} are held; take the protocol retrieval, or a "
                "copy of the protocol without gsr"
            )
        apart = self._apart(len(values), recordings, groups)
        for name in self.scores:
            if name in _SEPARATION:  # as the ROC, it needs one that is alike and one that is not
                sizes = (values * values.sum(axis=0)).max(axis=1)  # of the class of each
                kept = sizes >= self.min_class_size
                known = queries.answered("retrieval_auc", values[kept], apart[kept], "skip")
            else:
                known = queries.answered(name, values, apart, self.without_match)
            if not known:
                raise EvaluationError(self._unanswered(name, len(values)))

    def fit(self, request: FitRequest) -> list[Outcomes]:
        """What each test row (n_rows, width) has as a query.

        Raises:
            UsageError: Clips have several labels, and the separation of classes is asked for.
            EvaluationError: No query can be answered, or there are too many clips for the separation.
        """
        self.refuse(request.targets.labels, (), ())
        return [{Setting(): [self._measured(job, request)]} for job in request.jobs]

    def _measured(self, job: ProbeJob, request: FitRequest) -> ProbeOutcome:
        x = self.features(job, request)
        values = request.targets.values[job.test]
        recordings, groups = ([of[row] for row in job.test if of] for of in (request.recordings, request.groups))
        self.refuse_tested(values, recordings, groups)
        apart = self._apart(len(x), recordings, groups)
        names = tuple(name for name in self.scores if name in queries.OF_A_QUERY)
        found = queries.rank(x, values, apart, self.distance, self.without_match, names)
        told = ""
        if set(self.scores) & set(_SEPARATION):
            made, told = self._separated(x, values, apart)
            found |= made
        rows = np.stack([_as_rows(found[name]) for name in self.scores], axis=1)
        request.progress(1)
        return ProbeOutcome(rows, rows[:0], 0, None, chosen=told)

    def _unanswered(self, name: str, n_clips: int) -> str:
        """Why no clip has a value of a score, and what could be done."""
        sizes = self.min_class_size if name in _SEPARATION and self.min_class_size > 2 else 0
        among = f", in classes of {sizes} clips or more (min_class_size: {sizes})" if sizes else ""
        return (
            f"{name}: none of {n_clips} clips has another one with the same label, and one without it, among those that may be found "
            f"for it (exclude: {self.exclude}){among}; copy the protocol's file, change exclude{' or min_class_size' if sizes else ''}, and give "
            "its path as --protocol"
        )

    def _separated(
        self, x: np.ndarray, values: np.ndarray, apart: np.ndarray
    ) -> tuple[dict[str, queries.QueryValues], str]:
        """The separation of each row (n_rows, width), plain and calibrated, and what permutations say of it."""
        classes = np.where(values.any(axis=1), values.argmax(axis=1), -1)
        made = queries.separation(x, classes, apart, self.distance, self.min_class_size, self.permutations)
        if np.isnan(made.baseline) and not np.isnan(made.values).all():
            raise EvaluationError(
                f"gsr: none of {self.permutations} permutations of the labels leaves a clip that can be compared, so that nothing says what is "
                "chance; copy the protocol's file, raise permutations, and give its path as --protocol"
            )
        own, by_chance = made.values, np.where(np.isnan(made.values), np.nan, made.baseline)
        zero = own * 0
        told = f"gsr by chance {made.baseline:.4g}, p = {made.p:.2g} ({self.permutations} permutations)"
        return {
            "gsr": queries.QueryValues(own, by_chance),
            "gsr_lift": queries.QueryValues(own - made.baseline, zero),
            "gsr_normalised": queries.QueryValues((own - made.baseline) / (1 - made.baseline), zero),
        }, told

    def _apart(self, n_clips: int, recordings: Sequence[str], groups: Sequence[str]) -> np.ndarray:
        """Numbers (n_clips, n_kinds): clips that share one are never found for each other."""
        if self.exclude == "none" or not recordings:
            return np.empty((n_clips, 0), int)
        kinds = [list(recordings)]
        if self.exclude == "group":  # a clip without one has only its recording
            kinds.append([group or f"none {number}" for number, group in enumerate(groups)])
        return np.stack([np.unique(names, return_inverse=True)[1] for names in kinds], axis=1)


def _as_rows(found: queries.QueryValues) -> np.ndarray:
    """Whether each query has a value, what chance gives it, and the value, (n_clips, 3) float32."""
    known = ~np.isnan(found.values)
    return np.stack([known, np.where(known, found.by_chance, 0), np.where(known, found.values, 0)], axis=1).astype(
        np.float32
    )
