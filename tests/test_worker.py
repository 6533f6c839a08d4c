"""The worker's own promises: files that need nothing of ours, exact messages, and a driver that is fooled by no module."""

import ast
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluator.embedding import driver, worker

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

MODULES = Path(__file__).parent / "modules"
ILL = str(MODULES / "ill.py")


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def reader(data):
    """A `read` that raises EOFError where the worker's would."""
    stream = io.BytesIO(data)

    def read(n):
        found = stream.read(n)
        if len(found) < n:
            raise EOFError
        return found

    return read


@pytest.mark.parametrize(
    "file",
    [
        worker,
        driver,
        driver.loading,
        driver.frameworks,
        driver.fingerprint,
        driver.answers,
        driver.extensions,
        driver.usage,
    ],
)
def test_the_worker_is_for_python_3_7(file):
    """Its syntax is 3.7's and it imports nothing but numpy and the standard library."""
    tree = ast.parse(Path(file.__file__).read_text(), feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.split(".")[0] for name in imported} <= set(sys.stdlib_module_names) | {"numpy"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


@pytest.mark.parametrize(
    "array",
    [noise(2, 3, 5), noise(3, 2).T, np.zeros((2, 0, 5), np.float32), np.float64([[1.5]]), np.zeros((0,), np.int64)],
    ids=["three axes", "a view", "no frames", "float64", "empty"],
)
def test_messages_keep_every_bit(array):
    """What is sent is what arrives: type, shape and bytes, empty axes too."""
    stream = io.BytesIO()
    worker.send(stream, {"call": "scene", "n": 3}, [array, array])
    header, arrays = worker.receive(reader(stream.getvalue()))
    assert header == {"call": "scene", "n": 3}
    for each in arrays:
        assert each.dtype == array.dtype and each.shape == array.shape and np.array_equal(each, array)


def test_half_a_message_is_none():
    """A message that breaks off anywhere is an end, never half an answer."""
    stream = io.BytesIO()
    worker.send(stream, {"call": "scene"}, [noise(2, 3)])
    for n in (0, 5, 8, 20, len(stream.getvalue()) - 1):
        with pytest.raises(EOFError):
            worker.receive(reader(stream.getvalue()[:n]))


@pytest.mark.parametrize("ill", ["chatty", "reads_stdin"])
def test_the_protocol_is_out_of_the_modules_reach(ill):
    """A module that prints, or reads standard input, neither breaks an answer nor eats a question."""
    load = {"name": ILL, "weights": "", "options": {"ill": ill}, "device": "cpu", "free": False, "file": ""}
    questions = io.BytesIO()
    for _ in range(2):
        worker.send(questions, dict(load, call="scene"), [noise(2, 800)])
    asked = subprocess.Popen(
        [sys.executable, worker.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    asked.stdin.write(questions.getvalue())
    asked.stdin.flush()
    wanted = driver.Driver(str(MODULES / "good.py")).scene(noise(2, 800))
    for _ in range(2):
        header, (scene,) = worker.receive(asked.stdout.read)
        assert header["ok"] and np.array_equal(scene, wanted)
    assert asked.communicate(timeout=20)[0] == b"" and asked.returncode == 0


@pytest.mark.parametrize(
    ("call", "name", "options", "sentence"),
    [
        ("scene", "ill.py", {"ill": "too_large"}, "clip 1 of 2 in the batch hold NaN or infinite values"),
        ("clips", "wrong_extension.py", {}, "get_clip_embeddings gives Tensor; a dict with 'scene' in it is wanted"),
    ],
)
def test_answers_that_break_a_promise_are_refused(call, name, options, sentence):
    """A float64 beyond float32's range, and an extension that gives no views."""
    loaded = driver.Driver(str(MODULES / name), options=options)
    with pytest.raises(driver.ModuleTrouble, match=sentence):
        getattr(loaded, call)(noise(2, 800) if call == "scene" else list(noise(2, 800)))


def test_a_module_that_exits_while_loading_is_told():
    """sys.exit inside load_model does not end the evaluator."""
    with pytest.raises(
        driver.ModuleTrouble, match=r"load_model failed \(SystemExit: no weights, at ill.py, line \d+\)"
    ):
        driver.Driver(ILL, options={"ill": "exits_loading"})


def test_a_file_takes_nobodys_name(tmp_path):
    """A user's json.py is a module like any other, and the standard library's json stays json."""
    (tmp_path / "json.py").write_text((MODULES / "good.py").read_text())
    assert driver.Driver(str(tmp_path / "json.py")).scene(noise(2, 800)).shape == (2, 8)
    assert sys.modules["json"] is json


def test_the_callers_audio_is_not_changed():
    """A module may write into what it gets without the evaluator's samples changing."""
    loaded, audio = driver.Driver(str(MODULES / "good.py")), noise(2, 800)
    loaded.module.get_scene_embeddings = lambda audio, model: audio.zero_()[:, :8]
    assert not loaded.scene(audio).any()
    assert np.array_equal(audio, noise(2, 800))


# A HEAR module without torch, so that a fresh interpreter starts fast.
NET = """
from types import SimpleNamespace
def load_model(model_file_path=""):
    return SimpleNamespace(sample_rate=8000, scene_embedding_size=1, timestamp_embedding_size=1)
def get_scene_embeddings(audio, model):
    return audio[:, :1]
get_timestamp_embeddings = get_scene_embeddings
"""


def code_of(path):
    """What stands for the code of the module at `path`, in a fresh interpreter."""
    script = f"from evaluator.embedding.driver import Driver; print(Driver({str(path)!r}).code())"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


def test_code_follows_the_files_that_a_module_imports_from_beside_it(tmp_path):
    """Changing a file beside mine.py changes the code's hash if mine.py uses it; any other file does not."""
    (tmp_path / "net.py").write_text(NET)
    names = "load_model, get_scene_embeddings, get_timestamp_embeddings"
    (tmp_path / "mine.py").write_text(f"from net import {names}\n")
    first = code_of(tmp_path / "mine.py")
    (tmp_path / "other.py").write_text("")
    assert code_of(tmp_path / "mine.py") == first
    with open(tmp_path / "net.py", "a") as file:
        file.write("\n# another network\n")
    assert code_of(tmp_path / "mine.py") != first
