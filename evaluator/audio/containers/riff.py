"""WAV, its big-endian twin RIFX, and RF64 or BW64 with sizes of 64 bits (EBU Tech 3306)."""

import struct
from collections.abc import Iterator
from dataclasses import replace

from evaluator.audio.containers import guano
from evaluator.audio.containers.extent import CHUNKS_MOST, Promise, is_chunk, settle
from evaluator.audio.containers.layout import Encoding, Layout, linear, unknown
from evaluator.audio.containers.source import Source

_MAX32 = 0xFFFFFFFF
_COMMON = {b"data", b"fmt ", b"LIST", b"fact", b"bext", b"iXML", b"cue ", b"smpl", b"id3 ", b"ID3 ", b"junk", b"JUNK",
           b"PEAK", b"wamd", b"guan", b"inst", b"_PMX", b"PAD ", b"FLLR", b"ds64", b"plst", b"DISP"}  # fmt: skip
_CODECS = {1: {1: "PCM_U8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}, 3: {4: "FLOAT", 8: "DOUBLE"}, 6: {1: "ALAW"}, 7: {1: "ULAW"}}  # fmt: skip


def read(source: Source) -> Layout:
    """Where the audio of a WAV file lies, in bytes, and its frames.

    Raises:
        AudioError: It is cut off, or has no audio.
    """
    order = ">" if source.at(0, 4) == b"RIFX" else "<"
    format_, size64, sound, position = None, None, None, 12
    texts: list[guano.Place] = []
    for name, position, length in _chunks(source, order, 12):
        if name == b"ds64" and length >= 16:
            (size64,) = source.unpack("<Q", position + 8)
        elif name == b"fmt ":
            format_ = Format(source, position, length, order)
        elif name == guano.CHUNK:
            texts.append((position, length))
        elif name == b"data":
            sound = sound or (position, length if size64 is None or length != _MAX32 else size64)
        if format_ and sound:  # in either order
            behind = guano.at_end(source, sound[0], order)
            sound, reaches = _before(behind, *sound)
            layout, end = _layout(source, format_, *sound, order)
            expansion, odd = guano.time_expansion(source, [*texts, *behind, *_texts(source, end, order)])
            remark = "; ".join(filter(None, (reaches, layout.remark, odd)))
            return replace(layout, remark=remark, expansion=expansion)
        position += length
    if position > source.size:
        raise source.cut_off(position - source.size)
    raise source.refusal(
        "a WAV file without " + ("audio (no data chunk)" if format_ else "a description of its audio (no fmt chunk)")
    )


def _before(behind: list[guano.Place], position: int, length: int) -> tuple[tuple[int, int], str]:
    """Where the audio lies, in bytes, and a remark if its size, a placeholder, reaches over metadata or was never filled in."""
    if not behind:
        return (position, length), ""
    there = behind[0][0] - 8 - position
    if length <= there and (length or not there):
        return (position, length), ""
    return (
        position,
        there,
    ), f"its header says {length} bytes of audio; it is read up to its metadata, {there} bytes on"


def _texts(source: Source, end: int, order: str) -> Iterator[guano.Place]:
    """The metadata of bat recorders among the chunks behind the audio."""
    if end % 2 and source.at(end, 4) not in _COMMON:  # the audio's own byte more
        end += 1
    for name, position, length in _chunks(source, order, end):
        if not is_chunk(source, name, position + length):
            return
        if name == guano.CHUNK:
            yield position, length


class Format:
    """A `fmt ` chunk: rate in Hz, bytes a second, and the encoding where samples are not compressed."""

    def __init__(self, source: Source, position: int, length: int, order: str) -> None:
        tag, channels, rate, byte_rate, block, bits = source.unpack(f"{order}HHIIHH", position)
        if tag == 0xFFFE and length >= 26:
            (tag,) = source.unpack(f"{order}H", position + 24)
        width = block // channels if channels and block % channels == 0 else 0
        subtype = _CODECS.get(tag, {}).get(width) if (bits + 7) // 8 == width else None
        self.byte_rate = byte_rate
        self.linear_block = block if tag in _CODECS else 0  # bytes of a frame, even where they are used in another way
        self.encoding = Encoding(subtype, channels, rate, "BIG" if order == ">" else "LITTLE") if subtype else None


def _layout(source: Source, format_: Format, position: int, length: int, order: str) -> tuple[Layout, int]:
    """The layout of a data chunk, and where the audio ends."""
    encoding = format_.encoding
    if not encoding:
        n_bytes, remark = settle(
            source, Promise(position, length, 1, format_.byte_rate), lambda file, end: _leftover(file, end, order)
        )
        n_frames = n_bytes // format_.linear_block if format_.linear_block else None
        return unknown(source.size, remark, n_frames), position + n_bytes
    promise = Promise(position, length, encoding.frame_bytes, encoding.frame_bytes * encoding.sample_rate)
    n_bytes, remark = settle(source, promise, lambda file, end: _leftover(file, end, order))
    return linear([(position, position + n_bytes)], encoding, remark), position + n_bytes


def _chunks(source: Source, order: str, position: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, position and length of the content of each chunk from a position on, in bytes."""
    n_chunks = 0
    while position + 8 <= source.size:
        if (n_chunks := n_chunks + 1) > CHUNKS_MOST:
            raise source.too_many_chunks()
        name, length = struct.unpack(f"{order}4sI", source.at(position, 8))
        yield name, position + 8, length
        position = _next(source, position + 8, length)


def _next(source: Source, position: int, length: int) -> int:
    """Where the next chunk begins: chunks of odd length have a byte more, which some recorders forget."""
    end = position + length
    forgotten = length % 2 and source.at(end, 4) in _COMMON and source.at(end + 1, 4) not in _COMMON
    return end + length % 2 - bool(forgotten)


def _leftover(source: Source, position: int, order: str) -> int:
    """Bytes behind the audio that are no chunks."""
    start = position
    if position % 2 and source.at(position, 4) not in _COMMON:  # the audio's own byte more; all chunks begin even
        position += 1
    while position + 8 <= source.size:
        name, length = struct.unpack(f"{order}4sI", source.at(position, 8))
        if not is_chunk(source, name, position + 8 + length):
            break
        position = _next(source, position + 8, length)
    rest = max(0, source.size - position)
    return 0 if rest < 8 and position > start + 1 else rest
