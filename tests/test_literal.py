"""The evaluator's trainer, many probes at once, against the slow references, one at a time.

Both compute in float64 here. In float32 two orders of the same sums drift apart: the gradient of a bias before batch
norm is nothing but rounding errors, and Adam makes steps of full size of them. One test runs in float32.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

import slow_protocols as slow
from evaluator.probes import protocol
from evaluator.probes.jobs import ProbeJob, Setting
from evaluator.probes.schedules import Plateau
from evaluator.scoring.targets import Targets
from fitting import fit, train
from slow_protocols import Point, Problem

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

PROFILES = ("published", "clean")
# Rows for training and validation. With batches of 16 the second and third have a last batch of one row.
FOLDS = ((60, 30), (49, 25), (33, 40))


@pytest.fixture(autouse=True)
def float64():
    """Torch makes float64 where nothing else is said."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def problems(labels="single", width=9, n_classes=3, noise=2.0, folds=FOLDS):
    """One set of features and targets, divided in several ways, each with its own seed."""
    random = np.random.default_rng(5)
    classes = random.integers(n_classes, size=110)
    features = random.normal(size=(n_classes, width))[classes] + noise * random.normal(size=(110, width))
    targets = np.eye(n_classes)[classes]
    if labels == "multi":
        targets[::3] = np.maximum(targets[::3], np.roll(targets[::3], 1, axis=1))
    made = []
    for seed, (n_train, n_valid) in enumerate(folds):
        train, valid, test = np.split(random.permutation(110), [n_train, n_train + n_valid])
        made.append(Problem(features, targets, train, valid, test, seed, labels))
    return made


def without(problem, part, c):
    """The same without the rows of class c in one part."""
    rows = getattr(problem, part)
    return replace(problem, **{part: rows[problem.targets[rows, c] == 0]})


class Rows:
    """A matrix (`evaluator/embedding/matrix.py`) that keeps the type of its numbers."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def take(self, rows):
        """(len(rows), width)."""
        return self.array[rows]


def trained(given, settings, metric, standardise=False):
    """What the evaluator's trainer says of the problems, together."""
    jobs = [ProbeJob((0,), one.train, one.valid, one.test, one.seed, fold) for fold, one in enumerate(given)]
    targets = Targets(given[0].targets, given[0].labels, metric)
    return train(jobs, [Rows(given[0].features)], targets, settings, standardise, "cpu")


def same(outcomes, tolds, within=1e-6):
    """Epochs, checks and probabilities agree."""
    for outcome, told in zip(outcomes, tolds, strict=True):
        assert (outcome.chosen_epoch, outcome.n_epochs) == (told.chosen_epoch, told.n_epochs)
        if outcome.valid_losses:  # where validation is used
            np.testing.assert_allclose(outcome.valid_losses, told.valid_losses, rtol=100 * within)
        if outcome.valid_scores:
            np.testing.assert_allclose(outcome.valid_scores, told.valid_scores, rtol=1e-6)
        np.testing.assert_allclose(outcome.test, told.test, atol=within)
        np.testing.assert_allclose(outcome.valid, told.valid, atol=within)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("labels", ["single", "multi"])
def test_arch(profile, labels):
    """AdamW with its schedule, last or best weights, softmax or sigmoid."""
    given = problems(labels)
    settings = replace(protocol.load("arch", profile).probe, epochs=60)
    assert protocol.load("arch", profile).probe.epochs == 200
    same(trained(given, settings, "map"), [slow.arch(one, profile, epochs=60) for one in given])


@pytest.mark.parametrize(("profile", "metric"), [("published", "uar_all_classes"), ("clean", "uar")])
def test_sarkar(profile, metric):
    """Standardised features, layer norm and early stopping; a class lacks validation rows in one fold."""
    given = problems()
    given[1] = without(given[1], "valid", 2)
    given = [replace(one, features=one.features * np.arange(1, 10) + 50) for one in given]
    asked = protocol.load("sarkar", profile)
    tolds = [slow.sarkar(one, profile) for one in given]
    assert len({told.n_epochs for told in tolds}) > 1  # they leave the stack at different epochs
    same(trained(given, asked.probe, metric, asked.standardise), tolds, within=1e-4)  # moments are float32


