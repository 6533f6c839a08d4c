"""BYOL-A of Ogg's domain study, trained on the speech and the non-speech corpora.

16 kHz, log-mel of 64 bands; probably version 1, 2048 wide (the weights tell). Scenes: maximum plus mean over time of the
whole clip. About 10 000 h; needs a path: its folder with checkpoint.pth and stats.csv (see mogg64/byola_domainXfer).
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.byol_a_checkpoint import ByolACheckpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = ByolACheckpoint(
    archive="https://www.dropbox.com/scl/fi/jg1s99561lrt1ty7n5app/checkpoints_all.zip?rlkey=a2d612zxzmhj9rbs21nf59wy0&dl=1",
    licence="Apache-2.0 (that of the repository mogg64/byola_domainXfer; the weights name none of their own)",
    citation="Ogg, Self-Supervised Convolutional Audio Models are Flexible Acoustic Feature Learners; github.com/mogg64/byola_domainXfer",
    trained_on={name: "a superset of FSD50K, without labels" for name in ("fsd50k", "hear_fsd50k")},
)
FACTS = Facts(
    layers=1,
    sample_rate=16_000,
    trained_on="about 10 000 h: speech and non-speech corpora together",
)
load_model = CHECKPOINT.load_model
