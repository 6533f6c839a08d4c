"""MP3 and its older layers: every frame is looked at, and none is decoded (ISO 11172-3, 13818-3, and MPEG 2.5).

The frame of Xing, LAME or Fraunhofer (VBRI) that may come first says how many follow. Where there is none, or it is wrong,
libsndfile is given one that is right: without it, it guesses.
"""

from dataclasses import dataclass, field

from evaluator.audio.containers.layout import Layout, Part, Piece
from evaluator.audio.containers.source import Source
from evaluator.audio.containers.tags import after_id3, without_tags

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz, by the version's bits
_KBPS = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SLACK = 2  # frames by which writers of an index miscount: some count the frame of the index too
_DECODER_DELAY = 529  # samples, of every decoder of layer III
_TRIM_MOST = 3 * 1152  # samples; no encoder adds more before and after the sound


@dataclass(frozen=True, slots=True)
class _Head:
    """The four bytes of a frame: what all frames of a stream have in common, its bytes and its samples."""

    kind: tuple[int, int, int]  # version, layer, rate
    mono: bool
    n_bytes: int
    n_samples: int


@dataclass(slots=True)
class _Stream:
    """Frames that belong together: those of one MP3 file."""

    first: bytes
    head: _Head
    index: "_Index | None"
    pieces: list[tuple[int, int]] = field(default_factory=list)
    n_frames: int = 0


@dataclass(frozen=True, slots=True)
class _Index:
    """What the frame of Xing or VBRI says: frames that follow, and where it ends in bytes; None for no number."""

    frames: int | None
    xing: bool
    trimmed: int


def read(source: Source, start: int = 0) -> Layout:
    """The frames of an MP3 file, from byte `start` on.

    Raises:
        AudioError: It is cut off, or its frames cannot be told apart.
    """
    streams, junk = _walk(source, after_id3(source, start))
    parts, remarks = [], []
    if len(streams) > 1:
        remarks.append(f"{len(streams)} MP3 files are joined in it; all are read, one after the other")
    for stream in streams:
        part, remark = _part(source, stream)
        parts.append(part)
        remarks += [remark] if remark and remark not in remarks else []
    if junk:
        remarks.append(f"{junk} of its bytes belong to no frame; they are ignored")
    return Layout(tuple(parts), "; ".join(remarks), as_it_is=not remarks and streams[0].index is not None)


def _part(source: Source, stream: _Stream) -> tuple[Part, str]:
    """What libsndfile is given of a stream, and what its index has wrong."""
    head, index = stream.head, stream.index
    samples = stream.n_frames * head.n_samples
    counted = index.frames if index else None
    trusted = index is not None and index.xing and index.trimmed <= _TRIM_MOST
    if index and trusted and counted == stream.n_frames:
        return Part(tuple(stream.pieces), samples, max(0, samples - index.trimmed)), ""
    if counted is not None and counted - stream.n_frames > _SLACK:
        raise source.refusal(
            f"the file is cut off: its index says {counted} frames, but {stream.n_frames} follow; get it again"
        )
    remark = ""
    if counted is not None and counted != stream.n_frames:
        remark = f"its index says {counted} frames, but {stream.n_frames} follow; all are read"
    elif index and not trusted and index.xing:
        remark = (
            f"its index says that {index.trimmed} samples were added to it, more than any encoder does; all are read"
        )
    if head.kind[1] != 3:
        return Part(tuple(stream.pieces), samples, 0), remark
    pieces: list[Piece] = list(stream.pieces)
    if index:  # its own frame, which holds no sound
        begin, stop = stream.pieces[0]
        pieces = [(begin + head.n_bytes, stop), *pieces[1:]]
    return Part((_indexed(stream), *pieces), samples), remark


def _walk(source: Source, position: int) -> tuple[list[_Stream], int]:
    """The streams of a file, and how many of its bytes belong to no frame."""
    streams: list[_Stream] = []
    junk, stop = 0, without_tags(source, position)
    while position < stop:
        head = read_head(source.at(position, 4))
        if head is None or (
            streams and head.kind != streams[-1].head.kind and not _is_next(source, position, head, stop)
        ):
            found = _resync(source, position, stop, streams[-1].head if streams else None)
            junk += found - max(position, after_id3(source, position))
            position = found
            continue
        if position + head.n_bytes > stop:
            raise source.cut_off(position + head.n_bytes - stop)
        _take(source, streams, position, head)
        position += head.n_bytes
    if not streams:
        raise source.refusal(f"an MP3 file of {source.size} bytes without a whole frame; get it again")
    return streams, junk


