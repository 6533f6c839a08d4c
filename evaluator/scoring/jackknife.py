"""How much a score depends on each group of its clips: the delete-a-group jackknife, and how many degrees of freedom it has.

Each group is left out of the score, not of the training. The variance of the score is a factor times the sum of the squared
changes; factor and degrees of freedom follow from the numbers of clips alone, as what they have to be if all clips were alike
and independent (Bell & McCaffrey 2002, Bias Reduction in Standard Errors for Linear Regression with Multi-Stage Samples). With
one column and groups of equal size that is the t interval of the groups' means.

Sources: Quenouille 1956 and Tukey 1958; Efron & Tibshirani 1993, chapter 11 (jackknife, its bias); Wolter 2007 (groups left out).
"""

from dataclasses import dataclass

import numpy as np

from evaluator.scoring.columns import Columns


@dataclass(frozen=True)
class Influence:
    """What each group contributes to the doubt of a score.

    value: The score; NaN where there is nothing to score.
    changes: How far each group moves it, (n_groups,).
    bias: How far it lies above what more clips would give, as far as leaving groups out tells.
    factor: What the sum of squared changes is multiplied with, for the variance; NaN where it cannot be known.
    freedom: Degrees of freedom of that variance; NaN where it cannot be known.
    """

    value: float
    changes: np.ndarray
    bias: float
    factor: float
    freedom: float


def influence(columns: Columns) -> Influence:
    """The influence of each group on a score.

    A column that few groups have a part in shows little of its doubt when they are left out, and none with a single one. In
    proportion to 1 / (number of its groups), its change is therefore measured against the other columns, as survey statistics
    does with a lonely unit (the R package survey, `lonely.psu="adjust"`).

    Args:
        columns: With n_groups rows, (n_groups, n_columns).
    """
    known = columns.known()
    n_groups, n_columns = known.sizes.shape
    if not n_columns:
        return Influence(float("nan"), np.zeros(n_groups), 0.0, float("nan"), float("nan"))
    bias = -(n_groups - 1) / n_groups * _changes(known).sum() / n_columns * known.share
    return Influence(known.score, _seen(known).mean(axis=1) * known.share, float(bias), *design(known.sizes))


def share_of_variance(columns: Columns, chosen: np.ndarray) -> float:
    """Which share of the variance comes from some of the columns, 0 to 1; NaN if there is no variance.

    Args:
        columns: (n_groups, n_columns).
        chosen: Which of the columns, (n_columns,) bool.
    """
    seen = _seen(columns.known())
    every, own = seen.sum(axis=1), seen[:, chosen[~np.isnan(columns.values)]].sum(axis=1)
    total = float(every @ every)
    return float(own @ every) / total if total else float("nan")


def _seen(known: Columns) -> np.ndarray:
    """Changes of each column, (n_groups, n_columns), those of thin ones in part against the other columns."""
    shares, thin = _shares(known.sizes), thinness(known.sizes)
    others = (known.values.sum() - known.values) / max(len(known.values) - 1, 1)
    return np.asarray((1 - thin * shares) * _changes(known) + thin * shares * (known.values - others))


def _changes(known: Columns) -> np.ndarray:
    """How far each column moves when each group joins it, (n_groups, n_columns); 0 where it is nothing without the group."""
    return np.where(np.isnan(known.without), 0.0, known.values - known.without)


def _shares(sizes: np.ndarray) -> np.ndarray:
    """Each group's share of each column's clips, (n_groups, n_columns)."""
    return np.asarray(sizes / np.maximum(sizes.sum(axis=0), 1))


def thinness(sizes: np.ndarray) -> np.ndarray:
    """Of each column 1 / (number of groups that have clips of it), (n_columns,); 0 for a single column.

    Args:
        sizes: Clips of each group in each column, (n_groups, n_columns).
    """
    if sizes.shape[1] < 2:
        return np.zeros(sizes.shape[1])
    return np.asarray(1 / np.maximum((sizes > 0).sum(axis=0), 1))


def design(sizes: np.ndarray) -> tuple[float, float]:
    """Factor and degrees of freedom of the variance, from the numbers of clips alone; NaN where no two groups share a column.

    If all clips were alike and independent, with variance 1, the changes would have the covariance M, (n_groups, n_groups), and
    the score the variance sum(1 / n_k) / K^2 of its K columns of n_k clips. The factor is their ratio, that over tr M; the
    degrees of freedom are Satterthwaite's, (tr M)^2 / sum of squares of M.

    Args:
        sizes: Clips of each group in each column, (n_groups, n_columns).
    """
    totals = sizes.sum(axis=0)
    sizes, totals = np.asarray(sizes[:, totals > 0], dtype=np.float64), totals[totals > 0].astype(np.float64)
    n_columns = len(totals)
    if not n_columns:
        return float("nan"), float("nan")
    thin, shares = thinness(sizes), _shares(sizes)
    left = totals - sizes
    several = (left > 0).all(axis=0)
    # A mean less the mean of the others: covariance -n / (left_g left_h) of two groups, n / (n_g left_g) of one alone.
    own = np.where(several, (1 - thin * shares) / np.where(several, left, 1) / n_columns, 0.0)
    covariance = np.diag((own**2 * sizes).sum(axis=1)) - _square(own * shares * np.sqrt(totals))
    if n_columns > 1:
        moved = thin * shares / n_columns
        against = (moved * n_columns - moved.sum(axis=1, keepdims=True)) / (n_columns - 1)
        covariance += _square(against / np.sqrt(totals))
    trace = float(np.trace(covariance))
    if not trace > 0:
        return float("nan"), float("nan")
    return float((1 / totals).sum()) / n_columns**2 / trace, trace**2 / float((covariance**2).sum())


def _square(rows: np.ndarray) -> np.ndarray:
    """Every row times every other, (n_groups, n_groups)."""
    return np.asarray(rows @ rows.T)
