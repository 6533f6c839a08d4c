"""Work on the next items in threads, while the last one is dealt with."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from evaluator.embedding.claims import POLL_SECONDS


def _n_cores() -> int:
    """Cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not every system has it
    return len(allowed(0)) if allowed else os.cpu_count() or 1


# Of the cores that this process may use: a GPU wants more audio than two of them decode.
DECODING_THREADS = max(2, min(32, _n_cores()))
BATCHES_AHEAD = 2
AHEAD_BYTES = 256_000_000  # of audio that is decoded ahead; a longer clip is decoded when its turn has come

Item = TypeVar("Item")
Done = TypeVar("Done")


def timed(read: Callable[[int], Done], number: int) -> tuple[Done, float]:
    """What is read of a clip, and the processor seconds that this thread took for it."""
    began = time.thread_time()
    return read(number), time.thread_time() - began


def start_ahead(
    items: Iterable[Item | None], start: Callable[[Item], list[Future[Done]]], size: Callable[[Item], float]
) -> Iterator[tuple[Item, list[Future[Done]]]]:
    """Start the work on each item a few items before it is asked for; at None finish what was started, and wait a moment.

    What is started together takes no more than `AHEAD_BYTES`, or is a single item.
    """
    running: deque[tuple[Item, list[Future[Done]]]] = deque()
    sizes: deque[float] = deque()
    for item in items:
        if item is None:
            while running:
                sizes.popleft()
                yield running.popleft()
            time.sleep(POLL_SECONDS)
            continue
        n_bytes = size(item)
        while running and sum(sizes) + n_bytes > AHEAD_BYTES:
            sizes.popleft()
            yield running.popleft()
        running.append((item, start(item)))
        sizes.append(n_bytes)
        if len(running) > BATCHES_AHEAD:
            sizes.popleft()
            yield running.popleft()
    while running:
        yield running.popleft()
