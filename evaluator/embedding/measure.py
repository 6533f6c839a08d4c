"""How far an embedding that is asked for again is from the stored one, in standard deviations between clips.

Each feature is measured by its own deviation, so that a large one, of energy or a constant, hides nothing of the others; a clip's
change is the root mean square over features. Rounding does not count: what is within `ROUNDING` of the feature, or of the median
feature.
"""

from collections.abc import Sequence

import numpy as np

from evaluator.embedding import halves
from evaluator.embedding.plain import TIME_TOLERANCE
from evaluator.embedding.store import Store
from evaluator.embedding.views import Row

ROUNDING = 1e-5  # what another order of additions may do
MAX_FRAMES = 500  # of a clip that are compared
ELSEWHERE = 1e6  # standard deviations: another number of frames, or other times


def stored_row(store: Store, key: str) -> Row:
    """What a store holds of a clip: {view: (n, size)}, by layer, or by frame the first `MAX_FRAMES`; and "times" (n,) in ms."""
    if store.part == "frames":
        matrix, (times,), (rows,) = store.read_frames([key], memory=0)
        n = min(rows.stop - rows.start, MAX_FRAMES)
        return {"frames": matrix.take(np.arange(rows.start, rows.start + n)), "times": times[:n]}
    path = store.locations[key][0]
    return {
        view: store.read_layers([key], view)[:, 0]
        if len(tensor.shape) == 3
        else store.on_disk([key], view, [None]).all_rows()
        for view, tensor in store.shards[path].tensors.items()
    }


def spread(rows: Sequence[Row]) -> Row:
    """Standard deviation over clips of each feature, by view, (n_layers, size); of frames over all of them, (1, size)."""
    views = [view for view in rows[0] if view != "times"]
    return {
        view: np.concatenate([row[view] for row in rows]).std(axis=0, dtype=np.float64)[None]
        if view == "frames"
        else np.stack([row[view] for row in rows]).std(axis=0, dtype=np.float64)
        for view in views
    }


def rounding_of(store: Store) -> float:
    """What of a number, as a share of it, may be lost between an embedding and what a store keeps of it."""
    return 2 * halves.ROUNDING if store.in_halves else ROUNDING


def change(row: Row, stored: Row, scale: Row, rounding: float = ROUNDING) -> float:
    """How far a clip's views, (size,), (n_layers, size) or (n_frames, size), are from the stored ones.

    It is counted in standard deviations between clips.

    Differences of at most `rounding` of a number do not count; other times, in ms, are `ELSEWHERE`.
    """
    if "times" in stored:
        times = row["times"][: len(stored["times"])]
        if times.shape != stored["times"].shape or np.abs(times - stored["times"]).max(initial=0) > TIME_TOLERANCE:
            return ELSEWHERE
    return max(_of_view(row[view], stored[view], scale[view], view == "frames", rounding) for view in scale)


def _of_view(row: np.ndarray, stored: np.ndarray, std: np.ndarray, of_frames: bool, rounding: float) -> float:
    now, before = (each.reshape(-1, each.shape[-1])[: MAX_FRAMES if of_frames else None] for each in (row, stored))
    if now.shape != before.shape:
        return ELSEWHERE
    difference = np.abs(now.astype(np.float64) - before)
    size = np.maximum(np.abs(before), np.median(np.abs(before), axis=1, keepdims=True)).astype(np.float64)
    measure = np.where(std > rounding * size, std, np.where(size > 0, size, 1.0))
    squares = np.square(np.where(difference > rounding * size, difference / measure, 0.0))
    return min(ELSEWHERE, float(np.sqrt(squares.mean() if of_frames else squares.mean(axis=1).max())))
