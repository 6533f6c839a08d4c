"""Our modules in the genuine kit of HEAR 2021 (heareval 2021.1.3), on a miniature task: docs/hear_kit.md tells how to run it.

`HEAR_EVAL_KIT_PYTHON` names an interpreter that has the kit; tox makes one where HEAR_SSL_FULL=1.
"""

import json
import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

import evaluator as ev
import miniatures_hear
from evaluator.embedding.embed import no_progress
from evaluator.embedding.ensemble import open_any
from evaluator.embedding.spec import ModuleSpec
from evaluator.experiment.experiment import embed, prepare
from evaluator.experiment.setup import set_up
from evaluator.scoring import metrics
from tiny_checkpoints import model_path

KIT = os.environ.get("HEAR_EVAL_KIT_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(KIT).is_file(), reason="HEAR_EVAL_KIT_PYTHON names no interpreter (tox makes one)"),
]

LABELS = ["burst", "fall", "rise", "steady"]
N_CLIPS = {"train": 12, "valid": 6, "test": 10}  # of each label
MEMBERS = "hear_ssl.byol_a_mini+hear_ssl.crepe_tiny"
SCORED = "hear_ssl.byol_a_mini"  # one of them: its eight networks, one after another, take the kit a minute
SEEDS = 3

# `python -m heareval.embeddings.runner ARGUMENTS` for each list of arguments, but TensorFlow is imported once.
EMBED = """
import json, sys
from heareval.embeddings.runner import runner
for arguments in json.loads(sys.argv[1]):
    runner(arguments, standalone_mode=False)
"""


def call(label, random, rate=16000, seconds=0.6):
    """A noisy tone that rises, falls, stays, or comes in bursts."""
    times = np.arange(int(seconds * rate)) / rate
    low = random.uniform(300, 900)
    high = low * random.uniform(1.15, 1.6)
    start, end = {"rise": (low, high), "fall": (high, low)}.get(label, (low, low))
    tone = np.sin(2 * np.pi * np.cumsum(start + (end - start) * times / seconds) / rate)
    if label == "burst":
        tone *= np.sin(2 * np.pi * random.uniform(6, 12) * times) > 0
    return 0.2 * tone + random.uniform(0.05, 0.2) * random.standard_normal(len(times))


def write_tasks(root):
    """A scene task that can be learnt and an event task, as hear-preprocess writes them; gives their folders."""
    clips = {
        split: {f"{split}-{label}-{number}.wav": [label] for label in LABELS for number in range(n)}
        for split, n in N_CLIPS.items()
    }
    miniatures_hear.task(root, "calls-v1-full", clips, LABELS, rates=(16000,))
    events = miniatures_hear.events(("train", "valid", "test"), "burst", "rise")
    miniatures_hear.task(root, "frames-v1-full", events, LABELS, rates=(16000,))
    scenes, frames = (root / "tasks" / f"{name}-v1-full" for name in ("calls", "frames"))
    random = np.random.default_rng(0)
    for split, files in clips.items():
        for file, (label,) in files.items():
            soundfile.write(scenes / "16000" / split / file, call(label, random), 16000)
    scores = {scenes: ["top1_acc", "mAP", "d_prime", "aucroc"], frames: ["event_onset_200ms_fms"]}
    for folder, evaluation in scores.items():
        metadata = json.loads((folder / "task_metadata.json").read_text())
        (folder / "task_metadata.json").write_text(json.dumps({**metadata, "evaluation": evaluation}))
    return scenes, frames


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """What the kit made of the tasks: its tasks' folders, and each module's name, weights and folder of embeddings."""
    folder = tmp_path_factory.mktemp("kit")
    tasks = write_tasks(folder)
    hubert, merged = model_path("hubert_base", folder), model_path("cat_hubert_wav2vec2", folder)
    asked = {
        "hear_ssl.melspec": ("hear_ssl.melspec", "", []),
        "hear_ssl.byol_a_mini": ("hear_ssl.byol_a_mini", "", []),
        "hear_ssl.crepe_tiny": ("hear_ssl.crepe_tiny", "", []),
        "hear_ssl.hubert_base": ("hear_ssl.hubert_base", str(hubert), ["--model", str(hubert)]),
        "hear_ssl.cat_hubert_wav2vec2": ("hear_ssl.cat_hubert_wav2vec2", str(merged), ["--model", str(merged)]),
        "hear_ssl.ensemble": (
            f"ensemble:{MEMBERS}",
            "",
            ["--model-options", json.dumps({"model_file_path": MEMBERS})],
        ),
    }
    for stray in (folder / "tasks").glob(".*"):  # the kit takes whatever lies there for a task
        stray.unlink()
    places = ["--tasks-dir", str(folder / "tasks"), "--embeddings-dir", str(folder / "embeddings")]
    run("-c", EMBED, json.dumps([[name, *places, *more] for name, (_, _, more) in asked.items()]), cwd=folder)
    (ensembles,) = (folder / "embeddings").glob("hear_ssl.ensemble-*")
    made = {name: folder / "embeddings" / name for name in asked} | {"hear_ssl.ensemble": ensembles}
    return tasks, {name: (ours, weights, made[name]) for name, (ours, weights, _) in asked.items()}


