"""HuBERT large, pre-trained on 60 000 h of read English, 24 layers of 1024.

16 kHz, a frame of 25 ms every 20 ms. Layer norm after each convolution, last layer followed by the final
layer norm.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/hubert-large-ll60k",
    revision="ff022d095678a2995f3c49bab18a96a9e553f782",
    family="hubert",
    normalize=True,
    licence="Apache-2.0 on the hub; other listings say MIT",
    citation="Hsu et al. 2021, HuBERT, https://arxiv.org/abs/2106.07447",
)
FACTS = Facts(
    layers=24,
    width=1024,
    parameters=315_438_720,
    sample_rate=16_000,
    trained_on="60 000 h of read English",
    network={
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    },
)
load_model = CHECKPOINT.load_model
