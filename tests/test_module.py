"""Every way in which third-party HEAR modules are known to behave: survived, or refused with a sentence."""

import importlib.util
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluator.embedding import driver
from evaluator.embedding.interpreters import interpreter
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec, WorkerEnded
from evaluator.errors import EvaluationError, UsageError

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

MODULES = Path(__file__).parent / "modules"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, where logs go."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))


BASELINE = os.environ.get("HEAR_EVAL_BASELINE_PYTHON", "")


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def ill(name, **fields):
    return ModuleSpec(str(MODULES / "ill.py"), options={"ill": name}, **fields)


def good_scene(audio):
    with open_module(ModuleSpec(str(MODULES / "good.py"), in_process=True)) as module:
        return module.scene(audio)


HARMLESS = ["none", "reseeds", "leaves_traces", "training_child", "float64", "numpy"]
HARMLESS += ["wants_grad", "chatty", "slow", "int64", "views", "one_axis"]


@pytest.mark.parametrize(
    ("name", "python"), [*((name, "") for name in HARMLESS), ("none", sys.executable), ("views", sys.executable)]
)
def test_harmless_ills_change_nothing(name, python):
    """Types, views, gradients, chatter and seeding: the embeddings are those of the good module, bit for bit."""
    audio = noise(3, 4000)
    state = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    folder = os.getcwd()
    with open_module(ill(name, python=python)) as module:
        scene = module.scene(audio)
        frames, times = module.timestamps(audio)
    assert scene.dtype == frames.dtype == np.float32 and times.dtype == np.float64
    assert np.array_equal(scene, good_scene(audio))
    assert frames.shape == (3, 25, 8) and times.shape == (3, 25)
    assert times[2, 1] == 15
    assert random.getstate() == state[0] and np.random.get_state()[1].tolist() == state[1]
    assert torch.equal(torch.get_rng_state(), state[2])
    assert (os.getcwd(), torch.is_grad_enabled(), torch.get_default_dtype()) == (folder, True, torch.float32)


def test_how_torch_computes_is_set_and_told():
    """Float32 is float32, convolutions are the same each time, and what a module decides as it loads is told with its facts."""
    for name in ("hear_ssl.melspec", str(MODULES / "good.py")):
        with open_module(ModuleSpec(name)) as module:
            told = module.describe()["arithmetic"]
        assert (
            told["tf32_products"] is told["tf32_convolutions"] is False and told["deterministic_convolutions"] is True
        )
    with open_module(ModuleSpec(str(MODULES / "cramped.py"), options={"tf32": True})) as module:
        assert module.describe()["arithmetic"]["tf32_products"] is True


def test_audio_is_shared_only_with_who_leaves_it_as_it_came():
    """A model of ours reads the very samples; whoever says nothing gets copies."""
    ours, theirs = (driver.Driver(name) for name in ("hear_ssl.melspec", str(MODULES / "good.py")))
    clips = [noise(1, 4000)[0], noise(1, 900)[0]]
    assert all(np.shares_memory(clip, given.numpy()) for clip, given in zip(clips, ours.given(clips), strict=True))
    assert not any(
        np.shares_memory(clip, given.numpy()) for clip, given in zip(clips, theirs.given(clips), strict=True)
    )
    locked = noise(1, 4000)
    locked.flags.writeable = False
    assert not np.shares_memory(locked, ours.given(locked).numpy())  # torch has no tensor that cannot be written to


def test_training_mode_is_ended():
    """A model left in training mode is put in evaluation mode, so that dropout is off."""
    with open_module(ill("training")) as module:
        assert module.describe()["was_training"]
        assert np.array_equal(module.scene(noise(2, 800)), good_scene(noise(2, 800)))


def test_a_path_may_be_required():
    """A module that requires its path gets "" for none, and the path where there is one."""
    for weights in ("", "weights.pt"):
        with open_module(ModuleSpec(str(MODULES / "needs_path.py"), weights)) as module:
            assert module.scene(noise(1, 800)).shape == (1, 8)
    with (
        pytest.raises(
            UsageError, match=r"load_model failed \(ValueError: other.pt: no such weights, at needs_path.py, line 10\)"
        ),
        open_module(ModuleSpec(str(MODULES / "needs_path.py"), "other.pt")),
    ):
        pass


