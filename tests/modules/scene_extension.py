"""A HEAR module whose extension gives scene embeddings only, though its model has a number of layers."""

import torch

import good
from good import get_scene_embeddings, get_timestamp_embeddings

__all__ = ["get_clip_embeddings", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


def load_model(model_file_path=""):
    model = good.load_model()
    model.n_layers = 12
    return model


def get_clip_embeddings(clips, model):
    return {"scene": torch.cat([get_scene_embeddings(clip[None], model) for clip in clips])}
