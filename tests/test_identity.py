"""The name under which embeddings are stored tells everything that decides them, and nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import evaluator
from evaluator.embedding.identity import identity
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from tiny_checkpoints import model_path, save_byol_a

GOOD = str(Path(__file__).parent / "modules" / "good.py")


def name_of(module, weights="", **options):
    """What a module's embeddings are stored under."""
    spec = ModuleSpec(module, str(weights), options, device="cpu")
    with open_module(spec) as opened:
        return json.dumps(identity(spec, opened.describe()), sort_keys=True)


@pytest.fixture
def copies(tmp_path):
    """A function that makes two copies of a checkpoint, the second with one file changed."""

    def make(first, name, text):
        second = tmp_path / "second"
        shutil.copytree(first, second)
        (second / name).write_text(text)
        return first, second

    return make


def test_statistics_beside_the_weights_count(tmp_path, copies):
    """BYOL-A with the same checkpoint.pth and another stats.csv; in an ensemble, too. The folder's name does not count."""
    (tmp_path / "first").mkdir()
    save_byol_a(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "elsewhere")
    pair = copies(tmp_path / "first", "stats.csv", "mean,std\n-9,2\n")
    assert name_of("hear_ssl.byol_a", pair[0]) == name_of("hear_ssl.byol_a", tmp_path / "elsewhere")
    one, other = (name_of("hear_ssl.byol_a", each) for each in pair)
    assert one != other
    members = "hear_ssl.byol_a+hear_ssl.melspec"
    with_members = []
    for each in pair:
        shutil.rmtree(tmp_path / "used", ignore_errors=True)
        shutil.copytree(each, tmp_path / "used")  # one path, so that it cannot tell
        with_members.append(name_of(f"ensemble:{members}", member_paths={"hear_ssl.byol_a": str(tmp_path / "used")}))
    assert with_members[0] != with_members[1]


def test_the_processors_rule_and_the_config_count(tmp_path, copies):
    """A transformer whose weights are the same but whose audio is normalised, or whose heads are fewer."""
    first = Path(model_path("hubert_large", tmp_path / "first"))
    rule = json.loads((first / "preprocessor_config.json").read_text())
    rule["do_normalize"] = not rule.get("do_normalize", True)
    pair = copies(first, "preprocessor_config.json", json.dumps(rule))
    assert name_of("hear_ssl.hubert_large", pair[0]) != name_of("hear_ssl.hubert_large", pair[1])
    shutil.copy(first / "preprocessor_config.json", pair[1])
    assert name_of("hear_ssl.hubert_large", pair[0]) == name_of("hear_ssl.hubert_large", pair[1])
    config = json.loads((first / "config.json").read_text())
    config["num_attention_heads"] //= 2
    (pair[1] / "config.json").write_text(json.dumps(config))
    assert name_of("hear_ssl.hubert_large", pair[0]) != name_of("hear_ssl.hubert_large", pair[1])


def test_of_a_third_partys_weights_the_name_counts_too(tmp_path):
    """It may read more from beside them than it shows."""
    one, other = (name_of(GOOD, tmp_path / each) for each in ("a.pt", "b.pt"))
    assert one != other and name_of(GOOD, tmp_path / "a.pt") == one


def test_however_it_is_asked_for(tmp_path):
    """Defaults spelled out, other batch sizes, another spelling of the folder, and the module for any checkpoint: one name."""
    folder = Path(model_path("hubert_base", tmp_path / "weights"))
    wanted = name_of("hear_ssl.hubert_base", folder)
    last = json.loads((folder / "config.json").read_text())["num_hidden_layers"]
    for options in (
        {"layer": "last"},
        {"layer": last},
        {"layer": str(last)},
        {"batch_seconds": 1},
        {"pooling": "mean"},
    ):
        assert name_of("hear_ssl.hubert_base", folder, **options) == wanted
    relative = os.path.relpath(folder)
    for text in (f"hf:{folder}", f"hf:{folder}/", f"hf:{relative}", f"hf:{tmp_path}/./weights/{folder.name}"):
        if Path(text.removeprefix("hf:")).is_dir():
            assert name_of(text) == wanted
    assert name_of("hear_ssl.hubert_base", folder, window_seconds=20) != wanted
    assert name_of("hear_ssl.hubert_base", folder, normalize=False) != wanted


@pytest.mark.parametrize(
    "options", [{"layer": 1}, {"layer": "0,2"}, {"pooling": "mean+std"}, {"layer": [2, 1], "pooling": "mean+std"}]
)
def test_scenes_of_other_layers_are_read_from_the_stored_ones(tmp_path, monkeypatch, options):
    """They are what the module gives by itself, bit for bit, and nothing is embedded for them; nor is the mean of layers confused."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    folder, files = model_path("hubert_base", tmp_path / "weights"), []
    for number in range(3):
        files.append(str(tmp_path / f"{number}.wav"))
        soundfile.write(files[-1], np.random.default_rng(number).uniform(-0.5, 0.5, 8000), 16000)
    evaluator.embed("hear_ssl.hubert_base", files, weights=folder)
    shards = sorted((tmp_path / "cache").rglob("*.safetensors"))
    stored = evaluator.embed("hear_ssl.hubert_base", files, weights=folder, options=options)
    assert sorted((tmp_path / "cache").rglob("*.safetensors")) == shards
    fresh = evaluator.embed("hear_ssl.hubert_base", files, weights=folder, options=options, cache=tmp_path / "other")
    np.testing.assert_array_equal(stored.vectors, fresh.vectors)
    with open_module(ModuleSpec("hear_ssl.hubert_base", folder, options, device="cpu")) as module:
        audio = np.stack([soundfile.read(path, dtype="float32")[0] for path in files])
        np.testing.assert_allclose(stored.vectors, module.scene(audio), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_changed_code_of_ours_embeds_anew(tmp_path):
    """Without anything else being touched; a better comment does not."""
    for package in ("evaluator", "hear_ssl", "tasks"):
        shutil.copytree(Path(evaluator.__file__).parents[1] / package, tmp_path / package)
    for label, pitch in (("low", 300), ("high", 900)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(8):
            sound = np.random.default_rng(pitch + number).normal(0, 0.1, 4000)
            sound += np.sin(2 * np.pi * pitch * np.arange(4000) / 16000)
            soundfile.write(tmp_path / "data" / label / f"{number}.wav", sound / 4, 16000)
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "HEAR_EVAL_CACHE": str(tmp_path / "cache")}

    def run():
        command = [sys.executable, "-m", "evaluator", "run", "hear_ssl.melspec", "--task", "data", "--protocol", "knn"]
        subprocess.run([*command, "--out", "out"], cwd=tmp_path, env=variables, check=True, capture_output=True)
        (path,) = (tmp_path / "out").rglob("*.json")
        environment = json.loads(path.read_text())["environment"]
        shutil.rmtree(tmp_path / "out")
        return environment["n_embedded"]

    assert (run(), run()) == (16, 0)
    encoder = tmp_path / "hear_ssl" / "encoders" / "melspec.py"
    source = encoder.read_text()
    encoder.write_text(source.replace("import torch\n", "import torch\n\n# The better comment.\n", 1))
    assert run() == 0
    changed, n_changed = re.subn(r"\n( +)on_layer\(0, (.*)\)\n", r"\n\1on_layer(0, 0 * (\2))\n", source)
    assert n_changed == 1
    encoder.write_text(changed)
    assert run() == 16
    encoder.write_text(source)
    assert run() == 0
