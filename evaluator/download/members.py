"""What the members of an archive may be called, and how many, how large and how deep they may be: looked at before writing.

A name is refused if it leads out of the folder, if it is one that the download keeps its own state under, or if the disk
would put another file in its place: it is taken by Windows, or differs from another one in capital letters only.
"""

import os
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from evaluator.errors import EvaluationError
from evaluator.files import describe_bytes

PRIVATE = ".downloads"  # folder of a download's own state, inside the dataset's
MAX_MEMBERS = 1_000_000  # some 0.6 GB of what is known of them; the largest archives of clips have some 300,000
_MAX_DEPTH = 32  # folders inside folders
_MAX_PART = 255  # bytes of one name, which is what file systems take
_MAX_PATH = 2000  # bytes of a whole name, half of what Linux takes, so that --data fits before it
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "Icon\r")
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*([.:].*)?", re.IGNORECASE)
_WINDOWS_FORBIDS = re.compile(r'[<>:"|?*]|[. ]$')
_WINDOWS = os.name == "nt"


@dataclass
class Members:
    """The members of one archive, as they are met.

    archive: Its file, for sentences.
    target: Folder that it is unpacked in, which is there.
    max_bytes: How many bytes it may unpack to; no more than are free on the disk.
    n: How many members were met so far.
    """

    archive: str
    target: Path
    max_bytes: int
    n: int = 0
    _n_bytes: int = 0
    _free: int = field(init=False)
    _spelled: dict[str, str] | None = field(init=False)

    def __post_init__(self) -> None:
        self._free = shutil.disk_usage(self.target).free
        self._spelled = {} if _ignores_case(self.target) else None

    def refused(self, name: str, why: str) -> EvaluationError:
        """The exception that says why a member cannot be."""
        short = name if len(name) <= 80 else f"{name[:60]}...{name[-15:]}"
        return EvaluationError(f"{self.archive}: the member {short!r} {why}; nothing was unpacked")

    def path(self, name: str, size: int) -> PurePosixPath | None:
        """The path of a member below the target; None for what operating systems leave about.

        Args:
            name: As the archive has it.
            size: In bytes, as the archive says.

        Raises:
            EvaluationError: It may not be called so, or is one too many or too large.
        """
        self._count(name, size)
        slashed = name.replace("\\", "/")
        path = PurePosixPath(slashed)
        if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive:
            raise self.refused(name, "leads out of the folder")
        if not path.parts or any(part in _JUNK for part in path.parts):
            return None
        if any(ord(letter) < 32 for letter in name):
            raise self.refused(name, "has a control character in its name")
        if len(path.parts) > _MAX_DEPTH:
            raise self.refused(
                name, f"lies {len(path.parts) - 1} folders deep; no more than {_MAX_DEPTH - 1} are unpacked"
            )
        longest = max(len(part.encode(errors="replace")) for part in path.parts)
        if longest > _MAX_PART or len(slashed.encode(errors="replace")) > _MAX_PATH:
            raise self.refused(name, f"has a name of {longest} bytes, {len(name)} with its folders, too long for disks")
        self._refuse_taken(name, path)
        return path

    def _count(self, name: str, size: int) -> None:
        if size < 0:
            raise self.refused(name, f"says that it has {size} bytes")
        self.n += 1
        self._n_bytes += size
        if self.n > MAX_MEMBERS:
            raise EvaluationError(f"{self.archive}: has more than {MAX_MEMBERS} members; nothing was unpacked")
        if self._n_bytes > self.max_bytes:
            raise EvaluationError(
                f"{self.archive}: unpacks to more than {describe_bytes(self.max_bytes)}, which no audio of its size does; "
                "not unpacked"
            )
        if self._n_bytes > self._free:
            raise EvaluationError(
                f"{self.archive}: unpacks to {describe_bytes(self._n_bytes)} or more, but only {describe_bytes(self._free)} are "
                f"free on the disk of {self.target.parent}; make room there, or give another --data; nothing was unpacked"
            )

    def _refuse_taken(self, name: str, path: PurePosixPath) -> None:
        for part in path.parts:
            if _folded(part).rstrip(". ") == PRIVATE:
                raise self.refused(name, f"is called {part!r}, as the folder in which a download keeps its own state")
            if _WINDOWS and (_DEVICES.fullmatch(part) or _WINDOWS_FORBIDS.search(part)):
                raise self.refused(
                    name, f"has the part {part!r} in its name, which Windows keeps for itself or changes"
                )
        if self._spelled is None:
            return
        for end in range(1, len(path.parts) + 1):
            start = "/".join(path.parts[:end])
            other = self._spelled.setdefault(_folded(start), start)
            if other != start:
                raise self.refused(
                    name,
                    f"differs from {other!r} in capital letters or Unicode form only, which this disk does not tell apart",
                )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _ignores_case(folder: Path) -> bool:
    """Whether the disk takes two names for one that differ in capital letters only."""
    with tempfile.NamedTemporaryFile(prefix="case-", dir=folder) as file:
        return (folder / Path(file.name).name.upper()).exists()
