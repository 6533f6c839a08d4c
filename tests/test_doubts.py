"""What is said of an interval: its target, too few units, and what it depends on."""

import numpy as np
import pytest

from evaluator.scoring import doubts, intervals, metrics
from evaluator.scoring.columns import Columns
from evaluator.scoring.group_scores import group_measure, group_scores
from evaluator.scoring.intervals import MEAN, POOLED
from evaluator.scoring.units import units_of


def groups_of(*counts):
    """Units of one fold whose groups have so many clips."""
    names = [f"bat {n}" for n, count in enumerate(counts) for _ in range(count)]
    return units_of([names], [[f"{n}.wav" for n in range(len(names))]])


def test_the_target_says_what_the_interval_is_of():
    """Groups or clips; folds and trainings where there are several; of a mean of folds, such folds."""
    (of_groups,) = doubts.target(groups_of(*[3] * 8), 1, POOLED, 1, n_known=0)
    assert of_groups.startswith("the interval is over 8 groups") and "on new groups like these" in of_groups
    for n_known in (
        None,
        2,
    ):  # nothing is promised of new individuals where it is not known that the tested ones are new
        assert "new groups" not in next(doubts.target(groups_of(*[3] * 8), 1, POOLED, 1, n_known))
    assert "it counts" not in of_groups
    clips = units_of([[""] * 9], [[str(n) for n in range(9)]])
    (of_clips,) = doubts.target(clips, 5, MEAN, 3)
    assert "over 9 clips, for the expected mean of such folds' scores on new clips" in of_clips
    assert not list(doubts.target(groups_of(2, 2, 2), 1, POOLED, 1))  # there is no interval
    assert of_clips.endswith("it takes into account that folds share training clips and luck in training")
    (of_queries,) = doubts.target(clips, 1, POOLED, 1, trains=False)  # what they are compared with is not drawn anew
    assert of_queries.endswith("stays the same, which makes it somewhat too narrow") and "training" not in of_queries


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (1, "all test clips are of one group (bat 0), so that nothing is known about others"),
        (3, "3 groups are too few for an interval; accuracy of each: bat 0 50.0, bat 1 –, bat 2 100.0"),
        (5, "5 groups are enough for an interval, but too few to tell that two modules differ"),
        (6, None),
    ],
)
def test_few_groups_are_told(n, words):
    """With their names and scores where there is no interval; six are enough."""
    by_group = {"bat 0": 0.5, "bat 1": float("nan"), "bat 2": 1.0}
    assert list(doubts.few_units(groups_of(*[2] * n), by_group, "accuracy")) == ([words] if words else [])


def test_a_group_with_most_of_the_clips_is_named():
    """60 of 75 clips: fewer than three degrees of freedom."""
    units = groups_of(60, 3, 3, 3, 3, 3)
    right = np.random.default_rng(0).random((75, 1)) < 0.6
    pair = np.hstack([np.ones((75, 1)), np.zeros((75, 1))]), np.hstack([right, ~right]).astype(float)
    made = intervals.estimate([pair], "accuracy", units, POOLED)
    columns = intervals.columns_of([pair], "accuracy", units, POOLED)
    assert list(doubts.dominant(units, made, columns)) == [
        "the interval depends mostly on bat 0, with 80 % of the clips"
    ]
    even = groups_of(*[15] * 5)
    made = intervals.estimate([pair], "accuracy", even, POOLED)
    assert not list(doubts.dominant(even, made, intervals.columns_of([pair], "accuracy", even, POOLED)))


def test_groups_that_score_alike_are_told():
    """All wrong, or half right each: the width is no measure of them; clips, which are right or wrong, go without."""
    for hits in ([False] * 16, [True, True, False, False] * 4):
        units = groups_of(4, 4, 4, 4)
        pair = np.eye(2)[np.zeros(16, int)], np.eye(2)[1 - np.array(hits, int)]
        made = intervals.estimate([pair], "accuracy", units, POOLED)
        (told,) = doubts.alike(units, made)
        assert told.startswith("all 4 groups score alike") and "could have missed" in told
    clips = units_of([[""] * 16], [[str(n) for n in range(16)]])
    assert not list(doubts.alike(clips, intervals.estimate([pair], "accuracy", clips, POOLED)))


def test_rare_classes_are_named_with_their_part_in_the_doubt():
    """Two of four classes are of one or two groups; and the part is between 0 and 1."""
    sizes = np.array([[5, 5, 1, 0], [5, 5, 1, 2], [5, 5, 0, 0], [5, 5, 0, 0]])
    random = np.random.default_rng(1)
    columns = Columns(random.random(4), random.random((4, 4)), sizes)
    (said,) = doubts.rare_classes(columns, list("abcd"), "uar", "groups")
    assert said.startswith("uar depends on 2 classes with fewer than 3 test groups (c, d)")
    part = int(said.rsplit("; ", 1)[1].split(" %")[0])
    assert 0 <= part <= 100
    assert not list(
        doubts.rare_classes(Columns(columns.values, columns.without, sizes + 1), list("abcd"), "uar", "clips")
    )


def test_clips_without_a_group_are_counted():
    """Where others have one."""
    units = units_of([["a", "a", "", ""]], [list("wxyz")])
    (said,) = doubts.alone(units)
    assert said.startswith("2 test clips have no group")
    assert not list(doubts.alone(groups_of(2, 2)))


def test_group_scores_are_the_metric_of_their_clips():
    """Over all folds together, by name; those without a group are left out."""
    random = np.random.default_rng(2)
    folds = [((random.random((20, 3)) < 0.5).astype(float), random.random((20, 3))) for _ in range(2)]
    names = [["a", "b"] * 10, ["a", ""] * 10]
    found = group_scores(folds, names, "map")
    assert list(found) == ["a", "b"]
    true, probable = (np.concatenate([part[number][::2] for part in folds]) for number in (0, 1))
    assert found["a"] == pytest.approx(metrics.score("map", true, probable))
    assert group_measure("uar", one_label=True) == "accuracy" and group_measure("map", one_label=False) == "map"
    assert group_measure("segment_1s_er", one_label=False) == "segment_1s_er"
