"""A network of another package as a HEAR module, whichever package it is: `birdnet:2.4`, `perch:v2`, `avex:NAME`, ...

Each package has a file in `hubs/`. This file and those need Python 3.8 or later, numpy and the package, and nothing else of
ours: they run in the package's own interpreter (`hear-eval run birdnet: --python ENV`) as well as in ours.

A file in `hubs/` holds, in literals that are read without running it, `FACTS = dict(...)`, `MODELS` (names; a single one is meant
where none is given), `PYTHON` (the oldest and newest version that has the packages) and `INSTALL` (arguments of pip, a line a step). Its
function `load(name, weights, **options)` gives a network:

| attribute | is |
|---|---|
| `sample_rate`, `width` | in Hz; numbers in a vector |
| `window`, `fixed` | how many samples it takes at once: exactly so many, or at most |
| `vectors(audio)` | (n, samples) float32 in [-1, 1] -> (n, width): one vector for each |
| `frames(audio)`, `centres(n_samples)` | (n, samples) -> (n, n_frames, width), and the frames' centres in ms from the first sample, (n_frames,) |
| `pads` | "end" (default) or "both": where zeros go if a clip is shorter than a fixed window |
| `shortest` | fewest samples that it takes where it is not `fixed` (default 1) |
| `licence`, `trained_on`, `files`, `state_dict` | of the weights, where known: words; dataset -> what of it was heard; paths; tensors |

It has `vectors`, or `frames` and `centres`, or all three. How recordings are cut for it is one rule:

* **Scenes** of a fixed network: windows follow each other every `hop_seconds` (default: a window), and the last one ends with the clip
  (`tail=shift`) or is filled up with zeros (`tail=pad`). The scene is their mean, in which every sample of the clip counts once,
  shared by the windows that hold it; zeros count for nothing, but in so far as the network hears them.
* **Timestamps** of a fixed network with one vector a window: a window around every `frame_hop_seconds` (default 0.5), with zeros
  outside the clip. With frames of its own: those of windows side by side whose centre lies inside the clip.
* A network that is not fixed hears a clip whole, or in the fewest stretches of equal length that it takes.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from typing import Any, Iterator

import numpy as np

input_type = "numpy"

HUBS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hubs")
OPTIONS = ("hop_seconds", "tail", "frame_hop_seconds")
TAILS = ("shift", "pad")
BATCH = 16  # windows that a network is given at once


def load_model(model_file_path: str = "", bridge: str = "", **options: Any) -> Model:
    """A network of another package, with its sample rate in Hz and its embeddings' width.

    Args:
        model_file_path: Weights, where the bridge takes a file; or the bridge, if that is left out.
        bridge: `birdnet:2.4`, or `birdnet:` if it has one network only.
        **options: `hop_seconds` and `frame_hop_seconds` in seconds, `tail` ("shift" or "pad"; see above); others are the bridge's own.

    Raises:
        ValueError: No such bridge, network, option or value, or weights that do not fit.
        FileNotFoundError: The weights are not there.
        ImportError: The package is not, or does not work here.
    """
    if not bridge:
        bridge, model_file_path = str(model_file_path), ""
    kind, _, name = bridge.partition(":")
    if kind not in kinds():
        raise ValueError(f"{bridge!r} names no bridge; known are {', '.join(f'{each}:' for each in kinds())}")
    windows = Windows(**{key: options.pop(key) for key in OPTIONS if key in options})
    hub = _hub(kind)
    globals()[f"hub_{kind}"] = hub  # a name of this module's: embeddings are stored by the code of all that it has
    known = [each for each in inspect.signature(hub.load).parameters if each not in ("name", "weights")]
    for option in options:
        if option not in known:
            raise ValueError(f"option {option}={options[option]!r}: {kind}: takes {', '.join([*OPTIONS, *known])}")
    if not name and len(hub.MODELS) != 1:
        raise ValueError(f"{kind}: say which network, as in {kind}:{(*hub.MODELS, 'NAME')[0]}")
    return Model(hub.load(name or hub.MODELS[0], str(model_file_path), **options), windows)


def kinds() -> list[str]:
    """What stands before the colon: the files in `hubs/`."""
    return sorted(name[:-3] for name in os.listdir(HUBS) if name.endswith(".py") and not name.startswith("_"))


def _hub(kind: str) -> Any:
    """The file of a package, under a name that no package has: `birdnet.py` must not become everybody's `birdnet`."""
    name = f"hear_ssl_bridge_to_{kind}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, os.path.join(HUBS, f"{kind}.py"))
        if spec is None or spec.loader is None:
            raise ImportError(f"{kind}: its file cannot be read")
        hub = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(hub)
        sys.modules[name] = hub
    return sys.modules[name]


