"""Tables as people have them are tasks as they stand: Raven, Audacity, BirdNET, Kaleidoscope, Praat, and spreadsheets."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

from evaluator import files
from evaluator.audio.clip import Clip
from evaluator.datasets import manifest
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading import delimited
from evaluator.datasets.reading.annotation_formats import recognise
from evaluator.datasets.reading.table import TableReader
from evaluator.errors import UsageError
from evaluator.experiment import catalogue


def put(root: Path, contents: dict[str, str | bytes]) -> Path:
    """Write files; those whose text is "" stand for recordings."""
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def read(path: Path) -> Manifest:
    (task,) = catalogue.find(str(path))
    return manifest.read(task, None, path.parent / "cache")


def marks(whole: Manifest) -> list[tuple[str, tuple[str, ...]]]:
    return [(clip.name, clip.labels) for clip in whole.clips]


def kinds(whole: Manifest) -> dict[str, int]:
    return {each.kind: each.count for each in whole.intake.differences}


RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\n"


def raven(*rows: tuple[float, float, str]) -> str:
    """A selection table with each selection in two views, as Raven saves it by default."""
    lines = [
        f"{n}\t{view}\t1\t{start}\t{end}\t500\t900\t{label}\n"
        for n, (start, end, label) in enumerate(rows, start=1)
        for view in ("Waveform 1", "Spectrogram 1")
    ]
    return RAVEN + "".join(lines)


# Annotation programs -------------------------------------------------------------------------------------------------


def test_a_folder_of_raven_tables_beside_its_recordings_is_a_task(tmp_path):
    """Each selection is a clip once, its recording the group; tables are named as Raven names them."""
    files = {f"r{n}.WAV": "" for n in range(3)}
    files |= {f"r{n}.Table.1.selections.txt": raven((1.5, 2, "EATO"), (3, 4.25, "WOTH")) for n in range(3)}
    whole = read(put(tmp_path / "field", files))
    assert marks(whole)[:2] == [("r0.WAV#1.5-2", ("EATO",)), ("r0.WAV#3-4.25", ("WOTH",))]
    assert len(whole.clips) == 6 and {clip.group for clip in whole.clips} == {"r0.WAV", "r1.WAV", "r2.WAV"}
    assert kinds(whole) == {"second_views": 6} and whole.intake.rows_read == 12
    (task,) = catalogue.find(str(tmp_path / "field"))
    assert (task.labels, task.metric, task.split["by"]) == ("single", "accuracy", "group")


def test_one_raven_table_may_be_about_many_recordings(tmp_path):
    """Times count from the start of the whole list there, the offset from the start of each file; paths are of another computer."""
    text = (
        "Selection\tView\tBegin Time (s)\tEnd Time (s)\tBegin Path\tFile Offset (s)\tAnnotation\n"
        "1\tSpectrogram 1\t1.0\t2.5\tD:\\rec\\a.wav\t1.0\tx\n"
        "2\tSpectrogram 1\t61.0\t61.5\tD:\\rec\\b.wav\t1.0\ty\n"
    )
    whole = read(
        put(
            tmp_path / "f",
            {"all.txt": text + text.partition("\n")[2].replace("\t1.0\t", "\t3.0\t"), "in/a.wav": "", "in/b.wav": ""},
        )
        / "all.txt"
    )
    assert marks(whole)[:2] == [("in/a.wav#1-2.5", ("x",)), ("in/b.wav#1-1.5", ("y",))]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("Species", "Comment", r"no labels: has none of them; its columns are .*Fill in one of Annotation, Species"),
        ("\tEATO", "\t", r"no labels: Species is empty"),
        (
            "Species",
            "Specie",
            r"its columns are .*Specie \(did you mean Species\?\)\. Fill in one of Annotation, Species",
        ),
        ("\tBegin Time (s)", "\tBegin Time", r"no column 'Begin Time \(s\)' \(is 'Begin Time' meant to be it\?\)"),
        ("\tEnd Time (s)", "\tEnd Tme (s)", r"no column 'End Time \(s\)' \(is 'End Tme \(s\)' meant to be it\?\)"),
        (
            "Selection\tView\tChannel\tBegin Time (s)",
            "View\tNo\tChannel\tBegin Time (s)",
            r"r\.txt: there is no column 'path'",
        ),
    ],
)
def test_a_raven_table_without_labels_or_times_is_named(tmp_path, old, new, sentence):
    """With the columns that it has, and the way out."""
    put(tmp_path, {"r.wav": "", "r.txt": raven((1, 2, "EATO"), (3, 4, "EATO")).replace(old, new)})
    with pytest.raises(UsageError, match=sentence):
        catalogue.find(str(tmp_path / "r.txt"))


def with_columns(names: str, *rows: str) -> str:
    """A selection table of Raven with more columns, times and labels of four selections, and the others' values."""
    text = f"Selection\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tPeak Freq (Hz)\tSpecies\t{names}\n"
    return text + "".join(f"{n}\t1\t{n}\t{n}.5\t10\t20\t{'ab'[n % 2]}\t{row}\n" for n, row in enumerate(rows))


