"""Nothing vanishes: every file and row that became no clip has its reason, in the manifest and in the result's notes."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from evaluator.audio.clip import Clip
from evaluator.datasets import lookalikes, manifest
from evaluator.datasets.intake import KINDS, Tally
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading.disk import Disk
from evaluator.datasets.reading.globbing import visible
from evaluator.errors import UsageError
from evaluator.experiment import catalogue

links = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def read(path: Path) -> Manifest:
    """The manifest of the one task that a path is."""
    (task,) = catalogue.find(str(path))
    return manifest.read(task, None, path.parent / "cache")


def told(path: Path) -> dict[str, tuple[int, str, str]]:
    """Kind -> count, first and sentence of the intake's differences."""
    return {each.kind: (each.count, each.first, each.text) for each in read(path).intake.differences}


def csv_of(folder: Path, text: str, name: str = "t.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text.encode())
    return folder / name


PLAIN = ("dog/a.wav", "dog/b.wav", "cat/c.wav", "cat/d.wav")


# Files ---------------------------------------------------------------------------------------------------------------


def test_what_is_whole_has_no_difference(tmp_path):
    """Four files, four clips, and nothing to tell."""
    taken = read(touch(tmp_path / "set", *PLAIN)).intake
    assert (taken.files_seen, taken.rows_read, taken.clips_made, taken.differences) == (4, 4, 4, ())
    assert taken.summary == "4 clips from 4 rows or files that were read; 4 audio files seen"


def test_audio_that_cannot_be_read_is_counted_by_suffix(tmp_path):
    """A phone's .m4a beside the recorder's WAV, in any case; a text file is no audio."""
    touch(tmp_path / "set", *PLAIN, "dog/p.m4a", "dog/q.M4A", "cat/r.wma", "cat/readme.txt")
    count, first, text = told(tmp_path / "set")["other_formats"]
    assert (count, first) == (3, "cat/r.wma") and "(.m4a x 2, .wma x 1)" in text and "convert them" in text


def test_files_beside_class_folders_and_hidden_ones_are_told(tmp_path):
    """They have no class; AppleDouble files are no recordings."""
    touch(tmp_path / "set", *PLAIN, "loose.wav", "dog/._a.wav", "__MACOSX/._a.wav", ".git/x.wav")
    found = told(tmp_path / "set")
    assert found["root_files"][:2] == (1, "loose.wav") and found["hidden_files"][:2] == (1, "dog/._a.wav")
    assert set(found) == {"root_files", "hidden_files"}


def test_a_suffix_in_another_case_is_read_and_told(tmp_path):
    """AudioMoth writes .WAV; both the glob and the pattern of the user's file say .wav."""
    touch(tmp_path / "rec", "robin/1.wav", "robin/2.wav", "wren/1.WAV", "wren/2.Wav")
    (tmp_path / "t.yaml").write_text(
        "name: t\ndataset:\n  root: rec\n"
        '  reader: {kind: paths, files: "*/*.wav", pattern: "(?P<label>[a-z]+)/[0-9]+[.]wav"}\n'
        "split: {by: random, folds: 2, seed: 1, valid: {share: 0.5, seed: 1}}\nlabels: single\nmetric: uar\n"
    )
    whole = read(tmp_path / "t.yaml")
    assert [(clip.path, *clip.labels) for clip in whole.clips] == [
        ("robin/1.wav", "robin"),
        ("robin/2.wav", "robin"),
        ("wren/1.WAV", "wren"),
        ("wren/2.Wav", "wren"),
    ]
    assert told(tmp_path / "t.yaml")["suffix_case"][:2] == (2, "wren/1.WAV")


def test_files_that_no_pattern_takes_are_told(tmp_path):
    """A third class that was recorded as FLAC lies in a folder that no glob looks into."""
    touch(tmp_path / "rec", *PLAIN, "cow/e.flac", "cow/f.flac")
    (tmp_path / "t.yaml").write_text(
        'name: t\ndataset:\n  root: rec\n  reader: {kind: paths, files: "*/*.wav", pattern: "(?P<label>[a-z]+)/.*"}\n'
        "split: {by: random, folds: 2, seed: 1, valid: {share: 0.5, seed: 1}}\nlabels: single\nmetric: uar\n"
    )
    assert told(tmp_path / "t.yaml")["unused_audio"][:2] == (2, "cow/e.flac")


@pytest.mark.parametrize(("limit", "stopped"), [(6, False), (5, True), (1, True)])
def test_where_too_many_files_lie_it_is_told_that_not_all_were_looked_at(tmp_path, monkeypatch, limit, stopped):
    """Else a count of unused files would look as if it were whole; two folders and four files lie here."""
    monkeypatch.setattr("evaluator.datasets.unused._MAX_ENTRIES", limit)
    found = told(touch(tmp_path / "set", *PLAIN))
    assert ("not_looked_at" in found) == stopped
    if stopped:
        assert (
            found["not_looked_at"][0] == limit
            and f"only {limit} files and folders were looked at" in found["not_looked_at"][2]
        )


@links
def test_linked_folders_are_followed_once_and_loops_told(tmp_path):
    """A session that lies elsewhere counts; a link to what holds it, or to what is read already, does not count twice."""
    touch(tmp_path / "set", *PLAIN)
    touch(tmp_path / "elsewhere", "e.wav", "f.wav")
    (tmp_path / "set/dog/session2").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/cat/round").symlink_to(tmp_path / "set")
    (tmp_path / "set/cat/self").symlink_to("self")
    (tmp_path / "set/dog/again").symlink_to(tmp_path / "set/cat")
    found, whole = told(tmp_path / "set"), read(tmp_path / "set")
    assert {clip.path for clip in whole.clips} == {*PLAIN, "dog/session2/e.wav", "dog/session2/f.wav"}
    assert found["link_loops"][0] == 2 and found["linked_twice"][0] == 2 and "unused_audio" not in found


@links
def test_two_folders_that_link_to_each_other_end(tmp_path):
    """Neither is an ancestor of the other as it is written, and both are as they are reached."""
    touch(tmp_path, "a/1.wav", "b/2.wav")
    (tmp_path / "a/b").symlink_to(tmp_path / "b")
    (tmp_path / "b/a").symlink_to(tmp_path / "a")
    assert sorted(visible(tmp_path, "**/*")) == ["a/1.wav", "b/2.wav"]


@links
def test_a_link_to_nothing_is_told(tmp_path):
    """What git-annex leaves of a recording that was not fetched."""
    touch(tmp_path / "set", *PLAIN)
    (tmp_path / "set/dog/z.wav").symlink_to(tmp_path / "annex/gone")
    assert told(tmp_path / "set")["broken_links"][:2] == (1, "dog/z.wav")


@pytest.mark.parametrize(
    "pattern", ["*/*.wav", "**/*.wav", "dog/*", "d?g/**/*.wav", "**/more/*.wav", "*.wav", "dog/a.wav"]
)
def test_globs_fit_what_pathlib_fits(tmp_path, pattern):
    """Where there is neither link, hidden file nor other case, there is no difference."""
    touch(tmp_path, *PLAIN, "dog/more/deep/x.wav", "dog/more/y.wav", "z.wav", "dog/n.txt")
    expected = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob(pattern) if path.is_file()}
    found = visible(tmp_path, pattern)
    assert set(found) == expected and len(found) == len(expected)