def run(*arguments, cwd):
    """Have the kit's interpreter do something."""
    environment = {**os.environ, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    done = subprocess.run([KIT, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]


def close(theirs, ours):
    """Whether embeddings (..., size) are the same to 1e-5 of their root mean square."""
    assert theirs.shape == ours.shape and theirs.std() > 0
    return np.abs(theirs - ours).max() <= 1e-5 * np.sqrt(np.mean(theirs**2))


def test_embeddings_of_the_kit_are_ours(kit, tmp_path):
    """Scenes of each clip, and frames with their times, of two encoders, a log-mel, a transformer and two ensembles."""
    places, modules = kit
    setups = [
        set_up(task, ev.load_protocol("hear"), None, tmp_path) for place in places for task in ev.find_tasks(place)
    ]
    for ours, weights, folder in modules.values():
        spec = ModuleSpec(ours, weights)
        with open_any(spec) as module:
            for place, setup in zip(places, setups, strict=True):
                made = embed(prepare(spec, module, setup), module, tmp_path, no_progress)
                refuse_others(folder / place.name, setup, made)


def refuse_others(folder, setup, made):
    """Compare what the kit has of each clip in a folder with what the evaluator stored: a scene, or frames with their times."""
    keys = [made.extraction.keys[number] for number in range(len(setup.recordings.clips))]
    events = setup.task.labels == "events"
    rows, times, of_clip = made.store.read_frames(keys) if events else (None, None, None)
    for number, (key, clip) in enumerate(zip(keys, setup.recordings.clips, strict=True)):
        file = Path(clip.path)
        stored = folder / file.parent.name / f"{file.name}.embedding.npy"
        if not events:
            assert close(np.load(stored), made.store.read([key], "scene")[0]), stored
            continue
        their_times = json.loads(stored.with_name(f"{file.name}.timestamps.json").read_text())
        first, last = of_clip[number].start, of_clip[number].stop
        assert close(np.load(stored), rows.take(np.arange(first, last))), stored
        np.testing.assert_allclose(their_times, times[number], atol=1e-3)


def test_scores_of_the_kit_lie_among_those_of_our_seeds(kit, tmp_path):
    """The kit's one seed is no better than the best of ours and no worse than the worst, but for three clips of forty."""
    (scenes, _), modules = kit
    folder = modules[SCORED][2] / scenes.name
    run("-m", "heareval.predictions.runner", str(folder), cwd=tmp_path)
    theirs = json.loads((folder / "test.predicted-scores.json").read_text())["test"]
    said = pickle.loads((folder / "test.predictions.pkl").read_bytes())
    for metric, name in (("accuracy", "top1_acc"), ("map", "mAP"), ("d_prime", "d_prime"), ("aucroc", "aucroc")):
        value = metrics.score(metric, said["target"].numpy(), said["prediction"].numpy())
        if np.isfinite(theirs[f"test_{name}"]):  # d' of a class that is never mistaken is infinite there, not here
            assert value == pytest.approx(theirs[f"test_{name}"], abs=1e-6)
    (result,) = ev.run(
        SCORED, scenes, protocol="hear", profile="published", seeds=SEEDS, cache=tmp_path / "cache", out=tmp_path
    )
    ours, three_clips = np.array(result.seed_scores), 3 / (len(LABELS) * N_CLIPS["test"])
    assert ours.min() - three_clips <= theirs["test_score"] <= ours.max() + three_clips, (theirs["test_score"], ours)
    assert ours.min() > 1 / len(LABELS) + three_clips  # such scores say something
