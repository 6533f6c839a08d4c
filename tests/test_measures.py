"""Measures without training against scikit-learn and the sources' own formulas, on two data sets; shuffled labels score chance."""

import dataclasses

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import cosine_similarity

import evaluator as ev
from evaluator.audio.clip import Clip
from evaluator.commands import _console
from evaluator.datasets import splits
from evaluator.embedding.matrix import InMemory
from evaluator.errors import EvaluationError, UsageError
from evaluator.probes import protocol
from evaluator.probes.jobs import FitRequest, ProbeJob, Setting
from evaluator.report import text
from evaluator.report.answers import answer
from evaluator.report.ranking import board
from evaluator.results import verdict
from evaluator.scoring import queries
from evaluator.scoring.metrics import METRICS, OF_TASKS, score
from evaluator.scoring.targets import Targets
from miniature import sound

NONE = np.zeros(0, np.int64)


def data(which, n=60, shuffled=False):
    """Features and classes: three clear Gaussian classes of other sizes, or five wide ones with equal rows among them."""
    random = np.random.default_rng(which)
    classes = random.choice(3 + 2 * which, n, p=[0.5, 0.3, 0.2] if which == 0 else None)
    x = random.normal(0, 1 + which, (n, 7)) + 2 * random.normal(0, 1, (5, 7))[classes]
    if which == 1:
        x[:6] = x[6:12]  # equal similarities
    return x.astype(np.float32), random.permutation(classes) if shuffled else classes


def measured(x, classes, name="retrieval", profile="published", labels="single", groups=(), values=None, recordings=()):
    """What a protocol's kind says of rows: {measure: (targets, values)} of the first time, and the outcomes."""
    values = np.eye(classes.max() + 1, dtype=np.float32)[classes] if values is None else values
    probe = protocol.load(name, profile).probe
    if hasattr(probe, "permutations"):
        probe = dataclasses.replace(probe, permutations=20)
    rows = np.arange(len(x))
    job = ProbeJob((0,), NONE, NONE, rows, seed=5)
    request = FitRequest([job], [InMemory(x)], Targets(values, labels, probe.measures[0]))
    request = FitRequest(
        **{
            **vars(request),
            "recordings": list(recordings) or [str(n) for n in rows],
            "groups": list(groups) or [""] * len(rows),
        }
    )
    (outcomes,) = probe.fit(request)
    found = outcomes[Setting()]
    return {each: (found[0].test[:, n, :2], found[0].test[:, n, 2:]) for n, each in enumerate(probe.measures)}, found


def value(found, name):
    """A measure's score."""
    return score(name, *found[name])


