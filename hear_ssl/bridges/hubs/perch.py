"""Perch 2: a supervised classifier of 14 795 kinds of animal and sound; its ONNX conversion, with ONNX Runtime alone.

32 kHz, windows of 5 s; 1536 numbers a window, and 16 frames of 312.5 ms in it (means over its 4 bands of frequency) where the file has
them. `--weights FILE` names the ONNX file; without it `perch_v2.onnx` of justinchuby/Perch-onnx is fetched from the hub (409 MB) and
held against its SHA-256.

As published, each window loses its mean and is scaled to a peak of 0.25, so that louder or quieter is the same to it, and a clip
that is shorter stands in the middle of its window.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np

FACTS = dict(
    sample_rate=32_000,
    width=1536,
    layers=1,
    trained_on="labelled recordings of animals and other sounds (Xeno-canto, iNaturalist, Tierstimmenarchiv, FSD50K)",
    licence="Apache-2.0",
    citation="van Merriënboer et al. 2025, Perch 2.0, https://arxiv.org/abs/2508.04665",
)
MODELS = ("v2",)
PYTHON = ("3.11", "3.14")
INSTALL = ("onnxruntime numpy huggingface_hub",)
TRAINED_ON = {
    "cbi": "recordings of Xeno-canto with their species, from which this dataset was made",
    "fsd50k": "FSD50K, with labels",
    "hear_fsd50k": "FSD50K, with labels",
}
REPOSITORY, FILE = "justinchuby/Perch-onnx", "perch_v2.onnx"
SHA256 = "bf0c8467a924cb074663970ca4a0ab1e143602121930209657d0dff5d5cefa1f"
WINDOW = 160_000  # samples: 5 s
N_FRAMES, FRAME_MS = 16, 312.5
PEAK = 0.25


def load(name: str, weights: str) -> Network:
    """The network, which gives a vector for each 5 s at 32 kHz, and frames where its file has them.

    Args:
        name: `v2`.
        weights: Its ONNX file; "" for the published conversion.

    Raises:
        ValueError: There is no such version, or the file holds another network.
        FileNotFoundError: No file is there, or it cannot be fetched.
        ImportError: ONNX Runtime is not installed.
    """
    if name not in MODELS:
        raise ValueError(f"perch:{name}: known are {', '.join(f'perch:{each}' for each in MODELS)}")
    return Network(weights or _fetched())


def _fetched() -> str:
    """The published file, in the hub's cache.

    Raises:
        FileNotFoundError: It is not there and cannot be fetched.
        ValueError: It is another file than it was.
    """
    ask = f"--weights FILE names {FILE} of {REPOSITORY}"
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise FileNotFoundError(f"the weights are not here, and huggingface_hub is not installed: {ask}") from error
    try:
        path = hf_hub_download(REPOSITORY, FILE)
    except Exception as error:  # what a hub's client raises has no class of its own
        raise FileNotFoundError(f"the weights cannot be fetched ({type(error).__name__}): {ask}") from error
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != SHA256:
        raise ValueError(f"{path}: has the SHA-256 {digest.hexdigest()[:16]} instead of {SHA256[:16]}: {ask}")
    return str(path)


class Network:
    """The network in an ONNX file: an output (n, 1536), and if it has them frames, (n, 16, 4, 1536).

    Raises:
        ValueError: The file holds another network, or none.
        FileNotFoundError: There is no such file.
    """

    sample_rate, width, window, fixed, pads = FACTS["sample_rate"], FACTS["width"], WINDOW, True, "both"
    licence, trained_on = FACTS["licence"], TRAINED_ON

    def __init__(self, path: str):
        import onnxruntime

        if not os.path.isfile(path):
            raise FileNotFoundError(f"{path}: there is no such file")
        self.files = [path]
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = max(1, int(os.environ.get("OMP_NUM_THREADS") or 1))
        try:
            self.session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # of the runtime's own classes
            raise ValueError(f"{path}: is no ONNX file that runs here ({type(error).__name__})") from error
        given = {
            each.name: [size if isinstance(size, int) else 0 for size in each.shape]
            for each in self.session.get_outputs()
        }
        self.input = self.session.get_inputs()[0].name
        self.whole = next((name for name, shape in given.items() if shape[1:] == [self.width]), "")
        self.spatial = next((name for name, shape in given.items() if shape[1:] == [N_FRAMES, 4, self.width]), "")
        taken = self.session.get_inputs()[0].shape
        if not self.whole or len(taken) != 2 or taken[1] != WINDOW:
            raise ValueError(
                f"{path}: is not Perch 2, which takes (n, {WINDOW}) and gives (n, {self.width}): it takes {taken} and gives {given}"
            )
        if self.spatial:
            self.frames, self.centres = self._frames, self._centres

    def vectors(self, audio: np.ndarray) -> Any:
        """(n, 160000) -> (n, 1536)."""
        return self.session.run([self.whole], {self.input: _scaled(audio)})[0]

    def _frames(self, audio: np.ndarray) -> Any:
        """(n, 160000) -> (n, 16, 1536): means over frequency."""
        return self.session.run([self.spatial], {self.input: _scaled(audio)})[0].mean(axis=2)

    def _centres(self, n_samples: int) -> np.ndarray:
        """Middles of 16 equal parts, in ms; how far a frame sees beyond its part is not published."""
        return FRAME_MS * (np.arange(N_FRAMES) + 0.5)


def _scaled(audio: np.ndarray) -> np.ndarray:
    """Windows without their mean and at a peak of 0.25; silence stays silent."""
    centred = audio - audio.mean(axis=1, keepdims=True)
    peaks = np.abs(centred).max(axis=1, keepdims=True)
    return (centred * (PEAK / np.where(peaks > 0, peaks, 1.0))).astype(np.float32)
