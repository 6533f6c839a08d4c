"""A HEAR module that takes `most` samples at once, and says of more what a GPU says; our extension where `clips` is set."""

import torch

import good
from good import get_timestamp_embeddings as _timestamps

KINDS = {
    "torch": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "runtime": lambda: RuntimeError("CUDA error: out of memory"),
    "cpu": lambda: RuntimeError(
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    ),
    "memory": lambda: MemoryError("Unable to allocate 3.2 GiB"),
}


def load_model(model_file_path="", most=10000, kind="torch", clips=False, tf32=False):
    torch.backends.cuda.matmul.allow_tf32 |= tf32
    model = good.load_model()
    model.most, model.kind, model.takes_clips = most, kind, clips
    return model


def refuse(n_samples, model):
    if n_samples > model.most:
        raise KINDS[model.kind]()


def get_timestamp_embeddings(audio, model):
    refuse(audio.numel(), model)
    return _timestamps(audio, model)


def get_scene_embeddings(audio, model):
    refuse(audio.numel(), model)
    return good.get_scene_embeddings(audio, model)


def get_clip_embeddings(clips, model):
    refuse(sum(map(len, clips)), model)
    return {"scene": torch.cat([good.get_scene_embeddings(clip[None], model) for clip in clips])}
