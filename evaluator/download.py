"""Datasets from the net: fetched in pieces that survive an interruption, verified, unpacked, and put in place whole.

What is being fetched lies in `.downloads/` inside the dataset's folder: `NAME.part` with a note of where it comes from,
then `NAME`; `receipt.json` there lists what is done, so that the same call again does nothing. A part is gone on with
by a range request, and only if the server says that the file is still the same (ETag or Last-Modified). Nothing is
unpacked whose checksum is not the published one; where nobody publishes one, Zenodo's API is asked for its md5, and
else the size that the server told has to fit.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from evaluator import unpack
from evaluator.errors import EvaluationError, UsageError

ZENODO_API = "https://zenodo.org/api/records"
_BLOCK = 1 << 15  # bytes read at once, and lost at most when a connection ends
_TIMEOUT = (20, 60)  # seconds to connect, and to wait for the next bytes
_TRIES = 6  # without a new byte, before giving up
_UNPACKED = 2  # a guess: archives of audio unpack to at most about so many times their size
_PRIVATE = ".downloads"

Progress = Callable[[str, int], Callable[[int], object]]


@dataclass(frozen=True)
class Part:
    """One file on a server.

    checksum: `md5:`, `sha1:` or `sha256:` and the digits, or "" if none is published.
    bytes: Its size, exact or about; None if unknown.
    """

    url: str
    checksum: str = ""
    bytes: int | None = None


@dataclass(frozen=True)
class Item:
    """A file to be kept, or an archive to be unpacked.

    parts: One, or the parts of an archive, in order.
    join: `volumes` of a multi-volume zip, or `pieces` that only need to follow each other; "" for one part.
    into: Folder inside the dataset's own that it is put or unpacked into, "" for that folder itself.
    drifts: Whether its bytes may change (GitHub makes archives anew): another checksum is then only told.
    save_as: The file's name, where the URL does not end in it.
    """

    parts: tuple[Part, ...]
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
    """One call of `fetch`: where to, and what is said at its end."""

    private: Path
    progress: Progress
    pause: float
    said: list[str] = field(default_factory=list)


def plan(items: Sequence[Item], folder: Path) -> list[str]:
    """What `fetch` would do, a line an item, and the sum.

    Args:
        items: Of a dataset.
        folder: The dataset's own.
    """
    done = _receipt(folder / _PRIVATE)
    lines, total, unknown = [], 0, 0
    for item in items:
        if _is_done(item, done):
            lines.append(f"{item.name}: there already")
            continue
        sizes = [part.bytes or _told_size(part) for part in item.parts]
        total += sum(size or 0 for size in sizes)
        unknown += sizes.count(None)
        size = _human(sum(size or 0 for size in sizes)) if None not in sizes else "size unknown"
        several = f" in {len(item.parts)} parts" if len(item.parts) > 1 else ""
        checked = "" if all(part.checksum for part in item.parts) else ", no published checksum"
        lines.append(f"{item.name}: {size}{several}{checked}, from {item.parts[0].url}")
    rest = f" and {unknown} files of unknown size" if unknown else ""
    return [*lines, f"to fetch: {_human(total)}{rest}; free in {folder}: {_human(_free(folder))}"]


def fetch(
    items: Sequence[Item],
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
    private = folder / _PRIVATE
    private.mkdir(parents=True, exist_ok=True)
    with _alone(private):
        done = _receipt(private)
        missing = [item for item in items if not _is_done(item, done)]
        _refuse_without_room(missing, folder)
        work = _Fetching(private, progress, pause)
        for item in missing:
            files = [_verified(work, item, part, name) for part, name in zip(item.parts, item.names, strict=True)]
            unpack.place(files, item.join, folder / item.into, private)
            hashes = [_digest(file, "sha256") for file in files]
            size = sum(file.stat().st_size for file in files)
            done[item.name] = _Done([part.url for part in item.parts], hashes, size, item.into)
            _write_whole(private / "receipt.json", {name: asdict(one) for name, one in done.items()})
            if not keep_archives:
                for file in files:
                    file.unlink()
        return work.said


# One file ------------------------------------------------------------------------------------------------------------


def _verified(work: _Fetching, item: Item, part: Part, name: str) -> Path:
    """The file `name`, whole and with the right checksum; thrown away and fetched once more if that does not fit."""
    file = work.private / name
    checksum, size = part.checksum, None
    if not checksum:
        checksum, size = _zenodo(part.url)
    for attempt in (1, 2):
        if not file.exists():
            _complete(work, part.url, file, bool(checksum))
        if not checksum:
            work.said.append(f"{name}: nobody publishes a checksum; fetched {_digest(file, 'sha256')} (SHA-256)")
            return file
        kind, _, wanted = checksum.partition(":")
        found = _digest(file, kind)
        if found == wanted and size in (None, file.stat().st_size):
            return file
        if item.drifts:
            work.said.append(f"{name}: has {kind} {found}, not {wanted}; such archives are made anew now and then")
            return file
        file.unlink()
        if attempt == 1:
            work.said.append(f"{name}: had a wrong checksum ({kind} {found}) and was fetched again")
    raise EvaluationError(
        f"{part.url}: has {kind} {found}, but {wanted} was published, twice. The file on the server is another one or "
        "damaged; try again later, get it another way and put it in place yourself, or tell us if it was replaced"
    )


def _complete(work: _Fetching, url: str, file: Path, checked: bool) -> None:
    """Fetch `url` into `file`, going on with what an earlier try left.

    Args:
        work: The call that this is part of.
        url: Of one file.
        file: Where it goes once it is whole.
        checked: Whether a checksum will tell if the pieces are not of one file.
    """
    import requests

    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"{url}: only http and https are fetched")
    part, tries, most = file.with_name(f"{file.name}.part"), 0, -1
    while True:
        try:
            if _continue(work, url, part, checked):
                os.replace(part, file)
                part.with_name(f"{part.name}.json").unlink(missing_ok=True)
                return
            reason = "the connection ended early"
        except requests.RequestException as error:
            status = getattr(error.response, "status_code", 0)
            if 400 <= status < 500 and status not in (408, 416, 425, 429):
                raise EvaluationError(
                    f"{url}: the server answers {status}; look whether the address still holds, or get the file another way"
                ) from error
            reason = str(error) or type(error).__name__
        have = part.stat().st_size if part.exists() else 0
        tries, most = (0, have) if have > most else (tries + 1, most)
        if tries >= _TRIES:
            raise EvaluationError(
                f"{url}: gave up after {_TRIES} tries without progress ({reason}); what came is kept, the same command "
                "goes on from there"
            )
        time.sleep(min(60.0, work.pause * 2**tries))


def _continue(work: _Fetching, url: str, part: Path, checked: bool) -> bool:
    """One request; True if the file is whole now."""
    import requests

    note = part.with_name(f"{part.name}.json")
    known = _json(note)
    usable = part.exists() and known.get("url") == url and (checked or known.get("validator"))
    start = part.stat().st_size if usable else 0
    if start and start == known.get("size"):
        return True
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if known.get("validator"):
            headers["If-Range"] = known["validator"]
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT, allow_redirects=True) as answer:
        if answer.status_code == 416:
            part.unlink(missing_ok=True)  # longer than the file: it is not that file's beginning
            return False
        answer.raise_for_status()
        _refuse_page(url, answer)
        size = _size(answer, start)
        if answer.status_code != 206 or not _goes_on_at(answer, start):
            start = 0
            if answer.status_code == 206:
                part.unlink(missing_ok=True)
                note.unlink(missing_ok=True)
                return False
        tag = answer.headers.get("ETag", "")
        validator = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
        _write_whole(note, {"url": url, "validator": validator, "size": size})
        advance = work.progress(part.stem, size or 0)
        advance(start)
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for block in answer.iter_content(_BLOCK):
                file.write(block)
                file.flush()  # so that a kill loses one block at most
                advance(len(block))
            file.truncate()
    return size is None or part.stat().st_size == size


def _refuse_page(url: str, answer: Any) -> None:
    if answer.headers.get("Content-Type", "").startswith("text/html") and not url.endswith((".html", ".htm")):
        raise EvaluationError(
            f"{url}: the server gives a web page instead of the file, perhaps to log in or to confirm; open it in a "
            "browser, save the file, and unpack it where --data points"
        )


def _size(answer: Any, start: int) -> int | None:
    """The whole file's size as this answer tells it; None if it does not."""
    span = answer.headers.get("Content-Range", "")
    if answer.status_code == 206 and span.rpartition("/")[2].isdecimal():
        return int(span.rpartition("/")[2])
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and answer.status_code == 200 else None


