"""A plan counts as files and stores do, tries without leaving anything, and comes near to what a run takes."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import evaluator as ev
from commands import run_command as hear_eval  # noqa: F401  (a fixture)
from evaluator import files
from evaluator.api.forecasting import forecast_embedding
from evaluator.embedding import trial
from evaluator.embedding.plan import clips_of
from evaluator.experiment import blocks, outline

pytestmark = pytest.mark.slow  # the whole file: it runs modules

LENGTHS = np.random.default_rng(1).uniform(0.2, 3.0, 150).round(2)  # seconds


class Counting:
    """A HEAR module that counts the samples that it is asked for."""

    n_samples = 0

    class Model(torch.nn.Module):
        sample_rate = 16000
        scene_embedding_size = 2
        timestamp_embedding_size = 2

    def load_model(self, path=""):
        return self.Model()

    def get_scene_embeddings(self, audio, model):
        self.n_samples += audio.numel()
        return torch.stack([audio.mean(1), audio.abs().mean(1)], 1)

    def get_timestamp_embeddings(self, audio, model):
        self.n_samples += audio.numel()
        times = torch.arange(1, 1 + audio.shape[1] // 1600) * 50.0
        frames = audio[:, : 1600 * len(times)].reshape(len(audio), -1, 1600)
        return torch.stack([frames.mean(2), frames.abs().mean(2)], 2), times.repeat(len(audio), 1)


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """150 clips of two classes and a table of them, and of the first 40, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    noise = np.random.default_rng(0)
    lines = []
    for number, seconds in enumerate(LENGTHS):
        n = round(16000 * seconds)
        wave = np.sin(2 * np.pi * (300 + 900 * (number % 2)) * np.arange(n) / 16000)
        soundfile.write(f"{number}.wav", 0.3 * wave + 0.05 * noise.normal(size=n), 16000)
        lines.append(f"{number}.wav,{'high' if number % 2 else 'low'}\n")
    for name, n in (("mine", 150), ("part", 40)):
        Path(f"{name}.csv").write_text("path,label\n" + "".join(lines[:n]))
    return tmp_path


def shards():
    return sorted(Path("cache").rglob("*.safetensors"))


def planned(module="hear_ssl.byol_a_mini", task="mine.csv", **how):
    (made,) = ev.forecast(module, task, protocol="knn", **how)
    return made


def test_counts_are_those_of_the_files(recordings):
    """Clips and seconds of a folder's files; no shard is left, and disk is what the run then takes."""
    made = planned()
    assert made.n_clips == 150 and made.audio_seconds == pytest.approx(LENGTHS.sum(), abs=1e-2)
    assert made.trial.n_stored == 0 and made.trial.lacking_seconds == pytest.approx(LENGTHS.sum(), abs=1e-2)
    assert 0 < made.trial.n_tried < 150 and 0 < made.trial.tried_seconds < LENGTHS.sum()
    assert made.trial.processor.low <= made.trial.processor.mean <= made.trial.processor.high
    assert made.trial.peak_bytes > 50_000_000 and made.download_bytes == 0 and not shards()
    ev.run("hear_ssl.byol_a_mini", "mine.csv", protocol="knn", out=None)
    assert made.trial.store_bytes == pytest.approx(sum(path.stat().st_size for path in shards()), rel=0.05)


def test_what_is_stored_is_not_counted_again(recordings):
    """After a run on 40 of the clips the plan is about the other 110; after one on all, about nothing."""
    ev.run("hear_ssl.byol_a_mini", "part.csv", protocol="knn", out=None)
    made = planned()
    assert made.trial.n_stored == 40 and made.trial.lacking_seconds == pytest.approx(LENGTHS[40:].sum(), abs=1e-2)
    ev.run("hear_ssl.byol_a_mini", "mine.csv", protocol="knn", out=None)
    made = planned()
    assert made.trial.n_stored == 150 and made.trial.store_bytes == made.trial.processor.high == 0


@pytest.mark.parametrize("module", ["hear_ssl.melspec", str(Path(__file__).parent / "modules" / "good.py")])
def test_a_plan_begins_no_store(recordings, module):
    """The cache has no folder of embeddings after it, of a module that is known by its answers neither; what a run left is found."""
    assert planned(module).trial.n_stored == 0 and not Path("cache/embeddings").exists()
    ev.run(module, "part.csv", protocol="knn", out=None)
    there = sorted(Path("cache/embeddings").rglob("*"))
    assert planned(module).trial.n_stored == 40 and sorted(Path("cache/embeddings").rglob("*")) == there


