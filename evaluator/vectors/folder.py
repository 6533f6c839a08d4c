"""Tables of embeddings as a folder of .npy files of bounded size, which a memory map reads, and an index of their rows as Parquet."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.files import aside_of, discard, put_in_place, write_whole, writing
from evaluator.vectors.npy import HEADER_BYTES, header
from evaluator.vectors.parquet import ParquetWriter
from evaluator.vectors.rows import Rows

INDEX, SAID = "index.parquet", "provenance.json"
OURS = re.compile(rf"{re.escape(INDEX)}|{re.escape(SAID)}|(vectors|frames|times)-\d{{5,}}\.npy")
"""Names of what is written into a folder."""
FILE_BYTES = 256 << 20  # of the vectors in a file


class NpyFiles:
    """Arrays one after the other in files `NAME-00000.npy`, `NAME-00001.npy`, ... of at most so many rows.

    Args:
        folder: Where they lie.
        name: What their names begin with.
        shape: Of a row, such as (width,); () for one number.
        descr: Type of the numbers, such as `<f4`.
        most: Rows in a file.
    """

    def __init__(self, folder: Path, name: str, shape: tuple[int, ...], descr: str, most: int):
        self.folder, self.name, self.shape, self.descr, self.most = folder, name, shape, descr, most
        self.number, self.n_rows = 0, 0  # of the file that is open
        self.file: Any = None

    @property
    def path(self) -> Path:
        """The file that is written to."""
        return self.folder / f"{self.name}-{self.number:05d}.npy"

    def add(self, rows: np.ndarray) -> list[tuple[str, int, int]]:
        """Write rows, (n_rows, *shape); gives the stretches they became: file, its first row there, and how many."""
        stretches: list[tuple[str, int, int]] = []
        while len(rows):
            if self.file is None:
                self.file = self.path.open("wb")
                self.file.write(bytes(HEADER_BYTES))
            part = rows[: self.most - self.n_rows]
            self.file.write(np.ascontiguousarray(part, self.descr).tobytes())
            stretches.append((self.path.name, self.n_rows, len(part)))
            self.n_rows += len(part)
            rows = rows[len(part) :]
            if self.n_rows == self.most:
                self.close()
        return stretches

    def close(self) -> None:
        """Say in the open file how many rows it has."""
        if self.file is not None:
            self.file.seek(0)
            self.file.write(header(self.descr, (self.n_rows, *self.shape)))
            self.file.close()
            self.file, self.number, self.n_rows = None, self.number + 1, 0


class FolderWriter:
    """A `Writer` of a folder: `vectors-00000.npy` and so on, (n_rows, width) each, `index.parquet` and `provenance.json`.

    A row of the index says in `file` and `row` where its vector lies.
    """

    def __init__(self, out: Path):
        self.out, self.aside = out, aside_of(out)
        with writing(out):
            self.aside.mkdir()
        self.index = ParquetWriter(self.aside / INDEX)
        self.files: dict[str, NpyFiles] = {}
        self.most_frames = 0  # of a file, once it is known how wide they are

    def keep(self, name: str, rows: np.ndarray, descr: str, most: int) -> list[tuple[str, int, int]]:
        """Write rows of an array, as `NpyFiles.add`."""
        if name not in self.files:
            self.files[name] = NpyFiles(self.aside, name, rows.shape[1:], descr, most)
        with writing(self.out):
            return self.files[name].add(rows)

    def add(self, rows: Rows) -> None:
        """See `Writer`."""
        most = max(1, FILE_BYTES // (4 * rows.vectors.shape[1]))
        stretches = self.keep("vectors", rows.vectors, "<f4", most)
        self.note(rows, [(name, first + n, 1) for name, first, many in stretches for n in range(many)])

    def add_frames(self, row: Rows, frames: Iterable[np.ndarray], times: np.ndarray) -> None:
        """Take the frames of a clip.

        The index says in `file`, `times`, `row` and `n_frames` where they lie; of frames that go on in the next file there are
        several rows.

        Args:
            row: Of the clip.
            frames: In pieces, (n, width) float32 each, in order.
            times: Their centres in seconds, (n_frames,).

        Raises:
            EvaluationError: They cannot be written.
        """
        stretches: list[tuple[str, int, int]] = []
        for piece in frames:
            self.most_frames = self.most_frames or max(1, FILE_BYTES // (4 * piece.shape[1]))
            for name, first, many in self.keep("frames", piece, "<f4", self.most_frames):
                if stretches and stretches[-1][0] == name:
                    name, first, before = stretches.pop()
                    many += before
                stretches.append((name, first, many))
        beside = [name for name, _, _ in self.keep("times", times, "<f8", self.most_frames)]
        for stretch, name in zip(stretches, beside, strict=True):
            self.note(row, [stretch], [name])

    def note(self, rows: Rows, places: Sequence[tuple[str, int, int]], times: Sequence[str] = ()) -> None:
        """Write rows into the index, each with its place."""
        extra: dict[str, Any] = {"file": [name for name, _, _ in places]}
        if times:
            extra["times"] = list(times)
        extra["row"] = np.array([first for _, first, _ in places], np.int64)
        if times:
            extra["n_frames"] = np.array([many for _, _, many in places], np.int64)
        known = {name: getattr(rows, name) for name in ("path", "start", "end", "label", "group", "layer")}
        self.index.add(Rows(**known, vectors=np.empty((len(rows), 0), np.float32), extra=extra))

    def finish(self, provenance: Mapping[str, Any]) -> None:
        """See `Writer`."""
        with writing(self.out):
            for files in self.files.values():
                files.close()
        self.index.finish(provenance)
        write_whole(self.aside / SAID, (json.dumps(provenance, sort_keys=True, indent=1) + "\n").encode())
        with writing(self.out):
            put_in_place(self.aside, self.out)

    def discard(self) -> None:
        """See `Writer`."""
        for files in self.files.values():
            if files.file is not None:
                files.file.close()
        self.index.discard()
        discard(self.aside)
