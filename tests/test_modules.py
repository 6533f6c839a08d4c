"""The contract, for every module in the folder: nothing is listed by hand, so nothing can be forgotten.

A new module is one file in hear_ssl/, at any sample rate. These tests find it there; where one of them needs to be told
something about it, it says what and where.
"""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
import torch

import hear_ssl
from hear_ssl.encoders.api import Model
from hear_ssl.encoders.ensemble import Ensemble
from hear_ssl.encoders.families import FAMILIES
from tiny_checkpoints import MODULES, TORCH, WITHOUT_PATH, checkpoint_of, family_of, model_path, tiny_network

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

ROOT = Path(hear_ssl.__file__).parent
WITH_CHECKPOINT = [module for module in MODULES if checkpoint_of(module)]
# Published time grids, (first centre, step) in ms: by module, else by the class of CHECKPOINT.
GRIDS = {
    "Checkpoint": (12.5, 20),
    "AvesCheckpoint": (12.5, 20),
    "Gura": (12.5, 20),
    "ByolACheckpoint": (0, 50),
    "CrepeCheckpoint": (0, 50),
    "w2v_bert_2": (17.5, 20),
    "ast_audioset": (87.5, 100),
    "whisper_large_v3": (0.03125, 20),
    "clap_htsat_unfused": (156.25, 312.5),
    "biolingual": (156.25, 312.5),
    "ensemble": (12.5, 20),
    "untrained": (0, 50),  # of CREPE
    "majority": (0, 50),
    "chance": (0, 50),
    "duration_loudness": (0, 25),
    "melspec": (0, 10),
}


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Loads a module by its name with a tiny checkpoint: (module, model)."""
    folder, loaded = tmp_path_factory.mktemp("checkpoints"), {}

    def one(name):
        if name not in loaded:
            module = importlib.import_module(f"hear_ssl.{name}")
            loaded[name] = module, module.load_model(model_path(name, folder))
        return loaded[name]

    return one


@pytest.mark.parametrize("name", MODULES)
def test_file_is_short_and_introduces_itself(name):
    """At most 36 lines, a first docstring line for the list, and where weights are published their licence and citation."""
    text = (ROOT / f"{name}.py").read_text()
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    assert len(first) > 20, (
        f"hear_ssl/{name}.py: `hear-eval list modules` shows the first line of the docstring: {first!r}"
    )
    assert len(text.splitlines()) <= 36, (
        f"hear_ssl/{name}.py: declare the module here; code belongs in hear_ssl/encoders/"
    )
    checkpoint = checkpoint_of(name)
    if checkpoint and getattr(checkpoint, "hub_id", "published"):
        assert checkpoint.licence and checkpoint.citation, f"hear_ssl/{name}.py: CHECKPOINT needs licence and citation"


@pytest.mark.parametrize("name", TORCH)
def test_contract(name, load):
    """Types, shapes, float32, no gradients, evaluation mode, timestamps on an even grid inside the clip, at any sample rate."""
    module, model = load(name)
    assert isinstance(model, torch.nn.Module) and not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    n_samples = round(8123 * model.sample_rate / 16000)  # 507.7 ms
    audio = torch.rand(2, n_samples) * 2 - 1
    scene = module.get_scene_embeddings(audio, model)
    frames, times = module.get_timestamp_embeddings(audio, model)
    assert scene.shape == (2, model.scene_embedding_size) and scene.dtype == torch.float32
    assert frames.shape == (*times.shape, model.timestamp_embedding_size)
    assert frames.dtype == times.dtype == torch.float32
    assert not scene.requires_grad and not frames.requires_grad
    assert torch.equal(times[0], times[1])
    assert times.min() >= 0 and times.max() <= 1000 * n_samples / model.sample_rate
    steps = times[0].diff()
    assert torch.allclose(steps, steps[:1]) and (steps > 0).all()
    assert not len(steps) or times[0, 0] < steps[0]  # no frame is missing at the start
    grid = GRIDS.get(name) or GRIDS.get(type(checkpoint_of(name)).__name__)
    if grid:
        assert torch.allclose(times[0], grid[0] + grid[1] * torch.arange(times.shape[1]).float())


@pytest.mark.parametrize("name", TORCH)
def test_short_clips_work(name, load):
    """A clip shorter than one frame gives one frame, finite."""
    module, model = load(name)
    for n_samples in (1, 399, 400, 401):
        audio = torch.rand(1, n_samples)
        frames, _ = module.get_timestamp_embeddings(audio, model)
        assert frames.shape[1] >= 1 and torch.isfinite(frames).all()
        assert torch.isfinite(module.get_scene_embeddings(audio, model)).all()


@pytest.mark.parametrize("name", TORCH)
def test_extension_equals_the_clips_alone(name, load):
    """Clips of different lengths in one call are what they are alone, within 1e-5 of the RMS."""
    module, model = load(name)
    clips = [torch.randn(n, generator=torch.Generator().manual_seed(n)) * 0.1 for n in (3000, 9000, 700, 9000)]
    together = module.get_clip_embeddings(clips, model)
    assert ("layers_mean" in together) == (not isinstance(model, Ensemble))  # its layers are its members' affair
    for view in set(together) - {"scene"}:
        assert together[view].shape == (4, model.n_layers, model.encoder.width)
        assert together[view].dtype == torch.float32 and torch.isfinite(together[view]).all()
    for number, clip in enumerate(clips):
        alone = module.get_scene_embeddings(clip[None], model)[0]
        error = (together["scene"][number] - alone).square().mean().sqrt() / alone.square().mean().sqrt()
        assert error < 1e-5


@pytest.mark.parametrize("name", sorted(set(WITHOUT_PATH) - {"crepe"}))  # that is crepe_tiny, larger
def test_a_network_that_shows_only_its_output_has_one_layer(name, load):
    """Mean and sample standard deviation of the frames that the scene embedding is made of; 0 for a single frame."""
    module, model = load(name)
    if model.n_layers > 1 or type(model) is not Model:
        pytest.skip("several layers, or a scene embedding of its own kind")
    both, mean = (module.load_model(pooling=pooling) for pooling in ("mean+std", "mean"))
    clips = [torch.randn(n, generator=torch.Generator().manual_seed(n)) * 0.1 for n in (9000, 1, 20000)]
    views = module.get_clip_embeddings(clips, mean)
    for number, clip in enumerate(clips):
        wanted = module.get_scene_embeddings(clip[None], both)[0]
        ours = torch.cat([views["layers_mean"][number, 0], views["layers_std"][number, 0]])
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-5)
    assert not views["layers_std"][1].any()


@pytest.mark.parametrize("name", ["hubert_base", "crepe_tiny", "melspec"])
@pytest.mark.parametrize(
    ("audio", "error", "sentence"),
    [
        (torch.zeros(100), ValueError, r"shape \(n_sounds, n_samples\).*\(100,\) came"),
        (torch.zeros(2, 1, 100), ValueError, r"\(2, 1, 100\) came"),
        (torch.zeros(2, 0), ValueError, r"at least one sample; \(2, 0\) came"),
        (torch.zeros(1, 100, dtype=torch.int16), TypeError, "a tensor of torch.int16 came"),
        ([[0.0]], TypeError, "list came"),
        (torch.tensor([[0.0, float("nan")]]), ValueError, "NaN or infinite"),
        (torch.tensor([[0.0, float("-inf")]]), ValueError, "NaN or infinite"),
    ],
)
def test_wrong_audio_is_refused_with_what_came(name, audio, error, sentence, load):
    """What came and what is wanted stand in the error."""
    module, model = load(name)
    for function in (module.get_scene_embeddings, module.get_timestamp_embeddings):
        with pytest.raises(error, match=sentence):
            function(audio, model)


@pytest.mark.parametrize("name", MODULES)
def test_unknown_options_are_refused_with_the_right_ones(name, tmp_path):
    """A misspelt option lists those that exist."""
    load_model = importlib.import_module(f"hear_ssl.{name}").load_model
    assert next(iter(inspect.signature(load_model).parameters)) == "model_file_path"
    path = model_path(name, tmp_path) if name == "untrained" else str(tmp_path)
    with pytest.raises(ValueError, match=r"unknown option 'laier'; known options are (\w+: [^;]+; )*\w+: [^;]+"):
        load_model(path, laier=3)


@pytest.mark.parametrize(
    ("name", "known"),
    [("hubert_base", "layer: .*pooling"), ("cat_xwc", "window_seconds"), ("yamnet", "pooling"), ("ensemble", "merge")],
)
def test_each_kind_of_module_lists_its_own_options(name, known, tmp_path):
    """Those of a transformer, a published ensemble, YAMNet and any ensemble."""
    with pytest.raises(ValueError, match=rf"unknown option 'laier'; known options are .*{known}"):
        importlib.import_module(f"hear_ssl.{name}").load_model(str(tmp_path), laier=3)


@pytest.mark.parametrize("name", WITH_CHECKPOINT)
def test_a_path_that_is_not_there_is_named(name):
    """A missing path gives its name and a way out."""
    with pytest.raises(FileNotFoundError, match=r"no/such/place"):
        importlib.import_module(f"hear_ssl.{name}").load_model("no/such/place")


def test_hf_needs_a_path():
    """The module for any checkpoint says that it needs one."""
    with pytest.raises(ValueError, match="needs a model_file_path"):
        importlib.import_module("hear_ssl.hf").load_model()


@pytest.mark.parametrize("name", [name for name in MODULES if getattr(checkpoint_of(name), "hub_id", "")])
def test_a_checkpoint_on_the_hub_says_its_commit_or_that_none_is_known(name):
    """A revision is a full commit id, so that it names one state of the hub; or the declaration says why there is none."""
    checkpoint = checkpoint_of(name)
    if checkpoint.revision:
        assert re.fullmatch("[0-9a-f]{40}", checkpoint.revision) and not checkpoint.revision_unknown
    else:
        assert len(checkpoint.revision_unknown) > 40, (
            f"hear_ssl/{name}.py: write revision=, the commit of {checkpoint.hub_id} on the hub (40 hex digits), into "
            "CHECKPOINT; or revision_unknown= and why there is none (NO_COMMIT_KNOWN of hear_ssl.encoders.checkpoint)"
        )
    kin = {"wav2vec2", "hubert", "wavlm", "data2vec-audio"}  # whose modules bear their names
    known = {tiny_network(family_of(name)).config.model_type} if checkpoint.family in kin else set(FAMILIES)
    assert checkpoint.family in known, f"hear_ssl/{name}.py: family= in CHECKPOINT"
