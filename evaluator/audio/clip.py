"""A clip: a stretch of one recording with its labels and events."""

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_NUMBER = r"\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_STRETCH = re.compile(rf"(?P<path>.+)#(?P<start>{_NUMBER})-(?P<end>{_NUMBER})?", re.DOTALL)


class Event(NamedTuple):
    """A sound within a clip: its label, and onset and offset in milliseconds from the clip's start."""

    label: str
    onset_ms: float
    offset_ms: float


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of one recording, its labels, and to which part of the data it belongs.

    path: Of the recording, relative to the dataset's folder, with forward slashes.
    labels: Names of its classes; exactly one where the task is single-label.
    start, end: In seconds from the start of the recording; None where the recording starts or ends.
    fold, split, group: As the dataset gives them, "" where it does not. A group is what must not be on both sides
        of a split: an individual, a speaker, a source recording.
    events: When its labels sound, in milliseconds, where the dataset says so.
    """

    path: str
    labels: tuple[str, ...]
    start: float | None = None
    end: float | None = None
    fold: str = ""
    split: str = ""
    group: str = ""
    events: tuple[Event, ...] = ()

    @property
    def name(self) -> str:
        """The path, followed by `#start-end` in seconds where the clip is not the whole recording."""
        if self.start is None and self.end is None:
            return self.path
        return f"{self.path}#{self.start or 0:.10g}-{'' if self.end is None else format(self.end, '.10g')}"


def named(name: str) -> Clip:
    """The clip, without labels, that has this `Clip.name`: path, start and end in seconds.

    A recording whose own file name ends like `#1-2` is taken for a stretch of another one.
    """
    stretch = _STRETCH.fullmatch(name)
    if stretch is None:
        return Clip(name, ())
    return Clip(stretch["path"], (), float(stretch["start"]), float(stretch["end"]) if stretch["end"] else None)


def n_samples(seconds: float, sample_rate: float) -> int:
    """The number of samples in `seconds`, a half rounded up, as soxr does when it resamples."""
    return math.floor(seconds * sample_rate + 0.5)


def samples_at(seconds: np.ndarray, sample_rate: float) -> np.ndarray:
    """`n_samples` of each of some times in seconds, (n_times,) int64."""
    return np.floor(seconds * sample_rate + 0.5).astype(np.int64)
