"""The report's figures show what they say, whatever classes and modules are called, and are at home on any page."""

import time
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, recall_score

from evaluator.report import charts, curves, drawing, figures, lanes, per_class, per_group, themed
from evaluator.results.result import CurvePoint
from test_results import result

HOSTILE = ["<script>alert(1)</script>", "$x$ ]]> &amp;", '"><img onerror=x>\x00\x1b', "_hidden\n日本 \ud800"]


def random_result(n_classes, n_clips=60, seed=0, single=True, **changes):
    """A result of one fold and two trainings, drawn at random; the last class has no clip."""
    random = np.random.default_rng(seed)
    labels = random.integers(n_classes - 1, size=n_clips)
    targets = np.eye(n_classes, dtype=np.float32)[labels]
    if not single:
        targets = np.maximum(targets, np.roll(targets, 7, axis=0))
    probabilities = random.random((2, n_clips, n_classes)) + targets * random.random((2, n_clips, 1))
    confusion = np.zeros((n_classes, n_classes), dtype=int)
    for each in probabilities.argmax(axis=2):
        np.add.at(confusion, (labels, each), 1)
    fields = {
        "classes": [f"class {number}" for number in range(n_classes)],
        "confusion": confusion.tolist() if single else None,
        "metric": "accuracy" if single else "map",
        "folds": result().folds[:1],
        "test_clips": [[f"{number}.wav" for number in range(n_clips)]],
        "test_groups": [[f"bird {number % 3}" for number in range(n_clips)]],
        "test_seconds": [random.uniform(0.5, 4, n_clips)],
        "test_targets": [targets],
        "test_probabilities": [probabilities / 2],
        "test_events": [],
    }
    return result(**{**fields, **changes})


def curve(*scores, **changes):
    """A result with one point for each layer, and intervals of 0.1 to both sides."""
    points = [layer_point(n, score) for n, score in enumerate(scores)]
    return random_result(3, curve=points, **changes)


def layer_point(layer, score):
    """A point that is known by its fields: its name and what its features are called tell nothing."""
    return CurvePoint("any name", score, score - 0.1, score + 0.1, None, None, f"level {layer}", layer)


def folds(*points):
    """Folds whose scores are of these points of the curve."""
    return [replace(result().folds[0], point=point) for point in points]


def every_figure(results, titles):
    """One of each kind."""
    first = results[0]
    scores = [each.score for each in results]
    return [
        curves.layer_curves(titles, results),
        figures.scores(titles, scores, scores, scores, "accuracy"),
        figures.confusion(first, True),
        figures.confusion(first, False),
        figures.recalls(titles, results),
        figures.by_group(titles, results),
        figures.lengths(first),
    ]


def hostile():
    """Results whose every name is an attack, and what they are called."""
    points = [CurvePoint(name, 0.5, 0.4, 0.6, None, None, name) for name in HOSTILE]
    one = random_result(4, classes=HOSTILE, task=HOSTILE[0], dataset=HOSTILE[1], module=HOSTILE[2], curve=points)
    return [replace(one, test_groups=[[HOSTILE[n % 4] for n in range(60)]])] * 4, HOSTILE


def texts(svg):
    """What can be read in an SVG."""
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.text]


def test_hostile_names_stay_text():
    """Of classes, groups, layers, modules, tasks: nothing is run, typeset as mathematics, left out or ill-formed."""
    for figure in every_figure(*hostile()):
        svg = themed.inline(figure, HOSTILE[0])
        assert "<script" not in svg and "<img" not in svg and "onerror" not in svg.replace("onerror=x&gt;", "")
        assert ElementTree.fromstring(svg).get("aria-label") == HOSTILE[0]
        svg.encode()
    read = texts(themed.inline(figures.recalls(HOSTILE, hostile()[0]), ""))
    assert sum("$x$ ]]> &amp;" in text for text in read) == 2  # a class and a module
    assert any("<script>" in text for text in read) and sum("_hidden 日本" in text for text in read) == 2


