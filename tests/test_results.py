"""Results as files: read back as written, and refused when they are not whole."""

import dataclasses
import json
import os
import re
import time

import numpy as np
import pytest

from evaluator.errors import EvaluationError
from evaluator.results import on_disk
from evaluator.results.caveats import Caveat
from evaluator.results.result import CurvePoint, FoldResult, Result


def result(**changes):
    """A small result of two folds."""
    fields = {
        "module": "my/odd module.py",
        "weights": "",
        "options": {"layer": 3},
        "task": "demo/calls",
        "dataset": "calls",
        "protocol": "arch",
        "profile": "clean",
        "metric": "accuracy",
        "score": 0.5,
        "ci_low": 0.4,
        "ci_high": 0.6,
        "seeds": [0],
        "seed_scores": [0.5],
        "std": None,
        "scores": {"uar": 0.5},
        "chosen": "layer 3",
        "curve": [CurvePoint("layer 3", 0.5, 0.4, 0.6, 0.25, None)],
        "folds": [FoldResult(name, 0.5, 4, 1, 2, 7, 0.25) for name in ("1", "2")],
        "n_clips": 9,
        "n_failed": 1,
        "n_silent": 0,
        "failed": {"bad.wav": "bad.wav: the file is empty"},
        "notes": ["a note"],
        "classes": ["a", "b"],
        "confusion": [[1, 1], [1, 1]],
        "seconds": {"embed": 1.5},
        "provenance": {"seed": 0},
        "test_clips": [["x.wav", "y.wav"], ["z.wav", "ü.wav"]],
        "test_groups": [["a", "b"], ["a", ""]],
        "test_seconds": [np.array([0.5, 1.25], np.float32)] * 2,
        "test_targets": [np.eye(2, dtype=np.float32)] * 2,
        "test_probabilities": [np.full((1, 2, 2), 0.5, np.float32), np.eye(2, dtype=np.float32)[None]],
        "test_events": [np.array([[0, 1, 100.0, 250.0]]), np.zeros((0, 4))],
    }
    return Result(**{**fields, **changes})


def test_a_result_is_shown_in_a_sentence():
    """Not with all its provenance: what it is of, the score with its doubt, the run that its file is named by, and caveats."""
    made = result(caveats=[Caveat("few_groups", "two individuals")], n_units=2, interval_over="groups")
    assert (
        repr(made)
        == str(made)
        == (
            "Result(my/odd module.py on demo/calls, arch (clean): accuracy 50.0 %† (95 % interval 40.0 to 60.0 over 2 groups), of layer 3, "
            f"run {made.run}; † two individuals)"
        )
    )
    assert "no interval" in repr(result(ci_low=float("nan"), ci_high=float("nan")))


def test_results_of_other_audio_lie_beside_each_other(tmp_path):
    """The same question about other recordings of the same names replaces nothing; about the same ones it does."""
    paths = {
        on_disk.write(result(provenance={"seed": 0, "audio_sha256": audio}, score=score), tmp_path)
        for audio, score in (("a" * 64, 0.5), ("b" * 64, 0.5), ("a" * 64, 0.25))
    }
    assert len(paths) == 2 and len(list(tmp_path.rglob("*.json"))) == 2


def test_results_of_another_precision_engine_or_store_lie_beside_each_other(tmp_path):
    """None of them replaces another, of a member of an ensemble neither."""
    asked = [
        {"options": {"layer": 3}},
        {"options": {"layer": 3, "precision": "bfloat16"}},
        {"options": {"layer": 3, "engine": "openvino"}},
        {"options": {"member_options": {"hear_ssl.hubert_base": {"precision": "bfloat16"}}}},
        {"provenance": {"seed": 0, "kept_as": "float16"}},
    ]
    paths = {on_disk.write(result(**each), tmp_path) for each in asked}
    assert len(paths) == len(list(tmp_path.rglob("*.json"))) == len(asked)


