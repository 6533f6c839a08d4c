"""In which batches and shards clips are embedded: every clip once, little padding, and nothing told by the order."""

import hashlib
from functools import partial

import numpy as np
import pytest

from evaluator.embedding import plan
from evaluator.embedding.plan import clips_of, planned


def key_of(number: int) -> str:
    """A content key as clips have it."""
    return hashlib.sha256(b"%d" % number).hexdigest()


def no_bytes(number: int) -> float:
    """Of a clip."""
    return 0.0


@pytest.mark.parametrize("n", [1, 7, 8, 9, 513, 10_000])
def test_shards_hold_every_clip_once(n):
    """At most 64 shards; none but the last under 8 clips."""
    lengths = np.random.default_rng(0).uniform(0.1, 30, n)
    shards = planned({number: key_of(number) for number in range(n)}, lengths.__getitem__, no_bytes)
    assert sorted(number for shard in shards for number in clips_of(shard)) == list(range(n))
    assert len(shards) <= 64 and all(len(clips_of(shard)) >= 8 for shard in shards[:-1])


def test_the_same_audio_is_embedded_once():
    """Clips with one key stand in the plan as one, and neither their number nor their order changes the plan of the keys."""
    keys = {0: "c", 1: "a", 2: "b", 3: "a", 4: "c"}
    others = {9: "a", 5: "b", 7: "c"}
    seconds = {"a": 3.0, "b": 2.98, "c": 2.99}
    one, other = (
        [
            [each[number] for number in batch]
            for shard in planned(each, lambda n: seconds[each[n]], no_bytes)
            for batch in shard
        ]
        for each in (keys, others)
    )
    assert one == other == [["a", "b", "c"]]


@pytest.mark.parametrize("limits", [plan.ON_CPU, plan.ON_GPU])
@pytest.mark.parametrize(("shortest", "longest", "n"), [(0.1, 1.0, 900), (0.5, 5.0, 2000)])
def test_little_of_a_batch_is_padding(shortest, longest, n, limits):
    """Clips of similar length are together wherever they lie: at most 3 % of real audio is added."""
    lengths = np.random.default_rng(1).uniform(shortest, longest, n)
    shards = planned({number: key_of(number) for number in range(n)}, lengths.__getitem__, no_bytes, limits)
    batches = [lengths[batch] for shard in shards for batch in shard]
    assert sum(len(batch) * batch.max() for batch in batches) <= 1.03 * lengths.sum()
    assert max(map(len, batches)) <= limits.clips and len(batches) < n / 10


def test_batches_are_bounded_in_seconds_and_clips():
    """A clip that is longer than a batch may be is one by itself."""
    lengths = {**dict.fromkeys(range(100), 1.0), **dict.fromkeys(range(100, 110), 50.0), 110: 1000.0}
    shards = planned({number: key_of(number) for number in lengths}, lengths.__getitem__, no_bytes, plan.ON_GPU)
    batches = [batch for shard in shards for batch in shard]
    assert sorted(map(len, batches)) == [1, 1, 3, 3, 3, 36, 64]
    assert [110] in batches


def test_shards_are_bounded_by_bytes_too(monkeypatch):
    """A shard, and a batch, is cut where it would grow too large; a clip that is too large by itself is a shard of its own."""
    monkeypatch.setattr(plan, "SHARD_BYTES", 100)
    sizes = {0: 60.0, 1: 40.0, 2: 1.0, 3: 500.0, 4: 99.0, 5: 2.0}
    shards = planned({number: f"{number}" for number in sizes}, lambda number: 1.0, sizes.__getitem__)
    assert shards == [[[0, 1]], [[2]], [[3]], [[4]], [[5]]]
    shards = planned({number: f"{number}" for number in sizes}, float, sizes.__getitem__)
    assert [sum(sizes[number] for number in clips_of(shard)) <= 100 for shard in shards] == [
        True,
        True,
        False,
        True,
        True,
    ]


def test_the_order_tells_nothing_of_lengths():
    """A module hears long and short batches mixed, for length may betray a label."""
    lengths = np.linspace(1, 2, 6400)
    shards = planned({number: key_of(number) for number in range(6400)}, lengths.__getitem__, no_bytes)
    means = [lengths[batch].mean() for shard in shards for batch in shard]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.3


def test_a_plan_is_of_the_clips_and_not_of_their_order():
    """However they are listed, the batches are the same."""
    keys = {number: key_of(number) for number in range(300)}
    lengths = np.random.default_rng(2).uniform(1, 5, 300)
    seconds = partial(np.ndarray.__getitem__, lengths)
    assert planned(keys, seconds, no_bytes) == planned(dict(reversed(keys.items())), seconds, no_bytes)
