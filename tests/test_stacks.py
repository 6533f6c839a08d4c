"""Probes trained side by side give what each gives alone, whatever lies beside it, wherever features lie, in pieces of any size.

Most run in float64, where two orders of the same sums agree to 1e-9. In float32 they drift apart: a validation loss that
two epochs share but for rounding may choose another epoch, and Adam blows up what rounding leaves of small gradients.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

import slow_protocols as slow
from evaluator.embedding.matrix import InMemory, OnDisk, SideBySide
from evaluator.probes import protocol, stack, training
from evaluator.probes.jobs import ProbeJob
from evaluator.probes.stacked_probe import StackedProbe
from evaluator.scoring.targets import Targets
from fitting import train as train_networks

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

WIDTH, N_ROWS, N_CLASSES = 9, 140, 3
# Training rows of the folds: with batches of 16 the last but one ends with a batch of one row.
SIZES = (70, 66, 49, 64)


@pytest.fixture
def float64():
    """Torch makes float64 where nothing else is said."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Rows:
    """A matrix (`evaluator/embedding/matrix.py`) that keeps the type of its numbers."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def take(self, rows):
        """(len(rows), width)."""
        return self.array[rows]


def problem(n_matrices=3, labels="single", noise=2.0, shares=(0.5, 0.3, 0.2)):
    """Features of several layers about the same clips, and their targets; classes of unequal sizes."""
    random = np.random.default_rng(11)
    classes = random.choice(N_CLASSES, N_ROWS, p=shares)
    layers = [
        (1 + number) * random.normal(size=(N_CLASSES, WIDTH))[classes] + noise * random.normal(size=(N_ROWS, WIDTH))
        for number in range(n_matrices)
    ]
    values = np.eye(N_CLASSES)[classes]
    if labels == "multi":
        values[::3] = np.maximum(values[::3], np.roll(values[::3], 1, axis=1))
    return layers, values


def jobs_of(n, n_matrices=3, mixed=False, seed=0):
    """Jobs of different features, folds, sizes and seeds, in no order."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(n):
        n_train = SIZES[random.integers(len(SIZES))]
        train, valid, test = np.split(random.permutation(N_ROWS), [n_train, n_train + int(random.integers(15, 40))])
        features = tuple(range(n_matrices)) if mixed else (int(random.integers(n_matrices)),)
        made.append(ProbeJob(features, train, valid, test, int(random.integers(1000)), 0, number))
    return made


def train(jobs, layers, values, settings, standardise=False, labels="single", metric="uar", kind=Rows):
    """Outcomes of jobs, trained together."""
    return train_networks(
        jobs, [kind(layer) for layer in layers], Targets(values, labels, metric), settings, standardise, "cpu"
    )


def same(some, others, within=1e-9):
    """Epochs, checks and probabilities agree."""
    for one, other in zip(some, others, strict=True):
        assert (one.chosen_epoch, one.n_epochs, one.chosen) == (other.chosen_epoch, other.n_epochs, other.chosen)
        np.testing.assert_allclose(one.valid_losses, other.valid_losses, rtol=100 * within)
        np.testing.assert_allclose(one.valid_scores, other.valid_scores, atol=within)
        np.testing.assert_allclose(one.test, other.test, atol=within)
        np.testing.assert_allclose(one.valid, other.valid, atol=within)


def narrow(settings):
    """HEAR's settings with few hidden units and small batches, so that a test is quick."""
    grid = tuple({**point, "hidden": (8,) * len(point["hidden"])} for point in settings.grid)
    return replace(settings, grid=grid, batch_size=16, patience=2, epochs=30)


def own_settings():
    """Every network protocol's settings, HEAR's as three of its points, with whether it standardises and which labels."""
    for name in ("arch", "sarkar", "ogg", "hear"):
        for profile in protocol.PROFILES:
            asked = protocol.load(name, profile)
            points = narrow(asked.probe).points()[:2] if name == "hear" else [asked.probe]
            for number, settings in enumerate(points):
                for labels in ("single", "multi") if (profile, number) == ("clean", 0) else ("single",):
                    short = replace(settings, epochs=min(settings.epochs, 30))
                    yield pytest.param(short, asked.standardise, labels, id=f"{name}-{profile}-{number}-{labels}")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("settings", "standardise", "labels"), list(own_settings()))
