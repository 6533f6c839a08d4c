"""Tiny random checkpoints in the genuine formats, written by the genuine library, one for every module of ours.

The folder hear_ssl/ is the list of modules. What a module needs follows from its `CHECKPOINT`; a module without one has no
weights. Only a `CHECKPOINT` of a new class needs a function here, entered in `WRITERS`.
"""

import functools
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import hear_ssl
from hear_ssl.encoders import aves, byol_a, byol_a_checkpoint, checkpoint, gura, hub, weights, yamnet

MODULES = sorted(path.stem for path in Path(hear_ssl.__file__).parent.glob("[a-z]*.py"))


def checkpoint_of(module):
    """The `CHECKPOINT` of a module of ours; None where it has none."""
    return getattr(importlib.import_module(f"hear_ssl.{module}"), "CHECKPOINT", None)


def is_packaged(module):
    """Whether a module finds its weights in an installed package: its `CHECKPOINT` says where, as `packaged`."""
    return bool(getattr(checkpoint_of(module), "packaged", ""))


def members_of(module):
    """Names of the modules that a published ensemble is made of; none for other modules."""
    return [name.removeprefix("hear_ssl.") for name in getattr(checkpoint_of(module), "members", ())]


MADE_OF_OTHERS = {"ensemble", "untrained"}  # their path names other modules
TORCH = [name for name in MODULES if not isinstance(checkpoint_of(name), yamnet.YamnetCheckpoint)]  # that is TensorFlow
WEIGHTLESS = [name for name in MODULES if checkpoint_of(name) is None and name not in MADE_OF_OTHERS]
WITHOUT_PATH = [*WEIGHTLESS, *filter(is_packaged, MODULES)]
ENSEMBLES = [name for name in MODULES if members_of(name)]

SMALL = {
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "conv_dim": (32,) * 7,
    "num_conv_pos_embedding_groups": 4,
}
STABLE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
FAMILIES = {
    "wav2vec2": ("Wav2Vec2", {}),
    "wav2vec2_large": ("Wav2Vec2", STABLE),
    "hubert": ("Hubert", {}),
    "hubert_large": ("Hubert", STABLE),
    "hubert_batch_norm": ("Hubert", {"conv_pos_batch_norm": True}),  # mHuBERT-147
    "wavlm": ("WavLM", {}),
    "wavlm_large": ("WavLM", {**STABLE, "conv_bias": False}),
    "data2vec": ("Data2VecAudio", {"num_conv_pos_embeddings": 5, "conv_pos_kernel_size": 19}),
    "unispeech": ("UniSpeech", {}),
    "unispeech_large": ("UniSpeech", STABLE),
    "unispeech_sat": ("UniSpeechSat", {}),
    "unispeech_sat_large": ("UniSpeechSat", STABLE),
}

AVES_CONFIG = {
    "extractor_mode": "group_norm",
    "extractor_conv_layer_config": [[24, 10, 5], *[[24, 3, 2]] * 4, *[[24, 2, 2]] * 2],
    "extractor_conv_bias": False,
    "encoder_embed_dim": 36,
    "encoder_projection_dropout": 0.1,
    "encoder_pos_conv_kernel": 32,
    "encoder_pos_conv_groups": 4,
    "encoder_num_layers": 3,
    "encoder_num_heads": 3,
    "encoder_attention_dropout": 0.1,
    "encoder_ff_interm_features": 50,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.1,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.05,
}


def tiny_network(family, **changed):
    """A small random network of a family, built by transformers; `changed` are fields of its config."""
    name, changes = FAMILIES[family]
    with weights.quiet_transformers() as transformers:
        torch.manual_seed(1)
        config = getattr(transformers, f"{name}Config")(**{**SMALL, **changes, **changed})
        network = getattr(transformers, f"{name}Model")(config).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):  # new ones do nothing
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network


def family_of(module):
    """The family that a module's name speaks of."""
    name = next((name for name in ("wavlm", "hubert", "data2vec") if name in module), "wav2vec2")
    large = any(size in module for size in ("large", "xls_r")) and name != "data2vec"
    return f"{name}_large" if large else name


def aves_state(old_weight_norm=True):
    """Random weights of a tiny AVES under torchaudio's names."""
    with weights.quiet_transformers() as transformers:
        torch.manual_seed(3)
        fields = {"hidden_size": 36, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 50}
        positional = {"num_conv_pos_embeddings": 32, "num_conv_pos_embedding_groups": 4}
        config = transformers.HubertConfig(**fields, **positional, conv_dim=(24,) * 7, mask_time_prob=0.0)
        state = transformers.HubertModel(config).state_dict()
    back = {ours: theirs for theirs, ours in aves.RENAMED.items()}
    theirs = {}
    for name, tensor in state.items():
        start = next((ours for ours in back if name.startswith(ours)), "")
        new = back.get(start, "") + name.removeprefix(start)
        if old_weight_norm:
            for old, parametrized in hub.WEIGHT_NORM.items():
                new = new.replace(parametrized, old)
        theirs[new] = tensor + 0.01 * torch.randn_like(tensor)
    return theirs


