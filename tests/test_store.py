"""Embeddings on disk: whole or absent, content-addressed, the same bytes for the same work."""

import os
import time

import numpy as np
import pytest

from evaluator.errors import EvaluationError
from evaluator.store import Store, StoredClip, model_key, shard_plan, write_whole


def filled(folder, n=5):
    """A store with one shard of n clips: key k0 holds 0s, k1 holds 1s, ..."""
    store = Store(folder, {"module": "m", "weights": "w"})
    rows = np.arange(n, dtype=np.float32)
    views = {"scene": np.repeat(rows[:, None], 3, axis=1)}
    views["layers_mean"] = rows[:, None, None] + 100 * np.arange(2, dtype=np.float32)[None, :, None] + np.zeros(4)
    store.write([StoredClip(f"k{row}", silent=row == 2) for row in range(n)], views)
    return store


def test_what_was_written_is_read_in_any_order(tmp_path):
    """Rows come back by key, in the order asked, from another process' view too."""
    filled(tmp_path)
    again = Store(tmp_path, {"weights": "w", "module": "m"})
    assert again.read(["k3", "k0", "k3"], "scene")[:, 0].tolist() == [3, 0, 3]
    assert again.read(["k4", "k1"], "layers_mean", layer=1)[:, 0].tolist() == [104, 101]
    assert again.clips["k2"].silent and "k9" not in again


def test_another_model_has_another_store(tmp_path):
    """Weights, options or code that differ never share embeddings."""
    keys = {
        model_key({"module": "m", "weights": weights, "options": options})
        for weights in "ab"
        for options in ({}, {"layer": 3})
    }
    assert len(keys) == 4
    filled(tmp_path)
    assert "k0" not in Store(tmp_path, {"module": "m", "weights": "other"})


def test_equal_work_gives_equal_bytes(tmp_path):
    """Two stores made alike hold the same files."""
    shards = []
    for place in ("a", "b"):
        filled(tmp_path / place)
        shards.append({path.name: path.read_bytes() for path in (tmp_path / place).rglob("*.safetensors")})
    assert shards[0] == shards[1]


def test_a_damaged_shard_is_named(tmp_path):
    """Half a shard is told with its file and what to do."""
    shard = next(filled(tmp_path).folder.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(EvaluationError, match=rf"{shard.name}: this shard of the store is damaged .*delete the file"):
        Store(tmp_path, {"module": "m", "weights": "w"})


def test_an_unknown_view_lists_the_known_ones(tmp_path):
    """A module that gives no such embedding is told with what it gives."""
    with pytest.raises(EvaluationError, match="no 'frames' embeddings; it gives layers_mean, scene"):
        filled(tmp_path).read(["k0"], "frames")


def test_what_a_killed_process_left_is_cleared(tmp_path):
    """Old unfinished files go; young ones, perhaps another process', stay."""
    folder = filled(tmp_path).folder
    for name, age in (("old", 7200), ("young", 0)):
        (folder / f".{name}.1.part").write_bytes(b"half")
        os.utime(folder / f".{name}.1.part", (time.time() - age,) * 2)
    Store(tmp_path, {"module": "m", "weights": "w"})
    assert [path.name for path in folder.glob(".*.part")] == [".young.1.part"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    """Whole or not at all."""
    path = tmp_path / "file"
    write_whole(path, b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("n", [1, 7, 8, 9, 513, 10_000])
def test_shards_hold_every_clip_once(n):
    """All clips, in order; at most 64 shards; none but the last under 8 clips."""
    shards = shard_plan(list(range(n)))
    assert [number for shard in shards for number in shard] == list(range(n))
    assert len(shards) <= 64 and all(len(shard) >= 8 for shard in shards[:-1])
