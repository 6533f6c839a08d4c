"""Probes trained side by side against one slow torch loop, written from the protocol's description."""

import dataclasses

import numpy as np
import pytest
import torch

from evaluator.errors import EvaluationError, UsageError
from evaluator.probes import batches, networks, protocol, stack, training
from evaluator.probes.jobs import ProbeJob
from evaluator.probes.schedules import warmup_factor
from evaluator.scoring.targets import Targets
from fitting import train


def problem(n=90, width=7, n_classes=3, noise=1.0, seed=0):
    """Features around class means, and one-hot targets."""
    random = np.random.default_rng(seed)
    labels = random.integers(n_classes, size=n)
    features = random.normal(size=(n_classes, width))[labels] + noise * random.normal(size=(n, width))
    return features.astype(np.float32), np.eye(n_classes, dtype=np.float32)[labels]


def jobs(n, seeds, parts=(50, 20)):
    """One job per seed, each with its own random division of n rows."""
    made = []
    for seed in seeds:
        order = np.random.default_rng(100 + seed).permutation(n)
        train, valid, test = np.split(order, [parts[0], sum(parts)])
        made.append(ProbeJob((0,), np.sort(train), np.sort(valid), np.sort(test), seed))
    return made


def slow(job, features, targets, labels, settings):
    """The protocol, literally: nn.Linear, AdamW, LambdaLR, one probe. Gives test probabilities and the rates used."""
    x, y = torch.from_numpy(features), torch.from_numpy(targets)
    random = torch.Generator().manual_seed(job.seed)
    linear = torch.nn.Linear(x.shape[1], y.shape[1])
    bound = x.shape[1] ** -0.5
    with torch.no_grad():
        linear.weight.uniform_(-bound, bound, generator=random)
        linear.bias.uniform_(-bound, bound, generator=random)
    optimiser = torch.optim.AdamW(linear.parameters(), lr=1e-3, weight_decay=0.01)
    n_batches = -(-len(job.train) // 32)
    total = settings.epochs * n_batches
    rising = int(0.1 * total)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: k / rising if k < rising else max(0.0, (total - k) / (total - rising))
    )
    loss_of = torch.nn.CrossEntropyLoss() if labels == "single" else torch.nn.BCEWithLogitsLoss()
    best, best_weights, rates = np.inf, None, []
    for _ in range(settings.epochs):
        order = torch.from_numpy(job.train)[torch.randperm(len(job.train), generator=random)]
        for rows in order.split(32):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.zero_grad()
            loss_of(linear(x[rows]), y[rows]).backward()
            optimiser.step()
            schedule.step()
        if settings.extra_step_per_epoch:
            schedule.step()
        with torch.no_grad():
            loss = loss_of(linear(x[job.valid]), y[job.valid]).item()
        if settings.weights == "last" or loss < best:
            best, best_weights = loss, {name: value.clone() for name, value in linear.state_dict().items()}
    linear.load_state_dict(best_weights)
    with torch.no_grad():
        logits = linear(x[job.test])
    return (logits.softmax(-1) if labels == "single" else logits.sigmoid()).numpy(), rates


@pytest.mark.parametrize("profile", ["published", "clean"])
@pytest.mark.parametrize("labels", ["single", "multi"])
def test_equals_the_slow_reference(profile, labels):
    """Probabilities are those of the literal loop, for softmax and for sigmoid outputs, in both profiles."""
    features, targets = problem(width=30, noise=3.0)  # soon overfitted, so that no two epochs are equally good
    if labels == "multi":
        targets = np.maximum(targets, np.roll(targets, 1, axis=1) * (np.arange(90) % 3 == 0)[:, None])
    settings = protocol.load("arch", profile).probe
    asked = jobs(90, (1, 2))
    outcomes = train(asked, [features], Targets(targets, labels, "map"), settings, device="cpu")
    for job, outcome in zip(asked, outcomes, strict=True):
        wanted, _ = slow(job, features, targets, labels, settings)
        np.testing.assert_allclose(outcome.test, wanted, atol=1e-4)


