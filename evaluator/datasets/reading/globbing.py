"""Files that fit a glob: suffixes in any case, links to folders followed, loops and hidden files left out.

`pathlib` reads suffixes as they stand on most disks, and follows links in one half of its patterns; recorders write `.WAV`,
and people link a session's folder into a data set.
"""

import fnmatch
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading import spellings

_SYSTEM_FOLDERS = ("__MACOSX", "$RECYCLE.BIN", "System Volume Information")
_FLAGS = re.IGNORECASE if os.name == "nt" else 0


def is_hidden(name: str) -> bool:
    """Whether a file or folder is one that people do not see: `.git`, `._a.wav`, `__MACOSX`."""
    return name.startswith(".") or name in _SYSTEM_FOLDERS


def visible(root: Path, pattern: str, tally: Tally | None = None) -> list[str]:
    """Files under `root` that fit a glob, (n_files,), relative to it, each once, hidden ones left out.

    Args:
        root: The folder.
        pattern: A glob, or several spellings of one; its suffix fits in any case. `**` stands for any folders, linked ones too.
        tally: What is noted of links, loops, folders that cannot be read, and suffixes.

    Raises:
        UsageError: Files fit two spellings.
    """
    tally = tally or Tally()
    found = {spelling: _fitting(root, spelling, tally) for spelling in spellings.paths_of(pattern)}
    return next(iter(found.values())) if len(found) == 1 else spellings.files_of(found, str(root))


def _fitting(root: Path, pattern: str, tally: Tally) -> list[str]:
    walk = _Walk(root, tally, pattern)
    found = dict.fromkeys(walk.files(_Place(root), _segments(pattern)))
    paths = [path for path, _ in found]
    if not any(linked for _, linked in found):
        return paths
    return _once(root, found, walk.tally)


def is_any(root: Path, pattern: str) -> bool:
    """Whether a visible file under `root` fits a glob, looked for no further than the first."""
    walks = ((_Walk(root, Tally(), spelling), _segments(spelling)) for spelling in spellings.paths_of(pattern))
    return any(next(walk.files(_Place(root), segments), None) is not None for walk, segments in walks)


def is_loop(entry: str, holders: Sequence[str]) -> bool:
    """Whether a linked folder leads to one of the folders, or above it, through which it was reached.

    Args:
        entry: Path of the link.
        holders: Paths of the folders that hold the links that were followed, this one's last.
    """
    target = os.path.realpath(entry)
    return any(_is_inside(os.path.realpath(holder), target) for holder in holders)


@dataclass(frozen=True)
class _Place:
    """A folder during the walk: its path, what is written of it below the root, and the folders of the links that led to it."""

    path: str | Path
    relative: str = ""
    holders: tuple[str, ...] = ()

    def below(self, entry: "os.DirEntry[str]") -> "_Place":
        holders = (*self.holders, os.fspath(self.path)) if entry.is_symlink() else self.holders
        return _Place(entry.path, f"{self.relative}{entry.name}/", holders)


class _Walk:
    """The walk of one glob."""

    def __init__(self, root: Path, tally: Tally, pattern: str) -> None:
        self.root, self.tally, self.pattern = root, tally, pattern

    def files(self, place: _Place, segments: Sequence[str]) -> Iterator[tuple[str, bool]]:
        """Paths of the files that fit, and whether a linked folder led to them."""
        first, *rest = segments
        if first == "**" and rest:
            yield from self.files(place, rest)
        fits = _matcher("*" if first == "**" and not rest else first)
        for entry in entries(place.path, place.relative, self.tally):
            if is_hidden(entry.name):
                continue
            if not rest or first == "**":
                if first != "**" and is_file(entry) and (how := fits(entry.name)):
                    yield self._told(f"{place.relative}{entry.name}", how), bool(place.holders)
                elif first == "**" and is_folder(entry) and self._is_new(entry, place):
                    yield from self.files(place.below(entry), segments)
            elif is_folder(entry) and fits(entry.name) == "exact" and self._is_new(entry, place):
                yield from self.files(place.below(entry), rest)

    def _told(self, path: str, how: str) -> str:
        if how == "suffix":
            self.tally.note("suffix_case", path, detail=self.pattern)
        return path

    def _is_new(self, entry: "os.DirEntry[str]", place: _Place) -> bool:
        """Whether a folder, if it is a link, leads elsewhere than back."""
        if not entry.is_symlink() or not is_loop(entry.path, (*place.holders, os.fspath(place.path))):
            return True
        self.tally.note("link_loops", f"{place.relative}{entry.name}")
        return False


def entries(folder: str | Path, relative: str, tally: Tally) -> "list[os.DirEntry[str]]":
    """What is in a folder, (n_entries,), sorted by name; one that is not there is empty, one that cannot be read is noted.

    Args:
        folder: Its path.
        relative: What it is called in notes.
        tally: What is noted of it.
    """
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        tally.note("unreadable_folders", relative or str(folder))
        return []


def is_file(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a file or a link to one."""
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a folder or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _segments(pattern: str) -> list[str]:
    """The parts of a glob between slashes; `**` twice is as good as once, and the last one stands for all files."""
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    parts = [part for number, part in enumerate(parts) if part != "**" or parts[number - 1 : number] != ["**"]]
    return [*parts, "*"] if not parts or parts[-1] == "**" else parts


def _matcher(segment: str) -> Callable[[str], str]:
    regex = re.compile(fnmatch.translate(segment), _FLAGS)

    def how(name: str) -> str:
        """`exact`, `suffix` where only the suffix is in another case, or "" for no match."""
        if regex.match(name):
            return "exact"
        stem, dot, suffix = name.rpartition(".")
        others = {suffix.lower(), suffix.upper()} - {suffix}
        return "suffix" if dot and any(regex.match(f"{stem}.{other}") for other in others) else ""

    return how


def _once(root: Path, found: "dict[tuple[str, bool], None]", tally: Tally) -> list[str]:
    """Files of linked folders only where no other way leads to them; which way is kept: the one without links, else the first."""
    owner: dict[str, str] = {}
    for path, _ in sorted(found, key=lambda pair: pair[1]):  # False first
        folder, _, name = path.rpartition("/")
        kept = owner.setdefault(os.path.join(os.path.realpath(root / folder), name), path)
        if kept != path:
            tally.note("linked_twice", f"{path} (as {kept})")
    wanted = set(owner.values())
    return [path for path, _ in found if path in wanted]


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
