"""Results whose parts do not fit together: refused before they are ranked."""

from pathlib import Path

from evaluator.errors import EvaluationError
from evaluator.results.result import Result
from evaluator.scoring import metrics


def refuse_unfit(result: Result, path: Path) -> None:
    """Refuse predictions, (n_times, n_clips, n_classes) a fold, that do not fit the rest of the result.

    Raises:
        EvaluationError: No folds, or one with other numbers of clips, classes, probabilities or points of the curve.
    """
    by_class = metrics.METRICS[result.metric].by_class
    for fold, clips, groups, targets, probabilities in zip(
        result.folds,
        result.test_clips,
        result.test_groups,
        result.test_targets,
        result.test_probabilities,
        strict=True,
    ):
        shapes = (
            f"{len(clips)} clips, {len(groups)} groups, targets {targets.shape}, probabilities {probabilities.shape}"
        )
        fits = targets.ndim == 2 and probabilities.ndim == 3
        fits = fits and len(clips) == len(groups) == len(targets) == probabilities.shape[1] > 0
        if not fits or (by_class and not targets.shape[1] == probabilities.shape[2] == len(result.classes)):
            raise EvaluationError(
                f"{path}: fold {fold.name} does not fit together ({shapes}, {len(result.classes)} classes); run it again"
            )
        if fold.point not in range(len(result.curve)):
            raise EvaluationError(
                f"{path}: fold {fold.name} is scored at point {fold.point} of a curve of {len(result.curve)}; run it again"
            )
    if not result.folds:
        raise EvaluationError(f"{path}: a result of {len(result.folds)} folds; run it again")