def test_columns_that_are_nearly_used_are_told_and_a_programs_own_are_not(tmp_path):
    """Individuals, other labels, slips of the pen; measurements are noise. Each once, of however many tables; empty ones never."""
    text = with_columns("indvidual\tCall Type\tFile Ofset (s)\tTags\tNotes", *("ada\tsong\t3\t\twind",) * 4)
    whole = read(put(tmp_path / "f", {f"{name}.wav": "" for name in "xy"} | {f"{name}.txt": text for name in "xy"}))
    told = {each.kind: (each.count, each.text) for each in whole.intake.differences}
    assert told["unused_columns"] == (
        3,
        '3 columns of the table are not used: indvidual (group: "{indvidual}" in a YAML file makes groups of it), '
        "Call Type (did you mean label?), File Ofset (s) "
        "(did you mean File Offset (s)?)",
    )


def test_a_column_that_the_yaml_uses_is_not_told(tmp_path):
    """Individuals as groups: the way out that the note leads to."""
    put(tmp_path / "f", {"x.wav": "", "x.txt": with_columns("Individual", "ada", "bo", "ada", "bo")})
    (tmp_path / "t.yaml").write_text(
        "name: t\ndataset:\n  root: f\n  reader: {kind: annotations, format: raven, files: x.txt, group: '{Individual}'}\n"
        "split: {by: random, folds: 2, seed: 1, valid: {share: 0.5, seed: 1}}\nlabels: single\nmetric: uar\n"
    )
    whole = read(tmp_path / "t.yaml")
    assert {clip.group for clip in whole.clips} == {"ada", "bo"} and "unused_columns" not in kinds(whole)


def test_a_table_with_all_that_is_needed_is_no_raven_table_with_a_slip(tmp_path):
    """Somebody's own, with names of both."""
    text = "Selection,Begin Time (s),end time,filename,species\n" + "".join(
        f"{n},{n},{n}.5,r.wav,{'ab'[n % 2]}\n" for n in range(4)
    )
    assert marks(read(put(tmp_path, {"r.wav": "", "t.csv": text}) / "t.csv"))[1] == ("r.wav#1-1.5", ("b",))


CHANNELS = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tSpecies\n"


def test_channels_are_not_views(tmp_path):
    """What is marked alike in two channels is one clip, what is marked in another one is kept; both are told."""
    rows = "1\tWaveform 1\t1\t1\t2\ta\n1\tSpectrogram 1\t1\t1\t2\ta\n2\tSpectrogram 2\t2\t1\t2\ta\n"
    rows += "3\tSpectrogram 2\t2\t5\t6\tb\n4\tSpectrogram 1\t1\t5.5\t7\ta\n5\tSpectrogram 2\t2\t8\t9\tb\n"
    whole = read(put(tmp_path / "f", {"r.wav": "", "r.txt": CHANNELS + rows}))
    assert [name for name, _ in marks(whole)] == ["r.wav#1-2", "r.wav#5-6", "r.wav#5.5-7", "r.wav#8-9"]
    assert kinds(whole) == {"second_views": 1, "other_channels": 1, "several_channels": 2, "one_recording": 4}
    assert whole.intake.rows_read == 6
    assert "(2 beside 1), but a task hears one channel or the mix" in " ".join(
        each.text for each in whole.intake.differences
    )


