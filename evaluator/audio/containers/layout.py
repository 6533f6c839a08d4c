"""What a walk through a file finds: where its audio lies, how long it is, and what its header has wrong."""

from dataclasses import dataclass

_WIDTHS = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1}  # fmt: skip

Piece = bytes | tuple[int, int]
"""Bytes that stand in for what the file has, or a stretch of the file: first byte, and the one after its last."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Samples that follow each other without compression: subtype and byte order as libsndfile names them, rate in Hz."""

    subtype: str
    channels: int
    sample_rate: int
    endian: str = "LITTLE"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame: a sample of each channel."""
        return _WIDTHS[self.subtype] * self.channels


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of audio that libsndfile decodes in one go.

    pieces: What it is given, one after the other.
    frames: How many there are; None if that is what libsndfile says.
    fewest: Below `frames`, how few libsndfile may say (MP3 drops what its encoder added).
    encoding: Of pieces that have no header.
    """

    pieces: tuple[Piece, ...]
    frames: int | None = None
    fewest: int | None = None
    encoding: Encoding | None = None

    def fits(self, frames: int) -> bool:
        """Whether a number of frames is one that the bytes allow."""
        if self.frames is None:
            return True
        return (self.frames if self.fewest is None else self.fewest) <= frames <= self.frames


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a file in their order, and a sentence on what its header has wrong, "" for nothing.

    parts: In the file's order, (n_parts,); their frames follow each other as one recording.
    as_it_is: Whether libsndfile may be handed the file itself, if what it says then fits the one part.
    expansion: How many times slower than life it plays, where it says so; else 1.
    """

    parts: tuple[Part, ...]
    remark: str = ""
    as_it_is: bool = True
    expansion: float = 1.0


def linear(stretches: list[tuple[int, int]], encoding: Encoding, remark: str = "") -> Layout:
    """The layout of uncompressed stretches of a file, each with as many frames as are whole in it.

    Args:
        stretches: First byte and the one behind the last of each, (n_parts, 2).
        encoding: Of all of them.
        remark: As that of a `Layout`.
    """
    parts = tuple(
        Part((stretch,), (stretch[1] - stretch[0]) // encoding.frame_bytes, encoding=encoding) for stretch in stretches
    )
    return Layout(parts, remark, as_it_is=len(parts) == 1)


def unknown(source_size: int, remark: str = "", frames: int | None = None) -> Layout:
    """The layout of a file, of so many bytes, that only libsndfile can read; with its frames if they are known."""
    return Layout((Part(((0, source_size),), frames),), remark)
