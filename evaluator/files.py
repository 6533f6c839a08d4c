"""Files that are there whole or not at all, folders that can be written, names, and numbers that JSON can hold.

What a killed process left half-written has a name of its own (`.NAME.PID.RANDOM.part`), which nothing reads and `sweep` removes.
A cache that can only be read is read as it is; what it lacks goes into one's own beside it (`own_cache`).
"""

import contextlib
import errno
import hashlib
import math
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evaluator.errors import EvaluationError, UsageError

DAMAGED = ".damaged"  # ends the name of a file that was set aside because it does not prove itself
STALE_SECONDS = 3600.0  # no file takes that long to write
DAMAGED_SECONDS = 7 * 86400.0  # how long a damaged file can be looked at
# The second and later ones as earlier versions named theirs.
_LITTER = re.compile(r"\..*\.part|.+\.\d+\.\d+\.tmp|\..+\.\d+\.(svg|png|pdf)|demo-calls-v\d+\.\w{8}")
_SETTLED_NS = 2_000_000_000  # ns; the coarsest clock of a file system ticks every 2 s (FAT)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_TRIES = 20  # of a rename, 50 ms apart, while another process holds the file open, where that is in the way (Windows)

_given_as: dict[Path, str] = {}  # the option that each folder was given as, for sentences


class Stamp(NamedTuple):
    """What a file system says of a file: writing to it, or moving another one to its place, changes at least one of them.

    size in bytes; mtime_ns and ctime_ns in ns: when its content changed, and when anything about it did.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """The stamp of a file, or of the one that a link leads to.

        Raises:
            OSError: There is none.
        """
        return cls._of(path.stat())

    @classmethod
    def of_link(cls, path: Path) -> "Stamp":
        """The stamp of a link itself, with its times in ns; errors as those of `of`."""
        return cls._of(path.lstat())

    @classmethod
    def _of(cls, found: os.stat_result) -> "Stamp":
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)

    def settled(self, now_ns: int) -> bool:
        """Whether the file was more than 2 seconds old at a time in ns: a younger one may change again within one tick of its times."""
        return now_ns - max(self.mtime_ns, self.ctime_ns) > _SETTLED_NS


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also when two processes or threads write the same one.

    Its bytes are on the disk before it gets its name, so that a power cut leaves no file of zeros.

    Raises:
        EvaluationError: It cannot be written, as on a full disk; what was there stays.
    """
    aside = aside_of(path)
    with writing(path):
        try:
            aside.write_bytes(content)
            put_in_place(aside, path)
        finally:
            discard(aside)


def aside_of(path: Path) -> Path:
    """A name of its own beside a path for what becomes it, a file or a folder, once it is whole."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")


def put_in_place(aside: Path, path: Path) -> None:
    """Give what is whole its name once it is on the disk: a file, or a folder of files, in the place of what was there.

    Raises:
        OSError: It cannot be; see `writing`.
    """
    for each in sorted(aside.iterdir()) if aside.is_dir() else [aside]:
        with each.open("r+b") as file:
            _sync(file.fileno())
    if path.is_dir():
        old = aside_of(path)
        path.rename(old)
        aside.rename(path)
        discard(old)
    else:
        _replace(aside, path)
    _sync_folder(path.parent)


def discard(aside: Path) -> None:
    """Remove what got no name, if it is there."""
    with contextlib.suppress(OSError):
        if aside.is_dir():
            shutil.rmtree(aside)
        else:
            aside.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whatever the system says against writing `path` inside, as one sentence.

    Raises:
        EvaluationError: It cannot be written: which file, in the folder of which option, why, and what is kept.
    """
    try:
        yield
    except OSError as error:
        folder = next((each for each in path.absolute().parents if each in _given_as), None)
        where = f", in {_given_as[folder]} {folder}," if folder else ""
        remedy = "make room there, or give another folder" if error.errno in _FULL else "give another folder"
        raise EvaluationError(
            f"{path}{where} cannot be written ({error.strerror or error}); {remedy}; what is done is kept, and the same "
            "command goes on from there"
        ) from error


