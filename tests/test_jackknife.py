"""Leaving groups out: every metric against itself on the remaining clips, factor and degrees of freedom by their definition."""

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy import stats

from evaluator.scoring import intervals, jackknife, measures, metrics
from evaluator.scoring.columns import Columns
from evaluator.scoring.intervals import MEAN, POOLED
from evaluator.scoring.units import MAX_BLOCKS, units_of

RANDOM = np.random.default_rng(0)
N_CLIPS, N_GROUPS, N_CLASSES = 90, 7, 4
GROUPS = RANDOM.integers(N_GROUPS, size=N_CLIPS)
LABELS = RANDOM.integers(N_CLASSES, size=N_CLIPS)
LABELS[GROUPS == 0] = 2  # a group of one class
LABELS[(LABELS == 3) & (GROUPS > 1)] = 0  # a class of few groups
LABELS[np.flatnonzero(GROUPS == 1)[:2]] = 3
SINGLE = np.eye(N_CLASSES)[LABELS]
MULTI = (RANDOM.random((N_CLIPS, N_CLASSES)) < 0.3).astype(float)
PROBABLE = (RANDOM.dirichlet(np.ones(N_CLASSES), size=N_CLIPS) + 0.2 * SINGLE).round(1)  # with ties
OF_EVENTS = [name for name, metric in metrics.METRICS.items() if metric.of_events]
OF_CLIPS = [name for name, metric in metrics.METRICS.items() if metric.by_class]


