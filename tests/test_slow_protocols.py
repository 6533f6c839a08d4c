"""The slow references against calculations by hand, before anything is compared with them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import slow_protocols as slow
from slow_protocols import Point, Problem

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

NORMAL, UNIFORM = "normal", "uniform"


def problem(n=60, width=5, n_classes=3, noise=1.0, seed=0, parts=(30, 15)):
    """Features around class means; rows divided at random."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    features = random.normal(size=(n_classes, width))[labels] + noise * random.normal(size=(n, width))
    train, valid, test = np.split(random.permutation(n), [parts[0], sum(parts)])
    return Problem(features.astype(np.float32), np.eye(n_classes, dtype=np.float32)[labels], train, valid, test, seed)


def rows(n_train, n_valid=4, n_classes=2, width=1):
    """Rows that nothing can be learned from: every feature is 0."""
    labels = np.arange(n_train + n_valid) % n_classes
    train, valid = np.split(np.arange(n_train + n_valid), [n_train])
    features = np.zeros((len(labels), width), np.float32)
    return Problem(features, np.eye(n_classes, dtype=np.float32)[labels], train, valid, valid, 0)


def test_archs_published_rate_ends_early():
    """40 batches: step 41 * 195 + 5 is the 8000th, so five updates of epoch 196 are the last above 0."""
    rates = slow.arch(rows(40 * 32), "published").rates
    assert len(rates) == 8000
    assert rates[0] == 0 and rates[1] == pytest.approx(1e-3 / 800)
    assert rates[40] == pytest.approx(1e-3 * 41 / 800)  # the extra step after the first epoch
    assert rates[195 * 40 + 4] == pytest.approx(1e-3 / 7200) and max(rates[195 * 40 + 5 :]) == 0


def test_archs_clean_rate_ends_with_the_last_epoch():
    """14 batches, 2800 steps, 280 of them rising."""
    rates = np.array(slow.arch(rows(441), "clean").rates)
    steps = np.arange(2800)
    np.testing.assert_allclose(rates, 1e-3 * np.minimum(steps / 280, (2800 - steps) / 2520), rtol=1e-9)


@pytest.mark.parametrize("labels", ["single", "multi"])
def test_archs_first_updates_by_hand(labels):
    """Rate 0 changes nothing; the second step is AdamW's, from two gradients at the same weights."""
    given = replace(problem(), labels=labels)
    x, y = given.features[given.train].astype(np.float64), given.targets[given.train]
    g = torch.Generator().manual_seed(given.seed)
    weight = np.float64(torch.empty(3, 5).uniform_(-(5**-0.5), 5**-0.5, generator=g).numpy())
    bias = np.float64(torch.empty(3).uniform_(-(5**-0.5), 5**-0.5, generator=g).numpy())

    def probabilities(x):
        heights = np.exp(x @ weight.T + bias)
        return heights / heights.sum(axis=1, keepdims=True) if labels == "single" else heights / (1 + heights)

    # 30 rows are one batch, 20 epochs are 20 steps, 2 of them rising: rates 0, 1e-3 / 2, ... (epoch 2 ends the test).
    slope = (probabilities(x) - y) / (30 if labels == "single" else 30 * 3)
    for value, gradient in ((weight, slope.T @ x), (bias, slope.sum(axis=0))):
        # Two equal gradients: both of Adam's corrected moments are the gradient's own, so the step is its sign.
        value *= 1 - 5e-4 * 0.01
        value -= 5e-4 * gradient / (np.abs(gradient) + 1e-8)
    told = slow.arch(given, "clean", epochs=20)
    assert told.rates[:3] == pytest.approx([0, 5e-4, 1e-3])
    true = given.targets[given.valid]
    found = probabilities(given.features[given.valid])
    losses = -np.log(np.where(true == 1, found, 1 if labels == "single" else 1 - found))
    loss = losses.sum(axis=1).mean() if labels == "single" else losses.mean()
    assert told.valid_losses[1] == pytest.approx(loss, rel=1e-5)


def test_archs_weights_decay():
    """A feature that is 0 in training has no gradient: each step takes a hundredth of the rate from its weights."""
    given = rows(160)
    given.features[given.test[0]] = 100
    told = slow.arch(given, "clean")
    odds = np.log(told.test[:, 0] / told.test[:, 1])  # of the row at 100, then of rows at 0
    weight = torch.empty(2, 1).uniform_(-1, 1, generator=torch.Generator().manual_seed(0)).flatten().tolist()
    left = np.prod(1 - np.array(told.rates) * 0.01)
    assert left < 0.997
    assert (odds[0] - odds[1]) / 100 == pytest.approx((weight[0] - weight[1]) * left, rel=2e-5)


