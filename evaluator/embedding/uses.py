"""Who used a store: a small file for each module and task, whose time is that of the last use; and what stores take on disk.

A store's key does not tell its module's name, since modules with equal weights share it; `hear-eval cache` and its pruning need the name.
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from evaluator.embedding.store import Store
from evaluator.errors import EvaluationError
from evaluator.files import write_whole

FOLDER = "uses"


@dataclass(frozen=True)
class StoreSize:
    """A store on disk.

    Attributes:
        folder: Where it lies.
        modules: Names of the modules that used it; empty if nobody noted that.
        about: What made it, where no module is known.
        n_bytes: What it takes on disk.
        tasks: Bytes of the shards that each task uses; a shard may be used by several.
        used: When it was used last, in seconds since 1970; where nobody noted that, when it was last written to.
        is_claimed: Whether a process embeds into it now.
    """

    folder: Path
    modules: tuple[str, ...]
    about: str
    n_bytes: int
    tasks: dict[str, int]
    used: float
    is_claimed: bool

    @property
    def age_days(self) -> float:
        """Days since it was used."""
        return (time.time() - self.used) / 86400


def note(store: Store, module: str, task: str, keys: Iterable[str]) -> None:
    """Note that a module was asked for clips of a task, by their keys; where that cannot be written, nothing is lost."""
    home = store.folder.parent if store.part else store.folder
    path = home / FOLDER / f"{hashlib.sha256(f'{module} {task} {store.part}'.encode()).hexdigest()[:16]}.json"
    paths = {store.locations[key][0] for key in keys if key in store.locations}
    before = _read(path)
    shards = sorted({*before.get("shards", ()), *(str(Path(store.part) / each.name) for each in paths)})
    content = {"module": module, "task": task, "shards": shards}
    with contextlib.suppress(OSError, EvaluationError):
        path.parent.mkdir(exist_ok=True)
        if content == before:
            os.utime(path)
        else:
            write_whole(path, json.dumps(content).encode())


def sizes(cache: Path) -> list[StoreSize]:
    """The stores of a cache, (n_stores,), the largest first; sizes in bytes, and when each was used in seconds since 1970."""
    folders = sorted(path for path in (cache / "embeddings").glob("*") if path.is_dir())
    return sorted(map(_size_of, folders), key=lambda each: -each.n_bytes)


def size_on_disk(folder: Path) -> int:
    """Bytes of all files at any depth, links not followed; files that go meanwhile count nothing."""
    n_bytes = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            n_bytes += found.st_size if not path.is_dir() else 0
    return n_bytes


def _size_of(folder: Path) -> StoreSize:
    noted = {path: _read(path) for path in sorted((folder / FOLDER).glob("*.json"))}
    by_task: dict[str, set[str]] = {}
    for use in noted.values():
        by_task.setdefault(str(use.get("task", "")), set()).update(use.get("shards", ()))
    tasks = {task: sum(_bytes_of(folder / name) for name in names) for task, names in by_task.items()}
    times = [path.stat().st_mtime for path in noted] or [
        path.stat().st_mtime for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock")
    ]
    identity = _read(folder / "model.json")
    about = str(identity.get("module") or identity.get("encoder") or "")
    modules = tuple(sorted({str(use["module"]) for use in noted.values() if "module" in use}))
    used = max(times, default=folder.stat().st_mtime)
    return StoreSize(folder, modules, about, size_on_disk(folder), tasks, used, _is_claimed(folder))


def remove(store: StoreSize) -> bool:
    """Remove a store; shards that another process claims stay, and then the store does. Whether all of it is gone.

    A process that reads the store meanwhile says that a shard was removed, and embeds its clips again when it is run again.
    """
    if _is_claimed(store.folder):
        return False
    for shard in sorted(store.folder.rglob("*.safetensors")):
        lock = filelock.FileLock(shard.with_name(f".{shard.name}.lock"), timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            return False
        except (
            OSError,
            NotImplementedError,
        ):  # a file system without locks: whoever claims nothing there cannot be known
            shard.unlink(missing_ok=True)
            continue
        shard.unlink(missing_ok=True)
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
    if _is_claimed(store.folder):  # somebody came meanwhile
        return False
    shutil.rmtree(store.folder, ignore_errors=True)
    return not store.folder.exists()


def _is_claimed(folder: Path) -> bool:
    """Whether some process holds a lock in a store."""
    for path in folder.rglob(".*.lock"):
        lock = filelock.FileLock(path, timeout=0)
        try:
            lock.acquire()
            lock.release()
        except filelock.Timeout:
            return True
        except (OSError, NotImplementedError):
            continue
    return False


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read(path: Path) -> dict[str, Any]:
    """What a JSON file of ours says; nothing where it is not there or none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