def test_together_is_one_by_one(settings, standardise, labels):
    """A random mix of features, folds of four sizes and seeds; where there is early stopping, at different epochs."""
    layers, values = problem(labels=labels)
    jobs = jobs_of(6)
    asked = (layers, values, settings, standardise, labels, "map" if labels == "multi" else "uar")
    together = train(jobs, *asked)
    same(together, [train([job], *asked)[0] for job in jobs])
    if settings.patience:
        assert len({outcome.n_epochs for outcome in together}) > 1


@pytest.mark.usefixtures("float64")
def test_a_grid_together_is_one_by_one(monkeypatch):
    """Points with different rates and initialisations, three series of three folds; each series chooses for itself."""
    layers, values = problem()
    settings = narrow(protocol.load("hear").probe)
    settings = replace(settings, grid=settings.grid[:4], epochs=18)
    jobs = [
        replace(job, features=(number % 3,), series=number % 3, fold=number // 3)
        for number, job in enumerate(jobs_of(9, seed=4))
    ]
    together = train(jobs, layers, values, settings)
    monkeypatch.setattr(training, "CPU_VALUES", 1)
    same(together, train(jobs, layers, values, settings))
    for series in range(3):
        own = [number for number, job in enumerate(jobs) if job.series == series]
        same([together[number] for number in own], train([jobs[number] for number in own], layers, values, settings))
    assert len({outcome.chosen for outcome in together}) > 1


@pytest.mark.parametrize(("name", "within"), [("arch", 1e-5), ("sarkar", 1e-5), ("ogg", 1e-5)])
def test_together_is_one_by_one_in_float32(name, within):
    """As users get it: sums of nets without batch norm differ by rounding only, and few epochs blow nothing up."""
    layers, values = problem()
    layers, values = [layer.astype(np.float32) for layer in layers], values.astype(np.float32)
    asked = protocol.load(name, "published")
    settings = replace(asked.probe, weights="last", patience=0, epochs=30)  # no choice that rounding could turn
    jobs = jobs_of(6)
    together = train(jobs, layers, values, settings, asked.standardise, kind=InMemory)
    alone = [train([job], layers, values, settings, asked.standardise, kind=InMemory)[0] for job in jobs]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.test, other.test, atol=within)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_class_weights_stay_with_their_probe(schedule):
    """When others stop early and leave the stack, each goes on with its own weights."""
    layers, values = problem(shares=(0.75, 0.15, 0.1))
    ogg = protocol.load("ogg").probe
    settings = replace(ogg, learning_rate=0.02, patience=3, schedule=schedule, plateau_patience=1, batch_size=16)
    jobs = jobs_of(8, seed=2)
    jobs[3] = replace(jobs[3], train=jobs[3].train[values[jobs[3].train, 2] == 0])  # a class of weight 0
    together = train(jobs, layers, values, settings)
    same(together, [train([job], layers, values, settings)[0] for job in jobs])
    assert len({outcome.n_epochs for outcome in together}) > 2
    unweighted = train(jobs, layers, values, replace(settings, class_weights="none"))
    assert all(np.abs(one.test - other.test).max() > 1e-3 for one, other in zip(together, unweighted, strict=True))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
def test_dropout_stays_with_its_probe(norm):
    """With folds of different sizes each probe drops the units that it drops alone, after any norm."""
    layers, values = problem()
    settings = replace(
        protocol.load("hear").probe.points()[1], hidden=(8,), norm=norm, dropout=0.4, batch_size=16, epochs=9
    )
    jobs = jobs_of(6)
    assert len({len(job.train) for job in jobs}) > 2
    same(train(jobs, layers, values, settings), [train([job], layers, values, settings)[0] for job in jobs])


class Mixed(torch.nn.Module):
    """A network on the sum of layers (n_rows, n_layers, width), weighted by a softmax of learned numbers."""

    def __init__(self, n_layers, network):
        super().__init__()
        self.numbers, self.network = torch.nn.Parameter(torch.zeros(n_layers)), network

    def forward(self, x):
        """(n_rows, n_classes)."""
        shares = torch.softmax(self.numbers, dim=0)
        return self.network(sum(share * x[:, number] for number, share in enumerate(shares)))


