"""Eight bands of a spectrum, as a module that stops in the middle of its work, so that it can be killed there.

Where HEAR_TEST_TRACE names a folder, a process that has answered `BEGUN` times leaves a file there, named as the process that
started it, and answers on as soon as there is a file called `go`.
"""

import os
import time
from pathlib import Path

import numpy as np

BEGUN = 16  # answers: more than are asked for before the first clips are embedded
PATIENCE = 120.0  # seconds


class Model:
    sample_rate = 16000
    scene_embedding_size = 8
    timestamp_embedding_size = 8
    input_type = "numpy"
    n_answers = 0


def load_model(weights=""):
    return Model()


def _answer(audio, model):
    model.n_answers += 1
    if model.n_answers >= BEGUN and "HEAR_TEST_TRACE" in os.environ:
        _wait(Path(os.environ["HEAR_TEST_TRACE"]))
    bands = np.array_split(np.abs(np.fft.rfft(np.asarray(audio, np.float64), axis=1)), 8, axis=1)
    return np.stack([np.log1p(band.sum(axis=1)) for band in bands], axis=1).astype(np.float32)


def _wait(trace):
    (trace / str(os.getppid())).touch()
    end = time.monotonic() + PATIENCE
    while not (trace / "go").exists() and time.monotonic() < end:
        time.sleep(0.02)


def get_scene_embeddings(audio, model):
    return _answer(audio, model)


def get_timestamp_embeddings(audio, model):
    frames = _answer(audio, model)[:, None]
    return frames, np.full(frames.shape[:2], 500.0 * np.asarray(audio).shape[1] / model.sample_rate)
