"""What any HEAR module can be asked for of clips of equal length.

Three kinds of views of a clip: its scene embedding ("scene"), mean and deviation over time of its frames ("layers", as those of a
network with one layer), or the frames themselves ("frames").
"""

from collections.abc import Callable

import numpy as np

from evaluator.embedding.spec import Module
from evaluator.errors import EvaluationError

# A last timestamp so many times smaller than its clip is long in ms was meant in seconds.
SECONDS_LOOK_LIKE = 100
LEFT_OUT = 1500.0  # ms at a clip's end without a centre: half of a window of 3 s
OUTSIDE = 50.0  # ms that a centre may lie outside its clip beside a step: half of a long window

Row = dict[str, np.ndarray]
"""What is stored of one clip: views by name."""


def _scenes(module: Module, audio: np.ndarray) -> list[Row]:
    """Of each clip "scene" (size,); audio is (n_clips, n_samples)."""
    return [{"scene": row} for row in module.scene(audio)]


def frames(module: Module, audio: np.ndarray) -> list[Row]:
    """Of each clip "frames" (n_frames, size), float32, and "times" (n_frames,), their centres in ms, float64.

    Raises:
        EvaluationError: The module fails, gives no frame at all, or times that cannot be centres of frames in ms.
    """
    rows = _frames(module, audio)
    for row in rows:
        refuse_times(row["times"], 1000 * audio.shape[1] / module.describe()["sample_rate"])
    return rows


def _frames(module: Module, audio: np.ndarray) -> list[Row]:
    """As `frames`, whatever the times are."""
    embeddings, times = module.timestamps(audio)
    if not embeddings.shape[1]:
        raise EvaluationError(f"the module gives no frame for a clip of {audio.shape[1]} samples")
    return [{"frames": row, "times": when} for row, when in zip(embeddings, times, strict=True)]


def refuse_times(centres: np.ndarray, length: float) -> None:
    """Refuse what cannot be the centres in ms (n_frames,) of the frames of a clip of `length` ms.

    A network may see a little past a clip's end; a centre a whole step beyond it is another clip's time.

    Raises:
        EvaluationError: They do not rise, are in seconds, lie outside the clip, or leave much of it out.
    """
    step = float(np.diff(centres).max(initial=0))
    said = f"timestamps of a clip of {length:g} ms"
    if len(centres) > 1 and (np.diff(centres) <= 0).any():
        raise EvaluationError(f"{said} do not rise: {_first(centres)}; centres of frames in ms, in order, are wanted")
    if len(centres) > 1 and length > 1 and centres[-1] <= length / SECONDS_LOOK_LIKE:
        raise EvaluationError(f"{said} end at {centres[-1]:g}; are they seconds? Milliseconds are wanted")
    if centres[0] < -step - OUTSIDE or centres[-1] > length + step + OUTSIDE:
        raise EvaluationError(
            f"{said} go from {centres[0]:g} to {centres[-1]:g}; centres of frames inside the clip, in ms, are wanted"
        )
    if len(centres) > 1 and centres[-1] + max(1.5 * step, LEFT_OUT) < length:
        raise EvaluationError(
            f"{said} end at {centres[-1]:g}, {step:g} apart: they leave much of it out; are they numbers of frames, or in "
            "another unit? Milliseconds are wanted"
        )


def _first(centres: np.ndarray) -> str:
    """The first few times, in words."""
    return ", ".join(f"{each:g}" for each in centres[:4]) + ", ..." * (len(centres) > 4)


def layers(module: Module, audio: np.ndarray) -> list[Row]:
    """Of each clip "layers_mean" and "layers_std", (1, size) each: over its frames, the deviation with ddof 1.

    The deviation of a single frame is 0. Errors as in `frames`; of the times nothing is asked.
    """
    return [over_time(row["frames"]) for row in _frames(module, audio)]


def over_time(embeddings: np.ndarray) -> Row:
    """Mean and sample deviation of frames (n_frames, size), as float32 rows (1, size) of one layer."""
    exact = embeddings.astype(np.float64)
    mean = exact.mean(axis=0, keepdims=True)
    exact -= mean
    std = np.sqrt(np.square(exact, out=exact).sum(axis=0, keepdims=True) / max(1, len(exact) - 1))
    return {"layers_mean": mean.astype(np.float32), "layers_std": std.astype(np.float32)}


VIEWS: dict[str, Callable[[Module, np.ndarray], list[Row]]] = {"scene": _scenes, "layers": layers, "frames": frames}
