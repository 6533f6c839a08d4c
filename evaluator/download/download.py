"""Datasets from the net: fetched in pieces that survive an interruption, verified, unpacked, and put in place whole.

What is being fetched lies in `.downloads/` inside the dataset's folder: `NAME.part` with a note of where it comes from,
then `NAME`; `receipt.json` there lists what is done, so that the same call again does nothing. Nothing is unpacked
whose checksum is not the published one; where nobody publishes one, Zenodo's API is asked for its md5, and
else the size that the server gives has to fit, and what cannot be unpacked is fetched once more.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from evaluator.download import transfer, unpack
from evaluator.download.members import PRIVATE
from evaluator.download.transfer import Progress
from evaluator.errors import EvaluationError, UsageError
from evaluator.files import describe_bytes, sweep

_UNPACKED = 2  # a guess: archives of audio unpack to at most about so many times their size


@dataclass(frozen=True)
class DownloadPart:
    """One file on a server.

    checksum: `md5:`, `sha1:` or `sha256:` and the digits, or "" if none is published.
    bytes: Its size in bytes, exact or about; None if unknown.
    """

    url: str
    checksum: str = ""
    bytes: int | None = None


@dataclass(frozen=True)
class DownloadItem:
    """A file to be kept, or an archive to be unpacked.

    parts: One, or the parts of an archive, in order, (n_parts,).
    join: `volumes` of a multi-volume zip, or `pieces` that only need to follow each other; "" for one part.
    into: Folder inside the dataset's own that it is put or unpacked into, "" for that folder itself.
    drifts: Whether its bytes may change (GitHub makes archives anew): another checksum is then only reported.
    save_as: The file's name, where the URL does not end in it.
    """

    parts: tuple[DownloadPart, ...]
    join: str = ""
    into: str = ""
    drifts: bool = False
    save_as: str = ""

    @property
    def names(self) -> list[str]:
        """Names of the parts' files."""
        return [self.save_as or unquote(urlsplit(part.url).path).rstrip("/").split("/")[-1] for part in self.parts]

    @property
    def name(self) -> str:
        """What the item is called in a receipt: its last part, which names the archive."""
        return self.names[-1]


@dataclass
class _Done:
    """What `receipt.json` says of one item."""

    urls: list[str]
    sha256: list[str]
    bytes: int
    into: str


@dataclass
class _Fetching:
    """One call of `fetch`: where to, and what the user should read at its end."""

    private: Path
    progress: Progress
    pause: float
    notes: list[str] = field(default_factory=list)


def plan(items: Sequence[DownloadItem], folder: Path) -> list[str]:
    """What `fetch` would do, (n_lines,): a line an item, and one with the sum and the free room.

    Args:
        items: Of a dataset.
        folder: The dataset's own.
    """
    done = _receipt(folder / PRIVATE)
    lines, total, unknown = [], 0, 0
    for item in items:
        if _is_done(item, done):
            lines.append(f"{item.name}: there already")
            continue
        sizes = [part.bytes or transfer.remote_size(part.url) for part in item.parts]
        total += sum(size or 0 for size in sizes)
        unknown += sizes.count(None)
        size = describe_bytes(sum(size or 0 for size in sizes)) if None not in sizes else "size unknown"
        several = f" in {len(item.parts)} parts" if len(item.parts) > 1 else ""
        checked = "" if all(part.checksum for part in item.parts) else ", no published checksum"
        lines.append(f"{item.name}: {size}{several}{checked}, from {item.parts[0].url}")
    rest = f" and {unknown} files of unknown size" if unknown else ""
    return [*lines, f"to fetch: {describe_bytes(total)}{rest}; free in {folder}: {describe_bytes(_free(folder))}"]


def fetch(
    items: Sequence[DownloadItem],
    folder: Path,
    progress: Progress = lambda title, total: lambda n: None,
    keep_archives: bool = False,
    pause: float = 1.0,
) -> list[str]:
    """Fetch, verify and unpack what is not there yet; gives sentences that the user should read.

    Args:
        items: Of a dataset.
        folder: The dataset's own; made if it is not there.
        progress: Gives a progress bar in bytes: called with a title and a total, returns what is called at each step.
        keep_archives: Whether archives stay in `.downloads` once they are unpacked.
        pause: Seconds before a second try; doubled with each further one.

    Raises:
        UsageError: There is not enough room, another process is at it, or an address cannot be used.
        EvaluationError: A server does not give the file, or gives another one than was published.
    """
    private = folder / PRIVATE
    private.mkdir(parents=True, exist_ok=True)
    with _alone(private):
        sweep(private, stale=0)
        done = _receipt(private)
        missing = [item for item in items if not _is_done(item, done)]
        _refuse_without_room(missing, folder)
        work = _Fetching(private, progress, pause)
        for item in missing:
            files = _in_place(work, item, folder / item.into)
            hashes = [transfer.digest(file, "sha256") for file in files]
            size = sum(file.stat().st_size for file in files)
            done[item.name] = _Done([part.url for part in item.parts], hashes, size, item.into)
            transfer.write_json(private / "receipt.json", {name: asdict(one) for name, one in done.items()})
            if not keep_archives:
                for file in files:
                    transfer.remove(file)
        return work.notes


