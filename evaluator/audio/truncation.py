"""Whether a file of audio was cut off: what its own structure promises, held against its size.

libsndfile reads a WAV file or an Ogg stream that lost its end as if it were a shorter one, so that a broken
download would pass as a short clip. FLAC and MP3 need nothing here: they say how many frames there should be,
and decoding gives fewer.
"""

import struct
from pathlib import Path

# Programs that write WAV into a pipe do not know its length and write a huge one: FFmpeg 0xFFFFFFFF, SoX
# 0x7FFFF000 plus a bit. Such a promise means "up to the end of the file".
_UNKNOWN_LENGTH = 0x7FFFF000
_OGG_PAGE_MOST = 27 + 255 + 255 * 255  # bytes: header, segment table, 255 segments (RFC 3533, section 6)


def missing_bytes(path: Path) -> int:
    """Bytes that are missing at the end of a WAV, AIFF or Ogg file; 0 if it is whole or of another kind."""
    with path.open("rb") as file:
        magic = file.read(12)
        if magic[:4] in (b"RIFF", b"RIFX") and magic[8:12] == b"WAVE":
            return _missing_in_chunks(path, b"data", ">" if magic[:4] == b"RIFX" else "<")
        if magic[:4] == b"FORM" and magic[8:12] in (b"AIFF", b"AIFC"):
            return _missing_in_chunks(path, b"SSND", ">")
        return _missing_in_ogg(path) if magic[:4] == b"OggS" else 0


def _missing_in_chunks(path: Path, chunk_id: bytes, byte_order: str) -> int:
    """Walk the chunks (name, length, that many bytes, padded to even) up to the one that holds the audio."""
    size = path.stat().st_size
    with path.open("rb") as file:
        position = 12
        while position + 8 <= size:
            file.seek(position)
            name, length = struct.unpack(f"{byte_order}4sI", file.read(8))
            if name == chunk_id:
                return 0 if length >= _UNKNOWN_LENGTH else max(0, position + 8 + length - size)
            position += 8 + length + length % 2
    return max(0, position - size)


def _missing_in_ogg(path: Path) -> int:
    """How far the last page reaches beyond the end of the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _OGG_PAGE_MOST))
        tail = file.read()
    start = tail.rfind(b"OggS\x00")  # capture pattern and version
    page = tail[start:]
    if start < 0 or len(page) < 27 or len(page) < 27 + page[26]:
        return 1  # not even the last page's header is whole
    return max(0, 27 + page[26] + sum(page[27 : 27 + page[26]]) - len(page))