def _goes_on_at(answer: Any, start: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _digest(file: Path, kind: str) -> str:
    with file.open("rb") as raw:
        return hashlib.file_digest(raw, kind).hexdigest()


def _zenodo(url: str) -> tuple[str, int | None]:
    """Checksum and size that Zenodo's API tells of a file in one of its records; ("", None) for other addresses."""
    import requests

    parts = urlsplit(url)
    steps = parts.path.strip("/").split("/")
    if parts.hostname not in ("zenodo.org", "www.zenodo.org") or len(steps) < 4 or steps[2] != "files":
        return "", None
    try:
        answer = requests.get(f"{ZENODO_API}/{steps[1]}", timeout=_TIMEOUT)
        answer.raise_for_status()
        files = {each["key"]: each for each in answer.json()["files"]}
        return files[unquote(steps[3])]["checksum"], files[unquote(steps[3])].get("size")
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return "", None  # not told: then the size that the server gives has to do


def _told_size(part: Part) -> int | None:
    import requests

    _, size = _zenodo(part.url)
    if size is not None:
        return size
    try:
        answer = requests.head(part.url, timeout=_TIMEOUT, allow_redirects=True)
        length = answer.headers.get("Content-Length", "") if answer.ok else ""
        return int(length) if length.isdecimal() else None
    except requests.RequestException:
        return None


# Room, receipts, and being alone -------------------------------------------------------------------------------------


def _refuse_without_room(items: Sequence[Item], folder: Path) -> None:
    sizes = [part.bytes or 0 for item in items for part in item.parts]
    parts = [folder / _PRIVATE / f"{name}{end}" for item in items for name in item.names for end in ("", ".part")]
    there = sum(file.stat().st_size for file in parts if file.exists())
    needed = max(0, sum(sizes) - there) + _UNPACKED * sum(sizes)
    if needed > _free(folder):
        raise UsageError(
            f"{folder}: about {_human(needed)} are needed to fetch and unpack, but only {_human(_free(folder))} are free; "
            "make room, or give another --data"
        )


def _free(folder: Path) -> int:
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    return shutil.disk_usage(there).free


def _human(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def _is_done(item: Item, done: Mapping[str, _Done]) -> bool:
    said = done.get(item.name)
    return said is not None and said.urls == [part.url for part in item.parts] and said.into == item.into


def _receipt(private: Path) -> dict[str, _Done]:
    try:
        return {name: _Done(**said) for name, said in _json(private / "receipt.json").items()}
    except TypeError:
        return {}  # not by us: everything is fetched anew


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        return value if isinstance(value, dict) else {}
    except (OSError, ValueError):
        return {}


def _write_whole(file: Path, value: Mapping[str, Any]) -> None:
    aside = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    aside.write_text(json.dumps(value, indent=1), encoding="utf-8")
    os.replace(aside, file)


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
