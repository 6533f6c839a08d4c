"""Intervals and differences: by hand where groups are equal, against their promise, and never at odds with p."""

import numpy as np
import pytest
from scipy import stats

from evaluator.scoring import differences, intervals, metrics
from evaluator.scoring.intervals import MEAN, POOLED, Estimate
from evaluator.scoring.units import units_of


def fold_of(hits):
    """Targets and probabilities of a fold in which these clips are recognised."""
    true = np.eye(2)[np.zeros(len(hits), dtype=int)]
    return true, np.where(np.asarray(hits)[:, None], true, 1 - true)


def estimate(folds, metric="accuracy", groups=None, over_folds=POOLED):
    """The estimate of folds, whose groups are given for each; without, clips are the units."""
    sizes = [len(true) for true, _ in folds]
    names = [[f"{number} {n}" for n in range(size)] for number, size in enumerate(sizes)]
    units = units_of(groups or [[""] * size for size in sizes], names)
    return intervals.estimate(folds, metric, units, over_folds)


def interval(folds, metric="accuracy", groups=None, over_folds=POOLED):
    """The 95 % interval of `estimate`."""
    return intervals.interval(estimate(folds, metric, groups, over_folds), metric)


def names_of(counts):
    """One fold's groups, so many clips each."""
    return [[f"g{n}" for n, count in enumerate(counts) for _ in range(count)]]


def logit_ends(value, error, freedom):
    """The t interval on the logit scale."""
    reach = stats.t.ppf(0.975, freedom) * error / (value * (1 - value))
    middle = np.log(value / (1 - value))
    return tuple(1 / (1 + np.exp(-(middle + sign * reach))) for sign in (-1, 1))


@pytest.mark.parametrize("n_groups", [4, 6, 25])
def test_equal_groups_are_the_t_interval_of_their_means(n_groups):
    """On the logit scale; and of leave one group out with the correction for folds that share training clips."""
    hits = np.random.default_rng(n_groups).random((n_groups, 10)) < 0.6
    means = hits.mean(axis=1)
    error = means.std(ddof=1) / np.sqrt(n_groups)
    found = interval([fold_of(hits.ravel())], groups=names_of([10] * n_groups))
    assert found == pytest.approx(logit_ends(means.mean(), error, n_groups - 1), abs=1e-9)
    folds = [fold_of(each) for each in hits]
    one_each = [[f"g{n}"] * 10 for n in range(n_groups)]
    shared = np.sqrt(1 + 0.5 * n_groups / (n_groups - 1))
    wanted = logit_ends(means.mean(), shared * error, n_groups - 1)
    for over_folds in (POOLED, MEAN):
        assert interval(folds, groups=one_each, over_folds=over_folds) == pytest.approx(wanted, abs=1e-9)


def test_clips_are_the_units_where_no_groups_are_named():
    """The t interval of the mean of single clips."""
    hits = np.random.default_rng(1).random(80) < 0.7
    wanted = logit_ends(hits.mean(), hits.std(ddof=1) / np.sqrt(80), 79)
    assert interval([fold_of(hits)]) == pytest.approx(wanted, abs=1e-9)


def test_a_named_group_is_never_replaced_by_its_clips():
    """20 equal calls of each of 4 animals doubt like 4 clips, not like 80."""
    animals = [True, True, False, True]
    low, high = interval([fold_of(np.repeat(animals, 20))], groups=names_of([20] * 4))
    alone = interval([fold_of(animals)])
    assert (low, high) == pytest.approx(alone) and high - low > 0.5


@pytest.mark.parametrize("n_groups", [1, 2, 3])
def test_three_groups_have_no_interval(n_groups):
    """And no p, while the difference is there."""
    hits = np.random.default_rng(2).random(30 * n_groups) < 0.6
    made, other = (estimate([fold_of(each)], groups=names_of([30] * n_groups)) for each in (hits, ~hits))
    assert np.isnan(intervals.interval(made, "accuracy")).all()
    found = differences.between(made, other)
    assert np.isnan([found.low, found.high, found.p]).all() and found.value == pytest.approx(2 * hits.mean() - 1)


@pytest.mark.parametrize(("n_groups", "tells"), [(4, False), (5, False), (6, True)])
def test_a_difference_needs_six_groups_for_a_verdict(n_groups, tells):
    """With four and five there is an interval, but no p."""
    one, other = (
        estimate([fold_of(np.random.default_rng(seed).random(10 * n_groups) < 0.6)], groups=names_of([10] * n_groups))
        for seed in (3, 4)
    )
    found = differences.between(one, other)
    assert found.low < found.value < found.high and np.isfinite(found.p) == tells
    assert differences.cannot_tell(n_groups) != tells


