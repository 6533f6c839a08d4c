"""The labels of the nearest training clips by cosine, each counting the same; their number is chosen on validation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.probes import choosing
from evaluator.probes.jobs import FitRequest, Outcomes, ProbeJob
from evaluator.probes.kind import ProbeKind
from evaluator.schema import Field

BLOCK_VALUES = 8_000_000  # most distances, or labels of neighbours, that are held at once (64 MB)
_DECIMALS = 12  # of a distance, 0 to 2; what differs by less is rounding, and counts as a tie


@dataclass(frozen=True)
class Neighbours(ProbeKind):
    """The share of each label among the nearest training clips, of which every distance is computed once.

    Features (n_clips, width) become probabilities (n_clips, n_classes).

    n_neighbors: How many neighbours, to choose from; of equal validation scores the first wins. Numbers above that of the
        training clips are left out.
    refit: Whether validation clips are neighbours too when test clips are told.
    """

    n_neighbors: tuple[int, ...]
    refit: bool = False

    APART = True
    FIELDS = {  # noqa: RUF012 (a class variable of ProbeKind)
        "n_neighbors": Field(
            list, each=Field(int, min=1), meaning="Numbers of nearest training clips to choose from on validation."
        ),
        "refit": choosing.REFIT,
    }

    @property
    def refits(self) -> bool:
        """See `ProbeKind`."""
        return self.refit

    def n_steps(self, jobs: Sequence[ProbeJob]) -> int:
        """One for each number of neighbours of each job."""
        return choosing.n_steps(jobs, len(self.n_neighbors), self.refit)

    def fit(self, request: FitRequest) -> list[Outcomes]:
        """Each job with the number of neighbours that is best on its validation clips."""

        def numbers(n_train: int) -> Sequence[int]:
            return [number for number in self.n_neighbors if number <= n_train] or [n_train]

        return choosing.fit_best(request, choosing.Choosing(numbers, lambda n: f"{n} neighbours", _kept, self.refit))


def _kept(
    x: np.ndarray, values: np.ndarray, labels: str, numbers: Sequence[float], progress: Callable[[int], object]
) -> "_Kept":
    from sklearn.preprocessing import normalize

    progress(len(numbers))
    return _Kept(normalize(x, copy=False), values, [int(number) for number in numbers])


@dataclass(frozen=True)
class _Kept:
    """Training clips as `choosing.Fitted`: features (n_clips, width) of length 1 or 0, and their labels (n_clips, n_classes)."""

    x: np.ndarray
    values: np.ndarray
    numbers: Sequence[int]

    def probabilities(self, x: np.ndarray, which: Sequence[int]) -> list[np.ndarray]:
        numbers = [self.numbers[each] for each in which]
        shares = [np.zeros((len(x), self.values.shape[1])) for _ in numbers]
        for rows, nearest in neighbours(self.x, x, max(numbers), self.values.shape[1]):
            for share, number in zip(shares, numbers, strict=True):
                share[rows] = self.values[nearest[:, :number]].mean(axis=1, dtype=np.float64)
        return shares

    def unsettled(self, which: Sequence[int]) -> list[int]:
        return []


def neighbours(known: np.ndarray, x: np.ndarray, number: int, n_classes: int) -> Iterator[tuple[slice, np.ndarray]]:
    """The nearest of the known clips by cosine, nearest first, of equally near ones the first: (n_block, number) indices.

    Args:
        known: Features of length 1 or 0, (n_known, width), float64.
        x: Features of the clips that are asked about, (n_clips, width); 0 is at distance 1 from all.
        number: How many, 1 to n_known.
        n_classes: Of the labels that will be looked up; sets the size of blocks.

    Yields:
        Which of the clips, and the indices of their neighbours.
    """
    from sklearn.preprocessing import normalize

    size = max(1, BLOCK_VALUES // max(len(known), number * n_classes))
    for first in range(0, len(x), size):
        block = normalize(x[first : first + size])
        distances = np.round(1 - block @ known.T, _DECIMALS)
        yield slice(first, first + len(block)), _smallest(distances, number)


def _smallest(distances: np.ndarray, number: int) -> np.ndarray:
    """Indices of the smallest of each row (n_rows, n_known), rising, of equal ones the first: (n_rows, number)."""
    if number < distances.shape[1]:
        some = np.argpartition(distances, number - 1, axis=1)[:, :number]
        furthest = np.take_along_axis(distances, some[:, -1:], axis=1)
        tied = np.flatnonzero((distances <= furthest).sum(axis=1) > number)  # the partition chose among equals
        some[tied] = np.argsort(distances[tied], axis=1, kind="stable")[:, :number]
    else:
        some = np.tile(np.arange(number), (len(distances), 1))
    some.sort(axis=1)
    order = np.argsort(np.take_along_axis(distances, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)
