"""Any HEAR modules as one: `MEMBER+MEMBER`, concatenated, averaged or interleaved on one time grid.

The text is the path that `load_model` needs, and what stands behind `ensemble:MEMBER+MEMBER` or
`ensemble:average:MEMBER+MEMBER`. Members are importable modules, .py files, or hf:ORG/MODEL.
"""

from hear_ssl.encoders.api import get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings
from hear_ssl.encoders.ensemble import build, load_model

__all__ = ["build", "get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]