@pytest.mark.parametrize("which", [0, 1])
def test_queries_equal_scikit_learn(which):
    """ROC AUC and average precision of every query as scikit-learn has them, ties included; precisions by a plain loop."""
    x, classes = data(which)
    found, _ = measured(x, classes)
    similar = np.round(cosine_similarity(x.astype(float)), 12)
    auc, precise, at_5, r = [], [], [], []
    for query in range(len(x)):
        others = np.delete(np.arange(len(x)), query)
        alike = classes[others] == classes[query]
        if alike.any():
            auc.append(sk.roc_auc_score(alike, similar[query, others]))
            precise.append(sk.average_precision_score(alike, similar[query, others]))
            order = np.argsort(-similar[query, others], kind="stable")
            at_5.append(alike[order[:5]].mean())
            r.append(alike[order[: alike.sum()]].mean())
    for name, wanted in (
        ("retrieval_auc", auc),
        ("retrieval_map", precise),
        ("precision_at_5", at_5),
        ("r_precision", r),
    ):
        assert value(found, name) == pytest.approx(np.mean(wanted), abs=1e-6), name


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("distance", ["cosine", "euclidean", "spearman"])
def test_separation_equals_the_formula(which, distance):
    """NID and AID of each clip in two loops; the baseline by the source's permutations."""
    from scipy.stats import spearmanr

    x, classes = data(which, n=30)
    apart = {
        "cosine": lambda a, b: (1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)) / 2,
        "euclidean": lambda a, b: np.linalg.norm(a - b),
        "spearman": lambda a, b: (1 - spearmanr(a, b).statistic) / 2,
    }[distance]
    distances = np.array([[apart(a, b) for b in x.astype(float)] for a in x.astype(float)])

    def rate(labels):
        scores = []
        for i in range(len(labels)):
            own = [distances[i, j] for j in range(len(labels)) if j != i and labels[j] == labels[i]]
            stranger = min(distances[i, j] for j in range(len(labels)) if labels[j] != labels[i])
            if own:
                scores.append((stranger - np.mean(own)) / (stranger + np.mean(own) + 1e-9))
        return (np.mean(scores) + 1) / 2

    sizes = np.bincount(classes)
    assert sizes[sizes > 0].min() > 1
    made = queries.separation(x, classes, np.empty((len(x), 0), int), distance, 2, 20)
    assert np.nanmean(made.values) == pytest.approx(rate(classes), abs=1e-6)
    permuted = [
        rate(np.random.RandomState(seed).permutation(np.unique(classes, return_inverse=True)[1])) for seed in range(20)
    ]
    np.testing.assert_allclose(made.permuted, permuted, atol=1e-6)
    assert made.p == (1 + sum(each >= rate(classes) - 1e-12 for each in permuted)) / 21


def test_vocsim_counts_a_query_without_a_match_as_wrong():
    """One clip of its class: it can find nothing, and lowers the precision that retrieval takes without it."""
    x, classes = data(0)
    classes = np.where(np.arange(len(x)) == 0, 3, classes)
    skipped, _ = measured(x, classes, "retrieval")
    wrong, _ = measured(x, classes, "vocsim")
    n = len(x)
    assert value(wrong, "precision_at_1") == pytest.approx(value(skipped, "precision_at_1") * (n - 1) / n, abs=1e-6)


@pytest.mark.parametrize("which", [0, 1])
def test_clusters_equal_scikit_learn(which):
    """K-means of the source with its seed, and scikit-learn's V-measure, NMI, adjusted information and Rand index."""
    x, classes = data(which)
    found, _ = measured(x, classes, "clustering")
    clusters = KMeans(len(set(classes)), n_init=10, max_iter=300, random_state=42).fit_predict(x.astype(float))
    assert value(found, "v_measure") == pytest.approx(sk.v_measure_score(classes, clusters), abs=1e-9)
    assert value(found, "v_measure") == pytest.approx(sk.normalized_mutual_info_score(classes, clusters), abs=1e-9)
    assert value(found, "ami") == pytest.approx(sk.adjusted_mutual_info_score(classes, clusters), abs=1e-9)
    assert value(found, "ari") == pytest.approx(sk.adjusted_rand_score(classes, clusters), abs=1e-9)


@pytest.mark.parametrize("name", ["v_measure", "ami", "ari", "retrieval_auc"])
def test_leaving_a_group_out_is_the_score_of_the_rest(name):
    """Clusters: exactly that of the other clips. Queries: they stay among what is found, and no longer ask."""
    x, classes = data(1)
    found, _ = measured(x, classes, "clustering" if name in ("v_measure", "ami", "ari") else "retrieval")
    targets, values = found[name]
    groups = np.arange(len(x)) % 7
    columns = METRICS[name].columns(targets, values, groups, 7)
    for group in range(7):
        rest = groups != group
        assert columns.without[group, 0] == pytest.approx(score(name, targets[rest], values[rest]), abs=1e-9)


