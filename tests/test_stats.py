"""Bootstrap intervals against scipy's and against their promise."""

import numpy as np
import pytest

from evaluator import stats


def fold_of(hits):
    """Targets and probabilities of a fold in which these clips are recognised."""
    true = np.eye(2)[np.zeros(len(hits), dtype=int)]
    return true, np.where(np.asarray(hits)[:, None], true, 1 - true)


def test_equals_scipys_for_one_fold():
    """The interval of an accuracy is scipy's percentile bootstrap of the mean."""
    scipy_stats = pytest.importorskip("scipy.stats")
    hits = np.random.default_rng(0).random(120) < 0.7
    wanted = scipy_stats.bootstrap(
        (hits,), np.mean, n_resamples=4000, method="percentile", random_state=0
    ).confidence_interval
    assert stats.bootstrap_interval([fold_of(hits)], "accuracy") == pytest.approx(tuple(wanted), abs=0.02)


def test_a_recomputed_metric_agrees_with_the_short_cut():
    """UAR of a single class is its accuracy; the long way gives the same interval."""
    folds = [fold_of(np.random.default_rng(seed).random(80) < 0.6) for seed in range(2)]
    short, long = (stats.bootstrap_interval(folds, metric) for metric in ("accuracy", "uar"))
    assert long == pytest.approx(short, abs=0.025)


def test_folds_are_respected():
    """A fold without doubt adds none: its clips are never drawn into another."""
    sure, half = fold_of([True] * 50), fold_of([True] * 25 + [False] * 25)
    low, high = stats.bootstrap_interval([sure, half], "accuracy")
    alone = stats.bootstrap_interval([half], "accuracy")
    assert (low + high) / 2 == pytest.approx(0.75, abs=0.02)
    assert high - low == pytest.approx((alone[1] - alone[0]) / 2, abs=0.02)


def test_covers_the_truth_as_often_as_it_says():
    """Over simulated test sets the 95 % interval holds the true accuracy in about 95 % of them."""
    random = np.random.default_rng(1)
    covered = 0
    for seed in range(300):
        low, high = stats.bootstrap_interval([fold_of(random.random(60) < 0.8) for _ in range(3)], "accuracy", seed)
        covered += low <= 0.8 <= high
    assert 0.90 < covered / 300 < 0.99


def test_a_seed_repeats():
    """The same seed, the same interval."""
    folds = [fold_of([True, False, True, True, False])]
    assert stats.bootstrap_interval(folds, "uar", 3) == stats.bootstrap_interval(folds, "uar", 3)
