"""What the benchmarks share: how long something takes where others use the machine too."""

import time
from collections.abc import Callable
from typing import Any


def best(work: Callable[[], Any]) -> float:
    """Seconds of the fastest of three calls."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)