@pytest.mark.parametrize("view", ["Spectrogram 1", "Spectrogram 2"])
@pytest.mark.parametrize("selection", [1, 2])
def test_other_sounds_of_other_channels_at_one_time_are_refused(tmp_path, view, selection):
    """Neither is dropped as another view, nor are both labels of one clip."""
    rows = f"1\tSpectrogram 1\t1\t1\t2\ta\n{selection}\t{view}\t2\t1\t2\tb\n"
    put(tmp_path, {"r.wav": "", "r.txt": CHANNELS + rows})
    with pytest.raises(
        UsageError,
        match=r"r\.txt:3: marks 'b' in channel 2 at the time at which \S+r\.txt:2 marks 'a' in channel 1, but a task hears one channel or the mix; keep",
    ):
        catalogue.find(str(tmp_path / "r.txt"))
    (tmp_path / "t.yaml").write_text(
        "name: t\ndataset:\n  root: .\n  reader: {kind: annotations, format: raven, files: r.txt, where: {Channel: ['2']}}\n"
        "channel: 2\nsplit: {by: random, folds: 2, seed: 1, valid: {share: 0.5, seed: 1}}\nlabels: multi\nmetric: map\n"
    )
    assert marks(read(tmp_path / "t.yaml")) == [("r.wav#1-2", ("b",))]


def test_kaleidoscopes_channels_are_told_too(tmp_path):
    """Its CSV has a row for each channel's files."""
    head = "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,AUTO ID*,MANUAL ID\n"
    rows = [
        f",,r.wav,{channel},{time},1,x,{'ab'[time % 2]}\n" for channel, time in ((0, 0), (0, 1), (1, 1), (1, 2), (0, 3))
    ]
    whole = read(put(tmp_path, {"r.wav": "", "t.csv": head + "".join(rows)}) / "t.csv")
    assert len(whole.clips) == 4 and kinds(whole) == {"other_channels": 1, "several_channels": 1, "one_recording": 4}


def test_a_selection_over_two_files_is_refused(tmp_path):
    """It is no stretch of one recording."""
    text = "Selection\tBegin Time (s)\tEnd Time (s)\tBegin File\tEnd File\tSpecies\n1\t1\t2\ta.wav\tb.wav\tx\n"
    put(tmp_path, {"a.wav": "", "b.wav": "", "t.txt": text})
    with pytest.raises(UsageError, match=r"t\.txt:2: the selection begins in a\.wav and ends in b\.wav; divide it"):
        catalogue.find(str(tmp_path / "t.txt"))


def test_audacity_label_tracks_are_read(tmp_path):
    """Start, end, label; lines of frequencies and labels without text are passed over, the latter told."""
    track = "0.5\t1.25\tsong\n\\\t900.0\t4000.0\n2,5\t3\tcall\n4\t5\t\n"
    whole = read(put(tmp_path / "f", {"a.wav": "", "a.txt": track, "b.flac": "", "b.txt": track}))
    assert marks(whole) == [
        ("a.wav#0.5-1.25", ("song",)),
        ("a.wav#2.5-3", ("call",)),
        ("b.flac#0.5-1.25", ("song",)),
        ("b.flac#2.5-3", ("call",)),
    ]
    assert kinds(whole) == {"unlabelled_rows": 2} and whole.intake.rows_read == 6


def test_a_line_that_is_no_label_is_named(tmp_path):
    """The rest of a label track is not believed."""
    put(tmp_path, {"a.wav": "", "a.txt": "0\t1\tx\n2\tlater\ty\n"})
    with pytest.raises(UsageError, match=r"a\.txt:2: '2\\tlater\\ty' is no label of Audacity"):
        catalogue.find(str(tmp_path / "a.txt"))


def test_birdnet_tables_say_that_a_machine_heard_it(tmp_path):
    """Two species in one window are two labels of one clip; the result says whose labels they are."""
    head = "Start (s),End (s),Scientific name,Common name,Confidence\n"
    rows = "0.0,3.0,Turdus merula,Blackbird,0.9\n0.0,3.0,Parus major,Great Tit,0.8\n3.0,6.0,Parus major,Great Tit,0.7\n"
    files = {f"{n}.wav": "" for n in "ab"} | {f"{n}.BirdNET.results.csv": head + rows for n in "ab"}
    whole = read(put(tmp_path / "f", files))
    assert marks(whole)[:2] == [("a.wav#0-3", ("Blackbird", "Great Tit")), ("a.wav#3-6", ("Great Tit",))]
    assert kinds(whole) == {"machine_labels": 6, "several_labels": 2}
    assert catalogue.find(str(tmp_path / "f"))[0].metric == "map"


