"""HuBERT extra large, pre-trained on 60 000 h of read English, 48 layers of 1280.

16 kHz, a frame of 25 ms every 20 ms. Member X of the GURA ensembles (Wu et al. 2022), which feed it raw
audio: give normalize=False to do as they did. 3.9 GB of weights.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/hubert-xlarge-ll60k",
    revision_unknown=NO_COMMIT_KNOWN,
    family="hubert",
    normalize=True,
    licence="Apache-2.0 on the hub; other listings say MIT",
    citation="Hsu et al. 2021, HuBERT, https://arxiv.org/abs/2106.07447",
)
FACTS = Facts(
    layers=48,
    width=1280,
    parameters=962_497_408,
    sample_rate=16_000,
    trained_on="60 000 h of read English",
    network={
        "num_attention_heads": 16,
        "intermediate_size": 5120,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    },
)
load_model = CHECKPOINT.load_model
