"""Logistic regression at its optimum: against scikit-learn's own solvers run to the end, and gradients by hand."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evaluator.probes import logistic_regression
from evaluator.probes.logistic_regression import fit_path

FSDD = Path(__file__).parents[2] / "shared" / "data" / "fsdd" / "recordings"
CS = [0.0001, 0.001, 0.01, 0.1, 1, 10, 100]


def clips(n, width, n_classes, noise, seed=0):
    """Standardised features (n, width) of a decaying spectrum around class means, as embeddings have, and class numbers (n,)."""
    random = np.random.default_rng(seed)
    class_of = random.integers(n_classes, size=n)
    inner = random.normal(size=(n_classes, 30))[class_of] + noise * random.normal(size=(n, 30))
    x = inner @ (random.normal(size=(30, width)) * 0.8 ** np.arange(30)[:, None]) + 0.1 * random.normal(size=(n, width))
    return (x - x.mean(axis=0)) / x.std(axis=0), class_of


PROBLEMS = {
    "wide": (120, 500, 5, 1.5),
    "nearly separable": (160, 60, 4, 0.3),
    "narrow": (200, 12, 3, 2.0),
    "two classes": (120, 300, 2, 1.5),
}


def objective(x, targets, model, C):
    """C times the summed loss, plus half the squared weights, and the norm of its gradient, straight from the definition."""
    logits = x @ model.weights + model.intercepts
    y = targets[:, model.columns]
    if model.softmax:
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        loss = -np.log(p[y > 0]).sum()
    else:
        p = 1 / (1 + np.exp(-logits))
        loss = np.logaddexp(0, np.where(y > 0, -logits, logits)).sum()
    slope = C * x.T @ (p - y) + model.weights
    return C * loss + (model.weights**2).sum() / 2, np.hypot(
        np.linalg.norm(slope), C * np.linalg.norm((p - y).sum(axis=0))
    )


def converged(x, class_of, C):
    """scikit-learn's own model, run until nothing moves any more."""
    return LogisticRegression(C=C, solver="newton-cg", tol=1e-9, max_iter=100_000).fit(x, class_of)