@pytest.mark.parametrize(("profile", "metric"), [("published", "uar_all_classes"), ("clean", "uar")])
def test_sarkar_with_falling_rates(profile, metric):
    """Without early stopping rates fall, after different epochs in each fold."""
    given = problems(noise=4.0)
    settings = replace(protocol.load("sarkar", profile).probe, patience=99)
    tolds = [slow.sarkar(one, profile, stop_patience=99) for one in given]
    falls = {round(np.mean(np.array(told.rates) < 1e-3), 3) for told in tolds}
    assert len(falls) > 1 and max(falls) > 0
    same(trained(given, settings, metric, standardise=True), tolds, within=1e-4)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("scale", [1, 100])
def test_ogg(profile, scale):
    """Weighted classes, plateaus, best loss; a class lacks training rows in one fold; large features overfit at once."""
    given = problems(n_classes=4, folds=((70, 25), (65, 30), (33, 40)))
    given[2] = without(given[2], "train", 3)
    given = [replace(one, features=one.features * scale) for one in given]
    same(trained(given, protocol.load("ogg", profile).probe, "accuracy"), [slow.ogg(one) for one in given])


def test_hears_grid():
    """The eight points of the file are those of the rule, in its order, and so is all that they share."""
    for profile in PROFILES:
        settings = protocol.load("hear", profile).probe
        points = [point_of(one) for one in settings.points()]
        assert points == slow.grid_points()
        assert (settings.optimiser, settings.weight_decay, settings.schedule, settings.weights) == (
            "adam",
            0,
            "constant",
            "best",
        )
        assert settings.shuffle == (profile == "clean")


def point_of(settings):
    """The evaluator's settings in the words of the reference."""
    (width,) = set(settings.hidden)
    name = settings.initialisation.removeprefix("xavier_")
    shared = (width, settings.dropout, settings.batch_size, settings.epochs, settings.check_every, settings.patience)
    return Point(len(settings.hidden), settings.learning_rate, name, *shared)


def narrow(settings, width=8, **changes):
    """HEAR's settings with fewer hidden units."""
    grid = tuple({**point, "hidden": (width,) * len(point["hidden"])} for point in settings.grid)
    return replace(settings, grid=grid, **changes)


def by_profile(given, points, profile, by="score"):
    """The point that each fold is judged with, and what the reference tells: the first fold's, or in clean its own."""
    if profile == "published":
        chosen, tolds = slow.hear(given, points, profile, by=by)
        return [chosen] * len(given), tolds
    each = [slow.hear([one], points, profile, by=by) for one in given]
    return [chosen for chosen, _ in each], [told for _, (told,) in each]


@pytest.mark.parametrize("profile", PROFILES)
def test_hear(profile):
    """Eight points on the first fold, the best on the others, or each fold by itself; a last batch of one row joins the one before."""
    given = problems()
    settings = narrow(protocol.load("hear", profile).probe, batch_size=16, patience=4, epochs=45)
    points = [point_of(one) for one in settings.points()]
    chosen, tolds = by_profile(given, points, profile)
    outcomes = trained(given, settings, "accuracy")
    same(outcomes, tolds)
    assert len({outcome.n_epochs for outcome in outcomes}) > 1
    for outcome, chosen in zip(outcomes, chosen, strict=True):
        assert outcome.chosen.startswith(f"hidden {[8] * chosen.hidden_layers}, learning_rate {chosen.learning_rate:g}")
        assert outcome.chosen.endswith(chosen.initialisation)


