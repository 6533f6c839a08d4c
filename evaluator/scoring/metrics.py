"""Scores of probabilities against targets, each a pure function.

Throughout: `targets` (n_clips, n_classes) holds 1 where a clip has a label and 0 elsewhere; `probabilities` has the
same shape; `counts` (n_clips, n_draws) says how often each clip counts, so that a bootstrap is one call: each column
is one draw and gives one score. All ones in one column is the plain score, which `score` gives.

Scores of events are made of the counts that `events.tally` takes of each file. They have the same arguments: the rows
are files, `targets` (n_files, 1) holds the counts of the reference, `probabilities` (n_files, 1 or 2) those of the
estimate.

Scores lie between 0 (worst) and 1 (best), unless `METRICS` says otherwise. Classes that no counted clip has are left
out of averages over classes, unless the function says otherwise; a score with nothing to average is NaN. Ties in the
prediction go to the first class.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluator.errors import EvaluationError
from evaluator.scoring import events
from evaluator.scoring.ranking import areas, average_precision_of, average_precisions, mean_of_known, ratio


def accuracy(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of clips whose most probable class is theirs, or the first of theirs, (n_draws,).

    As heareval's top1_acc and pitch_acc, which also call a clip without labels right where the first class is said.
    """
    return recognised(targets, probabilities).any(axis=1) @ counts / counts.sum(axis=0)


