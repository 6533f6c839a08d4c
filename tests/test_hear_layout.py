"""HEAR's archives are read at any rate and in any wrapping, and every mistake in them is named."""

import json
from pathlib import Path

import pytest

from evaluator import hear_layout
from evaluator.errors import UsageError
from miniatures_hear import folds, parts, task

READER = {"kind": "hear", "task": "esc50-v2.0.0-full"}
FOLDER = "tasks/esc50-v2.0.0-full"


def make(root: Path, stem: str = "esc50-v2.0.0-full", **said) -> Path:
    task(root, stem, **{"said": folds(3, ["cat", "dog"]), "vocabulary": ["cat", "dog"], **said})
    return root


@pytest.mark.parametrize("inside", ["", "tasks", "tasks/esc50-v2.0.0-full"])
def test_the_task_is_found_from_wherever_the_user_points(tmp_path, inside):
    """The folder above `tasks`, `tasks` itself, or the task's own."""
    make(tmp_path)
    assert hear_layout.traces(tmp_path / inside, READER) == ("the HEAR task esc50-v2.0.0-full", True)
    assert len(hear_layout.read_clips(tmp_path / inside, READER)) == 6


def test_another_mode_of_the_same_task_does(tmp_path):
    """The small samples of the archives, if nothing else is there; another version does not."""
    make(tmp_path, "esc50-v2.0.0-small")
    assert len(hear_layout.read_clips(tmp_path, READER)) == 6
    assert not hear_layout.traces(tmp_path, {**READER, "task": "esc50-v2.1.0-full"})[1]
    make(tmp_path, "esc50-v2.0.0-5h")
    assert not hear_layout.traces(tmp_path, READER)[1]  # which of the two is not for us to guess


def test_the_highest_rate_on_disk_is_read(tmp_path):
    """As a number, not as text."""
    make(tmp_path, rates=(8000, 22050, 16000))
    assert {clip.path.split("/")[2] for clip in hear_layout.read_clips(tmp_path, READER)} == {"22050"}


def test_folds_and_splits_go_where_they_belong(tmp_path):
    """As the metadata says."""
    make(tmp_path / "a")
    make(tmp_path / "b", said=parts(["cat", "dog"]))
    assert {clip.fold for clip in hear_layout.read_clips(tmp_path / "a", READER)} == {"fold00", "fold01", "fold02"}
    assert {(clip.fold, clip.split) for clip in hear_layout.read_clips(tmp_path / "b", READER)} == {
        ("", "train"),
        ("", "valid"),
        ("", "test"),
    }


EVENT = {"label": "dog", "start": 5, "end": 3}


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("fold01.json", None, r"names the split fold01, but there is no .*fold01\.json"),
        ("fold01.json", "{", r"fold01\.json: not readable as JSON"),
        ("fold01.json", "[]", r"fold01\.json: holds list, but should be one object"),
        ("fold01.json", '{"cat-0-0.wav": ["cat"]}', r"fold01\.json: cat-0-0\.wav: stands in fold00\.json too"),
        ("fold01.json", '{"x.wav": ["cow"]}', r"x\.wav: label 'cow' is not in labelvocabulary\.csv"),
        ("fold01.json", '{"x.wav": "cat"}', r"x\.wav: is str, but should be a list of labels or of events"),
        ("fold01.json", json.dumps({"x.wav": [EVENT]}), r"x\.wav: the event .* ends before it starts"),
        ("fold01.json", '{"x.wav": [{"label": "cat"}]}', r"x\.wav: .* is no event with label, start and end in milli"),
        ("labelvocabulary.csv", "idx,label\n0,cat\n2,dog\n", r"idx should count from 0 to 1, without gaps"),
        ("labelvocabulary.csv", "idx,label\na,cat\n", r"an idx is no whole number"),
        ("labelvocabulary.csv", "number,label\n0,cat\n", r"its columns are number, label, but should be idx, label"),
        ("task_metadata.json", '{"task_name": "esc50", "version": "v2.0.0"}', r"splits is None, but should be a list"),
    ],
)
def test_a_mistake_is_named(tmp_path, file, content, sentence):
    """With the file, and the clip in it."""
    make(tmp_path)
    if content is None:
        (tmp_path / FOLDER / file).unlink()
    else:
        (tmp_path / FOLDER / file).write_text(content)
    with pytest.raises(UsageError, match=sentence):
        hear_layout.read_clips(tmp_path, READER)


def test_a_task_without_audio_is_named(tmp_path):
    """As an archive that was unpacked in part."""
    make(tmp_path, rates=())
    with pytest.raises(UsageError, match="has no folder of audio, such as 48000; unpack the archive again"):
        hear_layout.read_clips(tmp_path, READER)
