"""Clips to stored embeddings: what a store lacks is embedded shard by shard, and some of it is looked at again.

Three kinds of views may be asked for, and each is in one part of a store:

| views | what | part |
|---|---|---|
| scene | "scene" (size,) of a clip | "" |
| layers | "layers_mean", "layers_std" (n_layers, width) | "" if the module's extension gives them, else "layers" |
| frames | "frames" (n_frames, size), "times" (n_frames,) in ms | "frames" |

What cannot be read never stops the others: it is collected and returned, and whoever asked decides. A clip that is
in the store already is neither decoded nor embedded.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from evaluator.datasets.recordings import Recordings
from evaluator.embedding import guard
from evaluator.embedding.claims import Claim, each_claimed
from evaluator.embedding.extraction import Extraction, keyed, recall, seconds_of
from evaluator.embedding.plain import taken
from evaluator.embedding.plan import Batches, clips_of, planned
from evaluator.embedding.spec import Module
from evaluator.embedding.store import Store, shard_name
from evaluator.embedding.work import Work

PARTS = {"scene": ("",), "layers": ("", "layers"), "frames": ("frames",)}


def extract(
    module: Module,
    recordings: Recordings,
    store: Store,
    advance: Callable[[int], object] = lambda n_clips: None,
    views: str = "scene",
) -> Extraction:
    """Embed every clip that the store does not hold yet.

    Args:
        module: An open HEAR module.
        recordings: The clips.
        store: Where the embeddings of this module are kept; its part is `part_of(views, module)`.
        advance: Called with the number of clips that were dealt with, for a progress bar.
        views: "scene", "layers" or "frames".

    Raises:
        EvaluationError: The module crashes, or refuses every clip.
        ValueError: The store is another part.
    """
    if store.part not in PARTS[views]:
        raise ValueError(f"views {views!r} are kept in part {' or '.join(map(repr, PARTS[views]))}, not {store.part!r}")
    done = keyed(recordings)
    work = Work(module, recordings, store, done)
    store.verify(done.keys.values())
    shards = planned(done.keys, partial(seconds_of, recordings), work.bytes_of, work.limits)
    work.run(to_make(store, shards, done, advance), advance)
    guard.watch(work, store, map(clips_of, shards), done)
    recall(done, store)
    return done


def to_make(
    store: Store, shards: Sequence[Batches], done: Extraction, advance: Callable[[int], object]
) -> Iterator[Claim | None]:
    """Claim in turn the shards that a store lacks, in the batches of their plan; what is there, or others make, counts as done.

    Args:
        store: Of the module.
        shards: (n_shards,), each the numbers of its clips in batches.
        done: The clips' keys; what failed counts as dealt with.
        advance: Called with the number of clips that are dealt with.
    """
    keys = dict(done.keys)
    named = [(shard_name(sorted(keys[number] for number in clips_of(shard))), shard) for shard in shards]
    distinct = sum(len(clips_of(shard)) for shard in shards)
    n_there = sum(keys[number] in store for shard in shards for number in clips_of(shard))
    advance(len(keys) + len(done.failed) - distinct + n_there)
    n_made = 0

    def lacking(shard: Batches) -> Batches:
        batches = [[number for number in batch if keys[number] not in store] for batch in shard]
        return [batch for batch in batches if batch]

    def missing(shard: Batches) -> Batches:
        if lacking(shard):  # what was there was verified; others may have made the rest meanwhile
            store.rescan()
            store.verify(keys[number] for number in clips_of(shard))
        return lacking(shard)

    for claim in each_claimed(store.folder, named, missing):
        n_made += len(clips_of(claim.batches)) if claim else 0
        yield claim
    advance(distinct - n_there - n_made)


def part_of(views: str, module: Module) -> str:
    """The part of a store in which a kind of views of this module is kept.

    For layers, a module with our extension is asked for a second of noise, to see whether it gives them.

    Args:
        views: "scene", "layers" or "frames".
        module: An open HEAR module.
    """
    if views == "layers" and not _gives_layers(module):
        return "layers"
    return PARTS[views][0]


def _gives_layers(module: Module) -> bool:
    """Whether the module has our extension, and that gives mean and standard deviation of every layer."""
    described = module.describe()
    if not described["extension"]:
        return False
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, described["sample_rate"]).astype(np.float32)
    answer = taken(partial(module.clips, [noise]), {})
    return all(view in answer and answer[view].ndim == 3 for view in ("layers_mean", "layers_std"))
