"""Scores of probabilities against targets, each a pure function.

Throughout: `targets` (n_clips, n_classes) holds 1 where a clip has a label and 0 elsewhere; `probabilities` has the same
shape; `groups` (n_clips,) says which of `n_groups` groups a clip is of. A function gives `Columns`: what the score is the
mean of, as it is and with each group left out, in one pass. `score` gives the plain score.

Scores of events are made of the counts that `events.tally` takes of each file. Their rows are files, `targets` (n_files, 1) holds
the counts of the reference, `probabilities` (n_files, 1 or 2) those of the estimate.

Scores lie between 0 (worst) and 1 (best), unless `METRICS` says otherwise. Classes without clips are left out of averages over
classes, unless the function says otherwise; a score with nothing to average is NaN. Ties go to the first class.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evaluator.errors import EvaluationError
from evaluator.scoring import events
from evaluator.scoring.columns import Columns, ratio, ratios
from evaluator.scoring.measures import MEASURES
from evaluator.scoring.metric import Metric
from evaluator.scoring.ranking import areas, average_precisions, label_ranking
from evaluator.words import counted


def accuracy(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Share of clips whose most probable class is theirs, or the first of theirs; one column, (n_clips,) each argument.

    As heareval's top1_acc and pitch_acc, which also call a clip without labels right where the first class is said.
    """
    return _share_of_clips(np.asarray(recognised(targets, probabilities).any(axis=1)), groups, n_groups)


