"""Embeddings on disk: whole or absent, content-addressed, the same bytes for the same work."""

import errno
import os
import time

import numpy as np
import pytest

from evaluator.embedding import shard
from evaluator.embedding.matrix import InMemory, OnDisk
from evaluator.embedding.store import Store, StoredClip, model_key
from evaluator.errors import EvaluationError
from evaluator.files import writable_folder, write_whole


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


def test_all_layers_are_read_at_once(tmp_path):
    """(n_layers, n_clips, width), each layer as it is read alone."""
    found = filled(tmp_path).read_layers(["k3", "k0", "k4"], "layers_mean")
    assert found.shape == (2, 3, 4)
    assert found[:, :, 2].tolist() == [[3, 0, 4], [103, 100, 104]]


@pytest.mark.parametrize(
    ("view", "layer", "sentence"),
    [
        ("scene", 0, "'scene' embeddings have no layers"),
        ("layers_mean", 2, "have layers 0 to 1; 2 is none of them"),
        ("layers_mean", None, "have layers 0 to 1; None is none of them"),
    ],
)
def test_a_layer_that_is_not_there_is_told(tmp_path, view, layer, sentence):
    """Neither another layer's numbers nor another axis."""
    with pytest.raises(EvaluationError, match=sentence):
        filled(tmp_path).read(["k0"], view, layer)


@pytest.mark.parametrize(("memory", "kind"), [(3 * 3 * 4, InMemory), (3 * 3 * 4 - 1, OnDisk)])
def test_a_matrix_is_in_memory_only_if_it_fits(tmp_path, memory, kind):
    """Either way its rows are the clips asked for."""
    found = filled(tmp_path).matrix(["k3", "k0", "k4"], "scene", memory=memory)
    assert isinstance(found, kind) and found.shape == (3, 3)
    assert found.take(np.array([2, 0]))[:, 1].tolist() == [4, 3]


def test_parts_share_nothing_but_the_model(tmp_path):
    """What one part holds is not in another; the model is described once."""
    home = filled(tmp_path)
    part = Store(tmp_path, {"module": "m", "weights": "w"}, part="layers")
    assert part.folder == home.folder / "layers" and "k0" not in part
    part.write([StoredClip("k9")], {"scene": np.ones((1, 3), np.float32)})
    assert "k9" not in Store(tmp_path, {"module": "m", "weights": "w"})
    assert [path.parent for path in tmp_path.rglob("model.json")] == [home.folder]


def with_frames(folder):
    """Part "frames" of two shards: clips a, b and c with 2, 3 and 4 frames of width 5; a frame holds its time."""
    frames = Store(folder, {"module": "m"}, part="frames")
    for names, counts in (("ab", (2, 3)), ("c", (4,))):
        times = np.concatenate([10.0 * np.arange(n) + 0.1 for n in counts])
        rows = np.repeat(times[:, None], 5, axis=1) + 1000 * ord(names[0])
        clips = [StoredClip(name, n_frames=n) for name, n in zip(names, counts, strict=True)]
        frames.write(clips, {"frames": rows.astype(np.float32), "times": times})
    return frames


@pytest.mark.parametrize("memory", [1 << 20, 0])
def test_frames_are_read_clip_by_clip(tmp_path, memory):
    """Each clip's rows and times, in the order asked, from memory and from disk."""
    with_frames(tmp_path)
    matrix, times, rows = Store(tmp_path, {"module": "m"}, part="frames").read_frames(["c", "b"], memory)
    assert isinstance(matrix, InMemory if memory else OnDisk) and matrix.shape == (7, 5)
    assert rows == [slice(0, 4), slice(4, 7)]
    assert times[0].dtype == np.float64 and times[1].tolist() == [0.1, 10.1, 20.1]
    for name, when, own in zip("ca", times, rows, strict=True):  # b lies in the shard that is named after a
        wanted = when[:, None].repeat(5, axis=1) + 1000 * ord(name)
        assert np.array_equal(matrix.take(np.arange(own.start, own.stop)), wanted.astype(np.float32))


def test_frames_of_no_clip_are_none(tmp_path):
    """An empty matrix rather than an error."""
    matrix, times, rows = with_frames(tmp_path).read_frames([])
    assert matrix.shape[0] == 0 and times == rows == []


