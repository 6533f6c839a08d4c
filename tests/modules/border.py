"""Modules that misbehave at the border, each behind an option of load_model: load_model(ill="..."); numpy only, so that it starts fast.

`ill="none"` is the well-behaved one: log energies of 8 bands, every 25 ms at 16 kHz.
"""

import ctypes
import os
import signal
import sys
import time

import numpy as np

HOP = 400
BUFFER = np.zeros((64, 8), np.float32)
FRAMES = np.zeros((64, 400, 8), np.float32)


class Model:
    sample_rate = 16000
    scene_embedding_size = 8
    timestamp_embedding_size = 8

    def __init__(self, ill, after):
        self.ill, self.after, self.calls = ill, after, 0


class Unheard(BaseException):
    """No Exception, as some libraries use for their own ends."""


class Mute(Exception):
    """An exception that cannot even say what it is."""

    def __str__(self):
        raise ValueError("no words")


def load_model(model_file_path="", ill="none", after=0):
    model = Model(ill, after)
    if ill == "nan_rate":
        model.sample_rate = float("nan")
    if ill == "endless_rate":
        model.sample_rate = float("inf")
    if ill == "text_rate":
        model.sample_rate = "16000"
    if ill == "nan_size":
        model.scene_embedding_size = float("nan")
    if ill == "loads_for_ever":
        time.sleep(600)
    if ill == "odd_rate":
        model.sample_rate = 256000
    if ill == "no_frame_size":
        model.timestamp_embedding_size = None
    return model


def bands(audio):
    audio = np.pad(audio, ((0, 0), (0, max(0, HOP - audio.shape[1]))))
    audio = audio[:, : audio.shape[1] // HOP * HOP]
    spectrum = np.abs(np.fft.rfft(audio.reshape(len(audio), -1, HOP))[..., :200])
    return np.log1p(spectrum.reshape(len(audio), -1, 8, 25).mean(axis=-1)).astype(np.float32)


def get_timestamp_embeddings(audio, model):
    frames = bands(audio)
    n_frames = frames.shape[1]
    times = 1000 * np.minimum(HOP * (np.arange(n_frames) + 0.5), audio.shape[1]) / model.sample_rate
    times = np.repeat(times[None], len(audio), axis=0)
    if model.ill == "numpy_buffer":
        FRAMES[: len(frames), :n_frames] = frames
        return FRAMES[: len(frames), :n_frames], times
    if model.ill == "state_in_frames":
        model.calls += 1
        return frames + 0.1 * model.calls, times
    changes = {
        "times_zero": 0.0 * times,
        "times_beyond": times + 500.0,
        "times_seconds": times / 1000,
        "times_falling": times[:, ::-1],
    }
    return frames, changes.get(model.ill, times)


def get_scene_embeddings(audio, model):
    scene = bands(audio).mean(axis=1)
    model.calls += 1
    return ILLS[model.ill](scene, audio, model) if model.ill in ILLS and model.calls > model.after else scene


def once(scene, audio, model):
    if model.calls == model.after + 1:
        raise RuntimeError("device busy for the moment")
    return scene


def buffer(scene, audio, model):
    BUFFER[: len(scene)] = scene
    return BUFFER[: len(scene)]


def raises(error, *words):
    def ill(scene, audio, model):
        raise error(*words)

    return ill


def closes_streams(scene, audio, model):
    os.close(1)
    os.close(2)
    return scene


def forks(scene, audio, model):
    os.fork()  # and both come back
    return scene


def forks_and_dies(scene, audio, model):
    if os.fork() == 0:
        time.sleep(20)
        os._exit(0)
    os._exit(5)


def chatters(scene, audio, model):
    for _ in range(2000):
        print("progress " * 200)
        sys.stderr.write("warning " * 20)
    os.write(1, b"from C\n" * 1000)
    return scene


def reads(scene, audio, model):
    assert sys.stdin.read() == "" and os.read(0, 10) == b""
    return scene


def wants_three_seconds(scene, audio, model):
    if audio.shape[1] != 48000:
        raise ValueError("a window of 48000 samples is wanted")
    return scene


ILLS = {
    "once": once,
    "buffer": buffer,
    "numpy_buffer": buffer,
    "stateful": lambda scene, audio, model: scene + np.float32(0.1 * model.calls),
    "base_exception": raises(Unheard, "out of band"),
    "memory": raises(MemoryError),
    "leaves": raises(SystemExit, 0),
    "interrupts": raises(KeyboardInterrupt),
    "mute": raises(Mute),
    "stops": raises(StopIteration),
    "tuple": lambda scene, audio, model: (scene, scene),
    "none_at_all": lambda scene, audio, model: None,
    "ragged": lambda scene, audio, model: [[1.0, 2.0], [3.0]],
    "text": lambda scene, audio, model: np.array([["a"] * 8] * len(scene)),
    "nan": lambda scene, audio, model: scene * np.nan,
    "list": lambda scene, audio, model: scene.tolist(),
    "exits_0": lambda scene, audio, model: os._exit(0),
    "exits_3": lambda scene, audio, model: os._exit(3),
    "kills_itself": lambda scene, audio, model: os.kill(os.getpid(), signal.SIGKILL),
    "segfaults": lambda scene, audio, model: ctypes.string_at(0),
    "sleeps": lambda scene, audio, model: time.sleep(600),
    "stops_itself": lambda scene, audio, model: os.kill(os.getpid(), signal.SIGSTOP),
    "closes_streams": closes_streams,
    "closes_all": lambda scene, audio, model: os.closerange(0, 256),
    "forks": forks,
    "forks_and_dies": forks_and_dies,
    "chatters": chatters,
    "reads": reads,
    "wants_three_seconds": wants_three_seconds,
    "nan_for_loud": lambda scene, audio, model: scene * np.where(np.abs(audio).max(axis=1) > 0.9, np.nan, 1)[:, None],
}