def test_arch_tests_the_best_or_the_last_epoch():
    """After overfitting the lowest validation loss is an early one's."""
    given = problem(n=60, width=50, noise=3.0, parts=(12, 24))
    # 12 rows are one batch; without overfitting at this rate: targets of the validation rows are turned
    given.targets[given.valid] = given.targets[given.valid][:, [1, 2, 0]]
    clean, published = (slow.arch(given, profile) for profile in ("clean", "published"))
    assert clean.chosen_epoch == 1 + np.argmin(clean.valid_losses) < 200 == published.chosen_epoch
    true = given.targets[given.valid].astype(bool)
    assert -np.log(clean.valid[true]).mean() == pytest.approx(min(clean.valid_losses), rel=1e-5)
    assert -np.log(published.valid[true]).mean() == pytest.approx(published.valid_losses[-1], rel=1e-5)


def test_sarkar_standardises_by_the_training_rows():
    """Training values 0 and 2: mean 1, sample deviation sqrt(2)."""
    features = np.array([[0.0, 7], [2, 7], [5, 8]], np.float32)
    found = slow.standardised(features, np.array([0, 1]))
    np.testing.assert_allclose(found[:, 0], [-(2**-0.5), 2**-0.5, 4 / 2**0.5], rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], [0, 0, 1e10], rtol=1e-6)


def test_uar_in_both_profiles():
    """Recalls 1/2 and 1, the third class has no row: (1/2 + 1) / 3, or / 2."""
    targets = np.eye(3)[[0, 0, 1]]
    said = np.eye(3)[[0, 2, 1]]
    assert slow.uar(targets, said, "published") == pytest.approx(0.5)
    assert slow.uar(targets, said, "clean") == pytest.approx(0.75)


def test_sarkar_stops_ten_epochs_after_the_best():
    """Rows that all look the same: UAR is 1 / 2 at every check, the first is the best, the eleventh the last."""
    for profile, chosen in (("published", 11), ("clean", 1)):
        told = slow.sarkar(rows(32), profile)
        assert told.valid_scores == [0.5] * 11
        assert (told.n_epochs, told.chosen_epoch) == (11, chosen)
        assert len(told.rates) == 11 * 2


def test_sarkar_learns():
    """Classes far apart are told apart, in at most 30 epochs, and scale and offset of a feature do not matter."""
    given = problem(n=90, noise=0.1, parts=(60, 15))
    told = slow.sarkar(given, "clean")
    assert slow.uar(given.targets[given.test], told.test, "clean") == 1 and told.n_epochs <= 30
    other = slow.sarkar(replace(given, features=given.features * 8 + 100), "clean")
    np.testing.assert_allclose(other.test, told.test, atol=1e-3)


def lowered(losses, rate, patience):
    """The rate after each check by hand: a loss is better if below the best by more than a ten-thousandth of it."""
    best, n_bad, rates = np.inf, 0, []
    for loss in losses:
        n_bad = 0 if loss < best * (1 - 1e-4) else n_bad + 1
        best = min(best, loss) if n_bad == 0 else best
        if n_bad > patience:
            rate, n_bad = rate * 0.1, 0
        rates.append(rate)
    return rates


def test_oggs_rate_falls_after_six_bad_epochs():
    """Validation turned round gets worse from epoch 1 on: epochs 2 to 7 are bad, epoch 8 trains at a tenth."""
    given = problem(noise=0.1)
    given.targets[given.valid] = given.targets[given.valid][:, [1, 2, 0]]
    told = slow.ogg(replace(given, features=given.features * 100))
    assert np.all(np.diff(told.valid_losses[:13]) > 0) and told.chosen_epoch == 1 and told.n_epochs == 50
    np.testing.assert_allclose(told.rates[:14], [1e-4] * 7 + [1e-5] * 6 + [1e-6], rtol=1e-9)


def test_sarkars_rate_falls_after_eleven_bad_epochs():
    """The same with patience 10: epoch 13 is the first at a tenth, if early stopping lets it come."""
    given = problem(noise=0.1)
    given.targets[given.valid] = given.targets[given.valid][:, [1, 2, 0]]
    told = slow.sarkar(given, "published", stop_patience=99)
    rates = told.rates[::2]  # 30 rows: 2 batches an epoch
    assert rates == told.rates[1::2] and told.n_epochs == 30 and rates[-1] < 1e-3
    np.testing.assert_allclose(rates[1:], lowered(told.valid_losses, 1e-3, 10)[:-1], rtol=1e-9)
    assert slow.sarkar(given, "published").n_epochs < 30


