"""HuBERT extra large, wav2vec 2.0 large and CREPE, averaged: 1024 wide ("Avg H+w+C" of HEAR 2021).

16 kHz, a frame of 25 ms every 20 ms, raw audio; see `hear_ssl.encoders.gura` for what the released code does.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.gura import CREPE, HUBERT_XLARGE, WAV2VEC2, WIDTH, Gura

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Gura((HUBERT_XLARGE, WAV2VEC2, CREPE), merge="average", width=WIDTH)
FACTS = Facts(
    layers=1,
    width=1024,
    parameters=1_291_048_320,
    sample_rate=16_000,
    trained_on="what its members were trained on",
)
load_model = CHECKPOINT.load_model
