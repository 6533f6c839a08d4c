"""Every measure without a probe, and MTEB's eight shots, on real recordings: against computations that see only vectors, labels and groups.

The vectors are every fourth mel band of those of `ev.write_embeddings`, which the runs read back as `precomputed:`; what is tested, and where
folds lie, is told here by the names of files.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import train_test_split

import evaluator as ev
from evaluator.schema import tasks_folder

DATA = Path(__file__).parents[2] / "shared" / "data"
N_PERMUTATIONS = 60  # of VocSim's 1000, which take the slow loop below a minute
WITHIN = 1e-6  # results hold a query's value in single precision

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs the real audio in ../shared/data"),
]


@dataclass(frozen=True)
class Known:
    """A task's table of vectors: `file`, and its rows (n_clips, ...) in order; `test` is which of them are tested in each fold."""

    task: str
    file: Path
    cache: Path
    paths: np.ndarray
    vectors: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    test: list[np.ndarray]

    def run(self, protocol, profile, file=None):
        """The result of the vectors, or those of another table, under a protocol."""
        asked = {"protocol": protocol, "profile": profile, "data": DATA, "cache": self.cache, "out": None}
        (result,) = ev.run(f"precomputed:{file or self.file}", self.task, **asked)
        return result

    def tested(self):
        """Vectors in double precision, labels and groups of all clips that are tested."""
        rows = np.sort(np.concatenate(self.test))
        return self.vectors[rows].astype(float), self.labels[rows], self.groups[rows]


@pytest.fixture(scope="module", params=["esc10", "fsdd"])
def known(request, tmp_path_factory):
    """The clips of ESC-10, whose five folds are all tested, and of FSDD, whose takes 0 to 4 are."""
    root = tmp_path_factory.mktemp(request.param)
    file = root / "vectors.npz"
    ev.write_embeddings("hear_ssl.melspec", request.param, root / "all.npz", data=DATA, cache=root / "cache")
    with np.load(root / "all.npz") as arrays:
        paths, groups, vectors = arrays["path"], arrays["group"], arrays["vectors"][:, ::4]
        labels = np.unique(arrays["label"], return_inverse=True)[1]
        np.savez(file, path=paths, start=arrays["start"], end=arrays["end"], vectors=vectors)
    stems = [Path(str(path)).stem for path in paths]
    if request.param == "esc10":  # FOLD-FREESOUNDID-TAKE
        folds = np.array([int(stem.split("-")[0]) for stem in stems])
        test = [np.flatnonzero(folds == fold) for fold in range(1, 6)]
        assert len(paths) == 400 and [len(rows) for rows in test] == [80] * 5
    else:  # DIGIT_SPEAKER_TAKE
        test = [np.flatnonzero([int(stem.split("_")[2]) < 5 for stem in stems])]
        assert len(paths) == 900 and [len(rows) for rows in test] == [300]
    return Known(request.param, file, root / "cache", paths, vectors, labels, groups, test)


@pytest.fixture(scope="module")
def fewer(tmp_path_factory):
    """VocSim's protocol with fewer permutations."""
    file = tmp_path_factory.mktemp("fewer") / "vocsim.yaml"
    text = (tasks_folder() / "protocols" / "vocsim.yaml").read_text(encoding="utf-8")
    assert "permutations: 1000" in text
    file.write_text(text.replace("permutations: 1000", f"permutations: {N_PERMUTATIONS}"), encoding="utf-8")
    return file


def near(result, wanted):
    """Whether the first of `wanted` is the result's score, and the rest stand beside it."""
    first, *others = wanted
    assert result.metric == first and result.score == pytest.approx(wanted[first], abs=WITHIN)
    assert {name: result.scores[name] for name in others} == pytest.approx(
        {name: wanted[name] for name in others}, abs=WITHIN
    )


def may_be_found(groups, profile):
    """Which clips may be found for each, (n_clips, n_clips): never itself, and by the clean profile none of its group."""
    allowed = ~np.eye(len(groups), dtype=bool)
    return allowed if profile == "published" else allowed & (groups[:, None] != groups)


