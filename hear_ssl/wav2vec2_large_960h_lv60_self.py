"""wav2vec 2.0 large, self-trained to transcribe LibriSpeech, 24 layers of 1024.

16 kHz, a frame of 25 ms every 20 ms. Member W of the GURA ensembles (Wu et al. 2022), which feed it raw
audio: give normalize=False to do as they did. Only the encoder is loaded, without the letters on top.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/wav2vec2-large-960h-lv60-self",
    revision="54074b1c16f4de6a5ad59affb4caa8f2ea03a119",
    family="wav2vec2",
    normalize=True,
    licence="Apache-2.0",
    citation="Xu et al. 2020, Self-training and pre-training are complementary for speech recognition, https://arxiv.org/abs/2010.11430",
)
FACTS = Facts(
    layers=24,
    width=1024,
    parameters=315_438_720,
    sample_rate=16_000,
    trained_on="read English, then LibriSpeech with its text (self-training); hours unknown",
    network={
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    },
)
load_model = CHECKPOINT.load_model
