"""The one answer to how long a recording is: its bytes say where its audio ends, and libsndfile has to agree.

Nothing is decoded for it. Where libsndfile takes a header's word for something else, it is given the audio without that header
(`recording.py`). What is read although the header is wrong carries a remark.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evaluator.audio.containers import caf, flac, iff, mpeg, ogg, plain, riff, voc, wave64
from evaluator.audio.containers.layout import Layout, Part
from evaluator.audio.containers.source import Source, opened
from evaluator.audio.containers.tags import after_id3
from evaluator.audio.errors import AudioError, named
from evaluator.audio.recording import Recording, open_part
from evaluator.files import Stamp

LOWEST_RATE, HIGHEST_RATE = 100, 10_000_000  # Hz: seismometers and hydrophones; ultrasound
_N_KEPT = 4096  # files whose measure is kept in a process
_READERS: tuple[tuple[int, tuple[bytes, ...], Callable[[Source], Layout]], ...] = (
    (8, (b"WAVE",), riff.read),
    (8, (b"AIFF", b"AIFC", b"8SVX", b"16SV"), iff.read),
    (0, (b"riff\x2e\x91\xcf\x11",), wave64.read),
    (0, (b"caff",), caf.read),
    (0, (b".snd", b"dns."), plain.read_au),
    (0, (b"NIST_1A\n",), plain.read_sphere),
    (0, (b"2BIT",), plain.read_avr),
    (0, (b"Creative Voice File\x1a",), voc.read),
    (0, (b"MATLAB 5.0 MAT-file",), plain.read_mat5),
    (0, (b"\x00\x00\x00\x00\x01\x00\x00\x00", b"\x00\x00\x03\xe8\x00\x00\x00\x01"), plain.read_mat4),
    (0, (b"OggS",), ogg.read),
)


@dataclass(frozen=True, slots=True)
class Measure:
    """How long a recording really is, and how it is to be read.

    frames, sample_rate, channels: Frames (samples of each channel), Hz, and how many channels.
    remark: What its header has wrong, "" for nothing.
    parts, part_frames: What libsndfile is given, and the frames of each; no parts for the file as it is.
    """

    frames: int
    sample_rate: int
    channels: int
    remark: str
    parts: tuple[Part, ...]
    part_frames: tuple[int, ...]


def measure(path: Path) -> Measure:
    """How many frames a file really has, and its rate in Hz; found out once for each file in a process.

    Raises:
        AudioError: The file is missing, empty, cut off, not audio of a kind whose length can be proved, or its header
            names a rate that no recording has.
    """
    if not path.is_file():
        raise AudioError(f"{path}: there is no such file")
    with named(path, "finding out how long it is"):
        return _measured(path, Stamp.of(path))


def open_recording(path: Path) -> Recording:
    """A file, to be decoded from any frame on to its true end.

    Raises:
        AudioError: As `measure`.
    """
    found = measure(path)
    with named(path, "opening it"):
        return Recording(path, found.parts, found.part_frames, found.sample_rate, found.channels)


@lru_cache(_N_KEPT)
def _measured(path: Path, stamp: Stamp) -> Measure:
    """`stamp` is what the file system said, so that a file that changed is measured anew."""
    if stamp.size == 0:
        raise AudioError(f"{path}: the file is empty (0 bytes)")
    with opened(path) as source:
        layout = _layout(source)
    for part in layout.parts:
        if part.encoding:
            _plausible(path, part.encoding.sample_rate, part.encoding.channels)
    return (_as_it_is(path, layout) if layout.as_it_is else None) or _in_parts(path, layout)


def _layout(source: Source) -> Layout:
    start = after_id3(source, 0)
    if source.at(start, 4) == b"fLaC":
        return flac.read(source, start)
    head = source.at(0, 32)
    for offset, names, read in _READERS:
        if head[offset:].startswith(names):
            return read(source)
    if start or (head[:1] == b"\xff" and head[1] & 0xE0 == 0xE0):
        return mpeg.read(source)
    with open_part(source.path, None) as file:
        kind = file.format
    raise source.refusal(f"a {kind} file, whose length its bytes do not prove; convert it to WAV or FLAC")


def _as_it_is(path: Path, layout: Layout) -> Measure | None:
    """What libsndfile says of the file itself; None if its bytes say otherwise and it can be given the audio alone."""
    (part,) = layout.parts
    can_alone = part.encoding is not None or any(isinstance(piece, bytes) for piece in part.pieces)
    try:
        with open_part(path, None) as file:
            frames, rate, channels = file.frames, file.samplerate, file.channels
    except AudioError:
        if can_alone:
            return None
        raise
    _plausible(path, rate, channels)
    one = part.encoding
    if part.fits(frames) and (one is None or (one.sample_rate, one.channels) == (rate, channels)):
        _possible(path, frames)
        return Measure(frames, rate, channels, layout.remark, (), (frames,))
    return None


def _in_parts(path: Path, layout: Layout) -> Measure:
    """What libsndfile says of the parts, which is what their bytes say."""
    lengths, kinds = [], set()
    for part in layout.parts:
        with open_part(path, part) as file:
            if not part.fits(file.frames):
                raise AudioError(
                    f"{path}: its bytes hold {part.frames} frames, but libsndfile finds {file.frames}; convert it to WAV or FLAC"
                )
            lengths.append(file.frames)
            kinds.add((file.samplerate, file.channels))
    if len(kinds) > 1:
        raise AudioError(
            f"{path}: recordings of different rates or channels are joined in it ("
            + ", ".join(f"{rate} Hz in {channels}" for rate, channels in sorted(kinds))
            + "); take them apart"
        )
    ((rate, channels),) = kinds
    _plausible(path, rate, channels)
    _possible(path, sum(lengths))
    return Measure(sum(lengths), rate, channels, layout.remark, layout.parts, tuple(lengths))


def _plausible(path: Path, rate: int, channels: int) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"{path}: its header says {rate} Hz; recordings have {LOWEST_RATE} to {HIGHEST_RATE} Hz; repair its header"
        )
    if channels < 1:
        raise AudioError(f"{path}: its header says {channels} channels; repair its header")


def _possible(path: Path, frames: int) -> None:
    """Whether so many frames can be at all: formats say 2 ** 59 and more where they do not know."""
    if frames >= 1 << 48:
        raise AudioError(
            f"{path}: its header does not say how long it is, and nothing else does; convert it to WAV or FLAC"
        )
