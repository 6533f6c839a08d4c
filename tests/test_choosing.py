"""How probes with one number to choose are standardised, chosen, refitted and told about; the neighbours they find."""

import dataclasses

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from evaluator.embedding.matrix import InMemory
from evaluator.probes import protocol
from evaluator.probes.choosing import standardised
from evaluator.probes.jobs import ProbeJob, Setting
from evaluator.probes.kinds import neighbours
from evaluator.scoring.targets import Targets
from fitting import fit


def problem(n=90, width=6, n_classes=3, seed=0):
    random = np.random.default_rng(seed)
    class_of = random.integers(n_classes, size=n)
    x = random.normal(size=(n_classes, width))[class_of] + random.normal(size=(n, width))
    return x.astype(np.float32), np.eye(n_classes, dtype=np.float32)[class_of]


def outcome_of(name, x, targets, job, standardise, **changes):
    probe = dataclasses.replace(protocol.load(name).probe, **changes)
    (found,) = fit([job], [InMemory(x)], Targets(targets, "single", "accuracy"), probe, standardise)
    return found[Setting()][0]


def test_a_feature_is_constant_by_its_own_size():
    """What float32 makes of 1000 says nothing; what varies at 1e-12, or around a large mean, does."""
    random = np.random.default_rng(0)
    varying = random.normal(size=200)
    rounded = 1000 * (1 + 1e-7 * random.integers(-1, 2, size=200))
    x = np.stack(
        [varying * 1e-12, varying * 1e-38, rounded, np.zeros(200), 1000 + varying, 5e-11 + 1e-12 * varying], axis=1
    )
    x = x.astype(np.float32)
    found = standardised(InMemory(x), np.arange(100), True)(np.arange(200))
    assert (found[:, [2, 3]] == 0).all()
    others = [0, 1, 4, 5]
    wanted = (
        StandardScaler()
        .fit(x[:100, others] * np.array([1e12, 1e38, 1, 1e12]))
        .transform(x[:, others] * np.array([1e12, 1e38, 1, 1e12]))
    )
    np.testing.assert_allclose(found[:, others], wanted, atol=1e-6)


def test_neighbours_of_scikit_learn():
    """The same votes for every number, in blocks of any size."""
    x, targets = problem(n=200)
    random = np.random.default_rng(1)
    known, asked = x[:120].astype(np.float64), random.normal(size=(70, 6))
    for size in (1, 500, 10**6):
        kept = neighbours._kept(known.copy(), targets[:120], "single", [1, 4, 120], lambda n: None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(neighbours, "BLOCK_VALUES", size)
            found = kept.probabilities(asked, range(3))
        for number, shares in zip([1, 4, 120], found, strict=True):
            theirs = KNeighborsClassifier(number, metric="cosine", algorithm="brute").fit(
                known, targets[:120].argmax(axis=1)
            )
            np.testing.assert_allclose(shares, theirs.predict_proba(asked), atol=1e-12)


def test_of_equally_near_clips_the_first_count():
    """Copies of one clip at other lengths, which rounding tells apart: always the earlier ones, and nearer ones first."""
    random = np.random.default_rng(2)
    clip, other = random.normal(size=(2, 300))
    known = np.stack([other, clip, 3 * clip, 0.7 * clip, clip + 0.01 * other, clip / 7])
    kept = neighbours._kept(known, np.eye(6), "single", [1, 2, 3, 5], lambda n: None)
    one, two, three, five = (each[0] for each in kept.probabilities(clip[None] * 1.3, range(4)))
    assert one.argmax() == 1
    np.testing.assert_allclose(two, [0, 1 / 2, 1 / 2, 0, 0, 0])
    np.testing.assert_allclose(three, [0, 1 / 3, 1 / 3, 1 / 3, 0, 0])
    np.testing.assert_allclose(five, [0, 1 / 5, 1 / 5, 1 / 5, 1 / 5, 1 / 5])


@pytest.mark.parametrize("name", ["knn", "logistic"])
def test_refit_learns_from_validation_clips_too(name):
    """Validation chooses as ever; then a fit to both parts, standardised by both, answers for the test clips."""
    x, targets = problem()
    job = ProbeJob((0,), np.arange(30), np.arange(30, 60), np.arange(60, 90), 0)
    both = ProbeJob((0,), np.arange(60), np.arange(0), np.arange(60, 90), 0)
    usual = outcome_of(name, x, targets, job, True)
    again = outcome_of(name, x, targets, job, True, refit=True)
    assert again.chosen == usual.chosen and again.valid_score == usual.valid_score
    field = {"knn": "n_neighbors", "logistic": "Cs"}[name]
    every = getattr(protocol.load(name).probe, field)
    words = {"knn": "{:g} neighbours", "logistic": "C = {:g}"}[name]
    chosen = next(number for number in every if words.format(number) == usual.chosen)
    wanted = outcome_of(name, x, targets, both, True, **{field: (chosen,)})
    np.testing.assert_allclose(again.test, wanted.test, atol=1e-3)
    assert not np.allclose(again.test, usual.test, atol=1e-3)


def test_a_solver_that_is_stopped_is_named():
    """By the settings that did not arrive."""
    x, targets = problem()
    job = ProbeJob((0,), np.arange(30), np.arange(30, 60), np.arange(60, 90), 0)
    assert outcome_of("logistic", x, targets, job, True).unsettled == ()
    stopped = outcome_of("logistic", x, targets, job, True, Cs=(1000.0, 1e-4), max_iter=1, refit=True)
    assert "C = 1000" in stopped.unsettled
