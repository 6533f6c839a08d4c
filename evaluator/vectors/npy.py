"""Arrays in NumPy's own format, written row by row: as files of their own, and as members of an .npz.

Source of the format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from evaluator.files import aside_of, discard, put_in_place, writing
from evaluator.vectors.rows import TEXTS, Rows

HEADER_BYTES = 128  # before the numbers, of arrays whose shape is known at the end only
CHUNK_ROWS = 1 << 14
CHUNK_BYTES = 1 << 22
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can name: equal arrays, equal bytes


def header(descr: str, shape: tuple[int, ...]) -> bytes:
    """The 128 bytes before the numbers of an array.

    Args:
        descr: Their type, such as `<f4`.
        shape: Of the array, such as (n_rows, width).
    """
    said = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    return (
        b"\x93NUMPY\x01\x00"
        + (HEADER_BYTES - 10).to_bytes(2, "little")
        + said.ljust(HEADER_BYTES - 11).encode()
        + b"\n"
    )


class NpzWriter:
    """A `Writer` of one .npz: `path`, `start`, `end`, `label`, `group` (n_rows,), `vectors` (n_rows, width) and `provenance`, a JSON text.

    Vectors wait in a file beside it, since their number stands before them.
    """

    def __init__(self, out: Path):
        self.out, self.aside, self.spool = out, aside_of(out), aside_of(out)
        self.columns: dict[str, list[Any]] = {}
        self.width = 0
        self.file: BinaryIO | None = None

    def add(self, rows: Rows) -> None:
        """See `Writer`."""
        self.width = rows.vectors.shape[1]
        for name, values in rows.columns().items():
            self.columns.setdefault(name, []).append(values)
        with writing(self.out):
            if self.file is None:
                self.file = self.spool.open("w+b")
            self.file.write(np.ascontiguousarray(rows.vectors, "<f4").data)

    def finish(self, provenance: Mapping[str, Any]) -> None:
        """See `Writer`."""
        with writing(self.out), zipfile.ZipFile(self.aside, "w") as packed:
            for name, parts in self.columns.items():
                pieces, descr, n = _texts(parts) if name in TEXTS else _numbers(parts)
                _pack(packed, name, header(descr, (n,)), pieces)
            n_rows = sum(len(part) for part in self.columns["path"])
            _pack(packed, "vectors", header("<f4", (n_rows, self.width)), self.spooled())
            said = np.array(json.dumps(provenance, sort_keys=True))
            _pack(packed, "provenance", header(said.dtype.str, ()), iter([said.tobytes()]))
        with writing(self.out):
            put_in_place(self.aside, self.out)
        self.discard()

    def spooled(self) -> Iterator[bytes]:
        """The bytes of all vectors."""
        if self.file is not None:
            self.file.seek(0)
            while content := self.file.read(CHUNK_BYTES):
                yield content

    def discard(self) -> None:
        """See `Writer`."""
        if self.file is not None:
            self.file.close()
        discard(self.spool)
        discard(self.aside)


def _texts(parts: Sequence[Sequence[str]]) -> tuple[Iterator[bytes], str, int]:
    """The bytes of texts, their type and number; all are as wide as the longest."""
    longest = max((len(text) for part in parts for text in part), default=1) or 1
    descr, every = f"<U{longest}", [text for part in parts for text in part]
    chunks = (every[first : first + CHUNK_ROWS] for first in range(0, len(every), CHUNK_ROWS))
    return (np.array(chunk, descr).tobytes() for chunk in chunks), descr, len(every)


def _numbers(parts: Sequence[np.ndarray]) -> tuple[Iterator[bytes], str, int]:
    """The bytes of numbers, their type and how many they are."""
    descr = parts[0].dtype.newbyteorder("<").str
    return (np.ascontiguousarray(part, descr).tobytes() for part in parts), descr, sum(map(len, parts))


def _pack(packed: zipfile.ZipFile, name: str, before: bytes, pieces: Iterator[bytes]) -> None:
    """Put an array into a zip, uncompressed."""
    with packed.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as member:
        member.write(before)
        for piece in pieces:
            member.write(piece)