def data_of(name):
    """Targets and predictions that a metric takes."""
    if name in OF_EVENTS:
        true, found = RANDOM.poisson(6, size=(N_CLIPS, 1)), RANDOM.poisson(5, size=(N_CLIPS, 1))
        errors = np.abs(true - found) + 1
        return true, errors if name == "segment_1s_er" else np.hstack([found, np.minimum(true, found) // 2])
    if name in measures.CLUSTERS:
        return np.stack([SINGLE.argmax(axis=1), np.zeros(N_CLIPS)], axis=1), PROBABLE.argmax(axis=1)[:, None]
    if metrics.METRICS[name].of_measures:
        return np.stack([RANDOM.random(N_CLIPS) < 0.7, np.zeros(N_CLIPS)], axis=1), RANDOM.random((N_CLIPS, 1))
    return (MULTI if "multi" in metrics.METRICS[name].beside else SINGLE), PROBABLE


@pytest.mark.parametrize("name", metrics.METRICS)
def test_leaving_a_group_out_is_scoring_the_rest(name):
    """Each column without each group is that column of the remaining clips alone, whose group is then one."""
    true, probable = data_of(name)
    metric = metrics.METRICS[name]
    columns = metric.columns(true, probable, GROUPS, N_GROUPS)
    assert columns.score == pytest.approx(metrics.score(name, true, probable))
    for group in range(N_GROUPS):
        rest = group != GROUPS
        alone = metric.columns(true[rest], probable[rest], np.zeros(rest.sum(), int), 1)
        np.testing.assert_allclose(columns.without[group], alone.values)


@pytest.mark.parametrize(("name", "of"), [("map", sk.average_precision_score), ("aucroc", sk.roc_auc_score)])
def test_ranking_without_a_group_is_scikit_learns(name, of):
    """Ties included."""
    columns = metrics.METRICS[name].columns(MULTI, PROBABLE, GROUPS, N_GROUPS)
    for group in range(N_GROUPS):
        rest = group != GROUPS
        np.testing.assert_allclose(columns.without[group], of(MULTI[rest], PROBABLE[rest], average=None))


def design_by_definition(sizes):
    """Factor and degrees of freedom from the matrix of changes, cell by cell, under clips that are alike and independent."""
    n_groups, n_classes = sizes.shape
    totals = sizes.sum(axis=0)
    holders = (sizes > 0).sum(axis=0)
    thin = 1 / holders if n_classes > 1 else np.zeros(n_classes)
    share = sizes / totals
    covariance = np.zeros((n_groups, n_groups))
    for k in range(n_classes):
        own = np.flatnonzero(sizes[:, k])
        if len(own) < 2:
            continue
        rows = np.zeros((n_groups, len(own)))
        for g in own:
            for place, h in enumerate(own):
                of_mean = 1.0 if g == h else -sizes[h, k] / (totals[k] - sizes[g, k])
                rows[g, place] = (1 - thin[k] * share[g, k]) * share[g, k] / n_classes * of_mean
        covariance += rows @ np.diag(1 / sizes[own, k]) @ rows.T
    if n_classes > 1:
        against = np.full((n_classes, n_classes), -1 / (n_classes - 1))
        np.fill_diagonal(against, 1)
        moved = thin * share / n_classes
        covariance += moved @ against @ np.diag(1 / totals) @ against.T @ moved.T
    trace = np.trace(covariance)
    return (1 / totals).sum() / n_classes**2 / trace, trace**2 / (covariance**2).sum()


@pytest.mark.parametrize("shape", [(6, 1), (6, 5), (10, 3), (20, 7), (4, 2), (5, 5)])
def test_the_design_is_that_of_its_definition(shape):
    """Random tables, with empty cells; and one group a class."""
    sizes = np.random.default_rng(sum(shape)).integers(0, 6, size=shape) + (np.arange(shape[0]) == 0)[:, None]
    assert jackknife.design(sizes) == pytest.approx(design_by_definition(sizes.astype(float)))
    assert jackknife.design(4 * np.eye(5)) == pytest.approx((0.8, 4))


def test_equal_groups_have_their_usual_degrees_of_freedom():
    """(N - 1) / N and N - 1: the t interval of group means."""
    assert jackknife.design(np.full((7, 1), 3)) == pytest.approx((6 / 7, 6))


def test_changes_by_hand():
    """Two classes; class 1 is of one group only and is measured against the other class."""
    values, sizes = np.array([0.5, 1.0]), np.array([[2, 0], [2, 4], [4, 0]])
    without = np.array([[2 / 6, 1], [2 / 6, np.nan], [1, 1]])
    found = jackknife.influence(Columns(values, without, sizes))
    thin, share = 1 / 3, np.array([0.25, 0.25, 0.5])
    first = (1 - thin * share) * (0.5 - without[:, 0]) + thin * share * (0.5 - 1.0)
    second = np.array([0, 1.0 - 0.5, 0])
    np.testing.assert_allclose(found.changes, (first + second) / 2)
    assert found.value == 0.75


def test_nothing_can_be_known_of_one_group():
    """No factor where one group has everything; no value where nothing is scored."""
    assert np.isnan(jackknife.design(np.array([[3], [0]]))).all()
    assert np.isnan(jackknife.influence(Columns(np.array([np.nan]), np.full((2, 1), np.nan), np.zeros((2, 1)))).value)


def test_units_are_groups_over_all_folds_together():
    """A group of two folds is one unit; a clip without a group is its own; names decide, not order."""
    units = units_of([["a", "b"], ["a", ""]], [["1", "2"], ["3", "4"]])
    assert (units.over, units.n, units.n_alone, units.names) == ("groups", 3, 1, ["a", "b", "4"])
    assert [block.tolist() for block in units.blocks] == [[0, 1], [0, 2]]
    clips = units_of([["", ""]], [["x", "y"]])
    assert (clips.over, clips.n, clips.n_alone) == ("clips", 2, 0)


def test_many_units_go_to_blocks_of_equal_number():
    """The same for the same names, in whatever order."""
    names = [f"{n}.wav" for n in range(5 * MAX_BLOCKS)]
    units = units_of([[""] * len(names)], [names])
    assert (units.n, units.n_blocks) == (5 * MAX_BLOCKS, MAX_BLOCKS)
    assert (np.bincount(units.blocks[0]) == 5).all()
    turned = units_of([[""] * len(names)], [names[::-1]])
    assert turned.blocks[0][::-1].tolist() == units.blocks[0].tolist()


@pytest.mark.parametrize("name", ["accuracy", "uar", "macro_f1", "map", "aucroc", "weighted_map"])
@pytest.mark.parametrize("over_folds", [POOLED, MEAN])
def test_order_and_names_change_nothing(name, over_folds):
    """Clips, folds, classes in another order and groups of other names: the same interval."""
    true, probable = data_of(name)
    fold = GROUPS % 2

    def interval(order, classes, folds, names):
        parts = [order[fold[order] == number] for number in folds]
        units = units_of(
            [[names[GROUPS[n]] for n in part] for part in parts], [[str(n) for n in part] for part in parts]
        )
        tested = [(true[part][:, classes], probable[part][:, classes]) for part in parts]
        return intervals.interval(intervals.estimate(tested, name, units, over_folds), name)

    # Ties in the prediction go to the first class: without any, the classes' order means nothing.
    probable = probable + 1e-3 * RANDOM.random(probable.shape)
    usual = interval(np.arange(N_CLIPS), np.arange(N_CLASSES), (0, 1), [f"g{n}" for n in range(N_GROUPS)])
    other = interval(RANDOM.permutation(N_CLIPS), np.array([2, 0, 3, 1]), (1, 0), [f"z{n}" for n in "5304126"])
    assert usual == pytest.approx(other, abs=1e-12) and usual[0] < usual[1]


def test_the_mean_of_single_group_folds_is_the_t_interval_of_their_scores():
    """Eight folds, one group each, UAR: plain formula of the folds' scores, on the logit scale, with the folds' correction."""
    groups = np.repeat(np.arange(8), 12)
    labels = np.tile(np.repeat(np.arange(3), 4), 8)
    probable = RANDOM.random((96, 3)) + 0.3 * np.eye(3)[labels]
    tested = [(np.eye(3)[labels[groups == n]], probable[groups == n]) for n in range(8)]
    units = units_of([[str(n)] * 12 for n in range(8)], [[f"{n} {c}" for c in range(12)] for n in range(8)])
    made = intervals.estimate(tested, "uar", units, MEAN)
    scores = np.array([metrics.score("uar", *fold) for fold in tested])
    value, error = scores.mean(), np.sqrt(1 + 0.5 * 8 / 7) * scores.std(ddof=1) / np.sqrt(8)
    reach = stats.t.ppf(0.975, 7) * error / (value * (1 - value))
    wanted = [1 / (1 + np.exp(-(np.log(value / (1 - value)) + sign * reach))) for sign in (-1, 1)]
    assert intervals.interval(made, "uar") == pytest.approx(tuple(wanted), abs=1e-9)