def test_birdnets_raven_tables_are_raven_tables(tmp_path):
    """Common names, and a path per row."""
    text = (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tCommon Name\tSpecies Code\t"
        "Confidence\tBegin Path\tFile Offset (s)\n"
    )
    text += "".join(
        f"{n}\tSpectrogram 1\t1\t{n}\t{n + 3}\t0\t15000\tB{n % 2}\tx\t0.5\t/data/rec/a.wav\t{n}\n" for n in range(4)
    )
    whole = read(put(tmp_path / "f", {"a.wav": "", "a.BirdNET.selection.table.txt": text}))
    assert marks(whole)[1] == ("a.wav#1-4", ("B1",))
    assert kinds(whole)["machine_labels"] == 4 and kinds(whole)["one_recording"] == 4
    assert not catalogue.find(str(tmp_path / "f"))[0].split["groups"]


@pytest.mark.parametrize(("manual", "label", "machine"), [("MYOLUC", "MYOLUC", 0), ("", "EPTFUS", 4)])
def test_kaleidoscope_prefers_what_a_person_wrote(tmp_path, manual, label, machine):
    """MANUAL ID where any is filled in, else AUTO ID*, which is told; the end is offset and duration."""
    head = "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,AUTO ID*,MANUAL ID\n"
    rows = [f"C:\\bats,site,{f}.wav,0,{t},2.5,EPTFUS,{manual and label}\n" for f in "ab" for t in (0, 5)]
    others = [f"C:\\bats,site,{f}.wav,0,{t},2.5,NoID,{manual and 'LASCIN'}\n" for f in "ab" for t in (10, 15)]
    if not manual:
        rows, others = rows[:2] + [r.replace("EPTFUS", "LASCIN") for r in rows[2:]], []
    whole = read(
        put(tmp_path / "f", {"id.csv": head + "".join(rows + others), "site/a.wav": "", "site/b.wav": ""}) / "id.csv"
    )
    assert marks(whole)[1] == ("site/a.wav#5-7.5", (label,))
    assert kinds(whole).get("machine_labels", 0) == machine


@pytest.mark.skipif(importlib.util.find_spec("praatio") is None, reason="needs praatio")
def test_a_textgrid_is_read(tmp_path):
    """Intervals with text are clips; of several tiers one has to be named."""
    grid = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n9\n<exists>\n1\n"IntervalTier"\n"call"\n0\n9\n5\n'
    grid += '0\n1\n""\n1\n2.5\n"song"\n2.5\n4\n"call"\n4\n5\n"song"\n5\n9\n"call"\n'
    whole = read(put(tmp_path / "f", {"a.wav": "", "a.TextGrid": grid}))
    assert marks(whole) == [
        ("a.wav#1-2.5", ("song",)),
        ("a.wav#2.5-4", ("call",)),
        ("a.wav#4-5", ("song",)),
        ("a.wav#5-9", ("call",)),
    ]
    tier = grid.partition('1\n"IntervalTier"\n')[2]
    two = (
        grid.replace("<exists>\n1\n", "<exists>\n2\n")
        + '"IntervalTier"\n'
        + tier.replace('"call"\n0\n9\n5', '"who"\n0\n9\n5', 1)
    )
    put(tmp_path / "f", {"a.TextGrid": two})
    with pytest.raises(UsageError, match=r"has 2 tiers \(call, who\); say which in a YAML file: label_column: NAME"):
        catalogue.find(str(tmp_path / "f"))


def test_a_table_without_its_recording_is_named(tmp_path):
    """Neither beside it nor anywhere below the folder; or there twice."""
    put(tmp_path, {"a.txt": "0\t1\tx\n", "one/b.wav": "", "two/b.wav": ""})
    with pytest.raises(
        UsageError, match=r"a\.txt:1: no recording under .* is called like the table \(a\.wav or another"
    ):
        catalogue.find(str(tmp_path / "a.txt"))
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    with pytest.raises(UsageError, match=r"b\.txt:1: b\.\* could be one/b\.wav or two/b\.wav"):
        catalogue.find(str(tmp_path / "b.txt"))


