"""XLS-R 1B, wav2vec 2.0 on 128 languages, 48 layers of 1280.

16 kHz, a frame of 25 ms every 20 ms. Layer norm after each convolution, last layer followed by the final
layer norm. 3.9 GB of weights.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/wav2vec2-xls-r-1b",
    revision="35eaea9a0ed0f97592277d79208e40ab8917d1e3",
    family="wav2vec2",
    normalize=True,
    licence="Apache-2.0",
    citation="Babu et al. 2021, XLS-R, https://arxiv.org/abs/2111.09296",
)
FACTS = Facts(
    layers=48,
    width=1280,
    parameters=962_497_408,
    sample_rate=16_000,
    trained_on="speech in 128 languages, hours unknown",
    network={
        "num_attention_heads": 16,
        "intermediate_size": 5120,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    },
)
load_model = CHECKPOINT.load_model
