"""Ills of a HEAR module's timestamp embeddings, behind an option of load_model: load_model(ill="...")."""

import good
from good import get_scene_embeddings

__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


def load_model(model_file_path="", ill="none"):
    model = good.load_model()
    model.ill = ill
    return model


def get_timestamp_embeddings(audio, model):
    if model.ill == "refuses_short" and audio.shape[1] < 4000:
        raise RuntimeError("Kernel size can't be greater than actual input size")
    frames, times = good.get_timestamp_embeddings(audio, model)
    if model.ill == "mixes":
        frames = frames / audio.std()
    if model.ill == "shifts":
        times = times + 10 * len(audio)
    if model.ill == "drops":
        return frames[:, len(audio) - 1 :], times[:, len(audio) - 1 :]
    if model.ill == "no_frames":
        return frames[:, :0], times[:, :0]
    return frames, times
