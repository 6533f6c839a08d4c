"""What a checkpoint says of itself is looked at before it costs memory, time, or the running of anybody's code."""

import json
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch

from hear_ssl import aves_bio
from hear_ssl.encoders import weights
from hear_ssl.encoders.checkpoint import Checkpoint
from tiny_checkpoints import AVES_CONFIG, edit_config, save_aves, tiny_network, write

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

BILLION = 1_000_000_000


@pytest.fixture
def folder(tmp_path):
    """A tiny wav2vec 2.0 in the hub's format."""
    return write(tmp_path / "tiny", tiny_network("wav2vec2"))


@pytest.fixture
def little_memory():
    """At most half a GiB more than now may be asked for, where the system can say so."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_AS)
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux limits the address space")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 29), limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


def refused(folder, sentence):
    """The folder is refused with that sentence, within three seconds."""
    start = time.monotonic()
    with pytest.raises(ValueError, match=sentence):
        Checkpoint("", normalize=True).load_model(str(folder))
    assert time.monotonic() - start < 3


def zip_of_zeros(path, compression, mebibytes):
    """A zip file whose data.pkl holds so many MiB of zeros."""
    with (
        zipfile.ZipFile(path, "w", compression) as archive,
        archive.open("x/data.pkl", "w", force_zip64=True) as member,
    ):
        for _ in range(mebibytes):
            member.write(bytes(1 << 20))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hidden_size": BILLION}, "config.json: hidden_size is 1000000000; a whole number from 1 to 16384 is wanted"),
        ({"hidden_size": None}, "hidden_size is None"),
        ({"hidden_size": "48"}, "hidden_size is '48'"),
        ({"hidden_size": True}, "hidden_size is True"),
        ({"hidden_size": 96}, r"of another shape.*has shape \(48"),
        ({"num_hidden_layers": 10_000_000}, "num_hidden_layers is 10000000; a whole number from 1 to 512"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"num_attention_heads": -4}, "num_attention_heads is -4"),
        ({"num_attention_heads": 5}, "num_attention_heads is 5, which does not divide hidden_size, 48"),
        ({"intermediate_size": BILLION}, "intermediate_size is 1000000000"),
        ({"num_conv_pos_embeddings": BILLION}, "num_conv_pos_embeddings is 1000000000"),
        ({"num_conv_pos_embedding_groups": 7}, "num_conv_pos_embedding_groups is 7, which does not divide"),
        ({"conv_dim": [BILLION] * 7}, "conv_dim is .*; whole numbers from 1 to 16384"),
        ({"conv_dim": [32] * 100_000}, "conv_dim is .*; a list of 1 to 32 numbers"),
        ({"conv_dim": 32}, "conv_dim is 32; a list"),
        ({"conv_dim": [32] * 6}, "conv_dim has 6 numbers, conv_kernel 7, conv_stride 7"),
        ({"conv_kernel": [10, 3, 3, 3, 3, 2, 0]}, "conv_kernel is .*; whole numbers"),
        ({"conv_stride": [60_000] * 7}, r"conv_kernel and conv_stride make a frame of \d+ samples; at most 1000000"),
        ({"adapter_attn_dim": BILLION}, "adapter_attn_dim is 1000000000"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps is nan"),
        ({"mask_time_prob": "often"}, "mask_time_prob is 'often'"),
        ({"conv_bias": "no"}, "conv_bias is 'no'; true or false"),
        ({"hidden_act": "os.system"}, "hidden_act is 'os.system'; known are .*gelu"),
        ({"feat_extract_norm": "none"}, "feat_extract_norm is 'none'; known are group, layer"),
        ({"model_type": "llama"}, "model type 'llama' is not one of .*hubert, .*wav2vec2"),
        ({"model_type": ["wav2vec2"]}, "is not one of"),
    ],
)
def test_numbers_are_bounded_before_anything_is_allocated(folder, little_memory, changes, sentence):
    """A field out of bounds is a sentence with its name, value and bounds, at once and within little memory."""
    edit_config(folder, **changes)
    refused(folder, sentence)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"hidden_size": ' + "9" * 5000 + "}", "[]", "\xff", " " * (1 << 25)])
def test_a_config_that_is_no_config_is_a_sentence(folder, text):
    """Depth, digits, kind, encoding and size of the file."""
    (folder / "config.json").write_text(text, encoding="latin-1")
    refused(folder, "config.json: (not readable as JSON|a JSON object is wanted|33554432 bytes)")


def test_what_no_number_of_ours_depends_on_does_not_matter(folder):
    """Keys of heads, training and display never reach the library, whatever they say."""
    (clip,) = torch.randn(1, 4000)
    plain = Checkpoint("").load_model(str(folder)).clips([clip], layers=False)["scene"]
    edit_config(
        folder,
        vocab_size=10**12,
        tdnn_dim=[BILLION] * 9,
        torch_dtype="os.system",
        dtype="int3",
        _attn_implementation="flash_attention_2",
        _name_or_path="https://example.org/x",
        architectures=["Evil"],
        problem_type="none such",
        num_feat_extract_layers=99,
        id2label="x",
        output_attentions=7,
    )
    assert torch.equal(plain, Checkpoint("").load_model(str(folder)).clips([clip], layers=False)["scene"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"auto_map": {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"}},
            "the key auto_map is set: it names program code",
        ),
        (
            {"_attn_implementation": "kernels-community/evil"},
            "_attn_implementation is 'kernels-community/evil', which names",
        ),
        ({"attn_implementation": "evil/kernel:fn"}, " attn_implementation is 'evil/kernel:fn'"),
        ({"_attn_implementation_internal": {"": "evil/kernel"}}, "_attn_implementation_internal is .*evil/kernel"),
        (
            {"quantization_config": {"quant_method": "gptq"}},
            "the key quantization_config is set: its weights are packed",
        ),
        ({"add_adapter": True}, "the key add_adapter is set: it puts convolutions behind the encoder"),
    ],
)
def test_keys_that_lead_to_code_never_reach_the_library(folder, monkeypatch, changes, sentence):
    """Refused by name; neither a file beside the weights is run nor the library of kernels asked for one."""
    ran = folder / "ran"
    (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w')\n")
    (folder / "kernels.py").write_text(f"open({str(ran)!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(folder))
    edit_config(folder, **changes)
    refused(folder, sentence)
    assert not ran.exists()


def test_an_adapter_beside_the_weights_is_not_passed_over(folder):
    """Without it the weights are another model's; merging is the way out."""
    (folder / "adapter_config.json").write_text("{}")
    refused(folder, "adapter_config.json lies beside the weights.*merge_and_unload")


