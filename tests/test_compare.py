"""Differences are told with their doubt, calibrated; only results on the same clips are put beside each other."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from evaluator.errors import UsageError
from evaluator.results import compare
from evaluator.scoring import intervals
from test_results import result

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes


def predictions(right: np.ndarray, n_classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Targets of class 0, and probabilities that are right where `right` says so."""
    targets = np.tile(np.eye(n_classes, dtype=np.float32)[0], (len(right), 1))
    return targets, np.eye(n_classes, dtype=np.float32)[np.where(right, 0, 1)]


def of(right: np.ndarray, groups=None, **said):
    """A result of one fold."""
    targets, probabilities = predictions(right)
    return result(
        score=float(right.mean()),
        folds=[dataclasses.replace(result().folds[0], name="test")],
        test_clips=[[f"{n}.wav" for n in range(len(right))]],
        test_groups=[["" for _ in right] if groups is None else list(groups)],
        test_seconds=[np.ones(len(right))],
        test_targets=[targets],
        test_probabilities=[probabilities[None]],
        test_events=[],
        **said,
    )


def test_a_difference_is_told_in_words():
    """20 of 200 clips more, none fewer: the better first, whichever way round they are given."""
    base = np.arange(200) < 100
    low, high = of(base, module="a"), of(base | (np.arange(200) >= 180), module="b")
    for pair in ((low, high), (high, low)):
        (said,) = compare.compare(pair)
        assert (said.better, said.worse) == ("b", "a")
        assert said.difference.value == pytest.approx(0.1)
        assert said.sentence.startswith("b is 10.0 points above a on demo/calls (95 % interval ")
        assert "significant (p < 0.001)" in said.sentence
        assert said.mcnemar == pytest.approx(2 * 0.5**20)
    (said,) = compare.compare((of(base, module="a"), of(~base, module="b")))
    assert "0.0 points above" in said.sentence and "not significant" in said.sentence and said.p == 1


def test_the_interval_is_that_of_the_difference():
    """Against the normal approximation of paired differences: mean and standard error by hand."""
    random = np.random.default_rng(0)
    one = random.random(500) < 0.7
    other = np.where(random.random(500) < 0.8, one, random.random(500) < 0.5)
    found = intervals.difference([predictions(one)], [predictions(other)], "accuracy")
    apart = one.astype(float) - other
    assert found.value == pytest.approx(apart.mean())
    error = 1.96 * apart.std() / 500**0.5
    assert (found.low, found.high) == pytest.approx((apart.mean() - error, apart.mean() + error), abs=0.1 * error)