# Paths ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "found", "kind"),
    [
        ("rec/x.wav", "rec/x.WAV", "path_case"),
        ("REC/X.wav", "rec/x.WAV", "path_case"),
        ("rec\\x.WAV", "rec/x.WAV", "path_backslash"),
        (
            "rec/" + unicodedata.normalize("NFC", "Zilpzalp é.wav"),
            "rec/" + unicodedata.normalize("NFD", "Zilpzalp é.wav"),
            "path_unicode",
        ),
        ("C:\\Users\\ada\\rec\\x.WAV", "rec/x.WAV", "path_moved"),
        ("/home/ada/data/rec/x.WAV", "rec/x.WAV", "path_moved"),
        ("rec/gone.wav", "rec/gone.wav", "missing_files"),
    ],
)
def test_a_path_that_is_written_otherwise_is_found_and_told(tmp_path, written, found, kind):
    """In case, Unicode form or slashes, or on another computer; what is nowhere keeps its name."""
    touch(tmp_path, "rec/x.WAV", unicodedata.normalize("NFD", "rec/Zilpzalp é.wav"), "other/y.wav")
    table = csv_of(tmp_path, f"path,label\n{written},a\nother/y.wav,a\n")
    from evaluator.datasets.reading.own_table import of_table

    tally = Tally()
    clips = of_table(table).read_clips(tmp_path, tally)
    assert clips == [Clip(found, ("a",)), Clip("other/y.wav", ("a",))]
    assert [each.kind for each in tally.intake(2).differences] == [kind]


