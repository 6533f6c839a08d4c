"""WavLM base, fine-tuned to transcribe on 100 h of LibriSpeech, 12 layers of 768.

16 kHz, a frame of 25 ms every 20 ms. Whether it normalises its input is left to the processor file beside the
weights. Only the encoder is loaded, without the letters on top.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="patrickvonplaten/wavlm-libri-clean-100h-base",
    revision_unknown=NO_COMMIT_KNOWN,
    family="wavlm",
    licence="not known: look at its hub page",
    citation="Chen et al. 2022, WavLM, https://arxiv.org/abs/2110.13900",
)
FACTS = Facts(
    layers=12,
    width=768,
    parameters=94_381_936,
    sample_rate=16_000,
    trained_on="960 h of read English, then 100 h of LibriSpeech with its text",
)
load_model = CHECKPOINT.load_model
