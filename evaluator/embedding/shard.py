"""One shard of a store: the clips that it holds, where the rows of each of its tensors lie, and the proof that they are its own.

It is a safetensors file: 8 bytes with the length of a JSON header (little endian), the header, and the tensors'
raw little-endian bytes, each row by row.

What it says of itself is in its metadata: the store and the part that it belongs to, its clips in order, and for each
tensor a SHA-256 over all of that, the tensor's name and shape, and its bytes. Its name is made of its clips. So bytes that were
changed, and a shard or a tensor in another one's place, are noticed.

Source of the format: https://huggingface.co/docs/safetensors/index#format
"""

import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.embedding import halves
from evaluator.errors import EvaluationError

DTYPES = {"F32": "<f4", "F64": "<f8", "U8": "|u1"}  # what a store holds; bytes are rows of `halves`
LONGEST_HEADER = 100_000_000  # bytes, the format's own limit
BLOCK_BYTES = 1 << 20  # that are looked at together: they stay in the processor's cache


class Damaged(Exception):
    """A shard that does not prove itself; the reason continues a sentence that begins with its path."""


@dataclass(frozen=True, slots=True)
class StoredClip:
    """What is remembered of a clip beside its embedding.

    Attributes:
        key: Names its audio and clip rule (`audio.clip_key`).
        silent: All its samples are 0.
        padded_to: Seconds to which it had to be zero-padded because the module refuses shorter clips; 0 if not.
        n_frames: How many frames of its shard are its own, in part "frames"; else 0.
        odd: What is odd about its levels, of `levels.ODDITIES`.
        unheard: Share of its power, 0 to 1, that is gone at the module's sample rate, to three digits.
    """

    key: str
    silent: bool = False
    padded_to: float = 0.0
    n_frames: int = 0
    odd: tuple[str, ...] = ()
    unheard: float = 0.0


_CLIP_FIELDS = [each.name for each in fields(StoredClip)]


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies in its file.

    Attributes:
        offset: Of its first byte, from the start of the file.
        shape: Sizes of its axes; the last one of rows of `halves` is in bytes.
        dtype: `F32`, `F64` or `U8`.
    """

    offset: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def n_bytes(self) -> int:
        """Bytes that it takes."""
        return np.dtype(DTYPES[self.dtype]).itemsize * math.prod(self.shape)

    @property
    def in_halves(self) -> bool:
        """Whether its rows are those of `halves`."""
        return self.dtype == "U8"

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return (self.shape[-1] - halves.SCALE_BYTES) // 2 if self.in_halves else self.shape[-1]

    @property
    def row_bytes(self) -> int:
        """Bytes that a row takes."""
        return self.n_bytes // max(1, math.prod(self.shape[:-1]))


@dataclass(frozen=True)
class Shard:
    """What a shard says of itself.

    Attributes:
        store, part: Where it belongs.
        clips: (n_clips,), in the order of its rows.
        sha256: Proof of each tensor, 64 hex digits, by the tensor's name.
        tensors: Views (n_clips, width) or (n_layers, n_clips, width); frames (n_frames of all clips, width) and times (n_frames,).
    """

    store: str
    part: str
    clips: tuple[StoredClip, ...]
    sha256: Mapping[str, str]
    tensors: Mapping[str, Tensor]

    @property
    def name(self) -> str:
        """The name of its file, which is made of its clips."""
        keys = "\n".join(clip.key for clip in self.clips)
        return f"{hashlib.sha256(keys.encode()).hexdigest()[:24]}.safetensors"

    @cached_property
    def listed(self) -> list[dict[str, Any]]:
        """Its clips as JSON holds them."""
        return [{name: getattr(clip, name) for name in _CLIP_FIELDS} for clip in self.clips]

    def digest(self, view: str) -> Any:
        """A SHA-256 that has taken in all that a tensor's proof is over but its bytes."""
        tensor = self.tensors[view]
        about = [self.store, self.part, view, tensor.dtype, list(tensor.shape), self.listed]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode() + b"\n")

    def refuse_other_sizes(self) -> None:
        """Look whether every tensor has a row for each clip, or for each of its frames.

        Raises:
            Damaged: It has not.
        """
        n_frames = sum(clip.n_frames for clip in self.clips)
        for view, tensor in self.tensors.items():
            if "frames" in self.tensors:
                if tensor.shape[:1] != (n_frames,):
                    raise Damaged("its clips have another number of frames than it holds")
            elif len(tensor.shape) not in (2, 3) or tensor.shape[-2] != len(self.clips):
                raise Damaged(f"its {view} are of another number of clips than it lists")


def pack(
    store: str, part: str, clips: Sequence[StoredClip], views: Mapping[str, np.ndarray], in_halves: bool = False
) -> tuple[str, bytes]:
    """Name and content of a shard's file; equal work gives equal bytes.

    Args:
        store, part: Where it belongs.
        clips: Its clips, in order.
        views: Embeddings by name, each (n_clips, width) or (n_clips, n_layers, width); or "frames" (n_frames of all clips, width)
            and "times" (n_frames of all clips,) in ms.
        in_halves: Whether rows are kept as those of `halves`.

    Raises:
        EvaluationError: They are of another number of clips or frames.
    """
    from safetensors.numpy import save

    dtypes = {view: "F64" if view == "times" else "U8" if in_halves else "F32" for view in views}
    arrays = {view: _as_kept(rows, dtypes[view]) for view, rows in views.items()}
    tensors = {view: Tensor(0, rows.shape, dtypes[view]) for view, rows in arrays.items()}
    shard = Shard(store, part, tuple(clips), {}, tensors)
    try:
        shard.refuse_other_sizes()
    except Damaged as error:
        raise EvaluationError(f"a shard cannot be stored: {error}") from error
    proofs = {}
    for view, rows in arrays.items():
        digest = shard.digest(view)
        digest.update(rows)
        proofs[view] = digest.hexdigest()
    # One metadata key only: the library keeps no order among several, and equal shards should be equal bytes.
    said = json.dumps({"store": store, "part": part, "clips": shard.listed, "sha256": proofs}, sort_keys=True)
    return shard.name, save(arrays, metadata={"shard": said})


