"""Audio tower of LAION's CLAP, trained with captions of 4300 h of sounds (LAION-Audio-630K, Freesound among them), 512 wide.

48 kHz, an embedding for each 10 s, timestamp embeddings every 312.5 ms; shorter clips are repeated.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="laion/clap-htsat-unfused",
    revision_unknown=NO_COMMIT_KNOWN,
    family="clap",
    licence="Apache-2.0",
    citation="Wu et al. 2023, CLAP, https://arxiv.org/abs/2211.06687",
    trained_on=dict.fromkeys(
        ("esc10", "esc50", "hear_esc50", "fsd50k", "hear_fsd50k", "urbansound8k"),
        "may have heard its clips with captions: LAION-Audio-630K comes with all of Freesound or without this dataset, and the "
        "weights do not say which they are of",
    ),
)
FACTS = Facts(
    width=512,
    sample_rate=48_000,
    trained_on="4300 h of sounds with captions (LAION-Audio-630K, Freesound among them)",
)
load_model = CHECKPOINT.load_model
