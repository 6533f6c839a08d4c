"""Representational similarity: as SciPy has it, significant as often as it says, the right descriptor on top, whole files."""

import csv
import json
import math
import re
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

import hear_ssl
from commands import run_command  # noqa: F401  (a fixture)
from evaluator.errors import EvaluationError
from evaluator.report.drawing import look_of
from evaluator.similarity import correlations, descriptors, figures, page, results
from evaluator.similarity.analysis import Analysis, CorrelationTable, TaskSimilarity, mean_over_tasks
from evaluator.similarity.correlations import Correlations
from evaluator.similarity.rsa import correlate_with_variables
from evaluator.similarity.variables import Variable
from tiny_checkpoints import tiny_network

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

ALPHA = 0.05  # the stated rate


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def lazily(values):
    return lambda: values


def test_dissimilarities_are_scipys():
    """Cosine, absolute difference, and labels: 0 or 1 with one, the Jaccard distance with several; in pdist's order."""
    rows = numbers(7, 3)
    assert np.allclose(correlations.cosine_distances(rows.astype(np.float32)), pdist(rows, "cosine"), atol=1e-6)
    assert np.allclose(correlations.absolute_differences(rows[:, 0]), pdist(rows[:, :1], "cityblock"))
    several = numbers(7, 4, seed=1) > -0.3
    assert several.any(axis=1).all() and not several.all(axis=1).all()
    assert np.allclose(correlations.label_distances(several), pdist(several, "jaccard"))
    assert correlations.label_distances(np.eye(3)[[0, 1, 0, 2]]).tolist() == [1, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("block", [1, 1 << 28])
def test_r_is_scipys_also_with_ties(monkeypatch, block):
    """Spearman over the unique pairs, whatever the size of the blocks; NaN where all pairs are the same."""
    monkeypatch.setattr(correlations, "BLOCK_BYTES", block)
    representations = [pdist(numbers(23, 5)), pdist(numbers(23, 2, seed=1), "cosine")]
    others = [pdist(numbers(23, 1, seed=2).round()), pdist(numbers(23, 5) + 0.5), np.ones(253)]
    computed = correlations.correlate(
        [lazily(representation) for representation in representations], [lazily(other) for other in others], 23
    )
    for row, representation in enumerate(representations):
        for column, other in enumerate(others[:2]):
            assert computed.r[row, column] == pytest.approx(spearmanr(representation, other)[0], abs=1e-6)
    assert computed.r.shape == (2, 3) and np.isnan(computed.r[:, 2]).all() and np.isnan(computed.p[:, 2]).all()
    own = correlations.correlate(
        [lazily(representation) for representation in representations],
        [lazily(representation) for representation in representations],
        23,
    )
    assert np.allclose(np.diag(own.r), 1, atol=1e-6) and own.r[0, 1] == pytest.approx(own.r[1, 0])


@pytest.mark.parametrize("n_clips", [12, 13])
def test_chance_values_are_those_of_turned_clips(n_clips):
    """What the Fourier transform gives is the correlation after each turn of the clips, written out."""
    from scipy.fft import irfft

    one, other = (correlations.normalised_ranks(pdist(numbers(n_clips, 3, seed=seed))) for seed in (0, 1))
    orders = [np.random.default_rng(seed).permutation(n_clips) for seed in (2, 3)]
    ours, theirs = (
        correlations.diagonal_spectra(ranks[None], order) for ranks, order in zip((one, other), orders, strict=True)
    )
    computed = irfft(np.matmul(ours.conj(), theirs.transpose(0, 2, 1)), n_clips, axis=0).ravel()
    first, second = (squareform(ranks)[np.ix_(order, order)] for ranks, order in zip((one, other), orders, strict=True))
    turned = [np.sum(first * np.roll(second, (-turn, -turn), axis=(0, 1))) / 2 for turn in range(n_clips)]
    assert np.allclose(computed, turned, atol=1e-6)


def test_p_is_that_of_a_mantel_test():
    """It agrees with clips that are permuted one by one, for a weak relation."""
    rows = numbers(40, 4)
    one, other = pdist(rows, "cosine"), pdist(rows[:, :1] + 3 * numbers(40, 1, seed=1))
    computed = correlations.correlate([lazily(one)], [lazily(other)], 40, seed=5, min_permutations=4000)
    random, square = np.random.default_rng(7), squareform(correlations.normalised_ranks(other))
    ranks, upper = correlations.normalised_ranks(one), np.triu_indices(40, 1)
    chance = []
    for _ in range(4000):
        order = random.permutation(40)
        chance.append(ranks @ square[order][:, order][upper])
    expected = np.mean(np.array(chance) >= computed.r[0, 0])
    assert 0.01 < expected < 0.5  # a case that can tell something
    assert computed.p[0, 0] == pytest.approx(expected, abs=5 * math.sqrt(2 * expected * (1 - expected) / 4000))
    assert correlations.correlate([lazily(one)], [lazily(other)], 40, seed=5, min_permutations=4000).p == computed.p


@pytest.mark.parametrize(("n_clips", "permutations"), [(12, 199), (60, 60), (61, 199)])
def test_unrelated_representations_are_rejected_at_the_stated_rate(n_clips, permutations):
    """p is below 0.05 in about 5 % of unrelated cases, also where clips come class by class and descriptors have outliers."""
    p = []
    for case in range(60):
        random = np.random.default_rng((case, n_clips))
        classes = np.repeat(np.arange(4), -(-n_clips // 4))[:n_clips]
        representations = [3 * random.normal(size=(4, 6))[classes] + random.normal(size=(n_clips, 6)) for _ in range(3)]
        others = [random.lognormal(size=n_clips) for _ in range(5)]
        computed = correlations.correlate(
            [lazily(correlations.cosine_distances(representation)) for representation in representations],
            [lazily(correlations.absolute_differences(other)) for other in others],
            n_clips,
            seed=case,
            min_permutations=permutations,
        )
        p += computed.p.ravel().tolist()
    # 900 cases, 15 at a time from the same clips: 0.05 +- 3 standard deviations of some 450 independent ones.
    assert np.mean(np.array(p) <= ALPHA) == pytest.approx(ALPHA, abs=0.031)


def test_the_right_descriptor_wins():
    """Embeddings made of one of 20 descriptors: it is on top and counts; at most a few of the others do."""
    n_right, n_wrong = 0, 0
    for case in range(10):
        values = numbers(20, 80, seed=case)
        angle = values[case] / 2
        rows = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.05 * numbers(80, 2, seed=100 + case)
        variables = [Variable(str(number), "descriptor", each) for number, each in enumerate(values)]
        computed, notes = correlate_with_variables([lazily(rows)], variables, seed=case)
        counts = correlations.significant(computed.r, correlations.fdr_corrected(computed.p))[0]
        n_right += computed.r[0].argmax() == case and counts[case]
        n_wrong += counts.sum() - counts[case]
        assert not notes
    assert n_right == 10
    assert n_wrong <= 4  # a tenth of what uncorrected tests would let pass is 1 of 190; 4 are rare


def test_undefined_values_leave_their_pairs_out():
    """A descriptor is compared over the clips that it is defined of, and left out with a note where there are too few."""
    rows, values = numbers(30, 4), numbers(30, seed=1)
    values[[2, 5, 6]] = np.nan
    few = np.full(30, np.nan)
    few[:9] = np.arange(9)
    labels = np.eye(3)[np.arange(30) % 3]
    labels[4] = 0
    variables = [
        Variable("some", "descriptor", values),
        Variable("few", "descriptor", few),
        Variable("same", "descriptor", np.ones(30)),
        Variable("label", "metadata", labels),
    ]
    computed, notes = correlate_with_variables([lazily(rows)], variables, seed=0)
    known, labelled = ~np.isnan(values), np.arange(30) != 4
    expected = spearmanr(pdist(rows[known], "cosine"), pdist(values[known, None]))[0]
    assert computed.r[0, 0] == pytest.approx(expected, abs=1e-6)
    expected = spearmanr(pdist(rows[labelled], "cosine"), pdist(labels[labelled], "jaccard"))[0]
    assert computed.r[0, 3] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(computed.r[0, 1:3]).all() and notes[0].endswith("few, same")


def test_correction_for_several_tests():
    """Benjamini and Hochberg by hand; what is undefined does not count; only r above 0 is kept."""
    p = np.array([[0.01, np.nan, 0.04], [0.03, 0.2, 0.005]])
    expected = [[0.025, np.nan, 0.05], [0.05, 0.2, 0.025]]
    assert np.allclose(correlations.fdr_corrected(p), expected, equal_nan=True)
    assert correlations.significant(
        np.array([0.1, -0.1, 0.1, np.nan]), np.array([0.01, 0.01, 0.05, np.nan])
    ).tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert np.isnan(correlations.fdr_corrected(np.full(2, np.nan))).all()


def test_pairs_of_modules_are_corrected_once():
    """In a square table only what is above the diagonal counts as tests."""
    p = np.array([[0.001, 0.02, 0.04], [0.02, 0.001, 0.01], [0.04, 0.01, 0.001]])
    table = CorrelationTable.of("abc", "abc", Correlations(np.full((3, 3), 0.5), p), symmetric=True)
    assert np.allclose([table.p_corrected[0][1], table.p_corrected[0][2], table.p_corrected[2][1]], [0.03, 0.04, 0.03])
    assert np.isnan(np.diag(table.p_corrected)).all()


@pytest.mark.parametrize("block", [1, 1 << 28])
def test_cka_is_that_of_the_features(monkeypatch, block):
    """As the paper's equation over features has it, blind to rotation and scale, NaN where nothing varies."""
    monkeypatch.setattr(correlations, "BLOCK_BYTES", block)
    one, other = numbers(17, 3) + 5, numbers(17, 5, seed=1)
    other[:, 0] += one[:, 0]
    rotation = np.linalg.qr(numbers(3, 3, seed=2))[0]
    representations = [one, other, 1e4 * one @ rotation, np.ones((17, 2))]
    computed = correlations.linear_cka(
        [lazily(representation.astype(np.float32)) for representation in representations], 17
    )
    x, y = one - one.mean(axis=0), other - other.mean(axis=0)
    expected = np.square(y.T @ x).sum() / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert computed[0, 1] == pytest.approx(expected, abs=1e-5) and computed[0, 2] == pytest.approx(1, abs=1e-4)
    assert np.isnan(computed[3]).all()


def test_memory_does_not_grow_with_the_representations(monkeypatch):
    """Twice as many representations of 300 clips take no more memory, once two blocks are full."""
    monkeypatch.setattr(correlations, "BLOCK_BYTES", 2 << 20)

    def peak(n_representations):
        representations = [
            lambda seed=seed: correlations.cosine_distances(numbers(300, 4, seed=seed))
            for seed in range(n_representations)
        ]
        tracemalloc.start()
        correlations.correlate(representations, representations, 300)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak_bytes

    peak(2)
    assert peak(20) < 1.1 * peak(10)


def test_the_mean_over_tasks_names_its_parts():
    """Values of a row and column are averaged over the tasks that have both; and how many are significant is counted."""
    tables = [
        CorrelationTable(["a", "b"], ["x", "y"], [[0.2, 0.4], [0.1, math.nan]], [], [], [[True, False], [True, False]]),
        CorrelationTable(["b"], ["y", "z"], [[0.6, 0.8]], [], [], [[True, True]]),
    ]
    computed = mean_over_tasks(tables)
    assert computed.rows == ["a", "b"] and computed.columns == ["x", "y", "z"]
    assert np.allclose(computed.values, [[0.2, 0.4, np.nan], [0.1, 0.6, 0.8]], equal_nan=True)
    assert computed.n_tasks.tolist() == [[1, 1, 0], [1, 1, 1]] and computed.n_kept.tolist() == [[1, 0, 0], [1, 1, 1]]


def similarity_on(name, variables, manifest="0"):
    """An analysis of one module on a task: r with each variable, all of which count."""
    values = np.array([list(variables.values())])
    return TaskSimilarity(
        task=name,
        dataset="d",
        protocol="arch",
        profile="clean",
        clips=["x"],
        n_failed=0,
        between=CorrelationTable.of(["m"], ["m"], Correlations(np.ones((1, 1)), np.zeros((1, 1))), symmetric=True),
        cka=[[1.0]],
        variables=CorrelationTable.of(["m"], list(variables), Correlations(values, np.full(values.shape, 1e-4))),
        kinds=["descriptor"] * len(variables),
        n_defined=[12] * len(variables),
        notes=[],
        provenance={"manifest_sha256": manifest},
    )


MODULE = [{"module": "m", "weights": "", "options": {}}]


def test_variables_of_all_tasks_are_ranked_before_those_of_some():
    """A mean over one easy task is no better than one over two; the table and the figure say which it is."""
    tasks = [
        similarity_on("one", {"level": 0.3, "pitch": 0.5, "band": 0.9}),
        similarity_on("two", {"pitch": 0.1, "level": 0.2}),
    ]
    analysis = Analysis(MODULE, tasks, [], {}, {})
    ((_, rows),) = results.as_tables(analysis)
    assert rows == [
        ["m", "pitch", "0.300", "2 of 2 tasks"],
        ["m", "level", "0.250", "2 of 2 tasks"],
        ["m", "band", "0.900", "1 of 1 tasks, not defined on the others"],
    ]
    assert figures.with_task_counts(analysis.mean_variables(), 2).columns == ["level", "pitch", "band (1 of 2 tasks)"]


def test_other_clips_are_another_analysis(tmp_path):
    """The files of one list of clips are not replaced by those of another."""
    folders = {
        results.write(Analysis(MODULE, [similarity_on("one", {"level": 0.3}, sha)], [], {}, {}), tmp_path)
        for sha in ("0", "1", "0")
    }
    assert len(folders) == 2


# The command -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three classes of twenty tones each, their pitch, level and length drawn; the first of each is silent."""
    folder, random = tmp_path_factory.mktemp("similarity") / "tones", np.random.default_rng(0)
    for frequency in (300, 700, 1500):
        (folder / f"tone{frequency}").mkdir(parents=True)
        for number in range(20):
            times = np.arange(int(16000 * random.uniform(0.2, 0.5))) / 16000
            tone = np.sin(2 * np.pi * frequency * random.uniform(0.8, 1.2) * times)
            wave = random.uniform(0.05, 0.9) * tone + 0.001 * random.normal(size=len(times))
            soundfile.write(folder / f"tone{frequency}" / f"{number}.wav", wave * (number > 0), 16000)
    return folder


@pytest.fixture
def hear_eval(run_command):  # noqa: F811
    """Runs `hear-eval similarity` under the test's folder: (exit code, stdout, stderr)."""
    return lambda *arguments: run_command("similarity", *arguments)


def test_modules_on_a_task_end_to_end(hear_eval, data, tmp_path):
    """JSON, tables and figures, the same again from the store; log-mel embeddings of tones are about their pitch."""
    arguments = ("hear_ssl.melspec", "hear_ssl.byol_a_mini", "--task", data, "--clips", 40)
    code, out, err = hear_eval(*arguments, "--json")
    assert code == 0, err
    document = json.loads(out)
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name == f"similarity-{document['run']}"
    kinds = {"similarity.json", "representations.csv", "variables.csv", "similarity.html"}
    pictures = ("modules-r", "modules-cka", "variables", "bands-energy", "bands-variability")
    assert {path.name for path in folder.iterdir()} == kinds | {
        f"{name}.{kind}" for name in pictures for kind in ("svg", "png")
    }
    text = (folder / "similarity.html").read_text()
    assert "Most alike are hear_ssl.melspec and hear_ssl.byol_a_mini" in text and "kHz" in text
    (task,) = document["datasets"]
    assert len(task["clips"]) == 40 and document["schema_version"] == 1 and document["kind"] == "similarity"
    assert task["variables"]["columns"][-1] == "label" and {"centroid", "pitch"} <= set(task["variables"]["columns"])
    by_name = dict(zip(task["variables"]["columns"], task["variables"]["r"][0], strict=True))
    assert by_name["centroid"] > 0.4 and by_name["centroid"] > by_name["duration"]
    assert task["provenance"]["n_embedded"]["hear_ssl.melspec"] == 40
    rows = list(csv.DictReader((folder / "representations.csv").open()))
    assert [row["task"] for row in rows] == [task["task"], results.MEAN]
    assert float(rows[0]["r"]) == task["between"]["r"][0][1] and 0 < float(rows[0]["cka"]) < 1
    code, out, _ = hear_eval(*arguments, "--json")
    again = json.loads(out)
    assert set(again["datasets"][0]["provenance"]["n_embedded"].values()) == {0}
    assert again["run"] == document["run"] and again["datasets"][0]["between"] == task["between"]
    code, out, _ = hear_eval(*arguments, "--seed", 1)
    assert code == 0 and "linear CKA" in out and "has in common with" in out and "are silent" in out
    assert len(list((tmp_path / "results").iterdir())) == 2


def test_each_module_takes_its_own_weights_from_a_folder(hear_eval, data, tmp_path):
    """`--weights DIR` is DIR/MODULE for those that it holds; log-mel, which would refuse a path, gets none."""
    (packaged,) = (Path(hear_ssl.__file__).parent / "weights").glob("*.safetensors")
    (tmp_path / "w").mkdir()
    shutil.copy(packaged, tmp_path / "w" / "hear_ssl.byol_a_speech.safetensors")
    arguments = ("hear_ssl.byol_a_speech", "hear_ssl.melspec", "--task", data, "--clips", 20, "--json")
    code, out, err = hear_eval(*arguments, "--weights", tmp_path / "w")
    assert code == 0, err
    weights = {each["module"]: each["weights"] for each in json.loads(out)["modules"]}
    copied = str(tmp_path / "w" / "hear_ssl.byol_a_speech.safetensors")
    assert weights == {"hear_ssl.byol_a_speech": copied, "hear_ssl.melspec": ""}
    code, _, err = hear_eval(*arguments, "--weights", copied)
    assert code == 2 and "hear_ssl.melspec" in err


def test_layers_and_a_plain_module(hear_eval, data, tmp_path):
    """Each layer of a transformer is a row; a module that shows no layers takes part with its scene embedding."""
    folder = tmp_path / "tiny"
    tiny_network("hubert").save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"do_normalize": false, "sampling_rate": 16000}')
    plain = tmp_path / "plain.py"
    plain.write_text(
        "import torch\n"
        "class Model(torch.nn.Module):\n"
        "    sample_rate, scene_embedding_size, timestamp_embedding_size = 16000, 2, 2\n"
        "def load_model(path=''):\n    return Model()\n"
        "def get_scene_embeddings(audio, model):\n"
        "    return torch.stack([audio.abs().mean(1) + 0.1, audio.diff(dim=1).abs().mean(1)], 1)\n"
        "def get_timestamp_embeddings(audio, model):\n"
        "    return get_scene_embeddings(audio, model)[:, None], torch.zeros(len(audio), 1)\n"
    )
    code, out, err = hear_eval(f"hf:{folder}", plain, "--task", data, "--layers", "all", "--clips", 20, "--json")
    assert code == 0, err
    rows = json.loads(out)["datasets"][0]["between"]["rows"]
    assert rows[0].endswith("layer 0") and rows[-1] == str(plain) and len(rows) > 2
    assert "its scene embedding stands for it" in str(json.loads(out)["datasets"][0]["notes"])
    code, _, err = hear_eval(f"hf:{folder}", plain, "--task", data, "--layers", "1")
    assert code == 2 and "knows the plain HEAR API" in err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["hear_ssl.melspec", "hear_ssl.melspec"], 2, "hear_ssl.melspec is given twice"),
        (["hear_ssl.melspec", "--clips", "5"], 2, "--clips 5: give 10 to 5000"),
        (["hear_ssl.melspec", "--clips", "9000"], 2, "--clips 9000: give 10 to 5000"),
        (["hear_ssl.melspec", "--layers", "weighted"], 2, "nothing is trained here"),
        (["hear_ssl.melspec", "--layers", "tall"], 2, "--layers tall"),
        (["hear_ssl.mellspec"], 2, "did you mean 'hear_ssl.melspec'"),
        (["hear_ssl.melspec", "--protocol", "arhc"], 2, "did you mean 'arch'"),
    ],
)
def test_mistakes_get_a_sentence(hear_eval, data, tmp_path, arguments, code, sentence):
    """And nothing is written."""
    exit_code, out, err = hear_eval(*arguments, "--task", data)
    assert exit_code == code and sentence in err and "Traceback" not in err and not out
    assert not list((tmp_path / "results").glob("*"))