@pytest.mark.parametrize("C", CS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_scikit_learns_converged_optimum_at_every_penalty(name, C):
    """The same objective to 1e-6, and the same answer for all but one clip of 80 at most, of clips that were not seen."""
    x, class_of = clips(*PROBLEMS[name])
    seen, asked = np.arange(len(x)) % 3 > 0, np.flatnonzero(np.arange(len(x)) % 3 == 0)
    targets = np.eye(class_of.max() + 1)[class_of]
    (model,) = fit_path(x[seen], targets[seen], "single", [C], 100)
    theirs = converged(x[seen], class_of[seen], C)
    assert model.arrived
    two = len(theirs.coef_) == 1
    same = logistic_regression.Regression(
        theirs.coef_.T, theirs.intercept_, np.array([1]) if two else theirs.classes_, targets[0], not two, None, True
    )
    ours, _ = objective(x[seen], targets[seen], model, C)
    best, _ = objective(x[seen], targets[seen], same, C)
    assert ours == pytest.approx(best, rel=1e-6)
    differing = (model.probabilities(x[asked]).argmax(axis=1) != theirs.predict(x[asked])).sum()
    assert differing <= len(asked) / 80
    np.testing.assert_allclose(model.probabilities(x[asked]), theirs.predict_proba(x[asked]), atol=2e-4)


@pytest.mark.parametrize("labels", ["single", "multi"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_gradient_is_none(name, labels):
    """By hand: weights are no further from the optimum than the gradient is long, and that is a ten-thousandth of them."""
    x, class_of = clips(*PROBLEMS[name])
    targets = np.eye(class_of.max() + 1)[class_of]
    for C, model in zip(CS, fit_path(x, targets, labels, CS, 100), strict=True):
        _, slope = objective(x, targets, model, C)
        assert model.arrived and slope < 2e-4 * np.linalg.norm(model.weights)


def test_several_labels_are_each_its_own_regression():
    """One problem of all labels, one of them rare, answers as each label by itself does in scikit-learn."""
    x, _ = clips(150, 400, 5, 1.5)
    random = np.random.default_rng(1)
    targets = (x @ random.normal(size=(400, 4)) / 20 + random.normal(size=(150, 4)) > [0, 0.5, 1, 2]).astype(float)
    targets[:3, 3] = 1
    together = fit_path(x, targets, "multi", CS, 100)
    for C, model in zip(CS, together, strict=True):
        assert model.arrived
        for label, column in enumerate(targets.T):
            theirs = converged(x, column, C)
            np.testing.assert_allclose(model.probabilities(x)[:, label], theirs.predict_proba(x)[:, 1], atol=2e-4)


@pytest.mark.parametrize("labels", ["single", "multi"])
def test_the_order_of_clips_and_penalties_changes_nothing(labels):
    """Neither where a fit began, nor in which order sums were taken."""
    x, class_of = clips(*PROBLEMS["wide"])
    targets, order = np.eye(5)[class_of], np.random.default_rng(2).permutation(len(x))
    one = fit_path(x, targets, labels, CS, 100)
    other = fit_path(x[order], targets[order], labels, CS[::-1], 100)[::-1]
    for C, mine, theirs in zip(CS, one, other, strict=True):
        (alone,) = fit_path(x, targets, labels, [C], 100)
        for each in (theirs, alone):
            np.testing.assert_allclose(mine.probabilities(x), each.probabilities(x), atol=2e-4)


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e4, 1e20])
def test_features_of_any_unit(scale):
    """A hundred times the features with a ten-thousandth of C are the same problem."""
    x, class_of = clips(*PROBLEMS["wide"])
    targets = np.eye(5)[class_of]
    (usual,) = fit_path(x, targets, "single", [0.01], 100)
    (scaled,) = fit_path((x * scale).astype(np.float32), targets, "single", [0.01 / scale**2], 100)
    assert scaled.arrived
    np.testing.assert_allclose(usual.probabilities(x), scaled.probabilities(x * scale), atol=1e-4)


def test_features_that_say_nothing():
    """All equal: every clip gets the classes' shares, which is the optimum."""
    targets = np.eye(3)[[0, 0, 0, 1, 2]]
    for model in fit_path(np.full((5, 4), 7.0), targets, "single", [0.1, 100], 100):
        assert model.arrived
        np.testing.assert_allclose(model.probabilities(np.full((2, 4), 7.0)), [[0.6, 0.2, 0.2]] * 2, atol=1e-9)


def test_a_solver_that_is_stopped_says_so():
    """One Newton step is not enough."""
    x, class_of = clips(*PROBLEMS["wide"])
    models = fit_path(x, np.eye(5)[class_of], "single", [0.0001, 1000], 1)
    assert [model.arrived for model in models][-1] is False


@pytest.mark.skipif(not FSDD.is_dir(), reason="needs the real audio in ../shared/data")
def test_spoken_digits_meet_the_optimum_at_every_penalty():
    """On embeddings of 80 clips of two speakers that were not heard: one answer differs at most."""
    import soundfile
    import torch

    from hear_ssl import melspec

    model = melspec.load_model()
    paths = sorted(FSDD.glob("*.wav"))[::4]
    audio = [torch.from_numpy(np.repeat(soundfile.read(path, dtype="float32")[0], 2))[None] for path in paths]
    x = np.concatenate([melspec.get_scene_embeddings(each, model).numpy() for each in audio])
    digits = np.array([int(path.name.split("_")[0]) for path in paths])
    asked = np.array([path.name.split("_")[1] in ("theo", "lucas") for path in paths])
    x = (x - x[~asked].mean(axis=0)) / x[~asked].std(axis=0)
    for C, ours in zip(CS, fit_path(x[~asked], np.eye(10)[digits[~asked]], "single", CS, 100), strict=True):
        theirs = converged(x[~asked], digits[~asked], C)
        differing = ours.probabilities(x[asked]).argmax(axis=1) != theirs.predict(x[asked])
        assert ours.arrived and asked.sum() == 80 and differing.sum() <= 1
