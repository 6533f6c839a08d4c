"""Results are found wherever they lie; what cannot be used is named, and the rest goes on."""

import re

import pytest

from evaluator.errors import UsageError
from evaluator.report import collect
from evaluator.report.header import header_of, read_header
from evaluator.results import naming, on_disk
from evaluator.results.caveats import Caveat
from test_results import edit, result


def test_results_of_one_board_come_together(tmp_path):
    """Files and folders at any depth; each file once, by task, protocol, profile and metric; other JSON is counted."""
    one = on_disk.write(result(module="a"), tmp_path / "deep" / "down")
    on_disk.write(result(module="b"), tmp_path)
    on_disk.write(result(module="a", protocol="knn"), tmp_path)
    on_disk.write(result(module="a", profile="published"), tmp_path)
    (tmp_path / "similarity.json").write_text('{"schema_version": 1, "kind": "similarity"}')
    (tmp_path / "other.json").write_text("[1, 2]")
    collection = collect.collect([tmp_path, one, tmp_path / "deep"])
    assert [
        (each.protocol, each.profile, [header.result.module for header in each.headers])
        for each in collection.comparable
    ] == [
        ("arch", "clean", ["a", "b"]),
        ("arch", "published", ["a"]),
        ("knn", "clean", ["a"]),
    ]
    assert not collection.problems and collection.notes == ["2 JSON files that are no results of runs were passed over"]
    header = collection.comparable[0].headers[0]
    assert (header.path, header.result.run, header.result.score, header.result.std) == (
        one,
        on_disk.read(one).run,
        0.5,
        None,
    )


def spoilt_run(path):
    """A copy of a run that was made later."""
    edit(path, environment={"started": "2026-01-01T00:00:00+00:00"})
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
        (lambda path: edit(path, environment={"command": 5}), "environment.command is '5'"),
        (lambda path: edit(path, environment={"data": [{}]}), r"environment.data is '\[\{\}\]'"),
        (lambda path: edit(path, provenance={"fused": ["a"]}), "provenance.fused has no facts"),
        (lambda path: edit(path, ci_low=10**400), "ci_low is '1000"),
        (lambda path: edit(path, n_clips=2.5), "n_clips is '2.5'"),
        (lambda path: edit(path, caveats=[{"kind": 3}]), r"caveats is \"\[\{'kind': 3"),
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
    collection = collect.collect([tmp_path])
    (problem,) = collection.problems
    assert problem.startswith(str(path)) and re.search(sentence, problem)
    assert good in [header.path for header in collection.comparable[0].headers]
    if "same run" not in sentence:
        with pytest.raises(UsageError, match=sentence):
            collect.collect([path])
    else:
        assert "copy.json" in [header.path.name for header in collection.comparable[0].headers]


def test_nothing_is_refused(tmp_path):
    """An empty folder, a folder of other JSON, a path that does not exist, a file that is none of ours: a sentence each."""
    with pytest.raises(UsageError, match="no result of a run that can be used; .*no JSON file in this folder"):
        collect.collect([tmp_path])
    with pytest.raises(UsageError, match="there is no such file or folder"):
        collect.collect([tmp_path / "away"])
    other = tmp_path / "x.json"
    other.write_text("{}")
    with pytest.raises(UsageError, match=r"x\.json: no result of a run; give what"):
        collect.collect([other])
    with pytest.raises(UsageError, match="no result of a run that can be used; make some with hear-eval run"):
        collect.collect([tmp_path])


def test_an_empty_folder_beside_others_is_told(tmp_path):
    """The rest goes on."""
    (tmp_path / "empty").mkdir()
    path = on_disk.write(result(), tmp_path / "full")
    collection = collect.collect([tmp_path / "empty", path])
    assert len(collection.comparable) == 1 and "empty: no JSON file in this folder" in collection.problems[0]


def titles(tmp_path, *variants):
    """What results of these fields are called."""
    for each in variants:
        on_disk.write(result(**each), tmp_path)
    return sorted(header.title for each in collect.collect([tmp_path]).comparable for header in each.headers)


def test_variants_of_a_module_are_told_apart(tmp_path):
    """By what differs within a module or between modules: options, weights, layers; what its own results differ in is in no name."""
    names = titles(
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
    assert len(set(names)) == 8  # d is one variant, under two protocols
    wanted = ["a", "b (layer=3, weights x.pt)", "b (layer=3, weights y.pt)"]
    wanted += ["c (layer=3, layers last)", "c (layer=3, layers mean)", "d (layer=3)", "d (layer=3)"]
    assert [each for each in names if "size" not in each] == wanted
    assert any(each.startswith("a (layer=2, size=big) #") for each in names)  # one of the two that look alike


def test_a_table_is_one_module_from_whatever_folder(tmp_path):
    """By its SHA-256: one spelling stands for all, the newest of two equal runs; another table of its name on a task is another."""

    def of(sha256, module, task):
        return result(module=module, task=task, provenance={"module": {"precomputed": {"sha256": sha256}}})

    two = [of("a" * 64, "precomputed:./m.csv", "x/1"), of("a" * 64, "precomputed:../m.csv", "x/2")]
    elsewhere = of("b" * 64, "precomputed:m.csv", "x/3")
    assert naming.variants([*two, elsewhere]) == ["precomputed:m.csv"] * 3
    another = of("b" * 64, "precomputed:m.csv", "x/1")
    assert naming.variants([*two, another]) == [*["precomputed:m.csv #aaaaaaaa"] * 2, "precomputed:m.csv #bbbbbbbb"]
    for each in (*two, of("a" * 64, "precomputed:../m.csv", "x/1"), another):
        on_disk.write(each, tmp_path)
    collected = collect.collect([tmp_path])
    assert "the same run as" in collected.problems[0] and len(collected.clean) == 3
    assert len({header.variant for header in collected.clean}) == 2


def test_a_number_that_is_none_is_not_a_score(tmp_path):
    """null is NaN; the other numbers stay."""
    edit(on_disk.write(result(), tmp_path), score=None, std=None)
    ((header,),) = [each.headers for each in collect.collect([tmp_path]).comparable]
    assert header.result.score != header.result.score and header.result.ci_high == 0.6 and header.result.std is None


def test_a_header_is_the_result_without_what_grows(tmp_path):
    """Every field of the JSON is that of the result, its caveats too, but curve, folds, confusion, failures, predictions."""
    caveats = [Caveat("few_groups", "3 groups only")]
    written = result(
        caveats=caveats,
        interval_over="groups",
        provenance={"seed": 3},
        environment={"command": ["run", "--python", "/x"]},
    )
    header = read_header(on_disk.write(written, tmp_path))
    kept = {
        name: value for name, value in vars(written).items() if name not in ("curve", "folds", "confusion", "failed")
    }
    kept = {name: value for name, value in kept.items() if not name.startswith("test_")}
    assert {name: getattr(header.result, name) for name in kept} == kept
    assert header.result.folds == header.result.test_probabilities == header.result.curve == []
    assert header == header_of(written, header.path) and header.result.run == written.run
    assert (header.seed, header.python, header.n_layers, header.fused, header.layers) == (3, "/x", 0, False, "")
