"""Scores against scikit-learn, and their behaviour for absent classes."""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as sk

from evaluator.errors import EvaluationError
from evaluator.scoring import metrics

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(5, size=47)
SINGLE = np.eye(5)[LABELS]
MULTI = (RANDOM.random((47, 5)) < 0.3).astype(float)
PROBABLE = RANDOM.dirichlet(np.ones(5), size=47) + 0.3 * SINGLE
PREDICTED = PROBABLE.argmax(1)
OF_CLIPS = [name for name, metric in metrics.METRICS.items() if metric.by_class]
F_MEASURE, ERROR_RATE = "event_onset_50ms_fms", "segment_1s_er"


def test_single_label_scores_equal_scikit_learns():
    """Accuracy, UAR and macro F1."""
    assert metrics.score("accuracy", SINGLE, PROBABLE) == pytest.approx(sk.accuracy_score(LABELS, PREDICTED))
    assert metrics.score("uar", SINGLE, PROBABLE) == pytest.approx(sk.balanced_accuracy_score(LABELS, PREDICTED))
    assert metrics.score("macro_f1", SINGLE, PROBABLE) == pytest.approx(sk.f1_score(LABELS, PREDICTED, average="macro"))
    assert metrics.confusion([(SINGLE, PROBABLE)]) == sk.confusion_matrix(LABELS, PREDICTED).tolist()


def test_multi_label_scores_equal_scikit_learns():
    """Macro and weighted mean average precision."""
    for name, average in (("map", "macro"), ("weighted_map", "weighted")):
        wanted = sk.average_precision_score(MULTI, PROBABLE, average=average)
        assert metrics.score(name, MULTI, PROBABLE) == pytest.approx(wanted)


def test_label_ranking_equals_scikit_learns():
    """Ties, clips without any label and clips with all of them included."""
    targets, probable = MULTI.copy(), PROBABLE.round(1)
    targets[0], targets[1] = 0, 1
    wanted = sk.label_ranking_average_precision_score(targets, probable)
    assert metrics.score("lrap", targets, probable) == pytest.approx(wanted, abs=1e-12)


def test_binary_and_ranking_scores_equal_scikit_learns():
    """Average precision of the positive class and of each, and the mean area under the ROC curve, ties included."""
    probable = PROBABLE.round(1)
    wanted = sk.average_precision_score(MULTI[:, -1], probable[:, -1])
    assert metrics.score("average_precision", MULTI, probable) == pytest.approx(wanted)
    assert metrics.score("aucroc", MULTI, probable) == pytest.approx(sk.roc_auc_score(MULTI, probable, average="macro"))
    for name, average in (("map", "macro"), ("weighted_map", "weighted")):
        wanted = sk.average_precision_score(MULTI, probable, average=average)
        assert metrics.score(name, MULTI, probable) == pytest.approx(wanted)


def test_an_area_needs_clips_with_and_without_the_label():
    """A class that all clips have, or none, is left out of the mean."""
    targets = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0]])
    assert metrics.score("aucroc", targets, np.array([[0.1, 0.2, 0.9], [0.2, 0.1, 0.8], [0.3, 0.1, 0.95]])) == 0.5


def test_absent_classes():
    """A class without clips is left out of averages, but counts 0 in uar_all_classes and map_all_classes."""
    some = SINGLE[LABELS != 4]
    for name in ("uar", "map", "weighted_map", "macro_f1"):
        assert metrics.score(name, some, some) == 1
    assert metrics.score("uar_all_classes", some, some) == pytest.approx(4 / 5)
    assert metrics.score("map_all_classes", some, some) == pytest.approx(4 / 5)


@pytest.mark.parametrize("name", OF_CLIPS)
def test_range_and_direction(name):
    """The truth scores the good end of its range, or far above 2 where there is none; the worst guess scores worse."""
    metric, best = metrics.METRICS[name], metrics.score(name, SINGLE, SINGLE)
    end = metric.high if metric.best == "highest" else metric.low
    assert best == pytest.approx(end) if np.isfinite(end) else 2 < best < np.inf
    worst, guess = metrics.score(name, SINGLE, 1 - SINGLE), metrics.score(name, SINGLE, PROBABLE)
    ordered = [metrics.signed(name, each) for each in (worst, guess, best)]
    assert ordered == sorted(ordered) and ordered[0] < ordered[2] and metric.meaning