def test_a_figure_asks_for_nothing_and_leaves_the_page_alone():
    """No address but the name of SVG, no style, no metadata; every reference is to itself or to data."""
    for figure in every_figure([curve(0.3, 0.5), curve(0.4, 0.6)], ["one", "two"]):
        svg = themed.inline(figure, "what it is")
        assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"') and svg.count("http") == 1
        assert "<style" not in svg and "style=" not in svg and "<metadata" not in svg and "DOCTYPE" not in svg
        root = ElementTree.fromstring(svg)
        own = {element.get("id") for element in root.iter()}
        for element in root.iter():
            for name, value in element.attrib.items():
                if name == "href":
                    assert value.startswith("data:image/png;base64,") or value[1:] in own
                elif value.startswith("url("):
                    assert value[5:-1] in own
        assert root.get("role") == "img" and len(root.get("viewBox").split()) == 4


def test_ink_is_the_pages():
    """Words and axes have the colour of the page's text, the ground is clear, and no font is asked for."""
    svg = themed.inline(figures.confusion(random_result(5), True), "")
    assert "#000000" not in svg and "#ffffff" not in svg and "font-family" not in svg and 'fill="currentColor"' in svg
    assert not [
        text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text") if text.get("fill")
    ]


def test_figures_of_one_page_share_no_identifier():
    """Not even two that are drawn alike; the same figure twice is the same text."""
    results = [curve(0.3, 0.5)]
    svgs = [themed.inline(curves.layer_curves(["one"], results), label) for label in ("a", "b", "a")]
    ids = [
        {element.get("id") for element in ElementTree.fromstring(svg).iter() if element.get("id")} for svg in svgs[:2]
    ]
    assert ids[0] and not ids[0] & ids[1]
    assert svgs[0] == svgs[2]


def test_colours_can_be_seen_on_white_and_on_black():
    """A contrast of 3 or more (WCAG 2.2, 1.4.11) to both grounds."""

    def luminance(colour):
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in drawing.COLOURS:
        assert (
            1.05 / (luminance(colour) + 0.05) >= 3 and (luminance(colour) + 0.05) / (luminance("#111111") + 0.05) >= 3
        )
    assert len({drawing.look_of(number) for number in range(drawing.MAX_MODULES)}) == drawing.MAX_MODULES
    assert len({drawing.look_of(number)[1] for number in range(drawing.MAX_MODULES)}) == drawing.MAX_MODULES
    assert (
        len({lanes.key(number) for number in range(drawing.MAX_MODULES)}) == drawing.MAX_MODULES == len({*lanes.SHAPES})
    )


def test_a_curve_is_drawn_where_its_layers_are():
    """Scores in % at the layers' numbers whatever their order, the interval around them, a ring at the chosen layer."""
    one = curve(0.2, 0.6, 0.5, folds=folds(2))
    one = replace(one, curve=[one.curve[2], one.curve[0], one.curve[1]])
    axes = curves.layer_curves(["one"], [one]).axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[0, 20], [1, 60], [2, 50]]
    assert axes.lines[1].get_xydata().tolist() == [[1, 60]]
    band = axes.collections[0].get_paths()[0].get_extents()
    np.testing.assert_allclose([band.y0, band.y1], [10, 70])
    assert axes.get_ylabel() == "accuracy (%)"


def test_the_layers_that_folds_chose_are_ringed():
    """Each of them, where folds chose for themselves."""
    axes = curves.layer_curves(["one"], [curve(0.2, 0.6, 0.5, folds=folds(0, 2, 2))]).axes[0]
    assert [line.get_xdata().tolist() for line in axes.lines if len(line.get_xdata()) == 1] == [[0], [2]]


def test_modules_of_one_layer_have_no_curve_and_a_crowd_is_told():
    """None where nothing is to draw; of 14 modules 12 are drawn, and the title says so."""
    assert curves.layer_curves(["a"], [random_result(3)]) is None and curves.layer_curves([], []) is None
    figure = curves.layer_curves([str(n) for n in range(14)], [curve(0.1, 0.2)] * 14)
    assert figure.get_suptitle() == "demo/calls, arch (clean)\naccuracy by layer, 12 of 14 modules"


