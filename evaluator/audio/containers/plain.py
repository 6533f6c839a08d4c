"""Formats that are a header and then audio to the end: AU, NIST SPHERE, AVR; and MATLAB's files of 1 matrix for the audio."""

import re
import struct

from evaluator.audio.containers.extent import Promise, settle
from evaluator.audio.containers.layout import Encoding, Layout, linear, unknown
from evaluator.audio.containers.source import Source

_AU = {1: "ULAW", 2: "PCM_S8", 3: "PCM_16", 4: "PCM_24", 5: "PCM_32", 6: "FLOAT", 7: "DOUBLE", 27: "ALAW"}
_SPHERE_MOST = 1 << 16  # bytes of a header; those of corpora have 1024
_MAT4 = {0: 8, 10: 4, 20: 4, 30: 2, 40: 2, 50: 1}  # bytes of a value by MOPT, less M


def read_au(source: Source) -> Layout:
    """Where the audio of an AU file lies, in bytes, and its frames.

    Raises:
        AudioError: It is cut off.
    """
    order = ">" if source.at(0, 4) == b".snd" else "<"
    start, length, codec, rate, channels = source.unpack(f"{order}IIIII", 4)
    subtype = _AU.get(codec)
    if subtype is None or not channels:
        _, remark = settle(source, Promise(start, None if length == 0xFFFFFFFF else length))
        return unknown(source.size, remark)
    encoding = Encoding(subtype, channels, rate, "BIG" if order == ">" else "LITTLE")
    return _settled(source, encoding, start, None if length == 0xFFFFFFFF else length)


def read_sphere(source: Source) -> Layout:
    """Where the audio of a NIST SPHERE file lies, in bytes, and its frames.

    Raises:
        AudioError: It is cut off, or its header lacks what the format asks for.
    """
    try:
        start = int(source.at(8, 8))
        header = source.at(0, min(start, _SPHERE_MOST)).decode("latin-1")
    except ValueError:
        raise source.refusal("a SPHERE file whose header does not say how long it is") from None
    fields = {name: value.strip() for name, value in re.findall(r"^(\w+) -\w+ ([^\n]*)$", header, re.MULTILINE)}
    try:
        count, rate = int(fields["sample_count"]), int(fields["sample_rate"])
        channels, width = int(fields.get("channel_count", 1)), int(fields["sample_n_bytes"])
    except (KeyError, ValueError) as error:
        raise source.refusal(f"a SPHERE file whose header lacks a number: {error}") from None
    coding = fields.get("sample_coding", "pcm").split(",")
    subtypes = {"pcm": {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}, "ulaw": {1: "ULAW"}, "mu-law": {1: "ULAW"},
                "alaw": {1: "ALAW"}}  # fmt: skip
    subtype = subtypes.get(coding[0], {}).get(width)
    if subtype is None or len(coding) > 1 or channels < 1 or count < 0:
        raise source.refusal(
            f"a SPHERE file of {','.join(coding)} with {width} bytes a sample, {channels} channels and {count} samples, "
            "which cannot be decoded; convert it with sph2pipe"
        )
    endian = "BIG" if fields.get("sample_byte_format", "01") == "10" else "LITTLE"
    return _settled(source, Encoding(subtype, channels, rate, endian), start, count * width * channels, wraps=False)


def read_avr(source: Source) -> Layout:
    """Where the audio of an AVR file lies, in bytes; its header counts frames.

    Raises:
        AudioError: It is cut off.
    """
    stereo, bits, signed = source.unpack(">hhh", 12)
    rate, frames = source.unpack(">II", 22)
    channels = 2 if stereo else 1
    subtype = {(8, True): "PCM_S8", (8, False): "PCM_U8", (16, True): "PCM_16"}.get((bits, bool(signed)))
    if subtype is None:
        raise source.refusal(f"an AVR file with {bits} bits a sample, which cannot be decoded; convert it to WAV")
    encoding = Encoding(subtype, channels, rate & 0xFFFFFF, "BIG")
    return _settled(source, encoding, 128, frames * encoding.frame_bytes)


def read_mat5(source: Source) -> Layout:
    """Of a MATLAB 5 file: that its elements are all there; how many frames they are, libsndfile says.

    Raises:
        AudioError: It is cut off.
    """
    order = "<" if source.at(126, 2) == b"IM" else ">"
    position = 128
    while position + 8 <= source.size:
        kind, length = source.unpack(f"{order}II", position)
        if kind != 14 or length < 8:  # a matrix; nothing else stands at the top of libsndfile's
            raise source.refusal(f"a MATLAB file that holds more than matrices at byte {position}; convert it to WAV")
        end = _end_of_values(source, order, position + 8)
        if end > source.size:
            raise source.cut_off(end - source.size)
        position += 8 + length
    return unknown(source.size)


def _end_of_values(source: Source, order: str, position: int) -> int:
    """Where the values of a matrix end: its flags, size and name come first. libsndfile's outer sizes are 8 bytes off."""
    end = position
    for _ in range(4):
        kind, length = source.unpack(f"{order}II", position)
        small = kind >> 16  # a short one, whose size and values stand in its own head
        end = position + 8 + (0 if small else length)
        position = -(-end // 8) * 8
    return end


def read_mat4(source: Source) -> Layout:
    """Of a MATLAB 4 file: that its matrices are all there; how many frames they are, libsndfile says.

    Raises:
        AudioError: It is cut off.
    """
    order = ">" if source.at(0, 4) == struct.pack(">I", 1000) else "<"
    position = 0
    while position + 20 <= source.size:
        kind, rows, columns, imaginary, name = source.unpack(f"{order}IIIII", position)
        if kind % 1000 not in _MAT4 or imaginary or name > 256:
            raise source.refusal(
                f"a MATLAB file that holds more than real matrices at byte {position}; convert it to WAV"
            )
        position += 20 + name + rows * columns * _MAT4[kind % 1000]
    if position != source.size:  # it ends in the values of a matrix, or in the 20 bytes before them
        raise source.cut_off((position if position > source.size else position + 20) - source.size)
    return unknown(source.size)


def _settled(source: Source, encoding: Encoding, start: int, length: int | None, wraps: bool = True) -> Layout:
    promise = Promise(start, length, encoding.frame_bytes, encoding.frame_bytes * encoding.sample_rate, wraps)
    n_bytes, remark = settle(source, promise)
    return linear([(start, start + n_bytes)], encoding, remark)
