"""What releases of one data set call differently is found by any of its names, and what is left out need not be there."""

import json
from pathlib import Path

import pytest

from evaluator.datasets import dataset, manifest
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading import spellings
from evaluator.datasets.reading.globbing import visible
from evaluator.datasets.reading.own_table import of_table
from evaluator.datasets.reading.table import TableReader
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from evaluator.typed import build


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def medley(root: Path, song: str, *audio: str) -> Path:
    """Medley-solos-DB with four clips, the song's column as a release calls it, the audio where and as it is called there."""
    rows = [f"training,piano,4,7,u{n}" for n in range(2)] + [f"test,clarinet,0,8,u{n}" for n in (2, 3)]
    root.mkdir(parents=True)
    text = "".join(f"{row}\n" for row in (f"subset,instrument,instrument_id,{song},uuid4", *rows))
    (root / "Medley-solos-DB_metadata.csv").write_text(text)
    for row in rows:
        part, _, number, _, uuid = row.split(",")
        for template in audio:
            touch(root, template.format(f"Medley-solos-DB_{part}-{number}_{uuid}"))
    return root


def of_dataset(name: str, root: Path, variant: str = "") -> Manifest:
    task = catalogue.Task("any", dataset.read(name, variant), {"by": "split"}, None, "multi", "map", "arch", "")
    return manifest.read(task, root, root / "cache")


@pytest.mark.parametrize("song", ["song_id", "track_id"])
@pytest.mark.parametrize("audio", ["audio/{}.wav", "audio/{}.wav.wav", "audio/Medley-solos-DB/{}.wav"])
def test_a_release_may_spell_a_column_and_a_path_in_its_own_way(tmp_path, song, audio):
    """Versions 1.0 to 1.2 of Medley-solos-DB: the songs are groups in each, and none of its columns is called unused for it."""
    whole = of_dataset("medley_solos_db", medley(tmp_path / "m", song, audio))
    assert {clip.path: clip.group for clip in whole.clips} == {
        audio.format(f"Medley-solos-DB_{part}_u{n}"): group
        for part, n, group in (("training-4", 0, "7"), ("training-4", 1, "7"), ("test-0", 2, "8"), ("test-0", 3, "8"))
    }
    assert [each.kind for each in whole.intake.differences] == []


def test_two_spellings_of_one_thing_are_refused(tmp_path):
    """Two columns, two recordings, or two folders: which of them counts is not guessed."""
    both = medley(tmp_path / "columns", "song_id", "audio/{}.wav")
    table_of = both / "Medley-solos-DB_metadata.csv"
    table_of.write_text(table_of.read_text().replace("uuid4", "uuid4,track_id").replace("u0", "u0,1"))
    with pytest.raises(
        UsageError, match=r"metadata\.csv:2: has the columns song_id and track_id, which are two spellings"
    ):
        of_dataset("medley_solos_db", both)
    twice = medley(tmp_path / "files", "song_id", "audio/{}.wav", "audio/{}.wav.wav")
    with pytest.raises(
        UsageError, match=r"csv:2: under .* are audio/\S+u0\.wav and audio/\S+u0\.wav\.wav, which are two"
    ):
        of_dataset("medley_solos_db", twice)
    touch(tmp_path, "g/A/x.wav", "g/B/y.wav")
    with pytest.raises(UsageError, match=r"g: has files like A/\*\.wav and B/\*\.wav, which are two spellings"):
        visible(tmp_path / "g", "A|B/*.wav")


def test_a_column_without_any_of_its_spellings_is_named(tmp_path):
    """With all of them."""
    with pytest.raises(UsageError, match=r"csv:2: there is no column 'song_id' or 'track_id'; its columns are subset"):
        of_dataset("medley_solos_db", medley(tmp_path / "m", "song", "audio/{}.wav"))


def test_a_bar_in_brackets_or_braces_is_no_spelling(tmp_path):
    """A glob's own way to mean the character, and a column's spellings."""
    assert spellings.paths_of("a[|]b/{c|d}.wav") == ("a[|]b/{c|d}.wav",)
    assert spellings.paths_of("a|/x.wav|y.wav") == ("a/x.wav", "a/y.wav", "x.wav", "y.wav")
    assert spellings.paths_of("/a/b|c") == ("/a/b", "/a/c")


