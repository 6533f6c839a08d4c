"""Whatever a foreign module does, what is kept of it is what it answered, or a sentence says why there is nothing."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

import evaluator as ev
from evaluator.embedding import driver
from evaluator.embedding.module import open_module
from evaluator.embedding.plain import PlainModule
from evaluator.embedding.spec import ModuleFault, ModuleSpec, WorkerEnded
from evaluator.errors import EvaluationError, UsageError

pytestmark = pytest.mark.slow  # the whole file: most tests start a process

MODULES = Path(__file__).parent / "modules"


def file(name):
    """A file of tests/modules, imported by itself: what the border gives is compared with it."""
    spec = importlib.util.spec_from_file_location(name, MODULES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


border, border_torch = file("border"), file("border_torch")
BORDER, TORCH = str(MODULES / "border.py"), str(MODULES / "border_torch.py")
ROADS = pytest.mark.parametrize("in_process", [True, False], ids=["here", "own process"])


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, where logs go."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", list(sys.path))  # a module's folder is added to it
    return tmp_path / "cache"


def noise(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def spec(ill, in_process=False, path=BORDER, **options):
    return ModuleSpec(path, options={"ill": ill, **options}, in_process=in_process)


def direct(audio):
    """What the well-behaved module answers without any border, copied at once."""
    return border.get_scene_embeddings(audio, border.load_model()).copy()


@ROADS
@pytest.mark.parametrize(
    "ill",
    ["numpy_buffer", "buffer", "list", "forks", "chatters", "closes_streams", "reads", "odd_rate", "no_frame_size"],
)
def test_what_can_be_right_is_right(ill, in_process):
    """Memory used again, forks, chatter, closed streams: every answer stays what it was when it was given."""
    if ill == "reads" and in_process:
        pytest.skip("here standard input is the user's own")
    clips = [noise(3, 4000, seed=seed) for seed in range(3)]
    with open_module(spec(ill, in_process)) as module:
        answers = [module.scene(clip) for clip in clips]
        rate, size = (module.describe()[key] for key in ("sample_rate", "timestamp_embedding_size"))
    for answer, clip in zip(answers, clips, strict=True):
        assert answer.dtype == np.float32 and np.array_equal(answer, direct(clip))
    assert rate == (256000 if ill == "odd_rate" else 16000) and size == (0 if ill == "no_frame_size" else 8)
    os.fstat(1), os.fstat(2)  # ours are open


@ROADS
def test_buffers_of_torch_and_of_frames_are_copied(in_process):
    """A tensor, and frames, whose memory the module uses again."""
    one, other = noise(2, 4000), noise(2, 4000, seed=1)
    with open_module(spec("buffer", in_process, TORCH)) as module:
        first, _ = module.scene(one), module.scene(other)
    model = border_torch.load_model()
    np.testing.assert_allclose(first, border_torch.get_scene_embeddings(torch.from_numpy(one), model), rtol=1e-6)
    with open_module(spec("numpy_buffer", in_process)) as module:
        frames, _ = module.timestamps(one)[0], module.timestamps(other)
    assert np.array_equal(frames, border.bands(one))


@ROADS
@pytest.mark.parametrize(
    ("ill", "says"),
    [
        (
            "base_exception",
            r"get_scene_embeddings failed on audio of shape \[2, 4000\] \(Unheard: out of band, at border.py",
        ),
        ("memory", r"failed on audio of shape \[2, 4000\] \(MemoryError: no message, at border.py"),
        ("leaves", r"failed on audio of shape \[2, 4000\] \(SystemExit: 0, at border.py"),
        ("mute", r"failed on audio of shape \[2, 4000\] \(Mute: no message, at border.py"),
        ("stops", r"failed on audio of shape \[2, 4000\] \(StopIteration: no message, at border.py"),
        ("tuple", "scene embeddings are tuple of 2; an array is wanted"),
        ("none_at_all", "scene embeddings are None; an array is wanted"),
        ("ragged", r"gives scene embeddings that cannot be read \(ValueError: "),
        ("text", "scene embeddings are of type <U1; numbers are wanted"),
        ("nan", "scene embeddings of clip 1 of 2 in the batch hold NaN"),
    ],
)
def test_what_cannot_be_right_is_told_in_a_sentence(ill, says, in_process):
    """Odd answers and errors of every kind name module, call, shape and cause; the module can be asked again."""
    with open_module(spec(ill, in_process)) as module:
        for _ in range(2):
            with pytest.raises(ModuleFault, match=says) as told:
                module.scene(noise(2, 4000))
            assert "border.py" in str(told.value) and "\n" not in str(told.value)
        assert module.timestamps(noise(1, 4000))[0].shape == (1, 10, 8)


def test_a_modules_own_interruption_is_no_ctrl_c():
    """KeyboardInterrupt passes here, as Ctrl-C must; one that a module raises in its own process is told."""
    with open_module(spec("interrupts", in_process=True)) as module, pytest.raises(KeyboardInterrupt):
        module.scene(noise(1, 400))
    with open_module(spec("interrupts")) as module, pytest.raises(ModuleFault, match="KeyboardInterrupt"):
        module.scene(noise(1, 400))


@pytest.mark.parametrize(
    ("ill", "says"),
    [
        ("nan_rate", "model.sample_rate is nan; the HEAR API wants a positive whole number"),
        ("endless_rate", "model.sample_rate is inf; the"),
        ("text_rate", "model.sample_rate is '16000'; the"),
        ("nan_size", "model.scene_embedding_size is nan; the"),
    ],
)
def test_sizes_that_are_none_are_refused(ill, says):
    """NaN, infinity and text as sizes are refused when the module is loaded."""
    with pytest.raises(UsageError, match=says), open_module(spec(ill, in_process=True)):
        pass


@pytest.mark.parametrize(
    ("ill", "says"),
    [
        ("exits_0", "its process ended with exit code 0 during scene"),
        ("exits_3", "its process ended with exit code 3 during scene"),
        ("kills_itself", r"its process was killed by SIGKILL \(out of memory\?\) during scene"),
        ("segfaults", r"its process was killed by SIGSEGV during scene\nIts last words:\n(.*\n)*.*border.py"),
        ("closes_all", "its process (ended with exit code|was killed|stopped answering)"),
        ("forks_and_dies", "its process ended with exit code 5 during scene"),
    ],
)
def test_an_end_is_told_and_loses_nothing(ill, says):
    """However the process ends: what it answered before is there, and the sentence says how it ended."""
    with open_module(spec(ill, after=2)) as module:
        before = [module.scene(noise(1, 4000, seed=seed)) for seed in range(2)]
        began = time.monotonic()
        with pytest.raises(WorkerEnded, match=says):
            module.scene(noise(1, 4000))
        assert time.monotonic() - began < 15
    assert all(np.array_equal(before[seed], direct(noise(1, 4000, seed=seed))) for seed in range(2))


@pytest.mark.parametrize("ill", ["sleeps", "stops_itself"])
def test_a_hang_meets_its_limit(ill):
    """A module that sleeps, or stops its own process, is ended at the limit without --python as well."""
    with open_module(spec(ill)) as module:
        module.spec = replace(module.spec, timeout=1.0)
        with pytest.raises(WorkerEnded, match="scene gave no answer within 1 s and was stopped; .*--worker-timeout"):
            module.scene(noise(1, 400))
        assert module.process.wait(timeout=10)


def test_loading_has_the_same_limit():
    """A load_model that never returns."""
    with (
        pytest.raises(WorkerEnded, match="loading gave no answer within 2 s"),
        open_module(replace(spec("loads_for_ever"), timeout=2.0)),
    ):
        pass


@pytest.mark.parametrize(
    "ill", ["stateful", "state_in_frames", "times_zero", "times_beyond", "times_seconds", "times_falling"]
)
def test_the_border_is_faithful(ill):
    """What is wrong in itself passes as it is, for others to judge: both roads give the module's own answers, call by call."""
    own = border.load_model(ill=ill)
    calls = []
    for in_process in (True, False):
        with open_module(spec(ill, in_process)) as module:
            calls.append(
                [module.scene(noise(1, 4000)), module.scene(noise(1, 4000)), *module.timestamps(noise(1, 4000))]
            )
    audio = noise(1, 4000)
    wanted = [border.get_scene_embeddings(audio, own) for _ in range(2)] + list(
        border.get_timestamp_embeddings(audio, own)
    )
    for here, there, each in zip(*calls, wanted, strict=True):
        assert np.array_equal(here, there) and np.array_equal(here, each)


