"""FLAC (RFC 9639): the last frame says where it stands, and so how long the recording is; a checksum proves it."""

from dataclasses import dataclass

from evaluator.audio.containers.layout import Layout, Part
from evaluator.audio.containers.source import Source
from evaluator.audio.containers.tags import without_tags

_MAGIC = b"fLaC\x00\x00\x00\x22"  # the name, and the head of the block STREAMINFO, which is always first
_STREAMINFO = 42  # bytes up to its end
_FRAME_MOST = 1 << 20  # bytes looked at from the end: 65,535 frames of 8 channels of 16 bits, uncompressed
_OPEN = (1 << 36) - 1  # frames; as many as the header can say
_BLOCK_SIZES = {1: 192, **{code: 576 << (code - 2) for code in range(2, 6)}, **{code: 256 << (code - 8) for code in range(8, 16)}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Info:
    """STREAMINFO: smallest and largest block in frames, frames in all (0: unknown), and where the first frame begins."""

    smallest: int
    largest: int
    frames: int
    start: int


def read(source: Source, start: int = 0) -> Layout:
    """How many frames a FLAC file has, from byte `start` on.

    Raises:
        AudioError: It is cut off, or damaged so that it cannot be told.
    """
    remarks, parts = [], []
    stop = without_tags(source, start)
    while start < stop:
        behind = source.find(_MAGIC, start + len(_MAGIC), stop)
        part, remark = _stream(source, start, stop if behind < 0 else behind)
        parts.append(part)
        remarks += [remark] if remark else []
        start = stop if behind < 0 else behind
    if len(parts) > 1:
        remarks.insert(0, f"{len(parts)} FLAC files are joined in it; all are read, one after the other")
    return Layout(tuple(parts), "; ".join(remarks), as_it_is=len(parts) == 1 and not remarks)


def _stream(source: Source, start: int, stop: int) -> tuple[Part, str]:
    """One FLAC file within the bytes, and what its header has wrong."""
    info = _streaminfo(source, start, stop)
    ended, note = _end(source, info, stop), ""
    if ended is None:
        ended, stop, note = _before_junk(source, info, stop)
    end, n_last = ended
    if info.frames == end:
        return Part(((start, stop),), end), note
    remark = f"its header says {info.frames} frames, but its last frame ends at {end}; it is read to there"
    if info.frames == 0:
        remark = "its header does not say how long it is; it is read to its end"
    # A file that was cut between two frames ends with a full one. FL010 of ecoacoustics/known-problems: twice the frames.
    if end < info.frames != 2 * end and n_last == info.largest:
        raise source.refusal(
            f"the file is cut off: its header says {info.frames} frames, but it ends after {end}; get it again"
        )
    return _patched(source, start, stop, end), remark


def _before_junk(source: Source, info: _Info, stop: int) -> tuple[tuple[int, int], int, str]:
    """Frames up to the last whole block and those in it, and where it ends, in a file whose last bytes are no block.

    Something may follow only where the header says that the recording ends there; else the next block is cut off.
    """
    whole = _stop_of_last(source, info, stop)
    ended = _end(source, info, whole) if whole else None
    if ended is None or ended[0] != info.frames:
        raise source.refusal("the file is cut off: it does not end with a whole FLAC frame; get it again")
    return ended, whole, f"{stop - whole} bytes follow its audio and belong to nothing that is known; they are ignored"


def _stop_of_last(source: Source, info: _Info, stop: int) -> int:
    """Where the last block ends that is whole, in a file whose last bytes are none; 0 if there is none near its end."""
    first = max(info.start, stop - _FRAME_MOST)
    tail, position = source.at(first, stop - first), stop - first
    while (position := tail.rfind(b"\xff", 0, position)) >= 0:
        is_head = tail[position + 1 : position + 2] in (b"\xf8", b"\xf9") and _numbered(
            tail[position : position + 16], info
        )
        if is_head and (length := _length(tail[position:])):
            return first + position + length
    return 0


def _length(content: bytes) -> int:
    """Bytes of the block that content begins with, by its checksum; 0 if it does not end there."""
    crc = 0
    for offset, byte in enumerate(content):
        crc = (crc << 8 & 0xFF00) ^ _CRC16[crc >> 8 ^ byte]
        if crc == 0 and offset > 6:
            return offset + 1
    return 0


def _streaminfo(source: Source, start: int, stop: int) -> _Info:
    block = source.at(start, min(_STREAMINFO, stop - start))
    if len(block) < _STREAMINFO or block[:8] != _MAGIC:
        raise source.refusal("a FLAC file whose first block is cut off or damaged; get it again")
    smallest, largest = int.from_bytes(block[8:10]), int.from_bytes(block[10:12])
    frames = int.from_bytes(block[21:26]) & _OPEN
    position, last = start + _STREAMINFO, source.at(start + 4, 1)[0] & 0x80
    while not last:
        head = source.at(position, 4)
        if len(head) < 4 or position >= stop:
            raise source.cut_off(4)
        last = head[0] & 0x80
        position += 4 + int.from_bytes(head[1:])
    if position > stop:
        raise source.cut_off(position - stop)
    return _Info(smallest, largest, frames, position)


def _end(source: Source, info: _Info, stop: int) -> tuple[int, int] | None:
    """The frame of the recording at which the last block of bytes before `stop` ends, and how many it holds; None if none ends there."""
    first = max(info.start, stop - _FRAME_MOST)
    tail = source.at(first, stop - first)
    if len(tail) < 6:
        return (0, 0) if info.start == stop else None
    position = len(tail)
    while (position := tail.rfind(b"\xff", 0, position)) >= 0:
        if tail[position + 1 : position + 2] in (b"\xf8", b"\xf9"):
            numbered = _numbered(tail[position : position + 16], info)
            if numbered and _crc16(tail[position:]) == 0:
                return numbered[0] + numbered[1], numbered[1]
    return None


def _numbered(head: bytes, info: _Info) -> tuple[int, int] | None:
    """Which frame of the recording a block begins with and how many it has, from its head; None if it is none (9.1)."""
    if len(head) < 6 or head[2] >> 4 == 0 or head[2] & 15 == 15 or head[3] >> 4 > 10 or head[3] & 1:
        return None
    lead = head[4]
    if 0x80 <= lead < 0xC0 or lead == 0xFF:
        return None
    n_ones = 8 - (lead ^ 0xFF).bit_length()  # as in UTF-8: how many bytes the number has
    n_more = max(0, n_ones - 1)
    number = lead & (0x7F >> n_ones)
    for byte in head[5 : 5 + n_more]:
        number = number << 6 | byte & 0x3F
    position = 5 + n_more
    code = head[2] >> 4
    n_size = {6: 1, 7: 2}.get(code, 0)
    frames = int.from_bytes(head[position : position + n_size]) + 1 if n_size else _BLOCK_SIZES[code]
    position += n_size + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if len(head) <= position or _crc8(head[: position + 1]) != 0:
        return None
    return (number if head[1] & 1 else number * info.largest), frames


def _patched(source: Source, start: int, stop: int, frames: int) -> Part:
    """The same file with another number of frames in its header."""
    block = bytearray(source.at(start, _STREAMINFO))
    kept = int.from_bytes(block[21:26]) & ~_OPEN
    block[21:26] = (kept | frames).to_bytes(5)
    block[26:42] = bytes(16)  # no checksum over the whole: it is that of another length
    return Part((bytes(block), (start + _STREAMINFO, stop)), frames)


def _table(polynomial: int, n_bits: int) -> list[int]:
    """Of a cyclic redundancy check, most significant bit first."""
    table, top, mask = [], 1 << (n_bits - 1), (1 << n_bits) - 1
    for value in range(256):
        crc = value << (n_bits - 8)
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc & top else 0)) & mask
        table.append(crc)
    return table


_CRC8, _CRC16 = _table(0x07, 8), _table(0x8005, 16)


def _crc8(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc = _CRC8[crc ^ byte]
    return crc


def _crc16(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc = (crc << 8 & 0xFF00) ^ _CRC16[crc >> 8 ^ byte]
    return crc
