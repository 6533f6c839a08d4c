"""Which files a module of ours was loaded from, and what they hold: so that a later run knows what would be loaded.

A model says it (`read_from`): every file and folder that decides what is loaded, also such as are looked for in vain. The
list is remembered in the cache, under all that decides which places a module looks at. A memory that is lost costs a
loading; one that is wrong cannot be used, since what the places hold is part of the name of a request.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluator.errors import EvaluationError
from evaluator.files import Stamp, sweep, write_whole
from evaluator.own_cache import own_folder

_FOLDER = "loaded"  # of the cache
_HASHES = "hashes.json"
_MOST_FILES = 2000  # in a folder of weights


class NotSettled(Exception):
    """A place changed less than 2 seconds before the time that counts, or since, so that what it holds may not be what was loaded."""


def places_of(module: Any) -> Sequence[str] | None:
    """Absolute paths of all that decides what an open module was loaded from, (n_places,); None where it does not say."""
    function = getattr(module, "read_from", None)
    places: Sequence[str] | None = function() if callable(function) else None
    return places


def remember(cache: Path, name: str, places: Sequence[str]) -> None:
    """Keep the places, (n_places,), that a module was loaded from, under a name of 64 hex digits.

    Raises:
        EvaluationError: The cache cannot be written.
    """
    folder = own_folder(cache, _FOLDER)
    sweep(folder)
    write_whole(folder / f"{name}.json", json.dumps({"places": list(places), "check": _check(name, places)}).encode())


def recall(cache: Path, name: str) -> list[str] | None:
    """What `remember` kept under a name, (n_places,); None where that is nothing, or damaged."""
    for folder in (cache / _FOLDER, own_folder(cache, _FOLDER)):
        kept = _read(folder / f"{name}.json")
        places = kept.get("places")
        if isinstance(places, list) and kept.get("check") == _check(name, places):
            return [str(place) for place in places]
    return None


def content(cache: Path, places: Sequence[str], since_ns: int | None = None, anew: bool = False) -> dict[str, Any]:
    """What each of the places, (n_places,), holds: the SHA-256 of a file, that of each file in a folder, or nothing.

    Hashes are remembered by size, times and inode.

    Args:
        cache: Where they are.
        places: Absolute paths.
        since_ns: A time in ns since when no place may have changed; None for any.
        anew: Whether to read every file, whatever is remembered of it.

    Raises:
        NotSettled: One has, or could have.
        OSError: One cannot be read.
    """
    memory = own_folder(cache, _FOLDER) / _HASHES
    known = {} if anew else {**_read(cache / _FOLDER / _HASHES), **_read(memory)}
    hashes = _Hashes(known, since_ns)
    found = {place: hashes.of_place(place) for place in sorted(places)}
    if hashes.fresh:
        with contextlib.suppress(EvaluationError):  # they are found out again next time
            write_whole(memory, json.dumps({**_read(memory), **hashes.fresh}).encode())
    return found


class _Hashes:
    """SHA-256 of files, 64 hex digits each, those that are known by the stamp of their file not read again."""

    def __init__(self, known: Mapping[str, Any], since_ns: int | None):
        self.known, self.since_ns = known, since_ns
        self.fresh: dict[str, Any] = {}

    def of_place(self, place: str) -> Any:
        """What a place holds, in words of JSON."""
        for link in filter(
            os.path.islink, (place, *map(str, Path(place).parents))
        ):  # one that is turned leaves what it leads to as it was
            self.settled(Stamp.of_link(Path(link)))
        if os.path.isdir(place):
            self.settled(Stamp.of(Path(place)))
            return {name: self.of_place(path) if os.path.isfile(path) else None for name, path in _entries(place)}
        if os.path.exists(place):
            return self.of_file(Path(place))
        parent = next(each for each in Path(place).parents if each.exists())
        self.settled(Stamp.of(parent))
        return "absent"

    def settled(self, stamp: Stamp) -> Stamp:
        """The stamp.

        Raises:
            NotSettled: Whose times are not before the time that counts.
        """
        if self.since_ns is not None and not stamp.settled(self.since_ns):
            raise NotSettled
        return stamp

    def of_file(self, path: Path) -> str:
        """The hash of a file."""
        now, stamp = time.time_ns(), self.settled(Stamp.of(path))
        line = self.known.get(str(path))
        if isinstance(line, list) and len(line) == 6 and line[:4] == list(stamp) and line[5] == _check(path, line[:5]):
            return str(line[4])
        with path.open("rb") as raw:
            digest = hashlib.file_digest(raw, "sha256").hexdigest()
        if Stamp.of(path) != stamp:
            raise NotSettled
        if stamp.settled(now):
            new = [*stamp, digest]
            self.fresh[str(path)] = [*new, _check(path, new)]
        return digest


def _entries(folder: str) -> Iterator[tuple[str, str]]:
    """Names in a folder, sorted, and their paths.

    Raises:
        NotSettled: There are more than weights ever have beside them.
    """
    names = sorted(os.listdir(folder))
    if len(names) > _MOST_FILES:
        raise NotSettled
    for name in names:
        yield name, os.path.join(folder, name)


def _check(name: Any, values: Sequence[Any]) -> str:
    """16 hex digits over values and the name that they are kept under."""
    return hashlib.sha256("\0".join(map(str, (name, *values))).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is none."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}