def test_an_absolute_path_becomes_relative(tmp_path):
    """Below the table's folder and beside it, so that names of clips do not depend on where the data lies."""
    touch(tmp_path, "mine/a.wav", "beside/b.wav")
    table = csv_of(tmp_path / "mine", f"path,label\n{tmp_path / 'mine/a.wav'},x\n{tmp_path / 'beside/b.wav'},x\n")
    from evaluator.datasets.reading.own_table import of_table

    assert [clip.path for clip in of_table(table).read_clips(table.parent)] == ["a.wav", "../beside/b.wav"]


@pytest.mark.skipif(os.name == "nt", reason="one disk cannot hold both")
def test_a_path_that_could_be_two_files_is_refused(tmp_path):
    """Neither is guessed."""
    touch(tmp_path, "A.wav", "a.WAV")
    with pytest.raises(UsageError, match=r"t:2: a\.wav could be A\.wav or a\.WAV; write it as one of them"):
        Disk(tmp_path, Tally()).resolve("a.wav", "t:2")


def test_a_large_file_beside_recordings_costs_no_more_than_its_beginning(tmp_path):
    """Only its first lines say whether it is a table of annotations; a character may be cut there."""
    from evaluator.datasets.reading.annotation_formats import recognise

    for text, format in (
        ("0.5\t1\té" + "é" * 40_000, "audacity"),
        ("0.5\t1\tx\n" * 20_000, "audacity"),
        ("é\n" * 40_000, ""),
    ):
        (tmp_path / "big.txt").write_text(text, encoding="utf-8")
        assert recognise(tmp_path / "big.txt") == format


# Rows and columns ----------------------------------------------------------------------------------------------------


def test_columns_that_nothing_uses_are_told_with_what_they_nearly_are(tmp_path):
    """A typing mistake, and words of others for ours; a column that means nothing to us has no hint."""
    touch(tmp_path, "a.wav", "b.wav", "c.wav", "d.wav")
    rows = "a.wav,x,1,2,ada,ada,5\nb.wav,x,1,2,bo,bo,5\nc.wav,y,3,4,ada,ada,5\nd.wav,y,3,4,bo,bo,5\n"
    table = csv_of(tmp_path, "path,label,sart,offset,gruop,individual,quality\n" + rows)
    count, _, text = told(table)["unused_columns"]
    assert count == 5
    assert text.endswith(
        "sart (did you mean start?), offset (did you mean end?), gruop (did you mean group?), individual (did you mean group?), quality"
    )


def test_a_quote_that_is_left_open_is_refused(tmp_path):
    """It swallows rows up to the next one; the line where it opens is named, also where the next quote never comes."""
    rows = [f'{n}.wav,{"xy"[n % 2]},"zeep' if n in (3, 9) else f"{n}.wav,{'xy'[n % 2]},fine" for n in range(12)]
    table = csv_of(tmp_path, "path,label,note\n" + "\n".join(rows) + "\n")
    with pytest.raises(
        UsageError, match=r"t\.csv:5: a double quote opens here and closes in line 11, so that 6 rows or more"
    ):
        catalogue.find(str(table))
    table = csv_of(tmp_path, "path,label,note\n" + "\n".join(rows[:9]) + "\n")
    with pytest.raises(UsageError, match=r"t\.csv:5: a double quote opens here"):
        catalogue.find(str(table))


def test_a_note_of_several_lines_is_no_open_quote(tmp_path):
    """With commas as prose has them."""
    table = csv_of(tmp_path, 'path,label,note\na.wav,x,"one, two,\nthree, four, five, and six"\nb.wav,y,\n')
    assert len(catalogue.find(str(table))) == 1


