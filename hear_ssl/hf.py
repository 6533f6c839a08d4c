"""Any wav2vec 2.0, HuBERT, WavLM or data2vec audio checkpoint, by hub id or folder.

`load_model` needs the path. This is the module behind `hf:ORG/MODEL`. Whether audio is normalised is read from
the processor file beside the weights, or given by the option normalize.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.checkpoint import Checkpoint

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]

CHECKPOINT = Checkpoint(hub_id="")
load_model = CHECKPOINT.load_model
