"""Modules whose answers hang on more than the clip, each behind an option of load_model: load_model(ill="...")."""

import numpy as np
import torch

import good


def load_model(model_file_path="", ill="none", seed=0):
    model = good.load_model(seed=seed)
    model.ill, model.n_calls, model.statistics = ill, 0, None
    model.dropout = torch.nn.Dropout(0.3)
    model.buffer = np.zeros((64, 8), np.float32)
    return model


def changed(embeddings, model):
    model.n_calls += 1
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
        return embeddings * (1 + 1e-5 * model.n_calls)
    return embeddings


def get_timestamp_embeddings(audio, model):
    frames, times = good.get_timestamp_embeddings(audio, model)
    times = {"seconds": times / 1000, "falling": times.flip(1), "zero": 0 * times, "beyond": 3 * times}.get(
        model.ill, times
    )
    return changed(frames, model), times


def get_scene_embeddings(audio, model):
    scenes = changed(good.get_scene_embeddings(audio, model), model)
    if model.ill == "reused_buffer":
        model.buffer[: len(scenes)] = scenes
        return model.buffer[: len(scenes)]
    return scenes
