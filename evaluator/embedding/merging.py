"""Scene embeddings of several modules merged into one: concatenated, interleaved or averaged.

The arithmetic is that of Wu et al. 2022 (https://arxiv.org/abs/2209.12900) for scenes: each member's scene is resized across
its features by linear interpolation that does not align the corners, where widths have to agree, then merged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MERGES = ("concatenate", "average")


@dataclass(frozen=True)
class SceneMerge:
    """How scenes become one.

    merge: `concatenate` (blocks x0 x1 ... w0 w1 ...) or `average`.
    interleave: Of a concatenation: x0 w0 x1 w1 ... instead of blocks.
    width: Features of each member before merging; None for its own, or the smallest where widths have to agree.
    """

    merge: str = "concatenate"
    interleave: bool = False
    width: int | None = None

    def widths(self, own: Sequence[int]) -> list[int]:
        """Features that each member takes part with, given its own."""
        if self.width is not None:
            return [self.width] * len(own)
        return list(own) if self.merge == "concatenate" and not self.interleave else [min(own)] * len(own)

    def merged_width(self, own: Sequence[int]) -> int:
        """Features of a merged scene, given each member's own."""
        return self.widths(own)[0] if self.merge == "average" else sum(self.widths(own))

    def merged(self, scenes: Sequence[np.ndarray]) -> np.ndarray:
        """The members' scenes, (n_clips, width) each, as one (n_clips, merged width), float32."""
        widths = self.widths([scene.shape[1] for scene in scenes])
        parts = [_resized(scene, width) for scene, width in zip(scenes, widths, strict=True)]
        if self.merge == "average":
            return np.asarray(np.sum([part / np.float32(len(parts)) for part in parts], axis=0, dtype=np.float32))
        if self.interleave:
            return np.stack(parts, axis=2).reshape(len(parts[0]), -1)
        return np.concatenate(parts, axis=1)


def _resized(rows: np.ndarray, width: int) -> np.ndarray:
    """Rows (n, own width) interpolated to (n, width); unchanged if they have that width."""
    if rows.shape[1] == width:
        return rows
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(rows))
    return torch.nn.functional.interpolate(tensor[None], size=width, mode="linear")[0].numpy()
