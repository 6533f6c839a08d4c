"""Archives to files: unpacked aside, moved into place when whole, and nothing outside of the folder is ever touched.

Zip (also in several volumes, which Python's `zipfile` cannot read by itself), tar, tar.gz and tgz; every other file is
kept as it is. Refused: names that lead out of the folder, links, devices, and archives that unpack to far more than
audio can.
"""

import io
import os
import shutil
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from evaluator.errors import EvaluationError

# Of silence, 16-bit audio compresses by more than this, but no dataset is mostly silence.
_MOST_RATIO = 20
_MOST_BEYOND = 1_000_000_000  # bytes that a small archive may unpack to in any case
_BLOCK = 1 << 20
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db")


def place(files: Sequence[Path], join: str, target: Path, aside: Path) -> None:
    """Unpack an archive into `target`, or move a file that is none there; what lies there already stays.

    Args:
        files: The archive's parts in order, or one file.
        join: `volumes` for a multi-volume zip, `pieces` for parts that only follow each other, else "".
        target: Folder for what is in it; made if it is not there.
        aside: Folder on the same disk to unpack in first.

    Raises:
        EvaluationError: It is damaged, or holds what is refused; nothing of it is in place then.
    """
    name = files[-1].name
    if join == "pieces":
        name = files[0].name.rpartition(".")[0]
    unpacked = aside / f"unpacking-{name}"
    shutil.rmtree(unpacked, ignore_errors=True)  # what an interruption left
    unpacked.mkdir(parents=True)
    try:
        _unpack(files, join, name, unpacked)
        _move(unpacked, target)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, NotImplementedError, struct.error) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
        raise EvaluationError(
            f"{files[-1]}: cannot be unpacked: {reason}; delete it to have it fetched again"
        ) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _unpack(files: Sequence[Path], join: str, name: str, target: Path) -> None:
    most = _MOST_RATIO * sum(file.stat().st_size for file in files) + _MOST_BEYOND
    if name.lower().endswith(".zip"):
        with _Joined(files) as joined, zipfile.ZipFile(_one_volume(joined) if join == "volumes" else joined) as archive:
            _unzip(archive, target, most)
    elif name.lower().endswith((".tar", ".tar.gz", ".tgz")):
        with _Joined(files) as joined, tarfile.open(fileobj=joined) as archive:
            _untar(archive, target, most)
    elif len(files) > 1:
        with _Joined(files) as joined, (target / name).open("wb") as whole:
            shutil.copyfileobj(joined, whole, _BLOCK)
    else:
        shutil.copyfile(files[0], target / name)


def _move(source: Path, target: Path) -> None:
    """Move everything below `source` to the same place below `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()):
        goal = target / entry.name
        if entry.is_dir() and not goal.exists():
            os.replace(entry, goal)
        elif entry.is_dir():
            _move(entry, goal)
        else:
            os.replace(entry, goal)


def _safe(name: str, archive: Any) -> PurePosixPath | None:
    """The path of a member below the target; None for what operating systems leave about.

    Raises:
        EvaluationError: It would lead out of the folder.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive or "\0" in name:
        raise EvaluationError(f"{_name(archive)}: the member {name!r} leads out of the folder; nothing was unpacked")
    return None if not path.parts or any(part in _JUNK for part in path.parts) else path


def _name(archive: Any) -> str:
    return getattr(getattr(archive, "fileobj", None) or archive.fp, "name", None) or "the archive"


# zip -----------------------------------------------------------------------------------------------------------------


def _unzip(archive: zipfile.ZipFile, target: Path, most: int) -> None:
    members = [(info, _safe(info.filename, archive)) for info in archive.infolist()]
    _refuse_bomb(sum(info.file_size for info, _ in members), most, archive)
    for info, path in members:
        if stat.S_ISLNK(info.external_attr >> 16):
            raise EvaluationError(f"{_name(archive)}: the member {info.filename!r} is a link; nothing was unpacked")
        if path is None:
            continue
        if info.is_dir():
            (target / path).mkdir(parents=True, exist_ok=True)
            continue
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as member, (target / path).open("wb") as file:
            most -= _copy(member, file, min(most, info.file_size), archive)


