"""HEAR's archives are read at any rate and in any wrapping, and every mistake in them is named."""

import json
import shutil
from pathlib import Path

import pytest

from evaluator.datasets.reading.hear import HearReader
from evaluator.errors import UsageError
from miniatures_hear import folds, parts, task

READER = HearReader(task="esc50-v2.0.0-full")
FOLDER = "tasks/esc50-v2.0.0-full"


def make(root: Path, stem: str = "esc50-v2.0.0-full", **options) -> Path:
    task(root, stem, **{"splits": folds(3, ["cat", "dog"]), "vocabulary": ["cat", "dog"], **options})
    return root


@pytest.mark.parametrize("wrapper", ["", "hear-2021.0.6"])
@pytest.mark.parametrize("inside", ["", "tasks", "tasks/esc50-v2.0.0-full"])
def test_the_task_is_found_from_wherever_the_user_points(tmp_path, inside, wrapper):
    """The folder above `tasks`, `tasks` itself, or the task's own; also in the wrapping of older archives."""
    make(tmp_path, wrapper=wrapper)
    folder = tmp_path / wrapper / inside if inside else tmp_path
    assert READER.traces(folder) == ("the HEAR task esc50-v2.0.0-full", True)
    assert len(READER.read_clips(folder)) == 6


def test_another_mode_of_the_same_task_does(tmp_path):
    """The small samples of the archives, if nothing else is there; another version does not."""
    make(tmp_path, "esc50-v2.0.0-small")
    assert len(READER.read_clips(tmp_path)) == 6
    assert not HearReader(task="esc50-v2.1.0-full").traces(tmp_path)[1]
    make(tmp_path, "esc50-v2.0.0-5h")
    assert not READER.traces(tmp_path)[1]  # which of the two is not for us to guess


def test_the_highest_rate_on_disk_is_read(tmp_path):
    """As a number, not as text."""
    make(tmp_path, rates=(8000, 22050, 16000))
    assert {clip.path.split("/")[2] for clip in READER.read_clips(tmp_path)} == {"22050"}


@pytest.mark.parametrize("mode", ["presplit_kfold", "new_split_kfold"])
def test_folds_and_splits_go_where_they_belong(tmp_path, mode):
    """As the metadata says."""
    make(tmp_path / "a")
    change(tmp_path / "a", split_mode=mode)
    make(tmp_path / "b", splits=parts(["cat", "dog"]))
    assert {(clip.fold, clip.split) for clip in READER.read_clips(tmp_path / "a")} == {
        ("fold00", ""),
        ("fold01", ""),
        ("fold02", ""),
    }
    assert {(clip.fold, clip.split) for clip in READER.read_clips(tmp_path / "b")} == {
        ("", "train"),
        ("", "valid"),
        ("", "test"),
    }


def test_clips_come_split_by_split_in_the_order_of_their_file(tmp_path):
    """By which HEAR's evaluator goes, too."""
    make(tmp_path, splits={"train": {"c.wav": ["cat"], "a.wav": ["dog"]}, "valid": {}, "test": {"b.wav": ["cat"]}})
    paths = [clip.path for clip in READER.read_clips(tmp_path)]
    assert paths == [f"{FOLDER}/48000/{name}" for name in ("train/c.wav", "train/a.wav", "test/b.wav")]


def test_labels_are_compared_as_text_in_the_order_of_their_idx(tmp_path):
    """Numbers in the JSON are labels too, and 100 comes after 60."""
    make(tmp_path, splits=parts([60, 100]), vocabulary=["60", "100"])
    table = tmp_path / FOLDER / "labelvocabulary.csv"
    table.write_bytes(b"idx,label\r\n1,100\r\n0,60")
    assert READER.read_classes(tmp_path) == ("60", "100")
    assert {clip.labels for clip in READER.read_clips(tmp_path)} == {("60",), ("100",)}


def test_events_give_the_labels_in_the_order_of_their_onset(tmp_path):
    """Each label once; times stay in milliseconds; a recording without events has no label."""
    events = [event("dog", 90, 120.5), event("cat", 80, 85), event("dog", 0.5, 3)]
    make(tmp_path, splits={"train": {"a.wav": events, "b.wav": []}, "valid": {}, "test": {}})
    first, second = READER.read_clips(tmp_path)
    assert first.labels == ("dog", "cat")
    assert first.events == (("dog", 0.5, 3.0), ("cat", 80.0, 85.0), ("dog", 90.0, 120.5))
    assert (second.labels, second.events) == ((), ())


def event(label: str, start: float, end: float) -> dict:
    return {"label": label, "start": start, "end": end}


