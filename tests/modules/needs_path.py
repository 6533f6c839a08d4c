"""A HEAR module whose load_model requires its path."""

from good import Good, get_scene_embeddings, get_timestamp_embeddings

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


def load_model(model_file_path):
    if model_file_path not in ("", "weights.pt"):
        raise ValueError(f"{model_file_path}: no such weights")
    return Good().eval()