def _as_kept(rows: np.ndarray, dtype: str) -> np.ndarray:
    """Rows as a shard holds them: layer by layer, (n_layers, n_clips, width), where there are several."""
    by_layer = np.moveaxis(rows, 1, 0) if rows.ndim == 3 else rows
    if dtype == "U8":
        return halves.packed(np.ascontiguousarray(by_layer, dtype="<f4"))
    return np.ascontiguousarray(by_layer, dtype=DTYPES[dtype])


def open_shard(path: Path) -> Shard:
    """What a shard says of itself; its tensors, (n_clips, width) for one, are not read.

    Raises:
        OSError: The file cannot be read.
        Damaged: It is no whole shard of this version, or has another shard's name.
    """
    with path.open("rb") as file:
        return _opened(path, file)


def prove(path: Path) -> Shard:
    """As `open_shard`, once every tensor, (n_clips, width) for one, was read and is what was written.

    Raises:
        OSError: The file cannot be read.
        Damaged: It is not what was written, or holds NaN or infinite values.
    """
    with path.open("rb") as file:
        shard = _opened(path, file)
        if set(shard.sha256) != set(shard.tensors):
            raise Damaged("it holds other tensors than it says")
        for view, tensor in shard.tensors.items():
            _prove_tensor(shard, view, tensor, file)
    return shard


def _opened(path: Path, file: BufferedReader) -> Shard:
    """What the shard in an open file says of itself; errors as those of `open_shard`."""
    try:
        metadata, tensors = read_header(file)
        said = json.loads(metadata["shard"])
        clips = tuple(StoredClip(**{**fields, "odd": tuple(fields["odd"])}) for fields in said["clips"])
        shard = Shard(said["store"], said["part"], clips, dict(said["sha256"]), tensors)
        shard.refuse_other_sizes()
        name = shard.name
    except KeyError as error:
        raise Damaged(f"it lacks {error}, as if another program or version wrote it") from error
    except (TypeError, AttributeError, ValueError, RecursionError) as error:
        raise Damaged(str(error)) from error
    if path.name != name:
        raise Damaged("its name is not that of its clips, as if it was renamed or its clips were exchanged")
    return shard


def read_header(file: BufferedReader) -> tuple[Mapping[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a shard, by name.

    A tensor's shape is (n_clips, width), (n_layers, n_clips, width), or (n_frames, width).

    Raises:
        OSError: The file cannot be read.
        KeyError, TypeError, AttributeError, ValueError: It is no whole safetensors file of tensors in one of `DTYPES`.
    """
    start = file.read(8)
    n_header = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= n_header <= LONGEST_HEADER:
        raise ValueError("it does not begin with the length of a header")
    text = file.read(n_header)
    if len(text) < n_header:
        raise ValueError("its header is cut off")
    size = file.seek(0, 2)
    header = json.loads(text)
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, field in header.items():
        first, after = field["data_offsets"]
        tensors[name] = Tensor(8 + n_header + first, tuple(field["shape"]), field["dtype"])
        if tensors[name].dtype not in DTYPES or first < 0 or tensors[name].n_bytes != after - first:
            raise ValueError(f"its tensor {name!r} is of another type or size than this program writes")
        if 8 + n_header + after > size:
            raise ValueError(f"it is cut off: {8 + n_header + after - size} bytes are missing")
    return metadata, tensors


def _prove_tensor(shard: Shard, view: str, tensor: Tensor, file: BufferedReader) -> None:
    """Read a tensor, (n_clips, width) for one, and hold it against its proof; errors as those of `prove`."""
    digest, is_finite = shard.digest(view), True
    block = memoryview(bytearray(min(BLOCK_BYTES, max(1, tensor.n_bytes))))
    file.seek(tensor.offset)
    n_left = tensor.n_bytes
    while n_left:
        part = block[: min(len(block), n_left)]
        if file.readinto(part) < len(part):
            raise Damaged("it is cut off")
        digest.update(part)
        is_finite = is_finite and bool(np.isfinite(np.frombuffer(part, DTYPES[tensor.dtype])).all())
        n_left -= len(part)
    if digest.hexdigest() != shard.sha256[view]:
        raise Damaged(f"its {view} are not what was written")
    if not is_finite:
        raise Damaged(f"its {view} hold NaN or infinite values")


def times_of(path: Path, tensor: Tensor) -> np.ndarray:
    """The times in a shard, (n_frames of all its clips,), ms.

    Raises:
        EvaluationError: The file is gone or was cut off.
    """
    try:
        times = np.fromfile(path, "<f8", count=tensor.shape[0], offset=tensor.offset)
    except OSError as error:
        raise EvaluationError(f"{path}: this shard of the store cannot be read ({error.strerror or error})") from error
    if len(times) < tensor.shape[0]:
        raise EvaluationError(
            f"{path}: this shard of the store is cut off; run again, and its clips are embedded again"
        )
    return times
