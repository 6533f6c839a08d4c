"""How the frames of several members become those of an ensemble: the choices, and the arithmetic.

All interpolation is linear. Across features, and across time unless told otherwise, it does not align the corners
("half-pixel", the default of torch.nn.functional.interpolate).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import interpolate

OPTIONS = {
    "merge": "concatenate or average",
    "interleave": "false: blocks x0 x1 ... w0 w1 ...; true: x0 w0 x1 w1 ... (concatenate only)",
    "width": "features of each member before merging; default: its own, or the smallest where they must be equal",
    "time_groups": "how many parts of equal length a scene is cut into, their means concatenated (default 1)",
    "align": "stretch: a sequence of another length is stretched; centres: interpolated at the frames' times",
    "scene": "members: the members' own scene embeddings are merged (default); merged: mean over the merged frames, "
    "however a member pools its own (default with time_groups)",
    "end_padding": "true: a timestamp for every centre inside the clip; false: whole receptive fields only",
    "member_options": "options of load_model by member: {MEMBER: {OPTION: VALUE}}",
    "member_paths": "model_file_path by member: {MEMBER: PATH}",
}
MERGES = ("concatenate", "average")


@dataclass(frozen=True)
class MergeOptions:
    """How members become one embedding; see `OPTIONS`.

    >>> MergeOptions(interleave=True).merged_width([768, 256])
    512

    Raises:
        ValueError: A value that cannot be; the message names it.
    """

    merge: str = "concatenate"
    interleave: bool = False
    width: int | None = None
    time_groups: int = 1
    align: str = "stretch"
    scene: str = ""
    end_padding: bool = True

    def __post_init__(self) -> None:
        if not self.scene:
            object.__setattr__(self, "scene", "members" if self.time_groups == 1 else "merged")
        known = {"merge": MERGES, "align": ("stretch", "centres"), "scene": ("merged", "members")}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ValueError(f"option {name}={getattr(self, name)!r}: known values are {' and '.join(values)}")
        for name in ("interleave", "end_padding"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"option {name}={getattr(self, name)!r}: true or false is wanted")
        for name, number in (("width", self.width), ("time_groups", self.time_groups)):
            if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
                raise ValueError(f"option {name}={number!r}: a whole number from 1 is wanted")
        if self.interleave and self.merge != "concatenate":
            raise ValueError(f"option interleave=True says how to concatenate, but merge is {self.merge!r}")
        if self.scene == "members" and self.time_groups != 1:
            raise ValueError(f"time_groups={self.time_groups} cuts merged frames; scene='members' has none to cut")

    def widths(self, own: Sequence[int]) -> list[int]:
        """Features that each member takes part with, given its own."""
        if self.width is not None:
            return [self.width] * len(own)
        return list(own) if self.merge == "concatenate" and not self.interleave else [min(own)] * len(own)

    def merged_width(self, own: Sequence[int]) -> int:
        """Features of a merged frame."""
        return self.widths(own)[0] if self.merge == "average" else sum(self.widths(own))

    def insert(self, merged: torch.Tensor, number: int, part: torch.Tensor, own: Sequence[int]) -> None:
        """Put a member's part (..., width) where it belongs in `merged` (..., merged_width), which began as zeros."""
        widths = self.widths(own)
        if self.merge == "average":
            merged += part / len(widths)
        elif self.interleave:
            merged.unflatten(-1, (widths[0], len(widths)))[..., number] = part
        else:
            first = sum(widths[:number])
            merged[..., first : first + widths[number]] = part

    def aligned(self, frames: torch.Tensor, centres: np.ndarray, grid: np.ndarray) -> torch.Tensor:
        """Frames (n_frames, width) with `centres` in ms, on the frames of `grid` (n,) in ms: (n, width)."""
        if self.align == "centres":
            return frames if np.array_equal(centres, grid) else at_times(frames, centres, grid)
        return frames if len(centres) == len(grid) else resized(frames.T, len(grid)).T


def resized(rows: torch.Tensor, size: int) -> torch.Tensor:
    """Rows of shape (n, m) linearly interpolated to (n, size), half-pixel convention; unchanged if m is that size.

    >>> resized(torch.tensor([[0.0, 4.0]]), 4).tolist()
    [[0.0, 1.0, 3.0, 4.0]]
    """
    return rows if rows.shape[1] == size else interpolate(rows[None], size=size, mode="linear")[0]


def at_times(frames: torch.Tensor, centres: np.ndarray, times: np.ndarray) -> torch.Tensor:
    """Frames (n_frames, width) linearly interpolated at `times`: (n_times, width); the ends go on unchanged.

    Args:
        centres: Of the frames, ascending, (n_frames,).
        times: In the same unit, (n_times,).
    """
    if len(centres) == 1:
        return frames.expand(len(times), -1)
    right = np.searchsorted(centres, times).clip(1, len(centres) - 1)
    position = (times - centres[right - 1]) / (centres[right] - centres[right - 1])  # 0 at one centre, 1 at the next
    weight = torch.from_numpy(position.clip(0, 1)).to(frames).unsqueeze(1)
    after = torch.from_numpy(right).to(frames.device)
    return torch.lerp(frames[after - 1], frames[after], weight)


def group_means(frames: torch.Tensor, n_groups: int) -> torch.Tensor:
    """Means of equal consecutive groups of frames (n_frames, width), the last n_frames % n_groups dropped.

    Returns:
        (n_groups, width).

    Raises:
        ValueError: Fewer frames than groups.
    """
    size = len(frames) // n_groups
    if not size:
        raise ValueError(
            f"time_groups={n_groups}, but the clip has only {len(frames)} frames; lengthen it, or take fewer groups"
        )
    return frames[: size * n_groups].unflatten(0, (n_groups, size)).mean(dim=1)
