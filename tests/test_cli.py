"""The command line as a user meets it: scores, second runs, mistakes with their sentence and exit code, kills."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from commands import run_command  # noqa: F401  (a fixture)
from evaluator.results import on_disk

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

MODULES = Path(__file__).parent / "modules"
GOOD, ILL = str(MODULES / "good.py"), str(MODULES / "ill.py")
REAL = Path(__file__).parents[2] / "shared" / "data"


def tones(folder, n=12, classes=(300, 900, 2500), seconds=0.3):
    """A folder per class with n tones around its frequency, in noise."""
    random_numbers = np.random.default_rng(0)
    for frequency in classes:
        (folder / f"tone{frequency}").mkdir(parents=True)
        for number in range(n):
            time_axis = np.arange(int(16000 * seconds * random_numbers.uniform(0.5, 1.5))) / 16000
            wave = np.sin(2 * np.pi * frequency * random_numbers.uniform(0.9, 1.1) * time_axis)
            noisy = 0.3 * wave + 0.05 * random_numbers.normal(size=len(wave))
            soundfile.write(folder / f"tone{frequency}" / f"{number}.wav", noisy, 16000)
    return folder


@pytest.fixture
def data(tmp_path):
    return tones(tmp_path / "data")


@pytest.fixture
def hear_eval(run_command):  # noqa: F811
    """Runs `hear-eval` under the test's folder: (exit code, stdout, stderr)."""
    return run_command


def test_a_folder_of_classes_is_scored_and_the_second_run_embeds_nothing(hear_eval, data, tmp_path):
    """One command gives a score well above chance and a results file; again, the store gives every embedding."""
    code, out, err = hear_eval("run", "hear_ssl.melspec", "--task", data, "--json")
    assert code == 0, err
    line = json.loads(out)
    assert line["score"] > 0.9 and line["ci_low"] <= line["score"] <= line["ci_high"]
    assert line["n_clips"] == 36 and line["n_failed"] == 0 and len(line["folds"]) == 5
    code, out, _ = hear_eval("run", "hear_ssl.melspec", "--task", data, "--json", "--profile", "published", "--seed", 3)
    assert code == 0 and json.loads(out)["seconds"]["embed"] == 0
    written = sorted((tmp_path / "results").rglob("*.json"))
    assert len(written) == 2
    result = on_disk.read(written[0])
    assert np.sum(result.confusion) == 36 and len(result.test_clips) == 5
    assert result.provenance["module"]["sample_rate"] == 16000 and len(result.provenance["task_sha256"]) == 64
    assert sum(map(len, result.test_clips)) == 36 and len(result.provenance["manifest_sha256"]) == 64


def test_the_table_names_scores_and_files(hear_eval, data):
    """Without --json people get a table, notes, and where the results lie."""
    soundfile.write(data / "tone300" / "silent.wav", np.zeros(4000), 16000)
    code, out, _ = hear_eval("run", GOOD, "hear_ssl.melspec", "--task", data)
    assert code == 0
    assert "95 % interval" in out and "hear_ssl.melspec" in out and "37/37" in out
    assert "1 clip is silent" in out and out.count("written: ") == 2


def test_a_users_csv(hear_eval, data, tmp_path):
    """path,start,end,label,fold,group with several clips in a recording."""
    rows = ["path,start,end,label,fold,group"]
    for path in sorted(data.rglob("*.wav")):
        fold = 1 + int(path.stem) % 3
        for start in (0, 0.05):
            rows.append(f"{path.relative_to(tmp_path)},{start},{start + 0.08},{path.parent.name},{fold},{path.stem}")
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n")
    code, out, err = hear_eval("run", "hear_ssl.melspec", "--task", "mine.csv", "--json")
    assert code == 0, err
    assert json.loads(out)["n_clips"] == 72 and json.loads(out)["score"] > 0.9


