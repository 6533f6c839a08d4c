"""What is known of files by their content, and how it is remembered from one run to the next.

A memory is a JSON file that can be read without us, with a line for each file: [size, mtime_ns, ctime_ns, inode, SHA-256, frames,
rate, channels, remark, checksum]. The first four are what the file system said of the file when the next five were found out. The checksum
is over memory, file and line, so that a line that was edited, or is another file's, is not believed.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluator.files import Stamp, write_whole

LOG = logging.getLogger(__name__)
FORMAT = 3  # 2 believed headers
N_VALUES = 9  # of a line

Line = list[int | str]
"""What is remembered of a file, without the checksum."""


@dataclass(frozen=True)
class FileFacts:
    """The SHA-256 of a file's bytes, and what it really holds: frames (samples per channel), Hz, channels.

    Facts are equal if these are. `stamp` is what the file system said of the file before and after it was read, None if nobody
    asked; `settled` is whether the file was old enough then that no later change can have the same stamp;
    `remark` says what its header has wrong, "" for nothing.
    """

    sha256: str
    frames: int
    sample_rate: int
    channels: int
    stamp: Stamp | None = field(default=None, compare=False, repr=False)
    settled: bool = field(default=False, compare=False, repr=False)
    remark: str = field(default="", compare=False, repr=False)

    @property
    def line(self) -> Line:
        """What is remembered of the file, without the checksum."""
        return [*(self.stamp or ()), self.sha256, self.frames, self.sample_rate, self.channels, self.remark]


def unchanged(path: Path, facts: FileFacts) -> bool:
    """Whether a file still is the one that its facts were read from: to be asked after decoding, before anything is kept.

    A file whose times say nothing yet, or of which only the time of the last change of its rights or links is another, is read
    again. A file that was written to has changed, even if it holds the same bytes by now.
    """
    try:
        stamp = Stamp.of(path)
        if facts.stamp is not None and stamp._replace(ctime_ns=0) != facts.stamp._replace(ctime_ns=0):
            return False
        return (facts.settled and stamp == facts.stamp) or sha256_of(path) == facts.sha256
    except OSError:
        return False


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits; an OSError if it cannot be read."""
    with path.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()


def recall(memory: Path, quietly: bool = False) -> dict[str, Line]:
    """The lines of a memory by file; none of what is not there or of another format.

    Lines that are damaged are left out, which a warning says unless it is wanted `quietly`.
    """
    try:
        document = json.loads(memory.read_text(encoding="utf-8"))
        files = document["files"] if document.get("format") == FORMAT else {}
        lines = {path: list(line) for path, line in files.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if not quietly:
            LOG.warning("%s: cannot be read (%s); all files are read anew", memory, error)
        return {}
    good = {
        path: line[:-1]
        for path, line in lines.items()
        if len(line) == N_VALUES + 1 and line[-1] == _checksum(memory, path, line[:-1])
    }
    damaged = sorted(set(lines) - set(good))
    if damaged and not quietly:
        LOG.warning(
            "%s: what is remembered of %d files was changed or damaged; they are read anew, %s for one",
            memory,
            len(damaged),
            damaged[0],
        )
    return good


def remember(memory: Path, lines: Mapping[str, Line]) -> None:
    """Write a memory whole; lines by file, times in ns.

    Raises:
        EvaluationError: It cannot be written.
    """
    files = {path: [*line, _checksum(memory, path, line)] for path, line in lines.items()}
    write_whole(memory, json.dumps({"format": FORMAT, "files": files}).encode())


def facts_of(line: Line) -> FileFacts:
    """The facts that a line holds, with the stamp in bytes and ns."""
    size, mtime_ns, ctime_ns, inode, sha256, *header, remark = line
    stamp = Stamp(int(size), int(mtime_ns), int(ctime_ns), int(inode))
    frames, sample_rate, channels = map(int, header)
    return FileFacts(str(sha256), frames, sample_rate, channels, stamp, settled=True, remark=str(remark))


def _checksum(memory: Path, path: str, line: Sequence[int | str]) -> str:
    """16 hex digits over a line and where it stands."""
    text = "\0".join(map(str, (memory.name, path, *line)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
