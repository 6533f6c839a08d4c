"""Results are found wherever they lie; what cannot be used is told, and the rest goes on."""

import json
import re

import pytest

from evaluator.errors import UsageError
from evaluator.report import collect
from evaluator.results import on_disk
from test_results import edit, result


def test_groups_by_question(tmp_path):
    """Files and folders at any depth; each file once, by task, protocol, profile and metric; other JSON is counted."""
    one = on_disk.write(result(module="a"), tmp_path / "deep" / "down")
    on_disk.write(result(module="b"), tmp_path)
    on_disk.write(result(module="a", protocol="knn"), tmp_path)
    on_disk.write(result(module="a", profile="published"), tmp_path)
    (tmp_path / "similarity.json").write_text('{"schema_version": 1, "kind": "similarity"}')
    (tmp_path / "other.json").write_text("[1, 2]")
    found = collect.gather([tmp_path, one, tmp_path / "deep"])
    assert [(each.protocol, each.profile, [head.module for head in each.heads]) for each in found.asked] == [
        ("arch", "clean", ["a", "b"]),
        ("arch", "published", ["a"]),
        ("knn", "clean", ["a"]),
    ]
    assert not found.problems and found.notes == ["2 JSON files that are no results of runs were passed over"]
    head = found.asked[0].heads[0]
    assert (head.path, head.run, head.score, head.std) == (one, on_disk.read(one).run, 0.5, None)


def spoilt_run(path):
    """A copy of a run that was made later."""
    edit(path, provenance={"seed": 0, "started": "2026-01-01T00:00:00+00:00"})
    again = path.parent / "copy.json"
    again.write_text(path.read_text().replace("2026-01", "2026-02"))
    again.with_suffix(".npz").write_bytes(path.with_suffix(".npz").read_bytes())


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_text(path.read_text()[:100]), "not a result, or half of one"),
        (lambda path: path.write_bytes(b"\xff\xfe{"), "not a result, or half of one"),
        (lambda path: path.write_text("[" * 100_000), "not a result, or half of one"),
        (lambda path: edit(path, schema_version=3), "schema version 3; this program reads 5"),
        (lambda path: path.write_text('{"schema_version": 5}'), "module is missing"),
        (lambda path: edit(path, module=["a"]), r"module is \"\['a'\]\""),
        (lambda path: edit(path, score="high"), "score is 'high'"),
        (lambda path: edit(path, options=None), "options is 'None'"),
        (lambda path: edit(path, provenance={"command": 5}), "provenance.command is '5'"),
        (lambda path: edit(path, provenance={"data": [{}]}), r"provenance.data is '\[\{\}\]'"),
        (lambda path: edit(path, provenance={"fused": ["a"]}), "provenance.fused has no facts"),
        (lambda path: edit(path, metric="mapp"), "unknown metric 'mapp'; known: accuracy"),
        (lambda path: path.with_suffix(".npz").unlink(), "its predictions, arch-clean-.*npz, are not there"),
        (spoilt_run, "the same run as .*copy.json, which is newer and stands for both"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, spoil, sentence):
    """One sentence with the file; the other results are there. Alone it is refused with that sentence."""
    good = on_disk.write(result(module="good"), tmp_path)
    path = on_disk.write(result(module="bad"), tmp_path)
    spoil(path)
    found = collect.gather([tmp_path])
    (problem,) = found.problems
    assert problem.startswith(str(path)) and re.search(sentence, problem)
    assert good in [head.path for head in found.asked[0].heads]
    if "same run" not in sentence:
        with pytest.raises(UsageError, match=sentence):
            collect.gather([path])
    else:
        assert "copy.json" in [head.path.name for head in found.asked[0].heads]


def test_nothing_is_refused(tmp_path):
    """An empty folder, a folder of other JSON, a place that is not there, a file that is none of ours: a sentence each."""
    with pytest.raises(UsageError, match="no result of a run that can be used; .*no JSON file in this folder"):
        collect.gather([tmp_path])
    with pytest.raises(UsageError, match="there is no such file or folder"):
        collect.gather([tmp_path / "away"])
    other = tmp_path / "x.json"
    other.write_text("{}")
    with pytest.raises(UsageError, match=r"x\.json: no result of a run; give what"):
        collect.gather([other])
    with pytest.raises(UsageError, match="no result of a run that can be used; make some with hear-eval run"):
        collect.gather([tmp_path])


def test_an_empty_folder_beside_others_is_told(tmp_path):
    """The rest goes on."""
    (tmp_path / "empty").mkdir()
    path = on_disk.write(result(), tmp_path / "full")
    found = collect.gather([tmp_path / "empty", path])
    assert len(found.asked) == 1 and "empty: no JSON file in this folder" in found.problems[0]


def titles(tmp_path, *variants):
    """What results of these fields are called."""
    for each in variants:
        on_disk.write(result(**each), tmp_path)
    return sorted(head.title for asked in collect.gather([tmp_path]).asked for head in asked.heads)


def test_variants_of_a_module_are_told_apart(tmp_path):
    """By what differs: options, weights, layers for one question; and a module with one variant by its name alone."""
    found = titles(
        tmp_path,
        {"module": "a", "options": {}},
        {"module": "a", "options": {"layer": 2, "size": "big"}},
        {"module": "b", "weights": "x.pt"},
        {"module": "b", "weights": "y.pt"},
        {"module": "c", "provenance": {"layers": "last"}},
        {"module": "c", "provenance": {"layers": "mean"}},
        {"module": "d", "provenance": {"layers": "last"}},
        {"module": "d", "provenance": {"layers": "mean"}, "protocol": "knn"},
        {"module": "a (layer=2, size=big)", "options": {}},
    )
    assert len(set(found)) == 8  # d is one variant, under two protocols
    wanted = ["a", "b (weights x.pt)", "b (weights y.pt)", "c (layers last)", "c (layers mean)", "d", "d"]
    assert [each for each in found if "size" not in each] == wanted
    assert any(each.startswith("a (layer=2, size=big) #") for each in found)  # one of the two that look alike


def test_a_number_that_is_none_is_not_a_score(tmp_path):
    """null, and numbers beyond all bounds."""
    path = on_disk.write(result(), tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "score": None, "ci_low": 10**400}))
    ((head,),) = [asked.heads for asked in collect.gather([tmp_path]).asked]
    assert head.score != head.score and head.ci_low != head.ci_low and head.ci_high == 0.6
