"""Maps: PCA is a singular value decomposition, neighbours are counted as a slow loop does, names stay text, files are whole."""

import csv
import json
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from PIL import Image
from threadpoolctl import threadpool_limits

from commands import run_command  # noqa: F401  (a fixture)
from evaluator.audio.clip import Clip
from evaluator.errors import EvaluationError, UsageError
from evaluator.mapping import atlas, colouring, figures, methods, page
from evaluator.mapping.atlas import Atlas, Map, MappedEmbedding
from evaluator.similarity.variables import Variable
from tiny_checkpoints import tiny_network

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def clips_of(labels, **more):
    return [Clip(f"{number}.wav", (label,), **more) for number, label in enumerate(labels)]


# The methods --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40, 7), (12, 300), (30, 2), (310, 350)])
def test_pca_is_a_singular_value_decomposition(shape):
    """Points are the two largest left singular vectors times their values, but for signs; so are the shares of variance."""
    rows = numbers(*shape) + 5
    projection = methods.project("pca", methods.centred(rows, "x"), 30, 0)
    left, values, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    assert np.allclose(np.abs(projection.points), np.abs(left[:, :2] * values[:2]), atol=1e-6)
    assert np.allclose(projection.facts["explained_variance"], values[:2] ** 2 / np.sum(values**2))


def test_tsne_keeps_far_classes_apart_and_is_the_same_for_a_seed():
    """Three groups far from each other are three groups on the map, whatever the number of threads; so is a wide embedding's."""
    rows = methods.centred(numbers(60, 9) + 40 * np.eye(9)[np.arange(60) % 3], "x")
    projection = methods.project("tsne", rows, 10, 0)
    assert projection.facts["perplexity"] == 10 and projection.facts["kl_divergence"] >= 0
    labels = (np.arange(60) % 3).astype(str).astype(object)
    assert methods.agreement(methods.neighbours(projection.points), labels) == 1
    for each in (rows, methods.centred(numbers(60, 600), "x")):  # scikit-learn's PCA of wide rows draws at random
        one = methods.project("tsne", each, 10, 3)
        with threadpool_limits(2):
            other = methods.project("tsne", each, 10, 3)
        assert np.array_equal(one.points, other.points) and one.facts == other.facts


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize("shape", [(10, 3000), (11, 1), (12, 2)])
def test_odd_widths_are_mapped(method, shape):
    """Far more dimensions than clips, one, and two: every clip has a finite place."""
    projection = methods.project(method, methods.centred(numbers(*shape).astype(np.float32), "x"), 3, 0)
    assert projection.points.shape == (shape[0], 2) and np.isfinite(projection.points).all()


def test_equal_embeddings_are_refused():
    """There is nothing to map, and the sentence says whose they are."""
    with pytest.raises(EvaluationError, match="mine, layer 3: all 12 clips have the same embedding"):
        methods.centred(np.ones((12, 3), np.float32), "mine, layer 3")


def test_neighbours_are_counted_as_a_slow_loop_does():
    """Nearest others, the share kept, the share with the same value, and what chance would give."""
    before, after = numbers(25, 4), numbers(25, 2, seed=1)
    after[:, :2] += before[:, :2]
    values = np.array(["a", "b", "", "a", "c"] * 5, dtype=object)

    def nearest(points):
        far = np.linalg.norm(points[:, None] - points[None], axis=2)
        return [[other for other in np.argsort(row) if other != number][:10] for number, row in enumerate(far)]

    one, other = nearest(before), nearest(after)
    assert [set(row) for row in methods.neighbours(before).tolist()] == [set(row) for row in one]
    expected = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(one, other, strict=True)])
    assert methods.share_kept(methods.neighbours(before), methods.neighbours(after)) == pytest.approx(expected)
    labelled = [number for number in range(25) if values[number]]
    expected = np.mean([np.mean([values[near] == values[number] for near in one[number]]) for number in labelled])
    assert methods.agreement(methods.neighbours(before), values) == pytest.approx(expected)
    others = [[values[near] == values[number] for near in range(25) if near != number] for number in labelled]
    assert methods.chance_agreement(values) == pytest.approx(np.mean(others))
    nobody = np.full(25, "", dtype=object)
    assert np.isnan(methods.agreement(methods.neighbours(before), nobody)) and np.isnan(
        methods.chance_agreement(nobody)
    )
    assert methods.trustworthiness(before, before[:, ::-1]) == 1 > methods.trustworthiness(before, after)


def test_few_clips_have_fewer_neighbours():
    """Never half of them or more, which scikit-learn's trustworthiness refuses."""
    assert [methods.n_neighbours(n) for n in (10, 20, 21, 1000)] == [4, 9, 10, 10]
    assert methods.trustworthiness(numbers(10, 3), numbers(10, 2)) < 1


