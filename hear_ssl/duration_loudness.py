"""Duration and loudness only, baseline: four numbers, of which a task should not be solvable.

16 kHz, 4 wide: logarithm of the clip's duration, its level, its peak, and the level of frames of 50 ms every 25 ms. A high
score tells that classes were recorded differently. A protocol that cuts and fills clips to one length takes the duration
out, and what it fills in lowers the levels. There are no weights, so `load_model` takes no path.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.loudness import load_model

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

FACTS = Facts(
    layers=1,
    width=4,
    parameters=0,
    sample_rate=16_000,
    trained_on="nothing",
)
