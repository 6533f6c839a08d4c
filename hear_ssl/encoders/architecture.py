"""The network of a module of ours with random weights, as a HEAR module: as fast as the genuine one, and without its download.

`load_model("hear_ssl.hubert_large")` builds what that file declares (`FACTS`, `CHECKPOINT`), for measuring speed; its embeddings mean
nothing. What training is worth shows in `hear_ssl.untrained`, which draws weights as the authors do.
"""

import importlib
from typing import Any

import torch

from hear_ssl.encoders import engines
from hear_ssl.encoders.api import Model, get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.aves import AvesCheckpoint
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.families import FAMILIES
from hear_ssl.encoders.family import Loaded
from hear_ssl.encoders.network_config import build

__all__ = ["bare_network", "get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

_SCALE = 0.02  # standard deviation of the weights, as transformers are initialised


def bare_network(name: str) -> Any:
    """The network that a module's file declares, on torch's `meta` device, where tensors have a shape and take no memory.

    Args:
        name: Of the module, such as `hear_ssl.hubert_base`.

    Raises:
        ValueError: Its file does not declare a network that can be built from words.
    """
    module = importlib.import_module(name)
    facts, checkpoint = getattr(module, "FACTS", None), getattr(module, "CHECKPOINT", None)
    published = isinstance(checkpoint, Checkpoint | AvesCheckpoint)
    family = checkpoint.family if isinstance(checkpoint, Checkpoint) else "hubert"
    if not (published and isinstance(facts, Facts) and family and facts.layers and facts.width and facts.parameters):
        raise ValueError(
            f"{name}: its file does not say which network it is, so that none can be built without its weights"
        )
    settings = {"hidden_size": facts.width, "num_hidden_layers": facts.layers, **facts.network}
    return build(FAMILIES[family], settings, name)


def load_model(model_file_path: str = "", **options: Any) -> Model:
    """The network of a module with random weights, the same each time, in evaluation mode.

    Its sample rate is the usual one of its kind, 16 kHz for wav2vec 2.0 and its kin.

    Args:
        model_file_path: Name of the module.
        **options: See `hear_ssl.encoders.options.OPTIONS`.

    Raises:
        ValueError: Its network cannot be built without its weights.
    """
    network = bare_network(model_file_path).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.normal_(0, _SCALE, generator=generator) if tensor.dim() > 1 else tensor.fill_(1.0)
    checkpoint = importlib.import_module(model_file_path).CHECKPOINT
    chosen = engines.taken_choices({})
    if isinstance(checkpoint, AvesCheckpoint):
        return Model(engines.build_encoder(network, False, 16_000, chosen), **options)
    loaded = Loaded(network, model_file_path, normalize=bool(checkpoint.normalize), chosen=chosen)
    return Model(FAMILIES[checkpoint.family].build(loaded), **options)
