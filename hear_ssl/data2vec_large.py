"""data2vec audio large, pre-trained on read English, 24 layers of 1024.

16 kHz, a frame of 25 ms every 20 ms. Layer norm after each convolution and five stacked positional
convolutions.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/data2vec-audio-large",
    revision_unknown=NO_COMMIT_KNOWN,
    family="data2vec-audio",
    normalize=True,
    licence="Apache-2.0 on the hub; other listings say MIT",
    citation="Baevski et al. 2022, data2vec, https://arxiv.org/abs/2202.03555",
)
FACTS = Facts(
    layers=24,
    width=1024,
    parameters=313_276_416,
    sample_rate=16_000,
    trained_on="read English, hours unknown",
    network={"num_attention_heads": 16, "intermediate_size": 4096},
)
load_model = CHECKPOINT.load_model
