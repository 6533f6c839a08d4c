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
from evaluator.audio.limits import refuse_format
from evaluator.audio.recording import Recording, open_part
from evaluator.files import Stamp

_N_KEPT = 4096  # files whose measure is kept in a process
_LONG = 1 << 24  # bytes from which on an earlier length is worth remembering
_trusted: dict[Path, tuple[Stamp, int]] = {}  # stamps and frames
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
    expansion: How many times slower than life it plays, where it says so (GUANO); else 1.
    """

    frames: int
    sample_rate: int
    channels: int
    remark: str
    parts: tuple[Part, ...]
    part_frames: tuple[int, ...]
    expansion: float = 1.0


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
        return Recording(path, found.parts, found.part_frames, found.sample_rate, found.channels, found.expansion)


def trust(path: Path, stamp: Stamp, frames: int) -> None:
    """Take a length in frames that `measure` found in an earlier run, for as long as the file is the one of the stamp.

    It spares a walk through the whole of a long FLAC, Ogg or MP3; where its header says something else, that is walked again.
    """
    if stamp.size >= _LONG:
        _trusted[path] = (stamp, frames)


@lru_cache(_N_KEPT)
def _measured(path: Path, stamp: Stamp) -> Measure:
    """`stamp` is what the file system said, so that a file that changed is measured anew."""
    if stamp.size == 0:
        raise AudioError(f"{path}: the file is empty (0 bytes)")
    if _trusted.get(path, (None, 0))[0] == stamp:
        whole = Part(((0, stamp.size),), _trusted[path][1])
        if found := _as_it_is(path, Layout((whole,))):
            return found
    with opened(path) as source:
        layout = _layout(source)
    for part in layout.parts:
        if part.encoding:
            refuse_format(path, part.encoding.sample_rate, part.encoding.channels)
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
    try:
        with open_part(path, None) as file:
            frames, rate, channels = file.frames, file.samplerate, file.channels
    except AudioError:
        if part.encoding is None and part.pieces == ((0, path.stat().st_size),):
            raise
        return None  # the audio alone may do
    refuse_format(path, rate, channels)
    one = part.encoding
    if part.fits(frames) and (one is None or (one.sample_rate, one.channels) == (rate, channels)):
        refuse_format(path, rate, channels, frames)
        return Measure(frames, rate, channels, layout.remark, (), (frames,), layout.expansion)
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
    refuse_format(path, rate, channels, sum(lengths))
    return Measure(sum(lengths), rate, channels, layout.remark, layout.parts, tuple(lengths), layout.expansion)
