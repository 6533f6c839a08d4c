"""Which process makes which shard: a lock file for each, so that processes that share a cache embed each clip once.

A lock is the operating system's own, so that a process that is killed loses it with its life: nothing goes stale. Where a file
system knows no locks, work is done twice rather than not at all, and the shards are the same.
"""

import contextlib
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock

from evaluator.embedding.plan import Batches

POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)
_place = 0  # of this process among workers


def take_place(number: int) -> None:
    """Go through shards in an order of one's own from now on, of all orders the one with this number; 0 is that of the plan.

    Where locks are known no order is better; where they are not, processes seldom make the same shard at the same time.
    """
    global _place
    _place = number


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever has it; without a lock where the file system knows none."""
    lock = filelock.FileLock(path)
    try:
        lock.acquire()
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        lock.release()


@dataclass
class Claim:
    """A shard that this process makes and no other; as a context it is released at the end, also by an error.

    Attributes:
        batches: The clips that it lacks, by their numbers, in the batches in which they are embedded, (n_batches,) lists.
        lock: Held until `release`; None where the file system knows no locks.
    """

    batches: Batches
    lock: filelock.BaseFileLock | None

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.release(whole=kind is None)

    def release(self, whole: bool = False) -> None:
        """Let others have it; of a shard that is whole the lock's file goes too, since whoever comes now finds the shard."""
        if self.lock is not None:
            if whole:
                with contextlib.suppress(OSError):  # somebody has it open, where systems mind
                    Path(self.lock.lock_file).unlink(missing_ok=True)
            self.lock.release()
            self.lock = None


def each_claimed(
    folder: Path, shards: Sequence[tuple[str, Batches]], missing: Callable[[Batches], Batches]
) -> Iterator[Claim | None]:
    """Claim the shards that are not whole yet, one after another; those that another process makes come last, if it gives them up.

    None comes where all that is left is made by others: finish what you hold, for they may wait for that, wait `POLL_SECONDS` (0.1
    seconds), and ask for the next.

    Args:
        folder: Where locks lie, beside the shards.
        shards: Name of each, and its clips in batches.
        missing: What of a shard is not stored now; looks at the disk again.
    """
    waiting = random.Random(_place).sample(shards, len(shards)) if _place else list(shards)  # noqa: S311  (an order, no secret)
    told = False
    while waiting:
        taken_by_others = []
        for name, shard in waiting:
            if not missing(shard):
                _clear(folder / f".{name}.lock")
                continue
            lock = filelock.FileLock(folder / f".{name}.lock", timeout=0)
            try:
                lock.acquire()
            except filelock.Timeout:
                taken_by_others.append((name, shard))
                continue
            except (OSError, NotImplementedError):
                yield Claim(missing(shard), None)
                continue
            claim = Claim(missing(shard), lock)  # looked at again: the one before may have made it meanwhile
            if claim.batches:
                yield claim
            else:
                claim.release(whole=True)
        waiting = taken_by_others
        if waiting:
            if not told:
                _log.info("waiting for another process that embeds %d of the same shards in %s", len(waiting), folder)
                told = True
            yield None


def _clear(path: Path) -> None:
    """Remove the lock file of a shard that is whole, where a process was killed after it had written the one and kept the other."""
    if path.exists():
        with contextlib.suppress(
            OSError, NotImplementedError, filelock.Timeout
        ):  # it is held: whoever holds it clears up
            lock = filelock.FileLock(path, timeout=0)
            lock.acquire()
            Claim([], lock).release(whole=True)