def ranked(x, labels, allowed):
    """What each clip with a match has as a query, by name, means over them; and what a random order would give on average."""
    similar = np.round(cosine_similarity(x), 12)
    values, by_chance = [], []
    for query in range(len(x)):
        others = np.flatnonzero(allowed[query])
        alike, nearness = labels[others] == labels[query], similar[query, others]
        if not alike.any():
            continue
        hits, n, m = alike[np.argsort(-nearness, kind="stable")], len(alike), int(alike.sum())
        harmonic = sum(1 / place for place in range(1, n + 1))
        values.append(
            {
                "retrieval_auc": sk.roc_auc_score(alike, nearness),
                "retrieval_map": sk.average_precision_score(alike, nearness),
                "precision_at_1": hits[0],
                "precision_at_5": hits[:5].mean(),
                "r_precision": hits[:m].mean(),
            }
        )
        share = dict.fromkeys(("precision_at_1", "precision_at_5", "r_precision"), m / n)
        # A place k holds a match with probability m / n, and each place before it then with (m - 1) / (n - 1).
        precise = (harmonic + (n - harmonic) * (m - 1) / (n - 1)) / n
        by_chance.append({"retrieval_auc": 0.5, "retrieval_map": precise, **share})
    return tuple({name: np.mean([one[name] for one in each]) for name in each[0]} for each in (values, by_chance))


@pytest.mark.parametrize("profile", ["published", "clean"])
def test_retrieval(known, profile):
    """ROC AUC and average precision of each query as scikit-learn has them, precisions by their definition."""
    x, labels, groups = known.tested()
    wanted, _ = ranked(x, labels, may_be_found(groups, profile))
    near(known.run("retrieval", profile), wanted)


def rate(distances, allowed, labels):
    """VocSim's global separation rate of distances (n_clips, n_clips), by its formula, clip by clip."""
    scores = []
    for clip, own in enumerate(labels[:, None] == labels):
        among, strangers = distances[clip, own & allowed[clip]], distances[clip, ~own & allowed[clip]]
        if len(among) and len(strangers):
            nid, aid = strangers.min(), among.mean()
            scores.append((nid - aid) / (nid + aid + 1e-9))
    return (np.mean(scores) + 1) / 2


@pytest.mark.parametrize("profile", ["published", "clean"])
def test_vocsim(known, fewer, profile):
    """The separation, its two readings of a lift over permuted labels, its p, and precisions in which a query without a match is wrong."""
    x, labels, groups = known.tested()
    allowed = may_be_found(groups, profile)
    distances = (1 - cosine_similarity(x)) / 2
    own = rate(distances, allowed, labels)
    permuted = [
        rate(distances, allowed, np.random.RandomState(seed).permutation(labels)) for seed in range(N_PERMUTATIONS)
    ]
    base = np.mean(permuted)
    found, _ = ranked(x, labels, allowed)
    share = np.mean([(allowed[n] & (labels == labels[n])).any() for n in range(len(x))])
    result = known.run(str(fewer), profile)
    lifts = {"gsr_lift": own - base, "gsr_normalised": (own - base) / (1 - base)}
    precisions = {name: share * found[name] for name in ("precision_at_1", "precision_at_5")}
    near(result, {"gsr": own, **lifts, **precisions})
    p = (1 + sum(each >= own for each in permuted)) / (1 + N_PERMUTATIONS)
    assert result.folds[0].chosen == f"gsr by chance {base:.4g}, p = {p:.2g} ({N_PERMUTATIONS} permutations)"


AGREEMENTS = {
    "v_measure": (sk.v_measure_score, sk.normalized_mutual_info_score),  # one number by two names
    "ami": (sk.adjusted_mutual_info_score,),
    "ari": (sk.adjusted_rand_score,),
}


