"""HuBERT extra large, pre-trained on 60 000 h of read English, 48 layers of 1280.

16 kHz, a frame of 25 ms every 20 ms. Member X of the GURA ensembles (Wu et al. 2022), which feed it raw
audio: give normalize=False to do as they did. 3.9 GB of weights.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/hubert-xlarge-ll60k",
    revision_unknown=NO_COMMIT_KNOWN,
    family="hubert",
    normalize=True,
    licence="Apache-2.0 on the hub; other listings say MIT",
    citation="Hsu et al. 2021, HuBERT, https://arxiv.org/abs/2106.07447",
)
load_model = CHECKPOINT.load_model