def test_layers_come_before_other_features():
    """Layers at their numbers, others after the last in their order."""
    others = [CurvePoint(name, 0.5, 0.4, 0.6, None, None, name) for name in ("layer 7", "scene")]
    points = [others[0], layer_point(2, 0.5), layer_point(0, 0.5), others[1]]
    assert curves._positions(points) == {"level 2": 2, "level 0": 0, "layer 7": 3, "scene": 4}
    one = random_result(3, curve=points, folds=folds(1))
    axes = curves.layer_curves(["one"], [one]).axes[0]
    ticks = dict(zip(axes.get_xticks(), [text.get_text() for text in axes.get_xticklabels()], strict=True))
    assert ticks == {0: "0", 2: "2", 3: "layer 7", 4: "scene"}


def shots_result(*layers):
    """A result of two classifiers over 1, 5 and 20 shots of each layer; the score is of 5 shots of the first, centroid."""
    points = [
        CurvePoint("any name", 0, 0, 0, None, 0.01, "" if layer is None else f"features {layer}", layer, n_shots, head)
        for layer in layers or (None,)
        for n_shots in (1, 5, 20)
        for head in ("centroid", "logistic")
    ]
    values = [n / 10 for n in range(len(points))]
    points = [
        replace(point, score=value, ci_low=value - 0.05, ci_high=value + 0.05)
        for point, value in zip(points, values, strict=True)
    ]
    return random_result(3, curve=points, folds=folds(2))