def test_a_folder_that_could_be_two_tasks_is_asked_about(tmp_path):
    """Class folders and tables; tables of two programs; several plain tables."""
    folder = put(tmp_path / "f", {"x/a.wav": "", "y/b.wav": "", "x/a.txt": "0\t1\ts\n"})
    with pytest.raises(
        UsageError, match=r"class folders \(x, y\) and tables of annotations \(x/a\.txt\).*hear-eval init"
    ):
        catalogue.find(str(folder))
    folder = put(tmp_path / "g", {"a.wav": "", "a.txt": "0\t1\ts\n", "b.txt": RAVEN})
    with pytest.raises(UsageError, match=r"tables of several programs: audacity \(a\.txt\), raven \(b\.txt\)"):
        catalogue.find(str(folder))
    folder = put(tmp_path / "h", {"a.wav": "", "one.csv": "path,label\n", "two.csv": "path,label\n"})
    with pytest.raises(UsageError, match=r"holds several tables: one\.csv, two\.csv; give one of them"):
        catalogue.find(str(folder))


def test_a_text_without_labels_is_no_table(tmp_path):
    """A readme beside recordings is neither read nor refused; given by name it gets its sentence."""
    folder = put(
        tmp_path / "f",
        {"a.wav": "", "a.txt": "0\t1\tx\n1\t2\ty\n2\t3\tx\n3\t4\ty\n", "readme.txt": "Recorded by Ada\n0\t1\tx\n"},
    )
    assert len(read(folder).clips) == 4 and recognise(folder / "readme.txt") == ""
    with pytest.raises(UsageError, match=r"readme\.txt: is no table: neither Raven's or Audacity's"):
        catalogue.find(str(folder / "readme.txt"))


# Spreadsheets --------------------------------------------------------------------------------------------------------

ROWS = [("path", "label", "start", "end"), ("a.wav", "Rotkehlchen", "0.5", "1.5"), ("a.wav", "Zaunkönig", "2.25", "3"),
        ("b.wav", "Rotkehlchen", "0", "1"), ("b.wav", "Zaunkönig", "4", "5")]  # fmt: skip
WANTED = [
    Clip("a.wav", ("Rotkehlchen",), 0.5, 1.5),
    Clip("a.wav", ("Zaunkönig",), 2.25, 3.0),
    Clip("b.wav", ("Rotkehlchen",), 0.0, 1.0),
    Clip("b.wav", ("Zaunkönig",), 4.0, 5.0),
]


def table(delimiter: str = ",", header: tuple[str, ...] = ROWS[0], decimal: str = ".", before: str = "") -> str:
    rows = [header, *([a, b, c.replace(".", decimal), d.replace(".", decimal)] for a, b, c, d in ROWS[1:])]
    return before + "".join(delimiter.join(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (table().encode(), set()),
        (table(";", decimal=",").encode(), set()),
        (table("\t").encode("utf-8-sig"), set()),
        (table(";", decimal=",", before="sep=;\n").replace("\n", "\r\n").encode("cp1252"), {"encoding"}),
        (table("\t").encode("utf-16"), {"encoding"}),
        (table(header=("Filename", "Species", "Begin Time (s)", "End Time (s)")).encode(), {"columns_read_as"}),
        (
            table(header=("file_name", "common name", "start_time", "end_time")).encode("latin-1"),
            {"encoding", "columns_read_as"},
        ),
        (table(header=("PATH", "Label", "Start", "End")).encode(), {"columns_read_as"}),
    ],
)
def test_a_spreadsheet_is_read_as_it_was_saved(tmp_path, content, told):
    """Separators, decimal commas, encodings, Excel's first line and other words for our columns; what was guessed is told."""
    whole = read(put(tmp_path, {"a.wav": "", "b.wav": "", "mine.csv": content}) / "mine.csv")
    assert list(whole.clips) == WANTED and set(kinds(whole)) == told