def test_oggs_class_weights():
    """Six, three and one row of ten, and a class without: 10 / (3 * n_c), and 0. The loss is the weighted mean."""
    labels = np.repeat([0, 1, 3], [6, 3, 1])
    weights = slow.inverse_frequency(np.eye(4, dtype=np.float32)[labels])
    np.testing.assert_allclose(weights, [10 / 18, 10 / 9, 0, 10 / 3], rtol=1e-6)
    given = replace(problem(), train=np.array([0, 3, 6, 1, 4, 2]))  # classes 0 0 0 1 1 2
    told = slow.ogg(given, epochs=1)
    of_row = np.array([6 / 9, 6 / 6, 6 / 3])[given.targets[given.valid].argmax(axis=1)]
    losses = -np.log(told.valid[given.targets[given.valid].astype(bool)])
    assert told.valid_losses == [pytest.approx(np.sum(of_row * losses) / of_row.sum(), rel=1e-5)]


def test_the_grid_in_the_order_of_the_paper():
    """The table of protocols.md, section 2.6, row by row."""
    table = """1 1e-4 normal, 2 1e-3 uniform, 1 1e-3 normal, 1 3.2e-4 normal, 2 3.2e-4 normal, 2 3.2e-4 uniform,
    2 3.2e-3 normal, 2 3.2e-3 uniform, 1 1e-3 uniform, 1 3.2e-4 uniform, 2 1e-3 normal, 2 1e-4 normal,
    1 3.2e-3 normal, 2 1e-4 uniform, 1 3.2e-3 uniform, 1 1e-4 uniform"""
    wanted = [(int(layers), float(rate), name) for layers, rate, name in map(str.split, table.split(","))]
    points = [(point.hidden_layers, point.learning_rate, point.initialisation) for point in slow.grid_points(16)]
    assert points == wanted and len(slow.grid_points()) == 8


def test_folds_rotate():
    """Test is fold i, validation the next, around; the others train in their order."""
    a, b, c, d, e = (np.array(rows) for rows in ([0], [1, 2], [3], [4], [5, 6]))
    found = [[part.tolist() for part in split] for split in slow.rotated([a, b, c])]
    assert found == [[[3], [1, 2], [0]], [[0], [3], [1, 2]], [[1, 2], [0], [3]]]
    found = [[part.tolist() for part in split] for split in slow.rotated([a, b, c, d, e])]
    assert found == [
        [[3, 4, 5, 6], [1, 2], [0]],
        [[0, 4, 5, 6], [3], [1, 2]],
        [[0, 1, 2, 5, 6], [4], [3]],
        [[0, 1, 2, 3], [5, 6], [4]],
        [[1, 2, 3, 4], [0], [5, 6]],
    ]


def test_patience_counts_checks():
    """Nothing improves after the first check, at epoch 3: 20 more, 60 epochs, and the last is epoch 63."""
    given = rows(9)  # the first class has five of nine training rows
    told = slow.hear_point(given, Point(1, 0.1, UNIFORM, hidden_dim=4), "published")
    assert told.valid_scores == [0.5] * 21
    assert (told.chosen_epoch, told.n_epochs, len(told.rates)) == (3, 63, 63)


def test_the_last_check_of_500_epochs_is_at_498():
    """Checks are at multiples of 3; a point without patience's end runs to the last epoch."""
    told = slow.hear_point(rows(9), Point(0, 1e-3, UNIFORM, patience=999), "published")
    assert len(told.valid_losses) == 166 and told.n_epochs == 500


def test_batch_norm_keeps_running_statistics():
    """With rate 0 only these change: a tenth of the way to each batch's mean and sample variance."""
    given = problem(n=60, parts=(33, 15))
    point = Point(1, 0.0, NORMAL, hidden_dim=4, dropout=0.0, batch_size=16, epochs=1, check_every=1)
    told = slow.hear_point(given, point, "published")
    assert len(told.rates) == 2  # 16 rows, then 16 and the one left over
    g = torch.Generator().manual_seed(given.seed)
    draws = []
    for n_in, n_out, gain in ((5, 4, 1), (4, 3, 2**0.5)):
        weight = torch.nn.init.xavier_normal_(torch.empty(n_out, n_in), gain, generator=g)
        draws += [weight.numpy().T, torch.empty(n_out).uniform_(-(n_in**-0.5), n_in**-0.5, generator=g).numpy()]
    first, first_bias, last, last_bias = draws
    mean, variance = np.zeros(4), np.ones(4)
    for batch in (given.train[:16], given.train[16:]):
        hidden = given.features[batch] @ first + first_bias
        mean, variance = 0.9 * mean + 0.1 * hidden.mean(axis=0), 0.9 * variance + 0.1 * hidden.var(axis=0, ddof=1)
    hidden = (given.features[given.test] @ first + first_bias - mean) / np.sqrt(variance + 1e-5)
    heights = np.exp(np.maximum(hidden, 0) @ last + last_bias)
    np.testing.assert_allclose(told.test, heights / heights.sum(axis=1, keepdims=True), rtol=1e-5)


