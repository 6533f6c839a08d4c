"""Weights are read strictly, and what breaks transformers from outside is made harmless."""

import json
import subprocess
import sys

import pytest
import torch

from hear_ssl.encoders import weights
from hear_ssl.encoders.checkpoint import Checkpoint
from tiny_checkpoints import tiny_network

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes


@pytest.fixture
def folder(tmp_path):
    """A tiny HuBERT in the hub's format."""
    tiny_network("hubert").save_pretrained(tmp_path)
    return tmp_path


def test_a_missing_weight_is_an_error_with_its_name(folder):
    """Nothing is quietly initialised at random."""
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    del state["encoder.layers.1.attention.k_proj.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"of 67 tensors \(1 missing\): encoder.layers.1.attention.k_proj.weight is missing"
    ):
        Checkpoint(str(folder), normalize=True).load_model()


def test_a_truncated_checkpoint_is_told(folder):
    """Half a file is no model."""
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="not a readable weight file .*download it again"):
        Checkpoint(str(folder), normalize=True).load_model()


def test_a_folder_without_weights_is_told(folder):
    """A configuration alone is no model."""
    (folder / "model.safetensors").unlink()
    with pytest.raises((FileNotFoundError, ValueError), match=r"no weights|cannot be read"):
        Checkpoint(str(folder), normalize=True).load_model()


def test_another_kind_of_network_is_refused(folder):
    """A text model is not an audio encoder."""
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ValueError, match="model type 'bert' is not one of .*wav2vec2"):
        Checkpoint(str(folder), normalize=True).load_model()


def test_checkpoints_with_a_head_load(tmp_path):
    """A checkpoint fine-tuned for ASR gives its encoder; the head is left out."""
    with weights.quiet_transformers() as transformers:
        fields = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
        config = transformers.Wav2Vec2Config(
            **fields, conv_dim=(16,) * 7, num_conv_pos_embedding_groups=2, vocab_size=9
        )
        whole = transformers.Wav2Vec2ForCTC(config)
        whole.save_pretrained(tmp_path)
    model = Checkpoint(str(tmp_path), normalize=True).load_model()
    inner = whole.wav2vec2.encoder.layers[1].final_layer_norm.weight
    assert torch.equal(model.encoder.network.encoder.layers[1].final_layer_norm.weight, inner)


@pytest.mark.parametrize(("written", "normalised"), [({}, True), ({"do_normalize": False}, False), (None, True)])
def test_normalisation_follows_the_processor_file(folder, written, normalised):
    """auto = what preprocessor_config.json says, else what the module knows of its checkpoint."""
    if written is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(written))
    checkpoint = Checkpoint(str(folder), normalize=True)
    assert checkpoint.load_model().encoder.normalize is normalised
    assert checkpoint.load_model(normalize="false").encoder.normalize is False
    with pytest.raises(ValueError, match="normalize='sometimes'"):
        checkpoint.load_model(normalize="sometimes")


def test_without_any_rule_the_user_is_asked(folder):
    """A checkpoint that nobody knows, without processor file, is not guessed at."""
    with pytest.raises(ValueError, match="normalize=true or normalize=false"):
        Checkpoint("").load_model(str(folder))


def test_a_pickle_with_code_is_not_run(tmp_path):
    """A weight file that would run something is refused, and does not run it."""
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    torch.save({"weight": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match="not a readable weight file"):
        weights.read_state(tmp_path / "evil.pt")
    assert not marker.exists()


BROKEN = """
import sys, warnings
sys.path.insert(0, {folder!r})
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from hear_ssl import hubert_base
    model = hubert_base.load_model({checkpoint!r})
import torch
print(hubert_base.get_scene_embeddings(torch.zeros(1, 500), model).shape)
print([str(one.message) for one in caught if "torchaudio" in str(one.message)])
"""


@pytest.mark.parametrize("failure", ["OSError('Could not load this library')", "RuntimeError('compiled with CUDA 13')"])
def test_a_torchaudio_that_cannot_be_imported_is_harmless(tmp_path, failure):
    """With a broken torchaudio installed our modules load, and one sentence tells cause and cure."""
    checkpoint = tmp_path / "checkpoint"
    tiny_network("hubert").save_pretrained(checkpoint)
    package = tmp_path / "site" / "torchaudio"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"raise {failure}\n")
    metadata = tmp_path / "site" / "torchaudio-2.11.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: torchaudio\nVersion: 2.11.0\n")
    script = BROKEN.format(folder=str(tmp_path / "site"), checkpoint=str(checkpoint))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shape, warned = done.stdout.splitlines()
    assert shape == "torch.Size([1, 48])"
    assert "pip uninstall torchaudio" in warned and warned.count("is installed but cannot be imported") == 1