def irmas(root: Path, *parts: str) -> Path:
    """IRMAS with one training clip for each of two instruments, and a test clip in each of these folders."""
    touch(root, "IRMAS-TrainingData/cel/a__1.wav", "IRMAS-TrainingData/voi/b__1.wav")
    for part in parts:
        touch(root, f"{part}/song-1.wav")
        (root / part / "song-1.txt").write_text("cel\t\nvoi\t\n")
    return root


PARTS = tuple(f"IRMAS-TestingData-Part{n}/Part{n}" for n in (1, 3))


def test_a_part_that_is_left_out_need_not_be_there(tmp_path):
    """ARCH's IRMAS lacks part 2, by whatever name; as a part that counts it is missed."""
    without = irmas(tmp_path / "without", *PARTS)
    assert len(of_dataset("irmas", without, "without_part2").clips) == 4
    with pytest.raises(UsageError, match=r"there are no files like IRMAS-TestingData-Part2/.*; get them"):
        of_dataset("irmas", without)
    for inner in ("IRTestingData-Part2", "Part2"):
        whole = irmas(tmp_path / inner, *PARTS, f"IRMAS-TestingData-Part2/{inner}")
        assert len(of_dataset("irmas", whole).clips) == 5
        (whole / f"IRMAS-TestingData-Part2/{inner}/song-1.txt").unlink()
        assert len(of_dataset("irmas", whole, "without_part2").clips) == 4


def test_a_row_that_is_left_out_need_not_have_its_file(tmp_path):
    """Nor its label file, nor a place among the clips that a list names."""
    touch(tmp_path, "a.wav", "b.wav")
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("x\n")
    (tmp_path / "test.txt").write_text("b.wav\ngone.wav\n")
    (tmp_path / "t.csv").write_text("file\na.wav\nb.wav\ngone.wav\n")
    keys = {"path": "{file}", "label_file": "{stem}.txt", "split_lists": {"test.txt": "test", "*": "train"}}
    keys |= {"derive": [{"from": "{file}", "pattern": r"(?P<stem>\w+)\.wav"}], "leave_out": ["gone*"]}
    reader = build(TableReader, {"table": "t.csv", **keys})
    assert [(clip.path, clip.split) for clip in reader.read_clips(tmp_path)] == [("a.wav", "train"), ("b.wav", "test")]


def test_a_table_called_like_a_glob_is_read(tmp_path):
    """A file that is there is meant, whatever its name."""
    (tmp_path / "t[1].csv").write_text("path,label\na.wav,x\nb.wav,y\n")
    assert [clip.labels for clip in of_table(tmp_path / "t[1].csv").read_clips(tmp_path)] == [("x",), ("y",)]


def test_a_file_of_a_list_that_is_missing_is_named(tmp_path):
    """SLURP without its training sentences: a glob would not have noticed."""
    for part in ("devel", "test"):
        line = {"scenario": "a", "action": part, "recordings": [{"file": f"audio-{len(part)}.flac"}]}
        (tmp_path / f"{part}.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(UsageError, match=r"train\.jsonl: there is no such file; get it, or say with --data"):
        of_dataset("slurp", tmp_path)


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("vivae", ("full_set/S01_anger_low_7.wav", "full_set/S02_fear_peak_03.wav")),
        ("vivae", ("Full_set/Anger/S01_anger_low_7.wav", "Full_set/Fear/S02_fear_peak_03.wav")),
        ("emovo", ("f1/dis-f1-b1.wav", "m3/tri-m3-n5.wav")),
    ],
)
def test_a_folder_may_have_the_name_of_another_copy(tmp_path, name, paths):
    """VIVAE at Zenodo and at DagsHub; EMOVO from the folder of its speakers on."""
    whole = of_dataset(name, touch(tmp_path, *paths))
    assert tuple(clip.path for clip in whole.clips) == paths
