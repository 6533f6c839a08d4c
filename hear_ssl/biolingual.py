"""Audio tower of BioLingual, a CLAP trained with captions of animals' sounds (AnimalSpeak), 512 wide.

48 kHz, an embedding for each 10 s, timestamp embeddings every 312.5 ms; shorter clips are repeated.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="davidrrobinson/BioLingual",
    revision_unknown=NO_COMMIT_KNOWN,
    family="clap",
    licence="none stated on its card",
    citation="Robinson et al. 2023, BioLingual, https://arxiv.org/abs/2308.04978",
    trained_on={
        "cbi": "may have heard its recordings with captions: its authors name Xeno-canto, from which this dataset was made",
    },
)
FACTS = Facts(
    width=512,
    sample_rate=48_000,
    trained_on="animals' sounds with captions (AnimalSpeak), hours unknown",
)
load_model = CHECKPOINT.load_model
