"""The figure of clip lengths is drawn, whole, from what was measured."""

import pytest

from evaluator import figure
from evaluator.errors import UsageError

LENGTHS = {"marmosets": [0.05, 0.127, 0.3], "watkins": [1.7, 2.0, 60.0, 0.0], "lone": [0.5], "empty": []}


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_a_figure_is_written_whole(tmp_path, suffix):
    """In the format of its suffix, the same bytes each time where the format allows, nothing left beside it."""
    figure.clip_lengths(LENGTHS, tmp_path / f"lengths{suffix}")
    start = (tmp_path / f"lengths{suffix}").read_bytes()[:300]
    assert {".svg": b"<svg" in start or b"<?xml" in start, ".png": b"PNG" in start, ".pdf": b"%PDF" in start}[suffix]
    assert len(list(tmp_path.iterdir())) == 1


def test_each_dataset_has_its_row(tmp_path):
    """Name, number of clips that have a length, and median; one without any is left out."""
    pytest.importorskip("matplotlib").rcParams["svg.fonttype"] = "none"
    figure.clip_lengths(LENGTHS, tmp_path / "lengths.svg")
    text = (tmp_path / "lengths.svg").read_text()
    assert "marmosets: 3 clips, median 0.127 s" in text and "watkins: 3 clips, median 2 s" in text
    assert "lone: 1 clip, median 0.5 s" in text and "empty" not in text and "25 ms" in text


@pytest.mark.parametrize(
    ("lengths", "name", "sentence"),
    [
        (LENGTHS, "a.gif", r"a figure is one of \.svg \.png \.pdf"),
        ({"a": []}, "a.svg", "nothing to draw"),
        (LENGTHS, "x/a.svg", "there is no folder"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, lengths, name, sentence):
    """And nothing is written."""
    with pytest.raises(UsageError, match=sentence):
        figure.clip_lengths(lengths, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_the_same_figure_is_the_same_bytes(tmp_path):
    """Names inside an SVG are drawn at random otherwise."""
    for name in ("a.svg", "b.svg"):
        figure.clip_lengths({"birds": [1.0, 2.0, 2.5]}, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("seconds", [[0.5, 0.75, 1.0], [0.02], [0.03, 0.031], [1.0], [0.01, 7200.0]])
def test_the_axis_of_lengths_has_numbers(seconds):
    """Two at least that can be seen, in seconds as people write them, whatever the clips last."""
    drawn = figure.lengths_figure({"birds": seconds})
    drawn.canvas.draw()
    axis = drawn.axes[-1].xaxis
    low, high = drawn.axes[-1].get_xlim()
    shown = [
        label.get_text()
        for label, at in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True)
        if low <= at <= high
    ]
    assert len(shown) >= 2 and all(low <= float(text) <= high for text in shown)
    assert not low > min(seconds) and not high < max(seconds)
