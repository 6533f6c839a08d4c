"""BYOL-A of Ogg's domain study, trained on speech corpora (TED-LIUM, LibriSpeech, CHiME-5, VoxCeleb, Common Voice, AMI).

16 kHz, log-mel of 64 bands; probably version 1, 2048 wide (the weights tell). Scenes: maximum plus mean over time of the
whole clip. About 5000 h; needs a path: its folder with checkpoint.pth and stats.csv (see mogg64/byola_domainXfer).
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.byol_a_checkpoint import ByolACheckpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = ByolACheckpoint(
    archive="https://www.dropbox.com/scl/fi/sgk7r4cs38666olllfnei/checkpoints_sp.zip?rlkey=rvzh3sacb1lvwqicydluurcfr&dl=1",
    licence="Apache-2.0 (that of the repository mogg64/byola_domainXfer; the weights name none of their own)",
    citation="Ogg, Self-Supervised Convolutional Audio Models are Flexible Acoustic Feature Learners; github.com/mogg64/byola_domainXfer",
)
FACTS = Facts(
    layers=1,
    sample_rate=16_000,
    trained_on="about 5000 h: TED-LIUM, LibriSpeech, CHiME-5, VoxCeleb, Common Voice, AMI",
)
load_model = CHECKPOINT.load_model
