"""A recording that can be decoded from any frame on: parts of a file one after the other, each as libsndfile needs it."""

import functools
import io
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from evaluator.audio.containers.layout import Part
from evaluator.audio.errors import AudioError, reason
from evaluator.audio.mp3_seek import without_the_way
from evaluator.pieces import PiecedFile, Span

_BLOCK = 1 << 16  # frames passed over at once
# Frames of MP3 draw on up to 511 bytes of earlier ones, which at its lowest rate are some 20 frames; libmpg123 goes back by 4.
_MP3_RUN_UP = 32 * 1152  # samples decoded before the one that is asked for


class View(PiecedFile):
    """A part of a recording's file as a file of its own; positions are in bytes."""

    def __init__(self, path: Path, part: Part) -> None:
        file = path.open("rb")
        super().__init__([piece if isinstance(piece, bytes) else Span(file, *piece) for piece in part.pieces])
        self._files[id(file)] = file  # also where no piece is of it

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte; what is before the start is the start, since libsndfile cannot be told of an error."""
        position = offset + (0, self._position, self.size)[whence]
        return super().seek(max(0, position))


@functools.cache
def _onward() -> Any:
    """soundfile's class, which is imported late, as one that is read from front to back."""
    import soundfile

    class Onward(soundfile.SoundFile):
        """A file that says that it cannot be sought in: else soundfile seeks after every read, which MP3 does not survive."""

        def __init__(self, source: Path | View, **encoding: Any) -> None:
            self._source = source
            super().__init__(source, **encoding)

        def seekable(self) -> bool:
            return False

        def close(self) -> None:
            super().close()
            if isinstance(self._source, View):
                self._source.close()

    return Onward


def open_part(path: Path, part: Part | None) -> Any:
    """An open SoundFile of one part of a file, or of the file as it is, at the rate, in Hz, of the part's encoding or of its header.

    Raises:
        AudioError: libsndfile cannot read it.
    """
    import soundfile

    onward, view = _onward(), View(path, part) if part else None
    try:
        if view is None or part is None:
            return onward(path)
        if part.encoding is None:
            return onward(view)
        one = part.encoding
        return onward(
            view,
            samplerate=one.sample_rate,
            channels=one.channels,
            format="RAW",
            subtype=one.subtype,
            endian=one.endian,
        )
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        if view:
            view.close()
        raise AudioError(f"{path}: not audio that libsndfile can read ({reason(error)})") from error


class Recording:
    """Frames of a file, from any on, in float32 with full scale 1; `frames` of them at `samplerate` Hz in `channels`.

    `expansion` is how many times slower than life they follow each other at that rate.
    """

    def __init__(
        self,
        path: Path,
        parts: tuple[Part, ...],
        lengths: tuple[int, ...],
        rate: int,
        channels: int,
        expansion: float = 1.0,
    ) -> None:
        self.path, self.expansion = path, expansion
        self.frames, self.samplerate, self.channels = sum(lengths), rate, channels
        self._parts: tuple[Part | None, ...] = parts or (None,)
        self._lengths = lengths
        self._number, self._file = 0, open_part(path, self._parts[0])
        self._left = lengths[0]

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def seek(self, frame: int) -> None:
        """Go to a frame; where libsndfile cannot go to one (GSM 6.10), what comes before it is decoded and dropped."""
        import soundfile

        number = 0
        while number + 1 < len(self._lengths) and frame >= self._lengths[number]:
            frame -= self._lengths[number]
            number += 1
        if number != self._number or self._left < self._lengths[number]:  # else nothing was read of it yet
            self._open(number)
        is_mp3 = self._file.format == "MP3"
        reached = max(0, frame - (_MP3_RUN_UP if is_mp3 else 0))
        try:
            n_skipped = self._skip(reached) if is_mp3 and self._parts[number] is None else 0
            if reached:
                self._file.seek(reached - n_skipped)
        except (soundfile.SoundFileError, ValueError):
            self._open(number)
            reached = 0
        self._left -= reached
        while reached < frame and len(block := self.read(min(frame - reached, _BLOCK))):
            reached += len(block)

    def _skip(self, frame: int) -> int:
        """Open an MP3 file without most of what comes before a frame; how many frames are left out."""
        found = without_the_way(self.path, frame)
        if found is None:
            return 0
        self._file.close()
        self._file = open_part(self.path, found[0])
        return found[1]

    def read(self, frames: int) -> np.ndarray:
        """The next frames, (n, channels) float32, n at most as asked; 0 at the end."""
        while self._left == 0 and self._number + 1 < len(self._parts):
            self._open(self._number + 1)
        block = self._file.read(min(frames, self._left), dtype="float32", always_2d=True)
        self._left -= len(block)
        return block

    def _open(self, number: int) -> None:
        self._file.close()
        self._number, self._file = number, open_part(self.path, self._parts[number])
        self._left = self._lengths[number]
