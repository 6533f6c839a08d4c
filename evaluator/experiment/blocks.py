"""Clips of sources in blocks of bounded size, whole or cut into windows, so that hours of audio cost no memory.

A block depends on what is embedded alone, never on what a store holds: so do its batches, and a job that goes on after it was
killed gives the same bytes.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evaluator.audio.clip import Clip, samples_at
from evaluator.audio.clip_rule import AS_IT_IS
from evaluator.audio.decode import AudioError, FileFacts, clip_seconds, file_facts
from evaluator.audio.stretch import frame_span
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading import windows
from evaluator.datasets.recordings import Recordings
from evaluator.errors import UsageError
from evaluator.experiment.sources import Source

MOST_CLIPS = 4096  # of a block
MOST_SECONDS = 36_000.0  # of audio in it, but for a clip that is longer
LOOKED_AT_FILES, LOOKED_AT_BYTES = (
    256,
    2 << 30,
)  # that are hashed before the next are, so that a killed job keeps what it knew
SHORTEST_WINDOW = 0.001
COUNTED_BELOW = 0.1  # seconds from one window to the next: a slip of the unit, or frames that are meant
MOST_WINDOWS = 1_000_000  # of so short a hop


@dataclass(frozen=True)
class Cut:
    """How clips are cut.

    Attributes:
        window: Length of windows in seconds of the recording; None for whole clips.
        hop: Seconds from the start of one to the next.
    """

    window: float | None = None
    hop: float | None = None

    def n_pieces(self, clip: Clip, facts: FileFacts | AudioError) -> int:
        """How many windows lie in a clip; 1 where it is taken as it is, since it is shorter or cannot be read."""
        return max(1, self._n_windows(clip, facts))

    def pieces(
        self, clip: Clip, facts: FileFacts | AudioError, first: int = 0, after: int | None = None
    ) -> Iterator[Clip]:
        """The windows that lie in a clip, or the clip itself where it is shorter or cannot be read; of all, or by their numbers."""
        n = self._n_windows(clip, facts)
        if self.window is None or not n:
            yield clip
            return
        for number in range(first, n if after is None else after):
            start = windows.start_of(number, clip.start or 0.0, self.hop or self.window)
            yield replace(clip, start=start, end=windows.end_of(start, self.window))

    def frames(self, clip: Clip, facts: FileFacts, first: int, after: int) -> tuple[np.ndarray, np.ndarray]:
        """First frame of some pieces by their numbers, and the one after their last, (after - first,) int64 each.

        Raises:
            AudioError: A clip that is taken as it is does not lie in its file.
        """
        if self.window is None or not self._n_windows(clip, facts):
            start, stop = frame_span(facts.frames, facts.sample_rate, clip)
            return np.array([start]), np.array([stop])
        begin, hop = clip.start or 0.0, self.hop or self.window
        times = windows.spans(begin, hop, self.window, first, after)
        starts, stops = (samples_at(each, facts.sample_rate) for each in times)
        return starts, np.maximum(starts, np.minimum(facts.frames, stops))

    def seconds(self, clip: Clip, facts: FileFacts | AudioError, first: int, after: int) -> np.ndarray:
        """Lengths of some pieces by their numbers, (after - first,), in seconds of the recording; 0 where there is none."""
        if isinstance(facts, FileFacts):
            with contextlib.suppress(AudioError):
                starts, stops = self.frames(clip, facts, first, after)
                return (stops - starts) / facts.sample_rate
        return np.zeros(after - first)

    def _n_windows(self, clip: Clip, facts: FileFacts | AudioError) -> int:
        if self.window is None or not isinstance(facts, FileFacts):
            return 0
        begin = clip.start or 0.0
        end = begin + _seconds_of(clip, facts)  # of one that cannot be had 0 s, so that it fails with its reason
        return windows.count(end - begin, self.window, self.hop or self.window)


def cut_of(window: float | None, hop: float | None) -> Cut:
    """How clips are cut, checked; lengths in seconds.

    Raises:
        UsageError: A length is too short, or there is a hop without windows.
    """
    for name, value in (("window", window), ("hop", hop)):
        if value is not None and not SHORTEST_WINDOW <= value < float("inf"):
            raise UsageError(f"--{name} {value:g}: give seconds, from {SHORTEST_WINDOW:g} on")
    if hop is not None and window is None:
        raise UsageError(f"--hop {hop:g}: is between windows; say how long these are with --window SECONDS")
    return Cut(window, window if hop is None else hop)


def refuse_too_many(cut: Cut, lengths: Iterable[float]) -> None:
    """Refuse, before anything is embedded, more windows of a short hop than anybody means.

    Args:
        cut: How clips are cut.
        lengths: Of the clips, (n_clips,), in seconds.

    Raises:
        UsageError: There are more than `MOST_WINDOWS`.
    """
    if cut.window is None or cut.hop is None or cut.hop >= COUNTED_BELOW:
        return
    if sum(max(0.0, length - cut.window) / cut.hop + 1 for length in lengths) > MOST_WINDOWS:
        raise UsageError(
            f"--window {cut.window:g} every {cut.hop:g} s: gives more than {MOST_WINDOWS:,} windows; take longer ones, or a --hop from "
            f"{COUNTED_BELOW:g} s on, or --frames for every frame of the module"
        )


@dataclass(frozen=True)
class Block:
    """Some clips of a source.

    Attributes:
        source: Whose.
        recordings: The clips, (n_clips,), and what their files hold.
        origins: The clip of the source that each is, or is cut from, (n_clips,).
    """

    source: Source
    recordings: Recordings
    origins: tuple[int, ...]

    def shown(self, number: int) -> str:
        """What the output calls the recording of a clip."""
        path = self.recordings.clips[number].path
        return self.source.shown.get(path, path)

    def span(self, number: int) -> tuple[float, float]:
        """Start and end of what is heard of a clip whose file can be read, in seconds of its recording."""
        return self.recordings.span(self.recordings.clips[number])


@dataclass(frozen=True)
class Pieces:
    """Some pieces of one clip of a source: its number, their first, and the one after their last."""

    number: int
    first: int
    after: int


@dataclass(frozen=True)
class PlannedBlock:
    """A block before its clips are made: as many of them as there may be, it takes the memory of its files' facts.

    Attributes:
        source, cut: Whose clips, and how they are cut.
        facts: What its files hold.
        begin: Number of its first clip in the source, and of the first piece of that.
        end: Number of its last clip, and the piece after the last of that.
        n_clips: Clips, or windows of them, that it has.
    """

    source: Source
    cut: Cut
    facts: Mapping[str, FileFacts | AudioError]
    begin: tuple[int, int]
    end: tuple[int, int]
    n_clips: int

    def every_pieces(self) -> Iterator[Pieces]:
        """For each of its clips, the pieces of that which it has."""
        for number in range(self.begin[0], self.end[0] + 1):
            clip = self.source.clips[number]
            first = self.begin[1] if number == self.begin[0] else 0
            after = self.end[1] if number == self.end[0] else self.cut.n_pieces(clip, self.facts[clip.path])
            yield Pieces(number, first, after)

    def clips_of(self, pieces: Pieces) -> Iterator[Clip]:
        """Some pieces of one clip."""
        clip = self.source.clips[pieces.number]
        return self.cut.pieces(clip, self.facts[clip.path], pieces.first, pieces.after)

    def block(self) -> Block:
        """The block, with (n_clips,) clips."""
        made = [(pieces.number, clip) for pieces in self.every_pieces() for clip in self.clips_of(pieces)]
        return _block(self.source, [clip for _, clip in made], self.facts, [number for number, _ in made])


def blocks_of(sources: Sequence[Source], cut: Cut, cache: Path, rehash: bool) -> Iterator[Block]:
    """All clips of sources in their order, block by block; arguments as of `planned_blocks`, (n_windows,) of each clip."""
    return (block.block() for block in planned_blocks(sources, cut, cache, rehash))


def planned_blocks(sources: Sequence[Source], cut: Cut, cache: Path, rehash: bool) -> Iterator[PlannedBlock]:
    """The blocks of all clips of sources in their order, before clips are made.

    Args:
        sources: What is embedded.
        cut: Whether windows are cut, (n_windows,) of each clip.
        cache: Folder in which facts of files are remembered.
        rehash: Whether every file is read anew, whatever is remembered of it.
    """
    for source in sources:
        begin, n, seconds = (0, 0), 0, 0.0  # of what the next block has so far
        facts: dict[str, FileFacts | AudioError] = {}
        pieces = Pieces(0, 0, 0)
        for numbers, found in _looked_at(source, cache, rehash):
            for number in numbers:
                path = source.clips[number].path
                for pieces, sum_of_seconds in _filling(cut, source.clips[number], found[path], number, n, seconds):
                    seconds = sum_of_seconds
                    if not n:
                        begin = pieces.number, pieces.first
                    facts[path] = found[path]
                    n += pieces.after - pieces.first
                    if n >= MOST_CLIPS or seconds >= MOST_SECONDS:
                        yield PlannedBlock(source, cut, facts, begin, (pieces.number, pieces.after), n)
                        facts, n, seconds = {}, 0, 0.0
        if n:
            yield PlannedBlock(source, cut, facts, begin, (pieces.number, pieces.after), n)


def _filling(
    cut: Cut, clip: Clip, facts: FileFacts | AudioError, number: int, n_before: int, seconds: float
) -> Iterator[tuple[Pieces, float]]:
    """The pieces of a clip, as many at a time as fit into the block, and the seconds of audio that it has then.

    `n_before` and `seconds` are those of the block that the first of them go into; each that follows begins one.
    """
    first, n_pieces = 0, cut.n_pieces(clip, facts)
    while first < n_pieces:
        after = min(n_pieces, first + MOST_CLIPS - n_before)
        sums = np.cumsum(np.concatenate([[seconds], cut.seconds(clip, facts, first, after)]))[1:]  # added up one by one
        taken = min(len(sums), int(np.searchsorted(sums, MOST_SECONDS)) + 1)
        yield Pieces(number, first, first + taken), float(sums[taken - 1])
        first += taken
        n_before, seconds = 0, 0.0


def joined(blocks: Sequence[PlannedBlock]) -> Recordings:
    """All (n_clips,) clips of some blocks of one source, listed as one."""
    source = blocks[0].source
    clips = tuple(clip for block in blocks for pieces in block.every_pieces() for clip in block.clips_of(pieces))
    facts = {path: found for block in blocks for path, found in block.facts.items()}
    return Recordings(source.name, Manifest(source.root, clips, ()), source.rule, facts)


def _block(
    source: Source, clips: Sequence[Clip], facts: Mapping[str, FileFacts | AudioError], origins: Sequence[int]
) -> Block:
    first, last = origins[0] + 1, origins[-1] + 1
    whole = first == 1 and last == len(source.clips)
    name = source.name if whole else f"{source.name}, {first} to {last} of {len(source.clips)}"
    recordings = Recordings(name, Manifest(source.root, tuple(clips), ()), source.rule, dict(facts))
    return Block(source, recordings, tuple(origins))


def _looked_at(
    source: Source, cache: Path, rehash: bool
) -> Iterator[tuple[list[int], Mapping[str, FileFacts | AudioError]]]:
    """Numbers of clips with what their files hold, some files at a time."""
    numbers: list[int] = []
    sizes: dict[str, int] = {}
    for number, clip in enumerate(source.clips):
        if clip.path not in sizes:
            if len(sizes) >= LOOKED_AT_FILES or sum(sizes.values()) >= LOOKED_AT_BYTES:
                yield numbers, file_facts(source.root, list(sizes), cache, rehash)
                numbers, sizes = [], {}
            sizes[clip.path] = _size_of(source.root / clip.path)
        numbers.append(number)
    yield numbers, file_facts(source.root, list(sizes), cache, rehash)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # which the facts tell


def _seconds_of(clip: Clip, facts: FileFacts | AudioError) -> float:
    """Length of a clip in seconds; 0 where it is not to be had."""
    try:
        return clip_seconds(facts, clip, AS_IT_IS) if isinstance(facts, FileFacts) else 0.0
    except AudioError:
        return 0.0
