"""The bytes of a file, read at any place through one window, so that walking through a long file costs no memory."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from evaluator.audio.errors import AudioError

_WINDOW = 1 << 18  # bytes read at once


class Source:
    """A file that is walked through; positions and sizes in bytes."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self.size = file.seek(0, 2)
        self._start, self._window = 0, b""

    def at(self, position: int, n: int) -> bytes:
        """The n bytes from a position on, or those of them that the file has."""
        begin = position - self._start
        if begin < 0 or begin + n > len(self._window):
            self._file.seek(position)
            self._start, self._window, begin = position, self._file.read(max(n, _WINDOW)), 0
        return self._window[begin : begin + n]

    def unpack(self, layout: str, position: int) -> tuple[Any, ...]:
        """Values as `struct` names them; a file that ends before is cut off."""
        n = struct.calcsize(layout)
        content = self.at(position, n)
        if len(content) < n:
            raise self.cut_off(position + n - self.size)
        return struct.unpack(layout, content)

    def find(self, pattern: bytes, start: int, stop: int | None = None) -> int:
        """Where a pattern next begins, from `start` on and with its end before `stop`; -1 if nowhere."""
        stop = self.size if stop is None else stop
        while start + len(pattern) <= stop:
            self.at(start, len(pattern))  # the window now begins at or before it
            found = self._window.find(pattern, start - self._start, stop - self._start)
            if found >= 0:
                return self._start + found
            start = self._start + len(self._window) - len(pattern) + 1
        return -1

    def only_zeros(self, start: int) -> bool:
        """Whether nothing but zeros follows, up to the end of the file."""
        return all(
            not any(self.at(position, min(_WINDOW, self.size - position)))
            for position in range(start, self.size, _WINDOW)
        )

    def refusal(self, what: str) -> AudioError:
        """An error about this file."""
        return AudioError(f"{self.path}: {what}")

    def too_many_chunks(self) -> AudioError:
        """The error of a file whose chunks lead nowhere."""
        return self.refusal("no audio among the first 10000 of its chunks: damaged, or not audio; get it again")

    def cut_off(self, missing: int, audio: str = "") -> AudioError:
        """The error of a file that lacks bytes at its end.

        Args:
            missing: How many at least, in bytes.
            audio: How much of its audio is there, where that is known, in words.
        """
        there = f", so that {audio} of audio are there" if audio else ""
        return self.refusal(
            f"the file is cut off: it has {self.size} bytes, but should have at least {self.size + missing}{there}; get it again"
        )


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The bytes of a file, in bytes from its start.

    Raises:
        OSError: It cannot be opened.
    """
    with path.open("rb") as file:
        yield Source(path, file)