def test_the_one_table_of_a_folder_is_its_task(tmp_path):
    """Beside the recordings, whatever it is called."""
    folder = put(
        tmp_path / "f",
        {
            "rec/a.wav": "",
            "rec/b.wav": "",
            "metadata.csv": table().replace("a.wav", "rec\\a.wav").replace("b.wav", "rec\\b.wav"),
        },
    )
    whole = read(folder)
    assert [clip.path for clip in whole.clips] == ["rec/a.wav", "rec/a.wav", "rec/b.wav", "rec/b.wav"]
    assert kinds(whole) == {"path_backslash": 2}


def test_a_spreadsheet_of_excel_itself_is_told_the_way(tmp_path):
    """It is there, and it is no table of text."""
    put(tmp_path, {"t.xlsx": b"PK"})
    with pytest.raises(UsageError, match=r"t\.xlsx: is no folder, YAML file or table .*; save a spreadsheet as CSV"):
        catalogue.find(str(tmp_path / "t.xlsx"))


# HEAR ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "labels", "metric", "split"),
    [
        ({"split_mode": "trainvaltest"}, "single", "accuracy", {"by": "split"}),
        ({"split_mode": "new_split_kfold", "evaluation": ["d_prime", "mAP"], "prediction_type": "multilabel"}, "multi", "d_prime", {"by": "fold", "valid": "next"}),
        (
            {"split_mode": "trainvaltest", "embedding_type": "event", "prediction_type": "multilabel", "evaluation": ["event_onset_200ms_fms"]},
            "events",
            "event_onset_200ms_fms",
            {"by": "split"},
        ),
    ],
)  # fmt: skip
def test_a_folder_of_hear_preprocess_is_a_hear_task(tmp_path, metadata, labels, metric, split):
    """Its metadata says what is asked; its sample rates are no classes."""
    about = {
        "task_name": "pips",
        "version": "v1",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "evaluation": ["top1_acc"],
    }
    about |= metadata
    splits = ["train", "valid", "test"] if split["by"] == "split" else ["fold00", "fold01", "fold02"]
    event = {"label": "x", "start": 0, "end": 10}
    files = {"labelvocabulary.csv": "idx,label\n0,x\n1,y\n"}
    for name in splits:
        items = {
            f"{name}{n}.wav": [{**event, "label": "xy"[n % 2]}] if labels == "events" else ["xy"[n % 2]]
            for n in range(4)
        }
        files |= {
            f"{name}.json": json.dumps(items),
            **{f"{rate}/{name}/{each}": "" for each in items for rate in (16000, 48000)},
        }
    folder = put(tmp_path / "pips-v1-small", {**files, "task_metadata.json": json.dumps({**about, "splits": splits})})
    (task,) = catalogue.find(str(folder))
    assert (task.name, task.labels, task.metric, dict(task.split), task.protocol) == (
        "pips",
        labels,
        metric,
        split,
        "hear",
    )
    whole = manifest.read(task, None, tmp_path)
    assert len(whole.clips) == 12 and whole.classes == ("x", "y") and whole.clips[0].path.startswith("48000/")


def test_a_metric_of_clips_is_none_of_events(tmp_path):
    """The sentence lists those of events, not the very one that it refuses."""
    about = {"task_name": "pips", "version": "v1", "embedding_type": "event", "prediction_type": "multilabel"}
    metadata = json.dumps({**about, "evaluation": ["mAP"], "split_mode": "trainvaltest"})
    folder = put(tmp_path / "pips-v1-small", {"task_metadata.json": metadata, "16000/train/a.wav": ""})
    with pytest.raises(UsageError, match=r"\['map'\], none of which is a metric of events; known: event_onset_200ms"):
        catalogue.find(str(folder))


def test_metadata_that_says_nothing_is_named(tmp_path):
    """It is the folder of a HEAR task, but not a whole one."""
    put(tmp_path, {"task_metadata.json": '{"task_name": "x"}', "48000/train/a.wav": ""})
    with pytest.raises(
        UsageError, match=r"task_metadata\.json: is not the metadata of a HEAR task: KeyError\('version'\)"
    ):
        catalogue.find(str(tmp_path))


