"""Untrained, baseline: the same network as any torch HEAR module, with every weight drawn anew.

`load_model` needs the module's name as its path; this is what stands behind `untrained:MODULE`. What training is worth
shows in the distance between a module and its untrained copy. How weights are drawn: hear_ssl/encoders/untrained.py.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.untrained import load_model

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]
