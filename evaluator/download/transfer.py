"""One file from a server, in pieces that survive an interruption.

What has come lies in `NAME.part` with a note `NAME.part.json` of where it comes from. It is gone on with by a range
request, and only if the server says that the file is still the same (ETag or Last-Modified), or a checksum will tell.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from evaluator.errors import EvaluationError, UsageError
from evaluator.files import Stamp, describe_bytes, write_whole, writing

ZENODO_API = "https://zenodo.org/api/records"
_BLOCK = 1 << 15  # bytes read at once, and lost at most when a connection ends
_TIMEOUT = (20, 60)  # seconds to connect, and to wait for the next bytes
_TRIES = 6  # without a new byte, before giving up

Progress = Callable[[str, int], Callable[[int], object]]


def complete(url: str, file: Path, checked: bool, progress: Progress, pause: float) -> None:
    """Fetch `url` into `file`, going on with what an earlier try left.

    Args:
        url: Of one file.
        file: Where it goes once it is whole.
        checked: Whether a checksum will tell if the pieces are not of one file.
        progress: Gives a progress bar in bytes.
        pause: Seconds before a second try; doubled with each further one.

    Raises:
        UsageError: The address is none of http or https.
        EvaluationError: The server refuses, or nothing more comes.
    """
    import requests

    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"{url}: only http and https are fetched")
    part, tries, n_before = file.with_name(f"{file.name}.part"), 0, -1
    while True:
        try:
            if _continue(url, part, checked, progress):
                write_json(_origin_note(file), {"url": url})
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
        n_bytes = part.stat().st_size if part.exists() else 0
        tries, n_before = (0, n_bytes) if n_bytes > n_before else (tries + 1, n_before)
        if tries >= _TRIES:
            raise EvaluationError(
                f"{url}: gave up after {_TRIES} tries without progress ({reason}); what came is kept, the same command "
                "goes on from there"
            )
        time.sleep(min(60.0, pause * 2**tries))


def _continue(url: str, part: Path, checked: bool, progress: Progress) -> bool:
    """One request; True if the file is whole now."""
    import requests

    note = part.with_name(f"{part.name}.json")
    known = read_json(note)
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
        size, validator = _size(answer, start), _validator(answer)
        same = known.get("size") in (None, size) and (checked or validator == known.get("validator"))
        if answer.status_code == 206 and not (same and _goes_on_at(answer, start)):  # some servers overlook If-Range
            part.unlink(missing_ok=True)  # another place, or the end of another file
            note.unlink(missing_ok=True)
            return False
        start = start if answer.status_code == 206 else 0
        if not start:
            part.unlink(missing_ok=True)  # before the note tells of another file than what lies there is of
        _refuse_without_room(url, part.parent, (size or 0) - start)
        write_json(note, {"url": url, "validator": validator, "size": size})
        advance = progress(part.stem, size or 0)
        advance(start)
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for block in answer.iter_content(_BLOCK):
                with writing(part):
                    file.write(block)
                    file.flush()  # so that a kill loses one block at most
                advance(len(block))
            file.truncate()
    return size is None or part.stat().st_size == size


def _refuse_without_room(url: str, folder: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise EvaluationError(
            f"{url}: {describe_bytes(n_bytes)} are still to come, but only {describe_bytes(free)} are free in {folder}; make room "
            "there, or give another --data"
        )


def _refuse_page(url: str, answer: Any) -> None:
    if answer.headers.get("Content-Type", "").startswith("text/html") and not _names_page(url):
        raise EvaluationError(_page(url))


def refuse_page(url: str, file: Path) -> None:
    """Delete a web page that came as something else, as of a login.

    Raises:
        EvaluationError: It is one, and its address does not say so; with the way out.
    """
    with file.open("rb") as raw:
        start = raw.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<script", b"<body")) and not _names_page(url):
        file.unlink()
        raise EvaluationError(_page(url))


def _names_page(url: str) -> bool:
    return url.endswith((".html", ".htm"))


def _page(url: str) -> str:
    return (
        f"{url}: the server gives a web page instead of the file, perhaps to log in or to confirm; open it in a browser, "
        "save the file, and unpack it where --data points"
    )


def _size(answer: Any, start: int) -> int | None:
    """The whole file's size in bytes as this answer gives it; None if it does not."""
    span = answer.headers.get("Content-Range", "")
    if answer.status_code == 206 and span.rpartition("/")[2].isdecimal():
        return int(span.rpartition("/")[2])
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and answer.status_code == 200 else None


def _validator(answer: Any) -> str:
    """What the server names this state of the file by; "" if it does not."""
    tag = answer.headers.get("ETag", "")
    return str(tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", ""))


def _goes_on_at(answer: Any, start: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def digest(file: Path, kind: str) -> str:
    """Hexadecimal digits of a file's md5, sha1 or sha256; remembered beside it as long as the file is not touched.

    An archive of many GB is read once for its published checksum and its SHA-256, also if the work was interrupted between.
    """
    note, stamp = _digest_note(file), Stamp.of(file)
    known = read_json(note)
    if known.get("stamp") == list(stamp) and isinstance(known.get(kind), str):
        return str(known[kind])
    hashes = {name: hashlib.new(name) for name in {kind, "sha256"}}  # as published
    with file.open("rb") as raw:
        while block := raw.read(1 << 20):
            for each in hashes.values():
                each.update(block)
    digests = {name: each.hexdigest() for name, each in hashes.items()}
    if Stamp.of(file) == stamp and stamp.settled(time.time_ns()):
        write_json(note, {"stamp": list(stamp), **digests})
    return digests[kind]


def _digest_note(file: Path) -> Path:
    """Where the digests of a file are remembered."""
    return file.with_name(f".{file.name}.digests")


def remove(file: Path) -> None:
    """Delete a file that was fetched, and what is remembered of it."""
    file.unlink(missing_ok=True)
    _digest_note(file).unlink(missing_ok=True)
    _origin_note(file).unlink(missing_ok=True)


def origin(file: Path) -> str:
    """The address that a whole file was fetched from; "" if that is not known."""
    return str(read_json(_origin_note(file)).get("url", ""))


def _origin_note(file: Path) -> Path:
    """Where that address is noted."""
    return file.with_name(f".{file.name}.origin")


def zenodo(url: str) -> tuple[str, int | None]:
    """Checksum and size in bytes that Zenodo's API gives of a file in one of its records; ("", None) for other addresses.

    The same comes where it is not reached within 20 seconds, or is silent for 60.
    """
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
        return "", None  # not given: then the size that the server gives has to do


def remote_size(url: str) -> int | None:
    """Size of a file in bytes as Zenodo or its server gives it; None if neither does.

    Each has 20 seconds to be reached and 60 to answer.
    """
    import requests

    _, size = zenodo(url)
    if size is not None:
        return size
    try:
        answer = requests.head(url, timeout=_TIMEOUT, allow_redirects=True)
        length = answer.headers.get("Content-Length", "") if answer.ok else ""
        return int(length) if length.isdecimal() else None
    except requests.RequestException:
        return None


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file of ours; an empty one if there is none."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        return value if isinstance(value, dict) else {}
    except (OSError, ValueError):
        return {}


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """Write an object to a file, whole."""
    write_whole(file, json.dumps(value, indent=1).encode())
