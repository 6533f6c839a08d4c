"""In which batches and shards a task's clips are embedded: a matter of all its clips, never of what a store holds already.

Clips of similar length share a batch wherever they come from, so that little is padded; batches are cut from the whole list by
length, then content key. They run, and fill shards, in an order drawn from the keys, which are hashes of audio: neither paths,
nor labels, nor lengths, which may betray a label, can show in it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

MAX_PADDING = 0.03  # of a batch, as a share of its real audio
SHARD_BYTES = 256 << 20
N_SHARDS = 64  # at most, but for what `SHARD_BYTES` cuts
SMALLEST_SHARD = 8  # clips, but of the last

Batches = list[list[int]]  # of clips, by their numbers


class Limits(NamedTuple):
    """Most audio in a batch, in seconds, and most clips in it; a longer clip is a batch of its own."""

    seconds: float
    clips: int


ON_CPU = Limits(40.0, 16)  # larger ones gain nothing there, and smaller ones lose less when a run is stopped
ON_GPU = Limits(160.0, 64)


def planned(
    keys: Mapping[int, str],
    seconds_of: Callable[[int], float],
    bytes_of: Callable[[int], float],
    limits: Limits = ON_CPU,
) -> list[Batches]:
    """The shards that hold each of some clips once, (n_shards,), and the batches of each, in the order in which they are made.

    Args:
        keys: Store key of each clip, by number; of clips with the same key the lowest number stands for all.
        seconds_of: Length of a clip in seconds, by number.
        bytes_of: About how many bytes a clip takes in the store, by number.
        limits: Of a batch.

    >>> planned({0: "b", 1: "a", 2: "c", 3: "a"}, lambda number: 1.0, lambda number: 8.0)
    [[[1, 0, 2]]]
    """
    owner: dict[str, int] = {}
    for number in sorted(keys):
        owner.setdefault(keys[number], number)
    batches = _batches(owner, seconds_of, bytes_of, limits)
    return _shards(batches, bytes_of, max(SMALLEST_SHARD, -(-len(owner) // N_SHARDS)))


def _batches(
    owner: Mapping[str, int], seconds_of: Callable[[int], float], bytes_of: Callable[[int], float], limits: Limits
) -> Batches:
    """Clips of similar length together, each batch in the order of its keys; the batches in that of their first keys."""
    lengths = {key: seconds_of(number) for key, number in owner.items()}
    batches: list[list[str]] = []
    seconds, n_bytes = 0.0, 0.0  # of the last batch
    for key in sorted(owner, key=lambda key: (lengths[key], key)):
        seconds += lengths[key]
        n_bytes += bytes_of(owner[key])
        n_clips = len(batches[-1]) + 1 if batches else 1
        padded = n_clips * lengths[key]
        fits = padded <= min(limits.seconds, (1 + MAX_PADDING) * seconds) and n_bytes <= SHARD_BYTES
        if batches and fits and n_clips <= limits.clips:
            batches[-1].append(key)
        else:
            batches.append([key])
            seconds, n_bytes = lengths[key], bytes_of(owner[key])
    return [[owner[key] for key in batch] for batch in sorted(map(sorted, batches))]


def _shards(batches: Batches, bytes_of: Callable[[int], float], n_clips: int) -> list[Batches]:
    """Batches in runs of at least `n_clips` clips, or of `SHARD_BYTES`; one for each shard."""
    shards: list[Batches] = []
    n_held, n_bytes = 0, 0.0  # of the last shard
    for batch in batches:
        its_bytes = sum(map(bytes_of, batch))
        if shards and n_held < n_clips and n_bytes + its_bytes <= SHARD_BYTES:
            shards[-1].append(batch)
        else:
            shards.append([batch])
            n_held, n_bytes = 0, 0.0
        n_held += len(batch)
        n_bytes += its_bytes
    return shards


def clips_of(shard: Sequence[Sequence[int]]) -> list[int]:
    """The clips of a shard, (n_clips,) numbers, in the order in which they are embedded."""
    return [number for batch in shard for number in batch]
