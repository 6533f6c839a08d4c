"""How sure a score is: bootstrap intervals."""

from collections.abc import Sequence

import numpy as np

from evaluator.metrics import METRICS

DRAWS = 2000
# Metrics that are no mean over clips are computed anew on each draw; fewer draws keep a large task within a minute.
DRAWS_RECOMPUTED = 200


def bootstrap_interval(
    tested: Sequence[tuple[np.ndarray, np.ndarray]], metric: str, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of a score that is the mean over folds.

    Test clips are drawn anew with replacement inside each fold; the probes stay as they are, so the interval tells
    the doubt that comes from the choice of test clips and not that from training.

    Args:
        tested: Targets and probabilities (n_clips, n_classes) of each fold's test clips.
        metric: Name of the score.
        seed: Of the draws.
        level: Share of draws inside the interval, 0 to 1.

    Returns:
        Lower and upper end, in the unit of the score.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    random = np.random.default_rng(seed)
    if metric == "accuracy":
        folds = [
            random.binomial(len(true), METRICS[metric](true, probable), DRAWS) / len(true)  # hits of n draws
            for true, probable in tested
        ]
    else:
        folds = [
            np.array(
                [
                    METRICS[metric](true[rows], probable[rows])
                    for rows in random.integers(len(true), size=(DRAWS_RECOMPUTED, len(true)))
                ]
            )
            for true, probable in tested
        ]
    outside = (1 - level) / 2
    low, high = np.quantile(np.mean(folds, axis=0), [outside, 1 - outside])
    return float(low), float(high)
