"""The clips of a task are exactly those of its dataset's layout, in its order, and nothing is dropped in silence."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator import typed
from evaluator.audio.clip import Clip
from evaluator.datasets import dataset, manifest
from evaluator.datasets.reading import rows
from evaluator.datasets.reading.kinds import READERS
from evaluator.datasets.root import find_root
from evaluator.errors import UsageError
from evaluator.experiment import catalogue

DATA = Path(__file__).parents[2] / "shared" / "data"
real_audio = pytest.mark.skipif(not DATA.is_dir(), reason="needs the real audio in ../shared/data")

TABLE = {"table": "meta.csv", "path": "audio/{file}", "label": "{class}"}


def files(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def clips_of(kind: str, root: Path, **keys) -> list[Clip]:
    """The clips that a reader gives, its other keys at their defaults; keys as in YAML."""
    return typed.build(READERS[kind], keys).read_clips(root)


def table_task(keys: dict, **facts) -> catalogue.Task:
    """A single-label task on a table, the reader's other keys at their defaults."""
    reader = typed.build(READERS["table"], keys)
    about = {name: "?" for name in ("title", "citation", "licence", "url", "folder", "notes")}
    own = dataset.Dataset("set", access="own", readers=(reader,), expected={}, known_bad=(), **{**about, **facts})
    return catalogue.Task("mine", own, {"by": "fold", "valid": "next"}, None, "single", "accuracy", "arch", "")


@real_audio
def test_esc10_is_whole_in_its_real_layout(tmp_path):
    """400 clips, 10 classes with ESC-50's names, five folds of 80, and no Freesound recording in two folds."""
    (esc10,) = catalogue.find("esc10")
    whole = manifest.read(esc10, DATA, tmp_path)
    assert whole.root == DATA / "esc10" and len(whole.clips) == 400
    assert Counter(clip.fold for clip in whole.clips) == {str(fold): 80 for fold in range(1, 6)}
    assert set(Counter(clip.labels[0] for clip in whole.clips).values()) == {40}
    assert whole.classes[:3] == ("chainsaw", "clock_tick", "crackling_fire")
    assert whole.clips[0] == Clip("001 - Dog bark/1-100032-A.ogg", ("dog",), fold="1", group="100032")
    assert len({(clip.group, clip.fold) for clip in whole.clips}) == len({clip.group for clip in whole.clips})


@real_audio
def test_fsdd_tests_on_the_takes_that_its_authors_name(tmp_path):
    """Takes 0 to 4 of each digit and speaker, 300 clips, are the test part; ten digits, six speakers."""
    (fsdd,) = catalogue.find("fsdd")
    whole = manifest.read(fsdd, DATA / "fsdd", tmp_path)
    takes = {int(clip.path.split("_")[-1].removesuffix(".wav")) for clip in whole.clips if clip.split == "test"}
    assert len(whole.clips) == 900 and takes == {0, 1, 2, 3, 4}
    assert Counter(clip.split for clip in whole.clips) == {"test": 300, "train": 600}
    assert whole.classes == tuple("0123456789") and len({clip.group for clip in whole.clips}) == 6


