"""wav2vec2-BERT (w2v-BERT 2.0): a conformer over Kaldi's 80 mel bands, two frames of 10 ms stacked to one of 20 ms."""

from collections.abc import Mapping
from typing import Any

from hear_ssl.encoders.bounds import Only, Real, Whole, Word, activations, not_dividing
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.stacked_bands import PROCESSOR, STACK, StackedBandsEncoder, refuse_other_bands
from hear_ssl.encoders.wave_family import HEADS


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """Heads divide the width, and a vector is two frames of mel bands."""
    size, found = settings["feature_projection_input_dim"], not_dividing(settings, "num_attention_heads", "hidden_size")
    return found + ([f"feature_projection_input_dim is {size}, no even number"] if size % STACK else [])


def build(loaded: Loaded) -> StackedBandsEncoder:
    """The encoder around a network, with a frame every 20 ms of audio at 16 kHz.

    Raises:
        ValueError: The processor makes other features than the network takes.
    """
    refuse_other_bands(loaded)
    return StackedBandsEncoder(loaded, RULES, loaded.network.config.num_hidden_layers + 1)


RULES = {
    "hidden_size": Whole(max=16_384),
    "num_hidden_layers": Whole(max=512),
    "num_attention_heads": Whole(max=512),
    "intermediate_size": Whole(max=65_536),
    "feature_projection_input_dim": Whole(max=1_024),
    "hidden_act": Word(words=activations),
    "layer_norm_eps": Real(),
    "initializer_range": Real(),
    "mask_time_prob": Real(),
    "mask_feature_prob": Real(),
    "position_embeddings_type": Word(optional=True, words=lambda: frozenset({"relative", "relative_key", "rotary"})),
    "rotary_embedding_base": Only(value=10000),
    "max_source_positions": Whole(max=20_000),
    "left_max_position_embeddings": Whole(max=10_000),
    "right_max_position_embeddings": Whole(max=10_000),
    "conv_depthwise_kernel_size": Whole(max=1_023),
}
FAMILY = Family(
    "wav2vec2-bert",
    "Wav2Vec2Bert",
    ("wav2vec2_bert.",),
    RULES,
    build,
    misfits=misfits,
    refused={"use_intermediate_ffn_before_adapter": "it puts another network behind the encoder"},
    heads=HEADS,
    processor=PROCESSOR,
)
