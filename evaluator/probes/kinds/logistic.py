"""Logistic regression with an L2 penalty, its strength chosen on validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.probes import choosing
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob
from evaluator.probes.kind import ProbeKind
from evaluator.probes.logistic_regression import Regression, fit_path
from evaluator.schema import Field


@dataclass(frozen=True)
class Logistic(ProbeKind):
    """Logistic regression at its optimum, a softmax over classes or, for several labels a clip, a sigmoid for each.

    Features (n_clips, width) become probabilities (n_clips, n_classes).

    Cs: Inverse penalties to choose from, scikit-learn's unit; of equal validation scores the first wins.
    max_iter: Newton steps of the solver.
    refit: Whether the one that is tested was fitted to training and validation clips.
    """

    Cs: tuple[float, ...]
    max_iter: int
    refit: bool = False

    APART = True
    FIELDS = {  # noqa: RUF012 (a class variable of ProbeKind)
        "Cs": Field(
            list,
            each=Field(float, min=1e-12, max=1e8),
            meaning="Inverse L2 penalties to choose from on validation, in the unit of scikit-learn.",
        ),
        "max_iter": Field(int, min=1, meaning="Newton steps of the solver at most; it rarely takes 20."),
        "refit": choosing.REFIT,
    }

    @property
    def refits(self) -> bool:
        """See `ProbeKind`."""
        return self.refit

    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """One for each penalty of each job."""
        return choosing.n_steps(jobs, len(self.Cs), self.refit)

    def fit(self, request: FitRequest) -> list[Outcomes]:
        """Each job with the penalty that is best on its validation clips."""
        return choosing.fit_best(
            request, choosing.Choosing(lambda n_train: self.Cs, lambda C: f"C = {C:g}", self._fit, self.refit)
        )

    def _fit(
        self, x: np.ndarray, values: np.ndarray, labels: str, Cs: Sequence[float], progress: Callable[[int], object]
    ) -> "_Path":
        return _Path(fit_path(x, values, labels, Cs, self.max_iter, progress))


@dataclass(frozen=True)
class _Path:
    """Regressions of several penalties as `choosing.Fitted`."""

    regressions: Sequence[Regression]

    def probabilities(self, x: np.ndarray, which: Sequence[int]) -> list[np.ndarray]:
        return [self.regressions[each].probabilities(x) for each in which]

    def unsettled(self, which: Sequence[int]) -> list[int]:
        return [each for each in which if not self.regressions[each].arrived]
