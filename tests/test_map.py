"""Maps: PCA is a singular value decomposition, neighbours are counted as a slow loop does, names stay text, files are whole."""

import base64
import csv
import io
import json
import math
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
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
from evaluator.mapping.page import MapSounds
from evaluator.mapping.scale import ColourScale
from evaluator.report import page as report_page
from evaluator.similarity.variables import Variable
from test_report import chromium  # noqa: F401  (a fixture)
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
    pitch = colouring.by_descriptor(Variable("pitch", "descriptor", np.array([math.log2(440), np.nan])))
    assert pitch.title == "pitch in Hz" and pitch.special.tolist() == ["", "not defined"] and not pitch.kinds
    assert (pitch.told(0), pitch.told(1), pitch.logarithmic) == ("440", "not defined", True)
    level = colouring.by_descriptor(Variable("level", "descriptor", np.array([-20.0, -3.0])))
    assert level.title == "level in dB" and level.numbers.tolist() == [-20, -3] and not level.logarithmic


def test_colours_go_from_the_2nd_to_the_98th_percentile():
    """Of 0 to 100 these are 2 and 98; what is beyond has the colours of the ends, and is counted."""
    numbers = np.append(np.arange(101.0), np.nan)[np.random.default_rng(0).permutation(102)]
    scale = ColourScale.of(numbers, False)
    assert (scale.low, scale.high, scale.n_below, scale.n_above) == (2, 98, 2, 2)
    assert scale.shares(np.array([-5, 0, 2, 50, 98, 1e6])).tolist() == [0, 0, 0, 0.5, 1, 1]
    assert np.isnan(scale.shares(np.array([np.nan]))[0])
    assert scale.colours(np.array([1e6, 98, np.nan])) == ["#fde725", "#fde725", ""]
    assert "2nd to the 98th percentile: 2 below and 2 above" in scale.told()


def test_a_logarithmic_scale_has_octaves_equally_far_apart():
    """Percentiles of powers of two by hand: exponents 0.2 and 9.8 of 0 to 10; 440 Hz is an octave below 880 Hz."""
    scale = ColourScale.of(2.0 ** np.arange(11), True)
    assert scale.low == pytest.approx(2**0.2) and scale.high == pytest.approx(2**9.8)
    shares = scale.shares(np.array([110.0, 220.0, 440.0]))
    assert shares[1] - shares[0] == pytest.approx(shares[2] - shares[1]) == pytest.approx(1 / 9.6)
    assert [tick.text for tick in ColourScale(50, 2500, True, 0, 0).ticks()] == [
        "50",
        "100",
        "200",
        "500",
        "1000",
        "2000",
    ]


@pytest.mark.parametrize("numbers", [[5.0, 5.0, 5.0], [np.nan, np.nan], [3.0], [1.0] * 99 + [7.0]])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_scale_of_few_numbers_is_one_too(numbers, logarithmic):
    """Equal numbers, none, one, and one among many: colours are defined where numbers are, and ticks are."""
    scale = ColourScale.of(np.array(numbers), logarithmic)
    shares = scale.shares(np.array(numbers))
    assert (np.isnan(shares) == np.isnan(numbers)).all() and scale.ticks()
    assert numbers[-1] != 7 or shares[-1] == 1 != shares[0]


