"""A module's answers to fixed sounds, kept in its store: whose answers differ gets another one.

Weights may hide where no hash finds them: in a plain class, a folder, an ONNX or TFLite file. What they do shows in what the module
answers. Behaviour only parts, it never joins: a store is still named by code, options and weights first.

The sounds: a moment, noise at two levels, silence, noise longer than most windows, and two together. A sound that the module
refuses has an answer too: that it was refused.
"""

import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from evaluator.embedding.claims import locked
from evaluator.embedding.plain import PADDED_LENGTHS, taken
from evaluator.embedding.spec import Module
from evaluator.embedding.store import model_key
from evaluator.embedding.views import refuse_times
from evaluator.errors import EvaluationError
from evaluator.files import write_whole
from evaluator.own_cache import own_folder

# Seconds, peak, and how many together.
SOUNDS = ((0.03, 0.5, 1), (0.2, 0.5, 1), (0.2, 0.01, 1), (0.2, 0.0, 1), (3.3, 0.5, 1), (0.2, 0.5, 2))
TIMED = (1, 4)  # sounds that are asked for frames too
TOLERANCE = 1e-3  # of a feature, or of the median feature: what other processors and numbers of threads may do
MAX_STORES = 100  # that one name may have
_FILE = "behaviour.npz"

Answers = Mapping[str, np.ndarray]
"""By the sound's number scenes (n, size), frames (n, n_frames, size), times (n, n_frames) in ms; empty where it was refused."""

_given: "WeakKeyDictionary[Any, dict[str, np.ndarray]]" = WeakKeyDictionary()  # what each open module answered


def is_asked(described: Mapping[str, Any]) -> bool:
    """Whether a module has to show what it does: all but models of ours that hold nobody else's, of any sample rate."""
    return described["identity"] is None or bool(described["identity"].get("foreign"))


def answers(module: Module) -> dict[str, np.ndarray]:
    """What an open module answers to the fixed sounds, scenes (n_sounds, size) float32 of each and more (`Answers`); it is asked once.

    Raises:
        WorkerEnded: It is gone.
    """
    if module not in _given:
        _given[module] = _asked(module)
    return _given[module]


def _asked(module: Module) -> dict[str, np.ndarray]:
    """As `answers`; "seconds" are the sounds' lengths."""
    described, shortest = module.describe(), _shortest(module)
    rate, has_frames = described["sample_rate"], bool(described["timestamp_embedding_size"])
    given = {"seconds": np.array([max(seconds, shortest) for seconds, _, _ in SOUNDS])}
    for number, (_, peak, n) in enumerate(SOUNDS):
        sound = _sound(number, float(given["seconds"][number]), peak, n, rate)
        given[str(number)] = taken(partial(module.scene, sound), np.empty((n, 0), np.float32))
        if number in TIMED and has_frames:
            nothing = np.empty((n, 0), np.float32), np.empty((n, 0))
            frames, times = taken(partial(module.timestamps, sound), nothing)
            given[f"frames {number}"], given[f"times {number}"] = frames, times
    return given


def _shortest(module: Module) -> float:
    """The least of `PADDED_LENGTHS`, in seconds, that a module takes where it refuses the second sound; else 0."""
    rate, usual = module.describe()["sample_rate"], SOUNDS[1][0]
    for seconds in (usual, *(each for each in PADDED_LENGTHS if each > usual)):
        sound = _sound(1, seconds, 0.5, 1, rate)
        if taken(partial(module.scene, sound), None) is not None:
            return 0.0 if seconds == usual else seconds
    return 0.0


def _sound(number: int, seconds: float, peak: float, n: int, rate: int) -> np.ndarray:
    """Noise that its number decides, (n, n_samples), float32."""
    noise = np.random.default_rng(number).uniform(-peak, peak, (n, max(1, int(seconds * rate))))
    return noise.astype(np.float32)


def remarks(given: Answers) -> list[tuple[str, str]]:
    """What of the answers is to be known: times (n_sounds, n_frames), in ms, that event tasks would refuse."""
    for number in TIMED:
        for times in given.get(f"times {number}", ()):
            try:
                if len(times):
                    refuse_times(times, 1000 * float(given["seconds"][number]))
            except EvaluationError as error:
                return [("odd_times", f"{error}; event tasks refuse them")]
    return []


def settle(cache: Path, identity: Mapping[str, Any], given: Answers, begin: bool = True) -> dict[str, Any]:
    """The identity of the store whose module answered like this one, or of a new store that remembers its answers.

    Args:
        cache: Folder of all stores.
        identity: What the module's embeddings depend on, as far as it can be named.
        given: Its answers, scenes (n_sounds, size) each and more (`Answers`).
        begin: Whether a new store is begun; without, it is only named.

    Raises:
        EvaluationError: There are `MAX_STORES` already, none of which agrees.
    """
    for number in range(MAX_STORES):
        tried = {**identity, "behaviour": number} if number else dict(identity)
        name = f"embeddings/{model_key(tried)}"
        if agree(_read(cache / name / _FILE), given):
            return tried
        home = own_folder(cache, name, begin)
        if not begin:
            if agree(_read(home / _FILE), given) or not _is_begun(cache / name, home):
                return tried
            continue
        with locked(home / ".behaviour.lock"):
            if not _is_begun(cache / name, home):
                packed = io.BytesIO()
                np.savez(packed, allow_pickle=False, **given)
                write_whole(home / _FILE, packed.getvalue())
            if agree(_read(home / _FILE), given):
                return tried
    raise EvaluationError(
        f"{identity.get('module')}: the {MAX_STORES} stores under this name all come from a module that answers otherwise; "
        "are its weights drawn anew each time that it is loaded? Give it a fixed seed"
    )


def _is_begun(*folders: Path) -> bool:
    """Whether a store in one of these folders has answers, or shards."""
    return any((each / _FILE).exists() or any(each.rglob("*.safetensors")) for each in folders)


def agree(one: Answers, other: Answers) -> bool:
    """Whether two modules answer alike: each answer of the same shape, and each of its numbers the same but for rounding."""
    return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    if not one.size:
        return True
    size = np.maximum(np.abs(one), np.median(np.abs(one), axis=-1, keepdims=True))
    return bool((np.abs(one - other) <= TOLERANCE * size + np.finfo(np.float32).tiny).all())


def _read(path: Path) -> Answers:
    """The answers in a file; none where they cannot be read, so that nothing agrees with them."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError):
        return {}