def _share_of_clips(right: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """One column: the share of clips that are right, (n_clips,)."""
    return ratios(right[:, None], np.ones((len(right), 1)), groups, n_groups)


def recognised(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """1 at the class of each clip whose most probable class is its own, else 0; (n_clips, n_classes)."""
    return targets * (targets.argmax(axis=1) == probabilities.argmax(axis=1))[:, None]


def uar(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Unweighted average recall over the classes that occur in the targets (n_clips, n_classes)."""
    return ratios(recognised(targets, probabilities), targets, groups, n_groups)


def uar_all_classes(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Unweighted average recall where a class without clips, of (n_clips, n_classes), counts as recall 0 (torchmetrics 0.11)."""
    return _of_all_classes(uar(targets, probabilities, groups, n_groups))


def _of_all_classes(columns: Columns) -> Columns:
    """The same mean where classes, (n_classes,), without a value count as 0."""
    return replace(columns, share=float((~np.isnan(columns.values)).mean()))


def macro_f1(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Mean F1 score of the classes that occur in the targets (n_clips, n_classes) or are predicted.

    Classes that are predicted only have F1 0, be the groups as they may: they are a share, no columns.
    """
    predicted = np.eye(targets.shape[1])[probabilities.argmax(axis=1)]
    columns = ratios(
        2 * recognised(targets, probabilities), targets + predicted, groups, n_groups, sizes=np.asarray(targets)
    )
    sizes = columns.sizes.sum(axis=0)
    n_counted = max(int((~np.isnan(columns.values)).sum()), 1)
    values, without = (
        np.where(sizes > 0, columns.values, np.nan),
        np.where(sizes > columns.sizes, columns.without, np.nan),
    )
    return Columns(values, without, columns.sizes, int((sizes > 0).sum()) / n_counted)


def mean_average_precision_all_classes(
    targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int
) -> Columns:
    """Macro mean of average precision where a class without clips, of (n_clips, n_classes), counts as 0, as in BEANS."""
    return _of_all_classes(average_precisions(targets, probabilities, groups, n_groups))


def weighted_average_precision(
    targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int
) -> Columns:
    """Mean over classes of average precision, each weighted by its number of clips; one column of (n_clips, n_classes)."""
    columns = average_precisions(targets, probabilities, groups, n_groups)
    sizes = columns.sizes.sum(axis=0)
    left = sizes - columns.sizes  # (n_groups, n_classes)
    value = ratio((np.nan_to_num(columns.values) * sizes).sum(keepdims=True), sizes.sum(keepdims=True))
    without = ratio((np.nan_to_num(columns.without) * left).sum(axis=1, keepdims=True), left.sum(axis=1, keepdims=True))
    return Columns(value, without, columns.sizes.sum(axis=1, keepdims=True))


def average_precision(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Average precision of the last class of (n_clips, n_classes), which is the positive one of a binary task."""
    return average_precisions(targets[:, -1:], probabilities[:, -1:], groups, n_groups)


def chroma_accuracy(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Share of clips whose most probable pitch is theirs or some octaves away; (n_clips, n_pitches).

    The columns must be consecutive semitones, as in HEAR, where column 0 is MIDI pitch 21 and the last is 108.

    Source: heareval, score.py: columns are compared modulo 12.
    """
    return _share_of_clips(targets.argmax(axis=1) % 12 == probabilities.argmax(axis=1) % 12, groups, n_groups)


def aucroc(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Mean over classes of the area under the ROC curve of (n_clips, n_classes); see `areas`."""
    return areas(targets, probabilities, groups, n_groups)[0]


def d_prime(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Mean over classes of d', the distance of two normal distributions of variance 1 that have the class's AUC.

    In standard deviations, of (n_clips, n_classes): 0 is chance, below 0 is worse. Two things differ from heareval, where the score
    is NaN as soon as one class has no AUC, and infinite as soon as one is ranked without an error: classes without AUC are left
    out, and an AUC of 1 (or 0) counts as half a pair less (or more), the least that so many pairs can tell.

    Sources: heareval, score.py: sqrt(2) times the normal quantile of the AUC. Macmillan & Kaplan 1985, Detection Theory Analysis
    of Group Data, for rates of 0 and 1 of n trials as 1/(2n) and 1 - 1/(2n).
    """
    area, pairs = areas(targets, probabilities, groups, n_groups)
    return Columns(_distance(area.values, pairs.values), _distance(area.without, pairs.without), area.sizes)


def _distance(area: np.ndarray, n_pairs: np.ndarray) -> np.ndarray:
    """d' of areas, in standard deviations; of one shape with the number of their pairs, NaN where that is 0."""
    from scipy.special import ndtri

    fewest = 0.5 / np.maximum(n_pairs, 1)
    return np.asarray(math.sqrt(2) * ndtri(np.clip(area, fewest, 1 - fewest)))


def event_f_measure(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """F-measure of events pooled over (n_files,) and classes; NaN if there are none and none are found.

    Where there are events and none is found it is 0; sed_eval gives NaN there, as the precision is 0 / 0.
    """
    found, matched = probabilities[:, :1], probabilities[:, 1:]
    return ratios(2 * matched, targets + found, groups, n_groups, sizes=targets)


def event_error_rate(targets: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n_groups: int) -> Columns:
    """Errors per active segment of the reference, pooled over (n_files,): 0 is best, no upper limit.

    NaN if the reference has none; 1 if nothing is found.
    """
    return ratios(probabilities[:, :1], targets, groups, n_groups)


_EITHER = ("single", "multi")
METRICS: dict[str, Metric] = {  # by their names in task files
    "accuracy": Metric(
        accuracy, "share of clips whose most probable class is theirs, or the first of theirs", ("single",)
    ),
    "uar": Metric(
        uar, "unweighted average recall over the classes that occur in the targets", ("single",), title="UAR"
    ),
    "uar_all_classes": Metric(
        uar_all_classes,
        "unweighted average recall where a class without clips counts as recall 0 (torchmetrics 0.11)",
        ("single",),
        title="UAR of all classes",
    ),
    "macro_f1": Metric(
        macro_f1,
        "mean F1 score of the classes that occur in the targets or are predicted",
        ("single",),
        title="macro F1",
    ),
    "map": Metric(
        average_precisions,
        "unweighted (macro) mean over classes of average precision",
        _EITHER,
        ranks=True,
        title="mAP",
    ),
    "map_all_classes": Metric(
        mean_average_precision_all_classes,
        "macro mean of average precision where a class without clips counts as 0, as in BEANS",
        ranks=True,
        title="mAP of all classes",
    ),
    "weighted_map": Metric(
        weighted_average_precision,
        "mean over classes of average precision, each weighted by its number of clips",
        ("multi",),
        ranks=True,
        title="weighted mAP",
    ),
    "lrap": Metric(
        label_ranking,
        "label ranking average precision: share of a clip's labels among all that are at least as probable as each of them, mean over clips; "
        "1 for a clip without labels",
        title="LRAP",
    ),
    "average_precision": Metric(
        average_precision,
        "average precision of the last class, which is the positive one of a binary task",
        ranks=True,
    ),
    "aucroc": Metric(aucroc, "mean over classes of the area under the ROC curve", _EITHER, ranks=True, title="ROC AUC"),
    "d_prime": Metric(
        d_prime,
        "mean over classes of d', the distance of two normal distributions of variance 1 that have the class's AUC",
        _EITHER,
        low=-math.inf,
        high=math.inf,
        unit="",
        ranks=True,
        title="d'",
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
            title=f"F-measure of events ({collar.meaning})",
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
            title=f"error rate of segments of {seconds:g} s",
        )
        for name, seconds in events.SEGMENTS_S.items()
    },
    **MEASURES,
}
OF_TASKS = tuple(name for name, metric in METRICS.items() if not metric.of_measures)  # what a task may be scored by


def title_of(name: str) -> str:
    """What people call a metric, as captions, heads of tables and axes have it.

    >>> title_of("map"), title_of("accuracy"), title_of("precision_at_5")
    ('mAP', 'accuracy', 'precision at 5')
    """
    return METRICS[name].title or name.replace("_", " ")


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
        raise EvaluationError(f"{metric}: the probe gives NaN or infinite probabilities for {counted(bad, 'clips')}")
    return METRICS[metric].value(targets, probabilities)


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