def test_hear_keeps_the_earlier_of_equal_points():
    """Where classes are far apart several points tell all of them."""
    given = problems(noise=0.1)[:1]
    settings = narrow(protocol.load("hear", "published").probe, batch_size=16, epochs=30)
    settings = replace(settings, grid=settings.grid[1:3] + settings.grid[6:])
    tolds = [slow.hear_point(given[0], point_of(one), "published") for one in settings.points()]
    scores = [max(told.valid_scores) for told in tolds]
    assert scores.count(1) > 1
    same(trained(given, settings, "accuracy"), [tolds[scores.index(1)]])


@pytest.mark.parametrize("profile", PROFILES)
def test_hear_by_loss(profile):
    """As MAESTRO: sigmoid outputs, every epoch is checked, the lowest loss wins."""
    given = problems("multi")
    changes = {"batch_size": 32, "epochs": 15, "check_every": 1, "monitor": "valid_loss"}
    settings = narrow(protocol.load("hear", profile).probe, **changes)
    _, tolds = by_profile(given, [point_of(one) for one in settings.points()], profile, by="loss")
    same(trained(given, settings, "map"), tolds)


@pytest.mark.parametrize("number", range(8))
def test_points_of_hear(number):
    """Each but for its width as published, until the 20th check without anything better."""
    given = problems()[:2]
    settings = narrow(protocol.load("hear", "published").probe, width=12).points()[number]
    tolds = [slow.hear_point(one, point_of(settings), "published") for one in given]
    assert any(told.n_epochs == told.chosen_epoch + 60 for told in tolds) or number == 0
    same(trained(given, settings, "accuracy"), tolds)


def test_few_shots():
    """Each number of shots and each draw, from nested draws, as probabilities."""
    given = problems()
    asked = protocol.load("fewshot", "clean").probe
    settings = replace(asked, shots=(1, 2, 4), heads=("centroid",), draws=3, primary=(4, "centroid"))
    jobs = [ProbeJob((0,), one.train, one.valid, one.test, one.seed) for one in given]
    found = fit(jobs, [Rows(given[0].features)], Targets(given[0].targets, "single", "accuracy"), settings)
    for one, outcomes in zip(given, found, strict=True):
        for n_shots in settings.shots:
            for draw, outcome in enumerate(outcomes[Setting(n_shots, "centroid")]):
                np.testing.assert_allclose(outcome.test, slow.fewshot(one, n_shots, one.test, draw), atol=1e-6)
    one, other = found[0][Setting(1, "centroid")][:2]
    assert np.abs(one.test - other.test).max() > 1e-3  # another draw is another draw


def test_float32():
    """Single precision tells the same but for rounding, also at full width."""
    torch.set_default_dtype(torch.float32)
    given = [
        replace(one, features=one.features.astype(np.float32), targets=one.targets.astype(np.float32))
        for one in problems()
    ]
    arch, sarkar, ogg = (protocol.load(name, "published").probe for name in ("arch", "sarkar", "ogg"))
    few = {"epochs": 20}
    same(trained(given, replace(arch, **few), "map"), [slow.arch(one, "published", **few) for one in given], 1e-4)
    tolds = [slow.sarkar(one, "published") for one in given]
    same(trained(given, sarkar, "uar_all_classes", standardise=True), tolds, 1e-4)
    same(trained(given, ogg, "map"), [slow.ogg(one) for one in given], 1e-4)
    hear = replace(protocol.load("hear", "published").probe.points()[1], epochs=6)
    same(trained(given, hear, "accuracy"), [slow.hear_point(one, point_of(hear), "published") for one in given], 1e-3)


def test_the_rate_on_plateaus():
    """As torch's own ReduceLROnPlateau, for losses that fall, rise, stand still and fall by too little."""
    random = np.random.default_rng(0)
    for patience in (0, 5, 10):
        losses = np.concatenate([np.linspace(2, 1, 9), 1 - 1e-5 * np.arange(40), random.normal(1, 0.3, 60)])
        optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
        theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=patience)
        ours = Plateau(0.5, patience)
        for loss in losses:
            ours.see(float(loss))
            theirs.step(float(loss))
            # torch leaves a rate alone that would fall by less than 1e-8
            assert 1e-3 * ours.scale == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9, abs=2e-8)