def test_broken_clips_are_embedded_around_and_then_refused(hear_eval, data, tmp_path):
    """The list of failures, exit code 1, the work kept; with --allow-failed a score that states the count."""
    (data / "tone300" / "3.wav").write_bytes(b"")
    (data / "tone900" / "4.wav").write_bytes((data / "tone900" / "4.wav").read_bytes()[:2000])
    code, out, err = hear_eval("run", "hear_ssl.melspec", "--task", data, "--json")
    assert code == 1 and out == ""
    assert "2 of 36 clips cannot be used" in err and "--allow-failed 0.056" in err
    assert "tone300/3.wav" in err and "empty" in err and "tone900/4.wav" in err and "cut off" in err
    code, out, _ = hear_eval("run", "hear_ssl.melspec", "--task", data, "--json", "--allow-failed", 0.056)
    line = json.loads(out)
    assert code == 0 and line["n_failed"] == 2 and line["n_clips"] == 36
    assert line["seconds"]["embed"] == 0  # the first run kept its work


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["run", "hear_ssl.melspec", "--task", "esc11"], 2, "did you mean 'esc10'"),
        (["run", "hear_ssl.melspec", "--task", "esc10"], 2, "say with --data where the data lies"),
        (["run", "hear_ssl.melspec", "--task", "esc10", "--data", "."], 2, r"\*\.ogg not found in .*free to download"),
        (["run", "hear_ssl.mellspec", "--task", "DATA"], 2, "unknown module .*did you mean 'hear_ssl.melspec'"),
        (["run", "hear_ssl.melspec", "--task", "DATA", "--protocol", "arhc"], 2, "did you mean 'arch'"),
        (["run", "hear_ssl.melspec", "--task", "DATA", "--profile", "dirty"], 2, "'dirty'"),
        (["run", "hear_ssl.melspec", "--task", "DATA", "--option", "layer"], 2, "write it as KEY=VALUE"),
        (["run", "hear_ssl.melspec", "--task", "DATA", "--option", "laier=3"], 2, "unknown option 'laier'"),
        (["run", "hear_ssl.melspec", "--task", "DATA", "--option", "layer=7"], 2, "an index from 0 to 0"),
        (["run", "hear_ssl.melspec", "--task", "DATA", "--allow-failed", "7"], 2, "number from 0 to 1"),
        (["run", "hear_ssl.melspec", "--task", "DATA", "--device", "gpu"], 2, "device"),
        (["run", "hear_ssl.melspec", "--task", "DATA", "--python", "nowhere"], 2, "neither an interpreter nor"),
        (["run", "hear_ssl.hubert_base", "--task", "DATA", "--weights", "no/such/place"], 2, "no/such/place"),
        (["run", "hf:no/where", "--task", "DATA", "--weights", "x"], 2, "names its weights already"),
        (["run", ILL, "--task", "DATA", "--option", "ill=wrong_size"], 1, r"shape .*7\), but"),
        (["run", ILL, "--task", "DATA", "--option", "ill=exits", "--python", sys.executable], 1, "exit code 3"),
        (["run", GOOD, "--task", "DATA", "--out", "DATA/tone300/1.wav"], 2, r"--out .*no folder that can be written"),
        (["run", GOOD, "--task", "DATA", "--cache", "DATA/tone300/1.wav"], 2, r"--cache .*no folder that can be"),
        (["run"], 2, "required"),
        (["embed", "hear_ssl.melspec", "x.wav", "--out", "x.txt"], 2, "ends in .parquet, .csv, .npz, or a folder"),
        (["embed", "hear_ssl.melspec", "x.wav", "--out", "x.npz"], 1, "x.wav: there is no such file"),
        (["embed", "hear_ssl.melspec", "x", "--out", "x.npz"], 2, "nor is there a file or folder x"),
        (["validate", "json"], 2, "is no HEAR module"),
        (["check", "esc11"], 2, "did you mean"),
        (["list", "everything"], 2, "invalid choice"),
    ],
)
def test_mistakes_get_a_sentence_and_an_exit_code(hear_eval, data, arguments, code, sentence):
    """What is wrong, what would be right; 2 for wrong usage, 1 for work that failed; no traceback."""
    import re

    given = [str(argument).replace("DATA", str(data)) for argument in arguments]
    found, out, err = hear_eval(*given)
    assert found == code, err
    assert re.search(sentence, err), err
    assert out == ""
    if "--python" not in arguments:
        assert "Traceback" not in err


