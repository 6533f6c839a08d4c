"""Layers by their numbers, one or several, and their scores below each other on a terminal."""

import dataclasses

import numpy as np
import pytest

from evaluator.cli import main
from evaluator.commands._curves import curve_lines
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment.embed_files import checked_layers
from evaluator.experiment.sample import SampleOptions, resolve_layers
from evaluator.probes import features
from evaluator.results.result import CurvePoint
from test_results import result


@pytest.mark.parametrize(
    ("given", "meant"),
    [("6", "6"), ("012", "12"), ("1,6,12", "1,6,12"), ("0,1,2,3,4", "0-4"), ("4, 0-3,4", "0-4"), ("1,0", "0,1")],
)
def test_equal_layers_are_written_alike(given, meant):
    """So that a result is found again, whichever way its layers were asked for."""
    assert features.parse(given) == meant


@pytest.mark.parametrize("given", ["3-1", "1,", "-1", "1;2", "0-9999", "١"])
def test_other_texts_are_no_layers(given):
    with pytest.raises(UsageError, match=r"give scene, all, .* or --layers 0-4"):
        features.parse(given)


class Layers:
    """A store of two clips whose layers are 2 wide and hold their own number."""

    def read_layers(self, keys, view):
        return np.tile(np.arange(4, dtype=np.float32)[:, None, None], (1, len(keys), 2))


def test_several_numbers_are_each_a_layer_by_itself():
    """With the number that it has in the module, and refused by name where the module has fewer."""
    matrices, candidates = features.read(Layers(), ["a", "b"], "0,2-3", "mean")
    assert [(each.name, each.layer) for each in candidates] == [("layer 0", 0), ("layer 2", 2), ("layer 3", 3)]
    for each in candidates:
        (place,) = each.features
        assert (matrices[place].take(np.array([1])) == each.layer).all()
    with pytest.raises(UsageError, match="m has layers 0 to 3"):
        features.refuse_plain("1,4", {"n_layers": 4, "extension": True}, "m")
    with pytest.raises(UsageError, match="give one layer, or all"):  # its table would not tell which is which
        checked_layers("0,2")


def test_what_is_said_of_layers_is_what_is_taken(tmp_path, capsys):
    """Several numbers where a command takes several, one where it takes one."""
    options = SampleOptions(None, tmp_path, 100, "weighted")
    with pytest.raises(UsageError, match="nothing is trained here; give scene, all, last, mean, or numbers, .* 0-4"):
        resolve_layers([ModuleSpec("a"), ModuleSpec("b")], options)
    assert resolve_layers([ModuleSpec("a")], dataclasses.replace(options, layers="0-4")) == "0-4"
    with pytest.raises(UsageError, match="nothing is trained here; take .* or one number$"):
        checked_layers("weighted")
    for command, said in (
        ("similarity", "or several (1,6,12 or 0-4)"),
        ("map", "or several (1,6,12 or 0-4)"),
        ("embed", "or one number"),
    ):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert said in " ".join(capsys.readouterr().out.split())


def with_curve(**fields):
    """A result of two folds that chose layers 2 and 0."""
    points = [CurvePoint(f"layer {n}", 0.5 + n / 10, 0.3, 0.9, None, None, f"layer {n}", n) for n in range(3)]
    fold = result().folds[0]
    folds = [dataclasses.replace(fold, point=n) for n in (2, 0)]
    return result(curve=points, folds=folds, metric="accuracy", **fields)


def test_each_layer_has_a_line(monkeypatch):
    """Score, interval and a mark where the score is of it; on a narrow terminal without the lane."""
    monkeypatch.setenv("COLUMNS", "100")
    title, *rows, ends = [line for each in curve_lines([with_curve()]) for line in each.strip("\n").splitlines()]
    assert "accuracy of each layer" in title and ends.split() == ["30.0", "%", "90.0", "%"]
    assert [row.split("  ")[0] for row in rows] == ["layer 0", "layer 1", "layer 2"]
    assert [row.partition("|")[2].partition("|")[2].strip() for row in rows] == [
        "* in 1 of 2 folds",
        "",
        "* in 1 of 2 folds",
    ]
    places = [row.index("o", row.index("|")) for row in rows]
    assert places == sorted(set(places)) and "50.0 %  30.0 to 90.0" in rows[0]
    monkeypatch.setenv("COLUMNS", "40")
    assert not any("|" in line for line in curve_lines([with_curve()]))


def test_many_results_have_a_line_each():
    """A step a layer, and what is lowest and highest; one layer has no line."""
    lines = list(curve_lines([with_curve()] * 7))
    assert len(lines) == 7
    assert lines[0].endswith("layers 0 to 2: ▁▅█ lowest 50.0 (layer 0), highest 70.0 (layer 2)")
    assert not list(curve_lines([result()]))
