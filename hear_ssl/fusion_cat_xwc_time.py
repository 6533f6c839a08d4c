"""As fusion_cat_xwc, its scenes the means of five parts: 15360 wide ("Fuse Cat H+w+C (time)" of HEAR 2021).

16 kHz, a frame of 25 ms every 20 ms, raw audio; see `hear_ssl.encoders.gura` for what the released code does. The last
frames that do not fill five equal parts are dropped. A clip below 105 ms (1680 samples), on which the released code
fails, is zero-padded to that. Timestamp embeddings, 3072 wide, are those of fusion_cat_xwc.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.gura import CREPE, HUBERT_XLARGE, WAV2VEC2, WIDTH, Gura

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Gura((HUBERT_XLARGE, WAV2VEC2, CREPE), layer="mean", interleave=True, width=WIDTH, time_groups=5)
FACTS = Facts(
    layers=1,
    width=3072,
    parameters=1_291_048_320,
    sample_rate=16_000,
    trained_on="what its members were trained on",
)
load_model = CHECKPOINT.load_model