def test_broken_clips_are_reported(hear_eval, data, tmp_path):
    """A clip that cannot be read is refused by name, and left out of everything with --allow-failed."""
    for path in data.rglob("*.wav"):
        (tmp_path / "some" / path.parent.name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "some" / path.parent.name / path.name).write_bytes(path.read_bytes())
    (tmp_path / "some" / "tone300" / "7.wav").write_bytes(b"")
    arguments = ("hear_ssl.melspec", "--task", tmp_path / "some", "--json")
    code, _, err = hear_eval(*arguments)
    assert code == 1 and "hear_ssl.melspec" in err and "7.wav" in err and "--allow-failed" in err
    code, out, _ = hear_eval(*arguments, "--allow-failed", 0.1)
    (task,) = json.loads(out)["datasets"]
    assert code == 0 and task["n_failed"] == 1 and len(task["clips"]) == 59


@pytest.mark.parametrize("n_modules", [2, 15])
def test_hostile_names_are_drawn(tmp_path, n_modules):
    """Dollars, brackets and markup in names stay text in tables, figures and page; many modules give a heat map."""
    names = [f"$\\frac{{{number}$<script>.py" for number in range(n_modules)]
    square = Correlations(np.full((n_modules, n_modules), 0.5), np.full((n_modules, n_modules), 0.001))
    values = numbers(n_modules, 3)
    values[:, 2] = np.nan
    similarity = TaskSimilarity(
        task="a$b_{",
        dataset="d",
        protocol="arch",
        profile="clean",
        clips=["x"],
        n_failed=0,
        between=CorrelationTable.of(names, names, square, symmetric=True),
        cka=np.eye(n_modules).tolist(),
        variables=CorrelationTable.of(names, ["$", "b", "never"], Correlations(values, np.abs(values) / 9)),
        kinds=["descriptor"] * 3,
        n_defined=[12, 12, 0],
        notes=[],
        provenance={},
    )
    modules = [{"module": name, "weights": "", "options": {}} for name in names]
    analysis = Analysis(modules, [similarity], [], {}, {})
    folder = results.write(analysis, tmp_path)
    assert len(figures.draw(analysis, folder)) == 6
    body = re.sub(r"<(script|style)>.*?</\1>", "", page.write(analysis, folder).read_text(), flags=re.DOTALL)
    assert "<script" not in body and "&lt;script&gt;" in body
    again = results.read(folder)
    assert (
        page.write(again, tmp_path).read_text() == (folder / "similarity.html").read_text()
        and again.run == analysis.run
    )
    assert names[0] in {row["representation"] for row in csv.DictReader((folder / "variables.csv").open())}
    assert "NaN" not in (folder / "similarity.json").read_text()
    assert len(list(folder.iterdir())) == 10


