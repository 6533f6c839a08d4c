"""A small file server on this machine that misbehaves as told, for tests of downloads."""

import hashlib
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Served:
    """One file, and how it is served.

    drops: After how many bytes each of the next connections is cut; then none is.
    length: What Content-Length says instead of the truth.
    wrong_first: How many of the next answers have other bytes.
    ranges: Whether range requests are understood; `shifted` answers them from another place.
    validator: Whether an ETag is sent.
    if_range: Whether a range is only given of the file that the client knows.
    redirect: Where the client is sent instead.
    kind: Content-Type.
    pause: Seconds to wait after each block of 4 kB.
    """

    content: bytes = b""
    drops: list[int] = field(default_factory=list)
    length: int | None = None
    wrong_first: int = 0
    ranges: str = "yes"
    validator: bool = True
    if_range: bool = True
    redirect: str = ""
    kind: str = "application/octet-stream"
    pause: float = 0.0
    status: int = 200


class FileServer(ThreadingHTTPServer):
    """files: path -> what is served there. asked: every request, as (path, Range header)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, str]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path, wanted = urlsplit(self.path).path, self.headers.get("Range", "")
        self.server.asked.append((path, wanted))
        served = self.server.files.get(path)
        if served is None or served.status != 200:
            self.send_error(served.status if served else 404)
            return
        if served.redirect:
            self.send_response(302)
            self.send_header("Location", served.redirect)
            self.end_headers()
            return
        content = served.content
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        if body and served.wrong_first:
            served.wrong_first -= 1
            content = bytes(byte ^ 1 for byte in content)
        start = self.start(served, wanted, tag, len(content))
        if start is None:
            return
        self.send_header("Content-Type", served.kind)
        self.send_header("Content-Length", str(len(content) - start if served.length is None else served.length))
        if served.validator:
            self.send_header("ETag", tag)
        self.end_headers()
        if body:
            self.send(served, content[start:])

    def start(self, served: Served, wanted: str, tag: str, size: int) -> int | None:
        """Send the first line of the answer; where the content starts, None if there is nothing more to say."""
        same = not served.if_range or self.headers.get("If-Range", tag) == tag
        if not wanted or served.ranges == "no" or not same:
            self.send_response(200)
            return 0
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= size:
            self.send_error(416)
            return None
        start = max(0, start - 3) if served.ranges == "shifted" else start
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        return start

    def send(self, served: Served, content: bytes) -> None:
        stop = served.drops.pop(0) if served.drops else len(content)
        try:
            for place in range(0, min(stop, len(content)), 4096):
                self.wfile.write(content[place : min(place + 4096, stop)])
                time.sleep(served.pause)
        except OSError:
            pass  # the client is gone, which some tests want
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def file_server():
    server = FileServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
