"""Embeddings of several modules merged into one: concatenated, interleaved or averaged.

The arithmetic is that of Wu et al. 2022 (https://arxiv.org/abs/2209.12900): what the members give is resized across its features
where widths have to agree, frames then in time, and merged. Both resizings are linear interpolations that do not align the
corners ("half-pixel", the default of torch.nn.functional.interpolate).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.errors import EvaluationError, UsageError

MERGES = ("concatenate", "average")
Timed = tuple[np.ndarray, np.ndarray]
"""A clip's frames (n_frames, width), float32, and their centres in ms, (n_frames,)."""


@dataclass(frozen=True)
class Merge:
    """How members become one.

    merge: `concatenate` (blocks x0 x1 ... w0 w1 ...) or `average`.
    interleave: Of a concatenation: x0 w0 x1 w1 ... instead of blocks.
    width: Features of each member before merging; None for its own, or the smallest where widths have to agree.
    scene: `members` for their own scenes merged, `merged` for the mean over time of their merged frames.
    time_groups: Parts of equal length that merged frames are cut into, their means concatenated.
    align: `stretch` frames to as many as the grid has, or interpolate them at its `centres`.
    """

    merge: str = MERGES[0]
    interleave: bool = False
    width: int | None = None
    scene: str = "members"
    time_groups: int = 1
    align: str = "stretch"

    def widths(self, own: Sequence[int]) -> list[int]:
        """Features that each member takes part with, given its own."""
        if self.width is not None:
            return [self.width] * len(own)
        return list(own) if self.merge == "concatenate" and not self.interleave else [min(own)] * len(own)

    def merged_width(self, own: Sequence[int]) -> int:
        """Features of what is merged, given each member's own."""
        return self.widths(own)[0] if self.merge == "average" else sum(self.widths(own))

    def merged(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """The members' rows, (n, width) each, as one (n, merged width), float32."""
        widths = self.widths([each.shape[1] for each in rows])
        parts = [_resized(each, width) for each, width in zip(rows, widths, strict=True)]
        if self.merge == "average":
            return np.asarray(np.sum([part / np.float32(len(parts)) for part in parts], axis=0, dtype=np.float32))
        if self.interleave:
            return np.stack(parts, axis=2).reshape(len(parts[0]), -1)
        return np.concatenate(parts, axis=1)

    def merged_frames(self, frames: Sequence[Timed], reference: int) -> Timed:
        """A clip's frames by every member as one, on the time grid of the member with the number `reference`."""
        grid = frames[reference][1]
        widths = self.widths([rows.shape[1] for rows, _ in frames])
        resized = [(_resized(rows, width), centres) for (rows, centres), width in zip(frames, widths, strict=True)]
        return self.merged([self._aligned(rows, centres, grid) for rows, centres in resized]), grid

    def _aligned(self, frames: np.ndarray, centres: np.ndarray, grid: np.ndarray) -> np.ndarray:
        """Frames (n_frames, width) on the frames of the grid (n,): (n, width)."""
        if self.align == "centres":
            return frames if np.array_equal(centres, grid) else _at_times(frames, centres, grid)
        return frames if len(frames) == len(grid) else np.ascontiguousarray(_resized(frames.T, len(grid)).T)

    def scene_of(self, frames: np.ndarray) -> np.ndarray:
        """The scene of merged frames (n_frames, width): means of `time_groups` parts, concatenated; frames over are dropped.

        Raises:
            EvaluationError: There are fewer frames than parts.
        """
        size = len(frames) // self.time_groups
        if not size:
            raise EvaluationError(
                f"time_groups={self.time_groups}, but the clip has only {len(frames)} frames; take fewer groups, or "
                "longer clips"
            )
        cut = frames[: size * self.time_groups].reshape(self.time_groups, size, -1)
        return cut.mean(axis=1, dtype=np.float64).astype(np.float32).ravel()


_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "merge": MERGES,
    "interleave": (False, True),
    "scene": ("members", "merged"),
    "align": ("stretch", "centres"),
}
_COUNTS = ("width", "time_groups")
OPTIONS = (*_CHOICES, *_COUNTS)


def merge_of(options: Mapping[str, Any]) -> Merge:
    """The merge that options ask for; what they leave out has its default, and `time_groups` asks for merged frames.

    Args:
        options: Values of some of `OPTIONS`; `width` is in features.

    Raises:
        UsageError: A value that cannot be, or two that contradict each other.
    """
    values = {name: value for name, value in options.items() if value is not None}
    for name, choices in _CHOICES.items():
        if name in values and not any(type(values[name]) is type(each) and values[name] == each for each in choices):
            wanted = " or ".join(str(each).lower() if isinstance(each, bool) else each for each in choices)
            raise UsageError(f"--option {name}={values[name]!r}: give {wanted}")
    for name in _COUNTS:
        number = values.get(name, 1)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise UsageError(f"--option {name}={number!r}: a whole number from 1 is wanted")
    if values.get("time_groups", 1) > 1 and values.setdefault("scene", "merged") == "members":
        raise UsageError(
            f"--option time_groups={values['time_groups']} cuts merged frames, but scene=members merges none; leave one out"
        )
    merge = Merge(**values)
    if merge.interleave and merge.merge != "concatenate":
        raise UsageError(f"--option interleave=true says how to concatenate, but merge is {merge.merge!r}")
    return merge


def _resized(rows: np.ndarray, width: int) -> np.ndarray:
    """Rows (n, own width) interpolated to (n, width); unchanged if they have that width."""
    if rows.shape[1] == width:
        return rows
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(rows))
    return torch.nn.functional.interpolate(tensor[None], size=width, mode="linear")[0].numpy()


def _at_times(frames: np.ndarray, centres: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Frames (n_frames, width) interpolated from their ascending centres to `times` (n,): (n, width); the ends go on."""
    if len(centres) == 1:
        return np.repeat(frames, len(times), axis=0)
    right = np.searchsorted(centres, times).clip(1, len(centres) - 1)
    between = np.maximum(centres[right] - centres[right - 1], np.finfo(float).tiny)
    weight = ((times - centres[right - 1]) / between).clip(0, 1).astype(np.float32)[:, None]
    return frames[right - 1] + weight * (frames[right] - frames[right - 1])
