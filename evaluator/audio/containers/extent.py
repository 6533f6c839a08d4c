"""How much of a file is audio: what its header promises held against what is there, by one rule for all containers."""

from collections.abc import Callable
from dataclasses import dataclass

from evaluator.audio.containers.source import Source

_GIB4 = 1 << 32
# What programs write that do not know the length yet: FFmpeg 0xFFFFFFFF, SoX 0x7FFFF000, GStreamer 0x7FFF0000, arecord
# 0x80000000, each perhaps less a header; kyutai-labs/pocket-tts#229 2,000,000,000.
_NEAR = 1 << 16
_HEADER = 128  # bytes; no header of these is longer. Sizes that count it too: ecoacoustics/known-problems FL005
_SHORT_SECONDS = 0.01  # a header that is wrong by more is no slip of its writer
_JUNK = 1 << 16  # bytes behind the audio that may be ignored: a sector or cluster of a card


@dataclass(frozen=True, slots=True)
class Promise:
    """What a header says of its audio.

    start: Where it begins, in bytes from the start of the file.
    length: In bytes; None where the header says that it does not know.
    frame_bytes: Of one frame; 1 where frames are compressed.
    byte_rate: Bytes a second; 0 if not known.
    wraps: Whether the length has 32 bits, so that a longer file's wraps round.
    """

    start: int
    length: int | None
    frame_bytes: int = 1
    byte_rate: float = 0.0
    wraps: bool = True


_BEGINNINGS = (b"data", b"SSND", b"RIFF", b"RF64", b"RIFX", b"FORM", b"caff", b".snd", b"riff", b"OggS", b"fLaC")


CHUNKS_MOST = 10_000  # before the audio; a file of zeros would have as many as its bytes allow


def is_chunk(source: Source, name: bytes, stop: int) -> bool:
    """Whether a name, and the byte at which its chunk ends, are those of one, and not of another file behind the first."""
    return name[:4] not in _BEGINNINGS and all(0x20 <= letter < 0x7F for letter in name) and stop <= source.size


def behind(source: Source, position: int) -> int:
    """Bytes behind the audio, in a container that has nothing there."""
    return max(0, source.size - position)


def settle(source: Source, promise: Promise, leftover: Callable[[Source, int], int] = behind) -> tuple[int, str]:
    """Bytes of audio in whole frames, and a sentence if the header does not say so.

    Args:
        source: The file.
        promise: What its header says.
        leftover: From where the audio ends: how many bytes at the end of the file belong to nothing that is known.

    Raises:
        AudioError: Bytes are missing, or there are more than the header speaks of and it cannot be told what they are.
    """
    there = max(0, source.size - promise.start)
    n_bytes, remark = _settled(source, promise, there, leftover)
    return n_bytes - n_bytes % promise.frame_bytes, remark


def _settled(source: Source, promise: Promise, there: int, leftover: Callable[[Source, int], int]) -> tuple[int, str]:
    if promise.length is None:
        return there, "its header leaves the length open; it is read to the end of the file"
    missing = promise.length - there
    if missing > 0:
        if _placeholder(promise.length):
            return (
                there,
                f"its header has the placeholder {promise.length} for its size; it is read to the end of the file",
            )
        if missing <= _HEADER and missing <= _SHORT_SECONDS * promise.byte_rate and there:
            return there, f"its header counts {missing} bytes more than there are; it is read to the end of the file"
        seconds = [n_bytes / promise.byte_rate for n_bytes in (there, promise.length)] if promise.byte_rate else []
        raise source.cut_off(missing, " of ".join(f"{each:.2f} s" for each in seconds))
    rest = leftover(source, promise.start + promise.length)
    if rest < promise.frame_bytes or rest <= 1:
        return promise.length, ""
    return _with_rest(source, promise, there, rest)


def _placeholder(length: int) -> bool:
    """Whether a length that is more than there is was never meant as one."""
    return (
        min(abs(length - _GIB4 // 2), abs(length - _GIB4)) <= _NEAR
        or 0 <= 2_000_000_000 - length <= _HEADER
        or length >= 1 << 62
    )


def _with_rest(source: Source, promise: Promise, there: int, rest: int) -> tuple[int, str]:
    """The same for a file with bytes that belong to nothing: the audio's, if its size is no size; else not."""
    length = promise.length or 0
    first = source.size - rest
    if length <= _HEADER and rest > length:
        return (
            there,
            f"its header says {length} bytes of audio, as if never finished; it is read to the end of the file",
        )
    rounds = (there - length) // _GIB4
    if promise.wraps and rounds:
        return length + rounds * _GIB4, f"its size is beyond 4 GiB and wrapped round to {length}; it is read whole"
    if source.only_zeros(first):
        return length, f"{rest} zero bytes follow its audio; they are ignored"
    if source.at(first, 4) in _BEGINNINGS:
        raise source.refusal(
            "several stretches of audio are joined in one file; take them apart, since only the first has its place"
        )
    if rest <= min(_JUNK, length):
        return length, f"{rest} bytes follow its audio and belong to nothing that is known; they are ignored"
    raise source.refusal(
        f"its header says {length} bytes of audio, but {rest} more follow that belong to nothing that is known; "
        "repair its header, or cut off what is no audio"
    )
