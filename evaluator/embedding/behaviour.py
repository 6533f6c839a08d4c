"""A module's answers to fixed sounds, kept in its store: whose answers differ gets another one.

Weights may hide where no hash finds them: in a plain class, a folder, an ONNX or TFLite file. What they do shows in what the module
answers. Behaviour only parts, it never joins: a store is still named by code, options and weights first.

The sounds: a moment, noise at two levels, silence, noise longer than most windows, and two together. A sound that the module
refuses has an answer too: that it was refused.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.embedding.claims import locked
from evaluator.embedding.spec import Module, WorkerEnded
from evaluator.embedding.store import model_key
from evaluator.errors import EvaluationError
from evaluator.files import own_folder, write_whole

# Seconds, peak, and how many together.
SOUNDS = ((0.03, 0.5, 1), (0.2, 0.5, 1), (0.2, 0.01, 1), (0.2, 0.0, 1), (1.5, 0.5, 1), (0.2, 0.5, 2))
TOLERANCE = 1e-3  # relative to the answer's RMS: what other processors and numbers of threads may do
MAX_STORES = 100  # that one name may have
_FILE = "behaviour.npz"

Answers = Mapping[str, np.ndarray]
"""By the number of the sound (n, size) float32, with size 0 where it was refused."""


def answers(module: Module) -> dict[str, np.ndarray]:
    """What a module answers to the fixed sounds: scene embeddings (n, size), float32, by each sound's number.

    Raises:
        WorkerEnded: It is gone.
    """
    rate = module.describe()["sample_rate"]
    given = {}
    for number, (seconds, peak, n) in enumerate(SOUNDS):
        noise = np.random.default_rng(number).uniform(-peak, peak, (n, max(1, int(seconds * rate))))
        try:
            given[str(number)] = module.scene(noise.astype(np.float32))
        except WorkerEnded:
            raise
        except EvaluationError:
            given[str(number)] = np.empty((n, 0), np.float32)
    return given


def settle(cache: Path, identity: Mapping[str, Any], given: Answers) -> dict[str, Any]:
    """The identity of the store whose module answered like this one, or of a new store that remembers its answers.

    Answers are (n, size) each.

    Args:
        cache: Folder of all stores.
        identity: What the module's embeddings depend on, as far as it can be named.
        given: Its answers.

    Raises:
        EvaluationError: There are `MAX_STORES` already, none of which agrees.
    """
    for number in range(MAX_STORES):
        tried = {**identity, "behaviour": number} if number else dict(identity)
        name = f"embeddings/{model_key(tried)}"
        if agree(_read(cache / name / _FILE), given):
            return tried
        home = own_folder(cache, name)
        with locked(home / ".behaviour.lock"):
            if not any((each / _FILE).exists() or any(each.rglob("*.safetensors")) for each in (cache / name, home)):
                packed = io.BytesIO()
                np.savez(packed, allow_pickle=False, **given)
                write_whole(home / _FILE, packed.getvalue())
            if agree(_read(home / _FILE), given):
                return tried
    raise EvaluationError(
        f"{identity.get('module')}: the {MAX_STORES} stores under this name all come from a module that answers otherwise; "
        "are its weights drawn anew each time that it is loaded? Give it a fixed seed"
    )


def agree(one: Answers, other: Answers) -> bool:
    """Whether two modules answer alike, (n, size) each, but for rounding."""
    return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    size = max(1e-30, float(np.sqrt(np.mean(np.square(one, dtype=np.float64))))) if one.size else 1.0
    return not one.size or float(np.abs(one - other).max()) <= TOLERANCE * size


def _read(path: Path) -> Answers:
    """The answers in a file; none where they cannot be read, so that nothing agrees with them."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError):
        return {}
