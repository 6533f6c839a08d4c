"""Results found in files and folders, by the question that they answer; what cannot be used is told in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Head:
    """What the JSON of a result says of it, without curve, clips and predictions.

    score, ci_low, ci_high: As those of a result; NaN where it has none.
    layers, seeds: Which layers were judged, "" if the protocol said so; how often probes were trained.
    started: When, in ISO 8601; "" if not known.
    data: The folder in which its data lay; "" if not known.
    title: What to call the module: its name, and what tells it from its variants among all that was gathered.
    """

    path: Path
    run: str
    module: str
    weights: str
    options: dict[str, Any]
    layers: str
    seeds: int
    task: str
    dataset: str
    protocol: str
    profile: str
    metric: str
    score: float
    ci_low: float
    ci_high: float
    spread: float | None
    chosen: str
    started: str
    data: str
    title: str = ""


@dataclass(frozen=True)
class Asked:
    """One question and the results that answer it; whether on the same clips, `board.boards` finds out."""

    task: str
    dataset: str
    protocol: str
    profile: str
    metric: str
    heads: list[Head]


@dataclass(frozen=True)
class Gathered:
    """All that was found.

    asked: The questions, in order of task, protocol and profile.
    problems: A sentence for each file that should be a result and cannot be used.
    notes: What else a reader should know, such as files that were passed over.
    """

    asked: list[Asked]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def gather(places: Sequence[Path]) -> Gathered:
    """The results in files and, at any depth, folders."""
    raise NotImplementedError(places)