@pytest.mark.parametrize("ill", ["running_statistics", "active_dropout"])
def test_roads_agree_on_modules_of_torch(ill):
    """Running statistics and active dropout: both roads answer the first call alike."""
    answers = []
    for in_process in (True, False):
        with open_module(spec(ill, in_process, TORCH)) as module:
            answers.append(module.scene(noise(3, 4000)))
    assert answers[0].shape == (3, 16) and np.isfinite(answers[0]).all()
    if ill == "running_statistics":  # dropout's mask is drawn anew in every process
        assert np.array_equal(answers[0], answers[1])


def test_a_traceback_is_kept_in_a_file(cache):
    """The sentence ends with its path; each kind of traceback is there once."""
    with open_module(spec("memory")) as module:
        said = [fault(module) for _ in range(3)]
    path = Path(str(said[0]).rpartition("; traceback in ")[2])
    assert len(set(map(str, said))) == 1 and path.parent == cache / "logs"
    assert path.name.startswith("border.py-") and path.suffix == ".log"
    text = path.read_text(encoding="utf-8")
    assert text.count("Traceback") == 1 and "raise error" in text and text.rstrip().endswith("MemoryError")


@ROADS
def test_where_the_cache_cannot_be_written_the_traceback_is_elsewhere(tmp_path, monkeypatch, in_process):
    """The system's temporary folder takes it, and the sentence says so."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with open_module(spec("memory", in_process)) as module:
        path = Path(str(fault(module)).rpartition("; traceback in ")[2])
    assert path.parent == tmp_path and "MemoryError" in path.read_text(encoding="utf-8")


def fault(module):
    with pytest.raises(ModuleFault) as told:
        module.scene(noise(1, 400))
    return told.value


def test_a_passing_error_changes_nothing():
    """A module that fails once is asked again before anything is padded, alone and in a batch, and a note says so."""
    clips = [noise(400, seed=seed) for seed in range(4)]
    for after in range(7):
        with open_module(spec("once", in_process=True, after=after)) as module:
            plain = PlainModule(module, "scene")
            rows, padded = plain.rows(clips)
        assert padded == [0.0] * 4
        assert np.array_equal([row["scene"] for row in rows], direct(np.stack(clips)))
        assert (after > 3) == (plain.remarks == {}), after  # one call for the batch, three for clips alone
        assert all(
            "second try; the module first said: RuntimeError: device busy" in note for note in plain.remarks.values()
        )


def test_padding_quotes_the_module_once():
    """Clips that are too short for a fixed window of 3 s: one note for all of them, with the module's own words."""
    clips = [noise(8000), noise(9000), noise(48000)]
    with open_module(spec("wants_three_seconds", in_process=True)) as module:
        plain = PlainModule(module, "scene")
        rows, padded = plain.rows(clips)
    assert padded == [3.0, 3.0, 0.0]
    assert np.array_equal(rows[0]["scene"], direct(np.pad(clips[0], (0, 40000))[None])[0])
    (note,) = plain.remarks.values()
    assert note.startswith(
        "a clip of 0.5 s was padded to 3 s, because the module says: ValueError: a window of 48000 samples is wanted"
    )
    assert "log" not in note


