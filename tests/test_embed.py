"""Tables of embeddings: what they hold, in every form the same; windows, layers and frames; what goes on after it was stopped."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet
import pytest
import soundfile
import torch

import evaluator as ev
from commands import run_command as hear_eval  # noqa: F401  (a fixture)
from evaluator.experiment import blocks
from evaluator.vectors import folder as folders
from evaluator.vectors import parquet
from hear_ssl import melspec

pytestmark = pytest.mark.slow  # the whole file: it runs modules

RATE = 16000
LAYERED = """
import torch
class Model(torch.nn.Module):
    sample_rate, scene_embedding_size, timestamp_embedding_size, n_layers = 16000, 2, 2, 3
def load_model(path=""):
    return Model()
def get_scene_embeddings(audio, model):
    return torch.stack([audio.mean(1), audio.std(1)], 1)
def get_timestamp_embeddings(audio, model):
    frames = audio[:, : audio.shape[1] // 800 * 800].reshape(len(audio), -1, 800)
    times = 25 + 50 * torch.arange(frames.shape[1], dtype=torch.float64)
    return torch.stack([frames.mean(2), frames.std(2)], 2), times.expand(len(audio), -1)
def get_clip_embeddings(clips, model):
    scenes = torch.stack([get_scene_embeddings(clip[None], model)[0] for clip in clips])
    layers = torch.stack([scenes, 2 * scenes, 3 * scenes], 1)
    return {"scene": scenes, "layers_mean": layers, "layers_std": layers}
"""


@pytest.fixture
def field(tmp_path, monkeypatch):
    """A folder `field` of noise, 3 s, 2.5 s and 0.4 s at 16 kHz in `wren` and `owl`, which is in the working folder."""
    random = np.random.default_rng(0)
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name, seconds in (("wren/a", 3.0), ("wren/b", 2.5), ("owl/c", 0.4)):
        (tmp_path / "field" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(f"field/{name}.wav", random.normal(0, 0.1, round(seconds * RATE)), RATE)
    (tmp_path / "layered.py").write_text(LAYERED)
    return tmp_path


def vectors_of(frame):
    """The columns v0, v1, ... of a table, in the order of their numbers."""
    names = sorted((name for name in frame if name[0] == "v" and name[1:].isdigit()), key=lambda name: int(name[1:]))
    return frame[names].to_numpy(np.float32)


def expected(rows):
    """What the module itself gives of stretches (path, start, end), one by one."""
    model = melspec.load_model()
    stretches = [soundfile.read(path, dtype="float32")[0][round(a * RATE) : round(b * RATE)] for path, a, b in rows]
    return torch.cat([melspec.get_scene_embeddings(torch.from_numpy(each)[None], model) for each in stretches]).numpy()


def test_a_row_a_recording(field):
    """Path as given, from 0 to its true end, the folder as label; the vector is the module's own."""
    frame = ev.embed("hear_ssl.melspec", ["field", "field/wren/a.wav"]).to_frame()
    assert list(frame.columns[:6]) == ["path", "start", "end", "label", "group", "v0"]
    rows = [("field/owl/c.wav", 0.0, 0.4), ("field/wren/a.wav", 0.0, 3.0), ("field/wren/b.wav", 0.0, 2.5)]
    assert list(frame[["path", "start", "end"]].itertuples(index=False, name=None)) == rows
    assert list(frame.label) == ["owl", "wren", "wren"] and set(frame.group) == {""}
    np.testing.assert_allclose(vectors_of(frame), expected(rows), atol=1e-5)


def test_windows_lie_inside_their_recording(field):
    """Every hop, and a recording that is shorter than a window is a row of its own length."""
    frame = ev.embed("hear_ssl.melspec", "field", window=1.0, hop=0.75).to_frame()
    spans = {path: list(zip(each.start, each.end, strict=True)) for path, each in frame.groupby("path")}
    assert spans == {
        "field/owl/c.wav": [(0.0, 0.4)],
        "field/wren/a.wav": [(0.0, 1.0), (0.75, 1.75), (1.5, 2.5)],
        "field/wren/b.wav": [(0.0, 1.0), (0.75, 1.75), (1.5, 2.5)],
    }
    rows = list(frame[["path", "start", "end"]].itertuples(index=False, name=None))
    np.testing.assert_allclose(vectors_of(frame), expected(rows), atol=1e-5)
    assert len(ev.embed("hear_ssl.melspec", "field/wren/a.wav", window=1.0).paths) == 3


def test_every_form_holds_the_same(field, monkeypatch):
    """Parquet, CSV, .npz and the folder of .npy say the same to the last bit, with several blocks, row groups and files."""
    monkeypatch.setattr(blocks, "MOST_CLIPS", 4)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 5)
    monkeypatch.setattr(folders, "FILE_BYTES", 4 * 128 * 3)
    for out in ("e.parquet", "e.csv", "e.npz", "e/"):
        ev.write_embeddings("hear_ssl.melspec", "field", out, window=0.5)
    frame = pandas.read_parquet("e.parquet")
    assert pyarrow.parquet.ParquetFile("e.parquet").num_row_groups == 2 and len(frame) == 12
    assert vectors_of(frame).shape == (12, 128) and frame.v0.dtype == np.float32
    text = pandas.read_csv("e.csv", keep_default_na=False)
    np.testing.assert_array_equal(vectors_of(text), vectors_of(frame))
    index = pandas.read_parquet("e/index.parquet")
    files = {name: np.load(f"e/{name}", mmap_mode="r") for name in index.file.unique()}
    assert [len(each) for each in files.values()] == [3, 3, 3, 3]
    mapped = [files[name][row] for name, row in zip(index.file, index.row, strict=True)]
    np.testing.assert_array_equal(mapped, vectors_of(frame))
    with np.load("e.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["vectors"], vectors_of(frame))
        for name in ("path", "start", "end", "label", "group"):
            assert list(arrays[name]) == list(frame[name]) == list(text[name]) == list(index[name])
        said = json.loads(str(arrays["provenance"]))
    assert said["identity"]["encoder"] == "MelspecEncoder" and said["n_rows"] == 12
    beside = json.loads(Path("e.csv.json").read_text())
    assert beside.pop("csv_sha256") == hashlib.sha256(Path("e.csv").read_bytes()).hexdigest()
    assert beside == said == json.loads(Path("e/provenance.json").read_text())
    assert json.loads(pyarrow.parquet.read_schema("e.parquet").metadata[b"hear-eval"]) == said


def test_tables_annotations_and_tasks(field):
    """A table's rows with or without labels, the stretches of a selection table, and a task's clips, named as each names them."""
    Path("field/mine.csv").write_text("path,start,end,label,group\nwren/a.wav,0.5,1.5,x;y,A\nowl/c.wav,,,,B\n")
    Path("field/bare.csv").write_text("path\nwren/b.wav\n")
    frame = ev.embed("hear_ssl.melspec", ["field/mine.csv", "field/bare.csv"]).to_frame()
    rows = [("wren/a.wav", 0.5, 1.5), ("owl/c.wav", 0.0, 0.4), ("wren/b.wav", 0.0, 2.5)]
    assert list(frame[["path", "start", "end"]].itertuples(index=False, name=None)) == rows
    assert list(frame.label) == ["x;y", "", ""] and list(frame.group) == ["A", "B", ""]
    np.testing.assert_allclose(vectors_of(frame), expected([(f"field/{path}", a, b) for path, a, b in rows]), atol=1e-5)
    windows = ev.embed("hear_ssl.melspec", "field/mine.csv", window=0.5).to_frame()
    assert list(windows.start) == [0.5, 1.0, 0.0] and list(windows.label) == ["x;y", "x;y", ""]
    columns = ("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Annotation")
    Path("field/wren/a.Table.1.selections.txt").write_text(
        "\t".join(columns) + "\n" + "\t".join(("1", "Spectrogram 1", "1", "0.25", "0.75", "song")) + "\n"
    )
    marked = ev.embed("hear_ssl.melspec", "field")
    assert marked.to_frame().iloc[0, :5].tolist() == ["wren/a.wav", 0.25, 0.75, "song", "wren/a.wav"]
    assert any("the 1 marked stretches are embedded" in note for note in marked.notes)
    made = ev.embed("hear_ssl.melspec", "demo/calls")
    clips = ev.run("hear_ssl.melspec", "demo/calls", protocol="knn", out=None)[0]
    assert clips.environment["n_embedded"] == 0 and len(made.paths) == clips.n_clips == 330
    assert set(made.labels) == set(clips.classes) and "" not in made.groups


def test_layers_are_rows(field):
    """With all of them a column `layer`, those of a clip after each other; one of them is a table without that column."""
    every = ev.embed("./layered.py", "field", layers="all", in_process=True)
    assert every.vectors.shape == (3, 3, 2)
    frame = every.to_frame()
    assert list(frame.layer) == [0, 1, 2] * 3 and list(frame.path[:3]) == ["field/owl/c.wav"] * 3
    ev.write_embeddings("./layered.py", "field", "all.parquet", layers="all", in_process=True)
    pandas.testing.assert_frame_equal(pandas.read_parquet("all.parquet"), frame, check_dtype=False)
    one = ev.embed("./layered.py", "field", layers=2, in_process=True)
    np.testing.assert_array_equal(one.vectors, every.vectors[:, 2])
    assert "layer" not in one.to_frame()
    with pytest.raises(ev.UsageError, match="nothing is trained here"):
        ev.embed("./layered.py", "field", layers="weighted")


def test_frames_go_into_files_of_bounded_size(field, monkeypatch):
    """Every frame of a clip with its time in the recording, also where they go on in the next file."""
    monkeypatch.setattr(folders, "FILE_BYTES", 4 * 2 * 7)
    written = ev.write_embeddings("./layered.py", "field", "f/", frames=True, window=1.0, in_process=True)
    index = pandas.read_parquet("f/index.parquet")
    sizes = [len(np.load(path)) for path in sorted(Path("f").glob("frames-*.npy"))]
    assert written.n_frames == sum(sizes) == index.n_frames.sum() == 108 and set(sizes[:-1]) == {7}
    for path, start, end in {*zip(index.path, index.start, index.end, strict=True)}:
        rows = index[(index.path == path) & (index.start == start)]
        frames, times = (
            np.concatenate(
                [np.load(f"f/{name}")[row : row + n] for name, row, n in zip(rows[kind], rows.row, rows.n_frames)]
            )
            for kind in ("file", "times")
        )
        audio = soundfile.read(path, dtype="float32")[0][round(start * RATE) : round(end * RATE)].reshape(-1, 800)
        np.testing.assert_allclose(frames, np.stack([audio.mean(1), audio.std(1, ddof=1)], 1), atol=1e-5)
        np.testing.assert_allclose(times, start + 0.025 + 0.05 * np.arange(len(audio)))
    with pytest.raises(ev.UsageError, match="frames are many"):
        ev.write_embeddings("./layered.py", "field", "f.parquet", frames=True)


def test_what_failed_is_said_and_counted(field, hear_eval):  # noqa: F811
    """By recordings, not by their windows; the others are written, and the file says what is missing."""
    Path("field/owl/broken.wav").write_bytes(b"no sound")
    command = ["embed", "hear_ssl.melspec", "field", "--out", "e.csv", "--window", "0.1"]
    code, out, err = hear_eval(*command)
    assert code == 1 and "written: e.csv (59 rows)" in out
    assert "1 of 4 recordings or clips could not" in err and "broken.wav" in err
    early = "1 of 4 recordings or clips cannot be read, as far as headers tell ("
    assert early in err and "mend them, or admit them with --allow-failed 0.25" in err
    assert early in hear_eval(*command, "--plan")[2]
    said = json.loads(Path("e.csv.json").read_text())
    assert list(said["failed"]) == ["field/owl/broken.wav"] and said["n_failed"] == 1
    code, _, err = hear_eval(*command, "--allow-failed", "0.25")
    assert code == 0 and early not in err
    assert hear_eval(*command, "--allow-failed", "0.24")[0] == 1
    code, _, err = hear_eval("embed", "hear_ssl.melspec", "field/owl/broken.wav", "--out", "none.csv")
    assert code == 1 and "none of the 1 clips can be embedded" in err and not Path("none.csv").exists()


def test_what_cannot_be_read_is_said_before_a_module_is_loaded(field, caplog):
    """As far as headers tell: a file that is none, one that is cut off, a stretch beyond the end; in memory it is refused at once."""
    Path("field/owl/broken.wav").write_bytes(b"no sound")
    whole = Path("field/wren/b.wav").read_bytes()
    Path("field/wren/b.wav").write_bytes(whole[: len(whole) // 2])
    Path("field/mine.csv").write_text("path,start,end\nowl/c.wav,0,0.2\nowl/c.wav,50,51\n")
    Path("never.py").write_text(
        "def load_model(path=''):\n    raise RuntimeError('it was loaded')\n\n\nget_scene_embeddings = load_model\n"
    )
    places = ["field/owl", "field/wren", "field/mine.csv"]
    with pytest.raises(
        ev.EvaluationError, match="3 of 6 recordings or clips cannot be read, and nothing is embedded yet"
    ) as told:
        ev.embed("./never.py", places, in_process=True)
    said = str(told.value)
    assert "broken.wav: " in said and "b.wav: the file is cut off" in said and "the clip ends at 51 s" in said
    assert "--allow-failed 0.5:" in said
    for ask in (ev.embed, lambda *given, **more: ev.write_embeddings(*given, "e.csv", **more)):
        caplog.clear()
        with pytest.raises((ev.UsageError, ev.EvaluationError), match="it was loaded"):
            ask("./never.py", places, in_process=True, allow_failed=0.5)
        assert not caplog.records
    with pytest.raises((ev.UsageError, ev.EvaluationError), match="it was loaded"):
        ev.write_embeddings("./never.py", places, "e.csv", in_process=True)
    assert [record.getMessage().partition(" cannot")[0] for record in caplog.records] == ["3 of 6 recordings or clips"]
    with pytest.raises(ev.EvaluationError, match="none of the 1 clips can be embedded: .*broken.wav"):
        ev.write_embeddings("./never.py", "field/owl/broken.wav", "e.csv", in_process=True)


def test_nothing_else_is_replaced(field, hear_eval):  # noqa: F811
    """The same request writes the same bytes again; another one, or somebody's file, is left alone unless one insists."""
    command = ["embed", "hear_ssl.melspec", "field", "--out"]
    for out in ("e.parquet", "e.csv", "e.npz", "e"):
        assert hear_eval(*command, out)[0] == 0
        before = {path: path.read_bytes() for path in [Path(out), *Path(out).glob("*")] if path.is_file()}
        assert hear_eval(*command, out)[0] == 0
        assert before == {path: path.read_bytes() for path in before}
        code, _, err = hear_eval(*command, out, "--window", "1")
        assert code == 2 and "(hop: None, now 1.0)" in err and "--overwrite" in err
        assert before == {path: path.read_bytes() for path in before}
    Path("notes.csv").write_text("mine")
    assert "does not say that embed made it" in hear_eval(*command, "notes.csv")[2]
    assert Path("notes.csv").read_text() == "mine"
    Path("e/analysis.R").write_text("mine")
    for more in ((), ("--overwrite",)):
        for out, name in (
            ("e", "analysis.R"),
            ("field/", ""),
        ):  # a folder beside whose files one works, and the recordings
            code, _, err = hear_eval(*command, out, *more)
            assert code == 2 and f"the folder holds {name}" in err, err
    assert Path("e/analysis.R").read_text() == "mine" and len(list(Path("field").rglob("*.wav"))) > 1
    Path("e/analysis.R").unlink()
    frame = pandas.read_csv("e.csv")
    frame.assign(v0=0.0).to_csv("e.csv", index=False)  # its JSON is there, and speaks of another table
    assert "does not say that embed made it" in hear_eval(*command, "e.csv")[2]
    assert hear_eval(*command, "e", "--window", "1", "--overwrite")[0] == 0
    assert len(pandas.read_parquet("e/index.parquet")) == 6
    assert not [path for path in Path().iterdir() if path.name.endswith(".part")]


def test_the_same_words_in_another_folder_are_another_request(field, hear_eval, monkeypatch):  # noqa: F811
    """`.` is what lies there; the whole project may be moved, and an absolute path is what it was."""
    out = str(field / "e.csv")
    monkeypatch.chdir(field / "field" / "wren")
    assert hear_eval("embed", "hear_ssl.melspec", ".", "--out", out)[0] == 0
    before = Path(out).read_bytes()
    monkeypatch.chdir(field / "field" / "owl")
    code, _, err = hear_eval("embed", "hear_ssl.melspec", ".", "--out", out)
    assert code == 2 and "(where: ['field/wren'], now ['field/owl'])" in err and Path(out).read_bytes() == before
    code, _, err = hear_eval("embed", "hear_ssl.melspec", "../wren", "--out", out)
    assert code == 2 and "given in other words (['.'], now ['../wren']), which its column path repeats" in err
    assert "or --overwrite" in err and Path(out).read_bytes() == before
    assert str(field) not in (field / "e.csv.json").read_text()


def test_a_clip_that_a_task_cuts_ends_where_it_is_cut(field):
    """The table says what was heard, and is found again by it."""
    rows = "".join(f"wren/{name}.wav,{label}\n" for name, label in (("a", "x"), ("b", "y")))
    for name in "cdefgh":
        soundfile.write(f"field/wren/{name}.wav", np.random.default_rng(ord(name)).normal(0, 0.1, 2 * RATE), RATE)
        rows += f"wren/{name}.wav,{'xy'[ord(name) % 2]}\n"
    Path("field/mine.csv").write_text("path,label\n" + rows)
    Path("cut.yaml").write_text(
        "name: cut\ndataset: {root: field, reader: {kind: table, table: mine.csv, path: '{path}', label: '{label}'}}\nlabels: single\n"
        "metric: accuracy\nclip_seconds: 0.75\nprotocol: knn\nsplit: {by: random, folds: 2, seed: 1, stratify: true, valid: {share: 0.3, seed: 1, stratify: true}}\n"
    )
    ev.write_embeddings("hear_ssl.melspec", "cut.yaml", "e.csv")
    frame = pandas.read_csv("e.csv")
    assert set(frame.start) == {0.0} and set(frame.end) == {0.75}
    spoken = ev.run(["precomputed:e.csv", "hear_ssl.melspec"], "cut.yaml", protocol="knn", out=None)
    assert spoken[0].score == spoken[1].score and spoken[0].n_failed == 0


def test_more_windows_than_anybody_means_are_refused_at_once(field, hear_eval, monkeypatch):  # noqa: F811
    """A unit that was mistaken, before the module is asked for anything; and silent windows are named."""
    monkeypatch.setattr(blocks, "MOST_WINDOWS", 500)
    code, _, err = hear_eval("embed", "hear_ssl.melspec", "field", "--window", "0.01", "--out", "e.csv")
    assert code == 2 and "--window 0.01 every 0.01 s: gives more than 500 windows" in err and "--frames" in err
    planned = hear_eval("embed", "hear_ssl.melspec", "field", "--window", "0.01", "--plan")
    assert planned == (2, "", err)
    assert not Path("e.csv").exists()
    sound = soundfile.read("field/wren/a.wav")[0]
    sound[RATE:] = 0
    soundfile.write("field/wren/a.wav", sound, RATE)
    code, _, err = hear_eval("embed", "hear_ssl.melspec", "field", "--window", "1", "--out", "e.csv")
    assert code == 0 and "note: 2 clips are silent (all samples 0), field/wren/a.wav" in err and "for one" in err


def test_what_was_killed_goes_on_to_the_same_bytes(field):
    """SIGKILL in the second block: no file, and the next call embeds the rest only, into what an unbroken run gives."""
    script = (
        "import os, signal, sys, evaluator as ev\n"
        "from evaluator.experiment import blocks\n"
        "blocks.MOST_CLIPS, begun = 20, []\n"
        "def progress(title, total):\n"
        "    begun.append(title)\n"
        "    def advance(n):\n"
        "        if sys.argv[2] == 'kill' and len(begun) > 1:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return advance\n"
        "ev.write_embeddings('hear_ssl.melspec', 'field', sys.argv[1], window=0.1, cache=sys.argv[3], progress=progress)\n"
    )

    def run(out, how, cache):
        return subprocess.run([sys.executable, "-c", script, out, how, cache], check=False, cwd=field).returncode

    assert run("killed.parquet", "kill", "one") == -9 and not Path("killed.parquet").exists()
    there = {path.name for path in Path("one/embeddings").rglob("*.safetensors")}
    assert there
    assert run("killed.parquet", "", "one") == 0 and run("whole.parquet", "", "other") == 0
    assert there < {path.name for path in Path("one/embeddings").rglob("*.safetensors")}
    assert Path("killed.parquet").read_bytes() == Path("whole.parquet").read_bytes()


def test_a_store_of_others_clips_takes_no_memory(field):
    """Of a store only the clips that are asked for are known, and the others are still there for who asks for them."""
    from evaluator.embedding.store import Store

    ev.embed("hear_ssl.melspec", "field", window=0.1)
    (key,) = {path.name for path in Path("cache/embeddings").iterdir()}
    whole = Store(Path("cache"), json.loads(Path(f"cache/embeddings/{key}/model.json").read_text()))
    wanted = sorted(whole.locations)[3:5]
    some = Store(Path("cache"), json.loads(Path(f"cache/embeddings/{key}/model.json").read_text()), wanted=set(wanted))
    assert sorted(some.locations) == wanted and len(some.shards) < len(whole.shards)
    view = next(iter(whole.shards.values())).tensors
    name = next(iter(view))
    np.testing.assert_array_equal(some.read_layers(wanted, name), whole.read_layers(wanted, name))
    some.rescan()
    assert sorted(some.locations) == wanted
