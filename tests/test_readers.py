"""Each way in which published datasets write down their clips is read, and every slip has its sentence."""

import json
import tracemalloc
from pathlib import Path

import pytest

from evaluator import typed
from evaluator.audio.clip import Clip
from evaluator.datasets.reading.kinds import READERS
from evaluator.datasets.reading.table import TableReader
from evaluator.errors import UsageError
from evaluator.experiment import catalogue


def read(root: Path, kind: str, **values) -> list[Clip]:
    """The clips that a reader gives, its other keys at their defaults; keys as in YAML."""
    return typed.build(READERS[kind], values).read_clips(root)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_three_header_lines_are_joined(tmp_path):
    """FMA: two rows of column names, then one that names the index; numbers become six-digit paths."""
    lines = [
        ",set,set,track",
        ",split,subset,genre_top",
        "track_id,,,",
        "2,training,small,Hip-Hop",
        "134,test,large,Rock",
    ]
    write(tmp_path, {"tracks.csv": "\n".join(lines)})
    clips = read(
        tmp_path,
        kind="table",
        table="tracks.csv",
        header=3,
        where={"set.subset": ["small"]},
        derive=[{"from": "{track_id:0>6}", "pattern": r"(?P<shelf>\d{3})\d{3}"}],
        path="fma_small/{shelf}/{track_id:0>6}.mp3",
        label="{track.genre_top}",
        split="{set.split}",
    )
    assert clips == [Clip("fma_small/000/000002.mp3", ("Hip-Hop",), split="training")]


def test_a_table_without_header_gets_its_columns_named(tmp_path):
    """AVA-Speech and FSD50K's vocabulary."""
    write(tmp_path, {"ava.csv": "-5KQ66BBWC4,900.00,901.5,NO_SPEECH\n"})
    keys = {"kind": "table", "table": "ava.csv", "header": 0, "columns": ["film", "from", "to", "label"]}
    clips = read(tmp_path, **keys, path="audio/{film}.wav", start="{from}", end="{to}", label="{label}", group="{film}")
    assert clips == [Clip("audio/-5KQ66BBWC4.wav", ("NO_SPEECH",), 900.0, 901.5, group="-5KQ66BBWC4")]


def test_several_tables_know_where_they_lie(tmp_path):
    """One table of events beside each recording."""
    for number in (1, 2):
        write(
            tmp_path, {f"Recording_{number}/r{number}.Table.1.selections.txt": "Begin Time (s)\tSpecies\n0.5\tEATO\n"}
        )
    clips = read(
        tmp_path,
        kind="table",
        table="Recording_?/*.txt",
        delimiter="\t",
        derive=[{"from": "{table.stem}", "pattern": r"(?P<recording>[^.]+)\..*"}],
        path="{table.folder}/{recording}.wav",
        start="{Begin Time (s)}",
        label="{Species}",
    )
    assert [clip.name for clip in clips] == ["Recording_1/r1.wav#0.5-", "Recording_2/r2.wav#0.5-"]


def test_nested_lists_in_json_lines_are_expanded(tmp_path):
    """SLURP: a sentence a line, a clip for each of its recordings."""
    lines = [
        {
            "slurp_id": 1,
            "intent": "x_y",
            "scenario": "x",
            "recordings": [{"file": "a.flac"}, {"file": "a-headset.flac"}],
        },
        {"slurp_id": 2, "intent": "query", "scenario": "z", "recordings": [{"file": "b.flac"}]},
    ]
    write(tmp_path, {"train.jsonl": "".join(json.dumps(line) + "\n" for line in lines)})
    keys = {
        "kind": "json",
        "file": "train.jsonl",
        "form": "lines",
        "each": "recordings",
        "path": "real/{recordings.file}",
    }
    clips = read(tmp_path, **keys, label="{scenario}-{intent}", group="{slurp_id}", split="train")
    assert clips == [
        Clip("real/a.flac", ("x-x_y",), split="train", group="1"),
        Clip("real/a-headset.flac", ("x-x_y",), split="train", group="1"),
        Clip("real/b.flac", ("z-query",), split="train", group="2"),
    ]