def test_esc50_is_read_in_the_order_of_its_table(tmp_path):
    """ARCH's seeded split counts rows, so the table's order is kept, with CRLF and a byte-order mark too."""
    files(tmp_path, "ESC-50-master/meta/esc50.csv")
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    rows += [
        f"{fold}-{9 - fold}-A-{n}.wav,{fold},{n},{name},False,{9 - fold},A"
        for fold in (3, 1, 2)
        for n, name in ((7, "rain"), (0, "dog"))
    ]
    (tmp_path / "ESC-50-master/meta/esc50.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    whole = manifest.read(catalogue.find("arch/esc50")[0], tmp_path, tmp_path)
    assert [clip.path for clip in whole.clips[:2]] == ["audio/3-6-A-7.wav", "audio/3-6-A-0.wav"]
    assert whole.clips[1] == Clip("audio/3-6-A-0.wav", ("dog",), fold="3", group="6")
    assert whole.classes == ("dog", "rain")


def test_paths_are_read_by_a_pattern(tmp_path):
    """Named groups become the fields of a clip; code tables name them, "*" all others; hidden files are not seen."""
    files(
        tmp_path, "b/02_x_2.wav", "b/02_x_10.wav", "a/01_y_1.wav", "a/._01_y_1.wav", ".trash/01_y_3.wav", "a/notes.txt"
    )
    clips = clips_of(
        "paths",
        tmp_path,
        files="*/*.wav",
        pattern=r"[ab]/(?P<label>\d+)_(?P<group>.)_(?P<split>\d+)\.wav",
        names={"label": {"01": "cat", "02": "dog"}, "split": {"1": "test", "*": "train"}},
    )
    assert clips == [
        Clip("a/01_y_1.wav", ("cat",), split="test", group="y"),
        Clip("b/02_x_10.wav", ("dog",), split="train", group="x"),
        Clip("b/02_x_2.wav", ("dog",), split="train", group="x"),
    ]


def test_a_file_that_fits_no_pattern_is_not_passed_over(tmp_path):
    """A stray or misnamed file is shown, since leaving it out could hide a broken download."""
    files(tmp_path, "1_dog.wav", "copy of 1_dog.wav")
    with pytest.raises(
        UsageError, match=r"1 files fit the dataset's files: \*.wav, but not its pattern: .*copy of 1_dog"
    ):
        clips_of("paths", tmp_path, files="*.wav", pattern=r"\d_(?P<label>[a-z]+)\.wav")


def test_a_code_without_a_name_is_refused(tmp_path):
    """A table of names is complete unless it says "*"."""
    files(tmp_path, "03.wav")
    with pytest.raises(UsageError, match=r"03\.wav: label '03' is not in the dataset's table of names: 01, 02"):
        clips_of("paths", tmp_path, files="*", pattern=r"(?P<label>\d+)\.wav", names={"label": {"01": "a", "02": "b"}})


def test_a_table_gives_every_field(tmp_path):
    """Quoted commas, tabs, times, row filters, several labels, a template for the path."""
    rows = [
        "file\tfold\tclass\tfrom\tto\twho\tkeep",
        '"a, b.wav"\t2\tdog; cat\t0.5\t1\trex\tTRUE',
        "c.wav\t1\tcow\t\t\tada\tno",
    ]
    (tmp_path / "meta.csv").write_text("\n".join(rows) + "\n\n")
    keys = {
        **TABLE,
        "delimiter": "\t",
        "path": "audio/fold{fold}/{file}",
        "start": "{from}",
        "end": "{to}",
        "fold": "{fold}",
    }
    keys |= {"group": "{who}", "label_separator": ";", "where": {"keep": ["True", "TRUE"]}}
    clips = clips_of("table", tmp_path, **keys)
    assert clips == [Clip("audio/fold2/a, b.wav", ("dog", "cat"), 0.5, 1.0, "2", "", "rex")]
    assert clips[0].name == "audio/fold2/a, b.wav#0.5-1"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file,klass\na.wav,dog\n", r"meta\.csv:2: there is no column 'class'; its columns are file, klass$"),
        (
            "file,class\na.wav,dog\na.wav,cat\n",
            r"meta\.csv:3: clip audio/a.wav stands there twice, first in .*meta.csv:2",
        ),
        ("file,class\na.wav,\n", r"meta\.csv:2: the label is empty"),
        ("file,class\n\n\na.wav,dog,4\n", r"meta\.csv:4: has 3 values"),
    ],
)
def test_a_slip_in_a_table_is_named_with_its_line(tmp_path, text, sentence):
    """The user finds the row at once."""
    (tmp_path / "meta.csv").write_text(text)
    with pytest.raises(UsageError, match=sentence):
        clips_of("table", tmp_path, **TABLE)


def test_a_time_that_is_no_number_is_refused(tmp_path):
    """An empty time is the start or end of the recording; anything else has to be seconds."""
    (tmp_path / "mine.csv").write_text("path,start,end,label\na.wav,,0:10,dog\n")
    with pytest.raises(UsageError, match=r"mine\.csv:2: end is '0:10', but should be a number of seconds or empty"):
        manifest.read(catalogue.find(str(tmp_path / "mine.csv"))[0], None, tmp_path)


def test_a_line_break_inside_quotes_does_not_end_a_row(tmp_path):
    """Nor does a character that only Python's splitlines takes for one."""
    (tmp_path / "meta.csv").write_text(
        'file,class,note\na.wav,dog,"two\nlines"\nb.wav,cat,odd\u2028one\n', encoding="utf-8"
    )
    assert [clip.path for clip in clips_of("table", tmp_path, **TABLE)] == ["audio/a.wav", "audio/b.wav"]