def slowly(job, layers, values, settings, standardise):
    """One probe on mixed layers by AdamW at a constant rate: test probabilities after the last epoch, and the shares."""
    x = [slow.standardised(layer, job.train) if standardise else layer for layer in layers]
    x, y = torch.from_numpy(np.stack(x, axis=1)), torch.from_numpy(values)
    g = torch.Generator().manual_seed(job.seed)
    widths = [WIDTH, *settings.hidden, N_CLASSES]
    parts = []
    for n_in, n_out in pairwise(widths):
        parts += [slow.default_linear(n_in, n_out, g), torch.nn.LayerNorm(n_out), torch.nn.ReLU()]
    network = Mixed(len(layers), torch.nn.Sequential(*parts[:-2]))
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    for _ in range(settings.epochs):
        for rows in slow.shuffled(job.train, g).split(settings.batch_size):
            slow.update(network, optimiser, torch.nn.CrossEntropyLoss(), x[rows], y[rows])
    said = slow.probabilities_of(slow.evaluated(network, x[job.test]), "single")
    return said, torch.softmax(network.numbers.detach(), 0).numpy()


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("hidden", [(), (7,)])
def test_mixed_layers_are_a_literal_softmax(hidden, standardise):
    """Probes of different folds together, against one loop each; layers far from mean 0 and deviation 1."""
    layers, values = problem()
    layers = [(layer + 3) * scale for layer, scale in zip(layers, (0.5, 1, 4), strict=True)]
    settings = replace(
        protocol.load("arch", "published").probe,
        hidden=hidden,
        norm="layer",
        schedule="constant",
        learning_rate=0.01,
        epochs=12,
        batch_size=16,
    )
    jobs = jobs_of(5, mixed=True)
    together = train(jobs, layers, values, settings, standardise)
    for job, outcome in zip(jobs, together, strict=True):
        said, shares = slowly(job, layers, values, settings, standardise)
        np.testing.assert_allclose(outcome.test, said, atol=1e-4 if standardise else 1e-6)  # moments are float32
        assert np.abs(shares - 1 / 3).max() > 0.01
    same(together, [train([job], layers, values, settings, standardise)[0] for job in jobs])


@pytest.mark.parametrize("name", ["arch", "sarkar", "ogg"])
def test_learned_weights_find_the_layer_that_tells(name):
    """Of five layers one knows the classes; its share is the largest."""
    random = np.random.default_rng(6)
    layers, values = problem(n_matrices=5, noise=0.7)
    for number in (0, 1, 2, 4):
        layers[number] = random.normal(size=layers[number].shape) * layers[3].std()
    layers = [layer.astype(np.float32) for layer in layers]
    settings = replace(protocol.load(name).probe, learning_rate=0.01)
    (job,) = jobs_of(1, n_matrices=5, mixed=True)
    one = StackedProbe(job.features, job.train, job.valid, job.seed, settings)
    trained = stack.Stack([one], [InMemory(layer) for layer in layers], None, Targets(values, "single", "uar"), "cpu")
    trained.fit(lambda n: None)
    shares = trained.best.weights["mix"].detach().softmax(dim=1)[0].numpy()
    assert shares.argmax() == 3 and shares[3] > 1.3 * np.delete(shares, 3).max()


