"""The labels of the nearest training clips by cosine, each counting the same; their number is chosen on validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob
from evaluator.probes.kind import ProbeKind
from evaluator.probes.sklearn_models import Fit, Predict, fit_best
from evaluator.schema import Field
from evaluator.scoring.targets import Targets


@dataclass(frozen=True)
class Neighbours(ProbeKind):
    """The share of each label among the nearest training clips, by scikit-learn's brute-force search.

    Features (n_clips, width) become probabilities (n_clips, n_classes).

    n_neighbors: How many neighbours, to choose from; of equal validation scores the first wins. Numbers above that of the
        training clips are left out.
    """

    n_neighbors: tuple[int, ...]

    FIELDS = {  # noqa: RUF012 (a class variable of ProbeKind)
        "n_neighbors": Field(
            list, each=Field(int, min=1), meaning="Numbers of nearest training clips to choose from on validation."
        )
    }

    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """One for each number of neighbours of each job."""
        return len(jobs) * len(self.n_neighbors)

    def fit(self, request: FitRequest) -> list[Outcomes]:
        """Each job with the number of neighbours that is best on its validation clips."""

        def settings_of(n_train: int) -> list[tuple[str, Fit]]:
            usable = [number for number in self.n_neighbors if number <= n_train] or [n_train]
            return [(f"{number} neighbours", _nearest(number)) for number in usable]

        return fit_best(request, settings_of)


def _nearest(number: int) -> Fit:
    def fit(x: np.ndarray, values: np.ndarray, targets: Targets) -> Predict:
        from sklearn.neighbors import KNeighborsRegressor

        # In float64, since squares of large features overflow in float32.
        model = KNeighborsRegressor(number, metric="cosine", algorithm="brute").fit(x.astype(np.float64), values)
        return lambda rows: model.predict(rows.astype(np.float64)).reshape(len(rows), -1)

    return fit
