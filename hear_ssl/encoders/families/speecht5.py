"""The speech encoder of SpeechT5: the convolutions of wav2vec 2.0, two kinds of positions, and a transformer with a third.

Its parts are put into the places that wav2vec 2.0 has for them, so that one code keeps padding from real frames. Checkpoints whose
encoder takes text (those that speak) have no such parts and are refused.

Source: Ao et al. 2021, https://arxiv.org/abs/2110.07205
"""

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from hear_ssl.encoders.bounds import Only, Whole
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.transformer import OPTIONS, TransformerEncoder
from hear_ssl.encoders.wave_family import HEADS, PROCESSOR, RULES, misfits, normalization_and_rate

# What wav2vec 2.0 has under these names, and SpeechT5 under others or not at all.
OTHER_NAMES = {
    "num_hidden_layers": "encoder_layers",
    "num_attention_heads": "encoder_attention_heads",
    "intermediate_size": "encoder_ffn_dim",
}


class Layers(torch.nn.Module):
    """What `TransformerEncoder` runs after the convolutions: positions, then the library's encoder.

    Args:
        prenet, encoder: The library's `SpeechT5SpeechEncoderPrenet` and `SpeechT5Encoder`.
    """

    def __init__(self, prenet: Any, encoder: Any):
        super().__init__()
        self.pos_conv_embed = prenet.pos_conv_embed
        self.pos_sinusoidal_embed = prenet.pos_sinusoidal_embed
        self.encoder = encoder

    @property
    def layers(self) -> Any:
        """The transformer's layers."""
        return self.encoder.layers

    def forward(self, hidden: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Any:
        """What the library does with projected frames (batch, n_frames, width); `attention_mask` as of `TransformerEncoder.transform`."""
        hidden = hidden + self.pos_conv_embed(hidden)
        padding = torch.zeros(hidden.shape[:2], dtype=torch.long, device=hidden.device)
        if attention_mask is not None:
            padding = (~attention_mask).long()  # 1, the id of padding
        return self.encoder(hidden + self.pos_sinusoidal_embed(padding), attention_mask=attention_mask)


class Arranged(torch.nn.Module):
    """The library's `SpeechT5EncoderWithSpeechPrenet` under the names of `Wav2Vec2Model`.

    Its parts are called one by one, `encoder` with projected frames (n_clips, n_frames, width).
    """

    def __init__(self, network: Any):
        super().__init__()
        self.config = network.config
        self.feature_extractor = network.prenet.feature_encoder
        self.feature_projection = network.prenet.feature_projection
        self.encoder = Layers(network.prenet, network.wrapped_encoder)


class SpeechT5Encoder(TransformerEncoder):
    """A `TransformerEncoder` around SpeechT5's; sample rate in Hz."""

    def get_extra_state(self) -> dict[str, object]:
        """See `Encoder`."""
        decide = ("encoder_max_relative_position", "max_speech_positions")
        return {**super().get_extra_state(), **{name: repr(getattr(self.network.config, name)) for name in decide}}


def build(loaded: Loaded) -> SpeechT5Encoder:
    """The encoder around a network; a processor file that does not say whether audio is normalised means that it is not.

    Its sample rate is the file's, in Hz, or 16 kHz.
    """
    if loaded.processor is not None:
        loaded = replace(loaded, processor={"do_normalize": False, **loaded.processor})
    return SpeechT5Encoder(Arranged(loaded.network), *normalization_and_rate(loaded))


def bare(library: Any, config: Any) -> Any:
    """The library's encoder with the layers before it that take audio, (n_clips, n_samples), and without a decoder."""
    return importlib.import_module("transformers.models.speecht5.modeling_speecht5").SpeechT5EncoderWithSpeechPrenet(
        config
    )


def own_misfits(settings: Mapping[str, Any]) -> list[str]:
    """As of wav2vec 2.0, by SpeechT5's names."""
    found = misfits({**settings, **{theirs: settings[ours] for theirs, ours in OTHER_NAMES.items()}})
    return [sentence.replace("num_attention_heads", OTHER_NAMES["num_attention_heads"]) for sentence in found]


SHARED = (
    "hidden_size",
    "num_conv_pos_embeddings",
    "num_conv_pos_embedding_groups",
    "conv_dim",
    "conv_kernel",
    "conv_stride",
    "layer_norm_eps",
    "initializer_range",
    "mask_time_prob",
    "mask_feature_prob",
    "conv_bias",
    "hidden_act",
    "feat_extract_activation",
    "feat_extract_norm",
)
FAMILY = Family(
    "speecht5",
    "SpeechT5",
    ("speecht5.encoder.", "encoder."),
    {
        **{key: RULES[key] for key in SHARED},
        **{ours: RULES[theirs] for theirs, ours in OTHER_NAMES.items()},
        "encoder_max_relative_position": Whole(max=100_000),
        "max_speech_positions": Whole(max=1_000_000),
        "pad_token_id": Only(value=1),  # positions are counted from it
    },
    build,
    misfits=own_misfits,
    heads=HEADS | {"speecht5.decoder", "decoder", "text_decoder_postnet", "speech_decoder_postnet"},
    processor=PROCESSOR,
    options=OPTIONS,
    layers=r"wrapped_encoder\.layers\.(\d+)\.",
    n_layers="encoder_layers",
    network=bare,
    attention="eager",
    computed=frozenset({"prenet.pos_sinusoidal_embed.weights"}),
)