# Colours ------------------------------------------------------------------------------------------------------


def test_every_value_has_its_own_mark():
    """56 pairs of colour and shape; the first seven differ in colour, so that few classes need no shapes."""
    marks = [colouring.mark_of(number) for number in range(colouring.n_distinct())]
    assert len(set(marks)) == 56 and marks[0] == colouring.mark_of(56)
    assert len({colour for colour, _ in marks[:7]}) == 7 and len({shape for _, shape in marks[:7]}) == 1


def test_columns_are_read_from_clips():
    """Labels come in the order of the classes, folds as numbers; several labels and no group are grey, with the reason."""
    clips = [
        Clip("x/a.wav", ("dog",), fold="10", group="g"),
        Clip("x/b.wav", ("cat", "dog"), fold="2"),
        Clip("y/b.wav", ("ant",), fold="2"),
        Clip("b.wav", (), fold="2"),
    ]
    by_label = colouring.by_column("label", clips, ["dog", "cat", "ant"])
    assert by_label.kinds == ["dog", "ant"] and by_label.values.tolist() == ["dog", "", "ant", ""]
    assert by_label.special.tolist() == ["", "several labels", "", "no label"] and by_label.legend_positions() == [
        0,
        None,
        1,
        None,
    ]
    assert colouring.by_column("fold", clips, []).kinds == ["2", "10"]
    assert colouring.by_column("group", clips, []).specials == ["no group"]
    assert colouring.by_column("folder", clips, []).values.tolist() == ["x", "x", "y", "."]
    pitch = colouring.by_descriptor(Variable("pitch", "descriptor", np.array([1.0, np.nan])))
    assert pitch.title == "pitch in octaves" and pitch.special.tolist() == ["", "not defined"] and not pitch.kinds


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gruop", "--colour gruop: give label, group, fold, split, recording, folder, duration"),
        ("group", "--colour group: no clip of frogs has a group; its clips have label, fold, recording, folder"),
        ("recording", "--colour recording: each of the 3 clips has its own recording"),
    ],
)
def test_colours_that_cannot_be_had_are_refused(name, sentence):
    """An unknown column, one that no clip has, and one that says nothing."""
    with pytest.raises(UsageError, match=sentence):
        colouring.refuse_unfit(["label", name], clips_of("aab", fold="1"), "frogs")


# The files ----------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Start tags with their attributes, and the text within marks of maps."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.titles, self.text, self.within = [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.within.append(tag)
        if tag == "title":
            self.titles.append("")

    def handle_endtag(self, tag):
        while self.within and self.within.pop() != tag:
            pass

    def handle_data(self, data):
        self.text += data
        if self.within and self.within[-1] == "title":
            self.titles[-1] += data


def made(names, points, clips, module="m", colours=("label",), method="tsne"):
    """An atlas of one space with one map."""
    facts = {"tsne": {"perplexity": 30.0, "kl_divergence": 0.5, "seed": 0}, "pca": {"explained_variance": [0.5, 0.2]}}
    columns = [colouring.by_column(colour, clips, names) for colour in colours]
    shares = dict.fromkeys(colours, 0.5)
    one = Map(method, points, facts[method], 0.5, 0.9, shares)
    return Atlas(
        task="t",
        dataset="d",
        protocol="arch",
        profile="clean",
        modules=[{"module": module, "weights": "", "options": {}}],
        clips=clips,
        colourings=columns,
        by_chance=shares,
        n_neighbours=4,
        spaces=[MappedEmbedding(module, module, "", 3, shares, [one])],
        n_failed=0,
        notes=["a <b>note</b>"],
        options={"seed": 0, "layers": "scene"},
        seconds={},
        provenance={"started": "now", "packages": {}},
    )


HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=y>', "$\\frac{", "{{ 7 * 7 }}", "plain"]


def test_hostile_names_stay_text(tmp_path):
    """Classes, clips, groups, modules and notes with markup, quotes, mathematics and templates are shown as they are."""
    clips = [Clip(f"{name}.wav", (name,), group=f"</title><script>{name}") for name in HOSTILE for _ in range(3)]
    whole = made(HOSTILE, numbers(15, 2), clips, module='./a"><script>$x_$.py', colours=("label", "group"))
    atlas.write(whole, tmp_path)
    drawn = figures.draw(whole, tmp_path)
    parsed = Page(page.write(whole, tmp_path).read_text())
    assert not {"script", "img", "b", "iframe", "object"} & {tag for tag, _ in parsed.tags}
    assert not [name for _, attributes in parsed.tags for name in attributes if name.startswith("on")]
    for name in HOSTILE:
        assert f"{name}.wav\nlabel: {name}\ngroup: </title><script>{name}" in parsed.titles
    assert 'a"><script>$x_$.py' in parsed.text and "a <b>note</b>" in parsed.text and "49" not in parsed.text
    for path in drawn:
        assert path.parent == tmp_path and path.stat().st_size
        if path.suffix == ".svg":
            assert not [each for each in ElementTree.parse(path).iter() if each.tag.endswith("script")]
    rows = list(csv.DictReader((tmp_path / "coordinates.csv").open()))
    assert rows[0]["label"] == HOSTILE[0] and json.loads((tmp_path / "map.json").read_text())["kind"] == "map"