def test_classes_have_contrast_on_both_grounds_and_are_as_in_the_style_sheet():
    """3 to 1 on white and on the dark page for all but ink; the page's colours are those of the figures."""
    css = (Path(report_page.__file__).parent / "assets" / "maps.css").read_text()
    listed = re.findall(r"\.m\.c(\d) \{ fill: (#\w+|var\(--ink\)); \}", css)
    assert listed == [(str(n), c if c != "#000000" else "var(--ink)") for n, c in enumerate(colouring.COLOURS)]

    def luminance(colour):
        parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    for colour in colouring.COLOURS[:-1]:
        for ground in ("#ffffff", "#111111"):
            low, high = sorted((luminance(colour), luminance(ground)))
            assert (high + 0.05) / (low + 0.05) >= 3, (colour, ground)


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
    """Start tags with their attributes, all text, and the rows of the clips' table as texts of their cells."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.rows, self.within = [], "", [], []
        self.feed(re.sub(r"<(script|style)>.*?</\1>", "", text, flags=re.DOTALL))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("wbr", "input", "meta", "link"):  # these have no end
            self.within.append(tag)
        if tag == "tr" and "data-clip" in dict(attributes):
            self.rows.append([])
        elif tag in ("th", "td") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        while self.within and self.within.pop() != tag:
            pass

    def handle_data(self, data):
        self.text += data
        if self.rows and self.rows[-1] and self.within and self.within[-1] in ("th", "td"):
            self.rows[-1][-1] += data

    def marks(self):
        """The marks of all maps."""
        return [attributes for tag, attributes in self.tags if tag == "use" and "data-clip" in attributes]


def written(atlas_, folder, sounds=None):
    """The page of an atlas, parsed."""
    return Page(page.write(atlas_, folder, sounds or MapSounds({})).read_text())


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
    clips = [
        Clip(f"{name}{number}.wav", (name,), group=f"</th><script>{name}") for name in HOSTILE for number in range(3)
    ]
    whole = made(HOSTILE, numbers(15, 2), clips, module='./a"><script>$x_$.py', colours=("label", "group"))
    atlas.write(whole, tmp_path)
    drawn = figures.draw(whole, tmp_path)
    parsed = written(whole, tmp_path)
    tags = {tag for tag, _ in parsed.tags}
    assert not {"script", "img", "iframe", "object"} & tags
    assert not [name for _, attributes in parsed.tags for name in attributes if name.startswith("on")]
    for name in HOSTILE:
        assert [f"{name}0.wav", name, f"</th><script>{name}"] in parsed.rows
    assert 'a"><script>$x_$.py' in parsed.text and "a <b>note</b>" in parsed.text and "49" not in parsed.text
    for path in drawn:
        assert path.parent == tmp_path and path.stat().st_size
        if path.suffix == ".svg":
            assert not [each for each in ElementTree.parse(path).iter() if each.tag.endswith("script")]
    rows = list(csv.DictReader((tmp_path / "coordinates.csv").open()))
    assert rows[0]["label"] == HOSTILE[0] and json.loads((tmp_path / "map.json").read_text())["kind"] == "map"


def test_points_lie_where_the_method_puts_them():
    """Scaled alike in both directions, up is up, the frame filled from margin to margin; each is its clip's."""
    points = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 5.0]])
    at, height = page.in_frame(points)
    assert at[:, 0].min() == page.MARGIN and at[:, 0].max() == page.WIDTH - page.MARGIN
    assert at[:, 1].min() == page.MARGIN and at[:, 1].max() == pytest.approx(height - page.MARGIN)
    assert at[1, 0] - at[0, 0] == pytest.approx(2 * (at[1, 1] - at[2, 1])) and at[2, 1] < at[1, 1]
    assert np.isfinite(page.in_frame(np.zeros((3, 2)))[0]).all()
    whole = made(["a", "b"], points, clips_of("aab", group="g"))
    marks = {each["clip"]: each for each in page.clip_marks(whole, at, whole.colourings[0])}
    assert marks[2]["x"] == f"{at[2, 0]:.1f}" and [marks[n]["look"] for n in range(3)] == ["0", "0", "1"]


