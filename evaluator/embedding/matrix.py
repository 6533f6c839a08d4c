"""Embeddings as a matrix whose rows are read by number, in memory or, where they do not fit, straight from their files.

Rows on disk are read, not mapped: a mapped page counts as this process' memory, and training touches them all.
"""

import os
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from evaluator.embedding import halves
from evaluator.errors import EvaluationError

MOST_OPEN = 256  # files at once; systems allow 256 to 1024 a process
BLOCK_BYTES = 8 << 20  # of the rows that `moments` looks at together
CONSTANT = 1e-6  # of a feature's mean; float32 has steps of 1.2e-7, and sums of it err by several
_SPAN = 1 << 44  # addresses a file; none is as large
_READ_ONLY = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Matrix(Protocol):
    """Rows of float32 that can be had by number."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, width)."""

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Some rows, (len(rows), width), float32, in the order asked; one may be asked for several times.

        Args:
            rows: Their numbers, (n,), 0 to n_rows - 1, integers.
        """


@dataclass(frozen=True)
class InMemory:
    """A matrix that is a plain array, (n_rows, width), float32."""

    array: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """See `Matrix`."""
        return self.array.shape[0], self.array.shape[1]

    def take(self, rows: np.ndarray) -> np.ndarray:
        """See `Matrix`."""
        return self.array[rows]


@dataclass(frozen=True)
class SideBySide:
    """Matrices with the same rows, their columns one after another.

    Shapes (n_rows, width of each part) become (n_rows, sum of the widths).
    """

    parts: Sequence[Matrix]

    @property
    def shape(self) -> tuple[int, int]:
        """See `Matrix`."""
        return self.parts[0].shape[0], sum(part.shape[1] for part in self.parts)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """See `Matrix`."""
        return np.concatenate([part.take(rows) for part in self.parts], axis=1)


class OnDisk:
    """A matrix whose rows lie in files, in stretches of consecutive rows; its memory is that of the rows taken.

    It may be used from several threads. Files are opened when they are needed and closed with the matrix.

    Args:
        paths: The files.
        stretches: (n_stretches, 3), in the order of the matrix' rows: which file, the byte where the stretch begins,
            and its number of rows.
        width: Of a row.
        in_halves: Whether a row is one of `halves`; else it is float32, 4 * width bytes.
    """

    def __init__(self, paths: Sequence[Path], stretches: np.ndarray, width: int, in_halves: bool = False):
        stretches = np.asarray(stretches, dtype=np.int64).reshape(-1, 3)
        self.paths, self.width, self.in_halves = list(paths), width, in_halves
        self.row_bytes = halves.row_bytes(width) if in_halves else 4 * width
        ends = np.cumsum(stretches[:, 2])
        self.first_rows = ends - stretches[:, 2]
        self.addresses = stretches[:, 0] * _SPAN + stretches[:, 1]
        self.n_rows = int(ends[-1]) if len(ends) else 0
        self.single = self.n_rows == len(stretches)  # every stretch is one row
        self.open: dict[int, int] = {}  # descriptor of each open file by its number, the one used last at the end
        self.lock = threading.Lock()
        self.closing = weakref.finalize(self, _close_all, self.open)

    @property
    def shape(self) -> tuple[int, int]:
        """See `Matrix`."""
        return self.n_rows, self.width

    def take(self, rows: np.ndarray) -> np.ndarray:
        """See `Matrix`.

        Raises:
            IndexError: There is no such row.
            EvaluationError: A file is gone or was cut off.
        """
        rows = np.asarray(rows, dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < self.n_rows:
            raise IndexError(f"rows {rows.min()} to {rows.max()} of a matrix with {self.n_rows}")
        stretch = rows if self.single else np.searchsorted(self.first_rows, rows, side="right") - 1
        addresses = self.addresses[stretch] + (rows - self.first_rows[stretch]) * self.row_bytes
        if np.all(np.diff(addresses) > 0):
            return self.read(addresses)
        distinct, inverse = np.unique(addresses, return_inverse=True)
        return self.read(distinct)[inverse]

    def all_rows(self) -> np.ndarray:
        """Every row, (n_rows, width); its files are closed afterwards. Errors as in `take`."""
        out = np.empty(self.shape, np.float32)
        size = max(1, BLOCK_BYTES // max(1, self.row_bytes))
        for first in range(0, self.n_rows, size):
            after = min(first + size, self.n_rows)
            out[first:after] = self.take(np.arange(first, after))
        self.close()
        return out

    def read(self, addresses: np.ndarray) -> np.ndarray:
        """The rows at rising addresses, (n, width), float32."""
        rows = self.read_bytes(addresses)
        return halves.unpacked(rows) if self.in_halves else rows.view("<f4").astype(np.float32, copy=False)

    def read_bytes(self, addresses: np.ndarray) -> np.ndarray:
        """The bytes of the rows at rising addresses, (n, row_bytes); those that lie together are read together."""
        out = np.empty((len(addresses), self.row_bytes), np.uint8)
        if not out.size:
            return out
        memory, row = out.data.cast("B"), self.row_bytes
        breaks = np.flatnonzero(np.diff(addresses) != row) + 1
        firsts = np.concatenate([[0], breaks])
        ends = np.append(breaks, len(addresses))
        numbers, offsets = np.divmod(addresses[firsts], _SPAN)
        runs = (each.tolist() for each in (numbers, offsets, firsts * row, ends * row))
        opened = -1
        with self.lock:
            for number, offset, first, end in zip(*runs, strict=True):
                if number != opened:
                    opened, descriptor = number, self.descriptor(number)
                n_read = _read_at(descriptor, memory[first:end], offset)
                if n_read < end - first:
                    self.fill(memory[first + n_read : end], number, offset + n_read)
        return out

    def fill(self, memory: memoryview, number: int, offset: int) -> None:
        """Read bytes of file `number` from `offset` on until `memory` is full: a read may give less than was asked."""
        while len(memory):
            n_read = _read_at(self.descriptor(number), memory, offset)
            if not n_read:
                raise EvaluationError(
                    f"{self.paths[number]}: this shard of the store is cut off: nothing comes after byte {offset}; "
                    "run again, and its clips are embedded again"
                )
            memory, offset = memory[n_read:], offset + n_read

    def descriptor(self, number: int) -> int:
        """An open descriptor of a file; the file that was not used for longest is closed for it."""
        descriptor = self.open.pop(number, None)
        if descriptor is None:
            if len(self.open) >= MOST_OPEN:
                os.close(self.open.pop(next(iter(self.open))))
            try:
                descriptor = os.open(self.paths[number], _READ_ONLY)
            except OSError as error:
                raise EvaluationError(
                    f"{self.paths[number]}: this shard of the store cannot be read ({error.strerror or error}); "
                    "run again, and what is missing is embedded again"
                ) from error
        self.open[number] = descriptor
        return descriptor

    def close(self) -> None:
        """Close its files; they are opened again if more rows are asked for."""
        with self.lock:
            _close_all(self.open)


def _read_at_once(descriptor: int, memory: memoryview, offset: int) -> int:
    """Fill `memory` from an offset of an open file, as far as one read goes; gives the number of bytes."""
    return os.preadv(descriptor, [memory], offset)


def _seek_and_read(descriptor: int, memory: memoryview, offset: int) -> int:
    """As `_read_at_once` where the system has no such call (Windows); whoever reads holds the matrix' lock."""
    os.lseek(descriptor, offset, os.SEEK_SET)
    content = os.read(descriptor, len(memory))
    memory[: len(content)] = content
    return len(content)


