"""What a command has used so far: this process, and those that modules run in."""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from evaluator.embedding import usage


class Spent(NamedTuple):
    """Used up to a moment.

    wall, processor: Seconds; processor time is that of all threads and processes together.
    peak_bytes: The most memory held so far: by this process, and at the same time at most by those of modules; 0 if not known.
    """

    wall: float
    processor: float
    peak_bytes: int


@dataclass
class _Workers:
    """Processes of modules: what each that runs told last, by its id, and the most memory of one that has ended."""

    running: dict[int, tuple[float, int]] = field(default_factory=dict)
    ended_peak: int = 0


_workers = _Workers()


def told(process: int, processor: float, peak_bytes: int) -> None:
    """Note what a running process says that it used: processor seconds, and the most bytes held at once."""
    _workers.running[process] = processor, peak_bytes


def ended(process: int) -> None:
    """Note that a process has ended and was waited for: from then on the system counts its processor seconds with ours."""
    _, peak_bytes = _workers.running.pop(process, (0.0, 0))
    _workers.ended_peak = max(_workers.ended_peak, peak_bytes)


def now() -> Spent:
    """What was used so far, in seconds from an arbitrary beginning, and bytes."""
    running = list(_workers.running.values())
    return Spent(
        time.perf_counter(),
        usage.processor_seconds() + sum(processor for processor, _ in running),
        usage.peak_bytes() + max(_workers.ended_peak, sum(peak for _, peak in running)),
    )
