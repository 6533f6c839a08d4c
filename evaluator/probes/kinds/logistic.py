"""Logistic regression with an L2 penalty, its strength chosen on validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob
from evaluator.probes.kind import ProbeKind
from evaluator.probes.sklearn_models import Fit, Predict, fit_best, logistic_regression
from evaluator.schema import Field
from evaluator.scoring.targets import Targets


@dataclass(frozen=True)
class Logistic(ProbeKind):
    """scikit-learn's LogisticRegression (L-BFGS); for several labels a clip, one a class.

    Features (n_clips, width) become probabilities (n_clips, n_classes).

    Cs: Inverse penalties to choose from, scikit-learn's unit; of equal validation scores the first wins.
    max_iter: Iterations of the solver.
    """

    Cs: tuple[float, ...]
    max_iter: int

    FIELDS = {  # noqa: RUF012 (a class variable of ProbeKind)
        "Cs": Field(
            list,
            each=Field(float, min=1e-12),
            meaning="Inverse L2 penalties to choose from on validation, in the unit of scikit-learn.",
        ),
        "max_iter": Field(int, min=1, meaning="Iterations of the solver at most."),
    }

    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """One for each penalty of each job."""
        return len(jobs) * len(self.Cs)

    def fit(self, request: FitRequest) -> list[Outcomes]:
        """Each job with the penalty that is best on its validation clips."""
        settings = [(f"C = {C:g}", self._with(C)) for C in self.Cs]
        return fit_best(request, lambda n_train: settings)

    def _with(self, C: float) -> Fit:
        def fit(x: np.ndarray, values: np.ndarray, targets: Targets) -> Predict:
            return logistic_regression(x, values, targets.labels, C, self.max_iter)

        return fit