@pytest.mark.parametrize(("times", "within"), [(8, 0.06), pytest.param(48, 0.03, marks=pytest.mark.slow)])
@pytest.mark.parametrize("which", [0, 1])
def test_shuffled_labels_score_chance(which, times, within):
    """What is given as chance is what labels without meaning score."""
    found: dict = {}
    for seed in range(times):
        x, classes = data(which, n=100, shuffled=True)
        classes = np.random.default_rng(seed).permutation(classes)
        for name in ("retrieval", "clustering", "vocsim"):
            for each, (targets, values) in measured(x, classes, name)[0].items():
                counted = targets[:, 0] >= 0 if name == "clustering" else targets[:, 0] > 0
                found.setdefault(each, []).append((score(each, targets, values), targets[counted, 1].mean()))
    for name, pairs in found.items():
        got, chance = np.mean(pairs, axis=0)
        assert got == pytest.approx(chance, abs=within), name
    assert np.mean(found["retrieval_auc"], axis=0)[1] == 0.5
    assert np.mean(found["ari"], axis=0)[1] == 0


def test_average_precision_by_chance_is_exact():
    """The closed form equals the mean over all orders of four of seven."""
    from itertools import combinations

    orders = [np.isin(np.arange(7), places) for places in combinations(range(7), 4)]
    mean = np.mean([sk.average_precision_score(alike, -np.arange(7)) for alike in orders])
    _, chance = queries.average_precision(-np.arange(7.0), orders[0])
    assert chance == pytest.approx(mean, abs=1e-12)


def test_clips_of_a_recording_are_not_found_for_each_other():
    """Copies within a group make the published score perfect; the clean one does not see them."""
    random = np.random.default_rng(0)
    x = np.repeat(random.normal(size=(20, 5)), 3, axis=0).astype(np.float32)
    classes, groups = np.repeat(random.integers(0, 2, 20), 3), np.repeat([f"bird {n}" for n in range(20)], 3)
    published, _ = measured(x, classes, "retrieval", "published", groups=groups)
    clean, _ = measured(x, classes, "retrieval", "clean", groups=groups)
    assert value(published, "precision_at_1") == 1
    assert value(clean, "precision_at_1") < 0.8
    with pytest.raises(EvaluationError, match=r"none of 60 clips has another one with the same label.*exclude: group"):
        measured(x, np.repeat(np.arange(20), 3), "retrieval", "clean", groups=groups)


@pytest.mark.parametrize("name", ["retrieval", "vocsim"])
def test_two_individuals_on_one_recording_are_not_found_for_each_other_either(name):
    """Left out are clips of the same group and clips of the same recording, whatever their group: by a plain loop."""
    x, classes = data(0, n=60)
    groups = [f"bird {n % 12}" for n in range(60)]
    recordings = [f"{n // 3}.wav" for n in range(60)]
    found, _ = measured(x, classes, name, "clean", groups=groups, recordings=recordings)
    similar = cosine_similarity(x.astype(float))
    right = []
    for query in range(60):
        asked = [n for n in range(60) if groups[n] != groups[query] and recordings[n] != recordings[query]]
        nearest = max(asked, key=lambda n, query=query: similar[query, n])
        if any(classes[n] == classes[query] for n in asked):
            right.append(classes[nearest] == classes[query])
    assert value(found, "precision_at_1") == pytest.approx(np.mean(right), abs=1e-6)


def test_several_labels_match_by_one_in_common():
    """As the source's; the separation of classes refuses them."""
    x, _ = data(0, n=20)
    values = (np.random.default_rng(1).random((20, 4)) < 0.3).astype(np.float32)
    values[3] = 0
    found, _ = measured(x, np.zeros(20, int), values=values, labels="multi")
    similar = np.round(cosine_similarity(x.astype(float)), 12)
    wanted = []
    for query in range(20):
        others = np.delete(np.arange(20), query)
        alike = (values[others] * values[query]).any(axis=1)
        if 0 < alike.sum() < 19:
            wanted.append(sk.roc_auc_score(alike, similar[query, others]))
    assert value(found, "retrieval_auc") == pytest.approx(np.mean(wanted), abs=1e-6)
    says = {name: protocol.load(name).probe.takes("multi") for name in ("retrieval", "clustering")}
    assert says["retrieval"] == "" and says["clustering"].startswith("of several labels of a clip the first counts")
    with pytest.raises(UsageError, match="separation of classes is for tasks with one label"):
        measured(x, np.zeros(20, int), "vocsim", values=values, labels="multi")


