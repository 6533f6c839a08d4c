"""Encoder of Whisper large-v3, trained to transcribe 5 million h of speech (4 of them by its forerunner), 32 layers of 1280.

16 kHz, a frame every 20 ms, of windows of 30 s; shorter clips are padded with silence, as in training.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="openai/whisper-large-v3",
    revision_unknown=NO_COMMIT_KNOWN,
    family="whisper",
    licence="Apache-2.0",
    citation="Radford et al. 2022, Whisper, https://arxiv.org/abs/2212.04356",
)
FACTS = Facts(
    layers=32,
    width=1280,
    sample_rate=16_000,
    trained_on="5 million h of speech, transcribed (4 of them by its forerunner)",
)
load_model = CHECKPOINT.load_model
