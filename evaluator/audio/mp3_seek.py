"""Going far into an MP3 file: libmpg123 reads the head of every frame before the one it looks for, anew in each open file.

It is given a file without the frames in between instead: the frame of Xing, the first few, and those from shortly before the sample
on. What it decodes there is the same, bit for bit, since what a frame draws on is there.
"""

import threading
from array import array
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evaluator.audio.containers import mpeg
from evaluator.audio.containers.layout import Part
from evaluator.audio.containers.source import Source, opened
from evaluator.audio.containers.tags import after_id3, without_tags
from evaluator.files import Stamp

_N_KEPT = 64  # files whose places are kept in a process: an hour takes 17 KB
_HEAD_FRAMES = 8  # that follow the frame of Xing, kept so that the decoder starts as it does in the whole file
_STEP = 64  # frames from one place to the next, and fewest that are left before the sample
FAR = 100_000  # samples from which on it pays
_walking = threading.Lock()  # several threads want the same file at once


@dataclass(frozen=True, slots=True)
class _Places:
    """Where frames of an MP3 file begin.

    index: The frame of Xing, with its field of bytes `size_at`, -1 where it has none.
    begin, stop: Bytes behind that frame, and behind the last one.
    frames: Bytes of frame `_HEAD_FRAMES` and of every `_STEP`th after it.
    n_samples: Of a frame.
    """

    index: bytes
    size_at: int
    begin: int
    stop: int
    frames: array  # type: ignore[type-arg]
    n_samples: int


def without_the_way(path: Path, sample: int) -> tuple[Part, int] | None:
    """What libsndfile is given of an MP3 file to decode from a sample on, and how many samples that leaves out before it.

    None where it is as well to give it the whole: near the start, or where the file does not begin with a frame of Xing.
    """
    if sample < FAR:
        return None
    with _walking:
        places = _places(path, Stamp.of(path))
    if places is None:
        return None
    step = (sample // places.n_samples - _STEP - _HEAD_FRAMES) // _STEP
    if step <= 0 or step >= len(places.frames):
        return None
    kept = (places.begin, places.frames[0]), (places.frames[step], places.stop)
    index = bytearray(places.index)
    if places.size_at >= 0:  # else it warns of a wrong size
        size = len(index) + sum(stop - begin for begin, stop in kept)
        index[places.size_at : places.size_at + 4] = size.to_bytes(4)
    return Part((bytes(index), *kept)), step * _STEP * places.n_samples


@lru_cache(_N_KEPT)
def _places(path: Path, stamp: Stamp) -> _Places | None:
    """`stamp` is what the file system said, so that a file that changed is looked at anew."""
    with opened(path) as source:
        position = after_id3(source, 0)
        head = mpeg.read_head(source.at(position, 4))
        if head is None or head.kind[1] != 3:
            return None
        index = source.at(position, head.n_bytes)
        tag = index.find(b"Xing", 0, 44) if b"Xing" in index[:44] else index.find(b"Info", 0, 44)
        if tag < 0:
            return None
        flags = int.from_bytes(index[tag + 4 : tag + 8])
        size_at = tag + 8 + 4 * bool(flags & 1) if flags & 2 else -1
        frames, stop = _walk(source, position + head.n_bytes, head.kind)
        return _Places(index, size_at, position + head.n_bytes, stop, frames, head.n_samples) if frames else None


def _walk(source: Source, position: int, kind: tuple[int, int, int]) -> tuple[array, int]:  # type: ignore[type-arg]
    """See `_Places.frames`, and where the last frame ends; none where something else stands between frames."""
    frames, number, stop = array("Q"), 0, without_tags(source, position)
    while position < stop:
        head = mpeg.read_head(source.at(position, 4))
        if head is None or head.kind != kind:
            return array("Q"), stop
        if number >= _HEAD_FRAMES and (number - _HEAD_FRAMES) % _STEP == 0:
            frames.append(position)
        position += head.n_bytes
        number += 1
    return frames, position