def test_few_shots_are_a_curve_a_classifier():
    """Over 1, 5 and 20 on a logarithmic axis, the score ringed; they are no layers, and layers are no shots."""
    one = shots_result()
    figure = curves.shot_curves(["one"], [one])
    axes = figure.axes[0]
    assert axes.get_xscale() == "log" and [text.get_text() for text in axes.get_xticklabels()] == ["1", "5", "20"]
    lines = [line.get_xydata() for line in axes.lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(lines, [[[1, 0], [5, 20], [20, 40]], [[1, 10], [5, 30], [20, 50]]])
    assert [line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 1] == [[[5, 20]]]
    assert lines[0] is not lines[1] and axes.lines[0].get_linestyle() != axes.lines[2].get_linestyle()
    assert curves.layer_curves(["one"], [one]) is None
    assert curves.shot_curves(["one"], [curve(0.1, 0.2)]) is None and curves.shot_curves([], []) is None


def test_layers_of_few_shots_are_those_of_the_score():
    """Of two layers with shots, the layer curve has the score's shots, and the curve of shots the score's layer."""
    one = shots_result(1, 0)
    assert curves.layer_curves(["a"], [one]).axes[0].lines[0].get_xydata().tolist() == [[0, 80], [1, 20]]
    assert curves.shot_curves(["a"], [one]).axes[0].lines[0].get_ydata().tolist() == [0, 20, 40]
    assert curves.are_layers([one]) and not curves.are_layers([replace(shots_result(1, None), module="b")])


def test_a_score_that_is_no_point_of_the_curve_is_a_line():
    """Where folds chose differently: dotted at the score, and how many folds chose each layer; else nothing of it."""
    one = curve(0.2, 0.6, 0.5, folds=folds(0, 2, 2), score=0.4)
    axes = curves.layer_curves(["one"], [one]).axes[0]
    dotted = [line for line in axes.lines if line.get_linestyle() == ":" and len(line.get_ydata())]
    assert [list(line.get_ydata()) for line in dotted] == [[40, 40]]
    rings = {line.get_xdata()[0]: line.get_markersize() for line in axes.lines if len(line.get_xdata()) == 1}
    assert sorted(rings) == [0, 2] and rings[2] > rings[0]  # two folds and one
    assert curves.chosen_in_words(["one"], [one]) == "Folds chose differently: one: level 2 in 2, level 0 in 1."
    agreed = curve(0.2, 0.6, folds=folds(1))
    words = [text.get_text() for text in curves.layer_curves(["one"], [agreed]).legends[0].get_texts()]
    assert "dotted" not in str(words) and curves.chosen_in_words(["one"], [agreed]) == ""


def test_a_module_has_one_colour_on_the_whole_page():
    """Its number decides in every figure, whatever its place there, and in the charts' lanes."""
    results, numbers = [curve(0.3, 0.5), curve(0.4, 0.6)], [4, 1]
    for figure in (
        figures.scores(["a", "b"], [0.5, 0.4], [0.4, 0.3], [0.6, 0.5], "accuracy", numbers),
        figures.recalls(["a", "b"], results, numbers),
        curves.layer_curves(["a", "b"], results, numbers),
    ):
        colours = [line.get_color() for line in figure.axes[0].lines if line.get_color().startswith("#")]
        assert colours[0] == drawing.COLOURS[4] and set(colours) == {drawing.COLOURS[4], drawing.COLOURS[1]}
    chart = charts.class_chart(["a", "b"], results, numbers)
    assert all(row.lane.index(drawing.COLOURS[4]) < row.lane.index(drawing.COLOURS[1]) for row in chart.rows[:2])


def test_layers_are_drawn_for_a_desk_and_for_a_phone():
    """As wide as the column of each, with words of 9 points (12 pixels) at least."""
    for width, pixels in ((drawing.WIDTH, 1136), (drawing.PHONE, 363)):
        figure = curves.layer_curves(["one"], [curve(0.3, 0.5)], width=width)
        assert float(ElementTree.fromstring(themed.inline(figure, "")).get("width")) == pytest.approx(pixels, abs=10)
        figure.draw_without_rendering()
        sizes = [
            text.get_fontsize()
            for text in figure.findobj(match=lambda each: hasattr(each, "get_fontsize"))
            if text.get_text()
        ]
        assert min(sizes) >= 9


def test_what_is_fine_tuned_is_dashed_and_said():
    """Each module keeps its colour; the pre-trained one is drawn through."""
    base, tuned = curve(0.3, 0.5, module="base"), curve(0.4, 0.6, module="tuned")
    figure = curves.layer_curves(["base", "tuned"], [base, tuned], [3, 1], fine_tuned={"tuned": "base"})
    lines = {line.get_color(): line.get_linestyle() for line in figure.axes[0].lines if len(line.get_xdata()) == 2}
    assert lines == {drawing.COLOURS[3]: "-", drawing.COLOURS[1]: "--"}
    assert "tuned, fine-tuned from base" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_lanes_say_where_a_score_lies():
    """Marks and intervals stand at their share of the scale, whatever the width; a name in a tooltip stays text."""
    scale = lanes.LaneScale(0, 100, (0, 50, 100))
    svg = lanes.lane(
        [lanes.Mark(50, 25, 75, 0, HOSTILE[0]), lanes.Mark(float("nan"), 0, 1, 1, "b")], scale, HOSTILE[2][:20]
    )
    root = ElementTree.fromstring(svg)
    (use,) = root.iter("use")
    assert (use.get("x"), use.get("href")) == ("50.00%", "#mark-0")
    (line,) = [each for each in root.iter("line") if each.get("stroke")]
    assert (line.get("x1"), line.get("x2")) == ("26.50%", "73.50%")  # 3 % are left at both ends
    assert root.find("g/title").text == HOSTILE[0] and "<script" not in svg
    made = lanes.scale_of_marks([lanes.Mark(71, 64.2, 78.9, 0, "")], (0, 100))
    assert made.low < 64.2 < 78.9 < made.high and made.ticks == (65, 70, 75)
    assert lanes.scale_of_marks([lanes.Mark(100, 90, 100, 0, "")], (0, 100)).high == 100


def test_recalls_have_the_interval_of_a_share_of_clips():
    """Of clips that are all independent, close to Wilson's interval for 18 of 25; none where a class has too few clips."""
    right = np.arange(60) % 25 < 18
    labels = np.repeat([0, 1, 2], [25, 32, 3])
    targets = np.eye(3, dtype=np.float32)[labels]
    said = np.where(right, labels, (labels + 1) % 3)
    confusion = np.zeros((3, 3), dtype=int)
    np.add.at(confusion, (labels, said), 1)
    one = random_result(
        3, test_targets=[targets], test_probabilities=[np.eye(3)[said][None]], confusion=confusion.tolist(),
        test_groups=[[""] * 60],
    )  # fmt: skip
    found = per_class.class_intervals(one, np.arange(3))
    p, n, z = 18 / 25, 25, 1.96
    middle, half = (
        (p + z * z / (2 * n)) / (1 + z * z / n),
        z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n),
    )
    assert found[0] == pytest.approx((middle - half, middle + half), abs=0.03) and sorted(found) == [0, 1]


