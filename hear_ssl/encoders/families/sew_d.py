"""SEW-D: SEW with the disentangled attention of DeBERTa."""

from hear_ssl.encoders.bounds import Real, Switch, Whole, Word, Words
from hear_ssl.encoders.squeezed import build
from hear_ssl.encoders.transformer import OPTIONS
from hear_ssl.encoders.wave_family import wave_family

# Read by the library where config.json has them, and in no published checkpoint.
UNUSUAL = ("attention_head_size", "max_relative_positions", "conv_kernel_size", "conv_groups")

FAMILY = wave_family(
    "sew-d",
    "SEWD",
    attention="eager",
    rules={
        "squeeze_factor": Whole(max=64),
        "max_position_embeddings": Whole(max=100_000),
        "position_buckets": Whole(max=10_000),
        "share_att_key": Switch(),
        "relative_attention": Switch(),
        "pos_att_type": Words(words=lambda: frozenset({"p2c", "c2p"})),
        "norm_rel_ebd": Word(words=lambda: frozenset({"none", "layer_norm"})),
        "feature_layer_norm_eps": Real(),
    },
    refused={key: "SEW-D is run here without it only" for key in UNUSUAL},
    layers=r"encoder\.encoder\.layer\.(\d+)\.",
    build=build,
    options=OPTIONS,
)