def test_modules_without_frames_embed_scenes():
    """They are asked for no frames, and say so in a sentence where some are wanted."""
    with open_module(spec("no_frame_size", in_process=True)) as module:
        rows, _ = PlainModule(module, "scene").rows([noise(4000)])
        assert np.array_equal(rows[0]["scene"], direct(noise(1, 4000))[0])
        for views in ("frames", "layers"):
            with pytest.raises(
                UsageError, match=r"border.py gives no timestamp embeddings; event tasks and --layers need"
            ):
                PlainModule(module, views)


def test_who_runs_where():
    """Ours and objects run here, all others in a process of their own, whatever ours they are wrapped in."""
    ours = ["hear_ssl.melspec", "hf:org/model", "untrained:hear_ssl.crepe", "ensemble:average:hear_ssl.melspec+hf:a/b"]
    others = [
        BORDER,
        "untrained:./mine.py",
        "ensemble:hear_ssl.melspec+mine",
        "untrained:ensemble:hear_ssl.a+./b.py",
        "mine",
    ]
    assert not any(ModuleSpec(name).isolated or ModuleSpec(name).resolved().isolated for name in ours)
    assert all(ModuleSpec(name).isolated and ModuleSpec(name).resolved().isolated for name in others)
    assert not ModuleSpec(BORDER, in_process=True).isolated and not ModuleSpec("mine", instance=border).isolated
    assert ModuleSpec("hear_ssl.melspec", python=sys.executable).isolated
    with pytest.raises(UsageError, match="--in-process and --python /env exclude each other"):
        ModuleSpec("mine", python="/env", in_process=True)