def test_a_folder_of_class_folders_needs_no_file(tmp_path):
    """Audio at any depth counts, by its suffix in any case; other files and hidden ones do not."""
    root = files(
        tmp_path / "set", "dog/a.WAV", "dog/more/b.flac", "dog/notes.txt", "cat/c.ogg", "cat/.hidden.ogg", "cat/d.mp3"
    )
    whole = manifest.read(catalogue.find(str(root))[0], None, tmp_path)
    assert [(clip.path, clip.labels) for clip in whole.clips] == [
        ("cat/c.ogg", ("cat",)),
        ("cat/d.mp3", ("cat",)),
        ("dog/a.WAV", ("dog",)),
        ("dog/more/b.flac", ("dog",)),
    ]


def test_an_empty_folder_is_no_class_and_told(tmp_path):
    """A folder that waits for its recordings does not stop those that are there."""
    root = files(tmp_path / "set", "dog/a.wav", "dog/b.wav", "cat/c.wav", "cat/d.wav")
    (root / "owl").mkdir()
    read = manifest.read(catalogue.find(str(root))[0], None, tmp_path)
    assert read.classes == ("cat", "dog") and len(read.clips) == 4
    assert [text for text in read.intake.differences if "empty" in str(text)] != []


def test_a_class_folder_without_audio_is_named(tmp_path):
    """With what is in it, so that a folder of .m4a explains itself."""
    root = files(tmp_path / "set", "dog/a.wav", "dog/b.wav", "cat/c.m4a")
    with pytest.raises(UsageError, match=r"cat: holds no audio, only \.m4a; every sub-folder is a class"):
        manifest.read(catalogue.find(str(root))[0], None, tmp_path)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("a.wav,dog\nb.wav,dog\n", "all 2 clips in .* have the label 'dog'; a task needs two classes"),
        ("a.wav,dog\nb.wav,dog\nc.wav,cat\n", "class cat has one clip only"),
        ("", "no clips in"),
    ],
)
def test_too_little_data_is_said(tmp_path, rows, sentence):
    """One class, a class with one clip, no clip at all."""
    (tmp_path / "mine.csv").write_text("path,label\n" + rows)
    with pytest.raises(UsageError, match=sentence):
        manifest.read(catalogue.find(str(tmp_path / "mine.csv"))[0], None, tmp_path)


def test_clips_without_any_label_are_no_task(tmp_path):
    """As where the tables of events are missing."""
    (tmp_path / "meta.csv").write_text("file,class\na.wav,\nb.wav,\n")
    task = replace(table_task({**TABLE, "label_separator": ";"}, root=tmp_path), labels="multi", metric="map")
    with pytest.raises(UsageError, match=r"mine: none of the 2 clips in .* has a label, and a task needs a class"):
        manifest.read(task, None, tmp_path)


def test_several_labels_do_not_fit_a_single_label_task(tmp_path):
    """The clip and its labels are shown."""
    (tmp_path / "meta.csv").write_text("file,class\na.wav,dog;cat\n")
    task = table_task({**TABLE, "label_separator": ";"}, root=tmp_path)
    with pytest.raises(UsageError, match=r"clip audio/a.wav has 2 labels \(dog, cat\), but the task is single-label"):
        manifest.read(task, None, tmp_path)


def test_a_dataset_may_fix_the_order_of_its_classes(tmp_path):
    """The order is then its own, and a label outside of it is refused."""
    (tmp_path / "meta.csv").write_text("file,class\na.wav,dog\nb.wav,cat\nc.wav,dog\nd.wav,cat\n")
    task = table_task({**TABLE, "classes": ["dog", "cow", "cat"]}, root=tmp_path)
    assert manifest.read(task, None, tmp_path).classes == ("dog", "cow", "cat")
    with pytest.raises(UsageError, match="label 'cat' is not among the dataset's classes: dog, cow"):
        manifest.read(table_task({**TABLE, "classes": ["dog", "cow"]}, root=tmp_path), None, tmp_path)


def test_data_is_found_under_each_name_it_may_have(tmp_path):
    """DIR/name of the dataset, DIR/folder of its archive, or DIR itself: whichever has the layout."""
    task = table_task(TABLE, folder="set-master", root=None).dataset
    for where in ("", "set-master", "set", "set/set-master"):
        files(tmp_path / where, "meta.csv")
        assert find_root(task, tmp_path, tmp_path) == tmp_path / where


FEW = ("meta/esc50.csv",)