EVENTS = """name: ev
dataset:
  root: .
  reader: {kind: table, table: e.csv, path: "{file}", start: "{on}", end: "{off}", label: "{species}",
    windows: {of: recordings, recordings: "*.wav", seconds: 2, hop: 2}}
split: {by: random, folds: 2, seed: 1, valid: {share: 0.5, seed: 1}}
labels: multi
metric: map
"""


@pytest.mark.parametrize("times", ["3,3", "5,4", "12,13", "9,10.2", "nan,3", "-2,-1", "-2,1"])
def test_events_that_cannot_be_are_errors(tmp_path, times):
    """No length, backwards, beyond the end, not a number, before the beginning; the first row is named."""
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(1000), 100)
    (tmp_path / "ev.yaml").write_text(EVENTS)
    csv_of(tmp_path, f"file,on,off,species\na.wav,1,2,x\na.wav,{times},y\nb.wav,0,10.04,x\n", "e.csv")
    with pytest.raises(UsageError, match=r"ev: 1 row of events cannot be: .*e\.csv:3 \("):
        read(tmp_path / "ev.yaml")


def test_recordings_without_events_are_told(tmp_path):
    """Nobody may have looked at them, or their table is missing: every window of them is a negative example."""
    for name in "abc":
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(1000), 100)
    (tmp_path / "ev.yaml").write_text(EVENTS)
    csv_of(tmp_path, "file,on,off,species\na.wav,1,2,x\nc.wav,1,3,y\n", "e.csv")
    count, first, text = told(tmp_path / "ev.yaml")["eventless_recordings"]
    assert (count, first) == (1, "b.wav") and text.startswith("1 of 3 recordings have no event in any table")


def test_clips_without_labels_are_told_where_several_are_possible(tmp_path):
    """Their label files are empty: negative for every class, which nobody may have meant."""
    for n in range(4):
        touch(tmp_path / "rec", f"{n}.wav")
        (tmp_path / f"rec/{n}.txt").write_text("" if n == 2 else "x\ny\n"[: 2 + n])
    (tmp_path / "t.yaml").write_text(
        'name: t\ndataset:\n  root: rec\n  reader: {kind: paths, files: "*.wav", pattern: ".*", label_file: "{stem}.txt"}\n'
        "split: {by: random, folds: 2, seed: 1, valid: {share: 0.5, seed: 1}}\nlabels: multi\nmetric: map\n"
    )
    count, first, text = told(tmp_path / "t.yaml")["unlabelled_clips"]
    assert (count, first) == (1, "2.wav") and "1 of 4 clips have no label" in text


def test_rows_that_are_left_out_are_counted(tmp_path):
    """By `where`, by `drop` and by `leave_out`: a user's own result says so, one of a built-in dataset does not."""
    touch(tmp_path, "a.wav", "b.wav", "c.wav", "d.wav", "e.wav", "f.wav")
    csv_of(tmp_path, "f,c,q\na,x,1\nb,x,1\nc,y,1\nd,y,1\ne,y,0\nf,y,1\n")
    (tmp_path / "t.yaml").write_text(
        'name: t\ndataset:\n  root: .\n  reader: {kind: table, table: t.csv, path: "{f}.wav", label: "{c}", where: {q: ["1"]},'
        " leave_out: [f.wav]}\nsplit: {by: random, folds: 2, seed: 1, valid: {share: 0.5, seed: 1}}\nlabels: single\nmetric: uar\n"
    )
    taken = read(tmp_path / "t.yaml").intake
    assert (taken.rows_read, taken.clips_made) == (6, 4)
    assert [(each.kind, each.count) for each in taken.differences] == [("unused_audio", 2), ("left_out", 2)]
    assert [each.kind for each in taken.unexpected()] == ["unused_audio"]


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("robin", "Robin", "'Robin' (2) and 'robin' (2)"),
        ("caf\u00e9", "cafe\u0301", "'cafe\\u0301' (2) and 'café' (2)"),
        ("red fox", "red  fox", "'red  fox' (2) and 'red fox' (2)"),
        ("1", "1.0", "'1' (2) and '1.0' (2)"),
    ],
)
def test_labels_that_look_alike_are_told(tmp_path, one, other, shown):
    """They stay two classes, as written, and a sentence names them with their clips."""
    touch(tmp_path, *(f"{n}.wav" for n in range(6)))
    labels = [one, other, "zebra"] * 2
    table = csv_of(tmp_path, "path,label\n" + "".join(f"{n}.wav,{label}\n" for n, label in enumerate(labels)))
    assert len(read(table).classes) == 3
    count, _, text = told(table)["alike_labels"]
    assert count == 2 and shown in text


