"""FLAC (RFC 9639): every frame says where in the recording it stands, so the last one says how long that is."""

from dataclasses import dataclass

from evaluator.audio.containers.layout import Layout, Part
from evaluator.audio.containers.source import Source
from evaluator.audio.containers.tags import without_tags

_MAGIC = b"fLaC\x00\x00\x00\x22"  # the name, and the head of the block STREAMINFO, which is always first
_STREAMINFO = 42  # bytes up to its end
_FRAME_MOST = 1 << 20  # bytes looked at from the end: 65,535 frames of 8 channels of 16 bits, uncompressed
_OPEN = (1 << 36) - 1  # frames; as many as the header can say
_RATES = {
    1: 88200,
    2: 176400,
    3: 192000,
    4: 8000,
    5: 16000,
    6: 22050,
    7: 24000,
    8: 32000,
    9: 44100,
    10: 48000,
    11: 96000,
}
_BLOCK_SIZES = {1: 192, **{code: 576 << (code - 2) for code in range(2, 6)}, **{code: 256 << (code - 8) for code in range(8, 16)}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Info:
    """STREAMINFO: smallest and largest block in samples, samples in all (0: unknown), first frame's byte, Hz, channels."""

    smallest: int
    largest: int
    frames: int
    start: int
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a frame begins, in bytes, which sample is its first, and how many it has."""

    position: int
    number: int
    frames: int


def read(source: Source, start: int = 0) -> Layout:
    """How many frames a FLAC file has, from byte `start` on.

    Raises:
        AudioError: It is cut off, or damaged so that it cannot be told.
    """
    remarks, parts = [], []
    stop = without_tags(source, start)
    while start < stop:
        # Behind the metadata: a picture or attachment may be anything.
        behind = source.find(_MAGIC, _streaminfo(source, start, stop).start, stop)
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
    if info.start == stop and info.frames == 0:
        return Part(((start, stop),), 0), ""
    last = _last(source, info, stop)
    whole = last.position + _length(source.at(last.position, min(_FRAME_MOST, stop - last.position)))
    end = last.number + last.frames
    if whole == last.position or (whole < stop and end != info.frames):
        raise source.refusal(
            f"the file is cut off or damaged: its FLAC frames end after {last.number} of {info.frames or 'unknown'} samples; get it again"
        )
    if info.frames == end:
        note = f"{stop - whole} bytes follow its audio and belong to nothing that is known; they are ignored"
        return Part(((start, whole),), end), note if whole < stop else ""
    # A file that was cut between two frames ends with a full one. FL010 of ecoacoustics/known-problems: twice the samples.
    if end < info.frames != 2 * end and last.frames == info.largest:
        raise source.refusal(
            f"the file is cut off: its header says {info.frames} samples, but it ends after {end}; get it again"
        )
    remark = f"its header says {info.frames} samples, but its last frame ends at {end}; it is read to there"
    if info.frames == 0:
        remark = "its header does not say how long it is; it is read to its end"
    return _patched(source, start, stop, end), remark


def _last(source: Source, info: _Info, stop: int) -> _Frame:
    """The last frame of those that follow each other without a gap from sample 0 on."""
    sync = source.at(info.start, 2)
    last = _frame(source, info, info.start) if sync in (b"\xff\xf8", b"\xff\xf9") else None
    if last is None or last.number:
        raise source.refusal("a FLAC file that does not begin with its first frame; get it again")
    _refuse_other_format(source, info)
    position = info.start
    while (position := source.find(sync, position + 2, stop)) >= 0:
        frame = _frame(source, info, position)
        if frame is None:
            continue
        if frame.number == last.number + last.frames:
            last = frame
        elif _crc16(source.at(last.position, min(_FRAME_MOST, position - last.position))) == 0:
            raise source.refusal(
                f"the file is damaged: after FLAC frames up to sample {last.number + last.frames} comes sample {frame.number}"
            )
    return last


def _refuse_other_format(source: Source, info: _Info) -> None:
    """The rate and channels of the first frame are those of the header, or one of both is damaged."""
    head = source.at(info.start, 4)
    rate, channels = _RATES.get(head[2] & 15, info.sample_rate), (head[3] >> 4) + 1 if head[3] >> 4 < 8 else 2
    if (rate, channels) != (info.sample_rate, info.channels):
        raise source.refusal(
            f"its header says {info.sample_rate} Hz in {info.channels} channels, but its first FLAC frame {rate} Hz in {channels}; "
            "get it again"
        )


def _length(content: bytes) -> int:
    """Bytes of the frame that content begins with, by its checksum; 0 if it does not end there."""
    if _crc16(content) == 0:  # as it should be; on the way there, one in 65,536 bytes gives 0 too
        return len(content)
    crc = 0
    for offset, byte in enumerate(content):
        crc = (crc << 8 & 0xFF00) ^ _CRC16[crc >> 8 ^ byte]
        if crc == 0 and offset > 6:
            return offset + 1
    return 0


def _streaminfo(source: Source, start: int, stop: int) -> _Info:
    block = source.at(start, min(_STREAMINFO, stop - start))
    if len(block) < _STREAMINFO or block[:8] != _MAGIC:
        raise source.refusal(f"a FLAC file whose first block ({len(block)} bytes) is cut off or damaged; get it again")
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
    return _Info(smallest, largest, frames, position, int.from_bytes(block[18:21]) >> 4, (block[20] >> 1 & 7) + 1)


def _frame(source: Source, info: _Info, position: int) -> _Frame | None:
    """The frame that begins at a byte, from its head; None if none does (section 9.1)."""
    head = source.at(position, 16)
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
    n_head = 5 + n_more
    code = head[2] >> 4
    n_size = {6: 1, 7: 2}.get(code, 0)
    frames = int.from_bytes(head[n_head : n_head + n_size]) + 1 if n_size else _BLOCK_SIZES[code]
    n_head += n_size + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if len(head) <= n_head or _crc8(head[: n_head + 1]) != 0:
        return None
    return _Frame(position, number if head[1] & 1 else number * info.largest, frames)


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
