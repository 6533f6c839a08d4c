"""The units of sampling of a result: groups of clips, over all folds together, or clips where the data names no groups."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MAX_BLOCKS = 200  # beyond, units are left out by blocks: 199 degrees of freedom cost 0.6 % of the width of an interval


@dataclass(frozen=True)
class Units:
    """What is sampled independently.

    over: `groups`, or `clips` where no clip has a group.
    names: Of the units, sorted, (n_units,).
    blocks: For each fold the block of each test clip, (n_clips,): its unit, or, of many units, one of `MAX_BLOCKS` blocks.
    n_blocks: How many blocks there are.
    n_alone: Clips without a group although others have one: each counts as a unit.
    """

    over: str
    names: list[str]
    blocks: list[np.ndarray]
    n_blocks: int
    n_alone: int = 0

    @property
    def n(self) -> int:
        """How many units there are: of names, (n_units,)."""
        return len(self.names)


def units_of(groups: Sequence[Sequence[str]], clips: Sequence[Sequence[str]]) -> Units:
    """The units of all folds together: a group or a clip that is tested in several folds is one.

    Args:
        groups: For each fold the group of each test clip, (n_clips,), "" for none.
        clips: For each fold the name of each test clip, (n_clips,).
    """
    of_groups = any(any(fold) for fold in groups)
    named = [
        [(0, group) if group else (1, clip) for group, clip in zip(*fold, strict=True)]
        for fold in zip(groups, clips, strict=True)
    ]
    every = sorted({each for fold in named for each in fold})
    place = _blocks(every)
    return Units(
        over="groups" if of_groups else "clips",
        names=[name for _, name in every],
        blocks=[np.array([place[each] for each in fold], dtype=np.int64) for fold in named],
        n_blocks=min(len(every), MAX_BLOCKS),
        n_alone=len([1 for alone, _ in every if alone]) if of_groups else 0,
    )


def _blocks(units: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], int]:
    """The block of each of the sorted units, drawn at random but the same for the same units."""
    places = np.arange(len(units))
    if len(units) > MAX_BLOCKS:
        seed = hashlib.sha256("\n".join(f"{alone}{name}" for alone, name in units).encode()).digest()
        places = np.random.default_rng(list(seed)).permutation(len(units)) % MAX_BLOCKS
    return dict(zip(units, places.tolist(), strict=True))