def test_halves_are_rounded_up():
    """52.5 % of a class is 53, as people round, and 2.5 % is 3."""
    share = figures.confusion(random_result(2, confusion=[[21, 19], [1, 39]]), True).axes[0]
    assert [text.get_text() for text in share.texts] == ["53", "48", "3", "98"]


def test_groups_of_a_few_clips_are_not_scored():
    """Of four clips or fewer a score is luck: they are counted, and left out."""
    names = ["big"] * 28 + ["large"] * 28 + ["tiny"] * 4
    one = random_result(3, test_groups=[names])
    assert list(per_group.large_group_scores(one)) == ["big", "large"] and per_group.n_small_groups(one) == 1
    assert not per_group.large_group_scores(random_result(3, test_groups=[[str(n // 4) for n in range(60)]]))


def test_scores_are_dots_on_their_intervals():
    """In the metric's unit, the first at the top; a d' is not a percentage."""
    axes = figures.scores(["a", "b"], [1.5, 0.5], [1.0, 0.25], [2.0, 0.75], "d_prime").axes[0]
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[1.5, 0]], [[0.5, 1]]] and axes.yaxis_inverted()
    assert [segment[:, 0].tolist() for segment in axes.collections[0].get_segments()] == [[1, 2], [0.25, 0.75]]
    assert figures.scores([], [], [], [], "map") is None
    assert figures.scores(["a"], [float("nan")], [0.1], [0.2], "map") is None


def test_a_confusion_matrix_shows_shares_counts_and_empty_classes():
    """Rows add up to 100 %; counts are as they are; the class without a clip is hatched."""
    one = random_result(3, confusion=[[6, 2, 0], [1, 3, 0], [0, 0, 0]])
    share, count = (figures.confusion(one, normalised).axes[0] for normalised in (True, False))
    assert share.images[0].get_array().filled(0).tolist() == [[75, 25, 0], [25, 75, 0], [0, 0, 0]]
    assert count.images[0].get_array().filled(0).tolist() == [[6, 2, 0], [1, 3, 0], [0, 0, 0]]
    assert [text.get_text() for text in share.texts] == ["75", "25", "25", "75"]
    assert [patch.get_hatch() for patch in share.patches] == ["////"] and share.patches[0].get_extents().height > 0
    assert figures.confusion(random_result(3, single=False), True) is None


@pytest.mark.parametrize("n_classes", [2, 15, 60, 61, 300])
def test_many_classes_are_drawn_in_time(n_classes):
    """By name up to 60, by number beyond, in less than 5 s of processor time and 200 KB."""
    one = random_result(n_classes, 900)
    start = time.process_time()
    figure = figures.confusion(one, True)
    svg = themed.inline(figure, "confusion")
    assert time.process_time() - start < 5 and len(svg) < 200_000
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == one.classes if n_classes <= 60 else labels[:2] == ["1", "10" if n_classes < 150 else "20"]
    assert len(themed.inline(figures.recalls(["a"], [one]), "recalls")) < 200_000


def test_recall_is_scikit_learns():
    """Over folds and trainings together; None for the class without a clip."""
    one, other = random_result(4, seed=1), random_result(4, seed=2)
    head, rows = per_class.class_rows(["one", "other"], [one, replace(other, test_targets=one.test_targets)])
    assert head == ["number", "class", "clips", "one", "other"] and [row[0] for row in rows] == [1, 2, 3, 4]
    true = np.tile(one.test_targets[0].argmax(axis=1), 2)
    expected = recall_score(true, one.test_probabilities[0].argmax(axis=2).ravel(), labels=[0, 1, 2], average=None)
    assert [row[3] for row in rows] == [*(100 * expected).round(1).tolist(), None]
    assert [row[2] for row in rows] == np.bincount(true[:60], minlength=4).tolist()


def test_clips_with_several_labels_have_average_precisions():
    """Scikit-learn's, mean over trainings."""
    one = random_result(4, single=False)
    expected = [
        np.mean([average_precision_score(one.test_targets[0][:, n], each[:, n]) for each in one.test_probabilities[0]])
        for n in range(3)
    ]
    assert [row[3] for row in per_class.class_rows(["a"], [one])[1]] == [
        *np.round(np.multiply(100, expected), 1),
        None,
    ]
    assert "average precision" in figures.recalls(["a"], [one]).axes[0].get_xlabel()


def test_groups_are_scored_by_themselves():
    """Accuracy of each group, mean over trainings; clips without a group are left out."""
    one = random_result(3)
    one.test_groups[0][:6] = [""] * 6
    head, rows = per_group.group_rows(["a"], [one])
    assert head == ["group", "clips", "a"] and [row[:2] for row in rows] == [[f"bird {n}", 18] for n in range(3)]
    true = one.test_targets[0].argmax(axis=1)
    for n, row in enumerate(rows):
        own = np.arange(6 + (n - 6) % 3, 60, 3)
        each = [accuracy_score(true[own], each_time[own].argmax(axis=1)) for each_time in one.test_probabilities[0]]
        assert row[2] == pytest.approx(100 * np.mean(each), abs=0.051)
    values = [row[2] for row in rows]
    ((title, n_groups, lowest, median, highest, deviation),) = per_group.group_summary_rows(["a"], [one])[1]
    assert (title, n_groups, lowest, median, highest) == ("a", 3, min(values), sorted(values)[1], max(values))
    assert deviation == pytest.approx(np.std(values, ddof=1), abs=0.1)


def test_groups_are_drawn_one_by_one_or_as_a_spread():
    """None for fewer than two; a row each up to 40; a box a module beyond."""
    assert figures.by_group(["a"], [random_result(3, test_groups=[["x"] * 60])]) is None
    assert figures.by_group(["a"], [random_result(3, test_groups=[[""] * 60])]) is None
    few = figures.by_group(["a"], [random_result(3)]).axes[0]
    assert [text.get_text() for text in few.get_yticklabels()] == [f"bird {n} (20)" for n in range(3)]
    many = figures.by_group(
        ["a", "b"], [random_result(3, test_groups=[[str(n // 5) for n in range(300)]], n_clips=300)] * 2
    ).axes[0]
    assert [text.get_text() for text in many.get_yticklabels()] == ["a", "b"]


def test_lengths_count_each_clip_once():
    """A clip that is tested in two folds is one clip."""
    seconds = np.array([0.5, 1.25])
    twice = result(test_clips=[["x.wav", "y.wav"]] * 2, test_seconds=[seconds] * 2)
    assert figures.lengths(twice).axes[0].get_title(loc="left") == "calls: 2 clips, median 0.875 s"
    assert figures.lengths(result(test_seconds=[np.zeros(2)] * 2)) is None


def test_events_have_groups_but_no_recalls():
    """Tallies of files (reference; found, matched) have no classes; F = 2 matched / (reference + found) of each group."""
    tallies = {
        "metric": "event_onset_200ms_fms",
        "confusion": None,
        "folds": result().folds[:1],
        "test_clips": [["x.wav", "y.wav", "z.wav"]],
        "test_groups": [["a", "b", "b"]],
        "test_targets": [np.array([[2.0], [2.0], [1.0]])],
        "test_probabilities": [np.array([[[2.0, 2.0], [0.0, 0.0], [4.0, 1.0]]])],
    }
    one = result(**tallies)
    assert per_class.class_rows(["one"], [one])[1] == [] and figures.recalls(["one"], [one]) is None
    assert per_group.group_rows(["one"], [one])[1] == [["a", 1, 100.0], ["b", 2, round(100 * 2 / 7, 1)]]
    assert "F-measure of events (onsets within 200 ms)" in figures.by_group(["one"], [one]).axes[0].get_xlabel()


def test_names_are_shortened_in_the_middle():
    """To one line, without controls and changes of direction."""
    assert drawing.shortened("a" * 30 + "b" * 30, 11) == "aaaaa…bbbbb"
    assert drawing.shortened("x\n\u202ey\x00") == "x y "