def test_a_high_map_is_laid_on_its_side_unless_its_axes_mean_something():
    """By a quarter turn, which changes no distance."""
    points = numbers(12, 2) * [1, 9]
    high = made(["a"], points, clips_of("a" * 12)).spaces[0].maps[0]
    turned = figures.turned(high)
    assert np.ptp(turned[:, 0]) > np.ptp(turned[:, 1])
    assert np.allclose(
        np.linalg.norm(turned[:, None] - turned, axis=2), np.linalg.norm(points[:, None] - points, axis=2)
    )
    assert np.array_equal(figures.turned(replace(high, method="pca")), points)


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_many_classes(tmp_path, method):
    """Sixty classes: a legend entry each, a mark a clip in its colour and shape; nothing is fetched or linked."""
    names = [f"class {number}" for number in range(60)]
    whole = made(names, numbers(120, 2), clips_of(names * 2), method=method)
    parsed = written(whole, tmp_path)
    assert [tag for tag, _ in parsed.tags].count("input") == 60 and len(parsed.rows) == 120
    looks = {int(each["data-clip"]) % 60: (each["class"].split()[1], each["href"]) for each in parsed.marks()}
    assert len(parsed.marks()) == 120 and len(set(looks.values())) == 56
    assert looks[0] == looks[56] == ("c0", "#map-s0") and looks[8] == ("c1", "#map-s1")
    assert not [attributes for _, attributes in parsed.tags if {"src", "style"} & set(attributes)]
    text = (tmp_path / "map.html").read_text()
    policy = next(attributes for tag, attributes in parsed.tags if "http-equiv" in attributes)["content"]
    assert policy.startswith("default-src 'none'") and "https://" not in re.sub(
        r"<script>.*?</script>", "", text, flags=re.DOTALL
    )


def test_a_page_has_an_end(tmp_path, monkeypatch):
    """Maps beyond what a browser bears are not drawn, and that is said."""
    monkeypatch.setattr(page, "MAX_POINTS", 20)
    whole = made(["a", "b"], numbers(15, 2), clips_of("aab" * 5))
    space = whole.spaces[0]
    parsed = written(replace(whole, spaces=[space, replace(space, name="n")]), tmp_path)
    assert len(parsed.marks()) == 15 and parsed.text.count("Too much for one page") == 1


def test_maps_are_read_back(tmp_path):
    """With their points, colours and clips; a file that is gone, of another version or of other clips is a sentence."""
    names = ["a", "b"]
    whole = made(names, numbers(9, 2), clips_of("aababbaba", group="g"), colours=("label", "group"))
    numbered = colouring.by_descriptor(Variable("pitch", "descriptor", np.array([7.0, np.nan, *range(5, 12)])))
    whole = replace(
        whole, colourings=[*whole.colourings, numbered], heard={"data": "x", "channel": "mix", "expand": None}
    )
    atlas.write(whole, tmp_path)
    again = atlas.read(tmp_path)
    assert np.array_equal(again.spaces[0].maps[0].points, whole.spaces[0].maps[0].points)
    assert [clip.name for clip in again.clips] == [clip.name for clip in whole.clips] and again.run == whole.run
    assert written(again, tmp_path).tags == written(whole, tmp_path).tags and again.heard == whole.heard
    np.testing.assert_array_equal(again.colourings[2].numbers, numbered.numbers)
    lines = (tmp_path / "coordinates.csv").read_text().splitlines()
    (tmp_path / "coordinates.csv").write_text("\n".join(lines[:-1]))
    with pytest.raises(EvaluationError, match="does not fit coordinates.csv"):
        atlas.read(tmp_path)
    (tmp_path / "map.json").write_text('{"schema_version": 1, "kind": "map"}')
    with pytest.raises(EvaluationError, match=r"it says 1\); make it again with hear-eval map"):
        atlas.read(tmp_path)
    with pytest.raises(EvaluationError, match="no map can be read there"):
        atlas.read(tmp_path / "gone")