_read_at = _read_at_once if hasattr(os, "preadv") else _seek_and_read


def _close_all(descriptors: dict[int, int]) -> None:
    """Close file descriptors, and forget them."""
    while descriptors:
        os.close(descriptors.popitem()[1])


def is_constant(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Whether a feature says nothing, (width,), bool: it varies by no more than `CONSTANT` of its own size.

    So little is what float32 makes of a constant; a feature of any other size, however small its unit, says something.

    Args:
        mean, std: Of each feature over all rows (clips or frames), (width,), float64.
    """
    return ~(std > CONSTANT * np.abs(mean))


def moments(matrix: Matrix, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sample standard deviation (ddof 1) of each column over some rows, (width,) each, float64.

    One pass, a block of rows at a time; the deviation of a single row is 0.

    Args:
        matrix: What the rows are in.
        rows: Their numbers, (n,), at least one.

    Raises:
        ValueError: No row is given.

    Source of the sums over blocks: Chan, Golub and LeVeque 1983, https://doi.org/10.1080/00031305.1983.10483115
    """
    if not len(rows):
        raise ValueError("mean and deviation over no rows; at least one is wanted")
    ordered = np.sort(rows)  # files are read from front to back
    size = max(1, BLOCK_BYTES // (4 * matrix.shape[1]))
    mean, squares = np.zeros(matrix.shape[1]), np.zeros(matrix.shape[1])
    for first in range(0, len(ordered), size):
        block = matrix.take(ordered[first : first + size]).astype(np.float64)
        n_seen, n_all = first, first + len(block)
        its_mean = block.mean(axis=0)
        difference = its_mean - mean
        block -= its_mean
        squares += np.square(block, out=block).sum(axis=0) + difference**2 * (n_seen * len(block) / n_all)
        mean += difference * (len(block) / n_all)
    return mean, np.sqrt(squares / max(1, len(ordered) - 1))
