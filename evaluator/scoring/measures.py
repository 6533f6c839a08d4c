"""Scores that need no training: of clips as queries for each other, and of clusters.

`targets` and `probabilities` are not of classes here. Of queries, `targets` (n_clips, 2) holds 1 where a clip has a value, and what a random order
gives it; `probabilities` (n_clips, 1) its value. Of clusters, `targets` (n_clips, 2) holds the number of a clip's class (-1 for none), and what
permuted labels give on average; `probabilities` (n_clips, 1) the number of its cluster. Intervals leave clips or groups out as queries; they stay
among what the others find.
"""

import math
from functools import partial

import numpy as np

from evaluator.scoring import partitions
from evaluator.scoring.columns import Columns, ratios
from evaluator.scoring.metric import Metric


def query_mean(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Mean over the clips (n_clips,) that have a value."""
    asked = targets[:, :1]
    return ratios(probabilities * asked, asked, groups, n_groups)


def chance(metric: str, targets: np.ndarray) -> float:
    """What clips (n_clips,) score by chance: mean over those that count."""
    counted = targets[:, 0] >= 0 if metric in CLUSTERS else targets[:, 0] > 0
    return float(targets[counted, 1].mean()) if counted.any() else float("nan")


_QUERIES = {
    "retrieval_auc": "area under the ROC curve of all other clips, ranked by similarity to a clip, mean over clips",
    "retrieval_map": "average precision of all other clips, ranked by similarity to a clip, mean over clips",
    "precision_at_1": "share of clips whose most similar other clip shares a label with them",
    "precision_at_5": "share of the 5 most similar other clips that share a label with a clip, mean over clips",
    "r_precision": "share of the R most similar other clips that share a label with a clip, R being how many do, mean over clips",
    "gsr": "global separation rate: how much nearer clips of one class lie than the nearest of another, 50 % where as near, mean over clips",
}
_LIFTS = {
    "gsr_lift": "global separation rate less what permuted labels give",
    "gsr_normalised": "global separation rate less what permuted labels give, as a share of what is left up to 1",
}
_TITLES = {
    "retrieval_auc": "ROC AUC of retrieval",
    "retrieval_map": "mAP of retrieval",
    "r_precision": "R-precision",
    "gsr": "GSR",
    "gsr_lift": "GSR above chance",
    "gsr_normalised": "normalised GSR",
}
CLUSTERS = {
    "v_measure": Metric(
        partial(partitions.of_counts, partitions.v_measure),
        "V-measure of clusters and labels, which is their normalised mutual information (NMI)",
        of_measures=True,
        title="V-measure",
    ),
    "ami": Metric(
        partial(partitions.of_counts, partitions.adjusted_information),
        "mutual information of clusters and labels, adjusted for chance",
        low=-1.0,
        of_measures=True,
        title="adjusted mutual information",
    ),
    "ari": Metric(
        partial(partitions.of_counts, partitions.adjusted_rand),
        "Rand index of clusters and labels, adjusted for chance",
        low=-1.0,
        of_measures=True,
        title="adjusted Rand index",
    ),
}
MEASURES: dict[str, Metric] = {
    **{
        name: Metric(query_mean, meaning, of_measures=True, title=_TITLES.get(name, ""))
        for name, meaning in _QUERIES.items()
    },
    **{
        name: Metric(query_mean, meaning, low=-math.inf, of_measures=True, title=_TITLES.get(name, ""))
        for name, meaning in _LIFTS.items()
    },
    **CLUSTERS,
}
