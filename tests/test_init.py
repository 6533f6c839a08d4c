"""`hear-eval init` writes a YAML file that says what it guessed, and that a run takes."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

import evaluator as ev
from evaluator.datasets import manifest, splits
from evaluator.errors import UsageError
from evaluator.experiment import catalogue


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def written(source: Path) -> tuple[dict, list, catalogue.Task]:
    """What the file says, the clips that it gives, and its task."""
    path = ev.write_task(source)
    (task,) = catalogue.find(str(path))
    return yaml.safe_load(path.read_text(encoding="utf-8")), list(manifest.read(task, None, source).clips), task


def by_individual(n: int, each: int = 2) -> list[str]:
    return [
        f"{label}/{chr(97 + who)}nna_{take}.wav"
        for label in ("robin", "wren")
        for who in range(n)
        for take in range(each)
    ]


@pytest.mark.parametrize(("n", "rule"), [(4, {"by": "group", "valid": "next"}), (8, {"by": "random", "groups": True})])
def test_individuals_in_file_names_become_groups(tmp_path, n, rule):
    """Few are each tested once, many are drawn into folds; no split divides one."""
    said, clips, _ = written(touch(tmp_path / "birds", *by_individual(n)))
    assert len({clip.group for clip in clips}) == n and len(clips) == 4 * n
    assert {name: said["split"][name] for name in rule} == rule
    assert {clip.labels for clip in clips} == {("robin",), ("wren",)}


@pytest.mark.parametrize(
    "files",
    [
        [f"{label}/{label}_{n}.wav" for label in ("robin", "wren", "finch") for n in range(6)],  # the class again
        [f"{label}/{n}{label[0]}x_1.wav" for label in ("robin", "wren") for n in range(6)],  # a name a clip
        [f"{label}/{n}.wav" for label in ("robin", "wren") for n in range(6)],
    ],
)
def test_what_is_no_individual_becomes_none(tmp_path, files):
    """The class's own name, a name for each clip, or only numbers."""
    said, clips, _ = written(touch(tmp_path / "birds", *files))
    assert said["dataset"]["reader"] == {"kind": "folders"} and {clip.group for clip in clips} == {""}
    assert (said["labels"], said["metric"], said["clip_seconds"]) == ("single", "accuracy", None)


def test_folders_called_like_splits_become_splits(tmp_path):
    """train/CLASS and test/CLASS, which `--task FOLDER` refuses."""
    files = [f"{part}/{label}/{n}.wav" for part in ("Train", "val", "test") for label in "xy" for n in range(2)]
    said, clips, task = written(touch(tmp_path / "set", *files, "notes/x/0.wav"))
    (fold,) = splits.make(task.split, clips)
    of_part = {part: {clips[n].split for n in getattr(fold, part)} for part in ("train", "valid", "test")}
    assert of_part == {"train": {"Train"}, "valid": {"val"}, "test": {"test"}} and said["split"]["by"] == "split"
    assert len(clips) == 12 and {clip.labels for clip in clips} == {("x",), ("y",)}


def test_tables_keep_what_was_found_out_about_them(tmp_path):
    """A semicolon table with decimal commas, and label tracks: the file reads the same clips as the door does."""
    touch(tmp_path / "a", "x.wav", "y.wav")
    (tmp_path / "a/t.csv").write_bytes(
        "Datei;filename;species;start;end\n1;x.wav;Zaunkönig;0,5;1\n2;y.wav;Zaunkönig;0;1\n3;x.wav;b;1;2\n4;y.wav;b;1;2\n".encode(
            "cp1252"
        )
    )
    touch(tmp_path / "b", "x.wav", "y.flac", "notes.txt")
    for name in "xy":
        (tmp_path / f"b/{name}.txt").write_text("0\t1\ts\n1\t2\tt\n")
    for source in (tmp_path / "a/t.csv", tmp_path / "b"):
        (by_door,) = catalogue.find(str(source))
        said, clips, task = written(source)
        assert clips == list(manifest.read(by_door, None, tmp_path).clips)
        assert task.split == by_door.split and task.metric == by_door.metric
    assert said["dataset"] == {
        "root": "b",
        "reader": {"kind": "annotations", "format": "audacity", "files": ["x.txt", "y.txt"], "group": "{path}"},
    }


def test_the_file_explains_itself(tmp_path):
    """Classes with their clips, what was not read, and each key with its meaning."""
    folder = touch(tmp_path / "birds", *by_individual(4), "robin/p.m4a")
    text = ev.write_task(folder, tmp_path / "out" / "mine.yaml").read_text(encoding="utf-8")
    assert (
        "# Classes: robin (8 clips), wren (8 clips)" in text
        and "# Groups, which the split below never divides: anna, bnna" in text
    )
    assert "1 audio file has a format that cannot be read (.m4a x 1)" in text and "root: ../birds" in text
    assert "by: group # Each group (an individual, a speaker) is tested once." in text


def test_a_file_that_is_there_is_kept(tmp_path):
    """Unless it may be replaced."""
    folder = touch(tmp_path / "birds", *by_individual(4))
    (tmp_path / "birds.yaml").write_text("mine")
    with pytest.raises(UsageError, match=r"birds\.yaml: is there already; give another file with --out, or --force"):
        ev.write_task(folder)
    assert ev.write_task(folder, replace=True).read_text(encoding="utf-8") != "mine"
    with pytest.raises(UsageError, match=r"gone: there is no such folder or table"):
        ev.write_task(tmp_path / "gone")


def test_the_command_shows_what_it_wrote(tmp_path, capsys, monkeypatch):
    """And the next command."""
    from evaluator.cli import main

    touch(tmp_path / "birds", *by_individual(4))
    monkeypatch.chdir(tmp_path)
    assert main(["init", "./birds"]) == 0
    out = capsys.readouterr().out
    assert "name: birds\n" in out and out.endswith(f"--task {tmp_path / 'birds.yaml'}\n")
    assert main(["init", "./birds"]) == 2


def test_a_column_of_individuals_becomes_the_groups(tmp_path):
    """Of a Raven table, or of one's own; one that is not filled in every row does not."""
    rows = [f"{n},{n + 0.5},{'ab'[n % 2]},{('ada', 'bo', 'cy')[n // 4]}" for n in range(12)]
    soundfile.write(tmp_path / "x.wav", np.random.default_rng(0).normal(0, 0.1, 16_000 * 13), 16_000)
    table = tmp_path / "mine.csv"
    table.write_text("path,start,end,label,individual\n" + "\n".join(f"x.wav,{row}" for row in rows))
    text = ev.write_task(table, tmp_path / "t.yaml").read_text()
    assert "group: '{individual}'" in text and "never divides: ada, bo, cy" in text and "by: group" in text
    table.write_text(table.read_text().replace(",ada", ","))
    assert "group: '{individual}'" not in ev.write_task(table, tmp_path / "t.yaml", replace=True).read_text()