def test_no_difference_is_seldom_called_one():
    """Over 200 pairs of equally good modules, at most 8 % are called different at the 5 % level."""
    random = np.random.default_rng(1)
    calls = 0
    for number in range(200):
        hard = random.random(200)
        one, other = (random.random(200) > hard for _ in range(2))
        calls += intervals.difference([predictions(one)], [predictions(other)], "accuracy", seed=number).p < 0.05
    assert calls <= 16


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Of 300 tests of one module, 92 to 98 % of the intervals hold what it scores on endless clips."""
    random = np.random.default_rng(2)
    held = 0
    for number in range(300):
        low, high = intervals.bootstrap_interval([predictions(random.random(200) < 0.7)], "accuracy", seed=number)
        held += low <= 0.7 <= high
    assert 0.92 <= held / 300 <= 0.98


def test_groups_are_drawn_where_there_are_enough():
    """20 clips of one animal are not 20 independent ones: the interval is wider."""
    right = np.repeat(np.random.default_rng(3).random(30) < 0.6, 20)
    animals = np.repeat([f"animal {n}" for n in range(30)], 20)
    assert intervals.units([list(animals)]) is not None
    by_clip = intervals.bootstrap_interval([predictions(right)], "accuracy")
    by_animal = intervals.bootstrap_interval([predictions(right)], "accuracy", groups=intervals.units([list(animals)]))
    assert by_animal[1] - by_animal[0] > 3 * (by_clip[1] - by_clip[0])
    assert intervals.units([list(animals[:100])]) is None and "a fold has 5 groups only" in intervals.why_not(
        [list(animals[:100])]
    )
    assert intervals.units([["", "a"]]) is None and intervals.why_not([["", ""]]) == ""


def test_several_comparisons_are_corrected():
    """Holm, by hand: 0.01 x 3, 0.02 x 2, 0.03 x 1, none below the one before."""
    assert intervals.holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert intervals.holm([0.9, 0.8]) == [1.0, 1.0]
    base = np.arange(60) < 30
    found = [of(base | (np.arange(60) >= 60 - extra), module=name) for name, extra in (("a", 0), ("b", 3), ("c", 9))]
    said = compare.compare(found)
    assert [(each.better, each.worse) for each in said] == [("c", "b"), ("c", "a"), ("b", "a")]
    assert all("corrected for 3 comparisons" in each.sentence and each.p >= each.difference.p for each in said)


def test_fusion_averages_probabilities():
    """Two that are unsure in different places; scored by scikit-learn, with what was fused in the provenance."""
    random = np.random.default_rng(4)
    targets = np.eye(3, dtype=np.float32)[random.integers(3, size=80)]
    runs = [
        dataclasses.replace(
            of(np.ones(80, bool), module=name),
            test_targets=[targets],
            test_probabilities=[(0.3 * targets + random.dirichlet(np.ones(3), 80)).astype(np.float32)[None]],
        )
        for name in "ab"
    ]
    fused = compare.fuse(runs)
    mean = (runs[0].test_probabilities[0] + runs[1].test_probabilities[0]) / 2
    np.testing.assert_allclose(fused.test_probabilities[0], mean, rtol=1e-6)
    assert fused.score == pytest.approx(accuracy_score(targets.argmax(1), mean[0].argmax(1)))
    assert fused.module == "fusion of a and b" and len(fused.provenance["fused"]) == 2


def swapped(made):
    """The result with the labels of its clips exchanged."""
    return dataclasses.replace(made, test_targets=[fold[:, ::-1] for fold in made.test_targets])


def test_fusions_of_different_runs_are_different_runs():
    """The same module with other options or layers, fused with the same other one: neither replaces the other."""
    runs = [
        of(RIGHT, module=name, provenance={"layers": layers}) for name, layers in (("a", ""), ("b", "3"), ("b", "4"))
    ]
    assert compare.fuse([runs[0], runs[1]]).run != compare.fuse([runs[0], runs[2]]).run


RIGHT = np.arange(20) < 12


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (of(RIGHT, module="b", task="x/y"), "a and b differ in task: 'demo/calls' and 'x/y'"),
        (swapped(of(RIGHT, module="b")), "a and b know other labels of 20 clips in fold test, 0.wav for one"),
        (of(RIGHT, module="b", metric="uar"), "differ in metric"),
        (
            of(RIGHT[:19], module="b"),
            r"not tested on the same clips in fold test, 19\.wav for one; run both on the same",
        ),
        (of(RIGHT, module="a"), "the same result is given twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(other, sentence):
    """So that no difference comes from the clips."""
    for together in (compare.compare, compare.fuse):
        with pytest.raises(UsageError, match=sentence):
            together([of(RIGHT, module="a"), other])
        with pytest.raises(UsageError, match="one result alone cannot be"):
            together([other])


def test_results_of_one_module_are_told_apart():
    """By protocol, then by options."""
    same = [of(RIGHT, protocol=name) for name in ("arch", "knn")]
    assert compare.titles(same) == ["my/odd module.py (arch, clean)", "my/odd module.py (knn, clean)"]
    same = [of(RIGHT, options={"layer": layer}) for layer in (1, 2)]
    assert "'layer': 1" in compare.titles(same)[0]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_handful_of_clips_proves_nothing(n):
    """One right everywhere and the other nowhere: p is what the signs of n clips can tell at best."""
    right = np.ones(n, bool)
    (said,) = compare.compare((of(right, module="a"), of(~right, module="b")))
    assert said.p == pytest.approx(min(1, 2 * 0.5**n)) and "not significant" in said.sentence


def test_the_doubt_from_training_counts():
    """A module beside itself with other seeds: with several each, a difference is seldom called real; with one, it says so."""
    random = np.random.default_rng(6)
    calls = 0
    for number in range(60):
        easy = random.random(150)
        said = []
        for name in "ab":
            luck = random.normal(0, 0.08, 5)  # of a training, on all clips
            right = np.stack([easy < 0.6 + each for each in luck])
            probabilities = np.eye(4, dtype=np.float32)[np.where(right, 0, 1)]
            score = float(right.mean())
            one = of(right[0], module=name)
            said.append(dataclasses.replace(one, score=score, seeds=list(range(5)), test_probabilities=[probabilities]))
        (found,) = compare.compare(said, seed=number)
        calls += found.p < 0.05
    assert calls <= 12  # five seeds tell a spread of 8 points roughly; of one training each, 50 of 60 are called real
    alone = [of(np.arange(40) < n, module=name, provenance={"seeded": True}) for n, name in ((20, "a"), (24, "b"))]
    assert "luck in training is hardly counted" in compare.compare(alone)[0].sentence
