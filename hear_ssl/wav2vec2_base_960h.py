"""wav2vec 2.0 base, fine-tuned to transcribe on 960 h of LibriSpeech, 12 layers of 768.

16 kHz, a frame of 25 ms every 20 ms. Only the encoder is loaded, without the letters on top. Group norm over
the whole clip in the first convolution.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/wav2vec2-base-960h",
    revision="22aad52d435eb6dbaf354bdad9b0da84ce7d6156",
    family="wav2vec2",
    normalize=True,
    licence="Apache-2.0",
    citation="Baevski et al. 2020, wav2vec 2.0, https://arxiv.org/abs/2006.11477",
)
FACTS = Facts(
    layers=12,
    width=768,
    parameters=94_371_712,
    sample_rate=16_000,
    trained_on="960 h of LibriSpeech, then the same with its text",
)
load_model = CHECKPOINT.load_model
