"""The genuine hear-validator over every module of the folder, for the test files of its two releases, which run beside each other."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

import tiny_families
from hear_ssl.bridges import door
from tiny_checkpoints import ENSEMBLES, MODULES, model_path
from tiny_families import TINY, save

# Imports validator and TensorFlow once, then loops: 4 s instead of 4 s for each of the modules.
RUN_ALL = """
import contextlib, importlib, io, json, sys, warnings
sys.path[:0] = [*sys.argv[3:], *[sys.argv[2]] * bool(sys.argv[2])]
from hearvalidator.validate import ValidateModel
import hearvalidator
verdicts = {"file": hearvalidator.__file__}
for name, path in json.loads(sys.argv[1]).items():
    module = name.partition("@")[0]
    module = module if "." in module else "hear_ssl." + module
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            ValidateModel(module, path, "cpu")()
            verdict = "passed"
        except BaseException as error:  # the validator's own errors are no Exception
            verdict = f"{type(error).__name__}: {error}"
    # 2021.0.2 knows four sample rates, and ends so at any other; 2021.0.6 knows 32 kHz too, and says which it does not.
    if verdict.startswith(("AttributeError", "ModelError: Input sample rate")):
        rate = importlib.import_module(module).load_model(path).sample_rate
        verdict = verdict if rate in (16000, 22050, 44100, 48000) else "passed"
    verdicts[name] = [verdict, [str(one.message) for one in caught]]
print(json.dumps(verdicts))
"""
# 2021.0.6 gives this one to every module after its last timestamp test; it reports nothing.
REMINDER = " IMPORTANT: A common bug we have seen in many codebases"

FAR_APART = {
    "yamnet",
    "ast_audioset",
    "clap_htsat_unfused",
    "biolingual",
    "bridged.levels",
    "hear_ssl.bridges.as_torch@birdnet",
    *(f"hf@{kind}" for kind, tiny in TINY.items() if tiny.warns == tiny_families.FAR_APART),
}


# A network of another package, as its bridge declares it, over what can be heard of a window.
HUB = '''
"""Levels of parts of a window."""
import numpy as np
FACTS = dict(sample_rate=16000, licence="MIT", citation="none")
MODELS = ("levels",)
PYTHON = ("3.8", "3.99")
INSTALL = ("nothing",)

class Network:
    sample_rate, width, window, fixed = 16000, 8, 16000, True
    def vectors(self, audio):
        return np.abs(audio).reshape(len(audio), 8, 2000).mean(axis=2)

def load(name, weights):
    return Network()
'''
BRIDGED = """
from hear_ssl.bridges import as_torch, door
from hear_ssl.bridges.as_torch import get_scene_embeddings, get_timestamp_embeddings
def load_model(model_file_path=""):
    door.HUBS = {hubs!r}
    return as_torch.load_model(model_file_path, bridge="levels:")
"""


def bridged(folder):
    """Modules over bridges, and their paths: one made up, in a file as docs/bridges.md has it, and BirdNET where it is installed."""
    (folder / "bridged").mkdir()
    (folder / "hubs").mkdir()
    (folder / "hubs" / "levels.py").write_text(HUB)
    (folder / "bridged" / "levels.py").write_text(BRIDGED.format(hubs=str(folder / "hubs")))
    installed = any(map(os.path.isfile, door._hub("birdnet")._places()))
    paths = {"hear_ssl.bridges.as_torch@birdnet": "birdnet:2.4"} if installed else {}
    return {**paths, "bridged.levels": ""}  # last, since it puts another folder in the place of the real bridges


def pass_every_module(release, tmp_path):
    """Each module, each family of `hf:` and bridges are accepted, without a warning about timestamps but for those of which their docs say that they
    are more than 50 ms apart, and the ends of HEAR's ensembles."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow, which hear-validator imports, is not installed")
    folder = ""
    if release == "2021.0.6":
        folder = os.environ.get("HEARVALIDATOR_2021_0_6", "")
        if not folder:
            pytest.skip("HEARVALIDATOR_2021_0_6 does not name a folder with that release (tox makes one)")
    elif importlib.util.find_spec("hearvalidator") is None:
        pytest.skip("hearvalidator is not installed")
    paths = {module: model_path(module, tmp_path) for module in MODULES}
    paths.update({f"hf@{kind}": str(save(kind, tmp_path / "families" / kind)) for kind in TINY})
    paths.update(bridged(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, json.dumps(paths), folder, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    verdicts = json.loads(done.stdout.splitlines()[-1])
    assert verdicts.pop("file").startswith(folder)
    assert set(verdicts) == set(paths)
    assert {module: verdict for module, (verdict, _) in verdicts.items() if verdict != "passed"} == {}
    about_timestamps = {
        module: [one for one in messages if "timestamp" in one.lower() and not one.startswith(REMINDER)]
        for module, (_, messages) in verdicts.items()
    }
    for module in FAR_APART & set(paths):
        assert any("less than or equal to 50ms" in one for one in about_timestamps.pop(module))
    # Ensembles as released (the option end_padding=True gives the last frames too); networks that give no frame beyond a clip's end, or
    # whose first frame is longer than two hops.
    odd_ends = ("Your timestamps end at", "Your timestamps begin at")
    late = ("hf@wav2vec2_bert", "hf@seamless", "hf@moonshine", "hf@speech_to_text", "hf@lasr")
    own = [name for name in paths if name == "w2v_bert_2" or name.startswith(late)]
    for module in [*ENSEMBLES, *own]:
        about_timestamps[module] = [one for one in about_timestamps[module] if not one.startswith(odd_ends)]
    assert {module: messages for module, messages in about_timestamps.items() if messages} == {}
