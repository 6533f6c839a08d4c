"""AVES nonbio, HuBERT base pre-trained on 360 h, none chosen for animals, 12 layers of 768.

16 kHz, raw audio, a frame of 25 ms every 20 ms. Group norm over the whole clip in the first convolution.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.aves import AvesCheckpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = AvesCheckpoint(
    stem="ported_aves/aves-base-nonbio",
    licence="MIT",
    citation="Hagiwara 2022, AVES, https://arxiv.org/abs/2210.14493",
    trained_on=dict.fromkeys(("fsd50k", "hear_fsd50k"), "FSD50K, without labels, as its paper says"),
)
FACTS = Facts(
    layers=12,
    width=768,
    parameters=94_370_944,
    sample_rate=16_000,
    trained_on="360 h of sounds, none chosen for animals",
    network={"mask_time_prob": 0.0},
)
load_model = CHECKPOINT.load_model