def test_points_lie_where_the_method_puts_them():
    """Scaled alike in both directions, up is up, all within the picture; each names its clip."""
    points = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 5.0]])
    at = page.scale_to_square(points)
    assert at.min() >= 0 and at.max() <= page.SIDE
    assert at[1, 0] - at[0, 0] == pytest.approx(2 * (at[1, 1] - at[2, 1])) and at[2, 1] < at[1, 1]
    assert np.isfinite(page.scale_to_square(np.zeros((3, 2)))).all()
    whole = made(["a", "b"], points, clips_of("aab", group="g"))
    marks = page.clip_marks(whole, whole.spaces[0].maps[0], whole.colourings[0])
    by_title = {each["title"]: each for each in marks}
    assert by_title["2.wav\nlabel: b\ngroup: g"]["x"] == f"{at[2, 0]:.1f}" and len(by_title) == 3


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_many_classes_and_no_scripts(tmp_path, method):
    """Sixty classes: a legend entry each, a mark a clip as circle or path; nothing is fetched; only our files are linked."""
    names = [f"class {number}" for number in range(60)]
    whole = made(names, numbers(120, 2), clips_of(names * 2), method=method)
    parsed = Page(page.write(whole, tmp_path).read_text())
    tags = [tag for tag, _ in parsed.tags]
    assert tags.count("input") == 60 and len(parsed.titles) == 1 + 120  # the page's own, and one a mark
    assert tags.count("circle") == 2 * (7 + 4) + (7 + 4)  # the first and, again, the ninth shape; and their legend
    links = {attributes["href"] for tag, attributes in parsed.tags if tag == "a"}
    assert links == {"coordinates.csv", "map.json", f"{method}-m-label.svg"}
    assert not [attributes for _, attributes in parsed.tags if "src" in attributes or "style" in attributes]
    policy = next(attributes for tag, attributes in parsed.tags if "http-equiv" in attributes)["content"]
    assert policy.startswith("default-src 'none'") and "http" not in (tmp_path / "map.html").read_text().replace(
        "http-equiv", ""
    )


def test_a_page_has_an_end(tmp_path, monkeypatch):
    """Maps beyond what a browser bears are linked, not drawn."""
    monkeypatch.setattr(page, "MAX_POINTS", 20)
    whole = made(["a", "b"], numbers(15, 2), clips_of("aab" * 5))
    space = whole.spaces[0]
    parsed = Page(page.write(replace(whole, spaces=[space, replace(space, name="n")]), tmp_path).read_text())
    assert len(parsed.titles) == 1 + 15 and "Too much for one page: tsne-n-label.svg" in parsed.text


# The command --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three classes of twelve tones each, their pitch drawn."""
    folder, random = tmp_path_factory.mktemp("map") / "tones", np.random.default_rng(0)
    for frequency in (300, 700, 1500):
        (folder / f"tone{frequency}").mkdir(parents=True)
        for number in range(12):
            times = np.arange(4000) / 16000
            wave = 0.3 * np.sin(2 * np.pi * frequency * random.uniform(0.9, 1.1) * times)
            soundfile.write(folder / f"tone{frequency}" / f"{number}.wav", wave, 16000)
    return folder


@pytest.fixture
def hear_eval(run_command):  # noqa: F811
    """Runs `hear-eval map` under the test's folder: (exit code, stdout, stderr)."""
    return lambda *arguments: run_command("map", *arguments)