def _copy(member: IO[bytes], file: IO[bytes], most: int, archive: Any) -> int:
    """Copy and count; zipfile checks the CRC at the end."""
    n = 0
    while block := member.read(_BLOCK):
        n += len(block)
        _refuse_bomb(n, most, archive)
        file.write(block)
    return n


def _refuse_bomb(size: int, most: int, archive: Any) -> None:
    if size > most:
        raise EvaluationError(
            f"{_name(archive)}: unpacks to more than {most / 1e9:.3g} GB, which no audio of its size does; not unpacked"
        )


# tar -----------------------------------------------------------------------------------------------------------------


def _untar(archive: tarfile.TarFile, target: Path, most: int) -> None:
    for member in archive:
        path = _safe(member.name, archive)
        if path is None:
            continue
        if not (member.isfile() or member.isdir()):
            raise EvaluationError(
                f"{_name(archive)}: the member {member.name!r} is neither file nor folder; nothing was unpacked"
            )
        most -= member.size
        _refuse_bomb(max(0, -most), 0, archive)
        if member.isdir():
            (target / path).mkdir(parents=True, exist_ok=True)
            continue
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        if content is None:
            raise EvaluationError(f"{_name(archive)}: the member {member.name!r} has no content")
        with content, (target / path).open("wb") as file:
            shutil.copyfileobj(content, file, _BLOCK)


# Several parts as one file -------------------------------------------------------------------------------------------