def test_a_json_object_names_its_rows_by_key(tmp_path):
    """NSynth: one object, numbers and flags as text, deeper objects by dots, other lists left alone."""
    notes = {"bass_068": {"pitch": 49, "family": {"name": "bass"}, "held": True, "source": None, "qualities": [0, 1]}}
    write(tmp_path, {"examples.json": json.dumps(notes)})
    keys = {"kind": "json", "file": "examples.json", "form": "object", "path": "audio/{key}.wav"}
    assert read(tmp_path, **keys, label="{family.name} {pitch} {held}{source}") == [
        Clip("audio/bass_068.wav", ("bass 49 true",))
    ]


@pytest.mark.parametrize(
    ("text", "form", "sentence"),
    [
        ('{"takes": []}\n{"a": \n', "lines", r"x\.json:2: not readable as JSON"),
        ("[1, 2]", "object", r"x\.json: holds list, but should be one object"),
        ('{"a": {"b": 1}}', "object", r"x\.json: a: has no list 'takes' to expand"),
        (
            '{"takes": []}\n' + '{"a":' * 100_000,
            "lines",
            r"x\.json:2: not readable as JSON: lists or objects lie too deep",
        ),
        ('{"a": ' * 40 + "{}" + "}" * 40, "object", r"x\.json: a: an object lies inside 30 others, but 29 are enough"),
        (
            '{"takes": []}\n{"a": 1, "b": 2, "a": 3}',
            "lines",
            r"x\.json:2: not readable as JSON: the key 'a' stands twice",
        ),
        ('{"a": {"takes": []}, "a": {"takes": []}}', "object", r"the key 'a' stands twice in one object"),
        ('{"a": ' + "9" * 5000 + "}", "object", r"x\.json: not readable as JSON: Exceeds the limit \(4300 digits\)"),
        ('{"takes": []}\n{"a": "\0"}', "lines", r"x\.json:2: has a NUL character"),
    ],
)
def test_a_slip_in_json_is_named_with_its_place(tmp_path, text, form, sentence):
    """The line or the key."""
    write(tmp_path, {"x.json": text})
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path, kind="json", file="x.json", form=form, each="takes", path="{key}", label="{b}")


@pytest.mark.parametrize("form", ["lines", "object"])
def test_json_in_another_encoding_or_too_large_is_a_sentence(tmp_path, monkeypatch, form):
    """As PowerShell writes it; the limit of size is lowered here."""
    (tmp_path / "x.json").write_bytes('{"a": {}}'.encode("utf-16"))
    keys = {"kind": "json", "file": "x.json", "form": form, "path": "{key}", "label": "{b}"}
    with pytest.raises(UsageError, match=r"x\.json: cannot be read as UTF-8 text: .*; save it as UTF-8"):
        read(tmp_path, **keys)
    monkeypatch.setattr("evaluator.datasets.reading.delimited._MAX_BYTES", 10)
    with pytest.raises(UsageError, match=r"x\.json: has 20 B, and no more than 10 B are read into memory; divide it"):
        read(tmp_path, **keys)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"path,label," + b"x" * 200_000, r"t\.csv:1: not a readable table: "),
        (
            b"path,label\na.wav,x\nb.wav," + b"x" * 200_000,
            r"t\.csv:3: .* a value has more than 131072 letters; is a double",
        ),
        (
            b"path,label," + b",".join(b"%d" % n for n in range(20_000)),
            "its first line names 20002 columns, more than 20000",
        ),
        (b"path,label\na.wav,x\nb\0.wav,y", r"t\.csv:3: has a NUL character, so that it is no utf-8 text"),
        ("path,label\na.wav,x\n".encode("utf-32"), r"t\.csv:1: has a NUL character, so that it is no utf-16 text"),
        ("path,label\na.wav,x\n".encode("utf-16")[:-1], r"t\.csv: cannot be read as utf-16 text: .*; save it as UTF-8"),
        (b"path,label,a,b,a\n", "its first line names a column twice: a"),
    ],
    ids=["header", "value", "columns", "nul", "utf-32", "cut", "twice"],
)
def test_a_table_that_is_none_is_a_sentence(tmp_path, content, sentence):
    """With its line, whatever Python's csv module would have made of it."""
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        catalogue.find(str(tmp_path / "t.csv"))


