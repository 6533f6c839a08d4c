"""Files that are there whole or not at all, folders that can be written, names, and numbers that JSON can hold."""

import hashlib
import math
import os
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.errors import UsageError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also when two processes or threads write the same one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def safe_name(name: str) -> str:
    """`name` as one folder's name; what is not a letter, digit, dot, dash or underscore becomes a dash and a hash."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name).strip(".") or "-"
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


def writable_folder(option: str, folder: Path) -> Path:
    """The folder, made if it is not there; found out before hours of work rather than after.

    Args:
        option: What the folder was given as, for the message.
        folder: The folder.

    Raises:
        UsageError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
        raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise UsageError(
            f"{option} {folder}: no folder that can be written ({error.strerror}); give another"
        ) from error


def cache_folder(chosen: Path | None) -> Path:
    """The folder of embeddings: as chosen, else $HEAR_EVAL_CACHE, else one of the user's."""
    if chosen is not None:
        return chosen
    return Path(os.environ.get("HEAR_EVAL_CACHE") or Path.home() / ".cache" / "hear-eval")
