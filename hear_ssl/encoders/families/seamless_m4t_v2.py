"""The speech encoder of SeamlessM4T version 2: attention in chunks, its convolutions see what was before only."""

from hear_ssl.encoders.bounds import Whole, Word
from hear_ssl.encoders.seamless import seamless_family

FAMILY = seamless_family(
    "seamless_m4t_v2",
    "SeamlessM4Tv2",
    {
        "position_embeddings_type": Word(words=lambda: frozenset({"relative_key"})),
        "left_max_position_embeddings": Whole(max=10_000),
        "right_max_position_embeddings": Whole(max=10_000),
        "speech_encoder_chunk_size": Whole(max=1_000_000, optional=True),
        "speech_encoder_left_chunk_num": Whole(min=-1, max=1_000_000),
    },
)