def test_one_hot_columns_become_labels(tmp_path):
    """MagnaTagATune: tags that are not asked for do not count, clips without any are left out, bad ones dropped."""
    rows = [
        "clip_id\tno voice\tguitar\tharp\tmp3_path",
        "2\t0\t1\t1\tf/a.mp3",
        "6\t1\t0\t0\tf/b.mp3",
        "9\t1\t1\t0\tf/c.mp3",
    ]
    write(tmp_path, {"tags.csv": "\n".join(rows)})
    keys = {"kind": "table", "table": "tags.csv", "delimiter": "\t", "path": "{mp3_path}", "drop_unlabelled": True}
    clips = read(tmp_path, **keys, label_columns=["harp", "guitar"], drop={"clip_id": ["9"]})
    assert clips == [Clip("f/a.mp3", ("harp", "guitar"))]
    write(tmp_path, {"tags.csv": "{odd: name}!\tmp3_path\n1\ta.mp3\n0\tb.mp3\n"})  # columns are names, not templates
    assert read(tmp_path, **keys, label_columns=["{odd: name}!"]) == [Clip("a.mp3", ("{odd: name}!",))]


def test_labels_may_stand_in_a_file_beside_the_clip(tmp_path):
    """IRMAS: one code a line, with white space behind it; only the last suffix is cut off."""
    write(tmp_path, {"Part1/(02) a. b-1.wav": "", "Part1/(02) a. b-1.txt": "gel\t\nvoi\t\n"})
    keys = {"kind": "paths", "files": "Part1/*.wav", "pattern": r"Part1/(?P<group>.+)-\d+\.wav", "split": "test"}
    clips = read(
        tmp_path, **keys, label_file="{folder}/{stem}.txt", names={"label": {"gel": "electric guitar", "*": "*"}}
    )
    assert clips == [Clip("Part1/(02) a. b-1.wav", ("electric guitar", "voi"), split="test", group="(02) a. b")]
    (tmp_path / "Part1/(02) a. b-1.txt").unlink()
    with pytest.raises(UsageError, match=r"b-1\.wav: its labels cannot be read from .*b-1\.txt"):
        read(tmp_path, **keys, label_file="{folder}/{stem}.txt")


def test_rare_labels_can_be_joined(tmp_path):
    """HumBugDB: an empty species has a name of its own, and every species that is no class becomes one class."""
    write(tmp_path, {"t.csv": "id,species\n1,an dirus\n2,\n3,an rare\n"})
    keys = {"kind": "table", "table": "t.csv", "path": "{id}.wav", "label": "{species}", "other_label": "others"}
    names = {"label": {"": "non-mosquito", "*": "*"}}
    clips = read(tmp_path, **keys, names=names, classes=["an dirus", "non-mosquito", "others"])
    assert [clip.labels for clip in clips] == [("an dirus",), ("non-mosquito",), ("others",)]


