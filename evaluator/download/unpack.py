"""Archives to files: unpacked aside, moved into place when whole, and nothing outside of the folder is ever touched.

Zip (also in several volumes, `evaluator/download/volumes.py`), tar, tar.gz and tgz; every other file is
kept as it is. Refused: links, devices, sparse files, encrypted members, archives that unpack to far more than audio can or
than they say, and names that may not be (`evaluator/download/members.py`).
"""

import bz2
import gzip
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

from evaluator.download.members import Members
from evaluator.download.volumes import JoinedFiles, as_one_volume
from evaluator.errors import EvaluationError
from evaluator.files import writing
from evaluator.pieces import PiecedFile

# Of silence, 16-bit audio compresses by more than this, but no dataset is mostly silence.
_MAX_RATIO = 20
_MAX_BEYOND = 1_000_000_000  # bytes that a small archive may unpack to in any case
_BLOCK = 1 << 20
_OTHER_WAY = "unpack it with another program, such as 7-Zip, where --data points"
# What is raised where bytes are not those of an archive; what is raised in writing has a sentence already.
_DAMAGE = (
    *(
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        struct.error,
        EOFError,
        OSError,
        UnicodeDecodeError,
    ),
    *(ValueError, OverflowError, RecursionError),  # of lengths and chains of headers that make no sense
)


class DamagedArchive(EvaluationError):
    """An archive whose bytes are not those that were packed, so that fetching it again may help."""


def extract(files: Sequence[Path], join: str, target: Path, aside: Path) -> None:
    """Unpack an archive into `target`, or move a file that is none there; it replaces files of the same names, and no others.

    Args:
        files: The archive's parts in order, (n_parts,), or one file.
        join: `volumes` for a multi-volume zip, `pieces` for parts that only follow each other, else "".
        target: Folder for what is in it; made if it is not there.
        aside: Folder on the same disk to unpack in first.

    Raises:
        DamagedArchive: Its bytes are not those that were packed; nothing of it is in place then.
        EvaluationError: It holds what is refused, or cannot be written; if refused, nothing of it is in place.
    """
    name = files[-1].name
    if join == "pieces":
        name = files[0].name.rpartition(".")[0]
    unpacked = aside / f"unpacking-{name}"
    shutil.rmtree(unpacked, ignore_errors=True)  # what an interruption left
    with writing(unpacked):
        unpacked.mkdir(parents=True)
    try:
        _unpack(files, join, name, unpacked)
        with writing(target):
            _move(unpacked, target)
    except NotImplementedError as error:
        raise EvaluationError(f"{files[-1]}: cannot be unpacked here: {error}; {_OTHER_WAY}") from error
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(":") or type(error).__name__
        raise DamagedArchive(
            f"{files[-1]}: cannot be unpacked: {reason} (it begins with {_beginning(files[0])!r})"
        ) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _beginning(file: Path) -> bytes:
    with file.open("rb") as raw:
        return raw.read(16)


def _unpack(files: Sequence[Path], join: str, name: str, target: Path) -> None:
    max_bytes = _MAX_RATIO * sum(file.stat().st_size for file in files) + _MAX_BEYOND
    members = Members(str(files[-1]), target, max_bytes)
    if name.lower().endswith(".zip"):
        with JoinedFiles(files) as joined:
            whole: PiecedFile = as_one_volume(joined) if join == "volumes" else joined
            with zipfile.ZipFile(whole) as archive:  # type: ignore[arg-type]  # a raw file is all that it needs
                _unzip(archive, members)
    elif name.lower().endswith((".tar", ".tar.gz", ".tgz")):
        with JoinedFiles(files) as joined:
            _untar(joined, members)
    elif len(files) > 1:
        with JoinedFiles(files) as joined, writing(target / name), (target / name).open("wb") as file:
            shutil.copyfileobj(joined, file, _BLOCK)
        return
    else:
        with writing(target / name):
            shutil.copyfile(files[0], target / name)
        return
    if not members.n:
        raise zipfile.BadZipFile("it has no members")