@pytest.mark.parametrize(
    "where", ["ESC-50-master/ESC-50-master", "esc50/any name", "esc50/ESC-50-master/x", "unzipped", "ESC-50"]
)
def test_data_is_found_one_folder_down(tmp_path, where):
    """As programs leave it that unpack an archive into a folder of its own, among others that are no such data."""
    files(tmp_path / where, *FEW)
    files(tmp_path, "other/meta/a.csv", "__MACOSX/meta/esc50.csv", "watkins/meta/esc50.csv")
    assert find_root(dataset.read("esc50"), tmp_path, tmp_path) == tmp_path / where


def test_one_level_down_all_of_a_layout_has_to_be_there(tmp_path):
    """A folder with the training part of IRMAS only is no IRMAS; the one with a test part is."""
    train, test = "IRMAS-TrainingData/cel/a.wav", "IRMAS-TestingData-Part1/Part1/b.wav"
    files(tmp_path, f"a/{train}", f"b/{train}", f"b/{test}")
    assert find_root(dataset.read("irmas"), tmp_path, tmp_path) == tmp_path / "b"


def test_data_that_is_there_twice_is_asked_about(tmp_path):
    """Neither is guessed."""
    files(tmp_path, *(f"{name}/{path}" for name in ("new", "old") for path in FEW))
    with pytest.raises(
        UsageError, match=r"esc50: the table meta/esc50\.csv found in .*new and in .*old; say which with --data"
    ):
        find_root(dataset.read("esc50"), tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("paths", "lies"),
    [
        ((), r"\(\S+data is empty\)"),
        (("a/b/meta/esc50.csv",), r"\(in \S+data lie a\)"),
        (tuple(f"{n}.wav" for n in range(9)), r"\(in \S+data lie 0\.wav, 1\.wav, 2\.wav, 3\.wav, 4\.wav and 4 more\)"),
    ],
)
def test_what_lies_there_instead_is_told(tmp_path, paths, lies):
    """A few names, after what is expected; nothing is looked for two levels down."""
    (tmp_path / "data").mkdir()
    files(tmp_path / "data", *paths)
    with pytest.raises(UsageError, match=rf"the table meta/esc50\.csv not found in .* {lies}; ESC-50: .* is free to"):
        find_root(dataset.read("esc50"), tmp_path / "data", tmp_path)


def test_data_that_is_not_there_says_where_to_get_it(tmp_path):
    """What was looked for, where, and how to come by it."""
    facts = {"title": "The Set", "url": "https://example.org/set", "licence": "CC0", "folder": "set-master"}
    task = replace(table_task(TABLE, **facts).dataset, access="request")
    with pytest.raises(
        UsageError,
        match=r"set: the table meta.csv not found in .*set/set-master or .*set or .*set-master or .*; The Set is on request",
    ):
        find_root(task, tmp_path, tmp_path)
    with pytest.raises(
        UsageError, match=r"say with --data where the data lies\. .*https://example.org/set \(licence: CC0\)"
    ):
        find_root(task, None, tmp_path)


def test_made_and_own_data_is_not_looked_for_in_data(tmp_path):
    """One --data serves a list of tasks, of which some need none."""
    folder = files(tmp_path / "mine", "dog/a.wav", "dog/b.wav", "cat/c.wav", "cat/d.wav")
    for spec, root in (("demo/calls", "demo-calls-v1"), (str(folder), "mine")):
        assert manifest.read(catalogue.find(spec)[0], tmp_path / "elsewhere", tmp_path).root == tmp_path / root


def test_own_data_that_is_gone_is_said(tmp_path):
    """The root of a task file that leads nowhere."""
    with pytest.raises(
        UsageError,
        match=r"set: the table meta.csv not found in .*gone \(there is no such folder\); look at the path in the task",
    ):
        manifest.read(table_task(TABLE, root=tmp_path / "gone"), None, tmp_path)


def test_every_audio_suffix_is_one_that_libsndfile_reads():
    """Each belongs to a format of the installed library, or is another name of one."""
    soundfile = pytest.importorskip("soundfile")
    formats = {name.lower() for name in soundfile.available_formats()}
    other_names = {
        "wave": "wav",
        "oga": "ogg",
        "opus": "ogg",
        "aif": "aiff",
        "aifc": "aiff",
        "snd": "au",
        "sph": "nist",
    }
    for suffix in rows.AUDIO_SUFFIXES:
        assert other_names.get(suffix[1:], suffix[1:]) in formats
