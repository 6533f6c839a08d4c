"""Embeddings on disk: each clip once per model, in shards that are whole or absent.

A store belongs to one model (module, weights, options, code). A shard holds the embeddings of some clips under the
clips' keys, which name audio content and clip rule; so any task, protocol, fold or seed that needs the same audio
from the same model finds it. Shards are only ever added: several processes may share a store, and work that was
interrupted loses at most the shard that was being made.

A store has parts, for what is had from the module by different calls: "" for what one call gives of whole clips,
"layers" and "frames" (`evaluator/embedding/extract.py` says which part holds what). Each part has its own shards.

A shard is one safetensors file: a tensor for each view (n_clips, width), or (n_layers, n_clips, width) so that one
layer lies together, float32; its metadata lists the clips in order. In part "frames" the clips' frames follow each
other: "frames" (n_frames of all, width) float32 and "times" (n_frames of all,) float64 in ms; the metadata says how
many are each clip's.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.embedding.matrix import InMemory, Matrix, OnDisk, SideBySide
from evaluator.embedding.shard import StoredClip, Tensor, open_shard, times_of
from evaluator.errors import EvaluationError
from evaluator.files import write_whole

FORMAT = 1
STALE_SECONDS = 3600.0  # no shard takes that long to write
SHARD_BYTES = 256 << 20
IN_MEMORY = 2 << 30  # bytes of a matrix that are held in memory unless said otherwise


def model_key(identity: Mapping[str, Any]) -> str:
    """Name of the store of a model, from all that an embedding depends on beside the clip (16 hex digits)."""
    text = json.dumps({"format": FORMAT, **identity}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def shard_name(keys: Sequence[str]) -> str:
    """Name of the shard of these clips, (n_clips,) keys in order (24 hex digits)."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:24]


