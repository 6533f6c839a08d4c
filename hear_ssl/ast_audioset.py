"""Audio Spectrogram Transformer, trained with the labels of AudioSet (mAP 0.459), 12 layers of 768.

16 kHz, a frame of 175 ms every 100 ms, of windows of 10.24 s. It was taught the names of sounds such as ESC-50's.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="MIT/ast-finetuned-audioset-10-10-0.4593",
    revision_unknown=NO_COMMIT_KNOWN,
    family="audio-spectrogram-transformer",
    licence="BSD-3-Clause",
    citation="Gong et al. 2021, AST, https://arxiv.org/abs/2104.01778",
)
FACTS = Facts(
    layers=12,
    width=768,
    parameters=86_187_264,
    sample_rate=16_000,
    trained_on="AudioSet with its labels, hours unknown",
)
load_model = CHECKPOINT.load_model