def test_sounds_are_bounded_and_those_of_the_clips(tmp_path):
    """As many as fit, of clips drawn from all; why others cannot be heard is a sentence."""
    for number in range(12):
        soundfile.write(tmp_path / f"{number}.wav", numbers(4000, seed=number) / 10, 16000)
    whole = replace(made(["a"], numbers(12, 2), clips_of("a" * 12)), heard={"data": str(tmp_path)})
    every = page.sounds_of(whole)
    assert set(every.audio) == {f"{number}.wav" for number in range(12)} and not every.missing
    decoded, rate = soundfile.read(io.BytesIO(base64.b64decode(every.audio["3.wav"].partition(",")[2])))
    assert rate == 16000 and np.allclose(decoded, numbers(4000, seed=3) / 10, atol=1e-4)
    some = page.sounds_of(whole, n_bytes=3 * max(map(len, every.audio.values())))
    assert (
        len(some.audio) == 3
        and len(page.sounds_of(whole, n_max=2).audio) == 2
        and not page.sounds_of(whole, n_max=0).audio
    )
    gone = page.sounds_of(replace(whole, heard={"data": str(tmp_path / "gone")}))
    assert not gone.audio and "cannot be heard, the first because" in gone.missing
    (tmp_path / "data").mkdir()
    assert len(page.sounds_of(replace(whole, heard={}), tmp_path).audio) == 12
    assert [
        attributes["data-audio"][:15]
        for tag, attributes in written(whole, tmp_path, some).tags
        if "data-audio" in attributes
    ] == ["data:audio/flac"] * 3


def test_a_map_is_played_hidden_and_walked_through(tmp_path, chromium):  # noqa: F811
    """In a browser: a click plays the clip, arrows go to the next mark, colours change; nothing is fetched, the console is silent."""
    for number in range(9):
        soundfile.write(tmp_path / f"{number}.wav", numbers(8000, seed=number) / 10, 16000)
    points = np.array([[x, y] for y in (2.0, 1.0, 0.0) for x in range(3)])  # 0 1 2 / 3 4 5 / 6 7 8
    whole = made(["a", "b"], points, clips_of("aabbabbab"), method="pca")
    pitch = colouring.by_descriptor(Variable("pitch", "descriptor", np.array([np.nan, *np.linspace(6, 9, 8)])))
    whole = replace(whole, colourings=[*whole.colourings, pitch], heard={"data": str(tmp_path)})
    for width in (1400, 390):
        shown = chromium.new_page(viewport={"width": width, "height": 844})
        requests, messages = [], []
        shown.on("request", lambda request, all_=requests: all_.append(request.url))
        shown.on("console", lambda message, all_=messages: all_.append(message.text))
        shown.on("pageerror", lambda error, all_=messages: all_.append(str(error)))
        shown.goto(page.write(whole, tmp_path).as_uri())
        drawing = shown.locator(".sheet-map").first
        box = drawing.bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] < 844  # all of it on the first screen
        assert box["x"] + box["width"] <= width == shown.evaluate("document.documentElement.scrollWidth")
        shown.locator('.sheet-map .m[data-clip="4"]').click()
        assert "4.wav · label: a" in shown.locator(".clip-now").inner_text()
        player = shown.locator(".clip-now audio")
        assert player.evaluate(
            "(each) => each.readyState > 0 || new Promise((known) => (each.onloadedmetadata = () => known(true)))"
        )
        assert player.evaluate("(each) => each.duration") == pytest.approx(0.5, abs=0.01)
        drawing.focus()
        for key, clip in (("ArrowRight", 5), ("ArrowUp", 2), ("ArrowLeft", 1), ("ArrowDown", 4), ("ArrowDown", 7)):
            shown.keyboard.press(key)
            assert f"{clip}.wav" in shown.locator(".clip-now").inner_text()
        shown.locator('.sheet-map .m[data-clip="3"]').hover()
        assert shown.locator(".tip").inner_text().splitlines() == ["3.wav", "label: b", "pitch in Hz: 115.9"]
        assert shown.locator(".sheet-map .m.c1").count() == 5
        shown.get_by_label("b 5").uncheck()
        assert shown.locator(".sheet-map .m:visible").count() == 4
        shown.get_by_role("radio", name="pitch in Hz").check()
        assert shown.locator(".sheet-map .m:visible").count() == 9 and shown.locator(".sheet-map .m.cn").count() == 1
        assert shown.locator('.sheet-map .m[data-clip="8"]').get_attribute("fill") == "#fde725"
        assert messages == [] and [url for url in requests if not url.startswith("data:")] == [
            (tmp_path / "map.html").as_uri()
        ]
        shown.close()


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
    assert names[0] == ("hf:./tiny", "layer 0") and names[-1] == ("hear_ssl.melspec", "") and len(names) > 2


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
