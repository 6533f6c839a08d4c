"""What embeddings are asked for: the right answers, and how answers are scored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.scoring import metrics


@dataclass(frozen=True)
class Targets:
    """The right answers of every row of the features (a clip, or a frame).

    Attributes:
        values: (n_rows, n_classes), 0 or 1.
        labels: "single" (softmax and cross-entropy) or "multi" (sigmoid and binary cross-entropy).
        metric: Name of the score.
        scored: Gives the score of probabilities (n, n_classes) for rows (n,), and in words how it came about; the metric
            over these rows if None.
    """

    values: np.ndarray
    labels: str
    metric: str
    scored: Callable[[np.ndarray, np.ndarray], tuple[float, str]] | None = None

    def score(self, rows: np.ndarray, probabilities: np.ndarray) -> tuple[float, str]:
        """The score of what is said about some rows, NaN where there is nothing to score or NaN is said, and how it came about."""
        if not np.isfinite(probabilities).all():
            return float("nan"), ""
        if self.scored is not None:
            return self.scored(rows, probabilities)
        true = self.values[rows]
        return (metrics.score(self.metric, true, probabilities) if true.any() else float("nan")), ""

    def probabilities(self, logits: Any) -> Any:
        """Probabilities of outputs (..., n_classes) of a network."""
        import torch

        return torch.softmax(logits, -1) if self.labels == "single" else torch.sigmoid(logits)
