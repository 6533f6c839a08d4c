"""Tasks are found by name or path, and a wrong task file never gets further than its sentence."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evaluator import schema, typed
from evaluator.datasets import dataset
from evaluator.datasets.reading.kinds import READERS
from evaluator.errors import UsageError
from evaluator.experiment import catalogue

OWN = """
name: frogs
dataset:
  root: recordings
  reader: {kind: folders}
split: {by: random, folds: 3, seed: 1, stratify: true, valid: next}
labels: single
metric: accuracy
"""


DRAWN = {"share": 0.2, "seed": 42, "stratify": True, "groups": False}


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def use_suites(folder: Path, monkeypatch, suites: dict[str, str]) -> None:
    """Let `folder` be the tasks folder: our datasets and protocols, and these suites (name -> text)."""
    for name in ("datasets", "protocols"):
        shutil.copytree(schema.tasks_folder() / name, folder / name)
    (folder / "suites").mkdir()
    for name, text in suites.items():
        write(folder / "suites" / f"{name}.yaml", text)
    monkeypatch.setattr(schema, "tasks_folder", lambda: folder)
    monkeypatch.setattr(catalogue, "tasks_folder", lambda: folder)


def test_every_task_file_of_ours_reads():
    """Each suite, and each dataset whether a suite uses it or not, passes the checks."""
    assert {found.name for found in catalogue.list_tasks()} >= {"arch/esc50", "quick/esc10", "quick/fsdd", "demo/calls"}
    for name in schema.names_in("datasets"):
        facts = dataset.read(name)
        assert facts.citation and facts.licence and facts.url


def test_a_suite_a_task_and_a_bare_name_find_the_same():
    """Where only one suite has the task, its bare name does."""
    assert catalogue.find("quick")[:2] == [*catalogue.find("esc10"), *catalogue.find("quick/fsdd")]
    assert [found.name for found in catalogue.find("fsdd")] == ["quick/fsdd"]


def test_archs_rule_for_esc50_is_the_papers():
    """Five official folds, the rest divided 80:20 with seed 42, five seconds (protocols.md, sections 3.3 and 3.8)."""
    (esc50,) = catalogue.find("arch/esc50")
    assert esc50.split["by"] == "fold" and (esc50.split["valid"]["share"], esc50.split["valid"]["seed"]) == (0.2, 42)
    assert (esc50.clip_seconds, esc50.metric, esc50.protocol) == (5.0, "accuracy", "arch")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("esc11", r"unknown task 'esc11'; did you mean 'esc10'"),
        ("arch/esc05", r"unknown task 'arch/esc05'; did you mean 'arch/esc50'"),
        ("./nowhere", r"nowhere: there is no such folder, YAML file or CSV"),
        ("nowhere.csv", r"nowhere\.csv: there is no such file"),
        ("", "unknown task ''"),
    ],
)
def test_an_unknown_task_is_answered_with_near_ones(spec, sentence):
    """Names are compared with all suites, tasks and bare names."""
    with pytest.raises(UsageError, match=sentence):
        catalogue.find(spec)


def test_a_name_in_two_suites_has_to_be_said_in_full(tmp_path, monkeypatch):
    """No suite is preferred in silence."""
    arch = (schema.tasks_folder() / "suites" / "arch.yaml").read_text()
    use_suites(tmp_path, monkeypatch, {name: arch.replace("name: arch", f"name: {name}") for name in ("one", "two")})
    with pytest.raises(UsageError, match="in several suites; say which: one/esc50, two/esc50"):
        catalogue.find("esc50")


def test_a_users_yaml_names_its_data_beside_itself(tmp_path):
    """`root` is relative to the file, and what is not said has a default."""
    (found,) = catalogue.find(write(tmp_path / "frogs.yaml", OWN))
    assert found.name == found.dataset.name == "frogs"
    assert found.dataset.root == tmp_path / "recordings"
    assert (found.clip_seconds, found.protocol, found.source) == (None, "arch", "frogs.yaml")


def test_a_users_yaml_may_use_a_dataset_of_ours(tmp_path):
    """A new question about a known dataset needs no reader."""
    start, end = OWN.index("dataset:"), OWN.index("split:")
    (found,) = catalogue.find(write(tmp_path / "mine.yaml", OWN[:start] + "dataset: esc10\n" + OWN[end:]))
    assert found.dataset == dataset.read("esc10")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("metric: accuracy", "metric: acuracy", r":8: metric: unknown metric 'acuracy'; did you mean 'accuracy'"),
        ("kind: folders", "kind: folder", r"dataset\.reader\.kind: unknown kind 'folder'; did you mean 'folders'"),
        ("by: random", "by: chance", r"split\.by: unknown by 'chance'; known: fold, group, held_out, parts, random, "),
        ("seed: 1, ", "", r"split: lacks the field 'seed'"),
        ("valid: next", "valid: last", r"split\.valid: unknown valid 'last'; known: next"),
        ("labels: single", "labels: single\nprotocol: arche", r"unknown protocol 'arche'; did you mean 'arch'"),
        (
            "labels: single",
            "labels: single\nclip_seconds: 0",
            r"clip_seconds: is 0.0, but should be a number or empty, at",
        ),
        (
            "{kind: folders}",
            "{kind: paths, files: /x, pattern: (?P<label>.)}",
            r"reader\.files: is no glob over relative",
        ),
        ("{kind: folders}", "{kind: paths, files: x, pattern: '('}", r"reader\.pattern: is no regular expression"),
        (
            "{kind: folders}",
            "{kind: paths, files: x, pattern: x}",
            r"reader\.pattern: gives no label: name a group \(\?P<label>",
        ),
        (
            "{kind: folders}",
            "{kind: paths, files: x, pattern: (?P<label>.)(?P<sex>.)}",
            r"the pattern has a group 'sex', which nothing uses; known",
        ),
        (
            "{kind: folders}",
            "{kind: table, table: x, path: x, label: y, delimiter: ''}",
            r"delimiter: is '', but should",
        ),
        ("{kind: folders}\n", "{kind: folders}\nspeed: 3\n", r"speed: unknown field 'speed'"),
    ],
)
def test_a_slip_in_a_users_yaml_is_named(tmp_path, old, new, sentence):
    """Each field is checked as its kind demands."""
    assert old in OWN
    with pytest.raises(UsageError, match=sentence):
        catalogue.find(write(tmp_path / "frogs.yaml", OWN.replace(old, new)))


@pytest.mark.parametrize(
    ("header", "row", "split"),
    [
        ("path,label", "a.wav,dog", {"by": "random", "groups": False}),
        ("path,start,end,label,group", "a.wav,,,dog,rex", {"by": "random", "groups": True}),
        ("path,label,split", "a.wav,dog,train", {"by": "split"}),
        ("path,label,fold", "a.wav,dog,1\nb.wav,dog,2", {"by": "fold", "valid": DRAWN}),
        ("path,label,fold", "a.wav,dog,1\nb.wav,dog,2\nc.wav,cat,3", {"by": "fold", "valid": "next"}),
    ],
)
def test_the_columns_of_a_csv_choose_the_split(tmp_path, header, row, split):
    """A fold or split column is followed; else five stratified folds are drawn that divide no group."""
    (found,) = catalogue.find(write(tmp_path / "mine.csv", f"{header}\n{row}\n"))
    assert {field: found.split[field] for field in split} == split


def test_labels_joined_by_a_semicolon_make_a_csv_multi_label(tmp_path):
    """One such clip is enough, and the score is then mean average precision."""
    (found,) = catalogue.find(write(tmp_path / "mine.csv", "path,label\na.wav,dog;cat\nb.wav,dog\n"))
    assert (found.labels, found.metric) == ("multi", "map")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sound,label\na.wav,dog\n", r"there is no column 'path'; its columns are sound, label"),
        ("path;quality\na.wav;good\n", r"there is no column 'label'; its columns are path, quality"),
        ("path,label,fold,split\na.wav,dog,1,train\n", "both a column fold and a column split"),
        ("", "its first line is empty"),
        ("path,path\na,b\n", "names a column twice"),
        ("path,label\na.wav,dog,cat\n", r"mine\.csv:2: has 3 values, but the first line names 2 columns"),
    ],
)
def test_a_csv_that_is_none_of_ours_is_refused(tmp_path, text, sentence):
    """The sentence shows the columns that were found."""
    with pytest.raises(UsageError, match=sentence):
        catalogue.find(write(tmp_path / "mine.csv", text))


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["dog-rex-1.wav", "dog-rex-2.wav", "cat-tom-1.wav"], "cat"),
        (["big_dog-1.wav", "big_dog-2.wav", "big_cat-1.wav"], "big_cat"),
        (["0_anna_1.flac", "0_anna_2.flac", "1_bo_1.flac"], "0"),
        (["dog.wav", "dogs.wav", "cat.wav"], ""),
        (["dog12.wav", "dog13.wav", "cat1.wav"], "cat"),
    ],
)
def test_the_reader_that_is_suggested_fits_the_names(tmp_path, names, label):
    """Whatever divides them; without a pattern where none fits all of them."""
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UsageError) as told:
        catalogue.find(str(tmp_path))
    if not label:
        assert "a regular expression with (?P<label>)" in str(told.value)
        return
    reader = yaml.safe_load("{" + re.search(r"reader: \{.*?'\}", str(told.value))[0] + "}")["reader"]
    assert re.fullmatch(reader["pattern"], sorted(names)[0])["label"] == label
    assert all(re.fullmatch(reader["pattern"], name) for name in names)
    assert reader["files"] == f"*{Path(names[0]).suffix}"


def test_a_folder_needs_two_classes(tmp_path, monkeypatch):
    """Hidden folders do not count; a relative folder needs no `./` where no task has its name."""
    (tmp_path / "calls_of_mine" / "dog").mkdir(parents=True)
    (tmp_path / "calls_of_mine" / ".cache").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match="has 1 visible sub-folder, but a task needs one for each of two or more classes"
    ):
        catalogue.find("calls_of_mine")
    (tmp_path / "calls_of_mine" / "cat").mkdir()
    assert catalogue.find("calls_of_mine")[0].name == "calls_of_mine"


def test_the_hash_follows_what_decides_numbers(tmp_path):
    """A metric changes it; a title, a note or another place of the same file does not."""
    (tmp_path / "elsewhere").mkdir()
    same = OWN.replace("dataset:", "dataset:\n  notes: a note\n  title: Frogs", 1)
    hashes = [
        catalogue.find(write(tmp_path / place, text))[0].spec_sha256
        for place, text in (
            ("a.yaml", OWN),
            ("elsewhere/a.yaml", same),
            ("b.yaml", OWN.replace("accuracy", "uar")),
            ("c.yaml", OWN.replace("folds: 3", "folds: 4")),
        )
    ]
    assert hashes[0] == hashes[1] and len(set(hashes)) == 3


def test_a_suite_file_must_be_called_what_it_says(tmp_path, monkeypatch):
    """So that a copied file cannot stand under a wrong name."""
    use_suites(tmp_path, monkeypatch, {"copy": (schema.tasks_folder() / "suites" / "arch.yaml").read_text()})
    with pytest.raises(UsageError, match=r"copy\.yaml:1: name: is 'arch', but the file is called 'copy'"):
        catalogue.find("copy")


def test_listing_tasks_needs_no_heavy_library():
    """Neither torch nor scikit-learn nor soundfile is imported, so that `hear-eval list` starts at once."""
    code = (
        "import sys; from evaluator.experiment import catalogue; catalogue.list_tasks();"
        "print([name for name in ('torch', 'transformers', 'sklearn', 'soundfile', 'soxr', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_reader_says_its_kind():
    """The field that chooses a reader belongs to every reader."""
    assert all("kind" in typed.fields_of(reader) for reader in READERS.values())
