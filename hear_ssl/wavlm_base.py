"""WavLM base, pre-trained on 960 h of read English, 12 layers of 768.

16 kHz, a frame of 25 ms every 20 ms. Takes raw audio, unlike its siblings. Group norm over the whole clip in
the first convolution.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="microsoft/wavlm-base",
    revision="efa81aae7ff777e464159e0f877d54eac5b84f81",
    family="wavlm",
    normalize=False,
    licence="MIT in other listings; none stated on the hub",
    citation="Chen et al. 2022, WavLM, https://arxiv.org/abs/2110.13900",
)
FACTS = Facts(
    layers=12,
    width=768,
    parameters=94_381_936,
    sample_rate=16_000,
    trained_on="960 h of read English",
)
load_model = CHECKPOINT.load_model
