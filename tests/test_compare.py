"""Differences are told with their doubt, calibrated; only results on the same clips are put beside each other."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score

from evaluator.errors import UsageError
from evaluator.results import alike, compare, fusion
from evaluator.results.caveats import Caveat
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
    """Against the t interval and test of paired differences of clips, by scipy."""
    random = np.random.default_rng(0)
    one = random.random(500) < 0.7
    other = np.where(random.random(500) < 0.8, one, random.random(500) < 0.5)
    (said,) = compare.compare((of(one, module="a"), of(other, module="b")))
    sign = 1 if said.better == "a" else -1
    # 500 clips are left out by 200 blocks: nearly as good as one by one.
    wanted = stats.ttest_rel(one.astype(float), other)
    assert said.difference.value == pytest.approx(sign * (one.mean() - other.mean()))
    assert said.difference.error == pytest.approx(abs(one.mean() - other.mean()) / abs(wanted.statistic), rel=0.15)


ANIMALS = np.repeat([f"animal {n}" for n in range(6)], 20)


def test_groups_are_the_units_wherever_they_are_named():
    """Six animals of 20 clips, paired t test of the animals; McNemar's test, which counts clips, is not said."""
    random = np.random.default_rng(3)
    hits = [(random.random(120) < np.repeat(random.uniform(0.2, 0.9, 6), 20)) for _ in range(2)]
    one, other = (of(each, ANIMALS, module=name, confusion=None) for each, name in zip(hits, "ab", strict=True))
    (said,) = compare.compare((one, other))
    means = [each.reshape(6, 20).mean(axis=1) for each in hits]
    assert said.p == pytest.approx(max(stats.ttest_rel(*means).pvalue, 2**-5)) and said.mcnemar is None
    assert "over 6 groups" in said.sentence and set(said.by_group) == set(ANIMALS)
    if "may well be chance" in said.sentence:
        assert f"from {100 * 2.8 * said.difference.error:.1f} points on" in said.sentence


@pytest.mark.parametrize("n_groups", [1, 3, 5])
def test_few_groups_cannot_tell(n_groups):
    """No p, however large the difference; what it is in each group is said."""
    groups = ANIMALS[: 20 * n_groups]
    right = np.arange(20 * n_groups) % 10 > 0
    (said,) = compare.compare((of(right, groups, module="a"), of(~right, groups, module="b")))
    assert np.isnan(said.p) and "significant" not in said.sentence
    assert f"{n_groups} group{'s' * (n_groups > 1)} cannot tell whether that is chance" in said.sentence
    assert "animal 0 80.0" in said.sentence and np.isnan(said.difference.low) == (n_groups < 4)


def test_a_small_difference_says_what_would_have_been_found():
    """Beside "may well be chance": 2.8 standard errors; six results of six animals cannot be ranked, and it is said."""
    random = np.random.default_rng(4)
    several = [of(random.random(120) < 0.6, ANIMALS, module=name) for name in "abcdef"]
    (said,) = compare.compare(several[:2])
    assert "not significant, which may well be chance (p = " in said.sentence
    assert f"from {100 * said.difference.detectable:.1f} points on" in said.sentence
    found = compare.compare(several)
    why = "6 groups cannot rank 6 results, since their p is 0.031 at best, where all of them differ the same way, times 15 comparisons 0.469"
    assert all(why in each.sentence and each.verdict == "too few groups" for each in found)


def test_no_interval_of_a_difference_leaves_the_possible():
    """Four animals, of which one is all right and three are not: 100 points are the most."""
    right = np.repeat([True, True, True, False], 20)
    (said,) = compare.compare([of(right, ANIMALS[:80], module="a"), of(~right, ANIMALS[:80], module="b")])
    assert said.difference.low < 0 < said.difference.high == 1 and said.difference.low >= -1
    assert said.difference.value + stats.t.ppf(0.975, 3) * said.difference.error > 1


