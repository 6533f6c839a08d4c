"""wav2vec 2.0 large and CREPE, interleaved: 2048 wide ("cat wc" of Wu et al. 2022).

16 kHz, a frame of 25 ms every 20 ms, raw audio; see `hear_ssl.encoders.gura` for what the released code does.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.gura import CREPE, WAV2VEC2, WIDTH, Gura

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Gura((WAV2VEC2, CREPE), interleave=True, width=WIDTH)
FACTS = Facts(
    layers=1,
    width=2048,
    parameters=328_550_912,
    sample_rate=16_000,
    trained_on="what its members were trained on",
)
load_model = CHECKPOINT.load_model
