"""The networks that fairseq calls wav2vec2 and hubert in the words of transformers: names of settings and of tensors.

Source: fairseq (facebookresearch/fairseq), models/wav2vec/wav2vec2.py and models/hubert/hubert.py; Wav2Vec2Model and HubertModel of
transformers.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hear_ssl.encoders import hub
from hear_ssl.encoders.bounds import shown

EXTRACTOR_MODES = {"default": "group", "layer_norm": "layer"}
DEFAULT_CONVOLUTIONS = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512, 2, 2)] * 2"
MAX_CONVOLUTIONS = 32
# Tensors of pre-training beside the encoder, by the first word of their names.
HEADS = frozenset(
    {"quantizer", "project_q", "final_proj", "label_embs_concat", "target_glu", "input_quantizer", "mask_channel_emb"}
)
# Whole names first; then the beginning of a name, and what follows a layer's number.
WHOLE = {"mask_emb": "masked_spec_embed"}
BEGINNINGS = {
    "layer_norm.": "feature_projection.layer_norm.",
    "post_extract_proj.": "feature_projection.projection.",
    "encoder.pos_conv.0.": "encoder.pos_conv_embed.conv.",
}
IN_LAYER = {
    "self_attn.": "attention.",
    "self_attn_layer_norm.": "layer_norm.",
    "fc1.": "feed_forward.intermediate_dense.",
    "fc2.": "feed_forward.output_dense.",
}
IN_CONVOLUTION = {"0.": "conv.", "2.": "layer_norm.", "2.1.": "layer_norm."}
# Settings of the network: fairseq's name -> that of transformers.
SAME_VALUES = {
    "encoder_layers": "num_hidden_layers",
    "encoder_embed_dim": "hidden_size",
    "encoder_ffn_embed_dim": "intermediate_size",
    "encoder_attention_heads": "num_attention_heads",
    "layer_norm_first": "do_stable_layer_norm",
}
# What older files leave out, and other values of which make another network.
USUAL = {"pos_conv_depth": 1, "layer_type": "transformer", "conv_pos_batch_norm": False}


def config(settings: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A network's settings under the names of transformers; their bounds are looked at later, as those of any config.json.

    Those of the convolutions are (n_convolutions,) each: channels, kernels and strides, the first kernel and stride in samples.

    Args:
        settings: Of the model, as fairseq has them.
        path: Their file, for messages.

    Raises:
        ValueError: One is missing, or makes a network that transformers does not have.
    """
    wanted = [*SAME_VALUES, "extractor_mode"]
    if missing := [name for name in wanted if settings.get(name) is None]:
        raise ValueError(
            f"{path}: its settings do not say {', '.join(missing)}; take the file as its authors published it, with its settings"
        )
    for name, usual in USUAL.items():
        if settings.get(name) not in (None, usual):
            raise ValueError(f"{path}: {name} is {shown(settings[name])}; networks with {usual!r} are converted")
    mode = settings["extractor_mode"]
    if mode not in EXTRACTOR_MODES:
        raise ValueError(f"{path}: extractor_mode is {shown(mode)}; known are {', '.join(EXTRACTOR_MODES)}")
    channels, kernels, strides = zip(*_convolutions(settings.get("conv_feature_layers"), path), strict=True)
    return {
        **{theirs: settings[name] for name, theirs in SAME_VALUES.items()},
        "hidden_act": settings.get("activation_fn") or "gelu",
        "feat_extract_norm": EXTRACTOR_MODES[mode],
        "conv_dim": channels,
        "conv_kernel": kernels,
        "conv_stride": strides,
        "conv_bias": bool(settings.get("conv_bias", False)),
        "num_conv_pos_embeddings": settings.get("conv_pos", 128),
        "num_conv_pos_embedding_groups": settings.get("conv_pos_groups", 16),
    }


