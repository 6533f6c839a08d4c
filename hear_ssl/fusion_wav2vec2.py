"""wav2vec 2.0 large, the mean of its 25 hidden states, 1024 wide ("Fuse wav2vec2" of HEAR 2021).

16 kHz, a frame of 25 ms every 20 ms, raw audio; see `hear_ssl.encoders.gura` for what the released code does.
The checkpoint is the one that was trained to transcribe.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.gura import WAV2VEC2, Gura

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Gura((WAV2VEC2,), layer="mean")
FACTS = Facts(
    layers=1,
    width=1024,
    parameters=315_438_720,
    sample_rate=16_000,
    trained_on="what its members were trained on",
)
load_model = CHECKPOINT.load_model