def test_numbers_do_not_depend_on_the_stack():
    """Alone, or beside probes of other seeds, features and folds: the same within 1e-5."""
    features, targets = problem()
    settings = protocol.load("arch").probe
    asked = jobs(90, (1, 2, 3), parts=(50, 20)) + jobs(90, (4,), parts=(70, 10))
    asked[1] = ProbeJob((1,), asked[1].train, asked[1].valid, asked[1].test, 2)
    matrices = [features, features[:, ::-1].copy()]
    together = train(asked, matrices, Targets(targets, "single", "accuracy"), settings, device="cpu")
    for job, outcome in zip(asked, together, strict=True):
        alone = train([job], matrices, Targets(targets, "single", "accuracy"), settings, device="cpu")[0]
        np.testing.assert_allclose(outcome.test, alone.test, atol=1e-5)
        assert outcome.chosen_epoch == alone.chosen_epoch


def test_a_memory_limit_changes_nothing(monkeypatch):
    """Stacks cut smaller give the same numbers."""
    features, targets = problem()
    asked, settings = jobs(90, (1, 2, 3)), protocol.load("arch").probe
    whole = train(asked, [features], Targets(targets, "single", "accuracy"), settings, device="cpu")
    monkeypatch.setattr(training, "CPU_VALUES", 1)
    for one, other in zip(
        whole, train(asked, [features], Targets(targets, "single", "accuracy"), settings), strict=True
    ):
        np.testing.assert_allclose(one.test, other.test, atol=1e-5)


def test_validation_in_blocks_changes_nothing(monkeypatch):
    """However little is read at once, the same epoch is chosen."""
    features, targets = problem()
    asked, settings = jobs(90, (1, 2)), protocol.load("arch").probe
    whole = train(asked, [features], Targets(targets, "single", "accuracy"), settings, device="cpu")
    monkeypatch.setattr(stack, "READ_VALUES", 3 * 2 * 7)  # 3 rows at once
    blocks = train(asked, [features], Targets(targets, "single", "accuracy"), settings, device="cpu")
    for one, other in zip(whole, blocks, strict=True):
        np.testing.assert_allclose(one.valid_losses, other.valid_losses, atol=1e-6)


def test_embeddings_may_be_memory_mapped(tmp_path, recwarn):
    """A read-only file on disk trains as the same array in memory, without a warning."""
    features, targets = problem()
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    asked, settings = jobs(90, (1,)), dataclasses.replace(protocol.load("arch").probe, epochs=3)
    wanted, found = (
        train(asked, [matrix], Targets(targets, "single", "accuracy"), settings, device="cpu")[0]
        for matrix in (features, mapped)
    )
    np.testing.assert_array_equal(wanted.test, found.test)
    assert not [warning for warning in recwarn if "writable" in str(warning.message)]


def test_features_are_standardised_once_a_fold_and_layer(monkeypatch):
    """Not for each seed, rate or epoch; batches that standardise their own rows, where memory is short, give the same bits."""
    features, targets = problem(width=8)
    layers = [features, features[:, ::-1].copy(), 3 * features]
    folds = jobs(90, [1, 2])
    every = [
        dataclasses.replace(fold, features=(layer,), seed=seed)
        for fold in folds
        for layer in range(3)
        for seed in range(4)
    ]
    sarkar = protocol.load("sarkar").probe
    grid = ({"learning_rate": 0.01}, {"learning_rate": 0.001})
    settings = dataclasses.replace(sarkar, hidden=(4,), epochs=3, grid=grid)
    counts = {"moments": 0, "ahead": 0, "batch": 0}

    def counted(name, function):
        def called(*arguments):
            counts[name] += 1
            return function(*arguments)

        return called

    monkeypatch.setattr(training, "moments", counted("moments", training.moments))
    monkeypatch.setattr(stack, "standardised", counted("batch", stack.standardised))
    monkeypatch.setattr(batches, "standardised", counted("ahead", batches.standardised))
    asked = (every, layers, Targets(targets, "single", "uar"), settings, True, "cpu")
    ahead = train(*asked)
    assert counts == {"moments": 6, "ahead": 6, "batch": 0}
    monkeypatch.setattr(batches, "AHEAD_VALUES", 0)
    in_batches = train(*asked)
    assert counts["ahead"] == 6
    assert counts["batch"] > 0
    for one, other in zip(ahead, in_batches, strict=True):
        assert np.array_equal(one.test, other.test)