def recognised(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """1 at the class of each clip whose most probable class is its own, else 0; (n_clips, n_classes)."""
    return targets * (targets.argmax(axis=1) == probabilities.argmax(axis=1))[:, None]


def recalls(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of each class's clips that are recognised, (n_classes, n_draws); NaN for classes without clips."""
    return ratio(recognised(targets, probabilities).T @ counts, targets.T @ counts)


def uar(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall over the classes that occur in the targets, (n_draws,)."""
    return mean_of_known(recalls(targets, probabilities, counts))


def uar_all_classes(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall where a class without clips counts as recall 0 (torchmetrics 0.11), (n_draws,)."""
    return np.nan_to_num(recalls(targets, probabilities, counts)).mean(axis=0)


def macro_f1(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean F1 score of the classes that occur in the targets or are predicted, (n_draws,)."""
    predicted = np.eye(targets.shape[1])[probabilities.argmax(axis=1)]
    return mean_of_known(ratio(2 * recognised(targets, probabilities).T @ counts, (targets + predicted).T @ counts))


def mean_average_precision(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Unweighted (macro) mean over classes of average precision, (n_draws,)."""
    return mean_of_known(average_precisions(targets, probabilities, counts))


def mean_average_precision_all_classes(
    targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Macro mean of average precision where a class without clips counts as 0, as in BEANS, (n_draws,)."""
    return np.nan_to_num(average_precisions(targets, probabilities, counts)).mean(axis=0)


def weighted_average_precision(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean over classes of average precision, each weighted by its number of clips, (n_draws,)."""
    values, sizes = average_precisions(targets, probabilities, counts), targets.T @ counts
    return ratio((np.nan_to_num(values) * sizes).sum(axis=0), sizes.sum(axis=0))


def average_precision(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision of the last class, which is the positive one of a binary task, (n_draws,)."""
    return average_precision_of(targets[:, -1], probabilities[:, -1], counts)


def chroma_accuracy(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of clips whose most probable pitch is theirs or some octaves away, (n_draws,).

    The columns must be consecutive semitones, as in HEAR, where column 0 is MIDI pitch 21 and the last is 108.

    Source: heareval, score.py: columns are compared modulo 12.
    """
    hits = targets.argmax(axis=1) % 12 == probabilities.argmax(axis=1) % 12
    return hits @ counts / counts.sum(axis=0)


def aucroc(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean over classes of the area under the ROC curve, (n_draws,); see `areas`."""
    return mean_of_known(areas(targets, probabilities, counts))


def d_prime(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean over classes of d', the distance of two normal distributions of variance 1 that have the class's AUC.

    (n_draws,), in standard deviations: 0 is chance, below 0 is worse. Two things differ from heareval, where the score
    is NaN as soon as one class has no AUC, and infinite as soon as one class is ranked without an error: classes
    without AUC are left out, and an AUC of 1 (or 0) counts as half a pair less (or more), the least that so many
    pairs of a clip with the label and one without can tell. Other AUCs stay as they are.

    Sources: heareval, score.py: sqrt(2) times the normal quantile of the AUC. Macmillan & Kaplan 1985, Detection
    Theory Analysis of Group Data, for rates of 0 and 1 of n trials as 1/(2n) and 1 - 1/(2n).
    """
    from scipy.special import ndtri

    counts = counts.astype(np.float64)  # 1 - least would be 1 in float32
    pairs = (targets.T @ counts) * ((1 - targets).T @ counts)  # (n_classes, n_draws); where 0, the area is NaN
    least = 0.5 / np.maximum(pairs, 1)
    return mean_of_known(math.sqrt(2) * ndtri(np.clip(areas(targets, probabilities, counts), least, 1 - least)))


def event_f_measure(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """F-measure of events pooled over files and classes, (n_draws,); NaN if there are none and none are found.

    Where there are events and none is found it is 0; sed_eval gives NaN there, as the precision is 0 / 0.
    """
    n_found, n_matched = probabilities.T @ counts
    return ratio(2 * n_matched, targets[:, 0] @ counts + n_found)


def event_error_rate(targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Errors per active segment of the reference, pooled over files, (n_draws,): 0 is best, no upper limit.

    NaN if the reference has none; 1 if nothing is found.
    """
    return ratio(probabilities[:, 0] @ counts, targets[:, 0] @ counts)


@dataclass(frozen=True)
class Metric:
    """A score: its function, to be called as it is, and what its values mean.

    function: From targets, probabilities and counts to (n_draws,), as everywhere here.
    meaning: What it is, in a phrase that goes on from its name and a colon.
    beside: Labels (`single`, `multi`, `events`) of the tasks whose results have it beside their own score; `pitches`
        for single labels that are consecutive MIDI notes.
    best: Which end is good.
    low, high: Ends of the range that values can have, included.
    unit: "%" where people read a hundred times the value, else "".
    of_events: Whether it is made of tallies of files, not of clips with classes.
    """

    function: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    meaning: str
    beside: tuple[str, ...] = ()
    best: Literal["highest", "lowest"] = "highest"
    low: float = 0.0
    high: float = 1.0
    unit: Literal["%", ""] = "%"
    of_events: bool = False

    def __call__(self, targets: np.ndarray, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """One score a draw, (n_draws,)."""
        return self.function(targets, probabilities, counts)

    def shown(self, value: float) -> str:
        """A score, or the end or width of an interval, as people read it: without the unit, a dash for NaN."""
        if math.isnan(value):
            return "–"
        return f"{100 * value:.1f}" if self.unit == "%" else f"{value:.3f}"


# By their names in task files.
_EITHER = ("single", "multi")
METRICS: dict[str, Metric] = {
    "accuracy": Metric(
        accuracy, "share of clips whose most probable class is theirs, or the first of theirs", ("single",)
    ),
    "uar": Metric(uar, "unweighted average recall over the classes that occur in the targets", ("single",)),
    "uar_all_classes": Metric(
        uar_all_classes,
        "unweighted average recall where a class without clips counts as recall 0 (torchmetrics 0.11)",
        ("single",),
    ),
    "macro_f1": Metric(
        macro_f1, "mean F1 score of the classes that occur in the targets or are predicted", ("single",)
    ),
    "map": Metric(mean_average_precision, "unweighted (macro) mean over classes of average precision", _EITHER),
    "map_all_classes": Metric(
        mean_average_precision_all_classes,
        "macro mean of average precision where a class without clips counts as 0, as in BEANS",
    ),
    "weighted_map": Metric(
        weighted_average_precision,
        "mean over classes of average precision, each weighted by its number of clips",
        ("multi",),
    ),
    "average_precision": Metric(
        average_precision, "average precision of the last class, which is the positive one of a binary task"
    ),
    "aucroc": Metric(aucroc, "mean over classes of the area under the ROC curve", _EITHER),
    "d_prime": Metric(
        d_prime,
        "mean over classes of d', the distance of two normal distributions of variance 1 that have the class's AUC",
        _EITHER,
        low=-math.inf,
        high=math.inf,
        unit="",
    ),
    "chroma_accuracy": Metric(
        chroma_accuracy, "share of clips whose most probable pitch is theirs or some octaves away", ("pitches",)
    ),
    **{
        name: Metric(
            event_f_measure,
            f"F-measure of events pooled over files and classes, {collar.meaning}",
            ("events",),
            of_events=True,
        )
        for name, collar in events.COLLARS.items()
    },
    **{
        name: Metric(
            event_error_rate,
            f"errors per active segment of {1000 * seconds:g} ms of the reference, pooled over files",
            ("events",),
            best="lowest",
            high=math.inf,
            unit="",
            of_events=True,
        )
        for name, seconds in events.SEGMENTS_S.items()
    },
}


def score(metric: str, targets: np.ndarray, probabilities: np.ndarray) -> float:
    """The score named `metric`, each clip (or file) counted once; NaN only for files without any event.

    Targets and probabilities are (n_clips, n_classes).

    Raises:
        EvaluationError: No clip to score, none that has a label, or probabilities that are not finite.
    """
    if not len(targets):
        raise EvaluationError(f"{metric}: there is no clip to score (targets have shape {targets.shape})")
    if not targets.any() and not METRICS[metric].of_events:
        raise EvaluationError(f"{metric}: none of the {len(targets)} clips to score has a label")
    if not np.isfinite(probabilities).all():
        bad = int((~np.isfinite(probabilities)).any(axis=1).sum())
        raise EvaluationError(f"{metric}: the probe gives NaN or infinite probabilities for {bad} clips")
    return float(METRICS[metric](targets, probabilities, np.ones((len(targets), 1)))[0])


def signed(metric: str, value: float) -> float:
    """A score turned so that the higher is the better: negated where the lowest is best, -inf for NaN."""
    if math.isnan(value):
        return -math.inf
    return value if METRICS[metric].best == "highest" else -value


def confusion(tested: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[list[int]]:
    """Counts over all folds: row = true class, column = predicted class, n_classes x n_classes.

    Probabilities of probes that were trained several times, (n_times, n_clips, n_classes), count each time.
    """
    n_classes = tested[0][0].shape[1]
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    for targets, probabilities in tested:
        said = probabilities.argmax(axis=-1)  # (n_clips,) or (n_times, n_clips)
        np.add.at(counts, (np.broadcast_to(targets.argmax(axis=1), said.shape), said), 1)
    return counts.tolist()
