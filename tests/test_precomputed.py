"""Vectors that were computed elsewhere: the same scores as from the module itself, every clip found or told, nothing guessed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
import soundfile

import evaluator as ev
from commands import run_command as hear_eval  # noqa: F401  (a fixture)
from evaluator.embedding import row_lookup
from evaluator.vectors.reading import family, read_table

pytestmark = pytest.mark.slow  # the whole file: it runs modules

RATE = 16000
GIVEN = {"protocol": "knn", "out": None}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder `data` of two classes of eight noisy tones, their table `e.parquet` by melspec, in the working folder."""
    random = np.random.default_rng(0)
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for label, pitch in (("low", 300), ("high", 900)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(8):
            sound = 0.05 * np.sin(2 * np.pi * pitch * np.arange(4000) / RATE) + random.normal(0, 0.2, 4000)
            soundfile.write(f"data/{label}/{label}_{number}.wav", sound, RATE)
    ev.write_embeddings("hear_ssl.melspec", "data", "e.parquet")
    return tmp_path


def probabilities(module, **how):
    """What the probe says of every test clip, and the result."""
    (result,) = ev.run(module, "./data", **{**GIVEN, **how})
    return np.concatenate([each[0] for each in result.test_probabilities]), result


def test_the_same_vectors_give_the_same_predictions(data):
    """From each form of table, written as embed, R or a service would; only what is known of the module is less."""
    wanted, own = probabilities("hear_ssl.melspec")
    frame = pandas.read_parquet("e.parquet")
    vectors = frame.filter(regex=r"^v\d")
    for out in ("e.csv", "e.npz", "e/"):
        ev.write_embeddings("hear_ssl.melspec", "data", out)
    of_r = vectors.set_axis([f"V{n}" for n in range(1, 129)], axis=1)
    of_r.insert(0, "path", [path.removeprefix("data/") for path in frame.path])
    of_r.to_csv("r.csv", index_label="")  # with R's unnamed column of row names
    pandas.concat([frame.path, of_r.drop(columns="path")], axis=1).to_csv("semicolon.csv", sep=";", decimal=",")
    lists = pyarrow.table(
        {"path": [path.rpartition("/")[2] for path in frame.path], "embedding": vectors.to_numpy().tolist()}
    )
    pyarrow.parquet.write_table(lists, "lists.parquet", row_group_size=5)
    np.savez(
        "matlab.npz", path=np.array([str(Path(path).resolve()) for path in frame.path]), vectors=vectors.to_numpy(float)
    )
    for name in ("e.parquet", "e.csv", "e.npz", "e", "r.csv", "semicolon.csv", "lists.parquet", "matlab.npz"):
        found, result = probabilities(f"precomputed:{name}")
        np.testing.assert_allclose(found, wanted, atol=1e-6, err_msg=name)
        assert result.score == own.score and (result.ci_low, result.ci_high) == (own.ci_low, own.ci_high)
        kinds = {caveat.kind: caveat.text for caveat in result.caveats}
        assert "not_computed_here" in kinds and set(kinds) - {"not_computed_here"} == {
            each.kind for each in own.caveats
        }
        assert ("hear_ssl.melspec made them" in kinds["not_computed_here"]) == name.startswith("e")
        assert result.provenance["module"]["precomputed"]["sha256"] == read_table(Path(name)).sha256
        assert result.provenance["audio_sha256"] == own.provenance["audio_sha256"]
    comparison = ev.compare([own, result])
    assert comparison


def test_a_result_of_a_table_is_asked_again_from_another_folder(data, monkeypatch, capsys):
    """The table lies where it was run, also for the result of a rerun; one that is gone, and another of its name, are told."""
    (result,) = ev.run("precomputed:e.parquet", "./data", protocol="knn", out="results")
    path = next(Path("results").rglob("*.json")).resolve()
    (data / "elsewhere").mkdir()
    monkeypatch.chdir(data / "elsewhere")
    again = ev.rerun(path, out="again")
    assert again.equal and again.result.module == result.module and again.result.run == result.run
    shutil.copy(data / "e.parquet", "kept.parquet")
    pandas.read_parquet("kept.parquet").iloc[::-1].to_parquet("e.parquet")
    (data / "further").mkdir()
    monkeypatch.chdir(data / "further")
    assert ev.rerun(data / "elsewhere" / again.path).equal
    monkeypatch.chdir(data / "elsewhere")
    assert ev.rerun(path).equal  # the very table of its two of this name
    (data / "e.parquet").unlink()
    assert ev.rerun(path).differences[0].startswith("the module's weights: others")
    Path("e.parquet").unlink()
    with pytest.raises(ev.UsageError, match=r"no e.parquet in .*elsewhere nor in .*; put the table there, or go to"):
        ev.rerun(path)


def test_windows_and_marked_stretches_are_found_by_their_times(data):
    """To the millisecond, as tables are rounded; a stretch that is not there is no other one."""
    rows = [
        f"{kind}/{kind}_{n}.wav,{a},{b},{kind}"
        for kind in ("low", "high")
        for n in range(8)
        for a, b in ((0, 0.1), (0.1, 0.2333333))
    ]
    Path("data/mine.csv").write_text("path,start,end,label\n" + "\n".join(rows) + "\n")
    ev.write_embeddings("hear_ssl.melspec", "data/mine.csv", "w.csv")
    (own,) = ev.run("hear_ssl.melspec", "data/mine.csv", **GIVEN)
    frame = pandas.read_csv("w.csv")
    frame["end"] = frame.end.round(3)
    frame.to_csv("rounded.csv", index=False)
    (found,) = ev.run("precomputed:rounded.csv", "data/mine.csv", **GIVEN)
    assert found.score == own.score and found.n_clips == 32
    frame.loc[3, "end"] += 0.01
    frame.to_csv("wrong.csv", index=False)
    with pytest.raises(
        ev.EvaluationError, match=r"1 of 32 clips.*\n.*no row from 0.1 to 0.23.* s; it has 0 to 0.1 s and 1 more"
    ):
        ev.run("precomputed:wrong.csv", "data/mine.csv", **GIVEN)


def test_every_clip_has_to_be_found(data):
    """The first that are missing are named, with how many; the share that may be is said."""
    frame = pandas.read_parquet("e.parquet")
    frame[3:].to_csv("few.csv", index=False)
    lacking = r"3 of 16 clips cannot be used.* It is the table of vectors that has no rows of them, .*: add these rows"
    with pytest.raises(ev.EvaluationError, match=rf"{lacking}.*0\.188.*\n.*high_0.wav: few.csv has no row"):
        ev.run("precomputed:few.csv", "./data", **GIVEN)
    _, result = probabilities("precomputed:few.csv", allow_failed=0.2)
    assert result.n_failed == 3 and "failed_clips" in {caveat.kind for caveat in result.caveats}
    frame.assign(path=[f"x{path}" for path in frame.path.str.rpartition("/")[2]]).to_csv("none.csv", index=False)
    with pytest.raises(ev.EvaluationError, match="none of its 16 clips can be used.*\n.*its first path is xhigh_0.wav"):
        ev.run("precomputed:none.csv", "./data", **GIVEN)
    Path("data/low/low_0.wav").write_bytes(b"RIFF")
    with pytest.raises(
        ev.EvaluationError, match="4 of 16 clips .* no rows of 3 of them: add these to it, and mend the"
    ):
        ev.run("precomputed:few.csv", "./data", **GIVEN)


def test_what_could_be_two_is_refused(data):
    """Two paths of the table for a recording, two recordings for a path, a row twice, other vectors for the same sound."""
    frame = pandas.read_parquet("e.parquet")

    def refused(match, table):
        table.to_csv("t.csv", index=False)
        with pytest.raises(ev.EvaluationError, match=match):
            ev.run("precomputed:t.csv", "./data", **GIVEN)

    two = pandas.concat([frame.assign(path="a/" + frame.path), frame.assign(path="b/" + frame.path)])
    refused("high/high_0.wav could be a/data/high/high_0.wav or b/data/high/high_0.wav", two)
    refused("has high/high_0.wav twice", pandas.concat([frame, frame[:1]]))
    Path("data/low/high_3.wav").write_bytes(Path("data/high/high_3.wav").read_bytes())
    named = frame.assign(path=frame.path.str.rpartition("/")[2])
    refused("its path high_3.wav could be high/high_3.wav or low/high_3.wav", named)
    same = pandas.concat([frame, frame[frame.path.str.endswith("high_3.wav")].assign(path="data/low/high_3.wav")])
    same.to_csv("same.csv", index=False)
    probabilities("precomputed:same.csv")
    same.iloc[-1, same.columns.get_loc("v5")] += 1.0
    refused("two clips with the very same sound have different vectors: high/high_3.wav and low/high_3.wav", same)
    _, result = probabilities("precomputed:t.csv", allow_unrepeatable=True)
    assert "unrepeatable" in {caveat.kind for caveat in result.caveats}


def test_rows_of_another_recording_are_not_taken(data):
    """Data with `low/low_0.wav` and `north/low/low_0.wav`, a table of the north alone: the others have no vectors, rather than its."""
    frame = pandas.read_parquet("e.parquet")
    shutil.copytree("data", "both")
    shutil.copytree("data", "both/north")
    names = sorted(path.relative_to("both").as_posix() for path in Path("both").rglob("*.wav"))
    pandas.DataFrame({"path": names, "label": [Path(name).parent.name for name in names]}).to_csv(
        "both/clips.csv", index=False
    )
    frame.assign(path="north/" + frame.path.str.removeprefix("data/")).to_csv("north.csv", index=False)
    with pytest.raises(ev.EvaluationError, match="16 of 32 clips"):
        ev.run("precomputed:north.csv", "both/clips.csv", **GIVEN)
    frame.assign(path="old/" + frame.path.str.removeprefix("data/")).to_csv("moved.csv", index=False)
    probabilities("precomputed:moved.csv")  # a folder that is not here any more is no other recording


def test_what_is_done_to_sounds_is_not_asked_of_a_table(data, hear_eval):  # noqa: F811
    """Another channel or pace, unless the table was made with it; and no degradation."""
    for how in ({"channel": "first"}, {"expand": 10.0}):
        with pytest.raises(ev.UsageError, match=f"says nothing of --{next(iter(how))}"):
            ev.run("precomputed:e.parquet", "./data", **GIVEN, **how)
    ev.write_embeddings("hear_ssl.melspec", "data", "first.parquet", channel="first")
    probabilities("precomputed:first.parquet", channel="first")
    for training in ([], ["--degrade-training"]):
        code, _, err = hear_eval(
            "robustness", "precomputed:e.parquet", "--task", "./data", "--protocol", "knn", "--snr", "0", *training
        )
        assert code == 2 and "vectors do not change with sounds" in err, err


def test_nan_is_refused_by_name(data):
    """With the clip and the dimension; also an empty cell and infinity."""
    for value in (np.nan, np.inf):
        frame = pandas.read_parquet("e.parquet")
        frame.iloc[2, frame.columns.get_loc("v7")] = value
        for name, write in (("n.csv", frame.to_csv), ("n.parquet", frame.to_parquet)):
            write(name, index=False)
            with pytest.raises(ev.EvaluationError, match=rf"high/high_2.wav holds {value} \(dimension 8 of 128\)"):
                ev.run(f"precomputed:{name}", "./data", **GIVEN)


def test_layers_of_a_table(data):
    """A column `layer` does what layers of a module do: one by number, the best of all, none by default."""
    frame = pandas.read_parquet("e.parquet")
    noise = frame.copy()
    noise.loc[:, [name for name in frame if name[0] == "v"]] = (
        np.random.default_rng(0).normal(size=(16, 128)).astype(np.float32)
    )
    layered = pandas.concat([noise.assign(layer=0), frame.assign(layer=1)]).sort_values("path", kind="stable")
    layered.to_parquet("layers.parquet", index=False)
    wanted, _ = probabilities("hear_ssl.melspec")
    found, result = probabilities("precomputed:layers.parquet", layers=1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    every = ev.run("precomputed:layers.parquet", "./data", layers="all", **GIVEN)[0]
    assert [point.layer for point in every.curve] == [0, 1] and every.curve[1].score == result.score
    with pytest.raises(ev.UsageError, match="holds layers 0 to 1 and none that stands for all; say --layers"):
        ev.run("precomputed:layers.parquet", "./data", **GIVEN)
    layered[1:].to_parquet("gap.parquet", index=False)
    with pytest.raises(ev.EvaluationError, match="1 of 16 clips.*\n.*has 1 of its 2 layers"):
        ev.run("precomputed:gap.parquet", "./data", layers=1, **GIVEN)


def test_similarity_and_map_take_a_table(data):
    """As they take modules: a table of melspec is melspec."""
    analysis = ev.compute_similarity(["hear_ssl.melspec", "precomputed:e.parquet"], "./data")
    table = analysis.datasets[0]
    assert table.cka[0][1] == pytest.approx(1.0) and any("not computed here" in note for note in table.notes)
    (atlas,) = ev.draw_maps("precomputed:e.parquet", "./data", methods=["pca"])
    assert len(atlas.clips) == 16


def test_tables_that_say_nothing_are_refused(data, hear_eval):  # noqa: F811
    """What no vector can be told of, and what a table cannot do."""
    frame = pandas.read_parquet("e.parquet")
    frame.rename(columns={"path": "file_name"}).to_csv("nopath.csv", index=False)
    frame[["path", "start"]].to_csv("novector.csv", index=False)
    frame.assign(x1=1.0, x2=2.0).to_csv("two.csv", index=False)
    frame.drop(columns="v3").to_csv("gap.csv", index=False)
    frame.drop(columns="v3").copy().assign(mic1=1.0).to_csv("mic.csv", index=False)
    frame.rename(columns={"v3": "v04"}).to_csv("same.csv", index=False)
    frame.assign(box=[[1, 2]] * 16).to_parquet("box.parquet")
    Path("broken.npz").write_bytes(b"PK\x03\x04 and no more")
    ev.write_embeddings("hear_ssl.melspec", "data", "folder/")
    pandas.read_parquet("folder/index.parquet").assign(row=-1).to_parquet("folder/index.parquet")
    Path("broken.parquet").write_bytes(b"PAR1")
    for name, match in {
        "nopath.csv": "there is no column 'path'",
        "novector.csv": "no columns look like a vector",
        "two.csv": "the vector could be x1 to x2 and v0 to v127",
        "gap.csv": "'v' has numbers with gaps",
        "mic.csv": "could be mic1 to mic1, or v0, v1, ..., of which v3 is missing",
        "same.csv": "v04 and v4 have the same number",
        "box.parquet": "could be the lists of box, or v0 to v127",
        "broken.npz": "cannot be read as npz",
        "folder": "its index has row -1 of vectors-00000.npy, which has 16",
        "broken.parquet": "cannot be read as parquet",
        "missing.csv": "there is no such file",
        "e.txt": "there is no such file",
    }.items():
        code, _, err = hear_eval("run", f"precomputed:{name}", "--task", "./data", "--protocol", "knn")
        assert code == 2 and match in err, (name, err)
    for words, match in {
        ("run", "precomputed:e.parquet", "--task", "./data", "--weights", "x"): "leave --weights out",
        ("validate", "precomputed:e.parquet"): "is a table of vectors, which is looked into and not loaded",
        ("run", "precompute:e.parquet", "--task", "./data"): "did you mean 'precomputed'",
    }.items():
        code, _, err = hear_eval(*words)
        assert code == 2 and match in err, err
    code, out, _ = hear_eval(
        "run", "precomputed:e.parquet", "--task", "./data", "--protocol", "knn", "--baselines", "--json"
    )
    modules = [json.loads(line)["module"] for line in out.splitlines()]
    assert code == 0 and "precomputed:e.parquet" in modules and not [each for each in modules if "untrained" in each]


@pytest.mark.parametrize(("numbers", "wanted"), [("0,5;1,25;2", 0.5), ("0.5;1.25;2", 0.5), ("5e-1;1;2", 0.5)])
def test_semicolons_go_with_either_decimal_mark(tmp_path, numbers, wanted):
    """Spreadsheets of different languages write one or the other; a label with a comma is no number."""
    (tmp_path / "t.csv").write_text(f'path;label;v0;v1;start\na.wav;"1,5";{numbers}\n')
    table = read_table(tmp_path / "t.csv")
    assert table.take(np.array([0]))[0, 0] == np.float32(wanted) and table.start[0] == 2


def test_the_vector_is_the_numbered_columns():
    """In the order of their numbers, whatever the order of the columns; other columns are left."""
    assert family(Path("t"), ["path", "d10", *(f"d{n}" for n in range(1, 10)), "rms"]) == [
        f"d{n}" for n in range(1, 11)
    ]
    assert row_lookup.NEAR < 0.002