def test_a_difference_is_the_paired_t_test_of_groups():
    """Equal groups, one split: value, interval and p of scipy."""
    random = np.random.default_rng(5)
    hits = [random.random((9, 20)) < random.random((9, 1)) for _ in range(2)]
    one, other = (estimate([fold_of(each.ravel())], groups=names_of([20] * 9)) for each in hits)
    found, wanted = differences.between(one, other), stats.ttest_rel(*(each.mean(axis=1) for each in hits))
    assert found.p == pytest.approx(wanted.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(wanted.confidence_interval(0.95)))
    assert found.freedom == pytest.approx(8) and found.detectable == pytest.approx(2.8 * found.error)


def test_p_is_no_smaller_than_signs_can_tell():
    """One right everywhere, the other nowhere: 2^(1 - n), which is below 0.05 from six groups on."""
    for n in (6, 7, 12):
        one, other = (estimate([fold_of([right] * n)]) for right in (True, False))
        assert differences.between(one, other).p == pytest.approx(2.0 ** (1 - n))
    assert differences.cannot_tell(6, 2) and not differences.cannot_tell(9, 3) and differences.cannot_tell(9, 21)


def test_the_same_answers_do_not_differ():
    """D = 0, p = 1."""
    made = estimate([fold_of(np.arange(40) % 3 > 0)])
    found = differences.between(made, made)
    assert (found.value, found.p, found.low, found.high) == (0, 1, 0, 0)


def random_estimate(random, n_units):
    """An estimate of made-up changes."""
    changes = random.normal(size=n_units) * random.choice([0.001, 0.1])
    freedom = random.uniform(1, n_units - 1)
    return Estimate(random.random(), changes, 0.0, random.uniform(0.5, 1.5), freedom, n_units, np.array([0.5]))


def test_interval_and_p_never_contradict_each_other():
    """10,000 random differences: 0 lies outside the interval exactly where p is below 0.05."""
    random = np.random.default_rng(6)
    n_significant = 0
    for _ in range(10_000):
        n_units = int(random.integers(6, 60))
        found = differences.between(random_estimate(random, n_units), random_estimate(random, n_units))
        outside = found.low > 0 or found.high < 0
        assert outside == (found.p < 0.05)
        n_significant += outside
    assert 500 < n_significant < 9_500


def test_in_a_list_intervals_agree_with_holms_verdict():
    """Lists of random differences, also of few units, whose p can go no lower."""
    random = np.random.default_rng(7)
    for _ in range(300):
        n_units = int(random.integers(6, 20))
        made = [random_estimate(random, n_units) for _ in range(int(random.integers(2, 6)))]
        found = [differences.between(one, other) for one in made for other in made if one is not other]
        chances = [each.p for each in found]
        corrected = differences.holm(chances)
        for each, level, p in zip(found, differences.holm_levels(chances), corrected, strict=True):
            at = differences.at_level(each, level)
            assert (at.low > 0 or at.high < 0) == (p < 0.05) and at.low <= at.value <= at.high


def test_several_comparisons_are_corrected():
    """Holm, by hand: 0.01 x 3, 0.02 x 2, 0.03 x 1, none below the one before; what has no p is not counted."""
    nan = float("nan")
    assert differences.holm([0.03, 0.01, nan, 0.02]) == pytest.approx([0.04, 0.03, nan, 0.04], nan_ok=True)
    assert differences.holm([0.9, 0.8]) == [1.0, 1.0] and differences.holm([]) == []
    assert differences.holm_levels([0.04, 0.001, 0.03]) == pytest.approx([0.975, 1 - 0.05 / 3, 0.975])


def test_trainings_add_their_variance():
    """The variance of the mean of seeds, with degrees of freedom between both; of a difference both modules' luck."""
    random = np.random.default_rng(8)
    true, _ = fold_of(np.ones(60))
    luck = np.array([0.5, 0.7, 0.9])
    probabilities = np.stack([fold_of(random.random(60) < share)[1] for share in luck])
    made = estimate([(true, probabilities)])
    single = [estimate([(true, each)]) for each in probabilities]
    by_training = np.array([each.value for each in single])
    assert made.value == pytest.approx(by_training.mean())
    of_groups = made.factor * (np.mean([each.changes for each in single], axis=0) ** 2).sum()
    of_seeds = by_training.var(ddof=1) / 3
    error, freedom = intervals.spread(made.variances)
    assert error == pytest.approx(np.sqrt(of_groups + of_seeds))
    assert freedom == pytest.approx((of_groups + of_seeds) ** 2 / (of_groups**2 / 59 + of_seeds**2 / 2))
    found = differences.between(made, made)  # luck is not paired: the same answers still differ by it
    assert found.error == pytest.approx(np.sqrt(2 * of_seeds)) and found.p == 1


def test_all_right_is_not_without_doubt():
    """Of n units that are all right, as many of all might be wrong as n miss in one of 20 draws; and the other way round."""
    missed = {n: 1 - 0.05 ** (1 / n) for n in (4, 6, 30)}
    assert interval([fold_of([True] * 30)]) == pytest.approx((1 - missed[30], 1.0))
    assert interval([fold_of([False] * 30)]) == pytest.approx((0.0, missed[30])) and missed[30] < 3 / 30
    assert interval([fold_of([True] * 60)], groups=names_of([10] * 6)) == pytest.approx((1 - missed[6], 1.0))
    each = np.tile(np.arange(10) < 7, 4)  # seven of ten in each of four groups
    others = 0.7 - 0.7 * missed[4], 0.7 + 0.3 * missed[4]
    assert interval([fold_of(each)], groups=names_of([10] * 4)) == pytest.approx(others)


