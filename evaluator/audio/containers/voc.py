"""Creative Voice: blocks of a type and a size of 24 bits; one whose type is 0 ends the file."""

from collections.abc import Iterator

from evaluator.audio.containers.layout import Encoding, Layout, linear
from evaluator.audio.containers.source import Source

_END, _SOUND, _MORE, _EXTENDED, _SOUND_NEW = 0, 1, 2, 8, 9
_SILENT = (4, 5)  # marks and texts
_CODECS = {0: "PCM_U8", 4: "PCM_16", 6: "ALAW", 7: "ULAW"}
_JUNK = 1 << 16  # bytes that may follow the end


def read(source: Source) -> Layout:
    """Where the audio of a VOC file lies, in bytes, and its frames.

    Raises:
        AudioError: It is cut off, has no audio, or parts of different rates.
    """
    stretches: list[tuple[int, int]] = []
    encodings: set[Encoding] = set()
    extended, stop = None, source.size  # libsndfile marks no end after A-law and mu-law
    for kind, start, stop in _blocks(source):
        if kind in (_SOUND, _SOUND_NEW):
            encoding, n_head = _old(source, start, extended) if kind == _SOUND else _new(source, start)
            encodings.add(encoding)
            stretches.append((start + n_head, stop))
        elif kind == _MORE and stretches:
            stretches.append((start, stop))
        elif kind == _EXTENDED:
            extended = source.unpack("<HBB", start)
        elif kind not in (_END, *_SILENT):
            raise source.refusal(f"a VOC file with a block of type {kind}, which cannot be decoded; convert it to WAV")
    rest = source.size - stop
    if rest > _JUNK:
        raise source.refusal(f"{rest} bytes follow the end of its audio: its sizes are wrong; convert it to WAV")
    if not encodings:
        raise source.refusal(f"a VOC file of {source.size} bytes without audio (no sound block)")
    if len(encodings) > 1:
        raise source.refusal("a VOC file of parts with different rates, channels or encodings; take them apart")
    return linear(stretches, encodings.pop(), f"{rest} bytes follow its end; they are ignored" if rest else "")


def _blocks(source: Source) -> Iterator[tuple[int, int, int]]:
    """Type of each block, where its content begins and where it ends, in bytes."""
    (position,) = source.unpack("<H", 20)
    while position < source.size:
        if source.at(position, 1) == b"\0":
            yield _END, position, position + 1
            return
        kind, low, high = source.unpack("<BHB", position)
        start = position + 4
        position = start + (low | high << 16)
        if position > source.size:
            raise source.cut_off(position - source.size)
        yield kind, start, position


def _old(source: Source, start: int, extended: tuple[int, int, int] | None) -> tuple[Encoding, int]:
    """Of a block of type 1, perhaps after one of type 8, and how many bytes its head has."""
    divisor, codec = source.unpack("<BB", start)
    if not extended:
        return _encoding(source, codec, 1, 1_000_000 // (256 - divisor)), 2
    channels = extended[2] + 1
    return _encoding(source, extended[1], channels, 256_000_000 // (channels * (65536 - extended[0]))), 2


def _new(source: Source, start: int) -> tuple[Encoding, int]:
    """Of a block of type 9, and how many bytes its head has."""
    rate, _bits, channels, codec = source.unpack("<IBBH", start)
    return _encoding(source, codec, channels, rate), 12


def _encoding(source: Source, codec: int, channels: int, rate: int) -> Encoding:
    if codec not in _CODECS or not channels:
        raise source.refusal(f"a VOC file with codec {codec} and {channels} channels; convert it to WAV")
    return Encoding(_CODECS[codec], channels, rate)
