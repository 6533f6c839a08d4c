"""Embeddings on disk: each clip once per model, in shards that are whole or absent.

A store belongs to one model (module, weights, options, code). A shard holds the embeddings of some clips under the
clips' keys, which name audio content and clip rule; so any task, protocol, fold or seed that needs the same audio
from the same model finds it. Shards are only ever added: several processes may share a store, and work that was
interrupted loses at most the shard that was being made.

A store has parts, for what is had from the module by different calls: "" for what one call gives of whole clips,
"layers" and "frames" (`evaluator/embedding/extract.py` says which part holds what). Each part has its own shards.

A shard is one safetensors file: a tensor for each view (n_clips, width), or (n_layers, n_clips, width) so that one
layer lies together, float32 or, if so asked, the rows of `halves.py`; its metadata lists the clips in order. In part "frames" the clips' frames follow each
other: "frames" (n_frames of all, width) float32 and "times" (n_frames of all,) float64 in ms; the metadata says how
many are each clip's. Nothing is read from a shard that does not prove itself (`evaluator/embedding/index.py`).

Of a cache that can only be read, the store reads what is there; it writes what is missing into one's own beside it.
"""

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.embedding.index import Index
from evaluator.embedding.matrix import InMemory, Matrix, OnDisk, SideBySide
from evaluator.embedding.shard import Damaged, Shard, StoredClip, Tensor, open_shard, pack, times_of
from evaluator.errors import EvaluationError
from evaluator.files import Stamp, can_write, sweep, write_whole
from evaluator.words import counted

FORMAT = 3  # of shards; counts up with every change, or an older version would set aside a newer one's shards
IN_MEMORY = 2 << 30  # bytes of a matrix that are held in memory unless said otherwise


