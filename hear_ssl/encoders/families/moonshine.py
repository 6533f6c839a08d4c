"""The encoder of Moonshine: convolutions over the waveform and a transformer with rotary positions, 41.7 frames per second.

Its group norm is over all channels and frames of what it sees: a clip, or a window of a long recording.

Source: Jeffries et al. 2024, https://arxiv.org/abs/2410.15608
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from hear_ssl.encoders.bounds import Only, Real, Switch, Whole, Word, activations
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import MARGIN_SECONDS, FeatureEncoder, pad_to, states
from hear_ssl.encoders.frames import Framing, convolution_framing
from hear_ssl.encoders.library_frames import LibraryFraming

SAMPLE_RATE = 16000  # Hz
GRID = convolution_framing((127, 7, 3), (64, 3, 2), SAMPLE_RATE)


class MoonshineEncoder(FeatureEncoder):
    """An encoder around the library's `MoonshineEncoder`."""

    def __init__(self, loaded: Loaded):
        super().__init__(loaded, RULES, SAMPLE_RATE)
        config = self.network.config
        self.width, self.n_layers = config.hidden_size, config.encoder_num_hidden_layers + 1
        self.timestamp_framing = self.scene_framing = LibraryFraming(
            GRID.receptive_field, GRID.hop, SAMPLE_RATE, first_centre=GRID.receptive_field / 2
        )
        self.margin_seconds = MARGIN_SECONDS

    def layers(self, audio: torch.Tensor, stats: Sequence[Any], framing: Framing) -> Iterable[torch.Tensor]:
        """See `EqualLengthsEncoder.layers`."""
        return states(self.network(pad_to(audio, framing.receptive_field), output_hidden_states=True))


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """Heads divide the width, and are divided by the heads of keys."""
    width, heads = settings["hidden_size"], settings["encoder_num_attention_heads"]
    keys = settings["encoder_num_key_value_heads"] or heads
    found = (
        [f"encoder_num_attention_heads is {heads}, which does not divide hidden_size, {width}"] if width % heads else []
    )
    return found + (
        [f"encoder_num_key_value_heads is {keys}, which does not divide {heads} heads"] if heads % keys else []
    )


def build(loaded: Loaded) -> MoonshineEncoder:
    """The encoder around a network."""
    return MoonshineEncoder(loaded)


def bare(library: Any, config: Any) -> Any:
    """The library's encoder without a decoder."""
    return importlib.import_module("transformers.models.moonshine.modeling_moonshine").MoonshineEncoder(config)


RULES = {
    "hidden_size": Whole(max=16_384),
    "intermediate_size": Whole(max=65_536),
    "encoder_num_hidden_layers": Whole(max=512),
    "encoder_num_attention_heads": Whole(max=512),
    "encoder_num_key_value_heads": Whole(max=512, optional=True),
    "pad_head_dim_to_multiple_of": Whole(max=512, optional=True),
    "encoder_hidden_act": Word(words=activations),
    "max_position_embeddings": Whole(max=1_000_000),
    "initializer_range": Real(),
    "rope_parameters": Only(value={"rope_theta": 10000.0, "partial_rotary_factor": 0.9, "rope_type": "default"}),
    "attention_bias": Switch(),
}
FAMILY = Family(
    "moonshine",
    "Moonshine",
    ("model.encoder.", "encoder."),
    RULES,
    build,
    misfits=misfits,
    refused={
        key: "Moonshine runs here with the rotary positions of its paper only" for key in ("rope_scaling", "head_dim")
    },
    fixed={"rope_theta": Only(value=10000.0), "partial_rotary_factor": Only(value=0.9)},
    heads=frozenset({"model.decoder", "decoder", "proj_out"}),
    processor={
        "do_normalize": Only(value=False),
        "sampling_rate": Only(value=SAMPLE_RATE),
        "feature_size": Only(value=1),
    },
    layers=r"layers\.(\d+)\.",
    n_layers="encoder_num_hidden_layers",
    network=bare,
)