def test_a_ranking_score_of_few_positives_may_be_too_high():
    """The interval reaches further down than it would without the jackknife's bias, and holds the score."""
    random = np.random.default_rng(9)
    targets = (random.random((200, 3)) < 0.03).astype(float)
    made = estimate([(targets, random.random((200, 3)) + 0.3 * targets)], "map")
    low, high = intervals.interval(made, "map")
    plain = intervals.interval(Estimate(**{**vars(made), "bias": 0.0}), "map")
    assert made.bias > 0 and low == pytest.approx(max(0, plain[0] - made.bias)) and high == plain[1]
    assert low < made.value < high
    assert estimate([fold_of(random.random(50) < 0.5)]).bias == 0  # a mean over clips has none


def test_intervals_end_where_the_scores_do():
    """At 0 and 1; above 1 for an error rate, which has no upper limit; d' has none at all."""
    random = np.random.default_rng(3)
    n_events = random.integers(1, 30, size=(12, 1))
    low, high = interval([(n_events, np.hstack([n_events, n_events - (n_events > 25)]))], "event_onset_50ms_fms")
    assert 0 < low < high <= 1
    low, high = interval([(n_events, random.integers(20, 60, size=(12, 1)))], "segment_1s_er")
    assert 1 < low < high
    targets = np.eye(2)[random.integers(2, size=40)]
    low, high = interval([(targets, random.random((40, 2)))], "d_prime")
    assert low < 0 < high


def test_nothing_to_score_has_no_interval():
    """Files without any event."""
    made = estimate([(np.zeros((8, 1)), np.zeros((8, 2)))], "event_onset_50ms_fms")
    assert np.isnan([made.value, *intervals.interval(made, "event_onset_50ms_fms")]).all()


def test_pooled_and_mean_of_folds_are_two_scores():
    """Average precision: all clips ranked together, or each fold's own; both by scikit-learn."""
    sk = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(10)
    folds = [((random.random((30, 1)) < 0.3).astype(float), random.random((30, 1)) + number) for number in range(3)]
    true, probable = (np.concatenate(part) for part in zip(*folds, strict=True))
    assert intervals.mean_score(folds, "map", POOLED) == pytest.approx(sk.average_precision_score(true, probable))
    each = [sk.average_precision_score(*fold) for fold in folds]
    assert intervals.mean_score(folds, "map", MEAN) == pytest.approx(np.mean(each))


@pytest.mark.parametrize(("n_groups", "n_folds"), [(6, 1), (6, 6), (12, 1), (50, 1)])
def test_covers_the_truth_as_often_as_it_says(n_groups, n_folds):
    """Clips of a group are alike: 300 simulated test sets, in 92 % of which at least the interval holds the true accuracy.

    Equal modules are called different in 8 % at most; bench/coverage.py has many more settings.
    """
    random = np.random.default_rng(n_groups + n_folds)
    groups = np.repeat(np.arange(n_groups), 20)
    held = alarms = 0
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    truth = (weights / (1 + np.exp(-0.8 - nodes))).sum() / weights.sum()
    parts = [np.flatnonzero(groups % n_folds == fold) for fold in range(n_folds)]
    names = [[f"g{groups[n]}" for n in part] for part in parts]
    for _ in range(300):
        shared = random.normal(size=n_groups)
        made = []
        for _ in range(2):
            effect = np.sqrt(0.5) * (shared + random.normal(size=n_groups))
            hits = random.random(len(groups)) < 1 / (1 + np.exp(-0.8 - effect[groups]))
            made.append(estimate([fold_of(hits[part]) for part in parts], groups=names))
        low, high = intervals.interval(made[0], "accuracy")
        held += low <= truth <= high
        alarms += differences.between(*made).p < 0.05
    assert held / 300 >= 0.92 and alarms / 300 <= 0.08


def test_a_class_of_one_clip_is_measured_against_the_others():
    """Its recall is 0 or 1 in every test set: without the other classes its doubt would be none."""
    labels = np.array([0] * 30 + [1] * 30 + [2])
    hits = np.arange(61) % 3 > 0
    hits[60] = True
    probable = np.where(hits[:, None], np.eye(3)[labels], np.eye(3)[(labels + 1) % 3])
    made = estimate([(np.eye(3)[labels], probable)], "uar")
    recalls = np.array(
        [metrics.score("accuracy", np.eye(3)[labels[labels == k]], probable[labels == k]) for k in range(3)]
    )
    of_rare = (1.0 - recalls[:2].mean()) / 3  # what the only clip of the class changes
    assert of_rare == pytest.approx(made.changes[np.abs(made.changes).argmax()])