def _take(source: Source, streams: list[_Stream], position: int, head: _Head) -> None:
    """Add a frame to the last stream, or begin another with it."""
    may_be_index = not streams or streams[-1].n_frames > 0
    index = _index(source.at(position, min(head.n_bytes, 200)), head) if may_be_index else None
    if streams and not index and head.kind != streams[-1].head.kind:
        raise source.refusal("MP3 files of different rates or layers are joined in it; take them apart")
    if not streams or index:
        streams.append(_Stream(source.at(position, 4), head, index))
        streams[-1].n_frames = -1 if index else 0
    stream = streams[-1]
    stream.n_frames += 1
    if stream.pieces and stream.pieces[-1][1] == position:
        stream.pieces[-1] = (stream.pieces[-1][0], position + head.n_bytes)
    else:
        stream.pieces.append((position, position + head.n_bytes))


def _is_next(source: Source, position: int, head: _Head, stop: int) -> bool:
    """Whether a frame of another kind is one: the next is of its kind."""
    after = position + head.n_bytes
    following = read_head(source.at(after, 4))
    return after == stop or (following is not None and following.kind == head.kind)


def _resync(source: Source, position: int, stop: int, like: _Head | None) -> int:
    """Where the next frame begins, behind tags or bytes that belong to no frame; `stop` if there is none."""
    tagged = after_id3(source, position)
    if tagged != position:
        return min(tagged, stop)
    while 0 <= (position := source.find(b"\xff", position + 1, stop)) < stop:
        head = read_head(source.at(position, 4))
        whole = head and (like is None or head.kind == like.kind) and position + head.n_bytes <= stop
        if head and whole and _is_next(source, position, head, stop):
            return position
    return stop


def read_head(content: bytes) -> _Head | None:
    """A frame's head from its four bytes; None if it is none, or of a free bit rate, which nothing bounds."""
    if len(content) < 4 or content[0] != 0xFF or content[1] & 0xE0 != 0xE0:
        return None
    version, layer = content[1] >> 3 & 3, 4 - (content[1] >> 1 & 3)
    rate_code, kbps_code = content[2] >> 2 & 3, content[2] >> 4
    if version == 1 or layer == 4 or rate_code == 3 or kbps_code in (0, 15):
        return None
    rate, padding = _RATES[version][rate_code], content[2] >> 1 & 1
    bits = 1000 * _KBPS[version == 3, layer][kbps_code]
    if layer == 1:
        return _Head((version, layer, rate), content[3] >> 6 == 3, (12 * bits // rate + padding) * 4, 384)
    n_samples = 576 if layer == 3 and version != 3 else 1152
    return _Head((version, layer, rate), content[3] >> 6 == 3, n_samples // 8 * bits // rate + padding, n_samples)


def _side(head: _Head) -> int:
    """Bytes of the side information of layer III."""
    if head.kind[0] == 3:
        return 17 if head.mono else 32
    return 9 if head.mono else 17


def _index(frame: bytes, head: _Head) -> _Index | None:
    """What a frame says of those that follow; None if it is an ordinary one."""
    if head.kind[1] != 3:
        return None
    start = 4 + _side(head)
    if frame[start : start + 4] in (b"Xing", b"Info") and len(frame) >= start + 8:
        flags = int.from_bytes(frame[start + 4 : start + 8])
        frames = int.from_bytes(frame[start + 8 : start + 12]) if flags & 1 else None
        lame = start + 8 + 4 * bool(flags & 1) + 4 * bool(flags & 2) + 100 * bool(flags & 4) + 4 * bool(flags & 8)
        gap = frame[lame + 21 : lame + 24]
        added = (gap[0] << 4 | gap[1] >> 4) + ((gap[1] & 15) << 8 | gap[2]) if len(gap) == 3 else 0
        return _Index(frames, True, added)
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        return _Index(int.from_bytes(frame[50:54]), False, 0)
    return None


def _indexed(stream: _Stream) -> bytes:
    """A frame with an index that says how many frames follow, and the first of them, which is silent.

    libmpg123 drops the decoder's delay from the start of whatever has an index; here the silent frame is what it drops.
    """
    first = bytearray(stream.first)
    first[1] |= 1  # no checksum
    first[2] = first[2] & 0x0D | 0x90  # a bit rate at which an index fits, no padding
    head = read_head(bytes(first))
    frame = bytearray(head.n_bytes if head else 0)
    frame[:4] = first
    silent = bytes(frame)
    start = 4 + _side(stream.head)
    added = (stream.head.n_samples - _DECODER_DELAY) << 12 | _DECODER_DELAY  # before and after, 12 bits each
    index = b"Xing" + (1).to_bytes(4) + (stream.n_frames + 1).to_bytes(4) + b"LAME3.100" + bytes(12) + added.to_bytes(3)
    frame[start : start + len(index)] = index
    return bytes(frame) + silent
