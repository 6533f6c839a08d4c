"""Which of several results are significantly better than which.

One is if a paired bootstrap over their test clips says so (`intervals.p_values`, below `intervals.SURE`), corrected for all
pairs (Holm).
"""

import numpy as np

from evaluator.scoring import intervals, metrics

_PAIRS = 250  # tested at once; their draws take 8 MB


def significantly_better(values: np.ndarray, resampled: np.ndarray, metric: str, n_units: int) -> np.ndarray:
    """Whether each result is significantly better than each other, (n_results, n_results), row than column.

    Args:
        values: Scores, (n_results,); NaN is neither better nor worse.
        resampled: Their scores in the same draws of test clips, (n_results, n_draws).
        metric: Name of the score.
        n_units: Clips or groups that were drawn from.
    """
    rows, columns = np.triu_indices(len(values), 1)
    rows, columns = (side[~np.isnan(values[rows] - values[columns])] for side in (rows, columns))
    p = [
        intervals.p_values(resampled[one] - resampled[other], values[one] - values[other], n_units)
        for one, other in (
            (rows[start : start + _PAIRS], columns[start : start + _PAIRS]) for start in range(0, len(rows), _PAIRS)
        )
    ]
    significant = np.array(intervals.holm(np.concatenate([*p, []]).tolist())) < intervals.SURE  # (n_pairs,)
    up = (values[rows] > values[columns]) == (metrics.METRICS[metric].best == "highest")
    better = np.zeros((len(values), len(values)), dtype=bool)
    better[np.where(up, rows, columns)[significant], np.where(up, columns, rows)[significant]] = True
    return better