def model_key(identity: Mapping[str, Any]) -> str:
    """Name of the store of a model, from all that an embedding depends on beside the clip (16 hex digits)."""
    text = json.dumps({"format": FORMAT, **identity}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def shard_name(keys: Sequence[str]) -> str:
    """Name of the file of the shard of these clips, (n_clips,) keys in order."""
    return Shard("", "", tuple(map(StoredClip, keys)), {}, {}).name


class Store(Index):
    """The embeddings of one model, one part of them.

    Args:
        cache: Folder of all stores.
        identity: All that an embedding depends on beside the clip; written into the store for people to read.
        part: "", "layers" or "frames".
        scene_from: How the scenes asked for are made of the stored layers: "layers", joined, and "pooling" ("mean" or "mean+std");
            None where scenes are stored.
        kept_as: "float32", or "float16" for rows of `halves`, half as large.
        begin: Whether to begin one where there is none; without, it is only looked at.
        wanted: See `Index`.
    """

    def __init__(
        self,
        cache: Path,
        identity: Mapping[str, Any],
        part: str = "",
        scene_from: Mapping[str, Any] | None = None,
        kept_as: str = "float32",
        begin: bool = True,
        wanted: Container[str] | None = None,
    ):
        if kept_as != "float32":
            identity = {**identity, "kept_as": kept_as}
        super().__init__(cache, model_key(identity), part, begin, wanted)
        self.scene_from, self.in_halves = scene_from, kept_as == "float16"
        self.home: Any = None  # a temporary folder that goes with this object
        home = self.folder.parent if part else self.folder
        sweep(home)
        described = json.dumps(identity, sort_keys=True, indent=1) + "\n"
        if begin and not (home / "model.json").exists() and can_write(home):
            write_whole(home / "model.json", described.encode())

    @staticmethod
    def contents(path: Path) -> list[StoredClip]:
        """The clips of a shard, in order.

        Raises:
            EvaluationError: It cannot be read, or is damaged as far as can be seen without reading its tensors.
        """
        try:
            return list(open_shard(path).clips)
        except (OSError, Damaged) as error:
            raise EvaluationError(
                f"{path}: this shard of the store is damaged ({error}); whoever needs it sets it aside and embeds its clips again"
            ) from error

    def write(self, clips: Sequence[StoredClip], views: Mapping[str, np.ndarray]) -> Path:
        """Add a shard.

        Args:
            clips: Its clips, in order.
            views: Embeddings by name, each (n_clips, width) or (n_clips, n_layers, width), float32; or "frames" and
                "times", those of all clips one after another.

        Raises:
            EvaluationError: It cannot be written, or the embeddings are of another number of clips or frames.
        """
        kept = {view: rows for view, rows in views.items() if view != "scene" or self.scene_from is None}
        name, content = pack(self.key, self.part, clips, kept, self.in_halves)
        path = self.folder / name
        write_whole(path, content)
        self.believed[path] = Stamp.of(path)
        self.take_in(path)
        return path

    def read(self, keys: Sequence[str], view: str, layer: int | None = None) -> np.ndarray:
        """Embeddings of some clips, (n_clips, width), float32, in the order of `keys`.

        Args:
            keys: Of clips that are in the store.
            view: Name of the embedding ("scene", "layers_mean", ...).
            layer: Which layer, of a view that has several.

        Raises:
            EvaluationError: The module gives no such view or layer, or a shard was removed or damaged.
        """
        return self.matrix(keys, view, layer).take(np.arange(len(keys)))

    def read_layers(self, keys: Sequence[str], view: str) -> np.ndarray:
        """Embeddings of some clips from every layer, (n_layers, n_clips, width), float32; errors as in `read`."""
        if not keys:
            return np.empty((0, 0, 0), np.float32)
        n_layers = self.n_layers(self.locations[keys[0]][0], view)
        rows = self.on_disk(keys, view, range(n_layers)).all_rows()
        return rows.reshape(n_layers, len(keys), -1)

    def matrix(self, keys: Sequence[str], view: str, layer: int | None = None, memory: int = IN_MEMORY) -> Matrix:
        """What `read` gives, as a matrix that is held in memory only if it takes at most `memory` bytes."""
        if view == "scene" and self.scene_from is not None:
            views = ["layers_mean", "layers_std"][: 2 if self.scene_from["pooling"] == "mean+std" else 1]
            parts = [(each, number) for each in views for number in self.scene_from["layers"]]
            matrices = [_within(memory // len(parts), self.on_disk(keys, each, [n])) for each, n in parts]
            return matrices[0] if len(matrices) == 1 else SideBySide(matrices)
        return _within(memory, self.on_disk(keys, view, [layer]))

    def read_frames(self, keys: Sequence[str], memory: int = IN_MEMORY) -> tuple[Matrix, list[np.ndarray], list[slice]]:
        """Frames of some clips, of part "frames", one clip after another in the order of `keys`.

        Args:
            keys: Of clips that are in the store.
            memory: Bytes of frames that are held in memory; more of them are read when they are asked for.

        Returns:
            The frames as rows of a matrix; for each clip its frames' centres in ms, (n_frames,), float64; and for
            each clip which rows of the matrix are its own.

        Raises:
            EvaluationError: This part holds no frames, or a shard was removed or damaged.
        """
        paths, numbers = self.shards_of(keys)
        n_frames = np.array([self.clips[key].n_frames for key in keys], dtype=np.int64)
        tensors = [self.tensor(path, "frames") for path in paths]
        width, row_bytes = (tensors[0].width, tensors[0].row_bytes) if tensors else (0, 0)
        begins = np.array([self.locations[key][1] for key in keys], dtype=np.int64)
        offsets = np.array([tensor.offset for tensor in tensors], dtype=np.int64)
        stretches = np.stack([numbers, offsets[numbers] + begins * row_bytes, n_frames], axis=1)
        every = [times_of(path, self.tensor(path, "times")) for path in paths]
        times = [
            every[number][first : first + n].copy()
            for number, first, n in zip(numbers.tolist(), begins.tolist(), n_frames.tolist(), strict=True)
        ]
        ends = np.cumsum(n_frames)
        rows = [slice(end - n, end) for end, n in zip(ends.tolist(), n_frames.tolist(), strict=True)]
        return _within(memory, OnDisk(paths, stretches, width, self.in_halves)), times, rows

    def on_disk(self, keys: Sequence[str], view: str, layers: Sequence[int | None]) -> OnDisk:
        """The rows of some clips, (len(layers) * len(keys), width): all clips of a layer, then of the next.

        A view without layers takes the layer None; errors as in `read`.
        """
        paths, numbers = self.shards_of(keys)
        row = np.array([self.locations[key][1] for key in keys], dtype=np.int64)
        tensors = [self.tensor(path, view) for path in paths]
        width, row_bytes = (tensors[0].width, tensors[0].row_bytes) if tensors else (0, 0)
        one = np.ones_like(row)
        stretches = [
            np.stack([numbers, begins[numbers] + row * row_bytes, one], axis=1)
            for layer in layers
            for begins in [np.array([self.begin(path, view, layer) for path in paths], dtype=np.int64)]
        ]
        return OnDisk(paths, np.concatenate(stretches), width, self.in_halves)

    def shards_of(self, keys: Sequence[str]) -> tuple[list[Path], np.ndarray]:
        """The shards that some clips are in, and for each clip which of these it is, (n_clips,).

        Raises:
            EvaluationError: One of them does not prove itself, or is gone.
        """
        damaged: list[Path] = []
        if not all(path in self.believed for path in self._paths(keys)):
            damaged = self.verify(keys)
        if n_lost := sum(key not in self.locations for key in keys):
            what = f"{damaged[0]} is damaged" if damaged else "a shard of the store was removed"
            raise EvaluationError(
                f"{what}, and with it {counted(n_lost, 'clips')}; run again, and what is lost is embedded again"
            )
        paths = self._paths(keys)
        number_of = {path: number for number, path in enumerate(paths)}
        return paths, np.array([number_of[self.locations[key][0]] for key in keys], dtype=np.int64)

    def tensor(self, path: Path, view: str) -> Tensor:
        """Where a view lies in a shard; errors as in `read`."""
        tensors = self.shards[path].tensors
        if view not in tensors:
            raise EvaluationError(f"the module gives no {view!r} embeddings; it gives {', '.join(sorted(tensors))}")
        return tensors[view]

    def n_layers(self, path: Path, view: str) -> int:
        """How many layers a view has in a shard.

        Raises:
            EvaluationError: It has none, or is not there.
        """
        shape = self.tensor(path, view).shape
        if len(shape) != 3:
            raise EvaluationError(f"{view!r} embeddings have no layers to choose from")
        return shape[0]

    def begin(self, path: Path, view: str, layer: int | None) -> int:
        """Byte of a shard at which a view, or one of its layers, begins; errors as in `read`."""
        tensor = self.tensor(path, view)
        if layer is None and len(tensor.shape) == 2:
            return tensor.offset
        n_layers = self.n_layers(path, view)
        if layer is None or not 0 <= layer < n_layers:
            raise EvaluationError(f"{view!r} embeddings have layers 0 to {n_layers - 1}; {layer} is none of them")
        return tensor.offset + layer * (tensor.n_bytes // n_layers)


def _within(memory: int, matrix: OnDisk) -> Matrix:
    """The matrix, read into memory if it takes at most so many bytes."""
    n_rows, width = matrix.shape
    return InMemory(matrix.all_rows()) if 4 * n_rows * width <= memory else matrix