def test_sizes_may_differ():
    """Scene and timestamp embeddings of different widths."""
    with open_module(ill("sizes")) as module:
        assert module.scene(noise(2, 800)).shape == (2, 24)
        assert module.timestamps(noise(2, 800))[0].shape == (2, 5, 8)


@pytest.mark.parametrize("python", ["", sys.executable])
@pytest.mark.parametrize(
    ("name", "call", "sentence"),
    [
        ("wrong_size", "scene", r"scene embeddings have shape \(2, 7\), but \(2, 8\) is wanted"),
        ("no_tuple", "timestamps", r"gives Tensor; \(embeddings, timestamps\) is wanted"),
        ("nan_for_silence", "scene", "scene embeddings of clip 1 of 2 in the batch hold NaN"),
        ("refuses_short", "scene", r"failed on audio of shape \[2, 800\] \(RuntimeError: .*, at ill.py, line \d+\)"),
    ],
)
def test_wrong_answers_are_refused_by_name(name, call, sentence, python):
    """A wrong shape, type or NaN is named, in process and in another interpreter."""
    with open_module(ill(name, python=python)) as module, pytest.raises(EvaluationError, match=sentence):
        getattr(module, call)(np.zeros((2, 800), np.float32))


@pytest.mark.parametrize("python", ["", sys.executable])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("no_such_module", "module no_such_module cannot be imported .*(--python|-m pip install PACKAGE)"),
        ("json", "module json is no HEAR module: it has no load_model"),
        ("no/such/file.py", "there is no such file"),
    ],
)
def test_what_is_no_module_is_refused(name, sentence, python):
    """A name that cannot be imported, lacks the API or is no file: a sentence and the way out."""
    with pytest.raises(UsageError, match=sentence), open_module(ModuleSpec(name, python=python)):
        pass


def test_unknown_options_show_the_known_ones():
    """An option that load_model does not take comes with its signature."""
    with (
        pytest.raises(UsageError, match=r"load_model takes \(model_file_path='', seed=0\)"),
        open_module(ModuleSpec(str(MODULES / "good.py"), options={"sead": 1})),
    ):
        pass


@pytest.mark.parametrize(("name", "sentence"), [("exits", "exit code 3"), ("crashes", "killed by SIGSEGV")])
def test_a_crash_is_told(name, sentence):
    """A worker that ends in the middle is named with its exit code or signal."""
    with open_module(ill(name, python=sys.executable)) as module, pytest.raises(WorkerEnded, match=sentence):
        module.scene(noise(2, 800))


def test_a_hang_is_ended_at_its_limit():
    """A call beyond the limit is stopped and told with the option that raises it."""
    with open_module(ill("hangs", python=sys.executable)) as module:
        module.spec = replace(module.spec, timeout=2.0)  # now, since loading takes its time on a busy machine
        with pytest.raises(WorkerEnded, match="scene gave no answer within 2 s and was stopped; .*--worker-timeout"):
            module.scene(noise(2, 800))