def test_what_was_left_half_written_beside_results_is_swept(tmp_path):
    """Once it is an hour old."""
    folder = on_disk.write(result(), tmp_path).parent
    for name, age in ((".old.json.1.ab.part", 7200), (".young.json.1.ab.part", 60)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    on_disk.write(result(), tmp_path)
    assert [path.name for path in folder.glob(".*")] == [".young.json.1.ab.part"]


def test_reads_back_what_was_written(tmp_path):
    """Every field, and the predictions."""
    path = on_disk.write(result(), tmp_path)
    again = on_disk.read(path)
    plain = [dataclasses.asdict(one) for one in (result(), again)]
    for name in ("test_seconds", "test_targets", "test_probabilities", "test_events"):
        for one, other in zip(plain[0].pop(name), plain[1].pop(name), strict=True):
            np.testing.assert_array_equal(one, other)
    assert plain[0] == plain[1]
    assert json.loads(path.read_text())["schema_version"] == 6


def test_results_of_the_version_before_are_read(tmp_path):
    """Their folds' scores were averaged; their interval is kept, with a caveat that says what it is."""
    path = on_disk.write(result(over_folds="mean"), tmp_path)
    plain = json.loads(path.read_text())
    for name in ("n_units", "over_folds", "group_scores", "environment", "result_sha256"):
        del plain[name]
    path.write_text(json.dumps({**plain, "schema_version": 5}))
    again = on_disk.read(path)
    assert (again.over_folds, again.n_units, again.ci_low, again.schema_version) == ("mean", 0, 0.4, 6)
    assert [caveat.kind for caveat in again.caveats] == ["old_interval"]
    path.write_text(json.dumps({**plain, "schema_version": 4}))
    with pytest.raises(EvaluationError, match="schema version 4; this program reads 5 and 6"):
        on_disk.read(path)


def test_folds_that_were_trained_differently_often_are_refused(tmp_path):
    """A training is one seed in every fold; and a way to make one score of folds that is not known is refused, too."""
    twice = result(test_probabilities=[np.full((2, 2, 2), 0.5, np.float32), np.eye(2, dtype=np.float32)[None]])
    with pytest.raises(EvaluationError, match="folds have 2, 1 trainings each"):
        on_disk.read(on_disk.write(twice, tmp_path))
    with pytest.raises(EvaluationError, match="over_folds is 'median', neither pooled nor mean"):
        on_disk.read(on_disk.write(result(over_folds="median"), tmp_path))


def test_the_place_tells_what_it_is(tmp_path):
    """Folders of safe names; the same run again replaces itself, another seed or protocol does not."""
    path = on_disk.write(result(), tmp_path)
    assert path.parent.name == "demo-calls" and path.name.startswith("arch-clean-")
    assert on_disk.write(result(score=0.7), tmp_path) == path
    for other in ({"seed": 1}, {"seed": 0, "protocol_sha256": "of a user's file with the same name"}):
        assert on_disk.write(result(provenance=other), tmp_path) != path
    for name in ("./my_model.py", "../a", "-rf", "--help", ".hidden", "...", "-", "/a/b.py", "~/m.py", "ü"):
        assert on_disk.safe_name(name)[0] not in "-." and re.fullmatch(r"[\w.-]+", on_disk.safe_name(name))
    assert len({on_disk.safe_name(name) for name in ("./a.py", "../a.py", "-a.py", "a.py", "/a.py")}) == 5
    assert on_disk.safe_name("a/b c") != on_disk.safe_name("a-b-c") and "/" not in on_disk.safe_name("../../etc")


def test_nan_is_written_as_null(tmp_path):
    """JSON has no NaN; other programs must be able to read it."""
    path = on_disk.write(result(ci_low=float("nan"), seconds={"embed": np.float32("inf")}), tmp_path)
    plain = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert plain["ci_low"] is None and plain["seconds"]["embed"] is None


def edit(path, **changes):
    """Change fields of the JSON."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def of_another_run(path):
    """What is left if a process dies after it replaced the predictions and before the JSON."""
    before = path.read_bytes()
    on_disk.write(result(test_clips=[["p", "q"], ["r", "s"]]), path.parents[2])
    path.write_bytes(before)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_text(path.read_text()[:100]), "not a result, or half of one"),
        (lambda path: path.write_text('{"schema_version": 99}'), "schema version 99; this program reads 5"),
        (lambda path: path.write_text("[]"), "schema version None"),
        (
            lambda path: path.write_text('{"schema_version": 5}'),
            "fields are not those of a result .*predictions_sha256",
        ),
        (lambda path: edit(path, mood="good"), "fields are not those of a result .*'mood'"),
        (lambda path: edit(path, folds=[{"nome": "1"}]), "fields are not those of a result .*'nome'"),
        (lambda path: edit(path, folds=None), "fields are not those of a result"),
        (lambda path: edit(path, confusion=[[1, 2], [3]]), "confusion is not 2 x 2"),
        (lambda path: edit(path, confusion=[["1", 2], [3, 4]]), r"confusion\[0\]\[0\] is '1', no int"),
        (lambda path: edit(path, notes="all well"), "notes is 'all well', no list"),
        (lambda path: edit(path, provenance=[]), "provenance is"),
        (lambda path: edit(path, metric="luck"), "metric is 'luck', none that is known"),
        (lambda path: edit(path, classes=["a", "b", "c"]), "confusion is not 3 x 3"),
        (lambda path: edit(path, scores={"uar": "high"}), r"scores\['uar'\] is 'high', no float"),
        (lambda path: path.with_suffix(".npz").unlink(), "its predictions cannot be read"),
        (lambda path: path.with_suffix(".npz").write_bytes(b"PK"), "npz is damaged or of another run"),
        (lambda path: of_another_run(path), "npz is damaged or of another run"),
        (lambda path: path.unlink(), "no such result"),
    ],
)
def test_what_is_not_whole_is_refused(tmp_path, spoil, sentence):
    """Half files, other schemas, missing predictions: a sentence with the file."""
    path = on_disk.write(result(), tmp_path)
    spoil(path)
    with pytest.raises(EvaluationError, match=sentence):
        on_disk.read(path)