def test_what_is_importable_here_is_importable_there(tmp_path, monkeypatch):
    """A module's own process has this one's search path and folder, and shadows nothing."""
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "only_there.py").write_text("from border import *\nfrom border import Model\n")
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "helpers")
    sys.path.append(str(MODULES))
    try:
        with open_module(ModuleSpec("only_there")) as module:
            assert np.array_equal(module.scene(noise(1, 4000)), direct(noise(1, 4000)))
    finally:
        sys.path.remove(str(MODULES))


@pytest.fixture
def recordings(tmp_path):
    """Two classes of six clips of half a second, one of them loud; the folder."""
    for label in ("low", "high"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(6):
            level = 0.99 if (label, number) == ("low", 3) else 0.1
            soundfile.write(tmp_path / "data" / label / f"{number}.wav", level * noise(8000, seed=number), 16000)
    return tmp_path / "data"


def test_a_silent_exit_never_looks_like_success(recordings):
    """`hear-eval run` of a module whose process ends with exit code 0 ends with 1 and says so."""
    command = [sys.executable, "-m", "evaluator", "run", BORDER, "--option", "ill=exits_0", "--task", str(recordings)]
    done = subprocess.run(
        [*command, "--option", "after=3", "--protocol", "knn"], cwd=recordings.parent, capture_output=True, text=True
    )
    assert done.returncode == 1 and "its process ended with exit code 0 during scene" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_modules_nan_is_not_blamed_on_files(recordings):
    """The module is to be mended; a file that cannot be read is told beside it."""
    given = spec("nan_for_loud", in_process=True)
    with pytest.raises(
        EvaluationError, match="1 of 12 clips cannot be used; .* It is the module that fails on them, not th"
    ):
        ev.run(given, recordings, protocol="knn", out=None)
    (recordings / "high" / "0.wav").write_bytes(b"no audio")
    with pytest.raises(
        EvaluationError, match="The module fails on 1 of them: mend it and the files of the others, or admit"
    ):
        ev.run(given, recordings, protocol="knn", out=None)
    (result,) = ev.run(given, recordings, protocol="knn", out=None, allow_failed=0.2)
    assert len(result.failed) == 2 and "hold NaN or infinite values" in result.failed["low/3.wav"]


def test_ctrl_c_ends_the_worker_quietly(tmp_path):
    """One interruption for the whole group of processes: no traceback, and no process is left."""
    script = (
        "import numpy as np\nfrom evaluator.embedding.module import ModuleSpec, open_module\n"
        f"with open_module(ModuleSpec({BORDER!r}, options={{'ill': 'sleeps'}})) as module:\n"
        "    print(module.process.pid, flush=True)\n"
        "    try:\n        module.scene(np.zeros((1, 800), np.float32))\n"
        "    except KeyboardInterrupt:\n        raise SystemExit(130)\n"
    )
    asker = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pid = int(asker.stdout.readline())
    time.sleep(0.5)
    os.killpg(asker.pid, signal.SIGINT)
    _, said = asker.communicate(timeout=20)
    assert asker.returncode == 130 and said == ""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_interpreter_that_is_too_old_is_told(tmp_path):
    """Python 3.6 gets the sentence, and so does one without numpy."""
    for version, answer in (
        ("3.6.9", "needs Python 3.7 or later"),
        ("3.9.1", "numpy is missing there; .*old -m pip install numpy"),
    ):
        old = tmp_path / "old"
        old.write_text(f'#!/bin/sh\ncase "$2" in *version_info*) printf {version};; *) exit 1;; esac\n')
        old.chmod(0o755)
        with pytest.raises(UsageError, match=answer), open_module(ModuleSpec(BORDER, python=str(old))):
            pass


@pytest.mark.parametrize("where", ["at import", "in load_model"])
def test_a_missing_package_is_told_with_the_command_that_installs_it(tmp_path, where):
    """In another environment with that one's pip, here with ours."""
    text = "def get_scene_embeddings(audio, model): pass\n"
    missing = "import no_such_package.part"
    text += f"{missing}\ndef load_model(): pass" if where == "at import" else f"def load_model():\n    {missing}"
    path = tmp_path / "needs.py"
    path.write_text(text)
    for python, pip in ((sys.executable, f"{sys.executable} -m pip"), ("", "pip")):
        with (
            pytest.raises(UsageError, match=f"; install it: {pip} install no_such_package; traceback in"),
            open_module(ModuleSpec(str(path), python=python)),
        ):
            pass


# A module that hands its input on: what it was given shows in `raw`.
SAYS = """
{imports}
class Model:
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 1
    {said}
def load_model(path=""):
    return Model()
def get_scene_embeddings(audio, model):
    {check}
    return audio[:, :1]
"""


@ROADS
@pytest.mark.parametrize(
    ("framework", "parts"),
    [
        ("numpy", {}),
        ("torch", {"imports": "import torch"}),
        ("torch", {"imports": "from torch import nn"}),
        ("numpy", {"imports": "import torch", "said": "input_type = 'numpy'"}),
        ("torch", {"said": "input_type = 'torch'"}),
        ("numpy", {"imports": "import torch", "check": "audio.astype('float32')"}),
        ("torch", {"imports": "import torch_beside", "check": "torch_beside.check(audio)"}),
    ],
    ids=["nothing", "torch", "a part of torch", "says numpy", "says torch", "takes numpy after all", "torch beside"],
)
def test_what_a_module_is_handed_depends_on_itself(tmp_path, framework, parts, in_process):
    """Never on what others imported: this process has torch, a fresh one has not, and both hand over the same."""
    assert "torch" in sys.modules
    (tmp_path / "torch_beside.py").write_text(
        "import torch\ndef check(audio):\n    assert isinstance(audio, torch.Tensor)\n"
    )
    path = tmp_path / "says.py"
    path.write_text(SAYS.format(**{"imports": "", "said": "pass", "check": "pass", **parts}))
    with open_module(ModuleSpec(str(path), in_process=in_process)) as module:
        audio = noise(2, 800)
        assert np.array_equal(module.scene(audio), audio[:, :1])
        assert np.array_equal(module.scene(audio), audio[:, :1])
        assert module.describe()["framework"] == framework
        assert module.raw_facts()["scene embeddings"]["device"] == "cpu"
    with contextlib.suppress(KeyError):
        del sys.modules["torch_beside"]


def test_a_network_that_is_handed_numpy_still_shows_its_weights(tmp_path):
    """What a module says it wants changes neither the hash of its weights nor that dropout is switched off."""
    hashes = []
    for wants in ("torch", "numpy"):
        path = tmp_path / f"wants_{wants}.py"
        path.write_text(
            f"from border_torch import *\nimport border_torch\nimport torch\ninput_type = {wants!r}\n"
            "def load_model(path=''):\n    return border_torch.load_model().train()\n"
            "def get_scene_embeddings(audio, model):\n"
            "    return border_torch.get_scene_embeddings(torch.as_tensor(audio), model)\n"
        )
        sys.path.append(str(MODULES))
        asked = driver.Driver(str(path))
        assert asked.framework == wants and asked.was_training and not asked.model.norm.training
        hashes.append(asked.describe()["weights_sha256"])
    assert len(hashes[0]) == 64 and hashes[0] == hashes[1]


def test_the_first_error_counts_where_no_framework_helps():
    """A module that refuses a clip whatever it is handed: the error of the first try is told, and nothing is settled."""
    path = str(MODULES / "border_torch.py")
    asked = driver.Driver(path, options={"ill": "plain"})
    assert asked.framework == "torch" and asked.others == ["numpy"]
    asked.module.get_scene_embeddings = lambda audio, model: model.refuse(type(audio).__name__)
    asked.model.refuse = lambda kind: (_ for _ in ()).throw(ValueError(kind))
    with pytest.raises(driver.ModuleTrouble, match="ValueError: Tensor"):
        asked.scene(noise(1, 800))
    assert asked.framework == "torch" and asked.others == ["numpy"]


def test_frameworks_are_told_by_the_models_class():
    """By the names in the class' ancestry, without an import; Keras 3 by what it computes with."""
    frameworks = driver.frameworks

    def model_of(place, name="Module"):
        ancestor = type(name, (), {"__module__": place})
        return type("Mine", (ancestor,), {"__module__": "mine"})()

    assert frameworks.of_model(torch.nn.Linear(2, 3)) == "torch"
    assert frameworks.of_model(model_of("tensorflow.python.module.module")) == "tensorflow"
    assert frameworks.of_model(model_of("tf_keras.src.engine.training")) == "tensorflow"
    assert frameworks.of_model(SimpleNamespace()) == frameworks.of_model(model_of("torchvision.models")) == ""


def test_an_unknown_input_type_is_refused(tmp_path):
    """A slip of the pen in what a module says is told."""
    path = tmp_path / "says.py"
    path.write_text("input_type = 'Numpy'\n" + SAYS.format(imports="", said="pass", check="pass"))
    with (
        pytest.raises(UsageError, match="input_type is 'Numpy'; known are torch, tensorflow, numpy"),
        open_module(ModuleSpec(str(path), in_process=True)),
    ):
        pass