def test_a_worker_does_not_outlive_its_evaluator():
    """If the evaluator is killed, the worker ends in the middle of a call that would never end."""
    script = (
        "import numpy as np\nfrom evaluator.embedding.module import ModuleSpec, Remote\n"
        f"remote = Remote(ModuleSpec({str(MODULES / 'ill.py')!r}, options={{'ill': 'hangs'}}, python={sys.executable!r}))\n"
        "print(remote.process.pid, flush=True)\nremote.scene(np.zeros((1, 800), np.float32))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as asker:
        pid = int(asker.stdout.readline())
        time.sleep(0.5)
        assert running(pid)
        asker.kill()
    deadline = time.monotonic() + 10
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running(pid)


def running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.is_file() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")  # ended, not yet reaped


def test_what_is_no_interpreter_is_refused(tmp_path):
    """--python names an interpreter or a virtual environment's folder, and something that can be run."""
    with pytest.raises(UsageError, match="neither an interpreter nor"), open_module(ill("none", python=str(tmp_path))):
        pass
    (tmp_path / "text").write_text("no program")
    with pytest.raises(UsageError, match="cannot be run"), open_module(ill("none", python=str(tmp_path / "text"))):
        pass


def test_an_interpreter_may_be_found_on_the_path(tmp_path, monkeypatch):
    """--python python3.9 means what the shell means by it."""
    (tmp_path / "some-python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreter("some-python") == str(tmp_path / "some-python")


def test_answers_from_elsewhere_may_be_changed():
    """Arrays from another interpreter are as writable as those of this one."""
    with open_module(ill("none", python=sys.executable)) as module:
        module.scene(noise(2, 800))[0] = 0


def test_chatter_stays_off_standard_output():
    """What a module prints, in Python or in C, goes to standard error."""
    script = (
        "import numpy as np\nfrom evaluator.embedding.module import ModuleSpec, open_module\n"
        f"with open_module(ModuleSpec({str(MODULES / 'ill.py')!r}, options={{'ill': 'chatty'}})) as module:\n"
        "    module.scene(np.zeros((1, 800), np.float32))\nprint('result')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "result\n"
    assert all(said in done.stderr for said in ("progress: 10 %", "from C\n", "from C, held back\n"))


def test_weights_hash_follows_the_weights():
    """Other weights, other hash; the same weights, the same hash, here and in another interpreter."""
    hashes = []
    for seed, python in ((0, ""), (0, sys.executable), (1, "")):
        with open_module(ModuleSpec(str(MODULES / "good.py"), options={"seed": seed}, python=python)) as module:
            hashes.append(module.describe()["weights_sha256"])
    assert hashes[0] == hashes[1] != hashes[2]


def test_hf_names_weights():
    """hf:ORG/MODEL is our module for any checkpoint, with that path."""
    spec = ModuleSpec("hf:org/model", device="cpu").resolved()
    assert (spec.name, spec.weights, spec.device) == ("hear_ssl.hf", "org/model", "cpu")
    with pytest.raises(UsageError, match="names its weights already"):
        ModuleSpec("hf:org/model", "other").resolved()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
def test_keras_3_models_work():
    """A Keras model is neither torch nor tf.Module, and works; in its own process, for TensorFlow is heavy."""
    spec = ModuleSpec(str(MODULES / "keras_module.py"), python=sys.executable)
    audio = noise(2, 1600)
    with open_module(spec) as module:
        assert module.describe()["framework"] == "tensorflow"
        np.testing.assert_allclose(module.scene(audio)[1], audio[1].sum() / 10, rtol=1e-3, atol=1e-4)
        assert module.timestamps(audio)[1][0, 1] == 15
        assert len(module.describe()["weights_sha256"]) == 64


@pytest.mark.slow
@pytest.mark.skipif(
    not Path(BASELINE).is_file(), reason="HEAR_EVAL_BASELINE_PYTHON names no interpreter (tox makes one)"
)
def test_the_hear_baselines_agree_with_our_crepe():
    """hearbaseline.torchcrepe in an environment of 2021's libraries gives what hear_ssl.crepe gives."""
    audio = noise(2, 20000) * 0.1
    with open_module(ModuleSpec("hearbaseline.torchcrepe", python=BASELINE)) as module:
        theirs, (frames, times) = module.scene(audio), module.timestamps(audio)
    with open_module(ModuleSpec("hear_ssl.crepe")) as module:
        ours, (our_frames, our_times) = module.scene(audio), module.timestamps(audio)
    rms = np.sqrt(np.mean(theirs**2))
    assert np.abs(ours - theirs).max() < 1e-3 * rms and np.abs(our_frames - frames).max() < 1e-2 * rms
    assert np.array_equal(times, our_times)
