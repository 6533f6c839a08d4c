"""Where the recording lies that a table names: the same name in another case, Unicode form, slash or place.

Tables are written on one computer and read on another. What differs only in how it is written is found, and noted; what
could be two files is refused; what is nowhere stays as it is, so that it fails under its own name.
"""

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading import spellings
from evaluator.errors import UsageError

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


class Disk:
    """The files under one folder, whose listings are remembered while a table is read."""

    def __init__(self, root: Path, tally: Tally) -> None:
        self.root, self.tally = root, tally
        self._lost: set[str] = set()
        self._names: dict[str, frozenset[str]] = {}
        self._found: dict[str, str] = {}

    def resolve(self, path: str, where: str) -> str:
        """The path of the recording that a table's path means, relative to the root, with forward slashes.

        Args:
            path: As the table has it.
            where: Row that it stands in.

        Raises:
            UsageError: Two files differ from it in their capital letters or Unicode form only.
        """
        if path not in self._found:
            self._found[path] = self._searched(_without_dots(path), where)
        return self._found[path]

    def resolve_one(self, paths: Sequence[str], where: str) -> str:
        """As `resolve`, of several spellings of a path, (n_spellings,); if none is there, the first.

        Raises:
            UsageError: Several are there, each by its own.
        """
        if len(paths) > 1:
            there = spellings.one_of([path for path in paths if self.holds(path)], f"{where}: under {self.root} are")
            paths = [there] if there else paths
        found = [self.resolve(path, where) for path in paths]
        return next((path for path in found if not self.lacks(path)), found[0])

    def lacks(self, path: str) -> bool:
        """Whether a path that was resolved leads to no file."""
        return path in self._lost

    def holds(self, path: str) -> bool:
        """Whether there is a file of exactly that path."""
        folder, _, name = path.rpartition("/")
        return name in self.names(folder + "/" * path.startswith("/"))

    def names(self, folder: str) -> frozenset[str]:
        """The names in a folder below the root; none if it is not there."""
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(self.root / folder))
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]

    def _searched(self, path: str, where: str) -> str:
        if os.path.isabs(path) and (self.root / path).is_file():
            return self._relative(path)
        if self.holds(path) or (self.root / path).is_file():
            return path
        slashed = path.replace("\\", "/")
        if slashed != path and not _is_absolute(path) and self.holds(slashed):
            self.tally.note("path_backslash", path)
            return slashed
        if _is_absolute(path):
            return self._moved(path, slashed, where)
        return self._written_otherwise(path, slashed, where) or self._missing(path)

    def _relative(self, path: str) -> str:
        """An absolute path from the root on, through `..` if need be; as it is where there is no way (another drive)."""
        try:
            relative = Path(os.path.relpath(path, self.root.absolute())).as_posix()
        except ValueError:
            return path
        if not (self.root / relative).is_file():  # `..` after a link leads elsewhere
            return path
        self.tally.note("absolute_paths", path)
        return relative

    def _moved(self, path: str, slashed: str, where: str) -> str:
        """An absolute path of another place: its longest end that is a file under the root."""
        parts = [part for part in slashed.split("/") if part]
        for number in range(len(parts)):
            tail = "/".join(parts[number:])
            found = tail if self.holds(tail) else self._alike(tail, where)
            if found:
                self.tally.note("path_moved", path, detail=f"the first as {found}")
                return found
        return self._missing(path)

    def _written_otherwise(self, path: str, slashed: str, where: str) -> str:
        found = self._alike(slashed, where)
        if found:
            same = unicodedata.normalize("NFC", found) == unicodedata.normalize("NFC", slashed)
            self.tally.note("path_unicode" if same else "path_case", path, detail=f"the first as {found}")
        return found

    def _alike(self, path: str, where: str) -> str:
        """The path of the one file that differs in capital letters and Unicode form only; "" if there is none."""
        folder = ""
        for part in path.split("/"):
            names = self.names(folder)
            same = [part] if part in names or part in (".", "..") else sorted(n for n in names if _key(n) == _key(part))
            if len(same) > 1:
                raise UsageError(
                    f"{where}: {path} could be {' or '.join(f'{folder}{name}' for name in same)}; write it as one of them"
                )
            if not same:
                return ""
            folder += same[0] + "/"
        found = folder.removesuffix("/")
        return found if (self.root / found).is_file() else ""

    def _missing(self, path: str) -> str:
        self._lost.add(path)
        return path


def _without_dots(path: str) -> str:
    """A relative path without `.` and doubled slashes, which say nothing, so that one file has one path."""
    if _is_absolute(path) or "://" in path:
        return path
    return "/".join(part for part in path.split("/") if part not in ("", ".")) or path


def _is_absolute(path: str) -> bool:
    """Whether a path starts at the top of some computer, this one or a Windows one."""
    return path.startswith(("/", "\\\\")) or _DRIVE.match(path) is not None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
