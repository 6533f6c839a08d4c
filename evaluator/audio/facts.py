"""What is known of files by their content, and how it is remembered from one run to the next.

A memory is a JSON file that can be read without us, with a line for each file: [size, mtime_ns, ctime_ns, inode, SHA-256, frames,
rate, channels, expansion, remark, checksum]. The first four are what the file system said of the file when the next six were found out. The
checksum is over memory, file and line, so that a line that was edited, or is another file's, is not believed.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from evaluator.audio.errors import AudioError
from evaluator.audio.lengths import measure, trust
from evaluator.errors import EvaluationError
from evaluator.files import Stamp, sweep, write_whole
from evaluator.own_cache import own_folder

LOG = logging.getLogger(__name__)
FORMAT = 4  # 2 believed headers, 3 knew no time expansion
N_VALUES = 10  # of a line
_N_THREADS = 8  # hashing and header reading wait for the disk and leave Python's lock
_TRIES = 3  # of reading a file that changes meanwhile

Line = list[int | float | str]
"""What is remembered of a file, without the checksum."""


@dataclass(frozen=True)
class FileFacts:
    """The SHA-256 of a file's bytes, and what it really holds: frames (samples per channel), Hz, channels.

    `expansion` is how many times slower than life it plays at that rate, where it says so; else 1. Facts are equal if these are. `stamp` is what the file system said of the file before and after it was read, None if nobody
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
    expansion: float = 1.0

    @property
    def line(self) -> Line:
        """What is remembered of the file, without the checksum."""
        return [
            *(self.stamp or ()),
            self.sha256,
            self.frames,
            self.sample_rate,
            self.channels,
            self.expansion,
            self.remark,
        ]


def file_facts(
    root: Path, paths: Sequence[str], cache: Path, rehash: bool = False
) -> dict[str, FileFacts | AudioError]:
    """Content hash and true length (frames, Hz, channels) of files, or why they cannot be had; what was read before is remembered.

    Files whose header is wrong, and that are read nevertheless, have a `remark`.

    Args:
        root: Folder that `paths` are relative to.
        paths: Files, (n_paths,), each once or more.
        cache: Folder in which the facts are remembered, by each file's size, modification and change times, and inode. Several
            processes may use it at once.
        rehash: Whether to read every file anew, whatever is remembered.
    """
    memory, known = _recalled(root, cache, rehash)
    read = _of_each(root, paths, known, _read_facts)
    _remember_new(memory, known, read)
    return read


def quick_facts(
    root: Path, paths: Sequence[str], cache: Path, rehash: bool = False
) -> dict[str, FileFacts | AudioError]:
    """As `file_facts`, in frames and Hz, without reading what was not read before to its end: its SHA-256 is "", and nothing is remembered."""
    return _of_each(root, paths, _recalled(root, cache, rehash)[1], _measured_facts)


def _recalled(root: Path, cache: Path, rehash: bool) -> tuple[Path, dict[str, Line]]:
    """Where facts of files in a folder are remembered, and what is; nothing where every file is to be read anew."""
    name = f"{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}.json"
    own = own_folder(cache, "files")
    sweep(own)
    known: dict[str, Line] = {}
    for memory in [] if rehash else dict.fromkeys([cache / "files" / name, own / name]):
        known |= recall(memory)
    return own / name, known


def _of_each(
    root: Path, paths: Sequence[str], known: Mapping[str, Line], read: Callable[[Path], FileFacts]
) -> dict[str, FileFacts | AudioError]:
    """The facts of each file, once, as they are known or else read."""
    distinct = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(_N_THREADS) as pool:
        found = pool.map(lambda path: _facts(root / path, known.get(path), read), distinct)
        return dict(zip(distinct, found, strict=True))


def unchanged(path: Path, facts: FileFacts) -> bool:
    """Whether a file still is the one that its facts were read from: to be asked after decoding, before anything is kept.

    A file whose times say nothing yet, since it was not 2 seconds old when it was read, or of which only the time of the last change of
    its rights or links is another, is read again. A file that was written to has changed, even if it holds the same bytes by now.
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
    """The lines of a memory by file, (n_values,) each, the rate in Hz; none of what is not there or of another format.

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
    """Write a memory whole; lines by file, (n_values,) each, times in ns.

    Raises:
        EvaluationError: It cannot be written.
    """
    files = {path: [*line, _checksum(memory, path, line)] for path, line in lines.items()}
    write_whole(memory, json.dumps({"format": FORMAT, "files": files}).encode())


def facts_of(line: Line) -> FileFacts:
    """The facts that a line holds: length in frames, rate in Hz, and the stamp in bytes and ns."""
    size, mtime_ns, ctime_ns, inode, sha256, *header, expansion, remark = line
    stamp = Stamp(int(size), int(mtime_ns), int(ctime_ns), int(inode))
    frames, sample_rate, channels = map(int, header)
    return FileFacts(str(sha256), frames, sample_rate, channels, stamp, True, str(remark), float(expansion))


def _checksum(memory: Path, path: str, line: Sequence[int | float | str]) -> str:
    """16 hex digits over a line and where it stands."""
    text = "\0".join(map(str, (memory.name, path, *line)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _facts(path: Path, known: Line | None, read: Callable[[Path], FileFacts]) -> FileFacts | AudioError:
    """The facts of one file, from what is known if the file system says that it still is that file."""
    try:
        remembered = facts_of(known) if known else None
        if remembered and remembered.stamp and path.is_file() and remembered.stamp == Stamp.of(path):
            if not remembered.remark and remembered.expansion == 1:
                trust(path, remembered.stamp, remembered.frames)
            return remembered
        for _ in range(_TRIES):
            facts = read(path)
            if facts.stamp == Stamp.of(path):
                return facts
    except AudioError as error:
        return error
    except OSError as error:
        return AudioError(f"{path}: cannot be read ({error})")
    return AudioError(f"{path}: changes while it is read; run again once nothing writes to it any more")


def _read_facts(path: Path) -> FileFacts:
    """The facts of a file, with its stamp before they were read; errors as those of `measure`."""
    return replace(_measured_facts(path), sha256=sha256_of(path))


def _measured_facts(path: Path) -> FileFacts:
    """The same without the hash of its bytes."""
    now = time.time_ns()
    found = measure(path)
    stamp = Stamp.of(path)
    holds = found.frames, found.sample_rate, found.channels
    return FileFacts("", *holds, stamp, stamp.settled(now), found.remark, found.expansion)


def _remember_new(memory: Path, known: dict[str, Line], read: dict[str, FileFacts | AudioError]) -> None:
    """Write down what was not known; facts that cannot be written are found out again next time."""
    settled = {path: facts.line for path, facts in read.items() if isinstance(facts, FileFacts) and facts.settled}
    fresh = {path: line for path, line in settled.items() if line != known.get(path)}
    if fresh:
        try:
            remember(memory, {**recall(memory, quietly=True), **fresh})
        except EvaluationError as error:
            LOG.warning("%s", error)