def test_dropout_drops_a_tenth_everywhere():
    """In each of the four values of a draw, for any size, and the mean of what is left stays."""
    d = torch.Generator().manual_seed(0)
    masks = slow.kept(4000, 8, 0.1, d)
    shares = masks.float().mean(dim=0)
    assert masks.shape == (4000, 8) and torch.all((shares > 0.88) & (shares < 0.92))
    assert slow.kept(3, 7, 0.1, d).shape == (3, 7)
    layer = slow.Dropout(0.1, d)
    assert layer(torch.ones(4000, 8)).mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(layer.eval()(torch.ones(2, 3)), torch.ones(2, 3))


def test_only_the_clean_profile_shuffles():
    """Published batches keep the rows' order, so that order decides what is learned; and that for every epoch."""
    given = problem()
    point = Point(0, 1e-2, UNIFORM, batch_size=7, epochs=2, check_every=1)
    turned = replace(given, train=given.train[::-1].copy())
    published, clean = (slow.hear_point(given, point, profile) for profile in ("published", "clean"))
    for other in (slow.hear_point(turned, point, "published"), clean):
        assert np.abs(other.test - published.test).max() > 1e-4


def test_the_best_check_is_tested():
    """By score the first of the highest, by loss the lowest."""
    given = problem(noise=3.0, width=9)
    point = Point(2, 3.2e-3, NORMAL, hidden_dim=8, batch_size=16, epochs=60)
    for profile in ("published", "clean"):
        by_score, by_loss = (slow.hear_point(given, point, profile, by) for by in ("score", "loss"))
        assert by_score.chosen_epoch == 3 * (1 + np.argmax(by_score.valid_scores))
        assert by_loss.chosen_epoch == 3 * (1 + np.argmin(by_loss.valid_losses))
        assert slow.accuracy(given.targets[given.valid], by_score.valid) == max(by_score.valid_scores)
        true = given.targets[given.valid].astype(bool)
        assert -np.log(by_loss.valid[true]).mean() == pytest.approx(min(by_loss.valid_losses), rel=1e-5)


def test_hears_best_point_is_trained_on_every_split():
    """Chosen on the first split alone; the earlier of equals."""
    given = problem(n=50, parts=(20, 15))
    folds = (given.train, given.valid, given.test)
    problems = [replace(given, train=train, valid=valid, test=test) for train, valid, test in slow.rotated(folds)]
    points = [
        replace(Point(1, rate, NORMAL, hidden_dim=8, epochs=12), batch_size=size)
        for rate, size in ((0.0, 9), (1e-2, 9), (1e-2, 99))
    ]
    chosen, tolds = slow.hear(problems, points, "published")
    scores = [max(slow.hear_point(problems[0], point, "published").valid_scores) for point in points]
    assert chosen == points[int(np.argmax(scores))]
    for one, told in zip(problems, tolds, strict=True):
        np.testing.assert_array_equal(told.test, slow.hear_point(one, chosen, "published").test)
    same, _ = slow.hear(problems, [replace(points[0], hidden_dim=8), points[0]], "clean")
    assert same is not points[0]  # two equal points: the first


def test_few_shots_by_hand():
    """Two centroids at 45 degrees and at 180; lengths do not count."""
    features = np.array([[1, 0], [0, 5], [-2, 0], [3, 3], [0, 1]], np.float32)
    given = Problem(
        features, np.eye(2, dtype=np.float32)[[0, 0, 1, 0, 1]], np.arange(3), np.array([3]), np.array([4]), 0
    )
    found = slow.fewshot(given, 2, np.array([3, 4]))
    cosines = np.array([[1, -(0.5**0.5)], [0.5**0.5, 0]])
    heights = np.exp(cosines / 0.1)
    np.testing.assert_allclose(found, heights / heights.sum(axis=1, keepdims=True), rtol=1e-5)


def test_few_shots_are_drawn_from_training():
    """As many as asked of each class, or all; another seed draws others."""
    given = problem(n=300, parts=(200, 50))
    drawn = slow.support(given, 4)
    for c, some in enumerate(drawn):
        assert len(set(some)) == 4 and set(some) <= set(given.train) and np.all(given.targets[some, c] == 1)
    assert any(
        set(one) != set(other) for one, other in zip(drawn, slow.support(replace(given, seed=1), 4), strict=True)
    )
    assert [len(some) for some in slow.support(given, 999)] == given.targets[given.train].sum(axis=0).tolist()