def test_a_class_that_is_called_like_an_empty_cell_is_told(tmp_path):
    """What pandas writes where nothing stood."""
    touch(tmp_path, *(f"{n}.wav" for n in range(4)))
    table = csv_of(tmp_path, "path,label\n0.wav,nan\n1.wav,nan\n2.wav,wren\n3.wav,wren\n")
    assert told(table)["empty_like_labels"] == (
        1,
        "nan",
        "1 class is called like an empty cell: 'nan' (2); leave those rows out if so",
    )


def test_names_that_differ_do_not_look_alike():
    """Numbers by their value, words by their letters."""
    assert lookalikes.alike(["1", "10", "1.5", "one", "On e", "inf", "nan"]) == []
    assert lookalikes.alike(["A b", "a_B", "c", "2.50", "2.5"]) == [("2.5", "2.50"), ("A b", "a_B")]


def test_one_semicolon_among_many_labels_is_asked_about(tmp_path):
    """It does not change the question; called `labels`, the column may have it; where many have several it is told."""
    rows = [f"{n}.wav,{'robin; song' if n == 0 else 'robin' if n % 2 else 'wren'}" for n in range(20)]
    touch(tmp_path, *(f"{n}.wav" for n in range(20)))
    with pytest.raises(
        UsageError, match=r"1 of 20 clips has several labels \('robin; song' for one\).*call the column 'labels'"
    ):
        catalogue.find(str(csv_of(tmp_path, "path,label\n" + "\n".join(rows))))
    table = csv_of(tmp_path, "path,labels\n" + "\n".join(rows))
    assert catalogue.find(str(table))[0].metric == "map"
    assert told(table)["several_labels"][:2] == (1, "0.wav")


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "val", "test", "notes")])
def test_folders_called_like_splits_are_no_classes(tmp_path, names):
    """train against test is no question; the sentence says how to ask the right one."""
    touch(tmp_path / "set", *(f"{name}/robin/{n}.wav" for name in names for n in range(2)))
    with pytest.raises(UsageError, match=r"are called like the parts of a split.*hear-eval init .*path,label,split"):
        catalogue.find(str(tmp_path / "set"))


def test_one_class_may_be_called_test(tmp_path):
    """Only several such names make a split."""
    assert read(touch(tmp_path / "set", "test/a.wav", "test/b.wav", "car/c.wav", "car/d.wav")).classes == (
        "car",
        "test",
    )


# The result ----------------------------------------------------------------------------------------------------------


def test_a_run_tells_it_in_its_notes(tmp_path):
    """A line a kind, in the result, so that it reaches the report."""
    import evaluator as ev

    rng = np.random.default_rng(0)
    for label in ("low", "high"):
        for n in range(8):
            (tmp_path / "set" / label).mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "set" / label / f"{n}.wav", 0.1 * rng.standard_normal(1600), 16000)
    touch(tmp_path / "set", "low/p.m4a", "high/q.m4a")
    (result,) = ev.run(
        "hear_ssl.duration_loudness", str(tmp_path / "set"), protocol="logistic", cache=tmp_path / "cache"
    )
    notes = [note for note in result.notes if note.startswith("data: ")]
    assert notes[0] == "data: 16 clips from 16 rows or files that were read; 18 audio files seen"
    assert len(notes) == 2 and "2 audio files have a format that cannot be read (.m4a x 2)" in notes[1]


def test_every_kind_has_a_sentence_for_one_and_for_many():
    """No word of it lacks its form."""
    for kind in KINDS:
        for n in (1, 2):
            tally = Tally()
            tally.note(kind, "FIRST", n, "DETAIL")
            (difference,) = tally.intake(0).differences
            assert "{" not in difference.text and "  " not in difference.text
