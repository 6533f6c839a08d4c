"""Rows from memory and from files: the same numbers, little memory, and a sentence where a file fails."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluator.embedding import matrix
from evaluator.embedding.matrix import InMemory, OnDisk, moments
from evaluator.errors import EvaluationError

WIDTH = 3


@pytest.fixture
def both(tmp_path):
    """One matrix of 11 rows twice: in memory, and in two files whose stretches lie in another order."""
    array = np.random.default_rng(0).standard_normal((11, WIDTH)).astype(np.float32)
    (tmp_path / "a").write_bytes(b"head" + array[6:11].tobytes() + array[0:2].tobytes())
    (tmp_path / "b").write_bytes(array[2:6].tobytes())
    stretches = [[0, 4 + 5 * 4 * WIDTH, 2], [1, 0, 4], [0, 4, 5]]
    return InMemory(array), OnDisk([tmp_path / "a", tmp_path / "b"], np.array(stretches), WIDTH)


@pytest.mark.parametrize("rows", [[], [3], range(11), [10, 0, 5, 5, 6, 2, 1, 0], [7, 7, 7]])
def test_rows_are_the_same_from_memory_and_from_disk(both, rows):
    """In any order, some several times, none at all."""
    in_memory, on_disk = both
    wanted = in_memory.array[list(rows)]
    for each in both:
        assert each.shape == (11, WIDTH)
        found = each.take(np.array(rows, dtype=np.int64))
        assert found.dtype == np.float32 and np.array_equal(found, wanted)
    assert np.array_equal(on_disk.all_rows(), in_memory.array)


@pytest.mark.parametrize("row", [-1, 11])
def test_a_row_that_is_not_there_is_told(both, row):
    """No neighbour's bytes are given for it."""
    with pytest.raises(IndexError, match="of a matrix with 11"):
        both[1].take(np.array([0, row]))


@pytest.mark.parametrize("block_bytes", [1, 5 * 4 * WIDTH, 1 << 20])
def test_moments_are_numpys_over_the_rows(both, block_bytes, monkeypatch):
    """In blocks of any size, over chosen rows, also where the mean is large beside the deviation."""
    monkeypatch.setattr(matrix, "BLOCK_BYTES", block_bytes)
    rows = np.array([9, 1, 4, 4, 7, 2, 10])
    for each in (*both, InMemory(both[0].array + np.float32(1000))):
        chosen = each.take(rows).astype(np.float64)
        mean, std = moments(each, rows)
        np.testing.assert_allclose(mean, chosen.mean(axis=0), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(std, chosen.std(axis=0, ddof=1), rtol=1e-9)


def test_moments_of_one_row_and_of_none(both):
    """The deviation of one row is 0, not NaN; of no rows there is nothing to say."""
    mean, std = moments(both[1], np.array([3]))
    assert np.array_equal(mean, both[0].array[3]) and std.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="over no rows"):
        moments(both[1], np.array([], dtype=np.int64))


def test_a_file_that_was_cut_off_or_removed_is_named(both):
    """A sentence with the file and the way out, never other numbers."""
    on_disk = both[1]
    path = on_disk.paths[1]
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(EvaluationError, match=r"b: .* is cut off: nothing comes after byte 43; run again"):
        on_disk.take(np.array([5]))
    on_disk.close()
    path.unlink()
    with pytest.raises(EvaluationError, match="b: .* cannot be read .*run again"):
        on_disk.take(np.array([2]))


def n_open():
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files cannot be counted here")
def test_few_files_are_open_and_none_is_left(tmp_path, monkeypatch):
    """More files than may be open at once are read all the same; with the matrix goes its last file."""
    monkeypatch.setattr(matrix, "MOST_OPEN", 2)
    before, numbers = n_open(), np.arange(7, dtype=np.float32)
    paths = [tmp_path / str(number) for number in range(7)]
    for path, number in zip(paths, numbers, strict=True):
        path.write_bytes(number.tobytes())
    on_disk = OnDisk(paths, np.array([[number, 0, 1] for number in range(7)]), 1)
    assert on_disk.take(np.array([6, 0, 3, 6, 1]))[:, 0].tolist() == [6, 0, 3, 6, 1]
    assert n_open() == before + 2
    on_disk.close()
    assert n_open() == before
    assert on_disk.take(np.array([2]))[0, 0] == 2  # opened again
    del on_disk
    assert n_open() == before


def test_memory_does_not_grow_with_the_files(tmp_path):
    """All rows of 400 MB are taken in batches by a process that never holds 64 MB of them."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(400 << 20)  # zeros that take no place on most disks
    script = f"""
import resource, sys
from pathlib import Path
import numpy as np
from evaluator.embedding.matrix import OnDisk, moments
on_disk = OnDisk([Path({str(path)!r})], np.array([[0, 0, {400 << 10}]]), 256)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
mean, _ = moments(on_disk, np.arange(on_disk.shape[0]))
on_disk.take(np.random.default_rng(0).integers(0, on_disk.shape[0], 1024))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    kilobyte = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * kilobyte < 64 << 20
