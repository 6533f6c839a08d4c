"""Any checkpoint of an audio encoder of transformers, by hub id or folder: wav2vec 2.0 and its kin, Whisper, AST, CLAP and more.

`load_model` needs the path. This is the module behind `hf:ORG/MODEL`. The family is that of config.json, one of
`hear_ssl/encoders/families/`; how audio is prepared is read from the processor file beside the weights.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import Checkpoint

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(hub_id="")
load_model = CHECKPOINT.load_model
