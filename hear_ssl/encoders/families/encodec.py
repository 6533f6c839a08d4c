"""EnCodec at 24 kHz: latents of a causal codec, 75 per second. The stereo one at 48 kHz is refused.

Frames see all that was before, by an LSTM; of a long recording, the 2.5 s before a window.

Source: Defossez et al. 2022, https://arxiv.org/abs/2210.13438
"""

import importlib
import math
from typing import Any

from hear_ssl.encoders.bounds import Only, Switch, Whole, Wholes, Word
from hear_ssl.encoders.codec import CodecEncoder, check_rate
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.wave_family import RATES


def build(loaded: Loaded) -> CodecEncoder:
    """The encoder around a network.

    Raises:
        ValueError: The processor file is of another sample rate.
    """
    check_rate(loaded)
    return CodecEncoder(loaded, RULES, math.prod(loaded.network.config.upsampling_ratios), pads=False)


def bare(library: Any, config: Any) -> Any:
    """The library's encoder, without quantiser and decoder: audio (n_clips, 1, n_samples) -> latents (n_clips, width, n_frames)."""
    network = importlib.import_module("transformers.models.encodec.modeling_encodec").EncodecEncoder(config)
    network.config = config
    return network


RULES = {
    "sampling_rate": Whole(min=RATES[0], max=RATES[1], unit=" of Hz"),
    "audio_channels": Only(value=1),
    "normalize": Only(value=False),
    "chunk_length_s": Only(value=None),
    "overlap": Only(value=None),
    "hidden_size": Whole(max=16_384),
    "num_filters": Whole(max=1_024),
    "num_residual_layers": Whole(max=32),
    "upsampling_ratios": Wholes(max=64, length=8),
    "norm_type": Only(value="weight_norm"),
    "kernel_size": Whole(max=255),
    "last_kernel_size": Whole(max=255),
    "residual_kernel_size": Whole(max=255),
    "dilation_growth_rate": Whole(max=8),
    "use_causal_conv": Switch(),
    "pad_mode": Word(words=lambda: frozenset({"reflect", "constant", "replicate"})),
    "compress": Whole(max=64),
    "num_lstm_layers": Whole(max=16),
    "use_conv_shortcut": Switch(),
}
FAMILY = Family(
    "encodec",
    "Encodec",
    ("encoder.",),
    RULES,
    build,
    heads=frozenset({"decoder", "quantizer"}),
    processor={
        "sampling_rate": Whole(min=RATES[0], max=RATES[1], unit=" of Hz"),
        "feature_size": Only(value=1),
        "chunk_length_s": Only(value=None),
    },
    layers="",
    network=bare,
)
