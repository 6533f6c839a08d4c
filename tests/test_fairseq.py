"""Files of fairseq's trainer become folders in the hub's format: the same network to 1e-5, and nothing in them is run."""

import argparse
import json
import re
import sys
import types

import numpy as np
import pytest
import torch

from hear_ssl import hf
from hear_ssl.encoders import fairseq, fairseq_file, hub
from hear_ssl.pretraining import cli
from tiny_checkpoints import tiny_network

# Written once more, the other way round than hear_ssl has it: pattern in transformers -> name in fairseq.
TO_FAIRSEQ = [
    (r"^masked_spec_embed$", "mask_emb"),
    (r"^feature_projection\.layer_norm\.", "layer_norm."),
    (r"^feature_projection\.projection\.", "post_extract_proj."),
    (r"^encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original0$", "encoder.pos_conv.0.weight_g"),
    (r"^encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original1$", "encoder.pos_conv.0.weight_v"),
    (r"^encoder\.pos_conv_embed\.conv\.bias$", "encoder.pos_conv.0.bias"),
    (r"\.attention\.", ".self_attn."),
    (r"^(encoder\.layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
    (r"\.feed_forward\.intermediate_dense\.", ".fc1."),
    (r"\.feed_forward\.output_dense\.", ".fc2."),
    (r"^(feature_extractor\.conv_layers\.\d+)\.conv\.", r"\1.0."),
]


def fairseq_name(name, layer_norms):
    """A tensor's name in fairseq; the norms of its convolutions lie deeper where every convolution has one."""
    name = re.sub(
        r"^(feature_extractor\.conv_layers\.\d+)\.layer_norm\.", rf"\1.{'2.1' if layer_norms else '2'}.", name
    )
    for pattern, new in TO_FAIRSEQ:
        name = re.sub(pattern, new, name)
    return name


def settings_of(network, word):
    """What fairseq's settings say of a network of transformers."""
    config = network.config
    layers = [
        f"({channels}, {k}, {s})"
        for channels, k, s in zip(config.conv_dim, config.conv_kernel, config.conv_stride, strict=True)
    ]
    return {
        "_name": word,
        "extractor_mode": "layer_norm" if config.feat_extract_norm == "layer" else "default",
        "encoder_layers": config.num_hidden_layers,
        "encoder_embed_dim": config.hidden_size,
        "encoder_ffn_embed_dim": config.intermediate_size,
        "encoder_attention_heads": config.num_attention_heads,
        "layer_norm_first": config.do_stable_layer_norm,
        "conv_feature_layers": f"[{layers[0]}] + [{', '.join(layers[1:5])}] + [{layers[5]}] * 2",
        "conv_bias": config.conv_bias,
        "conv_pos": config.num_conv_pos_embeddings,
        "conv_pos_groups": config.num_conv_pos_embedding_groups,
        "activation_fn": "gelu",
        "encoder_layerdrop": 0.05,
    }


def tensors_of(network, prefix=""):
    """A network's tensors as fairseq has them, with heads of pre-training beside them."""
    layer_norms = network.config.feat_extract_norm == "layer"
    state = {prefix + fairseq_name(name, layer_norms): tensor for name, tensor in network.state_dict().items()}
    heads = {
        "final_proj.weight": torch.ones(3, 5),
        "label_embs_concat": torch.ones(2, 3),
        "quantizer.vars": torch.ones(1),
    }
    return {**state, **({"w2v_encoder.proj.weight": torch.ones(2, 2)} if prefix else heads)}


def layers(network, audio):
    """Every hidden state, (n_layers, n_clips, n_frames, width)."""
    with torch.no_grad():
        return torch.stack(network(audio, output_hidden_states=True).hidden_states)


def loaded(folder):
    """The network in a folder, as `hf:FOLDER` loads it."""
    return hub.load_transformer(hub.Files(str(folder)))


AUDIO = 0.1 * torch.randn(2, 6000, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("family", "word"),
    [("wav2vec2", "wav2vec2"), ("wav2vec2_large", "wav2vec2"), ("hubert", "hubert"), ("hubert_large", "hubert")],
)
def test_a_converted_file_is_the_same_network(tmp_path, family, word):
    """Group and layer norm extractors, norms first or last: every layer within 1e-5 of transformers' own network."""
    network = tiny_network(family)
    torch.save(
        {
            "model": tensors_of(network),
            "cfg": {"model": settings_of(network, word), "task": {"normalize": True, "sample_rate": 16000}},
        },
        tmp_path / "x.pt",
    )
    made = fairseq.convert(tmp_path / "x.pt", tmp_path / "made")
    assert (made.model_type, made.normalize) == (word, True)
    assert made.left_out == ("final_proj.weight", "label_embs_concat", "quantizer.vars")
    torch.testing.assert_close(layers(loaded(tmp_path / "made"), AUDIO), layers(network, AUDIO), rtol=1e-5, atol=1e-5)
    assert json.loads((tmp_path / "made" / "preprocessor_config.json").read_text())["do_normalize"] is True
    assert hf.load_model(str(tmp_path / "made")).encoder.normalize is True


def trainers_objects(settings, task):
    """Settings as objects of the trainer's packages, which exist here only while the file is written."""

    def made(full_name, *given, **state):
        module, _, name = full_name.rpartition(".")
        for end, letter in enumerate(f"{module}."):  # the packages around it too
            if letter == ".":
                sys.modules.setdefault(module[:end], types.ModuleType(module[:end]))
        holder = sys.modules[module]
        if not hasattr(holder, name):
            setattr(
                holder,
                name,
                type(name, (), {"__module__": module, "__qualname__": name, "__init__": lambda self, *_: None}),
            )
        one = getattr(holder, name)(*given)
        vars(one).update(state)
        return one

    def container(values):
        nodes = {
            key: container(value) if isinstance(value, dict) else made("omegaconf.nodes.AnyNode", _val=value)
            for key, value in values.items()
        }
        return made(
            "omegaconf.dictconfig.DictConfig", _content=nodes, _metadata=made("omegaconf.base.ContainerMetadata")
        )

    return {
        "cfg": container({"model": settings, "task": task}),
        "task_state": {"dictionaries": [made("fairseq.data.dictionary.Dictionary")]},
    }


@pytest.mark.parametrize("zipped", [True, False])
def test_the_trainers_objects_are_read_as_data(tmp_path, zipped):
    """Containers of omegaconf and dictionaries of fairseq need neither package, in either form of torch.save."""
    network, path = tiny_network("hubert"), tmp_path / "x.pt"
    before = dict(sys.modules)
    beside = trainers_objects(settings_of(network, "hubert"), {"normalize": False, "sample_rate": 16000})
    torch.save(
        {"model": tensors_of(network), **beside, "extra_state": {"loss": np.float64(2)}},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    for name in set(sys.modules) - set(before):
        if name.startswith(("omegaconf", "fairseq")):
            del sys.modules[name]
    assert fairseq_file.is_training_file(path)
    made = fairseq.convert(path, tmp_path / "made")
    assert not made.normalize and not any(name.startswith("omegaconf") for name in sys.modules)
    torch.testing.assert_close(layers(loaded(tmp_path / "made"), AUDIO), layers(network, AUDIO), rtol=1e-5, atol=1e-5)


def test_a_fine_tuned_file_gives_its_encoder(tmp_path):
    """Older files have `args`, a namespace, and in it that of the encoder; the layer of letters is left out; half precision stays it."""
    network = tiny_network("wav2vec2").half()
    inner = argparse.Namespace(**{**settings_of(network, "wav2vec2"), "arch": "wav2vec2"})
    args = argparse.Namespace(arch="wav2vec_ctc", normalize=True, sample_rate=16000, w2v_args=inner)
    torch.save({"model": tensors_of(network, "w2v_encoder.w2v_model."), "args": args}, tmp_path / "x.pt")
    made = fairseq.convert(tmp_path / "x.pt", tmp_path / "made")
    assert made.left_out == ("w2v_encoder.proj.weight",)
    torch.testing.assert_close(
        layers(loaded(tmp_path / "made"), AUDIO), layers(network.float(), AUDIO), rtol=1e-5, atol=1e-5
    )


def save(path, change=None, tensors=None, **others):
    """A tiny HuBERT in a file of the trainer, with other settings."""
    network = tiny_network("hubert")
    settings = {**settings_of(network, "hubert"), **(change or {})}
    whole = {
        "model": {**tensors_of(network), **(tensors or {})},
        "cfg": {"model": settings, "task": {"normalize": False}},
    }
    torch.save({**whole, **others}, path)
    return path


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"_name": "data2vec_audio"},
            "network called 'data2vec_audio'; wav2vec2 and hubert are converted.*facebook/data2vec-audio-base",
        ),
        ({"encoder_attention_heads": None}, "do not say encoder_attention_heads"),
        ({"encoder_attention_heads": 5}, "num_attention_heads is 5, which does not divide"),
        ({"encoder_layers": 10**9}, "num_hidden_layers is 1000000000"),
        ({"pos_conv_depth": 5}, "pos_conv_depth is 5; networks with 1"),
        ({"conv_feature_layers": "__import__('os').system('echo')"}, "conv_feature_layers is .*lists such as"),
        ({"conv_feature_layers": "[(512, 10, 5)] * 10000000000"}, "conv_feature_layers is .*lists such as"),
        ({"encoder_embed_dim": 24}, "weights do not fit the network"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, change, sentence):
    """The setting is named, the file too, and no folder is left."""
    with pytest.raises(ValueError, match=rf"x\.pt.*{sentence}"):
        fairseq.convert(save(tmp_path / "x.pt", change), tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pt"]


class Evil:
    """Would make a file if anything in a pickle were run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


class Foreign:
    """An object of a package that the trainer does not use."""


def test_nothing_in_a_file_is_run(tmp_path):
    """Functions stay names: what opens a file here opens none."""
    marker = tmp_path / "ran"
    save(tmp_path / "x.pt", extra=Evil(marker))
    with pytest.raises(
        ValueError, match=r"x\.pt: holds objects of (io|_io)\.open, which fairseq's trainer does not write"
    ):
        fairseq.convert(tmp_path / "x.pt", tmp_path / "made")
    assert not marker.exists()


@pytest.mark.parametrize("name", ["builtins.eval", "builtins.exec", "numpy.load", "fairseq.utils.import_user_module"])
def test_names_of_the_trainers_packages_stay_inert(tmp_path, name):
    """Even what could be imported is not: a class that does nothing stands in its place."""
    module, _, last = name.rpartition(".")
    program = b"\x80\x02c" + f"{module}\n{last}\n".encode() + b"X\x07\x00\x00\x00print(1q\x00\x85q\x01Rq\x02."
    assert isinstance(fairseq_file.inert(name), type) and not hasattr(fairseq_file.inert(name)("print(1"), "__call__")
    (tmp_path / "x.pt").write_bytes(program)
    with pytest.raises(ValueError, match=r"x\.pt"):
        fairseq.convert(tmp_path / "x.pt", tmp_path / "made")


def test_other_files_are_told_apart(tmp_path):
    """Plain weights, half a file, an unknown part, a folder that is there, and no word on normalisation: a sentence each."""
    path = tmp_path / "x.pt"
    torch.save({"a": torch.ones(2)}, path)
    with pytest.raises(ValueError, match="no file of fairseq's trainer.*a dictionary of a came"):
        fairseq.convert(path, tmp_path / "made")
    save(path, tensors={"encoder.gate": torch.ones(1)})
    with pytest.raises(ValueError, match="1 tensors are of parts that neither.*encoder.gate"):
        fairseq.convert(path, tmp_path / "made")
    save(path)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"x\.pt"):
        fairseq.convert(path, tmp_path / "made")
    with pytest.raises(FileNotFoundError, match="no such weight file"):
        fairseq.convert(tmp_path / "none.pt", tmp_path / "made")
    with pytest.raises(ValueError, match="is there already"):
        fairseq.convert(path, tmp_path)


def test_a_single_file_in_place_of_a_folder_is_told(tmp_path):
    """The way out is the conversion, the folder around, or the hub."""
    with pytest.raises(ValueError, match=r"this is a file of fairseq; `hear-ssl convert .*x\.pt --out FOLDER`"):
        hf.load_model(str(save(tmp_path / "x.pt")))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="config.json: give the folder that holds it"):
        hf.load_model(str(tmp_path / "config.json"))
    (tmp_path / "y.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="a folder with config.json and model.safetensors"):
        hf.load_model(str(tmp_path / "y.pt"))


def test_whether_audio_is_normalised_is_not_guessed(tmp_path, capsys):
    """A file that does not say it needs the option; one that says it takes no other word."""
    network, path = tiny_network("hubert"), tmp_path / "x.pt"
    torch.save({"model": tensors_of(network), "cfg": {"model": settings_of(network, "hubert")}}, path)
    assert cli.main(["convert", str(path), "--out", str(tmp_path / "made")]) == 2
    assert "does not say whether audio is normalised" in capsys.readouterr().err
    assert cli.main(["convert", str(path), "--out", str(tmp_path / "made"), "--normalize", "true"]) == 0
    assert (
        "hubert, 67 tensors; left out 3 of heads (final_proj.weight, ...); audio is normalised; use it as hf:"
        in capsys.readouterr().out
    )
    assert cli.main(["convert", str(save(path)), "--out", str(tmp_path / "other"), "--normalize", "true"]) == 2
    assert "leave --normalize out" in capsys.readouterr().err