def test_a_compressed_pickle_is_told_from_the_zips_directory(folder, little_memory):
    """A zip bomb as pytorch_model.bin is refused before it unfolds."""
    (folder / "model.safetensors").unlink()
    zip_of_zeros(folder / "pytorch_model.bin", zipfile.ZIP_DEFLATED, 1024)
    refused(folder, r"x/data.pkl is compressed \(\d+ bytes hold 1073741824\)")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_bomb_for_aves_is_refused(tmp_path, little_memory, compression):
    """Its list of tensors is not read whole to tell a fairseq file from one of torchaudio."""
    path = save_aves(tmp_path)
    with (
        zipfile.ZipFile(path, "w", compression) as archive,
        archive.open("x/data.pkl", "w", force_zip64=True) as member,
    ):
        for _ in range(600 if compression else 20):
            member.write(bytes(1 << 20))
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"x/data.pkl (is compressed|has \d+ bytes; the list of a network's tensors)"):
        aves_bio.load_model(str(path))
    assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"encoder_embed_dim": BILLION}, "model_config.json: encoder_embed_dim is 1000000000; a whole number"),
        ({"encoder_num_layers": 10_000_000}, "model_config.json: encoder_num_layers is 10000000"),
        ({"extractor_conv_layer_config": [[BILLION, 10, 5]]}, "model_config.json: extractor_conv_layer_config is"),
        (
            {"extractor_conv_layer_config": [7]},
            r"extractor_conv_layer_config must be a list of \[channels, kernel, stride\]",
        ),
        ({"encoder_layer_norm_first": "no"}, "encoder_layer_norm_first is 'no'; true or false"),
    ],
)
def test_the_configuration_of_aves_is_bounded_too(tmp_path, little_memory, change, sentence):
    """Under the names that its own file has."""
    with pytest.raises(ValueError, match=sentence):
        aves_bio.load_model(str(save_aves(tmp_path, config={**AVES_CONFIG, **change})))


def test_a_file_that_ends_like_a_zip_is_none(tmp_path, little_memory):
    """torch goes by the first bytes; a bomb behind others is neither unfolded nor taken for a checkpoint."""
    path = save_aves(tmp_path)
    zip_of_zeros(tmp_path / "bomb", zipfile.ZIP_DEFLATED, 1024)
    path.write_bytes(b"none" + (tmp_path / "bomb").read_bytes())
    assert zipfile.is_zipfile(path)
    with pytest.raises(ValueError, match="not a readable weight file"):
        aves_bio.load_model(str(path))


def test_tensors_that_claim_more_than_the_file_holds_are_refused(tmp_path, little_memory):
    """A billion rows over one number, or a sparse tensor, would be laid out in full."""
    for name, tensor in (
        ("wide", torch.zeros(1).expand(BILLION, 512)),
        ("sparse", torch.sparse_coo_tensor([[0], [0]], [1.0], (BILLION, 512), check_invariants=True)),
    ):
        torch.save({"fc.0.weight": tensor}, tmp_path / f"{name}.pt")
        with pytest.raises(ValueError, match="fc.0.weight (claims shape|is a sparse)|not a readable weight file"):
            weights.read_state(tmp_path / f"{name}.pt")


@pytest.mark.parametrize(
    ("index", "error", "sentence"),
    [
        (
            {"weight_map": {"a": "../model.safetensors"}},
            ValueError,
            "must name files beside it that end in .safetensors",
        ),
        ({"weight_map": {"a": "/etc/passwd"}}, ValueError, "must name files beside it"),
        ({"weight_map": {"a": "model.bin"}}, ValueError, "must name files beside it"),
        ({"weight_map": {"a": ["x.safetensors"]}}, ValueError, "must name files beside it"),
        ({"weight_map": {}}, ValueError, "must name files beside it"),
        ({}, ValueError, "must name files beside it"),
        ({"weight_map": {str(n): f"{n}.safetensors" for n in range(2000)}}, ValueError, "2000 files; at most 1000"),
        (
            {"weight_map": {"a": "x.safetensors", "b": "y.safetensors"}},
            FileNotFoundError,
            "1 of 2 files .* y.safetensors",
        ),
        ({"weight_map": {"a": "x.safetensors", "b": "z.safetensors"}}, ValueError, "67 tensors are in two files"),
    ],
)
def test_an_index_names_files_beside_it(folder, index, error, sentence):
    """Parts elsewhere, missing or overlapping are told."""
    for name in ("x.safetensors", "z.safetensors"):
        (folder / name).write_bytes((folder / "model.safetensors").read_bytes())
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(error, match=sentence):
        Checkpoint("").load_model(str(folder))
