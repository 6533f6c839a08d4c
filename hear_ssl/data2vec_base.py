"""data2vec audio base, pre-trained on 960 h of read English, 12 layers of 768.

16 kHz, a frame of 25 ms every 20 ms. Layer norm after each convolution and five stacked positional
convolutions.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/data2vec-audio-base",
    revision_unknown=NO_COMMIT_KNOWN,
    family="data2vec-audio",
    normalize=True,
    licence="Apache-2.0 on the hub; other listings say MIT",
    citation="Baevski et al. 2022, data2vec, https://arxiv.org/abs/2202.03555",
)
FACTS = Facts(
    layers=12,
    width=768,
    parameters=93_164_288,
    sample_rate=16_000,
    trained_on="960 h of read English",
)
load_model = CHECKPOINT.load_model
