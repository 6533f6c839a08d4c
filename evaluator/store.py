"""Embeddings on disk: each clip once per model, in shards that are whole or absent.

A store belongs to one model (module, weights, options, code). A shard holds the embeddings of some clips under the
clips' keys, which name audio content and clip rule; so any task, protocol, fold or seed that needs the same audio
from the same model finds it. Shards are only ever added: several processes may share a store, and work that was
interrupted loses at most the shard that was being made.

A shard is one safetensors file: a tensor for each view (n_clips, width), or (n_layers, n_clips, width) so that one
layer lies together, float32; its metadata lists the clips in order.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.errors import EvaluationError

FORMAT = 1
STALE_SECONDS = 3600.0  # no shard takes that long to write


@dataclass(frozen=True)
class StoredClip:
    """What is remembered of a clip beside its embedding.

    Attributes:
        key: Names its audio and clip rule (`audio.clip_key`).
        silent: All its samples are 0.
        padded_to: Seconds to which it had to be zero-padded because the module refuses shorter clips; 0 if not.
    """

    key: str
    silent: bool = False
    padded_to: float = 0.0


def model_key(identity: Mapping[str, Any]) -> str:
    """Name of the store of a model, from all that an embedding depends on beside the clip (16 hex digits)."""
    text = json.dumps({"format": FORMAT, **identity}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Store:
    """The embeddings of one model.

    Args:
        cache: Folder of all stores.
        identity: All that an embedding depends on beside the clip; written into the store for people to read.
    """

    def __init__(self, cache: Path, identity: Mapping[str, Any]):
        self.key = model_key(identity)
        self.folder = cache / "embeddings" / self.key
        self.folder.mkdir(parents=True, exist_ok=True)
        described = json.dumps(identity, sort_keys=True, indent=1) + "\n"
        if not (self.folder / "model.json").exists():
            write_whole(self.folder / "model.json", described.encode())
        for left in self.folder.glob(".*.part"):  # by processes that were killed while they wrote
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink(missing_ok=True)
        self.places: dict[str, tuple[Path, int]] = {}
        self.clips: dict[str, StoredClip] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            self.take_in(path)

    def take_in(self, path: Path) -> None:
        """Learn which clips a shard holds; errors as in `contents`."""
        for row, clip in enumerate(self.contents(path)):
            self.places[clip.key] = (path, row)
            self.clips[clip.key] = clip

    @staticmethod
    def contents(path: Path) -> list[StoredClip]:
        """The clips of a shard, in order.

        Raises:
            EvaluationError: The file is damaged (it never is after a crash of ours: shards are renamed when whole).
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as shard:
                return [StoredClip(**fields) for fields in json.loads(shard.metadata()["clips"])]
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise EvaluationError(f"{path}: this shard of the store is damaged ({error}); delete the file") from error

    def __contains__(self, key: object) -> bool:
        return key in self.places

    def write(self, clips: Sequence[StoredClip], views: Mapping[str, np.ndarray]) -> Path:
        """Add a shard.

        Args:
            clips: Its clips, in order.
            views: Embeddings by name, each (n_clips, width) or (n_clips, n_layers, width), float32.
        """
        from safetensors.numpy import save

        name = hashlib.sha256("\n".join(clip.key for clip in clips).encode()).hexdigest()[:24]
        path = self.folder / f"{name}.safetensors"
        by_layer = {
            view: np.ascontiguousarray(np.moveaxis(rows, 1, 0) if rows.ndim == 3 else rows, dtype=np.float32)
            for view, rows in views.items()
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
            layer: Which layer of a view that has several.

        Raises:
            EvaluationError: The module gives no such view.
        """
        from safetensors import safe_open

        rows: list[np.ndarray | None] = [None] * len(keys)
        wanted: dict[Path, list[int]] = {}
        for number, key in enumerate(keys):
            wanted.setdefault(self.places[key][0], []).append(number)
        for path, numbers in wanted.items():
            with safe_open(path, framework="numpy") as shard:
                if view not in shard.keys():  # noqa: SIM118  (a safe_open is no dictionary)
                    known = ", ".join(sorted(shard.keys()))
                    raise EvaluationError(f"the module gives no {view!r} embeddings; it gives {known}")
                values = shard.get_slice(view)[layer] if layer is not None else shard.get_tensor(view)
            for number in numbers:
                rows[number] = values[self.places[keys[number]][1]]
        return np.stack([row for row in rows if row is not None]) if rows else np.empty((0, 0), np.float32)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also when two processes write the same one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def shard_plan(numbers: Sequence[int], n_shards: int = 64, smallest: int = 8) -> Iterable[Sequence[int]]:
    """Cut a list of clips in runs, one per shard: at most `n_shards`, none but the last under `smallest` clips.

    The cut depends on the whole list only, never on what a store already holds, so that work which was interrupted
    and resumed makes the very same shards.
    """
    size = max(smallest, -(-len(numbers) // n_shards))
    return [numbers[first : first + size] for first in range(0, len(numbers), size)]