def test_an_analysis_that_cannot_be_read_is_a_sentence(tmp_path):
    """Gone, of another version, or with a table that lacks a row."""
    with pytest.raises(EvaluationError, match="no analysis can be read there"):
        results.read(tmp_path)
    folder = results.write(Analysis(MODULE, [similarity_on("one", {"level": 0.3})], [], {}, {}), tmp_path)
    document = json.loads((folder / "similarity.json").read_text())
    document["datasets"][0]["variables"]["r"] = []
    (folder / "similarity.json").write_text(json.dumps(document))
    with pytest.raises(EvaluationError, match="'variables' is not 1 by 1"):
        results.read(folder)
    (folder / "similarity.json").write_text(json.dumps({**document, "schema_version": 99}))
    with pytest.raises(EvaluationError, match="it says 99"):
        results.read(folder)


def test_alike_modules_stand_together():
    """a and c are alike, b and d are: no other order has both pairs side by side."""
    r = np.array([[1, 0.1, 0.9, 0.1], [0.1, 1, 0.1, 0.8], [0.9, 0.1, 1, 0.2], [0.1, 0.8, 0.2, 1]])
    places = figures.likeness_order(r).tolist()
    assert abs(places.index(0) - places.index(2)) == abs(places.index(1) - places.index(3)) == 1


