"""HuBERT large and wav2vec 2.0 large, averaged: 1024 wide ("avg xw" of Wu et al. 2022).

16 kHz, a frame of 25 ms every 20 ms, raw audio; see `hear_ssl.encoders.gura` for what the released code does.
X is HuBERT *Large* here, not extra large.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.gura import HUBERT_LARGE, WAV2VEC2, Gura

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Gura((HUBERT_LARGE, WAV2VEC2), merge="average")
FACTS = Facts(
    layers=1,
    width=1024,
    parameters=630_877_440,
    sample_rate=16_000,
    trained_on="what its members were trained on",
)
load_model = CHECKPOINT.load_model
