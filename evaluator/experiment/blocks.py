"""Clips of sources in blocks of bounded size, whole or cut into windows, so that hours of audio cost no memory.

A block depends on what is embedded alone, never on what a store holds: so do its batches, and a job that goes on after it was
killed gives the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import AS_IT_IS
from evaluator.audio.decode import AudioError, FileFacts, clip_seconds, file_facts
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

    def pieces(self, clip: Clip, facts: FileFacts | AudioError) -> Iterator[Clip]:
        """The windows that lie in a clip, or the clip itself where it is shorter or cannot be read."""
        if self.window is not None and isinstance(facts, FileFacts):
            try:
                seconds = clip_seconds(facts, clip, AS_IT_IS)
            except AudioError:
                seconds = 0.0  # it fails with its reason
            begin, fitting = clip.start or 0.0, False
            for start in windows.starts(begin, begin + seconds, self.window, self.hop or self.window):
                fitting = True
                yield replace(clip, start=start, end=windows.end_of(start, self.window))
            if fitting:
                return
        yield clip


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


def blocks_of(sources: Sequence[Source], cut: Cut, cache: Path, rehash: bool) -> Iterator[Block]:
    """All clips of sources in their order, block by block.

    Args:
        sources: What is embedded.
        cut: Whether windows are cut, (n_windows,) of each clip.
        cache: Folder in which facts of files are remembered.
        rehash: Whether every file is read anew, whatever is remembered of it.
    """
    for source in sources:
        clips: list[Clip] = []
        origins: list[int] = []
        facts: dict[str, FileFacts | AudioError] = {}
        seconds = 0.0
        for numbers, found in _looked_at(source, cache, rehash):
            for number in numbers:
                path = source.clips[number].path
                for clip in cut.pieces(source.clips[number], found[path]):
                    clips.append(clip)
                    origins.append(number)
                    facts[path] = found[path]
                    seconds += _seconds_of(clip, found[path])
                    if len(clips) >= MOST_CLIPS or seconds >= MOST_SECONDS:
                        yield _block(source, clips, facts, origins)
                        clips, origins, facts, seconds = [], [], {}, 0.0
        if clips:
            yield _block(source, clips, facts, origins)


def by_source(blocks: Iterable[Block]) -> list[Recordings]:
    """The blocks of each source as one, of all its (n_clips,) clips: for a plan, which is about all of them."""
    return [_joined(list(each)) for _, each in groupby(blocks, key=lambda block: id(block.source))]


def _joined(blocks: Sequence[Block]) -> Recordings:
    source = blocks[0].source
    clips = tuple(clip for block in blocks for clip in block.recordings.clips)
    facts = {path: found for block in blocks for path, found in block.recordings.facts.items()}
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
