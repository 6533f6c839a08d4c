"""HuBERT base, pre-trained on 960 h of read English, 12 layers of 768.

16 kHz, a frame of 25 ms every 20 ms. Group norm over the whole clip in the first convolution.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/hubert-base-ls960",
    revision="dba3bb02fda4248b6e082697eee756de8fe8aa8a",
    family="hubert",
    normalize=True,
    licence="Apache-2.0 on the hub; other listings say MIT",
    citation="Hsu et al. 2021, HuBERT, https://arxiv.org/abs/2106.07447",
)
FACTS = Facts(
    layers=12,
    width=768,
    parameters=94_371_712,
    sample_rate=16_000,
    trained_on="960 h of read English",
)
load_model = CHECKPOINT.load_model
