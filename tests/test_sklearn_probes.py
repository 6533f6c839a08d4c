"""Logistic regression and nearest neighbours against scikit-learn's own pipelines and a slow loop."""

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evaluator.embedding.matrix import InMemory
from evaluator.probes import protocol
from evaluator.probes.jobs import ProbeJob, Setting
from evaluator.scoring.targets import Targets
from fitting import fit

# Protocols whose probe has one setting that validation chooses, and what the middle of its settings is called: a new kind of
# probe by scikit-learn adds its own line.
MIDDLE = {"logistic": "C = 0.1", "knn": "3 neighbours"}
PROTOCOLS = tuple(MIDDLE)


def problem(n=120, width=7, n_classes=3, noise=1.2, seed=0):
    """Features around class means, of very different scales, and one-hot targets."""
    random = np.random.default_rng(seed)
    labels = random.integers(n_classes, size=n)
    features = random.normal(size=(n_classes, width))[labels] + noise * random.normal(size=(n, width))
    return (features * 10.0 ** np.arange(-3, width - 3)).astype(np.float32), np.eye(n_classes, dtype=np.float32)[labels]


def job(n=120, n_train=60, n_valid=30, seed=1):
    order = np.random.default_rng(seed).permutation(n)
    return ProbeJob((0,), order[:n_train], order[n_train : n_train + n_valid], order[n_train + n_valid :], 0)


def said(name, asked, features, targets, labels="single", metric="accuracy", **changes):
    known = protocol.load(name)
    settings = dataclasses.replace(known.probe, **changes)
    matrices, question = [InMemory(features)], Targets(targets, labels, metric)
    ((outcome,),) = (by[Setting()] for by in fit([asked], matrices, question, settings, known.standardise))
    return outcome


def test_logistic_is_scikit_learns_pipeline():
    """Standardised by the training clips alone; the strength with the best validation accuracy, the first of equals."""
    (features, targets), asked = problem(), job()
    classes = targets.argmax(axis=1)
    scores, models = [], []
    for strength in protocol.load("logistic").probe.Cs:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
        models.append(model.fit(features[asked.train], classes[asked.train]))
        scores.append(accuracy_score(classes[asked.valid], model.predict(features[asked.valid])))
    outcome = said("logistic", asked, features, targets)
    best = int(np.argmax(scores))
    assert outcome.chosen == f"C = {protocol.load('logistic').probe.Cs[best]:g}"
    assert outcome.valid_score == pytest.approx(scores[best])
    np.testing.assert_allclose(outcome.test, models[best].predict_proba(features[asked.test]), atol=2e-3)


def test_neighbours_are_those_of_a_slow_loop():
    """Votes of the k nearest by angle."""
    (features, targets), asked = problem(), job()
    outcome = said("knn", asked, features, targets, n_neighbors=(5,))
    for row, number in enumerate(asked.test):
        angles = [
            features[number] @ features[other] / np.linalg.norm(features[number]) / np.linalg.norm(features[other])
            for other in asked.train
        ]
        nearest = asked.train[np.argsort(angles)[-5:]]
        np.testing.assert_allclose(outcome.test[row], targets[nearest].mean(axis=0), atol=1e-6)
    assert outcome.chosen == "5 neighbours"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_several_labels(name):
    """Each by itself; one that every training clip has, or none, is told as such."""
    (features, _), asked = problem(), job()
    targets = (np.random.default_rng(3).random((120, 4)) < 0.4).astype(np.float32)
    targets[:, 0] = features[:, 6] > 0
    targets[:, 2] = 0
    targets[asked.train, 3] = 1
    outcome = said(name, asked, features, targets, "multi", "map")
    assert outcome.test.shape == (30, 4) and (outcome.test[:, 2] == 0).all() and (outcome.test[:, 3] == 1).all()
    right = (outcome.test[:, 0] > 0.5) == (targets[asked.test, 0] > 0.5)
    assert right.mean() >= (0.85 if name == "logistic" else 0.6)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_class_without_training_clips_gets_nothing(name):
    """And with one class only, that is what is said."""
    features, targets = problem()
    classes = targets.argmax(axis=1)
    known = np.flatnonzero(classes != 2)
    asked = ProbeJob((0,), known[:40], known[40:60], np.flatnonzero(classes == 2)[:10], 0)
    assert (said(name, asked, features, targets).test[:, 2] == 0).all()
    ones = np.flatnonzero(classes == 1)
    only = ProbeJob((0,), ones[:10], known[:10], known[10:20], 0)
    assert (said(name, only, features, targets).test[:, 1] == 1).all()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_shuffled_labels_score_at_chance(name):
    """What chooses never sees what is scored."""
    scores = []
    for seed in range(20):
        features, targets = problem(seed=seed)
        targets = targets[np.random.default_rng(seed).permutation(120)]
        asked = job(seed=seed)
        outcome = said(name, asked, features, targets)
        scores.append((outcome.test.argmax(axis=1) == targets[asked.test].argmax(axis=1)).mean())
    assert abs(np.mean(scores) - 1 / 3) < 3 * (2 / 9 / 30 / 20) ** 0.5


@pytest.mark.parametrize("name", PROTOCOLS)
def test_few_clips_and_no_validation_still_give_an_answer(name):
    """More neighbours than clips; no labelled validation clip: the middle setting."""
    features, targets = problem()
    asked = ProbeJob((0,), np.arange(4), np.arange(0), np.arange(50, 60), 0)
    outcome = said(name, asked, features, targets)
    assert outcome.valid_score is None and outcome.test.shape == (10, 3)
    assert outcome.chosen == MIDDLE[name]


@pytest.mark.parametrize("name", ["knn", "fewshot"])
def test_huge_features_point_somewhere_too(name):
    """Cosines do not change with scale, even where squares leave single precision."""
    (features, targets), asked = problem(), job()
    known = protocol.load(name)
    settings = dataclasses.replace(known.probe, draws=2) if name == "fewshot" else known.probe
    question = Targets(targets, "single", "accuracy")
    small, large = (
        fit([asked], [InMemory(features * np.float32(scale))], question, settings)[0] for scale in (1, 1e22)
    )
    for setting, outcomes in small.items():
        if setting.head != "logistic":
            for one, other in zip(outcomes, large[setting], strict=True):
                np.testing.assert_allclose(one.test, other.test, atol=1e-5)