def test_a_task_is_mapped_end_to_end(hear_eval, data, tmp_path):
    """Page, figures, coordinates and settings; the same bytes again from the store; melodies of tones have neighbours."""
    arguments = ("hear_ssl.melspec", "--task", data, "--perplexity", 5, "--colour", "label", "--colour", "pitch")
    code, out, err = hear_eval(*arguments, "--json")
    assert code == 0, err
    document = json.loads(out)
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name == f"map-{document['run']}" and document == json.loads((folder / "map.json").read_text())
    pictures = {
        f"{m}-hear_ssl.melspec-{c}.{kind}"
        for m in ("tsne", "pca")
        for c in ("label", "pitch")
        for kind in ("svg", "png")
    }
    assert {path.name for path in folder.iterdir()} == {"map.html", "map.json", "coordinates.csv"} | pictures
    (space,) = document["spaces"]
    assert [each["method"] for each in space["maps"]] == ["tsne", "pca"]
    assert (
        space["agreement"]["label"] > 0.9 > 0.4 > document["by_chance"]["label"]
        and "pitch" not in document["by_chance"]
    )
    assert space["maps"][0]["facts"]["perplexity"] == 5 and space["maps"][0]["facts"]["kl_divergence"] > 0
    assert sum(space["maps"][1]["facts"]["explained_variance"]) <= 1 and document["options"]["seed"] == 0
    rows = list(csv.DictReader((folder / "coordinates.csv").open()))
    assert len(rows) == 2 * len(document["clips"]) and {row["clip"] for row in rows} == set(document["clips"])
    assert all(row["clip"].startswith(row["label"] + "/") for row in rows)
    with Image.open(folder / "tsne-hear_ssl.melspec-label.png") as image:
        assert image.width > 600 and len(image.convert("RGB").getcolors(1 << 20)) > 3
    kept = {name: (folder / name).read_bytes() for name in ("coordinates.csv", "pca-hear_ssl.melspec-label.svg")}
    code, out, _ = hear_eval(*arguments)
    assert code == 0 and "of 10 neighbours kept" in out and f"map-{document['run']}" in out
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert json.loads((folder / "map.json").read_text())["provenance"]["n_embedded"] == {"hear_ssl.melspec": 0}


def test_maps_of_other_clips_lie_beside_each_other(hear_eval, data, tmp_path):
    """A file less is another question: the first maps stay."""
    mine = tmp_path / "mine"
    shutil.copytree(data, mine)
    arguments = ("hear_ssl.melspec", "--task", mine, "--method", "pca", "--json")
    code, out, err = hear_eval(*arguments)
    assert code == 0, err
    (mine / "tone300" / "7.wav").unlink()
    code, again, _ = hear_eval(*arguments)
    runs = {json.loads(text)["run"]: len(json.loads(text)["clips"]) for text in (out, again)}
    assert code == 0 and sorted(runs.values()) == [35, 36]
    assert {path.name for path in (tmp_path / "results").iterdir()} == {f"map-{run}" for run in runs}


def test_layers_have_a_map_each(hear_eval, data, tmp_path):
    """A transformer's layers are spaces of their own, beside a module that has one layer only."""
    folder = tmp_path / "tiny"
    tiny_network("hubert").save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"do_normalize": false, "sampling_rate": 16000}')
    arguments = (
        f"hf:{folder}",
        "hear_ssl.melspec",
        "--task",
        data,
        "--layers",
        "all",
        "--method",
        "pca",
        "--clips",
        12,
    )
    code, out, err = hear_eval(*arguments, "--json")
    assert code == 0, err
    names = [(each["module"], each["layer"]) for each in json.loads(out)["spaces"]]
    assert names[0] == (f"hf:{folder}", "layer 0") and names[-1] == ("hear_ssl.melspec", "") and len(names) > 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--perplexity", "40", "--clips", "40"],
            "--perplexity 40: t-SNE of 40 clips takes 1 or more, and less than 40",
        ),
        (["--perplexity", "36"], "t-SNE of 36 clips takes 1 or more, and less than 36"),
        (["--perplexity", "0"], "--perplexity 0: t-SNE"),
        (["--perplexity", "nan"], "--perplexity nan: t-SNE"),
        (["--clips", "5"], "--clips 5: give 10 to 5000"),
        (["--method", "isomap"], "invalid choice: 'isomap'"),
        (["--colour", "group"], "no clip of tones has a group"),
        (["--layers", "weighted"], "nothing is trained here"),
        (["hear_ssl.melspec"], "hear_ssl.melspec is given twice"),
    ],
)
def test_mistakes_get_a_sentence(hear_eval, data, tmp_path, arguments, sentence):
    """And nothing is written."""
    code, out, err = hear_eval("hear_ssl.melspec", *arguments, "--task", data)
    assert code == 2 and sentence in err and "Traceback" not in err and not out
    assert not list((tmp_path / "results").glob("*"))


def test_umap_is_asked_for_only_by_name(monkeypatch):
    """Where its library is not installed, a sentence says how to get it; other methods do without."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    methods.refuse_unfit(["tsne", "pca"], 30, 100)
    with pytest.raises(UsageError, match="pip install umap-learn"):
        methods.refuse_unfit(["umap"], 30, 100)


def test_umap_is_the_same_for_a_seed():
    """Two maps of the same embeddings with its library, where that is installed."""
    pytest.importorskip("umap", exc_type=ImportError)
    rows = methods.centred(numbers(30, 5), "x")
    one, other = (methods.project("umap", rows, 30, 0) for _ in range(2))
    assert np.array_equal(one.points, other.points) and one.facts["n_neighbours"] == 15
