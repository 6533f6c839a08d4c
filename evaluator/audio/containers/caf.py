"""Apple's Core Audio Format: chunks with sizes of 64 bits, of which the audio's may be -1, "to the end"."""

import math

from evaluator.audio.containers.extent import CHUNKS_MOST, Promise, is_chunk, settle
from evaluator.audio.containers.layout import Encoding, Layout, linear, unknown
from evaluator.audio.containers.source import Source

_PCM = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}
_FLOAT = {4: "FLOAT", 8: "DOUBLE"}
_LAWS = {b"ulaw": "ULAW", b"alaw": "ALAW"}


def read(source: Source) -> Layout:
    """Where the audio of a CAF file lies, in bytes, and its frames.

    Raises:
        AudioError: It is cut off, or has no audio.
    """
    encoding, position, described, n_chunks = None, 8, False, 0
    while position + 12 <= source.size:
        if (n_chunks := n_chunks + 1) > CHUNKS_MOST:
            raise source.too_many_chunks()
        name, length = source.unpack(">4sq", position)
        if name == b"desc":
            encoding, described = _described(source, position + 12), True
        elif name == b"kuki" and described and length == 24:
            _refuse_other_rate(source, position + 12)
        elif name == b"data" and described:
            return _layout(source, encoding, position + 16, None if length < 0 else max(0, length - 4))
        if length < 0:
            raise source.refusal(f"its chunk at byte {position} has a size of {length} bytes")
        position += 12 + length
    if position > source.size:
        raise source.cut_off(position - source.size)
    raise source.refusal(f"a CAF file of {source.size} bytes without audio (no desc and data chunk)")


def _refuse_other_rate(source: Source, position: int) -> None:
    """The description of ALAC has the rate once more; where they differ, one of both is damaged."""
    (rate,) = source.unpack(">d", 20)
    (again,) = source.unpack(">I", position + 20)
    if source.at(28, 4) == b"alac" and rate != again:
        raise source.refusal(f"its header says {rate:g} Hz, but its codec {again} Hz; get it again")


def _described(source: Source, position: int) -> Encoding | None:
    """The encoding, if samples are not compressed."""
    rate, codec, flags, packet_bytes, _, channels, bits = source.unpack(">d4sIIIII", position)
    hertz = math.floor(rate + 0.5) if math.isfinite(rate) and 0 <= rate < 2**31 else 0
    widths = (_FLOAT if flags & 1 else _PCM) if codec == b"lpcm" else {1: _LAWS[codec]} if codec in _LAWS else {}
    width = packet_bytes // channels if channels and packet_bytes % channels == 0 else 0
    subtype = widths.get(width) if (bits + 7) // 8 == width or codec in _LAWS else None
    return Encoding(subtype, channels, hertz, "LITTLE" if flags & 2 else "BIG") if subtype else None


def _layout(source: Source, encoding: Encoding | None, start: int, length: int | None) -> Layout:
    frame_bytes = encoding.frame_bytes if encoding else 1
    byte_rate = frame_bytes * encoding.sample_rate if encoding else 0
    n_bytes, remark = settle(source, Promise(start, length, frame_bytes, byte_rate, wraps=False), _leftover)
    if encoding:
        return linear([(start, start + n_bytes)], encoding, remark)
    return unknown(source.size, remark, _packed_frames(source))


def _packed_frames(source: Source) -> int | None:
    """Frames as the table of packets counts them, without those that the encoder added; None without such a table."""
    position = 8
    while position + 12 <= source.size:
        name, length = source.unpack(">4sq", position)
        if name == b"pakt" and length >= 16:
            (frames,) = source.unpack(">q", position + 20)
            return int(frames)
        if length < 0:
            return None
        position += 12 + length
    return None


def _leftover(source: Source, position: int) -> int:
    """Bytes behind the audio that are no chunks."""
    while position + 12 <= source.size:
        name, length = source.unpack(">4sq", position)
        if length < 0 or not is_chunk(source, name, position + 12 + length):
            break
        position += 12 + length
    return max(0, source.size - position)
