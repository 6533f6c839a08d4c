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


def test_absent_classes():
    """A class without clips is left out of uar and map, counts 0 in uar_all_classes."""
    some = LABELS != 4
    assert metrics.uar(SINGLE[some], SINGLE[some]) == 1
    assert metrics.uar_all_classes(SINGLE[some], SINGLE[some]) == pytest.approx(4 / 5)
    assert metrics.mean_average_precision(SINGLE[some], SINGLE[some]) == 1
    assert metrics.macro_f1(SINGLE[some], SINGLE[some]) == 1


@pytest.mark.parametrize("name", metrics.METRICS)
def test_range_and_direction(name):
    """The truth scores 1, the worst guess less than a random one."""
    assert metrics.score(name, SINGLE, SINGLE) == pytest.approx(1)
    assert metrics.score(name, SINGLE, 1 - SINGLE) < metrics.score(name, SINGLE, PROBABLE) < 1


def test_nothing_to_score_and_nan_are_refused():
    """An empty test part or a NaN is no score."""
    with pytest.raises(EvaluationError, match="no clip to score"):
        metrics.score("accuracy", SINGLE[:0], PROBABLE[:0])
    with pytest.raises(EvaluationError, match="NaN or infinite probabilities for 1 clips"):
        metrics.score("accuracy", SINGLE[:2], np.array([[0.2] * 5, [np.nan] * 5]))