def test_a_trial_tells_what_a_run_costs(recordings, monkeypatch):
    """Where the cost is the samples that a module is asked for, the forecast is within 25 % of the run's, its first calls included."""
    module = Counting()

    def counted(what):
        before = module.n_samples
        what()
        return np.full(2, (module.n_samples - before) / 16000)

    monkeypatch.setattr(trial, "_seconds", counted)
    monkeypatch.setattr(trial, "N_BATCHES", 4)
    made = planned(module)
    module.n_samples = 0
    ev.run(module, "mine.csv", protocol="knn", out=None)
    assert made.trial.tried_seconds < 0.6 * LENGTHS.sum()
    assert made.trial.processor.mean == pytest.approx(module.n_samples / 16000, rel=0.25)


def test_batches_are_drawn_over_the_lengths():
    """Of batches of short, middling and long clips each share of the audio is represented; what is too long is left out."""
    seconds = [0.5] * 80 + [2.0] * 40 + [10.0] * 8 + [700.0]
    batches = [[*range(first, first + 8)] for first in range(0, 128, 8)] + [[128]]
    drawn = trial._drawn(trial._short(batches, seconds.__getitem__), seconds.__getitem__)
    assert len(drawn) == trial.N_BATCHES and 128 not in clips_of(drawn)
    lengths = sorted(seconds[batch[0]] for batch in drawn)  # 40, 80 and 80 s of audio
    assert [lengths.count(each) for each in (0.5, 2.0, 10.0)] == pytest.approx([1.6, 3.2, 3.2], abs=1)
    assert trial._drawn(trial._short([[128]], seconds.__getitem__), seconds.__getitem__) == [[128]]


def test_long_clips_are_tried_too():
    """A few of some minutes, which are most of the audio, stand for most of the batches."""
    seconds = [1.0] * 32 + [300.0] * 10
    batches = [[*range(16)], [*range(16, 32)], *([number] for number in range(32, 42))]
    lengths = [seconds[batch[0]] for batch in trial._drawn(batches, seconds.__getitem__)]
    assert lengths.count(300.0) >= trial.N_BATCHES - 1


def test_two_tasks_with_the_same_clips_are_forecast_once(recordings):
    """The second finds what the first will have stored; what a module refuses is told."""
    whole, part = ev.forecast("hear_ssl.melspec", ["mine.csv", "part.csv"], protocol="knn")
    assert whole.trial.n_stored == 0 and part.trial.n_stored == 40 and part.trial.lacking_seconds == 0


def test_a_module_that_cannot_be_does_not_end_the_plan(recordings, hear_eval):  # noqa: F811
    """The others are forecast, and the exit code says that something failed."""
    command = [
        "run",
        "hear_ssl.melspec",
        "ensemble:hear_ssl.melspec",
        "--task",
        "mine.csv",
        "--protocol",
        "knn",
        "--plan",
    ]
    code, out, error = hear_eval(*command)
    assert code and "hear_ssl.melspec" in out and "write ensemble:MODULE+MODULE" in error