def get_scene_embeddings(audio: Any, model: Model) -> np.ndarray:
    """One vector a clip, (n_clips, width), float32; audio is (n_clips, n_samples), float32 in [-1, 1] at the model's rate.

    Raises:
        ValueError: Not such audio.
    """
    return np.stack([model.scene(clip) for clip in _checked(audio)])


def get_timestamp_embeddings(audio: Any, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n_clips, n_frames, width), float32, and their centres in ms, (n_clips, n_frames), float64; audio as for scenes.

    Raises:
        ValueError: Not such audio.
    """
    pairs = [model.timestamps(clip) for clip in _checked(audio)]
    return np.stack([frames for frames, _ in pairs]), np.stack([centres for _, centres in pairs])


def _checked(audio: Any) -> np.ndarray:
    """Audio as an array of numpy, (n_clips, n_samples), float32.

    Raises:
        ValueError: It has other axes, or no clip or sample.
    """
    clips = np.asarray(audio, np.float32)
    if clips.ndim != 2 or not clips.size:
        raise ValueError(f"audio of shape {clips.shape}: (n_clips, n_samples) is wanted, at least one of each")
    return clips


class Windows:
    """How clips are cut for a network of fixed length: the rule in the first lines of this file; lengths in samples, options in seconds.

    Raises:
        ValueError: An option has no such value.
    """

    def __init__(self, hop_seconds: Any = None, tail: str = "shift", frame_hop_seconds: Any = 0.5):
        for name, value in (("hop_seconds", hop_seconds), ("frame_hop_seconds", frame_hop_seconds)):
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")
            if not is_number and not (name == "hop_seconds" and value is None):
                raise ValueError(f"option {name}={value!r}: a number of seconds above 0 is wanted")
        if tail not in TAILS:
            raise ValueError(f"option tail={tail!r}: known are {', '.join(TAILS)}")
        self.hop_seconds, self.tail, self.frame_hop_seconds = hop_seconds, tail, frame_hop_seconds

    def of_scene(self, n_samples: int, window: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
        """Where windows begin, and how many samples of the clip each counts for, both (n_windows,).

        Raises:
            ValueError: Windows so far apart would leave audio out.
        """
        hop = window if self.hop_seconds is None else max(1, round(self.hop_seconds * sample_rate))
        if hop > window:
            raise ValueError(
                f"option hop_seconds={self.hop_seconds!r}: at most {window / sample_rate:g}, a window, is possible"
            )
        starts = np.arange(0, max(1, n_samples - window + 1), hop)
        if starts[-1] + window < n_samples:
            starts = np.append(starts, n_samples - window if self.tail == "shift" else starts[-1] + hop)
        ends = np.minimum(starts + window, n_samples)
        edges = np.unique(np.concatenate([starts, ends]))
        covers = np.searchsorted(starts, edges[:-1], side="right") - np.searchsorted(ends, edges[:-1], side="right")
        shares = np.concatenate([[0.0], np.cumsum(np.diff(edges) / covers)])
        return starts, shares[np.searchsorted(edges, ends)] - shares[np.searchsorted(edges, starts)]

    def around_frames(self, n_samples: int, window: int, sample_rate: int) -> np.ndarray:
        """Where windows begin whose centres lie evenly inside the clip, (n_frames,); the first ones begin before it."""
        hop = max(1, round(self.frame_hop_seconds * sample_rate))
        n_frames = int(np.ceil((n_samples - hop / 2) / hop))
        if n_frames < 1:
            return np.array([(n_samples - window) // 2])
        return (hop - window) // 2 + hop * np.arange(n_frames)


class Model:
    """A network behind the HEAR API.

    Args:
        network: What the `load` of a file in `hubs/` gave.
        windows: How clips are cut for it.
    """

    def __init__(self, network: Any, windows: Windows):
        self.network, self.windows = network, windows
        self.sample_rate, self.width = int(network.sample_rate), int(network.width)
        self.scene_embedding_size = self.timestamp_embedding_size = self.width
        self.licence = str(getattr(network, "licence", ""))
        self.trained_on = dict(getattr(network, "trained_on", {}))
        self.read_from = [os.path.abspath(path) for path in getattr(network, "files", ())]
        if hasattr(network, "state_dict"):
            self.state_dict = network.state_dict
        if network.fixed:
            windows.of_scene(1, network.window, self.sample_rate)  # refuses what cannot be

    def scene(self, clip: np.ndarray) -> np.ndarray:
        """The vector (width,) of a clip (n_samples,)."""
        window = self.network.window
        if not self.network.fixed:
            pieces = self.stretches(clip)
            vectors = [self.vectors(piece[None], np.array([[0, min(len(piece), len(clip))]]))[0] for piece in pieces]
            weights = np.array([len(piece) for piece in pieces], float)
        else:
            starts, weights = self.windows.of_scene(len(clip), window, self.sample_rate)
            if len(clip) < window and getattr(self.network, "pads", "end") == "both":
                starts = np.array([(len(clip) - window) // 2])
            vectors = [row for batch in _windows(clip, starts, window) for row in self.vectors(*batch)]
        return np.average(np.asarray(vectors, np.float64), axis=0, weights=weights).astype(np.float32)

    def vectors(self, audio: np.ndarray, real: np.ndarray | None = None) -> np.ndarray:
        """One vector for each of (n, samples); `real` is the first sample of each that is the clip's, and the one behind the last, (n, 2)."""
        if hasattr(self.network, "vectors"):
            return self._of_width(self.network.vectors(audio))
        frames = self._of_width(self.network.frames(audio))
        samples = np.asarray(self.network.centres(audio.shape[1])) * self.sample_rate / 1000
        spans = [(0, audio.shape[1])] * len(audio) if real is None else real
        means = []
        for row, (first, end) in zip(frames, spans):
            inside = (samples >= first) & (samples < end)
            means.append(
                row[inside].mean(axis=0) if inside.any() else row[np.abs(samples - (first + end) / 2).argmin()]
            )
        return np.stack(means)

    def timestamps(self, clip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The vectors (n_frames, width) of a clip (n_samples,), and their centres in ms, (n_frames,)."""
        network, window, ms = self.network, self.network.window, 1000.0 / self.sample_rate
        if not hasattr(network, "frames"):
            starts = self.windows.around_frames(len(clip), window, self.sample_rate)
            rows = [row for audio, _ in _windows(clip, starts, window) for row in self.vectors(audio)]
            return np.asarray(rows, np.float32), (starts + window / 2) * ms
        if network.fixed:
            starts = np.arange(0, len(clip), window)
            rows = [row for audio, _ in _windows(clip, starts, window) for row in self._of_width(network.frames(audio))]
            lengths = [window] * len(starts)
        else:
            pieces = self.stretches(clip)
            lengths = [len(piece) for piece in pieces]
            starts = np.cumsum([0, *lengths[:-1]])
            rows = [self._of_width(network.frames(piece[None]))[0] for piece in pieces]
        times = [start * ms + np.asarray(network.centres(length)) for start, length in zip(starts, lengths)]
        frames, centres = np.concatenate(rows).astype(np.float32), np.concatenate(times)
        inside = centres < len(clip) * ms
        if not inside.any():  # a clip shorter than half a frame
            return frames[:1], np.array([len(clip) * ms / 2])
        return frames[inside], centres[inside]

    def stretches(self, clip: np.ndarray) -> list[np.ndarray]:
        """A clip in the fewest stretches of equal length that the network takes; one that is too short has zeros at its end."""
        shortest = int(getattr(self.network, "shortest", 1))
        if len(clip) < shortest:
            return [np.pad(clip, (0, shortest - len(clip)))]
        return np.array_split(clip, -(-len(clip) // self.network.window))

    def _of_width(self, answer: Any) -> np.ndarray:
        """What a network gave, if it is as wide as it said.

        Raises:
            ValueError: It is not.
        """
        array = np.asarray(answer)
        if array.shape[-1] != self.width:
            raise ValueError(f"the network gives {array.shape[-1]} numbers a vector, and said {self.width}")
        return array


def _windows(clip: np.ndarray, starts: np.ndarray, window: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Windows of a clip (n_samples,), zeros outside it, at most `BATCH` at once: audio (n, window), and the clip's part of each, (n, 2)."""
    for first in range(0, len(starts), BATCH):
        some = starts[first : first + BATCH]
        audio, real = np.zeros((len(some), window), np.float32), np.zeros((len(some), 2), int)
        for number, start in enumerate(some):
            begin, end = max(0, start), min(len(clip), start + window)
            real[number] = begin - start, end - start
            audio[number, begin - start : end - start] = clip[begin:end]
        yield audio, real


__all__ = ["get_scene_embeddings", "get_timestamp_embeddings", "load_model"]
