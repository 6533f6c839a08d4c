"""Pieces of files, and bytes that stand in for some of them, as one file that can be read and sought."""

import bisect
import io
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple


class Span(NamedTuple):
    """Bytes `begin` up to, but without, `end` of an open file."""

    file: BinaryIO
    begin: int
    end: int


class PiecedFile(io.RawIOBase):
    """Pieces, (n_pieces,), one after the other as one file; positions are in bytes. Closing it closes their files."""

    def __init__(self, pieces: Sequence[bytes | Span]) -> None:
        super().__init__()
        self._pieces = [piece for piece in pieces if _length(piece)]
        self.starts = [0]  # of every piece, and the end
        for piece in self._pieces:
            self.starts.append(self.starts[-1] + _length(piece))
        self.size = self.starts[-1]
        self._files = {id(piece.file): piece.file for piece in pieces if isinstance(piece, Span)}
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where it is read next, in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte, counted from the start, from here or from the end.

        Raises:
            OSError: It would be before the start.
        """
        position = offset + (0, self._position, self.size)[whence]
        if position < 0:
            raise OSError(f"sought position {position}, before the start")
        self._position = position
        return position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer of bytes, across pieces; how many there were, less than it holds only at the end."""
        wanted, n_done = memoryview(buffer).cast("B"), 0
        while n_done < len(wanted) and (content := self._read(len(wanted) - n_done)):
            wanted[n_done : n_done + len(content)] = content
            n_done += len(content)
            self._position += len(content)
        return n_done

    def _read(self, n: int) -> bytes:
        if self._position >= self.size:
            return b""
        number = bisect.bisect_right(self.starts, self._position) - 1
        begin, piece = self._position - self.starts[number], self._pieces[number]
        if isinstance(piece, bytes):
            return piece[begin : begin + n]
        piece.file.seek(piece.begin + begin)
        return piece.file.read(min(n, piece.end - piece.begin - begin))

    def close(self) -> None:
        """Close the files of the pieces too."""
        for file in self._files.values():
            file.close()
        super().close()


def _length(piece: bytes | Span) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.end - piece.begin
