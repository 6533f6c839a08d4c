"""Bioacoustics Model Zoo: networks of OpenSoundscape (HawkEars, BirdSet's, Perch, BirdNET, whales, frogs), in its own interpreter.

Each network has its own sample rate and window: one vector a window, no layers. Most fetch their weights when they are first loaded;
`--weights FILE` is handed to those that take a file (BirdNET: its TFLite file, with `--option labels=FILE`). Windows are cut here.
"""

from __future__ import annotations

import inspect
import os
import tempfile
from typing import Any

import numpy as np

FACTS = dict(
    layers=1,
    licence="MIT (code); each network its own, BirdNET's CC BY-NC-SA 4.0",
    citation="Bioacoustics Model Zoo, https://github.com/kitzeslab/bioacoustics-model-zoo; each network its own",
)
# fmt: off
MODELS = (
    "BirdNET", "BirdSetConvNeXT", "BirdSetEfficientNetB1", "BirdCODE", "HawkEars", "HawkEars2", "HawkEars_Embedding", "HawkEars_Low_Band",
    "HawkEars_v010", "HumpbackWhale", "Perch", "Perch2", "Perch2LiteRT", "RanaSierraeCNN", "YAMNet",
)
# fmt: on
PYTHON = ("3.11", "3.13")
INSTALL = ("torch==2.11.0 torchaudio==2.11.0 torchvision==0.26.0 bioacoustics-model-zoo==0.13.4 ai-edge-litert==2.3.0",)
LICENCES = {"BirdNET": "CC BY-NC-SA 4.0 (weights)"}
# Keywords by which networks take a file.
WEIGHTS, LABELS = ("tflite_path", "checkpoint_path", "path"), ("label_path",)


def load(name: str, weights: str, labels: str = "") -> Network:
    """A network, which gives vectors (n, width) of windows (n, n_samples), at the sample rate and of the length that are its own.

    Args:
        name: As the zoo calls it.
        weights: A file for it; "" for the published one.
        labels: A file with the names of its classes, for BirdNET; "" for the published one.

    Raises:
        ValueError: There is no such network, or it takes no such file.
        ImportError: The zoo is not installed, or does not work here.
    """
    import bioacoustics_model_zoo

    known = {each: value for each, value in bioacoustics_model_zoo.list_models().items() if hasattr(value, "embed")}
    if name not in known:
        raise ValueError(f"bmz:{name}: the zoo has no such network; it has {', '.join(sorted(known))}")
    takes = inspect.signature(known[name].__init__).parameters
    given = {}
    for option, path, keywords in (("--weights", weights, WEIGHTS), ("--option labels", labels, LABELS)):
        if path:
            if not set(keywords) & set(takes):
                raise ValueError(f"bmz:{name}: takes no such file; leave {option} {path} out")
            given[next(each for each in keywords if each in takes)] = path
    return Network(known[name](**given), name, [weights] if weights else [])


class Network:
    """A network of the zoo; its width is that of what it answers to silence."""

    fixed = True

    def __init__(self, model: Any, name: str, files: list[str]):
        self.model, self.files = model, files
        self.licence = LICENCES.get(name, "")
        settings = model.preprocessor
        self.sample_rate, self.window_seconds = int(settings.sample_rate), float(settings.sample_duration)
        self.window = round(self.sample_rate * self.window_seconds)
        self.width = self.vectors(np.zeros((1, self.window), np.float32)).shape[1]

    def vectors(self, audio: np.ndarray) -> np.ndarray:
        """(n, samples) -> (n, width)."""
        import soundfile

        with tempfile.TemporaryDirectory() as folder:  # it takes files only; as float32 they are the same samples
            paths = [os.path.join(folder, f"{number}.wav") for number in range(len(audio))]
            for path, window in zip(paths, audio):
                soundfile.write(path, window, self.sample_rate, subtype="FLOAT")
            given = self.model.embed(paths, progress_bar=False)
        array = np.asarray(given.values if hasattr(given, "values") else given, np.float32)
        if len(array) != len(audio):
            raise ValueError(f"the network gives {len(array)} vectors for {len(audio)} windows")
        return array
