"""Sets of clips at the edge of sense: each protocol that is no paper's own gives a number in its metric's range, or a sentence; never NaN, never a crash."""

import dataclasses

import numpy as np
import pytest
from sklearn import metrics as sk

import evaluator as ev
from evaluator.embedding.matrix import InMemory
from evaluator.errors import EvaluationError
from evaluator.probes import protocol
from evaluator.probes.jobs import FitRequest, ProbeJob, Setting
from evaluator.scoring import partitions
from evaluator.scoring.metrics import METRICS, score
from evaluator.scoring.targets import Targets
from miniature import sound

WIDTH, N_EACH = 5, 24
ROWS = np.arange(3 * N_EACH)
TRAIN, VALID, TEST = ROWS[ROWS % 4 < 2], ROWS[ROWS % 4 == 2], ROWS[ROWS % 4 == 3]
MEASURED = ("retrieval", "clustering", "vocsim")
TRAINED = ("mteb8shot", "attentive", "gated")
QUICK = {"permutations": 25, "epochs": 3, "warmup_epochs": 1, "draws": 1}

pytestmark = pytest.mark.filterwarnings("error")  # what numpy warns of is no number


def usual():
    """Vectors (n_clips, width) of three classes of 24, the classes, and groups of six clips of one class each."""
    classes = ROWS // N_EACH
    random = np.random.default_rng(2)
    x = random.normal(size=(len(ROWS), WIDTH)) + 1.5 * random.normal(size=(3, WIDTH))[classes]
    return x.astype(np.float32), classes.copy(), (ROWS // 6).astype(str)


def one_clip_of_a_class():
    """It is tested."""
    x, classes, groups = usual()
    classes[TEST[-1]] = 3
    return x, classes, groups


def one_training_clip_of_a_class():
    """And no other."""
    x, classes, groups = usual()
    classes[TRAIN[-1]] = 3
    return x, classes, groups


def copies_of_one_clip():
    """Half of all clips, of all classes."""
    x, classes, groups = usual()
    x[::2] = x[0]
    return x, classes, groups


def one_vector():
    """Of all clips."""
    x, classes, groups = usual()
    return np.ones_like(x), classes, groups


def silence():
    """All zeros."""
    x, classes, groups = usual()
    return np.zeros_like(x), classes, groups


def huge():
    """Whose squares float32 does not hold."""
    x, classes, groups = usual()
    return x * np.float32(1e25), classes, groups


def not_a_number():
    """In one value of a training clip and one of a test clip."""
    x, classes, groups = usual()
    x[TRAIN[3], 1] = x[TEST[3], 2] = np.nan
    return x, classes, groups


def two_classes():
    """Of 24 and 48."""
    x, classes, groups = usual()
    return x, np.minimum(classes, 1), groups


def one_class():
    """Of all clips."""
    x, classes, groups = usual()
    return x, np.zeros_like(classes), groups


def a_class_of_its_own():
    """For each clip."""
    x, _, groups = usual()
    return x, ROWS.copy(), groups


def one_recording_of_each_class():
    """So that the clean profile has nothing to find."""
    x, classes, _ = usual()
    return x, classes, classes.astype(str)


def one_recording_of_one_class():
    """Its clips ask in vain; the others do not."""
    x, classes, groups = usual()
    return x, classes, np.where(classes == 2, "all", groups)


MATCHLESS = "of 72 clips has another one with the same label, and one without it"
NAN = "2 embeddings hold NaN or infinite values"
FEW = "a class has {} training clips, but the primary setting takes 8 shots"
REFUSED = {  # what is refused, by set and protocol (and profile where only one does), and with which words
    ("huge", "attentive"): "diverges: the embeddings hold NaN, infinite or huge values",
    ("one_clip_of_a_class", "mteb8shot"): FEW.format(0),
    ("one_training_clip_of_a_class", "mteb8shot"): FEW.format(1),
    **{("not_a_number", name): NAN for name in MEASURED},
    **{("not_a_number", name): "NaN" for name in TRAINED},
    **{("one_class", name): "none " + MATCHLESS for name in ("retrieval", "vocsim")},
    ("one_class", "clustering"): "the 72 clips that are tested are of one class",
    **{("a_class_of_its_own", name): "none " + MATCHLESS for name in ("retrieval", "vocsim")},
    ("a_class_of_its_own", "clustering"): "each of the 72 labelled clips that are tested has a class of its own",
    ("a_class_of_its_own", "mteb8shot"): FEW.format(0),
    **{("one_recording_of_each_class", name, "clean"): "none " + MATCHLESS for name in ("retrieval", "vocsim")},
}


def scores_of(case, name, profile):
    """Every score of a protocol on a set, and the first time's outcome."""
    x, classes, groups = case
    probe = protocol.load(name, profile).probe
    known = {field: value for field, value in QUICK.items() if hasattr(probe, field)}
    probe = dataclasses.replace(probe, **known)
    values = np.eye(classes.max() + 1, dtype=np.float32)[classes]
    metric = (*probe.measures, "accuracy")[0]
    none = np.zeros(0, np.int64)
    job = ProbeJob((0,), none, none, ROWS, 4) if probe.measures else ProbeJob((0,), TRAIN, VALID, TEST, 4)
    matrices, frames = [InMemory(x)], []
    if name == "gated":
        job, matrices = dataclasses.replace(job, features=(0, 1)), [InMemory(x), InMemory(x[:, ::-1].copy())]
    if name == "attentive":
        matrices, frames = [InMemory(np.repeat(x, 2, axis=0))], [slice(2 * row, 2 * row + 2) for row in ROWS]
    names = [str(row) for row in ROWS]
    request = FitRequest([job], matrices, Targets(values, "single", metric), device="cpu")
    request = dataclasses.replace(request, recordings=names, groups=list(groups), frames=frames)
    (outcomes,) = probe.fit(request)
    first = outcomes[probe.primary_setting][0]
    if not probe.measures:
        return {metric: score(metric, values[TEST], first.test)}, first
    rows = first.test
    return {each: score(each, rows[:, n, :2], rows[:, n, 2:]) for n, each in enumerate(probe.measures)}, first


CASES = (
    one_clip_of_a_class,
    one_training_clip_of_a_class,
    copies_of_one_clip,
    one_vector,
    silence,
    huge,
    not_a_number,
    two_classes,
    one_class,
    a_class_of_its_own,
    one_recording_of_each_class,
    one_recording_of_one_class,
)


@pytest.mark.parametrize(
    ("name", "profile"),
    [*((name, "published") for name in MEASURED), *((name, "clean") for name in (*MEASURED, *TRAINED))],
)
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_a_number_or_a_sentence(make, name, profile):
    """Each pair is either refused with its words, or every score lies in its metric's range."""
    key = (make.__name__, name)
    words = REFUSED.get(key, REFUSED.get((*key, profile)))
    if words is not None:
        with pytest.raises(EvaluationError, match=words):
            scores_of(make(), name, profile)
        return
    scores, outcome = scores_of(make(), name, profile)
    for each, value in scores.items():
        assert METRICS[each].low <= value <= METRICS[each].high, each
    assert np.isfinite(outcome.test).all()


def test_equal_vectors_say_nothing():
    """Every pair is tied: half of the area, the share of matches as precision, one cluster, and a separation of one half."""
    for case in (one_vector(), silence()):
        scores, _ = scores_of(case, "retrieval", "published")
        assert scores["retrieval_auc"] == 0.5
        assert scores["retrieval_map"] == pytest.approx(23 / 71, abs=1e-6)
        assert set(scores_of(case, "clustering", "published")[0].values()) == {0.0}
        assert scores_of(case, "vocsim", "published")[0]["gsr"] == pytest.approx(0.5, abs=1e-6)


def test_a_query_without_a_match_asks_in_vain():
    """A class of one clip, and one of one recording: left out by retrieval, wrong for VocSim, and never a part of the separation."""
    for case, profile, lonely in ((one_clip_of_a_class(), "published", 1), (one_recording_of_one_class(), "clean", 24)):
        answered, _ = scores_of(case, "retrieval", profile)
        of_all, outcome = scores_of(case, "vocsim", profile)
        share = (72 - lonely) / 72
        assert of_all["precision_at_1"] == pytest.approx(answered["precision_at_1"] * share, abs=1e-6)
        assert (outcome.test[:, 0, 0] == 0).sum() == lonely  # the separation's own mark of who counts


def test_two_classes_are_those_of_scikit_learn():
    """The smallest problem there is: AUC of each query, by name of the class."""
    x, classes, _ = two_classes()
    scores, _ = scores_of((x, classes, np.full(72, "")), "retrieval", "published")
    unit = x.astype(float) / np.linalg.norm(x.astype(float), axis=1, keepdims=True)
    areas = [
        sk.roc_auc_score(np.delete(classes == classes[n], n), np.delete(np.round(unit @ unit[n], 12), n)) for n in ROWS
    ]
    assert scores["retrieval_auc"] == pytest.approx(np.mean(areas), abs=1e-6)


def test_agreements_of_tiny_partitions_are_those_of_scikit_learn():
    """From two clips on, clusters of one clip and a single cluster among them; all clips for themselves, which scikit-learn calls 1, are 0."""
    random = np.random.default_rng(0)
    agreements = (
        (partitions.v_measure, sk.v_measure_score),
        (partitions.adjusted_information, sk.adjusted_mutual_info_score),
        (partitions.adjusted_rand, sk.adjusted_rand_score),
    )
    for n in range(2, 14):
        for _ in range(20):
            classes, clusters = random.integers(0, n, n), random.integers(0, random.integers(1, n + 1), n)
            if len(set(classes)) > 1 and len(set(classes)) + len(set(clusters)) < 2 * n:
                counts = np.zeros((n, n), np.int64)
                np.add.at(counts, (classes, clusters), 1)
                for ours, theirs in agreements:
                    assert ours(counts) == pytest.approx(theirs(classes, clusters), abs=1e-9)
        alone = np.eye(n, dtype=np.int64)
        assert partitions.adjusted_information(alone) == partitions.adjusted_rand(alone) == 0


def test_permutations_in_which_nothing_can_be_compared_are_left_out():
    """Four clips of two recordings: a third of all orders of labels puts each class on one recording, and gives no rate."""
    x = np.array([[1, 0.1], [1, 0.3], [0.2, 1], [0.1, 1]], np.float32)
    probe = dataclasses.replace(protocol.load("vocsim").probe, permutations=60)
    job = ProbeJob((0,), np.zeros(0, np.int64), np.zeros(0, np.int64), np.arange(4), 0)
    values = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    request = FitRequest([job], [InMemory(x)], Targets(values, "single", "gsr"))
    request = dataclasses.replace(request, recordings=list("abcd"), groups=["r", "s", "r", "s"])
    (outcomes,) = probe.fit(request)
    (outcome,) = outcomes[Setting()]
    rates = {}
    for labels in ((0, 0, 1, 1), (0, 1, 1, 0)):  # the third, (0, 1, 0, 1), has each class on one recording
        angle = [np.arctan2(*row) for row in x.astype(float)]
        own = [next(j for j in range(4) if j != i and labels[j] == labels[i]) for i in range(4)]
        other = [next(j for j in range(4) if labels[j] != labels[i] and "rsrs"[j] != "rsrs"[i]) for i in range(4)]
        d = [[(1 - np.cos(a - b)) / 2 for b in angle] for a in angle]
        each = [(d[i][other[i]] - d[i][own[i]]) / (d[i][other[i]] + d[i][own[i]] + 1e-9) for i in range(4)]
        rates[labels] = (np.mean(each) + 1) / 2
    drawn = [tuple(np.random.RandomState(seed).permutation([0, 0, 1, 1])) for seed in range(60)]
    known = [
        rates[labels if labels in rates else tuple(1 - n for n in labels)]
        for labels in drawn
        if labels not in ((0, 1, 0, 1), (1, 0, 1, 0))
    ]
    assert 20 < len(known) < 55
    base, p = np.mean(known), (1 + sum(each >= rates[0, 0, 1, 1] - 1e-9 for each in known)) / (1 + len(known))
    assert outcome.chosen == f"gsr by chance {base:.4g}, p = {p:.2g} (60 permutations)"
    np.testing.assert_allclose(outcome.test[:, 0, 1], base, atol=1e-6)


def test_a_table_of_vectors_with_nan_is_refused_by_name(tmp_path):
    """Before any protocol sees it: the recording and the column."""
    for number in range(8):
        sound(tmp_path / "tiny" / "ab"[number % 2] / f"{number}.wav", seed=number)
    vectors = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    vectors[5, 1] = np.nan
    paths = [f"{'ab'[number % 2]}/{number}.wav" for number in range(8)]
    np.savez(tmp_path / "v.npz", path=np.array(paths), vectors=vectors)
    for name in MEASURED:
        with pytest.raises(EvaluationError, match=r"b/5\.wav"):
            ev.run(
                f"precomputed:{tmp_path / 'v.npz'}",
                str(tmp_path / "tiny"),
                protocol=name,
                out=None,
                cache=tmp_path / "c",
            )