class _Joined(io.RawIOBase):
    """Files one after the other as one file that can be read and sought."""

    def __init__(self, files: Sequence[Path], tail: tuple[int, bytes] | None = None):
        """`tail`: from which place on other bytes are read instead."""
        self.name = str(files[-1])
        self._sizes = [file.stat().st_size for file in files]
        self._files = [file.open("rb") for file in files]
        self._cut, self._tail = tail or (sum(self._sizes), b"")
        self._place = 0

    def starts(self) -> list[int]:
        """Where each file starts."""
        return [sum(self._sizes[:number]) for number in range(len(self._sizes))]

    def with_tail(self, cut: int, tail: bytes) -> "_Joined":
        """The same files up to `cut`, then `tail`."""
        return _Joined([Path(file.name) for file in self._files], (cut, tail))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._cut + len(self._tail)}[whence]
        if base + offset < 0:
            raise OSError("sought before the start")
        self._place = base + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, across files; less only at the end."""
        filled = 0
        while filled < len(buffer):
            data = self._read(len(buffer) - filled)
            if not data:
                break
            buffer[filled : filled + len(data)] = data
            filled += len(data)
            self._place += len(data)
        return filled

    def _read(self, wanted: int) -> bytes:
        if self._place >= self._cut:
            return self._tail[self._place - self._cut : self._place - self._cut + wanted]
        for start, size, file in zip(self.starts(), self._sizes, self._files, strict=True):
            if start <= self._place < start + size:
                file.seek(self._place - start)
                return file.read(min(wanted, start + size - self._place, self._cut - self._place))
        return b""

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()


# Multi-volume zip: a member's place is (volume, offset in it), of which Python's zipfile knows only the second. The
# view below has the same members at the same bytes, and behind them a central directory in which every place counts
# from the start of the first volume. Fields: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3 and 4.5.

_END, _END64, _LOCATOR, _ENTRY = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_MOST16, _MOST32 = 0xFFFF, 0xFFFFFFFF


def _one_volume(joined: _Joined) -> _Joined:
    starts = joined.starts()
    n_entries, place = _directory(joined, starts)
    size = joined.seek(0, os.SEEK_END)
    joined.seek(place)
    rest = joined.read(size - place)
    entries, position = [], 0
    for _ in range(n_entries):
        if rest[position : position + 4] != _ENTRY:
            raise zipfile.BadZipFile("its list of members is damaged, or a volume is missing")
        n_name, n_extra, n_comment = struct.unpack_from("<3H", rest, position + 28)
        length = 46 + n_name + n_extra + n_comment
        entries.append(_rebased(rest[position : position + length], n_name, n_extra, starts))
        position += length
    directory = b"".join(entries)
    end64 = _END64 + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, n_entries, n_entries, len(directory), place)
    locator = _LOCATOR + struct.pack("<IQI", 0, place + len(directory), 1)
    end = _END + struct.pack("<HHHHIIH", 0, 0, _MOST16, _MOST16, _MOST32, _MOST32, 0)
    return joined.with_tail(place, directory + end64 + locator + end)


def _directory(joined: _Joined, starts: Sequence[int]) -> tuple[int, int]:
    """How many members the archive has, and where its list of them starts."""
    size = joined.seek(0, os.SEEK_END)
    window = min(size, 22 + _MOST16 + 20 + 56)  # end record, longest comment, zip64 locator and record
    joined.seek(size - window)
    tail = joined.read(window)
    found = tail.rfind(_END)
    if found < 0:
        raise zipfile.BadZipFile("is no zip file, or its last volume is missing")
    _, volume, _, n_entries, _, offset, _ = struct.unpack_from("<HHHHIIH", tail, found + 4)
    if tail[found - 20 : found - 16] == _LOCATOR and _MOST32 in (offset, n_entries | 0xFFFF0000, volume | 0xFFFF0000):
        volume64, offset64, _ = struct.unpack_from("<IQI", tail, found - 16)
        joined.seek(starts[volume64] + offset64)
        record = joined.read(56)
        if record[:4] != _END64:
            raise zipfile.BadZipFile("its zip64 record is damaged, or a volume is missing")
        volume, _, n_entries, _, offset = struct.unpack_from("<IQQQQ", record, 20)
    if volume >= len(starts):
        raise zipfile.BadZipFile(f"it has {volume + 1} volumes or more, but only {len(starts)} are here")
    return n_entries, starts[volume] + offset


def _rebased(entry: bytes, n_name: int, n_extra: int, starts: Sequence[int]) -> bytes:
    """The entry with its member's place counted from the first volume, in zip64 fields."""
    packed, whole = struct.unpack_from("<II", entry, 20)
    (volume,) = struct.unpack_from("<H", entry, 34)
    (offset,) = struct.unpack_from("<I", entry, 42)
    extra, kept = entry[46 + n_name : 46 + n_name + n_extra], b""
    for kind, field in _extras(extra):
        if kind != 1:
            kept += struct.pack("<HH", kind, len(field)) + field
            continue
        wide: Iterator[int] = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
        whole = next(wide) if whole == _MOST32 else whole
        packed = next(wide) if packed == _MOST32 else packed
        offset = next(wide) if offset == _MOST32 else offset
        if volume == _MOST16:
            (volume,) = struct.unpack_from("<I", field, len(field) - 4)
    if volume >= len(starts):
        raise zipfile.BadZipFile(f"a member lies in volume {volume + 1}, but only {len(starts)} are here")
    wide_extra = struct.pack("<HHQQQ", 1, 24, whole, packed, starts[volume] + offset) + kept
    head = entry[:20] + struct.pack("<II", _MOST32, _MOST32) + entry[28:30] + struct.pack("<H", len(wide_extra))
    head += entry[32:34] + struct.pack("<H", 0) + entry[36:42] + struct.pack("<I", _MOST32)
    return head + entry[46 : 46 + n_name] + wide_extra + entry[46 + n_name + n_extra :]


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        yield kind, extra[position + 4 : position + 4 + length]
        position += 4 + length
