"""Parts of an archive as one file, and multi-volume zips as one volume, which Python's `zipfile` cannot read by itself."""

import os
import struct
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluator.pieces import PiecedFile, Span

_MAX_READ = 1 << 27  # bytes read at once: a list of 600,000 members with long names


class JoinedFiles(PiecedFile):
    """Files one after the other, (n_files,), as one file that can be read and sought; positions are in bytes."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.name = str(files[-1])
        self._whole = [Span(file.open("rb"), 0, file.stat().st_size) for file in files]
        super().__init__(self._whole)

    def files_start(self) -> list[int]:
        """Positions at which the files start, (n_files,), in bytes."""
        return [sum(span.end for span in self._whole[:number]) for number in range(len(self._whole))]

    def with_tail(self, cut: int, tail: bytes) -> PiecedFile:
        """The same open files up to the byte `cut`, then `tail`."""
        starts = self.files_start()
        kept = [Span(span.file, 0, min(span.end, cut - start)) for span, start in zip(self._whole, starts, strict=True)]
        return PiecedFile([*(span for span in kept if span.end > 0), tail])

    def read(self, size: int = -1) -> bytes:
        """Some bytes; more at once than a sound list of members has are refused before there is memory for them.

        Raises:
            BadZipFile: So many are asked for, as `zipfile` does that believes what an archive says of itself.
        """
        rest = max(0, self.size - self.tell())
        size = rest if size < 0 else min(size, rest)
        if size > _MAX_READ:
            raise zipfile.BadZipFile(f"its list of members takes {size} bytes, more than {_MAX_READ}")
        return super().read(size) or b""


# Multi-volume zip: a member's position is (volume, offset in it), of which Python's zipfile knows only the second. The
# view below has the same members at the same bytes, and behind them a central directory in which every position counts
# from the start of the first volume. Fields: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3 and 4.5.

_END, _END64, _LOCATOR, _ENTRY = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF


def as_one_volume(joined: JoinedFiles) -> PiecedFile:
    """The volumes of a zip, joined, as a file that `zipfile` can read.

    Raises:
        BadZipFile: It is no zip file, is damaged, or lacks a volume.
    """
    starts = joined.files_start()
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
            f"is no zip file, or its end (its last volume) is missing: no end record in its last {window} bytes"
        )
    _, volume, _, n_entries, _, offset, _ = struct.unpack_from("<HHHHIIH", tail, end + 4)
    if tail[end - 20 : end - 16] == _LOCATOR and _MAX32 in (offset, n_entries | 0xFFFF0000, volume | 0xFFFF0000):
        volume64, offset64, _ = struct.unpack_from("<IQI", tail, end - 16)
        if volume64 >= len(starts):
            raise zipfile.BadZipFile(f"it has {volume64 + 1} volumes or more, but only {len(starts)} are here")
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
        whole = next(wide, 0) if whole == _MAX32 else whole
        packed = next(wide, 0) if packed == _MAX32 else packed
        offset = next(wide, 0) if offset == _MAX32 else offset
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
