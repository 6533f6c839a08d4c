"""What a score is: its function, and what its values mean."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluator.scoring.columns import Columns


@dataclass(frozen=True)
class Metric:
    """A score: its function, to be called as it is, and what its values mean.

    columns: From targets, probabilities, groups and their number to `Columns`, as everywhere here.
    meaning: What it is, in a phrase that goes on from its name and a colon.
    beside: Labels (`single`, `multi`, `events`) of the tasks whose results have it beside their own score; `pitches`
        for single labels that are consecutive MIDI notes.
    best: Which end is good.
    low, high: Ends of the range that values can have, included.
    unit: "%" where people read a hundred times the value, else "".
    of_events: Whether it is made of tallies of files, not of clips with classes.
    of_measures: Whether it is made of what a measure without training says of each clip (`measures.py`), not of clips with classes; no task
        has such a metric as its own.
    ranks: Whether it is of ranked clips, which makes it too high where few have the label.
    title: What people call it, where that is not its name in task files with spaces.
    """

    columns: Callable[[np.ndarray, np.ndarray, np.ndarray, int], Columns]
    meaning: str
    beside: tuple[str, ...] = ()
    best: Literal["highest", "lowest"] = "highest"
    low: float = 0.0
    high: float = 1.0
    unit: Literal["%", ""] = "%"
    of_events: bool = False
    of_measures: bool = False
    ranks: bool = False
    title: str = ""

    @property
    def repeats(self) -> str:
        """What is done again with other seeds: trainings of a probe, or starts of what trains none, such as of a clustering."""
        return "starts" if self.of_measures else "trainings"

    @property
    def by_class(self) -> bool:
        """Whether it is of targets and probabilities of classes, (n_clips, n_classes) both."""
        return not (self.of_events or self.of_measures)

    def value(self, targets: np.ndarray, probabilities: np.ndarray) -> float:
        """The score of (n_clips, ...), each clip counted once; NaN where there is nothing to score."""
        return self.columns(targets, probabilities, np.zeros(len(targets), dtype=np.int64), 1).score

    def shown(self, value: float) -> str:
        """A score, or the end or width of an interval, as people read it: without the unit, a dash for NaN."""
        if math.isnan(value):
            return "–"
        return f"{100 * value:.1f}" if self.unit == "%" else f"{value:.3f}"

    def interval(self, low: float, high: float, to: str = " to ") -> str:
        """An interval as people read it, `49.6 to 55.9`; `none` where there is none (NaN)."""
        return "none" if math.isnan(low) or math.isnan(high) else f"{self.shown(low)}{to}{self.shown(high)}"
