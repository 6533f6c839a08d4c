"""Majority, baseline: the same number for every sound, so that a probe learns how frequent classes are.

16 kHz, 1 wide, a frame every 50 ms. Its accuracy is the share of the most frequent training class among the test clips;
its mAP the mean share of positives; its AUC 0.5: a floor under all of them, and one that accuracy on unequal classes
puts far above one in n. There are no weights, so `load_model` takes no path.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.null_baselines import load_majority as load_model

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

FACTS = Facts(
    layers=1,
    width=1,
    parameters=0,
    sample_rate=16_000,
    trained_on="nothing",
)