def under_autocast(job, features, targets, settings):
    """A network of one hidden layer with batch norm, without dropout or shuffling, under torch's own autocast; test probabilities."""
    x, y = torch.from_numpy(features), torch.from_numpy(targets.argmax(axis=1))
    first = networks.first_weights(settings, x.shape[1], targets.shape[1], 1, torch.Generator().manual_seed(job.seed))
    (hidden,) = settings.hidden
    norm = torch.nn.BatchNorm1d(hidden)
    linear = [torch.nn.Linear(x.shape[1], hidden), torch.nn.Linear(hidden, targets.shape[1])]
    for layer, module in enumerate(linear):
        module.weight.data, module.bias.data = first[f"{layer}.weight"].T.clone(), first[f"{layer}.bias"][0].clone()
    network = torch.nn.Sequential(linear[0], norm, torch.nn.ReLU(), linear[1])
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    for _ in range(settings.epochs):
        for rows in torch.from_numpy(job.train).split(settings.batch_size):
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(x[rows])
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(logits.float(), y[rows]).backward()
            optimiser.step()
    network.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return network(x[job.test]).float().softmax(dim=1).numpy()


def test_bfloat16_is_what_torch_trains_under_autocast():
    """Within what bfloat16 rounds; not the same as float32, which stays what it is and near."""
    features, targets = problem()
    hear = protocol.load("hear", "published").probe
    settings = dataclasses.replace(
        hear,
        grid=(),
        hidden=(16,),
        dropout=0.0,
        batch_size=25,
        epochs=8,
        patience=0,
        weights="last",
        learning_rate=0.01,
    )
    (job,) = jobs(90, [5])
    asked = ([job], [features], Targets(targets, "single", "accuracy"))
    half = train(*asked, dataclasses.replace(settings, precision="bfloat16"), device="cpu")[0].test
    full = train(*asked, settings, device="cpu")[0].test
    reference = under_autocast(job, features, targets, settings)
    np.testing.assert_allclose(half, reference, atol=0.02)
    assert half.dtype == np.float32
    assert 1e-4 < np.abs(half - full).max() < 0.1


def test_dropout_keeps_its_scale_in_bfloat16():
    """1 / 0.9 in bfloat16 would be 0.2 % off for every unit alike."""
    (kept,) = networks._kept(torch.ones(1, 50, 40, dtype=torch.bfloat16), 0.1, [torch.Generator().manual_seed(0)])
    assert kept.max().item() == pytest.approx(1 / 0.9, rel=1e-6)


def test_progress_counts_every_epoch_of_every_probe():
    """Also over several stacks."""
    features, targets = problem()
    asked = jobs(90, (1, 2)) + jobs(90, (3,), parts=(70, 10))
    settings, done = dataclasses.replace(protocol.load("arch").probe, epochs=5), []
    train(asked, [features], Targets(targets, "single", "accuracy"), settings, device="cpu", progress=done.append)
    assert sum(done) == 3 * 5 and max(done) == 2


def test_learning_rate_of_the_published_profile():
    """First update at rate 0; with 40 batches an epoch and the extra step the rate is 0 from epoch 195 on."""
    total, n_batches = 200 * 40, 40
    rates = [
        [warmup_factor(epoch * (n_batches + 1) + batch, total, 0.1) for batch in range(n_batches)]
        for epoch in range(200)
    ]
    assert rates[0][0] == 0 and max(max(epoch) for epoch in rates) == 1
    assert warmup_factor(800, total, 0.1) == 1 and warmup_factor(400, total, 0.1) == 0.5
    ended = next(epoch for epoch, rate in enumerate(rates) if max(rate) == 0)
    assert ended == 196  # counted from 0: epoch 195 holds the last rate above 0
    assert sum(rates[195]) > 0


