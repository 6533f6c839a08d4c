"""Eight shots as MTEB's audio tasks take them."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from evaluator.embedding.matrix import InMemory
from evaluator.probes import protocol
from evaluator.probes.jobs import FitRequest, ProbeJob, Setting
from evaluator.scoring.targets import Targets

NONE = np.zeros(0, np.int64)


def data(n=120):
    """Features and classes: three clear Gaussian classes of other sizes."""
    random = np.random.default_rng(0)
    classes = random.choice(3, n, p=[0.5, 0.3, 0.2])
    x = random.normal(size=(n, 7)) + 2 * random.normal(0, 1, (3, 7))[classes]
    return x.astype(np.float32), classes


def test_eight_shots_are_drawn_as_mteb_draws_them():
    """The first eight of each class in an order that is shuffled with the seed 42 again and again; scikit-learn's regression on raw features."""
    x, classes = data()
    values = np.eye(3, dtype=np.float32)[classes]
    train, test = np.arange(80), np.arange(80, 120)
    probe = protocol.load("mteb8shot", "published").probe
    job = ProbeJob((0,), train, NONE, test, seed=5)
    (outcomes,) = probe.fit(FitRequest([job], [InMemory(x)], Targets(values, "single", "accuracy")))
    made = outcomes[Setting(8, "logistic")]
    assert len(made) == 10
    order = np.arange(80)
    for each in made:
        np.random.RandomState(42).shuffle(order)
        drawn = [row for label in range(3) for row in [n for n in order if classes[n] == label][:8]]
        regression = LogisticRegression(C=1, max_iter=10000, tol=1e-10).fit(x[drawn].astype(float), classes[drawn])
        np.testing.assert_allclose(each.test, regression.predict_proba(x[test].astype(float)), atol=1e-4)


def test_clips_are_shuffled_as_their_table_has_them():
    """Whatever the order in which a run hands them over."""
    x, classes = data()
    values = np.eye(3, dtype=np.float32)[classes]
    probe = protocol.load("mteb8shot", "published").probe
    orders = np.arange(80), np.random.default_rng(0).permutation(80)
    jobs = [ProbeJob((0,), train, NONE, np.arange(80, 120), seed=5) for train in orders]
    one, other = probe.fit(FitRequest(jobs, [InMemory(x)], Targets(values, "single", "accuracy")))
    for made, again in zip(one[Setting(8, "logistic")], other[Setting(8, "logistic")], strict=True):
        np.testing.assert_array_equal(made.test, again.test)
