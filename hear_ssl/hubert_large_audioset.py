"""HuBERT large, pre-trained on the sounds of AudioSet, 24 layers of 1024.

16 kHz, a frame of 25 ms every 20 ms. Whether it normalises its input is left to the processor file beside the
weights. Layer norm after each convolution, last layer followed by the final layer norm.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="ALM/hubert-large-audioset",
    revision_unknown=NO_COMMIT_KNOWN,
    family="hubert",
    licence="CC-BY-NC-SA-4.0",
    citation="La Quatra et al. 2024, ARCH, https://arxiv.org/abs/2405.00934",
)
FACTS = Facts(
    layers=24,
    width=1024,
    parameters=315_438_720,
    sample_rate=16_000,
    trained_on="the sounds of AudioSet, hours unknown",
    network={
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    },
)
load_model = CHECKPOINT.load_model
