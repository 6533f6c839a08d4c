"""AIFF and AIFC, whose chunks are big-endian (Apple 1989 and 1991), and the Amiga's 8SVX and 16SV."""

import math
import struct
from collections.abc import Iterator

from evaluator.audio.containers.extent import CHUNKS_MOST, Promise, is_chunk, settle
from evaluator.audio.containers.layout import Encoding, Layout, linear, unknown
from evaluator.audio.containers.source import Source

_PCM = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}
_CODECS = {b"fl32": "FLOAT", b"FL32": "FLOAT", b"fl64": "DOUBLE", b"FL64": "DOUBLE", b"ulaw": "ULAW", b"ULAW": "ULAW",
           b"alaw": "ALAW", b"ALAW": "ALAW", b"raw ": "PCM_U8"}  # fmt: skip


def read(source: Source) -> Layout:
    """Where the audio of an AIFF or 8SVX file lies, in bytes, and its frames.

    Raises:
        AudioError: It is cut off, or has no audio.
    """
    amiga = source.at(8, 4) in (b"8SVX", b"16SV")
    encoding, frames, end, known, sound = None, None, 12, False, None
    for name, position, length in _chunks(source):
        if name == b"COMM":
            encoding, frames = _common(source, position, length)
            known = True
        elif name == b"BODY" and amiga:
            _, remark = settle(source, Promise(position, length), _leftover)
            return unknown(source.size, remark)
        elif name == b"SSND":
            sound = sound or (position, length)
        if known and sound:  # chunks may come in any order
            start, n_bytes = sound
            offset = source.unpack(">I", start)[0]
            return _layout(source, encoding, frames, start + 8 + offset, max(0, n_bytes - 8 - offset))
        end = position + length
    if end > source.size:
        raise source.cut_off(end - source.size)
    raise source.refusal(f"an AIFF file of {source.size} bytes without audio (no COMM and SSND chunk)")


def _layout(source: Source, encoding: Encoding | None, frames: int | None, start: int, length: int) -> Layout:
    """Of an SSND chunk; the number of frames stands in COMM once more."""
    if encoding is None:
        _, remark = settle(source, Promise(start, length), _leftover)
        return unknown(source.size, remark)
    promise = Promise(start, length, encoding.frame_bytes, encoding.frame_bytes * encoding.sample_rate)
    n_bytes, remark = settle(source, promise, _leftover)
    there = n_bytes // encoding.frame_bytes
    if not remark and frames != there:
        remark = f"its header says {frames} frames, but its audio has {there}; all are read"
    return linear([(start, start + n_bytes)], encoding, remark)


def _common(source: Source, position: int, length: int) -> tuple[Encoding | None, int]:
    """The encoding, if samples are not compressed, and the number of frames."""
    channels, frames, bits = source.unpack(">hIh", position)
    rate = _extended(source.at(position + 8, 10))
    codec = source.at(position + 18, 4) if source.at(8, 4) == b"AIFC" and length >= 22 else b"NONE"
    subtype = (
        _PCM.get((bits + 7) // 8) if codec in (b"NONE", b"twos", b"sowt", b"in24", b"in32") else _CODECS.get(codec)
    )
    endian = "LITTLE" if codec == b"sowt" else "BIG"
    return (Encoding(subtype, channels, rate, endian) if subtype and channels > 0 else None), frames


def _extended(content: bytes) -> int:
    """A number in the 80 bits of the 68881, as Hz; 0 if it is none."""
    if len(content) < 10:
        return 0
    exponent, mantissa = struct.unpack(">HQ", content)
    if exponent & 0x8000 or exponent > 16383 + 62:
        return 0
    return math.floor(math.ldexp(mantissa, exponent - 16383 - 63) + 0.5)


def _chunks(source: Source) -> Iterator[tuple[bytes, int, int]]:
    position, n_chunks = 12, 0
    while position + 8 <= source.size:
        if (n_chunks := n_chunks + 1) > CHUNKS_MOST:
            raise source.too_many_chunks()
        name, length = struct.unpack(">4sI", source.at(position, 8))
        yield name, position + 8, length
        position += 8 + length + length % 2


def _leftover(source: Source, position: int) -> int:
    """Bytes behind the audio that are no chunks."""
    position += position % 2
    while position + 8 <= source.size:
        name, length = struct.unpack(">4sI", source.at(position, 8))
        if not is_chunk(source, name, position + 8 + length):
            break
        position += 8 + length + length % 2
    return max(0, source.size - position)