def save_aves(folder, state=None, config=AVES_CONFIG):
    """Both files of a tiny AVES under `folder`; gives the weight file."""
    path = folder / "tiny.torchaudio.pt"
    torch.save(aves_state() if state is None else state, path)
    (folder / "tiny.torchaudio.model_config.json").write_text(json.dumps(config))
    return path


def tiny_byol_a(version=1, width=12):
    """A narrow BYOL-A whose batch norms have seen something, in evaluation mode."""
    torch.manual_seed(5)
    network = byol_a.ByolANetwork(version, width).requires_grad_(False).eval()
    for module in network.features:
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                tensor.uniform_(0.5, 2)
            for tensor in (module.bias, module.running_mean):
                tensor.normal_(0, 0.3)
    return network


def save_byol_a(folder, version=1, width=12, statistics=(-5.25, 4.5)):
    """checkpoint.pth and stats.csv of a tiny BYOL-A under `folder`; gives the weight file."""
    path = folder / "checkpoint.pth"
    torch.save(tiny_byol_a(version, width).state_dict(), path)
    (folder / "stats.csv").write_text("mean,std\n{},{}\n".format(*statistics))
    return path


def save_yamnet(folder):
    """The SavedModel of a tiny YAMNet at `folder`, written by another process; gives the folder."""
    program = [sys.executable, str(Path(__file__).with_name("tiny_yamnet.py")), str(folder)]
    subprocess.run(program, check=True, capture_output=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    return folder


def kinds_with_own_encoder():
    """By model_type: writes a tiny checkpoint of a family that is no kin of wav2vec 2.0 into a folder and gives it."""
    import tiny_families

    kinds = {tiny.config().model_type: kind for kind, tiny in tiny_families.TINY.items()}
    return {family: functools.partial(tiny_families.save, kind) for family, kind in kinds.items()}


def save_transformer(folder, module):
    """A tiny transformer of the module's family, in the hub's format; gives the folder."""
    kinds = kinds_with_own_encoder()
    if (family := checkpoint_of(module).family) in kinds:
        return kinds[family](folder)
    with weights.quiet_transformers():
        tiny_network(family_of(module)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True, "sampling_rate": 16000}))
    return folder


def save_members(folder, module):
    """The members' checkpoints of a published ensemble, each under its name; gives the folder."""
    for member in members_of(module):
        model_path(member, folder)
    return folder


def write(folder, network, form="safetensors", normalize=True, rate=16000):
    """A checkpoint with its processor file, by transformers' own `save_pretrained` wherever that writes the format."""
    with weights.quiet_transformers() as transformers:
        extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalize, sampling_rate=rate)
        network = network.half() if form == "half precision" else network
        network.save_pretrained(folder, max_shard_size="60KB" if "sharded" in form else "50GB")
        if form == "v5 processor":
            (folder / "vocab.json").write_text(
                json.dumps({"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "a": 5})
            )
            tokenizer = transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
            transformers.Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)
            assert not (folder / "preprocessor_config.json").exists()
        else:
            extractor.save_pretrained(folder)
    if "bin" in form:
        to_bin(folder, old="old" in form)
    return folder


def to_bin(folder, old):
    """Safetensors become the pickles of torch.save that transformers 4 wrote, under the names of torch 1 if `old`."""
    from safetensors.torch import load_file

    for path in sorted(folder.glob("*.safetensors")):
        state = load_file(path)
        if old:
            for before, today in hub.WEIGHT_NORM.items():
                state = {name.replace(today, before): tensor for name, tensor in state.items()}
        torch.save(state, folder / path.name.replace("model", "pytorch_model").replace(".safetensors", ".bin"))
        path.unlink()
    index = folder / "model.safetensors.index.json"
    if index.exists():
        text = index.read_text().replace("model-", "pytorch_model-").replace(".safetensors", ".bin")
        (folder / "pytorch_model.bin.index.json").write_text(text)
        index.unlink()


def edit_config(folder, **changes):
    """config.json with other values."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# By the class of CHECKPOINT: writes a tiny checkpoint of a module into a folder and gives the path for `load_model`.
WRITERS = {
    checkpoint.Checkpoint: save_transformer,
    aves.AvesCheckpoint: lambda folder, module: save_aves(folder),
    byol_a_checkpoint.ByolACheckpoint: lambda folder, module: save_byol_a(folder),
    yamnet.YamnetCheckpoint: lambda folder, module: save_yamnet(folder),
    gura.Gura: save_members,
}


def model_path(module, folder):
    """What `load_model` of a module needs as a path, made under `folder`; "" where it needs none."""
    if module in WITHOUT_PATH:
        return ""
    if module == "ensemble":
        return f"hf:{model_path('hubert_base', folder)}+hear_ssl.crepe_tiny"
    if module == "untrained":
        return "hear_ssl.crepe_tiny"
    kind = type(checkpoint_of(module))
    if kind not in WRITERS:
        pytest.fail(
            f"hear_ssl/{module}.py has a CHECKPOINT of class {kind.__name__}, of which the tests cannot make a tiny one: "
            f"write a function (folder, module) -> path in tests/tiny_checkpoints.py and enter it there in WRITERS, as "
            f"{kind.__name__}: that function; or give the class an attribute `packaged` if its weights come with a package"
        )
    folder = folder / module
    folder.mkdir(parents=True, exist_ok=True)
    return str(WRITERS[kind](folder, module))
