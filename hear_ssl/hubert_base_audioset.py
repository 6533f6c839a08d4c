"""HuBERT base, pre-trained on the sounds of AudioSet, 12 layers of 768.

16 kHz, a frame of 25 ms every 20 ms. Whether it normalises its input is left to the processor file beside the
weights. Group norm over the whole clip in the first convolution.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="ALM/hubert-base-audioset",
    revision_unknown=NO_COMMIT_KNOWN,
    family="hubert",
    licence="CC-BY-NC-SA-4.0",
    citation="La Quatra et al. 2024, ARCH, https://arxiv.org/abs/2405.00934",
)
FACTS = Facts(
    layers=12,
    width=768,
    parameters=94_371_712,
    sample_rate=16_000,
    trained_on="the sounds of AudioSet, hours unknown",
)
load_model = CHECKPOINT.load_model
