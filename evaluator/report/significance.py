"""Which of several results are significantly better than which.

One is if the differences in the same groups, or test clips, say so (`differences.between`, below `differences.SURE`), corrected for
all pairs (Holm).
"""

from collections.abc import Sequence

import numpy as np

from evaluator.results.caveats import Caveat, Shared, is_grave
from evaluator.scoring import differences, metrics
from evaluator.scoring.intervals import Estimate


def without_verdict(
    caveats: Sequence[Sequence[Caveat]], shared: Sequence[Shared], hides_luck: Sequence[bool]
) -> np.ndarray:
    """Whether two results cannot be told from each other, whatever their scores, (n_results, n_results): as in `compare`.

    Args:
        caveats: Of each result, (n_results,).
        shared: What each has to share with whatever it is compared with.
        hides_luck: Whether its probes draw something and were trained once.
    """
    alone = np.array(hides_luck, dtype=bool) | np.array([any(map(is_grave, each)) for each in caveats], dtype=bool)
    unlike = np.array([[one != other for other in shared] for one in shared], dtype=bool)
    return alone[:, None] | alone[None, :] | unlike


def significantly_better(made: Sequence[Estimate], unlike: np.ndarray, metric: str) -> np.ndarray:
    """Whether each result is significantly better than each other, (n_results, n_results), row than column.

    Args:
        made: Their scores, of the same units; NaN is neither better nor worse.
        unlike: Whether two results cannot be told from each other whatever their scores, (n_results, n_results).
        metric: Name of the score.
    """
    rows, columns = np.triu_indices(len(made), 1)
    found = [
        float("nan") if unlike[row, column] else differences.between(made[row], made[column]).p
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    significant = np.array(differences.holm(found), dtype=float) < differences.SURE  # (n_pairs,); NaN is not
    values = np.array([each.value for each in made])
    up = (values[rows] > values[columns]) == (metrics.METRICS[metric].best == "highest")
    better = np.zeros((len(made), len(made)), dtype=bool)
    better[np.where(up, rows, columns)[significant], np.where(up, columns, rows)[significant]] = True
    return better
