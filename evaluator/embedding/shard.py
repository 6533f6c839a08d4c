"""One shard of a store: the clips that it holds, and where the rows of each of its tensors lie.

It is a safetensors file: 8 bytes with the length of a JSON header (little endian), the header, and the tensors'
raw little-endian bytes, each row by row.

Source: https://huggingface.co/docs/safetensors/index#format
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.errors import EvaluationError

ITEM_BYTES = {"F32": 4, "F64": 8}  # what a store holds
LONGEST_HEADER = 100_000_000  # bytes, the format's own limit


@dataclass(frozen=True, slots=True)
class StoredClip:
    """What is remembered of a clip beside its embedding.

    Attributes:
        key: Names its audio and clip rule (`audio.clip_key`).
        silent: All its samples are 0.
        padded_to: Seconds to which it had to be zero-padded because the module refuses shorter clips; 0 if not.
        n_frames: How many frames of its shard are its own, in part "frames"; else 0.
    """

    key: str
    silent: bool = False
    padded_to: float = 0.0
    n_frames: int = 0


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies in its file.

    Attributes:
        offset: Of its first byte, from the start of the file.
        shape: Sizes of its axes.
        dtype: `F32` or `F64`.
    """

    offset: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def n_bytes(self) -> int:
        """Bytes that it takes."""
        return ITEM_BYTES[self.dtype] * math.prod(self.shape)


def read_header(path: Path) -> tuple[Mapping[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a shard, by name.

    A tensor's shape is (n_clips, width), (n_layers, n_clips, width), or (n_frames, width).

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no whole safetensors file of float32 and float64 tensors.
    """
    with path.open("rb") as file:
        start = file.read(8)
        n_header = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= n_header <= LONGEST_HEADER:
            raise ValueError("it does not begin with the length of a header")
        text = file.read(n_header)
        size = file.seek(0, 2)
    if len(text) < n_header:
        raise ValueError("its header is cut off")
    header = json.loads(text)
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, field in header.items():
        first, after = field["data_offsets"]
        tensors[name] = Tensor(8 + n_header + first, tuple(field["shape"]), field["dtype"])
        if tensors[name].dtype not in ITEM_BYTES or tensors[name].n_bytes != after - first:
            raise ValueError(f"its tensor {name!r} is of another type or size than this program writes")
        if 8 + n_header + after > size:
            raise ValueError(f"it is cut off: {8 + n_header + after - size} bytes are missing")
    return metadata, tensors


def open_shard(path: Path) -> tuple[list[StoredClip], dict[str, Tensor]]:
    """The clips of a shard, in order, and its tensors by name.

    Views have shape (n_clips, width) or (n_layers, n_clips, width); frames (n_frames, width).

    Raises:
        EvaluationError: The file is damaged (it never is after a crash of ours: shards are renamed when whole).
    """
    try:
        metadata, tensors = read_header(path)
        clips = [StoredClip(**fields) for fields in json.loads(metadata["clips"])]
        n_frames = sum(clip.n_frames for clip in clips)
        if "frames" in tensors and not tensors["frames"].shape[0] == tensors["times"].shape[0] == n_frames:
            raise ValueError("its clips have another number of frames than it holds")
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise EvaluationError(f"{path}: this shard of the store is damaged ({error}); delete the file") from error
    return clips, tensors


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
        raise EvaluationError(f"{path}: this shard of the store is cut off; delete the file and run again")
    return times