@pytest.mark.parametrize("mixed", [False, True])
def test_features_from_files_are_those_from_memory(mixed, tmp_path):
    """Also where columns come from two files: the same numbers to the last bit."""
    layers, values = problem()
    layers = [layer.astype(np.float32) for layer in layers]
    on_disk = []
    for number, layer in enumerate(layers):
        parts = []
        for place, columns in enumerate((layer[:, :5], layer[:, 5:])):
            path = tmp_path / f"{number}-{place}"
            path.write_bytes(columns[100:].tobytes() + columns[:100].tobytes())  # the second stretch comes first
            n_bytes = 4 * columns.shape[1]
            stretches = np.array([[0, (N_ROWS - 100) * n_bytes, 100], [0, 0, N_ROWS - 100]])
            parts.append(OnDisk([path], stretches, columns.shape[1]))
        on_disk.append(SideBySide(parts))
    asked = protocol.load("sarkar")
    jobs = jobs_of(5, mixed=mixed)
    targets = Targets(values, "single", "uar")
    wanted = train_networks(jobs, [InMemory(layer) for layer in layers], targets, asked.probe, True, "cpu")
    found = train_networks(jobs, on_disk, targets, asked.probe, True, "cpu")
    for one, other in zip(wanted, found, strict=True):
        assert one.chosen_epoch == other.chosen_epoch
        np.testing.assert_array_equal(one.test, other.test)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("room", "name", "value"),
    [
        (training, "CPU_VALUES", 1),
        (training, "CPU_VALUES", 20_000),
        (stack, "READ_VALUES", 1),
        (stack, "READ_VALUES", 500),
    ],
)
@pytest.mark.parametrize("name_of_protocol", ["sarkar", "hear"])
def test_sizes_of_pieces_do_not_show(room, name, value, name_of_protocol, monkeypatch):
    """Stacks of any size, validation in any blocks."""
    layers, values = problem()
    asked = protocol.load(name_of_protocol)
    settings = narrow(asked.probe) if name_of_protocol == "hear" else asked.probe
    settings = replace(settings, grid=settings.grid[:2], epochs=15)
    jobs = jobs_of(4, seed=3)
    wanted = train(jobs, layers, values, settings, asked.standardise)
    monkeypatch.setattr(room, name, value)
    same(wanted, train(jobs, layers, values, settings, asked.standardise))


@pytest.mark.usefixtures("float64")
def test_threads_do_not_show(monkeypatch):
    """One or two, as the size of a stack decides; the number that was set before is set again."""
    layers, values = problem()
    settings = replace(protocol.load("arch").probe, epochs=3)
    threads = torch.get_num_threads()
    wanted = train(jobs_of(4), layers, values, settings)
    monkeypatch.setattr(training, "ONE_THREAD_VALUES", 0)
    torch.set_num_threads(2)
    try:
        same(wanted, train(jobs_of(4), layers, values, settings))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(("hidden", "n_matrices", "most"), [((), 1, 111), ((50, 20), 1, 20), ((50,), 10, 11)])
def test_validation_reads_no_more_than_it_may(hidden, n_matrices, most, monkeypatch):
    """Rows at once by what is widest: features of width 9, all mixed layers of them, or what a hidden layer makes of them."""
    layers, values = problem(n_matrices)
    (job,) = jobs_of(1, n_matrices, mixed=True)
    settings = replace(protocol.load("arch").probe, hidden=hidden)
    one = StackedProbe(job.features, job.train, job.valid, job.seed, settings)
    made = stack.Stack([one], [InMemory(layer) for layer in layers], None, Targets(values, "single", "uar"), "cpu")
    monkeypatch.setattr(stack, "READ_VALUES", 1000)
    rows = torch.arange(N_ROWS)[None]
    parts = list(made.blocks(rows))
    assert max(part.shape[1] for part in parts) == most
    assert torch.equal(torch.cat(parts, dim=1), rows)


def test_a_feature_that_is_constant_in_training_says_nothing():
    """It would be divided by nothing, and decide alone where it wakes up."""
    random = np.random.default_rng(2)
    features = random.normal(size=(60, 4)).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)[(features[:, 0] > 0).astype(int)]
    rows = np.split(np.arange(60), [40, 50])
    dead = np.concatenate([features, np.zeros((60, 1), np.float32)], axis=1)
    dead[50:, 4] = 5
    settings = replace(protocol.load("sarkar").probe, epochs=5)
    said = [
        train_networks(
            [ProbeJob((0,), *rows, 1)], [matrix], Targets(targets, "single", "accuracy"), settings, True, "cpu"
        )[0]
        for matrix in (dead, np.concatenate([features, np.zeros((60, 1), np.float32)], axis=1))
    ]
    np.testing.assert_allclose(said[0].test, said[1].test, atol=1e-6)