def _convolutions(text: Any, path: Path) -> list[tuple[int, int, int]]:
    """(channels, kernel, stride) of each convolution, from the sum of products of lists that fairseq's setting is.

    Raises:
        ValueError: Something else stands there.
    """
    said = DEFAULT_CONVOLUTIONS if text is None else str(text)
    try:
        found = _listed(ast.parse(said[:10_000], mode="eval").body)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: conv_feature_layers is {shown(text)}; lists such as {DEFAULT_CONVOLUTIONS} are wanted"
        ) from error
    return found


def _listed(node: ast.expr) -> list[tuple[int, int, int]]:
    """The value of a list of triples, a sum of such, or a multiple of one; nothing is evaluated.

    >>> _listed(ast.parse("[(512, 10, 5)] + [(512, 2, 2)] * 2", mode="eval").body)
    [(512, 10, 5), (512, 2, 2), (512, 2, 2)]
    """
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _bounded(_listed(node.left) + _listed(node.right))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        times = ast.literal_eval(node.right)
        if isinstance(times, int) and 0 < times <= MAX_CONVOLUTIONS:
            return _bounded(_listed(node.left) * times)
        raise ValueError("a small number of times is wanted")
    rows = ast.literal_eval(node)
    if not isinstance(rows, list) or not all(
        isinstance(row, (tuple, list)) and len(row) == 3 and all(type(number) is int for number in row) for row in rows
    ):
        raise ValueError("a list of (channels, kernel, stride) is wanted")
    return [(row[0], row[1], row[2]) for row in rows]


def _bounded(rows: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    if len(rows) > MAX_CONVOLUTIONS:
        raise ValueError(f"more than {MAX_CONVOLUTIONS} convolutions")
    return rows


def renamed(tensors: Mapping[str, torch.Tensor], prefix: str, path: Path) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The encoder's tensors, of any shape, under their names in transformers, and the names of those that are left out.

    Args:
        tensors: Of a fairseq file.
        prefix: What the encoder's names begin with; "" where it is the whole network.
        path: That file, for messages.

    Raises:
        ValueError: A tensor is of a part that is not known.
    """
    state: dict[str, torch.Tensor] = {}
    left_out, unknown = [], []
    for name, tensor in tensors.items():
        own = name.removeprefix(prefix)
        if not name.startswith(prefix) or own.partition(".")[0] in HEADS:
            left_out.append(name)
        elif (new := _new_name(own)) is None:
            unknown.append(name)
        else:
            state[new] = tensor
    if unknown:
        raise ValueError(
            f"{path}: {len(unknown)} tensors are of parts that neither wav2vec 2.0 nor HuBERT has, such as {', '.join(unknown[:3])}; "
            "of other networks take the checkpoint on the hub, as hf:ORG/MODEL"
        )
    return state, sorted(left_out)


def _new_name(name: str) -> str | None:
    """The name in transformers of one of the encoder's tensors; None for a part that is not known.

    >>> _new_name("encoder.layers.3.self_attn.k_proj.weight"), _new_name("feature_extractor.conv_layers.0.2.1.bias")
    ('encoder.layers.3.attention.k_proj.weight', 'feature_extractor.conv_layers.0.layer_norm.bias')
    """
    if name in WHOLE:
        return WHOLE[name]
    if match := re.fullmatch(r"(feature_extractor\.conv_layers\.\d+\.)((?:\d+\.)+)(weight|bias)", name):
        part = IN_CONVOLUTION.get(match[2])
        return None if part is None else match[1] + part + match[3]
    if match := re.fullmatch(r"(encoder\.layers\.\d+\.)(.+)", name):
        begin = next((each for each in IN_LAYER if match[2].startswith(each)), "")
        return match[1] + IN_LAYER.get(begin, "") + match[2].removeprefix(begin)
    for begin, theirs in BEGINNINGS.items():
        if name.startswith(begin):
            return hub.todays_name(theirs + name.removeprefix(begin))
    return name if name.startswith("encoder.layer_norm.") else None