def test_one_module_that_fails_does_not_stop_the_others(hear_eval, data):
    """Every module is tried; the exit code tells that one failed."""
    code, out, err = hear_eval("run", "no.such", "hear_ssl.melspec", "--task", data, "--json")
    assert code == 1 and json.loads(out)["module"] == "hear_ssl.melspec" and "no.such" in err


def test_embed_writes_what_there_is_and_lists_what_failed(hear_eval, data, tmp_path):
    """Report: birdnet-team/BirdNET-Analyzer#339, lhotse-speech/lhotse#683: one bad file must not lose hours of good ones."""
    good = str(sorted(data.rglob("*.wav"))[0])
    (tmp_path / "c.wav").write_bytes(b"")
    code, out, err = hear_eval("embed", "hear_ssl.melspec", good, "c.wav", "--out", "out.npz")
    assert code == 1 and "written: out.npz (1 row)" in out
    assert (
        "failed: " in err
        and "c.wav: the file is empty (0 bytes)" in err
        and "1 of 2 recordings or clips could not be embedded" in err
    )
    with np.load("out.npz") as arrays:
        assert arrays["path"].tolist() == [good]
        assert list(json.loads(str(arrays["provenance"]))["failed"]) == ["c.wav"]
    assert hear_eval("embed", "hear_ssl.melspec", good, "c.wav", "--out", "out.npz", "--allow-failed", "0.5")[0] == 0


def test_lists_and_check(hear_eval, data):
    """list names modules, tasks and protocols; check counts what is there."""
    for what, name in (("modules", "hear_ssl.hubert_base"), ("tasks", "arch/esc50"), ("protocols", "published")):
        assert name in hear_eval("list", what)[1]
        assert all(json.loads(line) for line in hear_eval("list", what, "--json")[1].splitlines())
    (data / "tone300" / "99.wav").write_bytes((data / "tone300" / "1.wav").read_bytes())
    code, out, _ = hear_eval("check", data)
    assert "37 clips, 3 classes" in out and "identical audio" in out
    assert code in (0, 1)


def test_doctor_tells_what_is_broken(hear_eval, tmp_path, monkeypatch):
    """Versions, a 240-byte checkpoint and a damaged shard, each with its remedy."""
    snapshot = tmp_path / "hub" / "models--a--b" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"x" * 240)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    shard = tmp_path / "cache" / "embeddings" / "m" / "half.safetensors"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"half")
    code, out, _ = hear_eval("doctor")
    assert code == 1 and "torch " in out
    assert "only 240 bytes" in out and "it will be downloaded again" in out
    assert "half.safetensors: this shard of the store is damaged" in out


@pytest.mark.parametrize("arguments", [["--help"], ["list", "modules"], ["list", "tasks"]])
def test_help_and_lists_start_without_torch(arguments):
    """They import neither torch nor transformers nor soundfile, and so start at once."""
    script = f"import sys; from evaluator.cli import main\ntry: main({arguments!r})\nexcept SystemExit: pass\n"
    script += "print([m for m in ('torch', 'transformers', 'sklearn', 'soundfile') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def command(data, folder):
    """A run that lasts a few seconds: 36 clips of 50 ms and more through a slow module."""
    environment = {**os.environ, "HEAR_EVAL_CACHE": str(folder / "cache")}
    arguments = ["run", ILL, "--option", "ill=slow", "--task", str(data), "--out", str(folder / "out"), "--json"]
    return [sys.executable, "-m", "evaluator.cli", *arguments], environment


