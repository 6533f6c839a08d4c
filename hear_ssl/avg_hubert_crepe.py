"""HuBERT extra large and CREPE, each resized to 1024 and averaged ("avg xc" of Wu et al. 2022).

16 kHz, a frame of 25 ms every 20 ms, raw audio; see `hear_ssl.encoders.gura` for what the released code does.
The paper's caption says HuBERT Large; the code takes extra large.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.facts import Facts
from hear_ssl.encoders.gura import CREPE, HUBERT_XLARGE, WIDTH, Gura

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Gura((HUBERT_XLARGE, CREPE), merge="average", width=WIDTH)
FACTS = Facts(
    layers=1,
    width=1024,
    parameters=975_609_600,
    sample_rate=16_000,
    trained_on="what its members were trained on",
)
load_model = CHECKPOINT.load_model
