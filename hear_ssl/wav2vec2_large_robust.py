"""wav2vec 2.0 large, pre-trained on read and telephone English, 24 layers of 1024.

16 kHz, a frame of 25 ms every 20 ms. The "W2V2 L" of ARCH. Layer norm after each convolution, last layer
followed by the final layer norm.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/wav2vec2-large-robust",
    revision_unknown=NO_COMMIT_KNOWN,
    family="wav2vec2",
    normalize=True,
    licence="Apache-2.0",
    citation="Hsu et al. 2021, Robust wav2vec 2.0, https://arxiv.org/abs/2104.01027",
)
FACTS = Facts(
    layers=24,
    width=1024,
    parameters=315_438_720,
    sample_rate=16_000,
    trained_on="read and telephone English, hours unknown",
    network={
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    },
)
load_model = CHECKPOINT.load_model