def finished(data, folder):
    """Run to the end; the scores and the store's files."""
    arguments, environment = command(data, folder)
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True, cwd=data)
    line = json.loads(done.stdout)
    shards = {path.name: path.read_bytes() for path in (folder / "cache").rglob("*.safetensors")}
    return {name: line[name] for name in ("score", "ci_low", "ci_high", "folds")}, shards


@pytest.mark.slow
def test_kill_at_ten_moments_then_resume_gives_the_same(tmp_path):
    """kill -9 at random moments loses nothing: the resumed run ends with the same scores and the same store."""
    data = tones(tmp_path / "data", n=14)
    began = time.monotonic()
    wanted = finished(data, tmp_path / "whole")
    lasted = time.monotonic() - began
    moments = random.Random(0)
    arguments, environment = command(data, tmp_path / "killed")
    killed = 0
    for share in moments.sample(range(10), 10):
        process = subprocess.Popen(
            arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=data
        )
        time.sleep(lasted * (share + moments.random()) / 11)
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert killed >= 3
    assert finished(data, tmp_path / "killed") == wanted


@pytest.mark.slow
def test_two_runs_share_a_cache(tmp_path):
    """Two processes at once on the same cache end with the same scores and a whole store."""
    data = tones(tmp_path / "data", n=8)
    wanted = finished(data, tmp_path / "alone")
    arguments, environment = command(data, tmp_path / "shared")
    both = [subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, cwd=data) for _ in range(2)]
    scores = [json.loads(process.communicate()[0])["score"] for process in both]
    assert scores == [wanted[0]["score"]] * 2
    assert finished(data, tmp_path / "shared") == wanted


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "esc10").is_dir(), reason="the shared real audio (ESC-10) is not here")
def test_real_audio_scores_well_above_chance(hear_eval):
    """ESC-10 as its authors ship it: all 400 clips, five folds, far from 10 %."""
    code, out, err = hear_eval("run", "hear_ssl.melspec", "--task", "esc10", "--data", REAL / "esc10", "--json")
    assert code == 0, err
    line = json.loads(out)
    assert line["n_clips"] == 400 and line["n_failed"] == 0 and line["ci_low"] > 0.5


def test_check_goes_on_where_one_task_has_no_data(hear_eval, tmp_path):
    """What is missing is told, the others are checked, and the exit code says that something is amiss."""
    from miniatures_arch import MINIATURES

    MINIATURES["emovo"].make(tmp_path / "some" / "emovo")
    MINIATURES["vivae"].make(tmp_path / "some" / "vivae")
    code, out, err = hear_eval("check", "arch", "--data", "some", "--json", "--figure", "lengths.svg")
    assert code == 2 and "hear-eval: arch/esc50: esc50: the table meta/esc50.csv not found" in err
    assert {json.loads(line)["task"] for line in out.splitlines()} == {"arch/emovo", "arch/vivae"}
    assert (tmp_path / "lengths.svg").is_file()


def test_published_and_clean_tasks_are_told_apart(hear_eval):
    """In the table, in JSON, and in a sentence with -v; the README's table is printed on request."""
    code, out, _ = hear_eval("list", "tasks", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    wanted = {"dataset", "clips", "classes", "split", "metric", "protocol", "profile"}
    assert code == 0 and all(wanted <= set(row) for row in rows)
    assert {row["profile"] for row in rows if row["task"] == "arch/ravdess"} == {"clean", "published"}
    assert "every actor is on both sides" in hear_eval("list", "tasks", "-v")[1]
    assert hear_eval("list", "tasks", "--markdown")[1].startswith("| task | clips | classes |")
    assert "only tasks have a table" in hear_eval("list", "modules", "--markdown")[2]
