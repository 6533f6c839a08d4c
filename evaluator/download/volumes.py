"""Parts of an archive as one file, and multi-volume zips as one volume, which Python's `zipfile` cannot read by itself."""

import io
import os
import struct
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


class JoinedFiles(io.RawIOBase):
    """Files one after the other, (n_files,), as one file that can be read and sought; positions are in bytes."""

    def __init__(self, files: Sequence[Path], tail: tuple[int, bytes] | None = None):
        """`tail`: from which position on other bytes are read instead."""
        self.name = str(files[-1])
        self._sizes = [file.stat().st_size for file in files]
        self._files = [file.open("rb") for file in files]
        self._cut, self._tail = tail or (sum(self._sizes), b"")
        self._position = 0

    def starts(self) -> list[int]:
        """Positions at which the files start, (n_files,)."""
        return [sum(self._sizes[:number]) for number in range(len(self._sizes))]

    def with_tail(self, cut: int, tail: bytes) -> "JoinedFiles":
        """The same files up to `cut`, then `tail`."""
        return JoinedFiles([Path(file.name) for file in self._files], (cut, tail))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._cut + len(self._tail)}[whence]
        if base + offset < 0:
            raise OSError(f"sought position {base + offset}, before the start")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, across files; less only at the end."""
        filled = 0
        while filled < len(buffer):
            data = self._read(len(buffer) - filled)
            if not data:
                break
            buffer[filled : filled + len(data)] = data
            filled += len(data)
            self._position += len(data)
        return filled

    def _read(self, n_wanted: int) -> bytes:
        if self._position >= self._cut:
            return self._tail[self._position - self._cut : self._position - self._cut + n_wanted]
        for start, size, file in zip(self.starts(), self._sizes, self._files, strict=True):
            if start <= self._position < start + size:
                file.seek(self._position - start)
                return file.read(min(n_wanted, start + size - self._position, self._cut - self._position))
        return b""

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()


# Multi-volume zip: a member's position is (volume, offset in it), of which Python's zipfile knows only the second. The
# view below has the same members at the same bytes, and behind them a central directory in which every position counts
# from the start of the first volume. Fields: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3 and 4.5.

_END, _END64, _LOCATOR, _ENTRY = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF


def as_one_volume(joined: JoinedFiles) -> JoinedFiles:
    """The volumes of a zip, joined, as a file that `zipfile` can read.

    Raises:
        BadZipFile: It is no zip file, is damaged, or lacks a volume.
    """
    starts = joined.starts()
    n_entries, start = _directory(joined, starts)
    size = joined.seek(0, os.SEEK_END)
    joined.seek(start)
    rest = joined.read(size - start)
    entries, position = [], 0
    for _ in range(n_entries):
        if rest[position : position + 4] != _ENTRY:
            raise zipfile.BadZipFile(
                f"its list of members is damaged at byte {start + position}, or a volume is missing"
            )
        n_name, n_extra, n_comment = struct.unpack_from("<3H", rest, position + 28)
        length = 46 + n_name + n_extra + n_comment
        entries.append(_rebased(rest[position : position + length], n_name, n_extra, starts))
        position += length
    directory = b"".join(entries)
    end64 = _END64 + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, n_entries, n_entries, len(directory), start)
    locator = _LOCATOR + struct.pack("<IQI", 0, start + len(directory), 1)
    end = _END + struct.pack("<HHHHIIH", 0, 0, _MAX16, _MAX16, _MAX32, _MAX32, 0)
    return joined.with_tail(start, directory + end64 + locator + end)


def _directory(joined: JoinedFiles, starts: Sequence[int]) -> tuple[int, int]:
    """How many members the archive has, and where its list of them starts."""
    size = joined.seek(0, os.SEEK_END)
    window = min(size, 22 + _MAX16 + 20 + 56)  # end record, longest comment, zip64 locator and record
    joined.seek(size - window)
    tail = joined.read(window)
    end = tail.rfind(_END)
    if end < 0:
        raise zipfile.BadZipFile(
            f"is no zip file, or its last volume is missing: no end record in its last {window} bytes"
        )
    _, volume, _, n_entries, _, offset, _ = struct.unpack_from("<HHHHIIH", tail, end + 4)
    if tail[end - 20 : end - 16] == _LOCATOR and _MAX32 in (offset, n_entries | 0xFFFF0000, volume | 0xFFFF0000):
        volume64, offset64, _ = struct.unpack_from("<IQI", tail, end - 16)
        joined.seek(starts[volume64] + offset64)
        record = joined.read(56)
        if record[:4] != _END64:
            raise zipfile.BadZipFile(
                f"its zip64 record at byte {starts[volume64] + offset64} is damaged, or a volume is missing"
            )
        volume, _, n_entries, _, offset = struct.unpack_from("<IQQQQ", record, 20)
    if volume >= len(starts):
        raise zipfile.BadZipFile(f"it has {volume + 1} volumes or more, but only {len(starts)} are here")
    return n_entries, starts[volume] + offset


def _rebased(entry: bytes, n_name: int, n_extra: int, starts: Sequence[int]) -> bytes:
    """The entry with its member's position counted from the first volume, in zip64 fields."""
    packed, whole = struct.unpack_from("<II", entry, 20)
    (volume,) = struct.unpack_from("<H", entry, 34)
    (offset,) = struct.unpack_from("<I", entry, 42)
    extra, kept = entry[46 + n_name : 46 + n_name + n_extra], b""
    for kind, field in _extras(extra):
        if kind != 1:
            kept += struct.pack("<HH", kind, len(field)) + field
            continue
        wide: Iterator[int] = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
        whole = next(wide) if whole == _MAX32 else whole
        packed = next(wide) if packed == _MAX32 else packed
        offset = next(wide) if offset == _MAX32 else offset
        if volume == _MAX16:
            (volume,) = struct.unpack_from("<I", field, len(field) - 4)
    if volume >= len(starts):
        raise zipfile.BadZipFile(f"a member lies in volume {volume + 1}, but only {len(starts)} are here")
    wide_extra = struct.pack("<HHQQQ", 1, 24, whole, packed, starts[volume] + offset) + kept
    head = entry[:20] + struct.pack("<II", _MAX32, _MAX32) + entry[28:30] + struct.pack("<H", len(wide_extra))
    head += entry[32:34] + struct.pack("<H", 0) + entry[36:42] + struct.pack("<I", _MAX32)
    return head + entry[46 : 46 + n_name] + wide_extra + entry[46 + n_name + n_extra :]


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        yield kind, extra[position + 4 : position + 4 + length]
        position += 4 + length