def test_what_is_missing_is_told_and_not_fetched(recordings, monkeypatch, hear_eval):  # noqa: F811
    """Weights that are not here are named with their size, the module is not loaded; so is data that is not here; strangers' are unknown."""
    monkeypatch.setenv("HF_HUB_CACHE", str(recordings / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, out, _ = hear_eval(
        "run", "hear_ssl.wavlm_large", "--task", "mine.csv", "--protocol", "knn", "--plan", "--json"
    )
    (made,) = json.loads(out)
    assert code == 0 and made["trial"] is None and made["n_clips"] == 150 and made["download_bytes"] > 1e9
    assert "is not in the hub's cache: `hf download" in made["lacks"][0]
    assert made["lacks"][0].endswith(", let the run fetch it, or --weights PATH")
    stranger = "hf:someone/audio"
    out = hear_eval("run", stranger, "hear_ssl.wavlm_large", "--task", "mine.csv", "--protocol", "knn", "--plan")[1]
    rest = "what is stored, disk, memory, time, since its weights are not here; once what is missing is here, the same --plan"
    assert f"note: {stranger}: unknown: size of the download, {rest}" in out
    assert f"note: hear_ssl.wavlm_large: unknown: {rest}" in out
    assert "`hf download someone/audio`, let the run fetch it, or hf:FOLDER of a copy" in out
    made = planned(task="arch/esc50", data=recordings)
    assert made.n_clips == 2000 and made.download_bytes > 5e8 and made.trial is None and "data: esc50" in made.lacks[0]
    assert planned(Counting()).download_bytes is None
    failures = []
    ev.forecast("./none.py", "mine.csv", protocol="knn", on_failure=failures.append)
    assert "none.py" in str(failures[0].error)


def test_the_table(recordings, hear_eval, monkeypatch):  # noqa: F811
    """A line each, the sum, what is not forecast; a kept result costs nothing, nor does a trial of merged frames give any number."""
    monkeypatch.setattr(files, "_SETTLED_NS", 0)  # files of this moment count as old
    command = ["run", "hear_ssl.melspec", "--task", "mine.csv", "--protocol", "knn", "--out", "out"]
    code, out, _ = hear_eval(*command, "--plan")
    assert code == 0 and "in all: " in out and "Not forecast: fitting" in out and not Path("out").exists()
    assert "unknown" not in out and not list(Path().rglob("model.json"))  # nor is a store begun
    hear_eval(*command)
    out = hear_eval(*command, "--plan")[1]
    assert "unchanged" in out and "in all: " not in out
    assert (
        "ask for the members"
        in hear_eval(
            "run", "ensemble:hear_ssl.melspec+hear_ssl.crepe_tiny", *command[2:], "--option", "scene=merged", "--plan"
        )[1]
    )


def test_an_ensemble_takes_what_its_members_take(recordings):
    """What a member has stored costs nothing any more; the bytes on the disk are those of members and merged scenes."""
    pair, task = "ensemble:hear_ssl.melspec+hear_ssl.duration_loudness", {"tasks": "mine.csv", "protocol": "knn"}
    (made,) = ev.forecast(pair, **task)
    (first,), (second,) = (ev.forecast(f"hear_ssl.{name}", **task) for name in ("melspec", "duration_loudness"))
    assert made.trial.lacking_seconds == first.trial.lacking_seconds and made.trial.n_stored == 0
    assert made.trial.store_bytes > first.trial.store_bytes + second.trial.store_bytes
    ev.run("hear_ssl.melspec", **task, out=None)
    (half,) = ev.forecast(pair, **task)
    assert half.trial.store_bytes == pytest.approx(made.trial.store_bytes - first.trial.store_bytes, rel=0.05)
    ev.run(pair, **task, out=None)
    (whole,) = ev.forecast(pair, **task)
    assert whole.trial.n_stored == 150 and whole.trial.processor.mean == whole.trial.lacking_seconds == 0
    stored = sum(path.stat().st_size for path in shards())
    assert made.trial.store_bytes == pytest.approx(stored, rel=0.3)


def test_files(recordings, hear_eval):  # noqa: F811
    """`embed --plan`: a line for each source, nothing written; clips or windows, and seconds, are those of the files."""
    sounds = [f"{number}.wav" for number in range(20)]
    code, out, _ = hear_eval("embed", "hear_ssl.melspec", *sounds, "--out", "v.npz", "--plan")
    assert code == 0 and not Path("v.npz").exists() and not shards() and "0.wav and 19 more" in out
    (made,) = forecast_embedding("hear_ssl.melspec", sounds)
    assert made.n_clips == 20 and made.audio_seconds == pytest.approx(LENGTHS[:20].sum(), abs=1e-2)
    (cut,) = forecast_embedding("hear_ssl.melspec", sounds, window=0.5)
    assert cut.n_clips == sum(max(1, int(np.floor(length / 0.5 + 1e-9))) for length in LENGTHS[:20])
    hear_eval("embed", "hear_ssl.melspec", *sounds, "--out", "v.npz")
    planned_bytes = made.trial.store_bytes
    stored = sum(path.stat().st_size for path in shards())
    assert planned_bytes == pytest.approx(stored, rel=0.3)  # of so few vectors the shards' headers are a good part


def test_windows_of_many_blocks_are_forecast_from_a_few(recordings, monkeypatch):
    """Counts and bytes are those of all; what is stored of them is told, and is not in the bytes."""
    sounds = [f"{number}.wav" for number in range(60)]
    for module, name, most in ((blocks, "MOST_CLIPS", 100), (outline, "N_BLOCKS", 3)):
        monkeypatch.setattr(module, name, most)
    how = {"window": 0.3, "hop": 0.1}
    starts = [max(1, int(np.floor((length - 0.3) / 0.1 + 1e-9)) + 1) for length in LENGTHS[:60]]
    (made,) = forecast_embedding("hear_ssl.melspec", sounds, **how)
    assert made.n_clips == sum(starts) and made.trial.n_tried <= 300 < made.n_clips
    assert made.audio_seconds == made.trial.lacking_seconds == pytest.approx(0.3 * sum(starts), rel=0.01)
    ev.write_embeddings("hear_ssl.melspec", sounds[:10], "v.npz", **how)
    (rest,) = forecast_embedding("hear_ssl.melspec", sounds, **how)
    assert rest.n_clips == made.n_clips and rest.trial.n_stored == sum(starts[:10])
    assert rest.trial.store_bytes == pytest.approx(
        made.trial.store_bytes * (1 - sum(starts[:10]) / sum(starts)), rel=0.05
    )