def test_no_task_is_scored_by_a_measure():
    """They come with their protocols; YAML of tasks does not name them."""
    assert not set(OF_TASKS) & {"ari", "gsr", "retrieval_auc"} and "accuracy" in OF_TASKS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["retrieval", "clustering", "vocsim"])
def test_a_run_keeps_and_reports_measures(tmp_path, monkeypatch, name):
    """Result, files, comparison, table of clips and report of a measure, read back as they were written."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    modules = ["hear_ssl.melspec", "hear_ssl.duration_loudness"]
    results = ev.run(modules, "demo/calls", protocol=name, out=tmp_path / "out")
    metric = protocol.load(name).probe.measures[0]
    assert [each.metric for each in results] == [metric] * 2
    assert all(0 < each.score <= 1 and each.ci_low < each.score < each.ci_high for each in results)
    read = sorted(ev.load_results(tmp_path / "out"), key=lambda each: each.module != "hear_ssl.melspec")
    assert [each.score for each in read] == [each.score for each in results]
    assert len(ev.compare(read)) == 1
    assert read[0].confusion is None and "value" in read[0].to_frame()
    assert set(protocol.load(name).probe.measures[1:]) <= set(read[0].scores)
    with pytest.raises(UsageError, match="made without probes"):
        ev.fuse(read)
    ev.write_report(tmp_path / "out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "By chance (a random order" in page
    assert ("std over starts" in page) == (name == "clustering") and "std over trainings" not in page


@pytest.mark.parametrize("name", ["retrieval", "clustering", "vocsim"])
def test_few_clips_of_each_class_need_no_folds(tmp_path, name):
    """Four clips of each of two classes, too few to draw five folds from, are all tested together; a probe that trains is refused as before."""
    for number in range(8):
        sound(tmp_path / "tiny" / "ab"[number % 2] / f"{number}.wav", 0.1 + 0.2 * (number % 2), seed=number)
    given = {"cache": tmp_path / "cache", "out": None}
    (result,) = ev.run("hear_ssl.duration_loudness", str(tmp_path / "tiny"), protocol=name, seeds=3, **given)
    (fold,) = result.folds
    assert (fold.n_train, fold.n_valid, fold.n_test) == (0, 0, 8) and result.n_clips == 8
    assert sorted(result.test_clips[0]) == sorted(f"{'ab'[n % 2]}/{n}.wav" for n in range(8))
    assert not {"untrained_classes", "groups_divided", "groups_not_used"} & {each.kind for each in result.caveats}
    interval = dict(text.facts(board([result], [tmp_path / "r.json"]), [result]))["Interval"]
    assert "training" not in interval and "luck in training" not in " ".join(result.notes)
    assert ("over the 30 random starts of each clustering" in interval) == (name == "clustering")
    with pytest.raises(UsageError, match="too few for 5 stratified parts"):
        ev.run("hear_ssl.duration_loudness", str(tmp_path / "tiny"), protocol="knn", **given)


def test_a_clustering_is_started_and_never_trained(tmp_path, capsys):
    """In verdicts, on leaderboards and in their answers, and on the console."""
    for number in range(16):
        sound(tmp_path / "mine" / "ab"[number % 2] / f"{number}.wav", 0.1 + 0.2 * (number % 2), seed=number)
    modules, folder = ["hear_ssl.melspec", "hear_ssl.byol_a_mini"], str(tmp_path / "mine")
    given = {"protocol": "clustering", "cache": tmp_path / "cache", "out": None}
    once = ev.run(modules, folder, profile="published", **given)
    seen = board(once, [tmp_path / "a.json", tmp_path / "b.json"])
    (compared,) = ev.compare(once)
    assert compared.reason.startswith(
        "a clustering was started once, which hides its luck (--seeds 3, or the clean profile"
    )
    assert [note.partition(",")[0] for note in seen.notes] == ["Started once"]
    assert "its clustering was started once" in answer(seen).rest
    twice = [
        dataclasses.replace(each, test_probabilities=[fold.repeat(2, axis=0) for fold in each.test_probabilities])
        for each in once
    ]
    assert "; started less than 3 times" in ev.compare(twice)[0].sentence
    capsys.readouterr()
    _console.print_results([(each, None) for each in ev.run(modules, folder, **given)])
    out = capsys.readouterr().out
    assert "  starts  " in out.splitlines()[0] and "10, +-" in out
    assert "train" not in " ".join((compared.sentence, *seen.notes, answer(seen).rest, out))


@pytest.mark.parametrize(("name", "n_times"), [("clustering", 1), ("mteb8shot", 10)])
def test_seeds_are_no_further_starts_where_the_protocol_fixes_its_draws(tmp_path, name, n_times):
    """Copies of one start would count as three that agree: the published profiles draw once, whatever seeds are asked for."""
    for number in range(40):
        sound(tmp_path / "mine" / "ab"[number % 2] / f"{number}.wav", 0.1 + 0.2 * (number % 2), seed=number)
    asked = {"protocol": name, "seeds": 3, "cache": tmp_path / "cache", "out": None}
    (fixed,) = ev.run("hear_ssl.duration_loudness", str(tmp_path / "mine"), profile="published", **asked)
    assert fixed.seeds == [0] and {len(fold) for fold in fixed.test_probabilities} == {n_times}
    assert f"{name} fixes its draws in the published profile, so that one seed tells all" in fixed.notes
    assert verdict.hides_luck(fixed) == (n_times == 1)
    (free,) = ev.run("hear_ssl.duration_loudness", str(tmp_path / "mine"), profile="clean", **asked)
    assert free.seeds == [0, 1, 2] and {len(fold) for fold in free.test_probabilities} == {30}


def test_what_is_tested_hangs_on_the_split_where_it_has_a_test_part():
    """All clips where each is tested once; those of the test part else, whatever trains."""
    clips = [Clip(f"{n}.wav", ("ab"[n % 2],), split=("train", "valid", "test")[n % 3]) for n in range(9)]
    drawn = {"by": "random", "folds": 5, "seed": 1, "stratify": True, "valid": "next"}
    for rule in (drawn, {"by": "group", "valid": "next"}):
        (fold,) = splits.together(rule, clips)
        assert fold.test.tolist() == list(range(9)) and not len(fold.train) and not len(fold.valid)
    (fold,) = splits.together({"by": "split"}, clips)
    assert fold.test.tolist() == [2, 5, 8] and len(fold.train) == 3


@pytest.mark.parametrize("without_match", ["skip", "wrong"])
def test_whether_a_query_has_a_value_is_known_before_features_are(without_match):
    """Of few clips, groups and classes, drawn anew: as the ranking finds it afterwards, in both outcomes for each measure that has two."""
    random, seen = np.random.default_rng(0), set()
    for _ in range(200):
        n = int(random.integers(1, 5))
        labels = (random.random((n, 2)) < 0.5).astype(np.float32)
        apart = random.integers(0, 2, (n, 1))
        found = queries.rank(
            random.normal(size=(n, 3)), labels, apart, "cosine", without_match, tuple(queries.OF_A_QUERY)
        )
        for name in queries.OF_A_QUERY:
            known = queries.answered(name, labels, apart, without_match)
            assert known == bool((~np.isnan(found[name].values)).any())
            seen.add((name, known))
    assert len(seen) == 2 * len(queries.OF_A_QUERY)