def test_after_overfitting_the_earlier_better_weights_come_back():
    """The clean profile tests the weights with the lowest validation loss, a copy and not a reference."""
    features, targets = problem(n=60, width=50, noise=3.0)
    job = jobs(60, (1,), parts=(12, 24))[0]
    fast = {"learning_rate": 0.1}
    settings = [dataclasses.replace(protocol.load("arch", profile).probe, **fast) for profile in ("clean", "published")]
    outcome = train([job], [features], Targets(targets, "single", "accuracy"), settings[0], device="cpu")[0]
    losses = np.array(outcome.valid_losses)
    assert outcome.chosen_epoch == 1 + losses.argmin() < 200
    true = targets[job.valid].astype(bool)
    assert -np.log(outcome.valid[true]).mean() == pytest.approx(losses.min(), rel=1e-4)
    last = train([job], [features], Targets(targets, "single", "accuracy"), settings[1], device="cpu")[0]
    assert last.chosen_epoch == 200


@pytest.mark.parametrize("profile", ["published", "clean"])
def test_noise_labels_score_at_chance(profile):
    """Where features tell nothing, accuracy is that of guessing."""
    random = np.random.default_rng(3)
    features = random.normal(size=(600, 5)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[random.integers(3, size=600)]
    outcomes = train(
        jobs(600, range(4), (300, 100)),
        [features],
        Targets(targets, "single", "accuracy"),
        protocol.load("arch", profile).probe,
        device="cpu",
    )
    hits = [
        np.mean(outcome.test.argmax(1) == targets[job.test].argmax(1))
        for job, outcome in zip(jobs(600, range(4), (300, 100)), outcomes, strict=True)
    ]
    assert 0.25 < np.mean(hits) < 0.42


def test_parts_without_clips_are_told():
    """Nothing to train on, or nothing to choose by."""
    features, targets = problem()
    none, some = np.array([], dtype=np.int64), np.arange(5)
    for job, part in ((ProbeJob((0,), none, some, some, 0), "train"), (ProbeJob((0,), some, none, some, 0), "valid")):
        with pytest.raises(EvaluationError, match=f"its {part} part has 0 clips"):
            train([job], [features], Targets(targets, "single", "accuracy"), protocol.load("arch").probe, device="cpu")


def test_training_that_diverges_is_told():
    """Never the untrained weights in silence."""
    features, targets = problem()
    job = jobs(90, (1,))[0]
    features[job.train[0]] = np.nan
    settings = dataclasses.replace(protocol.load("arch").probe, epochs=2)
    with pytest.raises(EvaluationError, match="validation loss .* of 1 probes was NaN .* after each of 2 epochs"):
        train([job], [features], Targets(targets, "single", "accuracy"), settings, device="cpu")


def test_an_unknown_device_is_told():
    """A slip, and a device that this machine lacks."""
    with pytest.raises(UsageError, match="device 'gpu' cannot be used here"):
        training.pick_device("gpu")
    assert training.pick_device("cpu") == "cpu"


def test_validation_without_a_label_is_no_failure():
    """In the published profile validation chooses nothing, so an empty label there spoils nothing."""
    features, targets = problem()
    job = jobs(90, (1,))[0]
    targets[job.valid] = 0
    settings = dataclasses.replace(protocol.load("arch", "published").probe, epochs=2)
    assert train([job], [features], Targets(targets, "multi", "map"), settings, device="cpu")[0].valid_score is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_what_the_cpu_gives():
    """The same seed, the same probabilities within 1e-4."""
    features, targets = problem()
    both = [
        train(
            jobs(90, (1, 2)),
            [features],
            Targets(targets, "single", "accuracy"),
            protocol.load("arch").probe,
            device=device,
        )
        for device in ("cpu", "cuda")
    ]
    for one, other in zip(*both, strict=True):
        np.testing.assert_allclose(one.test, other.test, atol=1e-4)
