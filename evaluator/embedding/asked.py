"""How a module is asked when its promises are looked at: sounds, lengths, and what a finding is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from evaluator.embedding.plain import PADDED_LENGTHS, taken
from evaluator.embedding.spec import Module, WorkerEnded
from evaluator.errors import EvaluationError

# Seconds that hear-validator tries: 2021.0.2 takes 2.0 and 3.74, 2021.0.6 the others.
LENGTHS = (1.07, 1.98, 2.0, 4.0)
SCENE_LENGTHS = (2.74, 3.74)
QUICK_LENGTHS = (1.07, 0.5)


@dataclass(frozen=True)
class Check:
    """One promise of the contract and whether it is kept.

    name: The promise.
    level: `error` if a broken promise makes scores wrong or impossible, else `warning`.
    detail: How it shows; mostly "" where the promise is kept.
    found: What was found, in words: the promise where it is kept, else its contrary.
    """

    name: str
    passed: bool
    level: str
    detail: str
    found: str


class Asked:
    """An open module, and in which lengths it is asked: a module that takes windows of one length only is asked for those."""

    def __init__(self, module: Module, quick: bool = False):
        self.module = module
        self._times: dict[float, np.ndarray] = {}  # by seconds: half the checks look at the same clips
        described = module.describe()
        self.rate: int = described["sample_rate"]
        self.has_frames = described["timestamp_embedding_size"] > 0
        self.window = self.find_window()
        usual = QUICK_LENGTHS if quick else LENGTHS
        self.lengths = (self.window,) if self.window else usual
        self.scene_lengths = self.lengths if self.window or quick else LENGTHS + SCENE_LENGTHS
        self.longest = self.window or max(usual)

    def find_window(self) -> float:
        """Seconds of the only windows that the module takes; 0 where it takes other lengths too, or none of those tried."""
        if any(self.takes(seconds) for seconds in QUICK_LENGTHS):
            return 0.0
        return next((seconds for seconds in PADDED_LENGTHS if self.takes(seconds)), 0.0)

    def takes(self, seconds: float) -> bool:
        """Whether the module gives a scene embedding of a clip of so many seconds."""
        return taken(partial(self.module.scene, self.noise(1, seconds)), None) is not None

    def noise(self, n_sounds: int, seconds: float, seed: int = 0) -> np.ndarray:
        """White noise in [-1, 1], (n_sounds, n_samples), float32."""
        n_samples = max(1, int(seconds * self.rate))
        return np.random.default_rng(seed).uniform(-1, 1, (n_sounds, n_samples)).astype(np.float32)

    def sound(self, n_sounds: int) -> np.ndarray:
        """Noise as in `noise`, of a length that the module takes."""
        return self.noise(n_sounds, self.window or 1.5)

    def times(self, seconds: float) -> np.ndarray:
        """Timestamps of two clips of noise, (2, n_frames), ms; at least one frame."""
        if seconds not in self._times:
            self._times[seconds] = self.module.timestamps(self.noise(2, seconds))[1]
        if not self._times[seconds].shape[1]:
            raise EvaluationError(f"get_timestamp_embeddings gives no frame for a clip of {seconds} s")
        return self._times[seconds]


def verdict(name: str, broken: str, level: str, function: Callable[[], str]) -> Check:
    """One check carried out: audio and embeddings are whatever shape it asks for.

    Args:
        name, broken: The promise, and its contrary.
        level: Of `Check`.
        function: Gives how a broken promise shows, or "".

    Raises:
        EvaluationError: The module crashed or hung.
    """
    try:
        detail = function()
    except WorkerEnded:
        raise
    except EvaluationError as error:
        detail = str(error)
    return Check(name, not detail, level, detail, broken if detail else name)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference of two arrays of one shape, relative to the RMS of `one`; 0 where there is nothing to compare."""
    if not one.size:
        return 0.0
    return float(np.abs(one - other).max() / (np.sqrt(np.mean(np.square(one))) or 1.0))