def _in_place(work: _Fetching, item: DownloadItem, target: Path) -> list[Path]:
    """Fetch an item and unpack it, and once more if it is damaged and no checksum could tell before; gives its files."""
    try:
        return _unpacked(work, item, target)
    except unpack.DamagedArchive as error:
        work.notes.append(f"{error}, and was fetched again")
    try:
        return _unpacked(work, item, target)
    except unpack.DamagedArchive as error:
        raise EvaluationError(
            f"{error}, twice, and nobody publishes its checksum. Try again later, or get it another way from "
            f"{item.parts[0].url} and unpack it in {target}"
        ) from error


def _unpacked(work: _Fetching, item: DownloadItem, target: Path) -> list[Path]:
    """Fetch an item and unpack it; what is damaged and may have been damaged on its way is deleted."""
    fetched = [_verified(work, item, part, name) for part, name in zip(item.parts, item.names, strict=True)]
    files = [file for file, _ in fetched]
    try:
        unpack.extract(files, item.join, target, work.private)
    except unpack.DamagedArchive as error:
        doubtful = [file for file, doubt in fetched if doubt]
        if not doubtful:
            raise EvaluationError(f"{error}, though it is what was published; tell its authors, and us") from error
        for file in doubtful:
            transfer.remove(file)
        raise
    work.notes += [doubt for _, doubt in fetched if doubt]
    return files


def _verified(work: _Fetching, item: DownloadItem, part: DownloadPart, name: str) -> tuple[Path, str]:
    """The file `name`, whole, and why it may be another than was published, "" if it is proven to be that.

    What has another checksum is thrown away and fetched once more.
    """
    file = work.private / name
    checksum, size = part.checksum, None
    if not checksum:
        checksum, size = transfer.zenodo(part.url)
    if file.exists() and transfer.origin(file) not in ("", part.url):
        transfer.remove(file)  # another item's of the same name, or of an older version
    for attempt in (1, 2):
        if not file.exists():
            transfer.complete(part.url, file, bool(checksum), work.progress, work.pause)
        transfer.refuse_page(part.url, file)
        if not checksum:
            return file, f"{name}: nobody publishes a checksum; fetched {transfer.digest(file, 'sha256')} (SHA-256)"
        kind, _, published = checksum.partition(":")
        digest = transfer.digest(file, kind)
        if digest == published and size in (None, file.stat().st_size):
            return file, ""
        if item.drifts:
            return file, f"{name}: has {kind} {digest}, not {published}; such archives are made anew now and then"
        transfer.remove(file)
        if attempt == 1:
            work.notes.append(f"{name}: had a wrong checksum ({kind} {digest}) and was fetched again")
    raise EvaluationError(
        f"{part.url}: has {kind} {digest}, but {published} was published, twice. The file on the server is another one or "
        "damaged; try again later, get it another way and put it in place yourself, or tell us if it was replaced"
    )


# Room, receipts, and being alone -------------------------------------------------------------------------------------


def _refuse_without_room(items: Sequence[DownloadItem], folder: Path) -> None:
    sizes = [part.bytes or 0 for item in items for part in item.parts]
    parts = [folder / PRIVATE / f"{name}{end}" for item in items for name in item.names for end in ("", ".part")]
    n_present = sum(file.stat().st_size for file in parts if file.exists())
    needed = max(0, sum(sizes) - n_present) + _UNPACKED * sum(sizes)
    if needed > _free(folder):
        raise UsageError(
            f"{folder}: about {describe_bytes(needed)} are needed to fetch and unpack, but only {describe_bytes(_free(folder))} are free; "
            "make room, or give another --data"
        )


def _free(folder: Path) -> int:
    existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    return shutil.disk_usage(existing).free


def _is_done(item: DownloadItem, done: Mapping[str, _Done]) -> bool:
    receipt = done.get(item.name)
    return receipt is not None and receipt.urls == [part.url for part in item.parts] and receipt.into == item.into


def _receipt(private: Path) -> dict[str, _Done]:
    try:
        return {name: _Done(**values) for name, values in transfer.read_json(private / "receipt.json").items()}
    except TypeError:
        return {}  # not by us: everything is fetched anew


@contextmanager
def _alone(private: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system lets go of when the process ends, however it ends.

    Raises:
        UsageError: Another process holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(private / "lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UsageError(
            f"{private.parent}: another process is downloading there; wait for it, or give another --data"
        ) from None
    try:
        yield
    finally:
        lock.release()