def _move(source: Path, target: Path) -> None:
    """Move everything below `source` to the same path below `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()):
        goal = target / entry.name
        if entry.is_dir() and not goal.exists():
            os.replace(entry, goal)
        elif entry.is_dir():
            _move(entry, goal)
        else:
            os.replace(entry, goal)


def _write(members: Members, name: str, path: PurePosixPath, content: IO[bytes], size: int) -> None:
    """Write a member's bytes, of which there have to be `size`."""
    goal = members.target / path
    with writing(goal):
        try:
            goal.parent.mkdir(parents=True, exist_ok=True)
            file = goal.open("wb")
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise members.refused(name, "is a file and a folder at once") from error
    n = 0
    with file:
        while n <= size and (block := content.read(_BLOCK)):
            n += len(block)
            with writing(goal):
                file.write(block)
                file.flush()
    if n != size:
        raise zipfile.BadZipFile(
            f"the member {name!r} has {f'only {n}' if n < size else 'more than the'} bytes, where its list says {size}"
        )


def _make_folder(members: Members, name: str, path: PurePosixPath) -> None:
    with writing(members.target / path):
        try:
            (members.target / path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise members.refused(name, "is a file and a folder at once") from error


# zip -----------------------------------------------------------------------------------------------------------------

_ENCRYPTED = 0x1  # flag bit
_METHOD_NAMES = {
    1: "Shrink",
    6: "Implode",
    9: "Deflate64",
    12: "bzip2",
    14: "LZMA",
    93: "Zstandard",
    95: "XZ",
    98: "PPMd",
}
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # whose unpacked blocks are bounded; bzip2's and LZMA's are not


def _unzip(archive: zipfile.ZipFile, members: Members) -> None:
    wanted = [(info, members.path(info.orig_filename, info.file_size)) for info in archive.infolist()]
    for info, path in wanted:
        name = info.orig_filename
        if stat.S_ISLNK(info.external_attr >> 16):
            raise members.refused(name, "is a link")
        if info.flag_bits & _ENCRYPTED:
            raise members.refused(name, f"is encrypted; ask its authors for the password, and {_OTHER_WAY}")
        if info.compress_type not in _METHODS:
            method = _METHOD_NAMES.get(info.compress_type, "an unusual method")
            raise members.refused(
                name, f"is compressed by {method} ({info.compress_type}), not by deflate; {_OTHER_WAY}"
            )
        if path is None:
            continue
        if info.is_dir():
            _make_folder(members, name, path)
            continue
        size = info.file_size
        info.file_size += 1  # else zipfile stops there, and a longer member passes as one that is cut
        with archive.open(info) as content:  # which checks the CRC at its end
            _write(members, name, path, content, size)


# tar -----------------------------------------------------------------------------------------------------------------

_OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
_END = b"\0" * tarfile.BLOCKSIZE


class _Stream:
    """An unpacked tar for `tarfile`, which reads whatever length a header says at once: no more than a block here."""

    def __init__(self, content: IO[bytes], name: str) -> None:
        self.content, self.name = content, name
        self.last = b""  # what was read last
        self.tell, self.seek = content.tell, content.seek

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _BLOCK:
            raise tarfile.ReadError(f"a header says that it has {size} bytes")
        self.last = self.content.read(size)
        return self.last


def _untar(joined: JoinedFiles, members: Members) -> None:
    start = joined.read(2)
    joined.seek(0)
    opener: Any = _OPENERS.get(start)
    content: Any = opener(joined) if opener else joined
    stream: Any = _Stream(content, joined.name)
    archive: Any
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        while member := archive.next():
            archive.members.clear()  # else it remembers all of them
            _untar_one(archive, member, members)
    if stream.last != _END:  # tarfile takes a damaged header for the end
        raise tarfile.ReadError("it ends without the mark of its end, so that it was cut off, or a header is damaged")
    n_bytes = 0
    while block := content.read(_BLOCK):  # so that the checksum at the end is met
        n_bytes += len(block)
        if n_bytes > members.max_bytes:
            raise tarfile.ReadError("it goes on behind the mark of its end")


def _untar_one(archive: tarfile.TarFile, member: tarfile.TarInfo, members: Members) -> None:
    path = members.path(member.name, member.size)
    if path is None:
        return
    if not (member.isfile() or member.isdir()):
        raise members.refused(member.name, "is neither file nor folder")
    if member.issparse():
        raise members.refused(member.name, f"is a sparse file, of which holes are left out; {_OTHER_WAY}")
    if member.isdir():
        return _make_folder(members, member.name, path)
    content = archive.extractfile(member)
    if content is None:
        raise members.refused(member.name, "has no content")
    with content:
        _write(members, member.name, path, content, member.size)