def test_accuracy_takes_the_first_of_several_labels():
    """A clip counts once, however many labels it has."""
    targets = np.array([[0, 1, 1], [0, 1, 1], [0, 0, 0]])
    probable = np.array([[0.1, 0.8, 0.3], [0.1, 0.3, 0.8], [0.9, 0.1, 0.1]])
    assert metrics.score("accuracy", targets, probable) == pytest.approx(1 / 3)


def test_chroma_accuracy_forgives_octaves():
    """Column 0 is 12 and 24 semitones off, so right; 11 and 13 are wrong."""
    targets, said = np.eye(25)[[0, 0, 12, 0, 0]], np.eye(25)[[12, 24, 0, 11, 13]]
    assert metrics.score("chroma_accuracy", targets, said) == pytest.approx(3 / 5)
    assert metrics.score("accuracy", targets, said) == 0


def test_d_prime_equals_hears_formula():
    """sqrt(2) times the normal quantile of scikit-learn's area of each class, averaged."""
    wanted = np.mean(np.sqrt(2) * scipy.stats.norm.ppf(sk.roc_auc_score(MULTI, PROBABLE, average=None)))
    assert metrics.score("d_prime", MULTI, PROBABLE) == pytest.approx(wanted)
    assert abs(metrics.score("d_prime", MULTI, np.random.default_rng(3).random(MULTI.shape))) < 0.5


def test_d_prime_stays_finite():
    """An area of 1 counts as half a pair less, one of 0 as half a pair more; a class without area is left out."""
    targets, probable = (
        np.array([[1, 0], [1, 0], [0, 0], [0, 0], [0, 0]]),
        np.array([[5, 1], [4, 2], [3, 3], [2, 4], [1, 5]]),
    )
    wanted = np.sqrt(2) * scipy.stats.norm.ppf(1 - 1 / (2 * 2 * 3))
    assert metrics.score("d_prime", targets, probable) == pytest.approx(wanted)
    assert metrics.score("d_prime", targets, -probable) == pytest.approx(-wanted)
    tied = np.array([[3], [2], [2], [1], [0]])  # one of six pairs is a tie: the next best area, as good as the best
    assert metrics.score("d_prime", targets[:, :1], tied) == pytest.approx(wanted)
    many = np.arange(20_000)[:, None]
    assert np.isfinite(metrics.score("d_prime", (many >= 10_000).astype(np.float32), many))


def test_event_scores_pool_files():
    """Counts are added before they are divided, so that a file without events adds its false alarms only."""
    reference = np.array([[4.0], [0.0], [6.0]])
    assert metrics.score(F_MEASURE, reference, np.array([[5, 3], [2, 0], [0, 0]])) == pytest.approx(2 * 3 / (10 + 7))
    assert metrics.score(ERROR_RATE, reference, np.array([[3.0], [2.0], [6.0]])) == pytest.approx(11 / 10)


def test_event_scores_of_nothing():
    """Without any event there is no score; events of which none is found score 0, and an error rate of 1."""
    none = np.zeros((3, 1))
    assert np.isnan(metrics.score(F_MEASURE, none, np.zeros((3, 2))))
    assert np.isnan(metrics.score(ERROR_RATE, none, none + 2))
    assert metrics.score(F_MEASURE, none, np.array([[1, 0]] * 3)) == 0
    assert metrics.score(F_MEASURE, none + 2, np.zeros((3, 2))) == 0
    assert metrics.score(ERROR_RATE, none + 2, none + 2) == 1


def test_signed_scores_are_the_higher_the_better():
    """Lower error rates are better, higher F-measures are, and NaN is worse than anything."""
    assert metrics.signed(ERROR_RATE, 0.2) > metrics.signed(ERROR_RATE, 3.0) > metrics.signed(ERROR_RATE, np.nan)
    assert metrics.signed(F_MEASURE, 0.2) > metrics.signed(F_MEASURE, 0.0) > metrics.signed(F_MEASURE, np.nan)
    assert metrics.METRICS[ERROR_RATE].best == "lowest" and metrics.METRICS[F_MEASURE].best == "highest"


def test_nothing_to_score_and_nan_are_refused():
    """An empty test part, one without any label, or a NaN is no score."""
    with pytest.raises(EvaluationError, match="no clip to score"):
        metrics.score("accuracy", SINGLE[:0], PROBABLE[:0])
    for name in OF_CLIPS:
        with pytest.raises(EvaluationError, match=f"{name}: none of the 47 clips to score has a label"):
            metrics.score(name, 0 * MULTI, PROBABLE)
    with pytest.raises(EvaluationError, match="NaN or infinite probabilities for 1 clip"):
        metrics.score("accuracy", SINGLE[:2], np.array([[0.2] * 5, [np.nan] * 5]))
