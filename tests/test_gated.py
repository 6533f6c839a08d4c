"""The gate over all layers: the layer that tells gets the weight, a plain loop gives the same, the order of layers decides nothing."""

import copy
import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import evaluator as ev
import slow_protocols as slow
from evaluator.probes import protocol
from evaluator.probes.jobs import ProbeJob
from evaluator.scoring.targets import Targets
from fitting import train
from tiny_checkpoints import model_path

N_ROWS, WIDTH, N_CLASSES = 150, 8, 3
TELLS = 2  # the layer that alone knows the class
ROWS = np.arange(N_ROWS)
JOB = ProbeJob((0, 1, 2, 3), ROWS[:90], ROWS[90:120], ROWS[120:], seed=7)


@pytest.fixture
def float64():
    """Torch makes float64 where nothing else is said: two orders of the same sums then agree to 1e-9."""
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


def stacked(shuffled=False, size=1):
    """Four layers (n_rows, width) of one standard deviation, noise but for one, and the classes (n_rows, n_classes)."""
    random = np.random.default_rng(3)
    classes = random.integers(0, N_CLASSES, N_ROWS)
    layers = [random.normal(size=(N_ROWS, WIDTH)) for _ in JOB.features]
    layers[TELLS] = 0.4 * layers[TELLS] + 1.5 * random.normal(size=(N_CLASSES, WIDTH))[classes]
    kind = np.float64 if torch.get_default_dtype() == torch.float64 else np.float32
    layers = [(size * layer / layer.std()).astype(kind) for layer in layers]
    return layers, np.eye(N_CLASSES, dtype=kind)[random.permutation(classes) if shuffled else classes]


def gated(layers, values, job=JOB, **changes):
    """The outcome of the protocol's probe."""
    probe = replace(protocol.load("gated").probe, **changes)
    (outcome,) = train([job], [Rows(layer) for layer in layers], Targets(values, "single", "accuracy"), probe)
    return outcome


def accuracy(outcome, values):
    """On the test rows."""
    return slow.accuracy(values[JOB.test], outcome.test)


class Gate(torch.nn.Module):
    """One linear layer on the sum of layers, each times the softmax of its own number."""

    def __init__(self, n_layers, linear):
        super().__init__()
        self.numbers, self.linear = torch.nn.Parameter(torch.zeros(n_layers)), linear

    def forward(self, x):
        """From (n_rows, n_layers, width) to logits (n_rows, n_classes)."""
        raised = torch.exp(self.numbers)
        return self.linear(sum(raised[n] / raised.sum() * x[:, n] for n in range(x.shape[1])))


def literally(layers, values, job):
    """The protocol as its YAML says it, one probe in a loop: test probabilities of the best epoch, that epoch, and the gate's weights."""
    g = torch.Generator().manual_seed(job.seed)
    x, y = torch.from_numpy(np.stack(layers, axis=1)), torch.from_numpy(values)
    network = Gate(len(layers), slow.default_linear(WIDTH, N_CLASSES, g))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    n_steps = 50 * math.ceil(len(job.train) / 32)
    n_rising, step, best, chosen, kept = n_steps // 10, 0, -1.0, 0, None
    for epoch in range(1, 51):
        for rows in slow.shuffled(job.train, g).split(32):
            falling = 0.5 * (1 + math.cos(math.pi * (step - n_rising) / (n_steps - n_rising)))
            optimiser.param_groups[0]["lr"] = 1e-3 * (step / n_rising if step < n_rising else falling)
            slow.update(network, optimiser, torch.nn.CrossEntropyLoss(), x[rows], y[rows])
            step += 1
        score = slow.accuracy(values[job.valid], slow.evaluated(network, x[job.valid]).numpy())
        if score > best:
            best, chosen, kept = score, epoch, copy.deepcopy(network)
    raised = torch.exp(kept.numbers.detach())
    return slow.probabilities_of(slow.evaluated(kept, x[job.test]), "single"), chosen, (raised / raised.sum()).numpy()


@pytest.mark.usefixtures("float64")
def test_it_is_what_its_file_says():
    """With the protocol's own settings, against a plain loop of the same seed; another seed gives something else."""
    layers, values = stacked(size=3)
    for seed in (7, 8):
        job = replace(JOB, seed=seed)
        outcome = gated(layers, values, job)
        test, chosen, shares = literally(layers, values, job)
        np.testing.assert_allclose(outcome.test, test, atol=1e-6)  # outcomes are float32
        np.testing.assert_allclose(outcome.shares, shares, atol=1e-9)
        assert outcome.chosen_epoch == chosen > 5  # a first epoch, in which the rate hardly rose, would prove little
        assert sum(outcome.shares) == pytest.approx(1) and np.ptp(outcome.shares) > 1e-3


def test_the_layer_that_tells_gets_the_weight():
    """Alone of four; of labels without meaning none gets much more than the others, and the score is chance."""
    layers, values = stacked()
    steps = {"learning_rate": 0.03, "epochs": 100}  # 150 steps of 0.001 move a number by 0.15 at most
    outcome = gated(layers, values, **steps)
    assert np.argmax(outcome.shares) == TELLS and outcome.shares[TELLS] > 0.5
    assert accuracy(outcome, values) > 0.9
    layers, values = stacked(shuffled=True)
    outcome = gated(layers, values, **steps)
    assert accuracy(outcome, values) == pytest.approx(1 / N_CLASSES, abs=0.25)  # of 30 clips


@pytest.mark.usefixtures("float64")
def test_the_order_of_layers_decides_nothing():
    """Layers in another order: the same predictions, and the weights in that order."""
    layers, values = stacked()
    usual = gated(layers, values, learning_rate=0.02)
    for order in itertools.islice(itertools.permutations(JOB.features), 5, 24, 6):
        other = gated([layers[number] for number in order], values, learning_rate=0.02)
        np.testing.assert_allclose(other.test, usual.test, atol=1e-6)
        np.testing.assert_allclose(other.shares, np.array(usual.shares)[list(order)], atol=1e-9)


@pytest.mark.slow
def test_a_result_has_the_weights_of_each_fold(tmp_path):
    """One a layer of the module, in the object, the file and what `--json` prints."""
    name = f"hf:{model_path('hubert_base', tmp_path / 'tiny')}"
    (result,) = ev.run(name, "demo/calls", protocol="gated", out=tmp_path / "out", cache=tmp_path / "cache")
    assert result.chosen == "weighted layers"
    (file,) = (tmp_path / "out").rglob("*.json")
    written = json.loads(file.read_text(encoding="utf-8"))
    for fold, plain, listed in zip(result.folds, written["folds"], result.summary()["folds"], strict=True):
        assert len(fold.layer_shares) == 4 and sum(fold.layer_shares) == pytest.approx(1)
        assert max(fold.layer_shares) > 0.25 and min(fold.layer_shares) < 0.25
        assert plain["layer_shares"] == list(listed["layer_shares"]) == list(fold.layer_shares)
