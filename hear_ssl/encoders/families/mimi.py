"""Mimi: latents of a causal codec with a transformer in its encoder, 12.5 per second.

Frames see what was before: of a long recording, the 2.5 s before a window, and in a clip as far as the transformer's window.

Source: Defossez et al. 2024, Moshi, https://arxiv.org/abs/2410.00037
"""

import importlib
import math
from functools import partial
from typing import Any

import torch

from hear_ssl.encoders.bounds import Only, Real, Switch, Whole, Wholes, Word, activations, not_dividing
from hear_ssl.encoders.codec import CodecEncoder, check_rate
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.wave_family import RATES

SQUEEZE = 2  # frames of the transformer in a latent
ROTARY = {"rope_theta": 10000.0, "rope_type": "default"}


class MimiHalf(torch.nn.Module):
    """The half of the codec that encodes, of the library's parts, under the names that they have in published files."""

    def __init__(self, config: Any):
        super().__init__()
        library = importlib.import_module("transformers.models.mimi.modeling_mimi")
        self.config = config
        self.encoder = library.MimiEncoder(config)
        self.encoder_transformer = library.MimiTransformerModel(config)
        width = config.hidden_size
        self.downsample = library.MimiConv1d(
            config, width, width, kernel_size=2 * SQUEEZE, stride=SQUEEZE, bias=False, pad_mode="replicate"
        )

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """(batch, 1, samples) -> (batch, width, n_frames)."""
        hidden = self.encoder_transformer(self.encoder(audio).transpose(1, 2), use_cache=False).last_hidden_state
        latents: torch.Tensor = self.downsample(hidden.transpose(1, 2))
        return latents


def build(loaded: Loaded) -> CodecEncoder:
    """The encoder around a network.

    Raises:
        ValueError: The processor file is of another sample rate.
    """
    check_rate(loaded)
    return CodecEncoder(loaded, RULES, SQUEEZE * math.prod(loaded.network.config.upsampling_ratios), pads=False)


def bare(library: Any, config: Any) -> Any:
    """The half that encodes, without quantiser and decoder: audio (n_clips, 1, n_samples) -> latents (n_clips, width, n_frames)."""
    return MimiHalf(config)


def rename(name: str) -> str:
    """Names of transformers 5.24, which put both halves into models of their own, as those of published files."""
    name = name.removeprefix("encoder.") if name.startswith(("encoder.encoder_", "encoder.downsample.")) else name
    return name.replace("encoder_seanet.", "encoder.", 1)


RULES = {
    "sampling_rate": Whole(min=RATES[0], max=RATES[1], unit=" of Hz"),
    "audio_channels": Only(value=1),
    "hidden_size": Whole(max=16_384),
    "num_filters": Whole(max=1_024),
    "num_residual_layers": Whole(max=32),
    "upsampling_ratios": Wholes(max=64, length=8),
    "kernel_size": Whole(max=255),
    "last_kernel_size": Whole(max=255),
    "residual_kernel_size": Whole(max=255),
    "dilation_growth_rate": Whole(max=8),
    "use_causal_conv": Only(value=True),
    "pad_mode": Word(words=lambda: frozenset({"reflect", "constant", "replicate"})),
    "compress": Whole(max=64),
    "use_conv_shortcut": Switch(),
    "num_hidden_layers": Whole(max=512),
    "intermediate_size": Whole(max=65_536),
    "num_attention_heads": Whole(max=512),
    "num_key_value_heads": Whole(max=512),
    "head_dim": Whole(max=4_096),
    "hidden_act": Word(words=activations),
    "max_position_embeddings": Whole(max=1_000_000),
    "initializer_range": Real(),
    "norm_eps": Real(),
    "rope_parameters": Only(value=ROTARY),
    "sliding_window": Whole(max=1_000_000),
    "layer_scale_initial_scale": Real(max=100),
    "attention_bias": Switch(),
}
FAMILY = Family(
    "mimi",
    "Mimi",
    (),
    RULES,
    build,
    misfits=partial(not_dividing, part="num_key_value_heads", whole="num_attention_heads"),
    fixed={
        key: Only(optional=True, value=value)
        for key, value in {**ROTARY, "frame_rate": 12.5, "_frame_rate": 12.5}.items()
    },
    heads=frozenset({"decoder", "decoder_transformer", "upsample", "quantizer"}),
    processor={
        "sampling_rate": Whole(min=RATES[0], max=RATES[1], unit=" of Hz"),
        "feature_size": Only(value=1),
        "chunk_length_s": Only(value=None),
    },
    layers="",
    network=bare,
)
