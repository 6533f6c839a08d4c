"""Modules whose answers hang on more than the clip, each behind an option of load_model: load_model(ill="...")."""

import os

import numpy as np
import torch

import good


def load_model(model_file_path="", ill="none", seed=0, folder=""):
    model = good.load_model(seed=seed)
    model.folder, model.n_clips, model.kept = folder, 0, {}
    if "beside" in ill:
        model.scene_embedding_size = model.timestamp_embedding_size = 9
    model.ill, model.n_calls, model.statistics = ill, 0, None
    model.dropout = torch.nn.Dropout(0.3)
    model.buffer = np.zeros((64, 8), np.float32)
    return model


def changed(embeddings, model):
    model.n_calls += 1
    model.n_clips += len(embeddings)
    if "beside" in model.ill:
        large = 1e6 * torch.ones_like(embeddings[..., :1])
        large = large * embeddings[..., :1] if "energy" in model.ill else large
        return torch.cat([embeddings + 0.1 * model.n_calls, large], dim=-1)
    if model.ill == "large_batches":
        return torch.cat([embeddings[:3], embeddings[3:].flip(0)])
    if model.ill == "caches_by_length":
        return model.kept.setdefault(
            embeddings.shape[1] if embeddings.ndim > 2 else model.length, embeddings[:1]
        ).expand_as(embeddings)
    if model.ill == "busy" and os.path.exists(os.path.join(model.folder, "busy")):
        raise RuntimeError("device busy")
    if model.ill == "counts":
        return embeddings + 0.1 * model.n_calls
    if model.ill == "running_statistics":
        mean = embeddings.mean(dim=tuple(range(embeddings.ndim - 1)))
        model.statistics = mean if model.statistics is None else 0.9 * model.statistics + 0.1 * mean
        return embeddings - model.statistics
    if model.ill == "dropout":
        return torch.nn.functional.dropout(embeddings, 0.3, training=True)
    if model.ill == "mixes":
        return embeddings - embeddings.mean(dim=0, keepdim=True) / 2
    if model.ill == "mixes_neighbours":
        return embeddings + 0.3 * embeddings.roll(1, dims=0)
    if model.ill == "slowly_drifts":
        return embeddings * (1 + 3e-5 * model.n_calls)
    return embeddings


def get_timestamp_embeddings(audio, model):
    frames, times = good.get_timestamp_embeddings(audio, model)
    times = {"seconds": times / 1000, "falling": times.flip(1), "zero": 0 * times, "beyond": 3 * times}.get(
        model.ill, times
    )
    return changed(frames, model), times


def get_scene_embeddings(audio, model):
    model.length = audio.shape[1]
    scenes = changed(good.get_scene_embeddings(audio, model), model)
    if model.ill == "reused_buffer":
        model.buffer[: len(scenes)] = scenes
        return model.buffer[: len(scenes)]
    return scenes