def test_bands_are_drawn_over_their_middle_and_hollow_where_not_significant():
    """The curve's x is the geometric mean of the band's edges in kHz; variables that are no bands are rows, sorted."""
    low, high = descriptors.erb_edges()[3:5]
    name = f"energy {low:.0f}-{high:.0f} Hz"
    assert figures.band_of(name) == ("energy", pytest.approx(math.sqrt(low * high)))
    assert figures.band_of("level") is None and figures.band_of("energy 1-2 Hz") is None
    names = {
        "level": 0.1,
        "pitch": 0.4,
        "label": 0.2,
        **dict.fromkeys((each.name for each in descriptors.list_descriptors() if each.name.startswith("energy")), 0.3),
    }
    analysis = Analysis(MODULE, [similarity_on("one", names)], [], {}, {})
    drawn = figures.figures_of(analysis, {"m": 4})
    assert list(drawn) == ["variables", "bands-energy"]
    axes = drawn["bands-energy"][2].axes[0]
    curve = axes.lines[0]
    middles = np.sqrt(descriptors.erb_edges()[:-1] * descriptors.erb_edges()[1:]) / 1000
    assert (
        np.allclose(curve.get_xdata(), middles)
        and np.allclose(curve.get_ydata(), 0.3)
        and curve.get_color() == look_of(4).colour
    )
    rows = [text.get_text() for text in drawn["variables"][2].axes[0].get_yticklabels()]
    assert rows == ["label", "pitch", "level"]
    for _, _, figure in drawn.values():
        sizes = [
            text.get_fontsize()
            for text in figure.findobj(lambda each: hasattr(each, "get_fontsize") and each.get_text())
        ]
        assert min(sizes) >= 9 and figure.get_figwidth() <= figures.MAX_WIDTH  # points: 12 CSS pixels
