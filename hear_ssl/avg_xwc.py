"""HuBERT extra large, wav2vec 2.0 large and CREPE, averaged: 1024 wide ("Avg H+w+C" of HEAR 2021).

16 kHz, a frame of 25 ms every 20 ms, raw audio; see `hear_ssl.encoders.gura` for what the released code does.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.gura import CREPE, HUBERT_XLARGE, WAV2VEC2, WIDTH, Gura

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Gura((HUBERT_XLARGE, WAV2VEC2, CREPE), merge="average", width=WIDTH)
load_model = CHECKPOINT.load_model