@pytest.mark.parametrize(
    ("column", "values", "n_readings", "split"),
    [
        ("group", "abcdefg", 0, {"by": "random", "groups": True}),
        ("group", "abcdef", 1, {"by": "group"}),
        ("group", "a", 1, {"by": "random", "groups": True}),
        ("fold", "abc", 0, {"by": "fold", "valid": "next"}),
        ("fold", "ab", 0, {"by": "fold"}),
    ],
)
def test_a_table_is_made_into_clips_once_wherever_a_few_of_its_values_say_the_split(
    tmp_path, monkeypatch, column, values, n_readings, split
):
    """A million rows take some 20 s each time; only few groups need the clips themselves before the manifest."""
    rows = [f"{n}.wav,{'xy'[n // 2 % 2]},{values[n % len(values)]}" for n in range(84)]
    put(tmp_path, {**{f"{n}.wav": "" for n in range(84)}, "t.csv": f"path,label,{column}\n" + "\n".join(rows)})
    readings, read_clips = [], TableReader.read_clips
    monkeypatch.setattr(TableReader, "read_clips", lambda *given: readings.append(given) or read_clips(*given))
    (task,) = catalogue.find(str(tmp_path / "t.csv"))
    assert len(readings) == n_readings
    assert {key: task.split[key] for key in split} == split
    assert (task.split["valid"] == "next") == (values in ("abcdef", "abc"))
    assert len(manifest.read(task, None, tmp_path).clips) == 84


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ("path,start,duration,label", "'start' and 'duration'"),
        ("path,onset,offset,label", "'onset' and 'offset'"),
        ("path,start_ms,end_ms,label", "'start_ms' and 'end_ms'"),
        ("path,end,from,label", "'end' and 'from'"),
    ],
)
def test_half_of_a_stretchs_times_is_asked_about(tmp_path, columns, found):
    """Else each clip would go on to the end of its recording, or be all of it."""
    (tmp_path / "t.csv").write_text(f"{columns}\n" + "\n".join(f"{n}.wav,0.1,0.5,{'ab'[n % 2]}" for n in range(8)))
    with pytest.raises(UsageError, match=f"its columns {found} look like the times of a stretch"):
        catalogue.find(str(tmp_path / "t.csv"))


def test_sounds_of_two_channels_that_overlap_are_refused_too(tmp_path):
    """By more than half of the shorter one; times need not be equal."""
    rows = "1\tSpectrogram 1\t1\t1\t2\ta\n2\tSpectrogram 2\t2\t1.01\t2.01\tb\n"
    put(tmp_path, {"r.wav": "", "r.txt": CHANNELS + rows})
    with pytest.raises(UsageError, match="marks 'b' in channel 2 at the time at which"):
        catalogue.find(str(tmp_path / "r.txt"))


def test_how_long_recordings_are_is_no_stretch(tmp_path):
    (tmp_path / "t.csv").write_text("path,duration,label\n" + "\n".join(f"{n}.wav,0.5,{'ab'[n % 2]}" for n in range(8)))
    assert catalogue.find(str(tmp_path / "t.csv"))


def test_a_table_is_read_once_for_the_task_and_for_its_clips(tmp_path, monkeypatch):
    """What found the task gives the clips too; a table that is another file by now, of the same size and time, is read again."""
    table = tmp_path / "mine.csv"
    table.write_text("path,label,group\n" + "".join(f"{n}.wav,{'ab'[n % 2]},{n}\n" for n in range(10, 30)))
    read, read_text = [], delimited._read_text
    monkeypatch.setattr(delimited, "_read_text", lambda *each: read.append(each[0]) or read_text(*each))

    def labels():
        (task,) = catalogue.find(str(table))
        return [clip.labels for clip in manifest.read(task, None, tmp_path / "cache").clips]

    monkeypatch.setattr(files, "_SETTLED_NS", 0)  # a file of this moment counts as old
    before, first = table.stat(), labels()
    assert len(read) == 1 and labels() == first and len(read) == 1
    table.write_text(table.read_text().replace("10.wav,a", "10.wav,b"))
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert labels() == [("b",), *first[1:]] and len(read) == 2
    monkeypatch.setattr(files, "_SETTLED_NS", 10**12)  # too young to be sure
    table.write_text(table.read_text().replace("10.wav,b", "10.wav,a"))
    assert labels() == first and len(read) > 3
