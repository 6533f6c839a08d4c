"""Eight shots as MTEB's audio tasks take them."""

from collections import Counter

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from evaluator.embedding.matrix import InMemory
from evaluator.errors import UsageError
from evaluator.probes import protocol
from evaluator.probes.jobs import FitRequest, ProbeJob, Setting
from evaluator.scoring.metrics import score
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


def several(n=150, n_labels=4):
    """Features and 0 or 1 for each of four labels, one of them rare; some clips have none, some several."""
    random = np.random.default_rng(4)
    values = (random.random((n, n_labels)) < [0.5, 0.3, 0.3, 0.15]).astype(np.float32)
    x = random.normal(size=(n, 7)) + 1.5 * values @ random.normal(size=(n_labels, 7))
    return x.astype(np.float32), values


def eight_of_each(values, n):
    """The source's draws among the first `n` clips, told by lists and counts."""
    generator = np.random.default_rng(42)
    for _ in range(10):
        order = list(np.arange(n))
        generator.shuffle(order)
        counts, drawn = Counter(), []
        for clip in order:
            own = np.flatnonzero(values[clip])
            if any(counts[label] < 8 for label in own):
                drawn.append(clip)
                counts.update(own.tolist())
        assert min(counts.values()) >= 8 and max(counts.values()) > 8
        yield drawn


def test_clips_with_several_labels_are_drawn_until_each_label_has_eight():
    """MTEB's multi-label tasks: its draws, and one of scikit-learn's regressions for each label; the metric that they are told by."""
    x, values = several()
    train, test = np.arange(110), np.arange(110, 150)
    probe = protocol.load("mteb8shot", "published").probe
    shuffled = np.random.default_rng(1).permutation(train)  # the order of unshuffled training is not that of the table
    job = ProbeJob((0,), shuffled, NONE, test, seed=5)
    (outcomes,) = probe.fit(FitRequest([job], [InMemory(x)], Targets(values, "multi", "lrap")))
    for made, drawn in zip(outcomes[Setting(8, "logistic")], eight_of_each(values, 110), strict=True):
        regressions = MultiOutputClassifier(LogisticRegression(max_iter=10000, tol=1e-10)).fit(
            x[drawn].astype(float), values[drawn]
        )
        wanted = np.stack([each[:, 1] for each in regressions.predict_proba(x[test].astype(float))], axis=1)
        np.testing.assert_allclose(made.test, wanted, atol=1e-4)
        lrap = sk.label_ranking_average_precision_score(values[test], made.test)
        assert score("lrap", values[test], made.test) == pytest.approx(lrap, abs=1e-9)


def test_shuffled_labels_score_chance():
    """Of several labels: areas of one half; the clean profile's draws too."""
    x, values = several(n=400)
    values = np.random.default_rng(3).permutation(values)
    for profile in ("published", "clean"):
        probe = protocol.load("mteb8shot", profile).probe
        job = ProbeJob((0,), np.arange(200), NONE, np.arange(200, 400), seed=5)
        (outcomes,) = probe.fit(FitRequest([job], [InMemory(x)], Targets(values, "multi", "aucroc")))
        areas = [score("aucroc", values[200:], each.test) for each in outcomes[Setting(8, "logistic")]]
        assert np.mean(areas) == pytest.approx(0.5, abs=0.05)
        assert len({each.test.tobytes() for each in outcomes[Setting(8, "logistic")]}) == 10


def test_means_of_classes_are_for_one_label_a_clip():
    """The protocol whose head is a centroid as well refuses, and names the one that does not; so do frames of events."""
    x, values = several()
    targets = Targets(values, "multi", "map")
    job = ProbeJob((0,), np.arange(110), NONE, np.arange(110, 150), seed=5)
    with pytest.raises(
        UsageError, match="one of their heads is centroid, and these are multi-label; take the protocol mteb8shot"
    ):
        protocol.load("fewshot").probe.fit(FitRequest([job], [InMemory(x)], targets))
    frames = Targets(values, "multi", "segment_1s_er", lambda rows, probabilities: (0.0, ""))
    with pytest.raises(UsageError, match="these are events with times; take the protocol hear"):
        protocol.load("mteb8shot").probe.fit(FitRequest([job], [InMemory(x)], frames))


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
