"""The speech encoder of SeamlessM4T: conformer layers over stacked mel bands, relative positions, convolutions to both sides."""

from hear_ssl.encoders.bounds import Only, Whole, Word
from hear_ssl.encoders.seamless import seamless_family

FAMILY = seamless_family(
    "seamless_m4t",
    "SeamlessM4T",
    {
        "position_embeddings_type": Word(words=lambda: frozenset({"relative", "rotary"})),
        "rotary_embedding_base": Only(value=10000),
        "max_source_positions": Whole(max=20_000),
    },
)
