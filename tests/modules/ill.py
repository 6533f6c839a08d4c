"""The ills of third-party HEAR modules, each behind an option of load_model: load_model(ill="...")."""

import ctypes
import os
import random
import signal
import sys
import time

import numpy as np
import torch

from good import Good
from good import get_scene_embeddings as scene
from good import get_timestamp_embeddings as timestamps


def load_model(model_file_path="", ill="none", seed=0):
    if ill == "reseeds":
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)
    model = Good(seed)
    model.ill = ill
    model.dropout = torch.nn.Dropout(0.5)
    if ill != "training":
        model.eval()
    if ill == "training_child":
        model.dropout.train()
    if ill == "leaves_traces":
        os.chdir(os.path.dirname(__file__))
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
    if ill == "exits_loading":
        sys.exit("no weights")
    if ill == "sizes":
        model.scene_embedding_size = 24
    if ill == "wants_grad":
        model.weight.requires_grad_(True)
    return model


def get_timestamp_embeddings(audio, model):
    embeddings, times = timestamps(audio, model)
    changes = {
        "seconds": lambda: (embeddings, times / 1000),
        "int64": lambda: (embeddings, times.long()),
        "float64": lambda: (embeddings.double(), times.double()),
        "numpy": lambda: (embeddings.numpy(), times.numpy()),
        "views": lambda: (embeddings.transpose(1, 2).contiguous().transpose(1, 2), times),
        "from_12": lambda: (embeddings, times + 7.5),
        "one_axis": lambda: (embeddings, times[0]),
        "falling": lambda: (embeddings, times.flip(1)),
        "no_tuple": lambda: embeddings,
        "no_frames": lambda: (embeddings[:, :0], times[:, :0]),
        "stretched": lambda: (embeddings, times * (audio.shape[1] / (audio.shape[1] - 160))),
        "gaps": lambda: (embeddings[:, ::10], times[:, ::10]),
        "batch_times": lambda: (embeddings, times + torch.arange(len(times))[:, None]),
    }
    return changes.get(model.ill, lambda: (embeddings, times))()


def get_scene_embeddings(audio, model):
    ill = model.ill
    if ill == "numpy":
        return scene(audio, model).numpy()
    if ill == "float64":
        return scene(audio, model).double()
    if ill in ("training", "training_child"):
        return model.dropout(scene(audio, model))
    if ill == "batch":
        return scene(audio - audio.mean(), model) / audio.std()
    if ill == "sizes":
        return scene(audio, model).repeat(1, 3)
    if ill == "wrong_size":
        return scene(audio, model)[:, :7]
    if ill == "refuses_short" and audio.shape[1] < 4000:
        raise RuntimeError("Kernel size can't be greater than actual input size")
    if ill == "refuses_loud" and audio.abs().max() > 0.9:
        raise ValueError("too loud")
    if ill == "refuses_odd" and audio.shape[1] % 2:
        raise AssertionError("odd")
    if ill == "nan_for_silence":
        return scene(audio, model) / audio.abs().amax(dim=1, keepdim=True)
    if ill == "chatty":
        print("progress: 10 %")
        os.write(1, b"from C\n")
        ctypes.CDLL(None).printf(b"from C, held back\n")
    if ill == "reads_stdin":
        sys.stdin.read()
    if ill == "too_large":
        return scene(audio, model).double() * 1e300
    if ill == "slow":
        time.sleep(0.05)
    if ill == "exits":
        os._exit(3)
    if ill == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if ill == "hangs":
        time.sleep(600)
    if ill == "order":
        model.calls = getattr(model, "calls", 0) + 1
        return scene(audio, model) * model.calls
    return scene(audio, model)
