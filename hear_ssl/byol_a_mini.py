"""BYOL-A mini, trained by this package on 0.4 h of free sounds; its weights are inside, nothing is downloaded.

16 kHz, log-mel of 64 bands; scenes: maximum plus mean over time; timestamps: 1 s of audio every 50 ms. For trials
and tests, not for research: see hear_ssl/weights/byol_a_mini.md for data, command, limits and scores.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.byol_a_checkpoint import ByolACheckpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = ByolACheckpoint(
    packaged="byol_a_mini.safetensors",
    licence="CC BY-SA 4.0",
    citation="Niizumi et al. 2023, BYOL for Audio, https://arxiv.org/abs/2204.07402",
    trained_on=dict.fromkeys(("esc10", "esc50", "hear_esc50"), "most clips of ESC-10 in folds 1 to 3, without labels")
    | {"fsdd": "takes 5 to 14 of every digit and speaker, without labels"},
)
FACTS = Facts(
    layers=1,
    width=1536,
    parameters=825_280,
    sample_rate=16_000,
    trained_on="0.4 h of free sounds (hear_ssl/weights/byol_a_mini.md)",
)
load_model = CHECKPOINT.load_model