def test_folds_that_make_a_score_in_two_ways_are_pooled():
    """A published and a clean result of two folds: both pooled, and said."""
    folds = [dataclasses.replace(result().folds[0], name=name) for name in "12"]
    sizes = (30, 10)
    hits = [np.arange(n) % 3 > 0 for n in sizes]
    pairs = [predictions(each) for each in hits]
    several = {
        "folds": folds,
        "test_clips": [[f"{n} {clip}" for clip in range(n)] for n in sizes],
        "test_groups": [[""] * n for n in sizes],
        "test_seconds": [np.ones(n) for n in sizes],
        "test_targets": [pair[0] for pair in pairs],
        "test_probabilities": [pair[1][None] for pair in pairs],
        "test_events": [],
    }
    pooled = float(np.concatenate(hits).mean())
    clean = result(module="a", score=pooled, over_folds="pooled", **several)
    published = result(module="b", score=float(np.mean([each.mean() for each in hits])), over_folds="mean", **several)
    (said,) = compare.compare((clean, published))
    assert said.difference.value == 0 and ", all folds pooled" in said.sentence
    assert "pooled" not in compare.compare((clean, dataclasses.replace(clean, module="c")))[0].sentence


def test_several_comparisons_are_corrected():
    """Each of three by the number of its sisters; the level of the interval is that of its place, and is named."""
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
    fused = fusion.fuse(runs)
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
    assert fusion.fuse([runs[0], runs[1]]).run != fusion.fuse([runs[0], runs[2]]).run


