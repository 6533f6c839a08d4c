"""What a score is a mean of: columns (classes, or folds), each as it is and with each group of clips left out.

A group is what is sampled independently: an individual, a site, a recording, or a single clip. Throughout, `groups`
(n_clips,) holds the index of each clip's group, 0 to n_groups - 1.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Columns:
    """A score as the mean of its columns, times `share`.

    values: Of each column, (n_columns,); NaN where there is nothing to score.
    without: The same with each group left out, (n_groups, n_columns); NaN where nothing is left.
    sizes: Clips, positives or reference events that each group adds to each column, (n_groups, n_columns).
    share: Of the columns that are averaged, those that have a value: less than 1 where absent classes count as 0.
    """

    values: np.ndarray
    without: np.ndarray
    sizes: np.ndarray
    share: float = 1.0

    @property
    def score(self) -> float:
        """The score, of values (n_columns,); NaN where no column has one."""
        known = self.values[~np.isnan(self.values)]
        return float(known.mean() * self.share) if len(known) else float("nan")

    def known(self) -> "Columns":
        """The columns that have a value, (n_known,)."""
        known = ~np.isnan(self.values)
        return Columns(self.values[known], self.without[:, known], self.sizes[:, known], self.share)


def group_sums(values: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Sum of each group's clips, (n_groups, n_columns) float64; 0 for a group without clips.

    Args:
        values: (n_clips, n_columns).
        groups: (n_clips,).
        n_groups: How many groups there are.
    """
    sums = np.zeros((n_groups, values.shape[1]))
    if len(values):
        order = np.argsort(groups, kind="stable")
        ordered = groups[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        sums[ordered[starts]] = np.add.reduceat(np.asarray(values, dtype=np.float64)[order], starts, axis=0)
    return sums


def ratios(
    above: np.ndarray, below: np.ndarray, groups: np.ndarray, n_groups: int, sizes: np.ndarray | None = None
) -> Columns:
    """Columns that are a sum over clips divided by another one; NaN where the latter is 0.

    Args:
        above, below: What each clip adds to both, (n_clips, n_columns).
        groups: (n_clips,).
        n_groups: How many groups there are.
        sizes: What counts as a clip of a column, (n_clips, n_columns); `below` if None.
    """
    up, down = group_sums(above, groups, n_groups), group_sums(below, groups, n_groups)
    all_up, all_down = up.sum(axis=0), down.sum(axis=0)
    sizes = down if sizes is None else group_sums(sizes, groups, n_groups)
    return Columns(ratio(all_up, all_down), ratio(all_up - up, all_down - down), sizes)


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where below is 0; both have one shape."""
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
