"""WavLM large, pre-trained on 94 000 h of English speech, 24 layers of 1024.

16 kHz, a frame of 25 ms every 20 ms. Layer norm after each convolution, last layer followed by the final
layer norm.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="microsoft/wavlm-large",
    revision="c1423ed94bb01d80a3f5ce5bc39f6026a0f4828c",
    family="wavlm",
    normalize=True,
    licence="MIT in other listings; none stated on the hub",
    citation="Chen et al. 2022, WavLM, https://arxiv.org/abs/2110.13900",
)
FACTS = Facts(
    layers=24,
    width=1024,
    parameters=315_453_120,
    sample_rate=16_000,
    trained_on="94 000 h of English speech",
    network={
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
    },
)
load_model = CHECKPOINT.load_model