def _sync(descriptor: int) -> None:
    """Wait until an open file is on the disk, if its file system knows how."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def _sync_folder(folder: Path) -> None:
    """Wait until a folder's names are on the disk; systems that do not open folders (Windows) see to it themselves."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _replace(aside: Path, path: Path) -> None:
    """Give a file its name; Windows refuses for as long as another process has the old one open."""
    for n_left in reversed(range(_TRIES)):
        try:
            return os.replace(aside, path)
        except PermissionError:
            if os.name != "nt" or not n_left:
                raise
            time.sleep(0.05)


def sweep(folder: Path, stale: float = STALE_SECONDS) -> None:
    """Remove what killed processes left half-written in a folder of ours, and damaged files after a week.

    stale: Age in seconds from which nobody can be writing a file any more; 0 for who holds the folder's lock.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return  # not there yet, or not ours to look into
    for name in names:
        limit = DAMAGED_SECONDS if name.endswith(DAMAGED) else stale if _LITTER.fullmatch(name) else math.inf
        if limit < math.inf:
            with contextlib.suppress(OSError):  # another process was first, or it is somebody else's
                _remove_if_older(folder / name, limit)


def _remove_if_older(path: Path, seconds: float) -> None:
    found = path.lstat()
    # A rename changes no mtime; ctime, where it is what its name says, tells when a damaged file was set aside.
    if time.time() - max(found.st_mtime, found.st_ctime if path.suffix == DAMAGED else 0.0) > seconds:
        if stat.S_ISDIR(found.st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()


def safe_name(name: str) -> str:
    """`name` as one folder's name; what is not a letter, digit, dot, dash or underscore becomes a dash and a hash.

    It begins with neither dot nor dash, so that it is neither hidden nor taken for an option of a command.

    >>> safe_name("arch/esc50"), safe_name("./my_model.py")
    ('arch-esc50', 'my_model.py-63ec8a')
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name).strip(".").lstrip(".-") or "_"
    if safe == name or re.fullmatch(r"[a-z0-9_]+/[a-z0-9_]+", name):
        return safe
    return f"{safe[-80:]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def finite(value: Any) -> Any:
    """`value` with every NaN and infinity as None: JSON has no word for them."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


# Folders -------------------------------------------------------------------------------------------------------------


def writable_folder(option: str, folder: Path) -> Path:
    """The folder, made if it is not there; found out before hours of work rather than after.

    Args:
        option: What the folder was given as, for this and later messages.
        folder: The folder.

    Raises:
        UsageError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if can_write(folder):
            _given_as[folder.absolute()] = option
            return folder
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UsageError(
            f"{option} {folder}: no folder that can be written ({error.strerror}); give another"
        ) from error


def usable_cache(folder: Path) -> Path:
    """The folder of embeddings, made if it is not there; one that can be read but not written will do (`own_cache`).

    Raises:
        UsageError: It can be neither made nor read.
    """
    if not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        return writable_folder("--cache", folder)
    _given_as[folder.absolute()] = "--cache"
    return folder


def can_write(folder: Path) -> bool:
    """Whether files can be made in a folder that is there; tried, since rights alone do not say it of every file system."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError as error:
        return error.errno in _FULL  # full is not forbidden: a complete cache on it can be used


def cache_folder(chosen: Path | None) -> Path:
    """The folder of embeddings: as chosen, else $HEAR_EVAL_CACHE, else one of the user's."""
    if chosen is not None:
        return chosen
    return Path(os.environ.get("HEAR_EVAL_CACHE") or Path.home() / ".cache" / "hear-eval")


def describe_bytes(n_bytes: float) -> str:
    """A size as people read it, to three digits.

    >>> describe_bytes(0), describe_bytes(999_600), describe_bytes(377_486_848), describe_bytes(2.1e9)
    ('0 B', '1 MB', '377 MB', '2.1 GB')
    """
    size = n_bytes
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if float(f"{size:.3g}") < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} PB"