def change(root: Path, **fields) -> None:
    file = root / FOLDER / "task_metadata.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def one_clip(*events: dict) -> str:
    return json.dumps({"x.wav": events})


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("fold01.json", None, r"names the split fold01, but there is no .*fold01\.json"),
        ("fold01.json", "{", r"fold01\.json: not readable as JSON"),
        ("fold01.json", "[]", r"fold01\.json: holds list, but should be one object"),
        ("fold01.json", '{"cat-0-0.wav": ["cat"]}', r"fold01\.json: cat-0-0\.wav: stands in fold00\.json too"),
        ("fold01.json", '{"x.wav": ["cow"]}', r"x\.wav: label 'cow' is not in labelvocabulary\.csv"),
        ("fold01.json", '{"x.wav": "cat"}', r"x\.wav: is str, but should be a list of labels or of events"),
        ("fold01.json", one_clip(event("dog", 5, 3)), r"x\.wav: the event .* ends before it starts"),
        ("fold01.json", one_clip(event("dog", 5, float("inf"))), r"x\.wav: the event .* or never ends"),
        (
            "fold01.json",
            one_clip(event("dog", 5, 10**400)),
            r"x\.wav: .* is no event with label, start and end in milli",
        ),
        ("fold01.json", '{"x.wav": ["cat"], "x.wav": ["dog"]}', r"fold01\.json: .* 'x\.wav' stands there twice"),
        ("fold01.json", '{"/x.wav": ["cat"]}', r"fold01\.json: /x\.wav: is no name of a file in .*48000/fold01"),
        ("fold01.json", '{"../fold00/cat-0-0.wav": ["cat"]}', r"is no name of a file in .*48000/fold01"),
        ("fold01.json", '{"x.wav": [{"label": "cat"}]}', r"x\.wav: .* is no event with label, start and end in milli"),
        ("labelvocabulary.csv", "idx,label\n0,cat\n2,dog\n", r"idx should count from 0 to 1, without gaps"),
        ("labelvocabulary.csv", "idx,label\na,cat\n", r"an idx is no whole number"),
        ("labelvocabulary.csv", "idx,label\n0,cat\n1,dog\n2,cat\n", r"names a label twice: cat"),
        ("labelvocabulary.csv", "number,label\n0,cat\n", r"its columns are number, label, but should be idx, label"),
        ("task_metadata.json", "{}", r"split_mode is None, but should be one of trainvaltest, presplit_kfold, new_spl"),
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
        READER.read_clips(tmp_path)


def test_a_file_that_is_too_deep_is_named(tmp_path):
    """As a broken download may be."""
    make(tmp_path)
    (tmp_path / FOLDER / "fold01.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match=r"fold01\.json: not readable as JSON"):
        READER.read_clips(tmp_path)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"splits": None}, r"splits is None, but should be a list of their names"),
        ({"splits": []}, r"splits is \[\], but should be a list of their names"),
        ({"splits": ["fold00", "fold00"]}, r"names the split fold00 twice"),
        (
            {"splits": ["../fold00"]},
            r"names the split '\.\./fold00', but with .* presplit_kfold they are fold00, fold01",
        ),
        (
            {"split_mode": "trainvaltest"},
            r"names the split 'fold00', but with .* trainvaltest they are train, valid, test",
        ),
        (
            {"split_mode": "kfold"},
            r"split_mode is 'kfold', but should be one of trainvaltest, presplit_kfold, new_split",
        ),
    ],
)
def test_metadata_that_cannot_be_is_named(tmp_path, fields, sentence):
    """Else folds would be taken for splits, or left out, without a word."""
    make(tmp_path)
    change(tmp_path, **fields)
    with pytest.raises(UsageError, match=rf"task_metadata\.json: {sentence}"):
        READER.read_clips(tmp_path)


def test_a_split_without_audio_is_named(tmp_path):
    """Also where a lower rate has it: which of the two is whole is not for us to guess."""
    make(tmp_path, rates=(16000, 48000))
    shutil.rmtree(tmp_path / FOLDER / "48000/fold01")
    sentence = r"fold01\.json: names 2 clips, but there is no folder .*48000/fold01; unpack the archive again"
    with pytest.raises(UsageError, match=sentence):
        READER.read_clips(tmp_path)


def test_a_task_without_audio_is_named(tmp_path):
    """As an archive that was unpacked in part."""
    make(tmp_path, rates=())
    with pytest.raises(UsageError, match="has no folder of audio, such as 48000; unpack the archive again"):
        READER.read_clips(tmp_path)
