"""Bootstrap intervals against scipy's and against their promise."""

import numpy as np
import pytest

from evaluator.scoring import intervals, metrics


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
    assert intervals.bootstrap_interval([fold_of(hits)], "accuracy") == pytest.approx(tuple(wanted), abs=0.02)


def test_holds_the_score_although_repeated_clips_raise_it():
    """Average precision grows when a clip is drawn twice; the interval still lies about the score."""
    random = np.random.default_rng(0)
    tested = [((random.random((2000, 2)) < 0.01).astype(np.float32), random.random((2000, 2))) for _ in range(3)]
    score = np.mean([metrics.score("map", *fold) for fold in tested])
    draws = np.mean([intervals.fold_draws(*fold, "map", random) for fold in tested], axis=0)
    low, high = intervals.bootstrap_interval(tested, "map")
    assert draws.mean() > 1.2 * score  # what has to be put right
    assert low < score < high


def test_draws_without_any_label_are_left_out():
    """A few clips, most without a label: the interval is that of the draws which can be scored."""
    targets = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 0]])
    probable = np.array([[0.9, 0.1, 0.2], [0.5, 0.6, 0.1], [0.3, 0.2, 0.8]])
    for metric in ("map", "weighted_map"):
        low, high = intervals.bootstrap_interval([(targets, probable)], metric)
        assert 0 <= low < high <= 1


def test_groups_are_drawn_whole():
    """20 equal calls of each of 12 animals doubt like 12 clips, not like 240."""
    animals = np.random.default_rng(5).random(12) < 0.5
    calls, group = fold_of(np.repeat(animals, 20)), np.repeat(np.arange(12), 20)
    grouped = intervals.bootstrap_interval([calls], "accuracy", groups=[group])
    assert grouped == pytest.approx(intervals.bootstrap_interval([fold_of(animals)], "accuracy"), abs=0.05)
    single = intervals.bootstrap_interval([calls], "accuracy")
    assert np.ptp(grouped) > 3 * np.ptp(single)


def test_folds_are_respected():
    """A fold without doubt adds none: its clips are never drawn into another."""
    sure, half = fold_of([True] * 50), fold_of([True] * 25 + [False] * 25)
    low, high = intervals.bootstrap_interval([sure, half], "accuracy")
    alone = intervals.bootstrap_interval([half], "accuracy")
    assert (low + high) / 2 == pytest.approx(0.75, abs=0.02)
    assert high - low == pytest.approx((alone[1] - alone[0]) / 2, abs=0.02)


def test_covers_the_truth_as_often_as_it_says():
    """Over simulated test sets the 95 % interval holds the true accuracy in about 95 % of them."""
    random = np.random.default_rng(1)
    covered = 0
    for seed in range(300):
        low, high = intervals.bootstrap_interval([fold_of(random.random(60) < 0.8) for _ in range(3)], "accuracy", seed)
        covered += low <= 0.8 <= high
    assert 0.90 < covered / 300 < 0.99


def test_a_seed_repeats():
    """The same seed, the same interval."""
    folds = [fold_of([True, False, True, True, False])]
    assert intervals.bootstrap_interval(folds, "uar", 3) == intervals.bootstrap_interval(folds, "uar", 3)


def event_files(random, n_files):
    """Made-up tallies of files for an F-measure: about 12 events, 8 found, three of four matched if they can be."""
    n_events, found = random.poisson(12, size=(n_files, 1)), random.poisson(8, size=(n_files, 1))
    return n_events, np.hstack([found, random.binomial(np.minimum(found, n_events), 0.75)])


def test_covers_the_truth_of_an_event_score():
    """Files are drawn: the interval holds the F-measure of endless files in about 95 % of simulated test sets."""
    random = np.random.default_rng(2)
    truth = metrics.score("event_onset_50ms_fms", *event_files(random, 1_000_000))
    covered = 0
    for seed in range(200):
        low, high = intervals.bootstrap_interval([event_files(random, 40)], "event_onset_50ms_fms", seed)
        covered += low <= truth <= high
    assert 0.90 < covered / 200 < 0.99


def test_intervals_end_where_the_scores_do():
    """At 1 for F1 scores, beyond which centring shifts the draws of three clips, but above it for an error rate."""
    assert intervals.bootstrap_interval([(np.array([[1], [1], [0]]), np.ones((3, 1)))], "macro_f1")[1] == 1
    random = np.random.default_rng(3)
    n_events = random.integers(1, 30, size=(12, 1))
    low, high = intervals.bootstrap_interval(
        [(n_events, np.hstack([n_events, n_events - (n_events > 25)]))], "event_onset_50ms_fms"
    )
    assert low < high <= 1
    low, high = intervals.bootstrap_interval([(n_events, random.integers(20, 60, size=(12, 1)))], "segment_1s_er")
    assert 1 < low < high


def test_all_right_is_not_without_doubt():
    """The rule of three: of n clips that are all right, up to 3 / n of all might be wrong; and the other way round."""
    targets = np.eye(2)[np.zeros(30, int)]
    assert intervals.bootstrap_interval([(targets, targets)], "accuracy") == pytest.approx((0.9, 1.0))
    assert intervals.bootstrap_interval([(targets, 1 - targets)], "accuracy") == pytest.approx((0.0, 0.1))
