"""Log-mel spectrogram, baseline without training: mean and standard deviation of 64 bands, 128 wide.

16 kHz, 64 bands from 60 to 7800 Hz, frames of 25 ms every 10 ms. What a learned model is worth shows in its
distance from this one. There are no weights, so `load_model` takes no path.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.melspec import load_model

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

FACTS = Facts(
    layers=1,
    width=64,
    parameters=0,
    sample_rate=16_000,
    trained_on="nothing",
)
