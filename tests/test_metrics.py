"""Scores against scikit-learn, and their behaviour for absent classes."""

import numpy as np
import pytest
import sklearn.metrics as sk

from evaluator import metrics
from evaluator.errors import EvaluationError

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(5, size=47)
SINGLE = np.eye(5)[LABELS]
MULTI = (RANDOM.random((47, 5)) < 0.3).astype(float)
PROBABLE = RANDOM.dirichlet(np.ones(5), size=47) + 0.3 * SINGLE
PREDICTED = PROBABLE.argmax(1)


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


def test_binary_and_ranking_scores_equal_scikit_learns():
    """Average precision of the positive class, and the mean area under the ROC curve, ties and weights included."""
    probable, counts = PROBABLE.round(1), np.random.default_rng(2).integers(1, 4, size=(47, 1))
    wanted = sk.average_precision_score(MULTI[:, -1], probable[:, -1], sample_weight=counts[:, 0])
    assert metrics.average_precision(MULTI, probable, counts) == pytest.approx(wanted)
    wanted = sk.roc_auc_score(MULTI, probable, average="macro", sample_weight=counts[:, 0])
    assert metrics.aucroc(MULTI, probable, counts) == pytest.approx(wanted)


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


@pytest.mark.parametrize("name", metrics.METRICS)
def test_counts_are_repetitions(name):
    """A clip counted twice is a clip that stands there twice, and one counted 0 times is not there."""
    targets = MULTI if "map" in name else SINGLE
    probable = PROBABLE.round(1)  # with ties
    counts = np.random.default_rng(1).integers(4, size=(47, 3))
    for draw, found in enumerate(metrics.METRICS[name](targets, probable, counts)):
        rows = np.repeat(np.arange(47), counts[:, draw])
        assert found == pytest.approx(metrics.score(name, targets[rows], probable[rows]))


@pytest.mark.parametrize("average", [None, "weighted"])
def test_average_precision_equals_scikit_learns_with_ties_and_weights(average):
    """Clips of equal probability share one threshold, as in scikit-learn."""
    probable, counts = PROBABLE.round(1), np.random.default_rng(2).integers(1, 4, size=(47, 1))
    wanted = sk.average_precision_score(MULTI, probable, average=average, sample_weight=counts[:, 0])
    of = metrics.weighted_average_precision if average else metrics.average_precisions
    np.testing.assert_allclose(of(MULTI, probable, counts)[..., 0], wanted)


@pytest.mark.parametrize("name", metrics.METRICS)
def test_range_and_direction(name):
    """The truth scores 1, the worst guess less than a random one."""
    assert metrics.score(name, SINGLE, SINGLE) == pytest.approx(1)
    assert metrics.score(name, SINGLE, 1 - SINGLE) < metrics.score(name, SINGLE, PROBABLE) < 1


def test_nothing_to_score_and_nan_are_refused():
    """An empty test part, one without any label, or a NaN is no score."""
    with pytest.raises(EvaluationError, match="no clip to score"):
        metrics.score("accuracy", SINGLE[:0], PROBABLE[:0])
    for name in metrics.METRICS:
        with pytest.raises(EvaluationError, match=f"{name}: none of the 47 clips to score has a label"):
            metrics.score(name, 0 * MULTI, PROBABLE)
    with pytest.raises(EvaluationError, match="NaN or infinite probabilities for 1 clips"):
        metrics.score("accuracy", SINGLE[:2], np.array([[0.2] * 5, [np.nan] * 5]))
