"""Archives to files: unpacked aside, moved into place when whole, and nothing outside of the folder is ever touched.

Zip (also in several volumes, `evaluator/download/volumes.py`), tar, tar.gz and tgz; every other file is
kept as it is. Refused: names that lead out of the folder, links, devices, and archives that unpack to far more than
audio can.
"""

import os
import shutil
import stat
import struct
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from evaluator.download.volumes import JoinedFiles, as_one_volume
from evaluator.errors import EvaluationError

# Of silence, 16-bit audio compresses by more than this, but no dataset is mostly silence.
_MAX_RATIO = 20
_MAX_BEYOND = 1_000_000_000  # bytes that a small archive may unpack to in any case
_BLOCK = 1 << 20
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db")


def extract(files: Sequence[Path], join: str, target: Path, aside: Path) -> None:
    """Unpack an archive into `target`, or move a file that is none there; what lies there already stays.

    Args:
        files: The archive's parts in order, (n_parts,), or one file.
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
    max_bytes = _MAX_RATIO * sum(file.stat().st_size for file in files) + _MAX_BEYOND
    if name.lower().endswith(".zip"):
        with (
            JoinedFiles(files) as joined,
            zipfile.ZipFile(as_one_volume(joined) if join == "volumes" else joined) as archive,
        ):
            _unzip(archive, target, max_bytes)
    elif name.lower().endswith((".tar", ".tar.gz", ".tgz")):
        with JoinedFiles(files) as joined, tarfile.open(fileobj=joined) as archive:
            _untar(archive, target, max_bytes)
    elif len(files) > 1:
        with JoinedFiles(files) as joined, (target / name).open("wb") as whole:
            shutil.copyfileobj(joined, whole, _BLOCK)
    else:
        shutil.copyfile(files[0], target / name)


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


def _unzip(archive: zipfile.ZipFile, target: Path, max_bytes: int) -> None:
    members = [(info, _safe(info.filename, archive)) for info in archive.infolist()]
    _refuse_bomb(sum(info.file_size for info, _ in members), max_bytes, archive)
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
            max_bytes -= _copy(member, file, min(max_bytes, info.file_size), archive)


def _copy(member: IO[bytes], file: IO[bytes], max_bytes: int, archive: Any) -> int:
    """Copy and count; zipfile checks the CRC at the end."""
    n = 0
    while block := member.read(_BLOCK):
        n += len(block)
        _refuse_bomb(n, max_bytes, archive)
        file.write(block)
    return n


def _refuse_bomb(size: int, max_bytes: int, archive: Any) -> None:
    if size > max_bytes:
        raise EvaluationError(
            f"{_name(archive)}: unpacks to more than {max_bytes / 1e9:.3g} GB, which no audio of its size does; not unpacked"
        )


# tar -----------------------------------------------------------------------------------------------------------------


def _untar(archive: tarfile.TarFile, target: Path, max_bytes: int) -> None:
    n_bytes = 0
    for member in archive:
        path = _safe(member.name, archive)
        if path is None:
            continue
        if not (member.isfile() or member.isdir()):
            raise EvaluationError(
                f"{_name(archive)}: the member {member.name!r} is neither file nor folder; nothing was unpacked"
            )
        n_bytes += member.size
        _refuse_bomb(n_bytes, max_bytes, archive)
        if member.isdir():
            (target / path).mkdir(parents=True, exist_ok=True)
            continue
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        if content is None:
            raise EvaluationError(f"{_name(archive)}: the member {member.name!r} has no content")
        with content, (target / path).open("wb") as file:
            shutil.copyfileobj(content, file, _BLOCK)
