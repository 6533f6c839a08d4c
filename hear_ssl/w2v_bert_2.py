"""w2v-BERT 2.0, pre-trained on 4.5 million h of speech in 143 languages, 24 layers of 1024.

16 kHz, a frame of 35 ms every 20 ms, of Kaldi's mel bands, each normalised over the whole clip.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import NO_COMMIT_KNOWN, Checkpoint
from hear_ssl.encoders.facts import Facts

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(
    hub_id="facebook/w2v-bert-2.0",
    revision_unknown=NO_COMMIT_KNOWN,
    family="wav2vec2-bert",
    licence="MIT",
    citation="Seamless Communication et al. 2023, Seamless, https://arxiv.org/abs/2312.05187",
)
FACTS = Facts(
    layers=24,
    width=1024,
    parameters=580_493_120,
    sample_rate=16_000,
    trained_on="4.5 million h of speech in 143 languages",
)
load_model = CHECKPOINT.load_model
