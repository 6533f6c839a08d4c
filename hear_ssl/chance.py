"""Chance, baseline: 64 numbers of noise that differ between sounds but mean nothing.

16 kHz, 64 wide, a frame every 50 ms. The same sound always gets the same noise, so a probe can learn the training clips by
heart; on others it guesses. Above `hear_ssl.majority`'s score it shows what a probe of this size gains by luck (or by
clips that stand on both sides of a split); for mAP, AUC, F1 of events and nearest neighbours it is the floor.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.null_baselines import load_chance as load_model

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

FACTS = Facts(
    layers=1,
    width=64,
    parameters=0,
    sample_rate=16_000,
    trained_on="nothing",
)
