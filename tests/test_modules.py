"""The contract, for every module in the folder: nothing is listed by hand, so nothing can be forgotten."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest
import torch

import hear_ssl
from tiny_checkpoints import ENSEMBLES, MODULES, PACKAGED, TORCH, WEIGHTLESS, model_path

ROOT = Path(hear_ssl.__file__).parent
WITH_A_PATH = [module for module in MODULES if module not in {*PACKAGED, "ensemble", "untrained"}]


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


def test_all_that_were_promised_are_there():
    """16 checkpoints of ARCH, 4 more of Sarkar, 7 AVES, wav2vec 2.0 and 10 ensembles of HEAR, 5 BYOL-A, CREPE twice, YAMNet, any, 4 without weights, untrained."""
    assert len(MODULES) == 52 and len(ENSEMBLES) == 10
    assert {"wav2vec2_large_960h_lv60_self", "birdaves_bioxn_large", "xls_r_1b", "crepe", "melspec"} < set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_file_is_short_and_introduces_itself(name):
    """5 to 20 lines, a first docstring line for the list, and where weights exist their licence and citation."""
    text = (ROOT / f"{name}.py").read_text()
    assert len((ast.get_docstring(ast.parse(text)) or "").splitlines()[0]) > 20
    assert len(text.splitlines()) <= 22
    checkpoint = getattr(importlib.import_module(f"hear_ssl.{name}"), "CHECKPOINT", None)
    if name not in {*WEIGHTLESS, "hf", "ensemble", "untrained"}:
        assert checkpoint.licence and checkpoint.citation


@pytest.mark.parametrize("name", TORCH)
def test_contract(name, load):
    """Types, shapes, float32, no gradients, evaluation mode, centred timestamps."""
    module, model = load(name)
    assert isinstance(model, torch.nn.Module) and not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model.sample_rate == 16000
    audio = torch.rand(2, 8123) * 2 - 1
    scene = module.get_scene_embeddings(audio, model)
    frames, times = module.get_timestamp_embeddings(audio, model)
    assert scene.shape == (2, model.scene_embedding_size) and scene.dtype == torch.float32
    assert frames.shape == (*times.shape, model.timestamp_embedding_size)
    assert frames.dtype == times.dtype == torch.float32
    assert not scene.requires_grad and not frames.requires_grad
    assert torch.equal(times[0], times[1])
    steps = {"melspec": 10, "duration_loudness": 25}
    centred = name in {*PACKAGED, "untrained"} or name.startswith("byol_a")
    step = steps.get(name, 50 if centred else 20)
    start = 0 if centred else 12.5
    wanted = start + step * torch.arange(times.shape[1])
    assert torch.allclose(times[0], wanted.float())
    assert times.max() <= 1000 * 8123 / 16000


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
    assert ("layers_mean" in together) == (
        name not in {*ENSEMBLES, "ensemble"}
    )  # their layers are their members' affair
    for view in set(together) - {"scene"}:
        assert together[view].shape == (4, model.n_layers, model.encoder.width)
        assert together[view].dtype == torch.float32 and torch.isfinite(together[view]).all()
    for number, clip in enumerate(clips):
        alone = module.get_scene_embeddings(clip[None], model)[0]
        error = (together["scene"][number] - alone).square().mean().sqrt() / alone.square().mean().sqrt()
        assert error < 1e-5


@pytest.mark.parametrize("name", sorted(PACKAGED - {"crepe", "byol_a_mini"}))  # the latter fills short clips up
def test_a_network_that_shows_only_its_output_has_one_layer(name):
    """Mean and sample deviation of the frames that the scene embedding is made of; 0 for a single frame."""
    module = importlib.import_module(f"hear_ssl.{name}")
    both, mean = (module.load_model(pooling=pooling) for pooling in ("mean+std", "mean"))
    clips = [torch.randn(n, generator=torch.Generator().manual_seed(n)) * 0.1 for n in (9000, 1, 20000)]
    views = module.get_clip_embeddings(clips, mean)
    for number, clip in enumerate(clips):
        wanted = module.get_scene_embeddings(clip[None], both)[0]
        found = torch.cat([views["layers_mean"][number, 0], views["layers_std"][number, 0]])
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
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
    known = (
        "window_seconds" if name in {*ENSEMBLES, "yamnet"} else "merge" if name == "ensemble" else "layer: .*pooling"
    )
    with pytest.raises(ValueError, match=rf"unknown option 'laier'; known options are .*{known}"):
        load_model(model_path(name, tmp_path) if name == "untrained" else str(tmp_path), laier=3)


@pytest.mark.parametrize("name", WITH_A_PATH)
def test_a_path_that_is_not_there_is_named(name):
    """A missing path gives its name and a way out."""
    with pytest.raises(FileNotFoundError, match=r"no/such/place"):
        importlib.import_module(f"hear_ssl.{name}").load_model("no/such/place")


def test_hf_needs_a_path():
    """The module for any checkpoint says that it needs one."""
    with pytest.raises(ValueError, match="needs a model_file_path"):
        importlib.import_module("hear_ssl.hf").load_model()


def test_pinned_revisions_are_whole_commits():
    """A revision is a full commit id, so that it names one state of the hub."""
    for name in MODULES:
        revision = getattr(getattr(importlib.import_module(f"hear_ssl.{name}"), "CHECKPOINT", None), "revision", "")
        assert revision == "" or (len(revision) == 40 and int(revision, 16))