RIGHT = np.arange(20) < 12


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (of(RIGHT, module="b", task="x/y"), "a and b differ in task: 'demo/calls' and 'x/y'"),
        (swapped(of(RIGHT, module="b")), "a and b know other labels of 20 clips in fold test, 0.wav for one"),
        (of(RIGHT, module="b", metric="uar"), "differ in metric"),
        (
            of(RIGHT, module="a", metric="uar", protocol="knn"),
            r"a \(arch\) and a \(knn\) differ in metric: .*; compare results of one metric, such as those of one task under one",
        ),
        (
            of(RIGHT[:19], module="a", profile="published"),
            r"a \(clean\) and a \(published\) were not tested on the same clips",
        ),
        (
            of(RIGHT[:19], module="b"),
            r"not tested on the same clips in fold test, 19\.wav for one; run both on the same",
        ),
        (of(RIGHT, module="a"), "the same result is given twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(other, sentence):
    """So that no difference comes from the clips."""
    for together in (compare.compare, fusion.fuse):
        with pytest.raises(UsageError, match=sentence):
            together([of(RIGHT, module="a"), other])
        with pytest.raises(UsageError, match="one result alone cannot be"):
            together([other])


def test_results_are_told_apart_by_what_was_asked():
    """By whatever differs: protocol, options, layers, seeds; a file is one module whichever way it is spelled."""
    odd = "my/odd module.py"
    assert alike.titles([of(RIGHT, protocol=name) for name in ("arch", "knn")]) == [
        f"{odd} (arch)",
        f"{odd} (knn)",
    ]
    assert alike.titles([of(RIGHT, options={"layer": n}) for n in (1, 2)]) == [
        f"{odd} (layer=1)",
        f"{odd} (layer=2)",
    ]
    plain, every = of(RIGHT, module="./a.py"), of(RIGHT, module="a.py", provenance={"layers": "all"}, seeds=[0, 1, 2])
    assert alike.titles([plain, every]) == ["a.py", "a.py (layers all, 3 seeds)"]
    other = of(RIGHT, module="b", protocol="knn")  # of another name, which hides nothing either
    assert alike.titles([every, other]) == ["a.py (layers all, 3 seeds, arch)", "b (knn)"]
    alone = of(RIGHT, module="hear_ssl.chance", options={})
    assert alike.titles([every, alone]) == [
        "a.py",
        "hear_ssl.chance",
    ]  # beside baselines alone nothing has to be told


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_handful_of_clips_proves_nothing(n):
    """One right everywhere and the other nowhere: no p, and six tell 0.031 at best."""
    right = np.ones(n, bool)
    (said,) = compare.compare((of(right, module="a"), of(~right, module="b")))
    assert np.isnan(said.p) and f"{n} clip{'s' * (n > 1)} cannot tell" in said.sentence
    right = np.ones(6, bool)
    (said,) = compare.compare((of(right, module="a"), of(~right, module="b")))
    assert said.p == pytest.approx(2**-5) and "significant (p = 0.031)" in said.sentence


def test_the_doubt_from_training_counts():
    """A module beside itself with other seeds: with several each, a difference is seldom called real; with one, there is no verdict."""
    random = np.random.default_rng(6)
    calls = 0
    for _ in range(60):
        easy = random.random(150)
        said = []
        for name in "ab":
            luck = random.normal(0, 0.08, 5)  # of a training, on all clips
            right = np.stack([easy < 0.6 + each for each in luck])
            probabilities = np.eye(4, dtype=np.float32)[np.where(right, 0, 1)]
            score = float(right.mean())
            one = of(right[0], module=name)
            said.append(dataclasses.replace(one, score=score, seeds=list(range(5)), test_probabilities=[probabilities]))
        (found,) = compare.compare(said)
        calls += found.p < 0.05
    assert calls <= 12  # five seeds tell a spread of 8 points roughly; of one training each, 50 of 60 are called real
    alone = [of(np.arange(40) < n, module=name, provenance={"seeded": True}) for n, name in ((20, "a"), (24, "b"))]
    (said,) = compare.compare(alone)
    assert np.isnan(said.p) and said.difference.low < said.difference.high and "no verdict" in said.sentence


def test_rounding_is_no_doubt():
    """The same answers, trained 3 and 5 times, whose means differ in the last bit, do not differ significantly."""
    right = np.arange(120) % 5 > 0
    few, many = of(right, ANIMALS, module="a"), of(right, ANIMALS, module="b")
    few = dataclasses.replace(few, test_probabilities=[np.repeat(few.test_probabilities[0], 3, axis=0)])
    many = dataclasses.replace(many, test_probabilities=[np.repeat(many.test_probabilities[0], 5, axis=0)])
    (said,) = compare.compare((few, many))
    assert said.difference.value == 0 and said.difference.error == 0 and said.p == 1
    assert "the same in each of the groups" in said.sentence


def test_results_of_other_groups_are_refused_in_any_order():
    """Else the first one's groups, or clips, would be the units."""
    right = np.arange(120) % 3 > 0
    grouped, alone = of(right, ANIMALS, module="a"), of(~right, module="b")
    for pair in ((grouped, alone), (alone, grouped)):
        for ask in (compare.compare, fusion.fuse):
            with pytest.raises(UsageError, match="b knows no groups of the clips in fold test"):
                ask(pair)
    others = of(~right, ANIMALS[::-1], module="c")
    with pytest.raises(UsageError, match="a and c know other groups of the clips"):
        compare.compare((grouped, others))


def test_only_pairs_that_are_tested_are_corrected_for():
    """A contaminated module of three leaves one comparison, which six groups can tell."""
    contaminated = [Caveat("pre_trained_on_data", "contamination: it heard these")]
    base = np.arange(120) % 5 > 0
    results = [
        of(base, ANIMALS, module="a"),
        of(base & (np.arange(120) % 7 > 1), ANIMALS, module="b"),
        of(np.ones(120, bool), ANIMALS, module="c", caveats=contaminated),
    ]
    said = {(each.better, each.worse): each for each in compare.compare(results)}
    assert "corrected" not in said["a", "b"].sentence and "cannot rank" not in said["a", "b"].sentence
    assert "no verdict" in said["c", "a"].sentence
