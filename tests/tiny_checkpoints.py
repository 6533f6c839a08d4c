"""Tiny random checkpoints in the genuine formats, written by the genuine library, one for every module of ours."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import torch

import hear_ssl
from hear_ssl.encoders import aves, byol_a, weights

MODULES = sorted(path.stem for path in Path(hear_ssl.__file__).parent.glob("[a-z]*.py"))
TORCH = [module for module in MODULES if module != "yamnet"]  # that one speaks TensorFlow
WEIGHTLESS = {"chance", "duration_loudness", "majority", "melspec"}
PACKAGED = {"byol_a_mini", "crepe", "crepe_tiny", *WEIGHTLESS}  # need no path: real weights, or none

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
    "wavlm": ("WavLM", {}),
    "wavlm_large": ("WavLM", {**STABLE, "conv_bias": False}),
    "data2vec": ("Data2VecAudio", {"num_conv_pos_embeddings": 5, "conv_pos_kernel_size": 19}),
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


def tiny_network(family):
    """A small random network of a family, built by transformers."""
    name, changes = FAMILIES[family]
    with weights.quiet_transformers() as transformers:
        torch.manual_seed(1)
        config = getattr(transformers, f"{name}Config")(**SMALL, **changes)
        return getattr(transformers, f"{name}Model")(config).eval()


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
            for old, parametrized in aves.WEIGHT_NORM.items():
                new = new.replace(parametrized, old)
        theirs[new] = tensor + 0.01 * torch.randn_like(tensor)
    return theirs


def save_aves(folder, state=None, config=AVES_CONFIG):
    """Both files of a tiny AVES under `folder`; gives the weight file."""
    path = folder / "tiny.torchaudio.pt"
    torch.save(aves_state() if state is None else state, path)
    (folder / "tiny.torchaudio.model_config.json").write_text(json.dumps(config))
    return path


def members_of(module):
    """Names of the modules that a published ensemble is made of; none for other modules."""
    checkpoint = getattr(importlib.import_module(f"hear_ssl.{module}"), "CHECKPOINT", None)
    return [name.removeprefix("hear_ssl.") for name in getattr(checkpoint, "members", ())]


ENSEMBLES = [module for module in MODULES if members_of(module)]


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


def model_path(module, folder):
    """What `load_model` of a module needs as a path, made under `folder`; "" where it needs none."""
    if module in PACKAGED:
        return ""
    if module == "untrained":
        return "hear_ssl.crepe_tiny"
    folder = folder / module
    folder.mkdir(parents=True, exist_ok=True)
    if module == "ensemble":
        return f"hf:{model_path('hubert_base', folder)}+hear_ssl.crepe_tiny"
    if module in ENSEMBLES:
        for member in members_of(module):
            model_path(member, folder)
        return str(folder)
    if "aves" in module:
        return str(save_aves(folder))
    if module == "yamnet":
        return str(save_yamnet(folder))
    if "byol" in module:
        return str(save_byol_a(folder))
    with weights.quiet_transformers():
        tiny_network(family_of(module)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True, "sampling_rate": 16000}))
    return str(folder)
