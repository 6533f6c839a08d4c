"""Descript Audio Codec (DAC): latents of a codec that is not causal, 31.25 per second at 16 kHz.

A clip is filled up with zeros to whole frames, as the library does.

Source: Kumar et al. 2023, https://arxiv.org/abs/2306.06546
"""

import importlib
import math
from typing import Any

from hear_ssl.encoders.bounds import Only, Whole, Wholes
from hear_ssl.encoders.codec import CodecEncoder, check_rate
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.wave_family import RATES


def build(loaded: Loaded) -> CodecEncoder:
    """The encoder around a network.

    Raises:
        ValueError: The processor file is of another sample rate or hop.
    """
    check_rate(loaded)
    hop = math.prod(loaded.network.config.downsampling_ratios)
    loaded.hold_processor("hop_length", hop, "downsampling_ratios")
    return CodecEncoder(loaded, RULES, hop, pads=True)


def bare(library: Any, config: Any) -> Any:
    """The library's encoder, without quantiser and decoder: audio (n_clips, 1, n_samples) -> latents (n_clips, width, n_frames)."""
    network = importlib.import_module("transformers.models.dac.modeling_dac").DacEncoder(config)
    network.config = config
    return network


RULES = {
    "sampling_rate": Whole(min=RATES[0], max=RATES[1], unit=" of Hz"),
    "encoder_hidden_size": Whole(max=2_048),
    "downsampling_ratios": Wholes(max=64, length=8),
}
FAMILY = Family(
    "dac",
    "Dac",
    ("encoder.",),
    RULES,
    build,
    heads=frozenset({"decoder", "quantizer"}),
    processor={
        "sampling_rate": Whole(min=RATES[0], max=RATES[1], unit=" of Hz"),
        "hop_length": Whole(max=1_000_000),
        "feature_size": Only(value=1),
    },
    layers="",
    network=bare,
)
