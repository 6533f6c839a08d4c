"""BYOL-A, any checkpoint of it, from a path: version 1 (512, 1024, 2048 wide) or 2 (3072 wide), read from its weights.

16 kHz, log-mel of 64 bands; scenes: maximum plus mean over time; timestamps: 1 s of audio every 50 ms. Takes
`checkpoint.pth` with `stats.csv` beside it, a file of NTT with the option stats (MEAN,STD or data), or what `hear-ssl pretrain byol-a`
wrote. BYOL-S: option stft_window=400.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.byol_a_checkpoint import ByolACheckpoint
from hear_ssl.encoders.facts import Facts

__all__ = [
    "get_clip_embeddings",
    "get_scene_embeddings",
    "get_timestamp_embeddings",
    "load_model",
    "options_from_clips",
]

CHECKPOINT = ByolACheckpoint(
    how_to_get="checkpoint.pth with stats.csv beside it, or a .pth file of NTT and the option stats; or make one: hear-ssl pretrain byol-a FOLDER --out DIR",
    licence="that of the weights you give; NTT's own are for research and evaluation only",
    citation="Niizumi et al. 2021, BYOL for Audio, https://arxiv.org/abs/2103.06695; 2023: https://arxiv.org/abs/2204.07402",
)
FACTS = Facts(
    layers=1,
    sample_rate=16_000,
    trained_on="what the weights that are given were trained on",
)
load_model = CHECKPOINT.load_model
options_from_clips = CHECKPOINT.options_from_clips