def test_a_shard_that_counts_its_frames_wrongly_is_damaged(tmp_path):
    """Times and frames of another number than the clips say never pass."""
    frames = Store(tmp_path, {"module": "m"}, part="frames")
    with pytest.raises(EvaluationError, match="another number of frames than it holds"):
        frames.write([StoredClip("a", n_frames=3)], {"frames": np.ones((2, 5)), "times": np.ones(2)})


def test_headers_say_what_the_library_says(tmp_path):
    """Offsets and shapes of a shard are those that safetensors reads."""
    from safetensors.numpy import load_file

    path = next(with_frames(tmp_path).folder.glob("*.safetensors"))
    wanted, found = load_file(path), shard.open_shard(path).tensors
    assert set(found) == set(wanted) == {"frames", "times"}
    for name, tensor in found.items():
        raw = path.read_bytes()[tensor.offset : tensor.offset + tensor.n_bytes]
        assert tensor.shape == wanted[name].shape and raw == wanted[name].tobytes()


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


def failing(number):
    """A system call that fails so."""

    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("call", "number", "remedy"),
    [
        ("fsync", errno.ENOSPC, "make room there, or give another folder"),
        ("fsync", errno.EDQUOT, "make room there, or give another folder"),
        ("replace", errno.EACCES, "give another folder"),
    ],
)
def test_a_write_that_fails_leaves_the_old_file_and_says_where(tmp_path, monkeypatch, call, number, remedy):
    """Whole or not at all; the sentence has the file, the option whose folder it is in, the way out, and what is kept."""
    path = writable_folder("--cache", tmp_path / "c") / "file"
    write_whole(path, b"old")
    monkeypatch.setattr(f"os.{call}", failing(number))
    with pytest.raises(EvaluationError) as raised:
        write_whole(path, b"new")
    assert str(raised.value) == (
        f"{path}, in --cache {tmp_path / 'c'}, cannot be written ({os.strerror(number)}); {remedy}; what is done is kept, "
        "and the same command goes on from there"
    )
    assert path.read_bytes() == b"old" and list(path.parent.iterdir()) == [path]


def test_a_disk_that_knows_no_sync_is_no_error(tmp_path, monkeypatch):
    """Some network and user-space file systems have none."""
    monkeypatch.setattr("os.fsync", failing(errno.EINVAL))
    write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_bytes_are_on_the_disk_before_they_get_their_name(tmp_path, monkeypatch):
    """First the file, then the rename, then the folder: a power cut in between leaves the old file or none."""
    calls = []
    for name in ("fsync", "replace"):
        genuine = getattr(os, name)
        monkeypatch.setattr(
            f"os.{name}", lambda *given, name=name, genuine=genuine: (calls.append(name), genuine(*given))
        )
    write_whole(tmp_path / "file", b"new")
    assert calls == (["fsync", "replace", "fsync"] if os.name == "posix" else ["fsync", "replace"])


def test_a_full_disk_loses_no_shard_that_was_written(tmp_path, monkeypatch):
    """The next run finds what was written before, and no half of what was not."""
    store = filled(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", failing(errno.ENOSPC))
        with pytest.raises(EvaluationError, match="No space left on device"):
            store.write([StoredClip("k9")], {"scene": np.ones((1, 3), np.float32)})
    again = Store(tmp_path, {"module": "m", "weights": "w"})
    assert "k0" in again and "k9" not in again and not list(again.folder.glob(".*"))


def test_shards_of_other_processes_are_found_and_removed_ones_forgotten(tmp_path):
    """Without opening what is known already."""
    mine, theirs = filled(tmp_path), Store(tmp_path, {"module": "m", "weights": "w"})
    path = theirs.write([StoredClip("k9"), StoredClip("k1")], {"scene": np.full((2, 3), 7, np.float32)})
    assert "k9" not in mine
    mine.rescan()
    assert mine.read(["k9", "k2"], "scene")[:, 0].tolist() == [7, 2]
    path.unlink()
    mine.rescan()
    assert "k9" not in mine and mine.read(["k1"], "scene")[0, 0] == 1  # k1 lies in the other shard as well
    next(mine.folder.glob("*.safetensors")).unlink()
    mine.rescan()
    with pytest.raises(EvaluationError, match="a shard of the store was removed, and with it 1 clip; run again"):
        mine.read(["k4"], "scene")
