"""Sony Wave64: WAV with names of 16 bytes and sizes of 64 bits, which count the name and size themselves."""

from evaluator.audio.containers.extent import Promise, is_chunk, settle
from evaluator.audio.containers.layout import Layout, linear, unknown
from evaluator.audio.containers.riff import Format
from evaluator.audio.containers.source import Source

_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of the names of `fmt ` and `data`
_HEAD = 24  # bytes of a chunk's name and size


def read(source: Source) -> Layout:
    """Where the audio of a Wave64 file lies, in bytes, and its frames.

    Raises:
        AudioError: It is cut off, or has no audio.
    """
    format_, position = None, 40
    while position + _HEAD <= source.size:
        name, length = source.unpack("<16sQ", position)
        if name == b"fmt " + _TAIL:
            format_ = Format(source, position + _HEAD, length - _HEAD, "<")
        elif name == b"data" + _TAIL and format_:
            return _layout(source, format_, position + _HEAD, length - _HEAD if length else None)
        if length < _HEAD:
            raise source.refusal(
                f"its chunk at byte {position} has a size of {length} bytes, and none is below {_HEAD}"
            )
        position += -(-length // 8) * 8
    if position > source.size:
        raise source.cut_off(position - source.size)
    raise source.refusal(f"a Wave64 file of {source.size} bytes without audio (no fmt and data chunk)")


def _layout(source: Source, format_: Format, position: int, length: int | None) -> Layout:
    encoding = format_.encoding
    frame_bytes = encoding.frame_bytes if encoding else 1
    n_bytes, remark = settle(source, Promise(position, length, frame_bytes, format_.byte_rate, wraps=False), _leftover)
    if not encoding:
        return unknown(source.size, remark)
    return linear([(position, position + n_bytes)], encoding, remark)


def _leftover(source: Source, position: int) -> int:
    """Bytes behind the audio that are no chunks."""
    position = -(-position // 8) * 8
    while position + _HEAD <= source.size:
        name, length = source.unpack("<16sQ", position)
        if length < _HEAD or not is_chunk(source, name[:4], position + length):
            break
        position += -(-length // 8) * 8
    return max(0, source.size - position)