def test_lists_of_files_give_the_split(tmp_path):
    """Speech Commands: what is on no list trains; the last line has no end; a listed clip that is missing is an error."""
    write(tmp_path, {"yes/a.wav": "", "yes/b.wav": "", "no/a.wav": "", "valid.txt": "yes/b.wav\nno/a.wav"})
    keys = {"kind": "paths", "files": "[!_]*/*.wav", "pattern": r"(?P<label>\w+)/.*"}
    clips = read(tmp_path, **keys, split_lists={"valid.txt": "valid", "*": "train"})
    assert {clip.path: clip.split for clip in clips} == {
        "yes/a.wav": "train",
        "yes/b.wav": "valid",
        "no/a.wav": "valid",
    }
    write(tmp_path, {"test.txt": "yes/b.wav"})
    with pytest.raises(UsageError, match=r"test\.txt: clip yes/b\.wav is in another list too, that of 'valid'"):
        read(tmp_path, **keys, split_lists={"valid.txt": "valid", "test.txt": "test", "*": "train"})
    (tmp_path / "no/a.wav").unlink()
    with pytest.raises(UsageError, match=r"1 clips of valid\.txt are not there, no/a\.wav for one"):
        read(tmp_path, **keys, split_lists={"valid.txt": "valid", "*": "train"})


def test_the_order_of_groups_gives_the_split(tmp_path):
    """AVA-Speech: the last films test; byte order, in which "-" comes before digits, capitals, "_" and small letters."""
    films = ["a", "_", "Z", "0", "-"]
    write(tmp_path, {f"{film}.wav": "" for film in films})
    keys = {"kind": "paths", "files": "*.wav", "pattern": r"(?P<group>.)\.wav", "label": "x"}
    clips = read(tmp_path, **keys, split_by_order={"train": ":2", "valid": "-2:-1", "test": "-1:"})
    assert {clip.group: clip.split for clip in clips} == {"-": "train", "0": "train", "_": "valid", "a": "test"}
    with pytest.raises(UsageError, match=r"of 5 groups, '_' is in both 'train' \(:4\) and 'test' \(-2:\)"):
        read(tmp_path, **keys, split_by_order={"train": ":4", "test": "-2:"})


def test_clips_can_be_left_out_by_their_path(tmp_path):
    """A part of a dataset that a published code missed."""
    write(tmp_path, {"Part1/a.wav": "", "Part2/in/b.wav": ""})
    keys = {"kind": "paths", "files": "**/*.wav", "pattern": r"(?P<label>\w+)/.*"}
    assert [clip.path for clip in read(tmp_path, **keys, leave_out=["Part2/*"])] == ["Part1/a.wav"]


def test_classes_can_come_from_a_file(tmp_path):
    """FSD50K's vocabulary has no header."""
    write(tmp_path, {"v.csv": "0,Wind,/m/1\n1,Hi-hat,/m/2\n"})
    vocabulary = {"table": "v.csv", "delimiter": ",", "header": 0, "columns": ["i", "label", "mid"], "label": "label"}
    classes = ("Wind", "Hi-hat")
    assert typed.build(TableReader, {"table": "t.csv", "vocabulary": vocabulary}).read_classes(tmp_path) == classes
    with pytest.raises(UsageError, match=r"v\.csv: there is no column 'name'; its columns are i, label, mid"):
        typed.build(TableReader, {"table": "t.csv", "vocabulary": {**vocabulary, "label": "name"}}).read_classes(
            tmp_path
        )


