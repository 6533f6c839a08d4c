"""HuBERT extra large, the mean of its 49 hidden states, 1280 wide ("Fuse Hubert" of HEAR 2021).

16 kHz, a frame of 25 ms every 20 ms, raw audio; see `hear_ssl.encoders.gura` for what the released code does.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.gura import HUBERT_XLARGE, Gura

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Gura((HUBERT_XLARGE,), layer="mean")
FACTS = Facts(
    layers=1,
    width=1280,
    parameters=962_497_408,
    sample_rate=16_000,
    trained_on="what its members were trained on",
)
load_model = CHECKPOINT.load_model