@pytest.mark.parametrize("profile", ["published", "clean"])
def test_clustering(known, profile):
    """scikit-learn's k-means from the same seeds: 42 once, or ten from that of the run on."""
    x, labels, _ = known.tested()
    result = known.run("clustering", profile)
    first = int(np.random.SeedSequence((result.seeds[0], 0)).generate_state(1)[0])
    seeds = [42] if profile == "published" else [(first + time) % 2**32 for time in range(10)]
    clusters = [KMeans(10, n_init=10, max_iter=300, random_state=seed).fit_predict(x) for seed in seeds]
    for number in range(2):
        near(
            result,
            {
                name: np.mean([scores[number % len(scores)](labels, each) for each in clusters])
                for name, scores in AGREEMENTS.items()
            },
        )
    assert profile == "published" or len({each.tobytes() for each in clusters}) > 1


def eight_shots(known, vectors):
    """MTEB's accuracy: the mean over folds and ten draws, each the first eight of each class in the last order shuffled once more."""
    scores = []
    for test in known.test:
        train, _ = train_test_split(np.setdiff1d(np.arange(len(vectors)), test), test_size=0.2, random_state=42)
        train.sort()
        order = list(range(len(train)))
        for _ in range(10):
            np.random.RandomState(42).shuffle(order)
            rows = train[order]
            shots = np.concatenate([rows[known.labels[rows] == label][:8] for label in range(10)])
            # Of scikit-learn's solvers the one that arrives: lbfgs does not in thousands of steps on features as they are.
            regression = LogisticRegression(solver="newton-cholesky", tol=1e-8)
            regression.fit(vectors[shots], known.labels[shots])
            scores.append(regression.score(vectors[test], known.labels[test]))
    return np.mean(scores)


def test_eight_shots(known):
    """scikit-learn's logistic regression on the draws of the source."""
    result = known.run("mteb8shot", "published")
    assert result.metric == "accuracy"
    assert result.score == pytest.approx(eight_shots(known, known.vectors.astype(float)), abs=WITHIN)


@pytest.fixture(scope="module")
def shuffled(known, tmp_path_factory):
    """Three tables in which each clip has the vector of another one, whatever that one's label."""
    files = []
    for seed in range(3):
        file = tmp_path_factory.mktemp("shuffled") / "vectors.npz"
        vectors = np.random.default_rng(seed).permutation(known.vectors)
        with np.load(known.file) as arrays:
            np.savez(file, **{name: arrays[name] for name in ("path", "start", "end")}, vectors=vectors)
        files.append(file)
    return files


def scores_of(known, protocol, files):
    """All scores of a protocol, means over tables."""
    results = [known.run(str(protocol), "clean", file) for file in files]
    return {
        name: np.mean([{**each.scores, each.metric: each.score}[name] for each in results])
        for name in (results[0].metric, *results[0].scores)
    }


def test_shuffled_labels_score_chance(known, shuffled, fewer):
    """Each measure is at what a random order, permuted labels or a guess give; the real labels are far above all of them."""
    x, labels, groups = known.tested()
    _, by_chance = ranked(x, labels, may_be_found(groups, "clean"))
    found = scores_of(known, "retrieval", shuffled)
    assert found == pytest.approx(by_chance, abs=0.03)
    found = scores_of(known, fewer, shuffled)
    assert found["gsr_lift"] == pytest.approx(0, abs=0.01) and found["gsr_normalised"] == pytest.approx(0, abs=0.01)
    assert found["precision_at_1"] == pytest.approx(by_chance["precision_at_1"], abs=0.03)
    found = scores_of(known, "clustering", shuffled)
    assert found["ami"] == pytest.approx(0, abs=0.02) and found["ari"] == pytest.approx(0, abs=0.02)
    clusters = KMeans(10, n_init=10, random_state=0).fit_predict(x)
    permuted = [sk.v_measure_score(np.random.default_rng(n).permutation(labels), clusters) for n in range(20)]
    assert found["v_measure"] == pytest.approx(np.mean(permuted), abs=0.02)
    assert scores_of(known, "mteb8shot", shuffled[:1])["accuracy"] == pytest.approx(0.1, abs=0.05)
    real = [known.run(str(each), "clean").score for each in ("retrieval", fewer, "clustering", "mteb8shot")]
    assert real[0] > 0.6 and real[1] > by_chance["precision_at_1"] and real[2] > 0.2 and real[3] > 0.3