@pytest.mark.parametrize(
    ("reader", "sentence"),
    [
        (
            "{kind: table, table: t.csv, path: '{file}', label: species}",
            r"label: is the same for every clip; if 'species'",
        ),
        (
            "{kind: table, table: t.csv, path: '{file', label: '{a}'}",
            r"path: is no template such as audio/\{filename\}",
        ),
        ("{kind: table, table: t.csv, path: '{file}'}", r"label: gives no label"),
        ("{kind: table, table: t.csv, label: '{a}'}", r"path: is missing: a template"),
        (
            "{kind: table, table: t.csv, path: '{a}', label: '{a}', header: 0}",
            r"columns: name the columns of a table without",
        ),
        (
            "{kind: table, table: t.csv, path: '{a}', label: '{a}', label_columns: [b]}",
            r"label_columns: stands beside label",
        ),
        (
            "{kind: table, table: t.csv, path: '{a}', label: '{a}', other_label: x}",
            r"other_label: 'x' is not among the classes",
        ),
        (
            "{kind: table, table: t.csv, path: '{a}', label: '{a}', derive: [{from: '{a}', pattern: '('}]}",
            r"derive: cannot be",
        ),
        (
            "{kind: table, table: t.csv, path: '{a}', label: '{a}', split_by_order: {train: '3'}}",
            r"'3' is no slice such as",
        ),
        (
            "{kind: table, table: t.csv, path: '{a}', label: '{a}', windows: {of: recordings, seconds: 1, hop: 1}}",
            "lacks rec",
        ),
        ("{kind: table, tabel: t.csv}", r"reader\.tabel: unknown field 'tabel'; did you mean 'table'"),
        (
            "{kind: json, file: a, form: line, path: '{a}', label: '{a}'}",
            r"form: unknown form 'line'; did you mean 'lines'",
        ),
        (
            "[{kind: folders}, folders]",
            r"reader\.1: is text \('folders'\), but should be a mapping with the field 'kind'",
        ),
    ],
)
def test_a_slip_in_a_reader_is_named(tmp_path, reader, sentence):
    """Before any file is looked at."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        f"name: mine\ndataset:\n  root: .\n  reader: {reader}\nsplit: {{by: split}}\nlabels: single\nmetric: accuracy\n"
    )
    with pytest.raises(UsageError, match=sentence):
        catalogue.find(str(mine))


def test_a_derived_column_has_to_fit(tmp_path):
    """The row, the text and the pattern are shown."""
    write(tmp_path, {"t.csv": "file\n20160907_Twin1_marmoset1\nodd\n"})
    derive = [{"from": "{file}", "pattern": r"\d+_Twin(?P<twin>\d)_.*"}]
    with pytest.raises(UsageError, match=r"t\.csv:3: \{file\} is 'odd', which does not fit"):
        read(tmp_path, kind="table", table="t.csv", derive=derive, path="{file}.wav", label="{twin}")


def test_readers_follow_each_other(tmp_path):
    """FSD50K: the development table, then the evaluation table, with a constant for its split."""
    write(
        tmp_path,
        {
            "dev.csv": 'f,labels,split\n1,"a,b",train\n',
            "eval.csv": "f,labels\n2,b\n",
            "mine.yaml": """\
name: mine
dataset:
  root: .
  reader:
    - {kind: table, table: dev.csv, path: "dev/{f}.wav", label: "{labels}", label_separator: ",", split: "{split}"}
    - {kind: table, table: eval.csv, path: "eval/{f}.wav", label: "{labels}", label_separator: ",", split: test}
split: {by: split}
labels: multi
metric: map
""",
        },
    )
    from evaluator.datasets import manifest

    whole = manifest.read(catalogue.find(str(tmp_path / "mine.yaml"))[0], None, tmp_path)
    assert whole.classes == ("a", "b")
    assert whole.clips == (Clip("dev/1.wav", ("a", "b"), split="train"), Clip("eval/2.wav", ("b",), split="test"))
    text = (tmp_path / "mine.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("eval/{f}", "dev/{f}").replace("eval.csv", "dev.csv"))
    with pytest.raises(
        UsageError, match=r"clip dev/1\.wav is read twice, for 'train' and for 'test'; it can be in one"
    ):
        manifest.read(catalogue.find(str(tmp_path / "mine.yaml"))[0], None, tmp_path)


@pytest.mark.slow
def test_many_rows_take_no_more_memory_than_their_clips(tmp_path):
    """Less than 1 kB a clip."""
    n_rows = 30_000
    rows = "".join(f"{n}.wav,{n % 50},{n % 10}\n" for n in range(n_rows))
    write(tmp_path, {"t.csv": "file,class,fold\n" + rows})
    tracemalloc.start()
    clips = read(tmp_path, kind="table", table="t.csv", path="audio/{file}", label="{class}", fold="{fold}")
    assert len(clips) == n_rows and tracemalloc.get_traced_memory()[0] < 1000 * n_rows  # bytes
    tracemalloc.stop()
