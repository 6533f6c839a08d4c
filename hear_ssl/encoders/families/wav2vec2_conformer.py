"""wav2vec 2.0 with conformer layers: relative, rotary or no positions, and a convolution over time in every layer.

That convolution must find zeros where a clip alone has its edge, as the positional ones of the other families must.
"""

from contextlib import ExitStack

import torch

from hear_ssl.encoders.bounds import Only, Whole, Word
from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.family import Loaded
from hear_ssl.encoders.transformer import OPTIONS, TransformerEncoder
from hear_ssl.encoders.wave_family import normalization_and_rate, wave_family


class ConformerEncoder(TransformerEncoder):
    """A `TransformerEncoder` around a conformer; sample rate in Hz."""

    def get_extra_state(self) -> dict[str, object]:
        """See `Encoder`."""
        config = self.network.config
        decide = ("position_embeddings_type", "rotary_embedding_base")
        return {**super().get_extra_state(), **{name: repr(getattr(config, name)) for name in decide}}

    def transform(self, hidden: torch.Tensor, mask: torch.Tensor | None, on_layer: OnLayer) -> None:
        """See `TransformerEncoder.transform`."""
        encoder = self.network.encoder
        if hasattr(encoder.embed_positions, "cached_sequence_length"):
            encoder.embed_positions.cached_sequence_length = None  # it may lie on another device
        with ExitStack() as hooks:
            for layer in () if mask is None else encoder.layers:
                clear = layer.conv_module.depthwise_conv.register_forward_pre_hook(
                    lambda module, inputs, real=mask: (inputs[0] * real.unsqueeze(1),)
                )
                hooks.callback(clear.remove)
            super().transform(hidden, mask, on_layer)


def build(loaded: Loaded) -> ConformerEncoder:
    """The encoder around a network, at the sample rate of its processor file, in Hz, or at 16 kHz."""
    return ConformerEncoder(loaded.network, *normalization_and_rate(loaded))


FAMILY = wave_family(
    "wav2vec2-conformer",
    "Wav2Vec2Conformer",
    rules={
        "position_embeddings_type": Word(optional=True, words=lambda: frozenset({"relative", "rotary"})),
        "rotary_embedding_base": Only(value=10000),
        "max_source_positions": Whole(max=20_000),
        "conv_depthwise_kernel_size": Whole(max=1_023),
    },
    build=build,
    options=OPTIONS,
)
