"""What a miniature of a dataset is: a few short sounds in the true layout, and what has to be read from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile


def sound(
    path: Path,
    seconds: float = 0.2,
    rate: int = 16000,
    seed: int = 0,
    channels: int = 1,
    subtype: str | None = None,
) -> None:
    """Write seeded noise; the format follows from the suffix, missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (max(1, round(seconds * rate)), channels))
    kind = "AIFF" if path.suffix == ".aif" else None
    soundfile.write(path, noise, rate, subtype=subtype, format=kind)


def text(path: Path, *lines: str, end: str = "\n") -> None:
    """Write lines, each with its end; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + end for line in lines), encoding="utf-8", newline="")


@dataclass(frozen=True)
class Expected:
    """What has to be read, written down by hand.

    labels: Some clips (by name) and all their labels.
    folds, splits: All of them, each with its number of clips.
    groups: How many distinct groups, None if not asked.
    group_of: Some clips and their groups.
    repeated: How many clips stand there twice.
    events: Some clips and all their events as (label, onset in ms, offset in ms).
    """

    clips: int
    classes: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    splits: Mapping[str, int] = field(default_factory=dict)
    folds: Mapping[str, int] = field(default_factory=dict)
    groups: int | None = None
    group_of: Mapping[str, str] = field(default_factory=dict)
    repeated: int = 0
    events: Mapping[str, tuple[tuple[str, float, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Miniature:
    """make: Writes the layout below the folder it is given. variants: What the dataset's other ways to read give."""

    make: Callable[[Path], None]
    expected: Expected
    variants: Mapping[str, Expected] = field(default_factory=dict)
