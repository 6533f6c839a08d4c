"""What every kind of probe has: its fields in a protocol's YAML, its step count, and how it is fitted.

A kind is one file of `evaluator/probes/kinds/`, named as the kind is called in YAML, with one dataclass that is a `ProbeKind`;
`kinds.KINDS` lists the folder.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob, Setting
from evaluator.schema import Field
from evaluator.words import counted


class ProbeKind(ABC):
    """A probe with its settings; concrete kinds are frozen dataclasses whose fields are those of `FIELDS`.

    It reads feature matrices (n_rows, width) and predicts probabilities (n_rows, n_classes).

    Attributes:
        FIELDS: What may stand under `probe:` in a protocol beside `kind`.
        APART: Whether each job is fitted by itself, so that some may be fitted in other processes.
        SEEDED: Whether something in it is drawn, so that luck is in its predictions.
        MIXES_LAYERS: Whether it can learn weights of several feature matrices (`--layers weighted`).
        READS_FRAMES: Whether it reads the frames of each clip (`FitRequest.frames`), also where clips have labels and no events.
        TASK_FIELDS: Names of the fields that a task may change of its own protocol.

    A kind with `measures` trains nothing: all tested clips of all folds come to it as the test rows of one job, and what it says of each row
    is (n_rows, n_measures, 3): the two targets of a measure and its value, as `scoring/measures.py` has them.
    """

    FIELDS: ClassVar[Mapping[str, Field]]
    APART: ClassVar[bool] = False
    SEEDED: ClassVar[bool] = False
    MIXES_LAYERS: ClassVar[bool] = False
    READS_FRAMES: ClassVar[bool] = False
    TASK_FIELDS: ClassVar[tuple[str, ...]] = ()

    @property
    def follows_seeds(self) -> bool:
        """Whether another seed of the user's (`--seeds`) gives other predictions: not where the settings fix what is drawn."""
        return self.SEEDED

    @property
    def primary_setting(self) -> Setting:
        """The setting whose score stands for the whole."""
        return Setting()

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the scores that it gives in place of the task's metric, the first of which stands for the whole; empty for classifiers."""
        return ()

    @property
    def weights_classes(self) -> bool:
        """Whether its loss weights classes, which is defined for tasks with one label a clip only."""
        return False

    @property
    def refits(self) -> bool:
        """Whether what is tested was fitted to training and validation clips."""
        return False

    def takes(self, labels: str) -> str:
        """What a reader should know of how it takes labels, `single`, `multi` or `events`; empty where that goes without saying."""
        return ""

    def refuse(self, labels: str, sizes: Sequence[np.ndarray], tested: Sequence[np.ndarray]) -> None:  # noqa: B027 (most take all)
        """Refuse targets that it cannot be fitted to; asked before anything is embedded, and again of the clips that could be.

        Args:
            labels: `single`, `multi`, or `events`, whose frames are not known yet: nothing is said of sizes then.
            sizes: Of each fold, training rows of each class, (n_classes,).
            tested: Of each fold, which classes are tested, (n_classes,).

        Raises:
            UsageError: It is not for such tasks.
            EvaluationError: A class has fewer training rows than it needs.
        """

    def refuse_tested(  # noqa: B027 (most take all)
        self, values: np.ndarray, recordings: Sequence[str], groups: Sequence[str]
    ) -> None:
        """Refuse tested clips among which it could measure nothing, whatever their embeddings; asked as `refuse` is, of a kind with `measures`.

        Args:
            values: 1 where a clip has a label, (n_clips, n_classes).
            recordings, groups: Of each clip, (n_clips,): its recording, and its group, "" for none; empty where they are not known.

        Raises:
            EvaluationError: There is nothing to be found.
        """

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with its fields beyond their types: (field, sentence) pairs."""
        for name in self.FIELDS:
            if self.FIELDS[name].kind is list and self.FIELDS[name].required and not getattr(self, name):
                yield name, "is empty, but should name one choice at least"

    def fixed_by_grid(self) -> set[str]:
        """Names of the fields that it chooses by itself, which a task cannot set."""
        return set()

    @abstractmethod
    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """What the progress of `fit` adds up to."""

    @abstractmethod
    def fit(self, request: FitRequest) -> list[Outcomes]:
        """The outcomes of each job, in order.

        Raises:
            UsageError: The probe cannot be fitted to such targets, or there is no such device.
            EvaluationError: A job lacks the rows that it needs, or its training diverges.
        """


@dataclass(frozen=True)
class MeasureKind(ProbeKind):
    """What trains nothing: its scores take the place of the task's metric, (n_rows, n_measures, 3) as in `ProbeKind`.

    scores: What is measured; the first stands for the whole.
    """

    scores: tuple[str, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """See `ProbeKind`."""
        return self.scores

    def refuse(self, labels: str, sizes: Sequence[np.ndarray], tested: Sequence[np.ndarray]) -> None:
        """See `ProbeKind`."""
        if labels == "events":
            raise UsageError(
                f"{self.scores[0]} is measured on clips with labels, and these are events with times; take the protocol hear"
            )

    def features(self, job: ProbeJob, request: FitRequest) -> np.ndarray:
        """The vectors of a job's test rows, (n_rows, width) float32.

        Raises:
            EvaluationError: One holds NaN or infinite values, which have no place in an order.
        """
        x = request.matrices[job.features[0]].take(job.test)
        n_bad = int((~np.isfinite(x).all(axis=1)).sum())
        if n_bad:
            raise EvaluationError(
                f"{self.scores[0]}: of {len(x)} clips that are tested, {counted(n_bad, 'embeddings hold')} NaN or infinite values"
            )
        return x

    def problems(self) -> Iterator[tuple[str, str]]:
        """See `ProbeKind`."""
        yield from super().problems()
        if len(set(self.scores)) < len(self.scores):
            yield "scores", f"is {list(self.scores)}, but should name each once"
