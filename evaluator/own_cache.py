"""One's own cache beside one that can only be read: what that one lacks is made and kept there."""

import contextlib
import functools
import hashlib
import logging
import os
import stat
import tempfile
from pathlib import Path

from evaluator.files import cache_folder, can_write, writing

LOG = logging.getLogger(__name__)

_told: set[Path] = set()  # caches of which was told that they can only be read


def own_folder(cache: Path, name: str, make: bool = True) -> Path:
    """The folder `name` of a cache, made if it is not there; if it cannot be written, that of one's own cache beside it.

    Where they differ, a warning says so once for each cache. Who only looks has it not made, and may find nothing there.

    Raises:
        EvaluationError: Neither can be made.
    """
    folder = cache / name
    existing = next(each for each in (folder, *folder.absolute().parents) if os.path.exists(each))
    if not can_write(existing):
        own = _beside(cache)
        folder = own / name
        if make and cache not in _told:
            _told.add(cache)
            LOG.warning("--cache %s can only be read; what it lacks is made and kept in %s", cache, own)
    if make:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
    return folder


def _beside(cache: Path) -> Path:
    """One's own cache for what a cache that can only be read lacks."""
    place = cache_folder(None)
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
    if not place.is_dir() or place.resolve() == cache.resolve() or not can_write(place):
        place = _private_temporary()
    return place / "beside" / hashlib.sha256(str(cache.resolve()).encode()).hexdigest()[:16]


@functools.cache
def _private_temporary() -> Path:
    """A folder among the system's temporary ones that only this user can write: what others put there is never read."""
    user = os.getuid() if hasattr(os, "getuid") else "own"
    folder = Path(tempfile.gettempdir()) / f"hear-eval-{user}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and (user == "own" or (found.st_uid == user and not found.st_mode & 0o022))
    return folder if ours else Path(tempfile.mkdtemp(prefix="hear-eval-"))
