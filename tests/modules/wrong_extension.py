"""A HEAR module whose extension gives a tensor instead of a dict of views."""

from good import get_scene_embeddings, get_timestamp_embeddings, load_model

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


def get_clip_embeddings(clips, model):
    return get_scene_embeddings(clips[0][None], model)