class Store:
    """The embeddings of one model, one part of them.

    Args:
        cache: Folder of all stores.
        identity: All that an embedding depends on beside the clip; written into the store for people to read.
        part: "", "layers" or "frames".
        scene_from: How the scenes asked for are made of the stored layers: "layers", joined, and "pooling" ("mean" or "mean+std");
            None where scenes are stored.
    """

    def __init__(
        self, cache: Path, identity: Mapping[str, Any], part: str = "", scene_from: Mapping[str, Any] | None = None
    ):
        self.key = model_key(identity)
        self.part, self.scene_from = part, scene_from
        home = cache / "embeddings" / self.key
        self.folder = home / part
        self.folder.mkdir(parents=True, exist_ok=True)
        described = json.dumps(identity, sort_keys=True, indent=1) + "\n"
        if not (home / "model.json").exists():
            write_whole(home / "model.json", described.encode())
        for left in self.folder.glob(".*.part"):  # by processes that were killed while they wrote
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink(missing_ok=True)
        self.locations: dict[str, tuple[Path, int]] = {}  # shard of each clip, and its row or first frame there
        self.clips: dict[str, StoredClip] = {}
        self.tensors: dict[Path, dict[str, Tensor]] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            self.take_in(path)

    def rescan(self) -> None:
        """Take in the shards that others have added since."""
        for path in sorted(self.folder.glob("*.safetensors")):
            if path not in self.tensors:
                self.take_in(path)

    def take_in(self, path: Path) -> None:
        """Learn which clips a shard holds; errors as in `open_shard`."""
        clips, self.tensors[path] = open_shard(path)
        row = 0
        for clip in clips:
            self.locations[clip.key] = (path, row)
            self.clips[clip.key] = clip
            row += clip.n_frames or 1

    @staticmethod
    def contents(path: Path) -> list[StoredClip]:
        """The clips of a shard, in order; errors as in `open_shard`."""
        return open_shard(path)[0]

    def __contains__(self, key: object) -> bool:
        return key in self.locations

    def write(self, clips: Sequence[StoredClip], views: Mapping[str, np.ndarray]) -> Path:
        """Add a shard.

        Args:
            clips: Its clips, in order.
            views: Embeddings by name, each (n_clips, width) or (n_clips, n_layers, width), float32; or "frames" and
                "times", those of all clips one after another.
        """
        from safetensors.numpy import save

        path = self.folder / f"{shard_name([clip.key for clip in clips])}.safetensors"
        by_layer = {
            view: np.ascontiguousarray(
                np.moveaxis(rows, 1, 0) if rows.ndim == 3 else rows, dtype=np.float64 if view == "times" else np.float32
            )
            for view, rows in views.items()
            if view != "scene" or self.scene_from is None
        }
        # One metadata key only: the library keeps no order among several, and equal shards should be equal bytes.
        listed = json.dumps([asdict(clip) for clip in clips], sort_keys=True)
        write_whole(path, save(by_layer, metadata={"clips": listed}))
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
        width = tensors[0].shape[-1] if tensors else 0
        begins = np.array([self.locations[key][1] for key in keys], dtype=np.int64)
        offsets = np.array([tensor.offset for tensor in tensors], dtype=np.int64)
        stretches = np.stack([numbers, offsets[numbers] + begins * 4 * width, n_frames], axis=1)
        every = [times_of(path, self.tensor(path, "times")) for path in paths]
        times = [
            every[number][first : first + n].copy()
            for number, first, n in zip(numbers.tolist(), begins.tolist(), n_frames.tolist(), strict=True)
        ]
        ends = np.cumsum(n_frames)
        rows = [slice(end - n, end) for end, n in zip(ends.tolist(), n_frames.tolist(), strict=True)]
        return _within(memory, OnDisk(paths, stretches, width)), times, rows

    def on_disk(self, keys: Sequence[str], view: str, layers: Sequence[int | None]) -> OnDisk:
        """The rows of some clips, (len(layers) * len(keys), width): all clips of a layer, then of the next.

        A view without layers takes the layer None; errors as in `read`.
        """
        paths, numbers = self.shards_of(keys)
        row = np.array([self.locations[key][1] for key in keys], dtype=np.int64)
        tensors = [self.tensor(path, view) for path in paths]
        width = tensors[0].shape[-1] if tensors else 0
        one = np.ones_like(row)
        stretches = [
            np.stack([numbers, begins[numbers] + row * 4 * width, one], axis=1)
            for layer in layers
            for begins in [np.array([self.begin(path, view, layer) for path in paths], dtype=np.int64)]
        ]
        return OnDisk(paths, np.concatenate(stretches), width)

    def shards_of(self, keys: Sequence[str]) -> tuple[list[Path], np.ndarray]:
        """The shards that some clips are in, and for each clip which of these it is, (n_clips,)."""
        number_of: dict[Path, int] = {}
        numbers = [number_of.setdefault(self.locations[key][0], len(number_of)) for key in keys]
        return list(number_of), np.array(numbers, dtype=np.int64)

    def tensor(self, path: Path, view: str) -> Tensor:
        """Where a view lies in a shard; errors as in `read`."""
        if view not in self.tensors[path]:
            known = ", ".join(sorted(self.tensors[path]))
            raise EvaluationError(f"the module gives no {view!r} embeddings; it gives {known}")
        return self.tensors[path][view]

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


def shard_plan(
    numbers: Sequence[int], n_bytes: Mapping[int, float] | None = None, n_shards: int = 64, smallest: int = 8
) -> Iterable[Sequence[int]]:
    """Cut a list of clips in runs, one per shard: at most `n_shards`, none but the last under `smallest` clips.

    Runs of more than `SHARD_BYTES`, if the clips' sizes are given in `n_bytes`, are cut further.

    The cut depends on the whole list only, never on what a store already holds, so that work which was interrupted
    and resumed makes the very same shards.
    """
    size = max(smallest, -(-len(numbers) // n_shards))
    runs = [numbers[first : first + size] for first in range(0, len(numbers), size)]
    return [part for run in runs for part in _by_bytes(run, n_bytes or {})]


def _by_bytes(run: Sequence[int], n_bytes: Mapping[int, float]) -> list[Sequence[int]]:
    """Cut a run of clips so that each part has at most `SHARD_BYTES`, or is a single clip."""
    parts, first, total = [], 0, 0.0
    for index, number in enumerate(run):
        total += n_bytes.get(number, 0.0)
        if total > SHARD_BYTES and index > first:
            parts.append(run[first:index])
            first, total = index, n_bytes.get(number, 0.0)
    return [*parts, run[first:]]
