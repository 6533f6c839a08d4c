"""How much there is to embed, told from files' headers and the rule of windows: no clip is made for it, so that hours cost no memory.

Keys are made, some at a time, of two kinds of recordings only: of those that a store knows already, and of those of which several different
stretches are embedded, which may be the same audio. Clips are made of a few blocks, which a trial draws from.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from evaluator.audio.decode import AudioError, FileFacts
from evaluator.audio.stretch import content_of, stretch_keys
from evaluator.embedding.extraction import keyed
from evaluator.embedding.missing import LONGEST_SECONDS, Missing
from evaluator.embedding.store import Store
from evaluator.embedding.trial import N_BATCHES
from evaluator.experiment.blocks import Cut, Pieces, PlannedBlock, joined, planned_blocks
from evaluator.experiment.sources import Source

LISTED_KEYS = 1 << 15  # that a store is asked for at once
N_BLOCKS = N_BATCHES  # that are listed for a trial
FEW_SAMPLES = 2  # from one window to the next: fewer, and two may be the same audio


@dataclass
class Total:
    """Some clips: how many, their audio in seconds, and that of those of them that are too long for a trial."""

    n_clips: int = 0
    seconds: float = 0.0
    too_long_seconds: float = 0.0

    def add(self, seconds: float, n_clips: int = 1) -> None:
        """Count clips of so many seconds each."""
        self.n_clips += n_clips
        self.seconds += n_clips * seconds
        self.too_long_seconds += n_clips * seconds * (seconds > LONGEST_SECONDS)

    def take(self, other: "Total") -> None:
        """Count what another one counted, in clips and seconds."""
        self.n_clips += other.n_clips
        self.seconds += other.seconds
        self.too_long_seconds += other.too_long_seconds


@dataclass
class Outlines:
    """All blocks of several sources, and what each store lacks of them.

    Attributes:
        blocks: In the order of the sources, (n_blocks,).
        sums: Clips of each whose file can be read, and their seconds.
        first_of: The first clip, its source and its number in it, of each recording, by the SHA-256 of its file.
        compared: Those of which windows may be the same audio: other clips of it are other stretches, or windows begin at every sample.
        known: What each store lacks of each block, by the store's folder.
    """

    blocks: list[PlannedBlock] = field(default_factory=list)
    sums: list[Total] = field(default_factory=list)
    first_of: dict[str, tuple[Source, int]] = field(default_factory=dict)
    compared: set[str] = field(default_factory=set)
    known: dict[Path, list[Total]] = field(default_factory=dict)

    def take(self, block: PlannedBlock) -> None:
        """Count a block, of (n_clips,) clips."""
        total = Total()
        for pieces in block.every_pieces():
            total.take(_sum(block, pieces))
            clip = block.source.clips[pieces.number]
            facts = block.facts[clip.path]
            if isinstance(facts, FileFacts):
                source, number = self.first_of.setdefault(facts.sha256, (block.source, pieces.number))
                first, hop = source.clips[number], block.cut.hop
                if (first.start, first.end, source.rule) != (clip.start, clip.end, block.source.rule):
                    self.compared.add(facts.sha256)
                if hop is not None and hop * facts.sample_rate < FEW_SAMPLES:
                    self.compared.add(facts.sha256)
        self.blocks.append(block)
        self.sums.append(total)

    def missing_in(self, store: Store) -> list[Total]:
        """What a store lacks of each block, (n_blocks,); the same audio counts once, where it comes first."""
        if store.folder not in self.known:
            self.known[store.folder] = self._missing_in(store)
        return self.known[store.folder]

    def _missing_in(self, store: Store) -> list[Total]:
        stored = {content for key in store.every_key() if (content := content_of(key)) in self.first_of}
        sums = [Total() for _ in self.blocks]
        to_look_up: dict[str, list[tuple[int, Pieces]]] = {}
        for place, pieces, content in self._first_pieces(range(len(self.blocks))):
            if content in self.compared or content in stored:
                to_look_up.setdefault(content, []).append((place, pieces))
            else:
                sums[place].take(_sum(self.blocks[place], pieces))
        keys = self._distinct(to_look_up)
        while some := list(islice(keys, LISTED_KEYS)):
            store.want(key for _, key, _ in some)
            store.verify(key for _, key, _ in some)
            for place, key, seconds in some:
                if key not in store:
                    sums[place].add(seconds)
        return sums

    def new_keys(self, places: Sequence[int]) -> Iterator[str]:
        """Keys of the clips of some blocks, (n_places,), but for those whose audio comes before, in a block that is none of them."""
        to_compare: dict[str, list[tuple[int, Pieces]]] = {}
        for place, pieces, content in self._first_pieces(places):
            if content in self.compared:
                to_compare[content] = []
            else:
                yield from (key for key, _ in _listed(self.blocks[place], pieces))
        if to_compare:
            for place, pieces, content in self._first_pieces(range(max(places) + 1)):
                if content in to_compare:
                    to_compare[content].append((place, pieces))
        yield from (key for place, key, _ in self._distinct(to_compare) if place in places)

    def _first_pieces(self, places: Sequence[int]) -> Iterator[tuple[int, Pieces, str]]:
        """Block, pieces and recording of what can be read in some blocks, but for clips that are the same stretch as an earlier one."""
        for place in places:
            block = self.blocks[place]
            for pieces in block.every_pieces():
                facts = block.facts[block.source.clips[pieces.number].path]
                if isinstance(facts, FileFacts):
                    source, number = self.first_of[facts.sha256]
                    if facts.sha256 in self.compared or (source is block.source and number == pieces.number):
                        yield place, pieces, facts.sha256

    def _distinct(self, several: dict[str, list[tuple[int, Pieces]]]) -> Iterator[tuple[int, str, float]]:
        """Block, key and seconds of the clips of some recordings; those with the same key once, where it comes first."""
        for content, listed in several.items():
            seen: set[str] | None = set() if content in self.compared else None  # of one recording, never of all
            for place, pieces in listed:
                for key, seconds in _listed(self.blocks[place], pieces):
                    if seen is None or key not in seen:
                        yield place, key, seconds
                    if seen is not None:
                        seen.add(key)


@dataclass(frozen=True)
class Outline:
    """How much of one source is to be embedded; as `missing.Clips`, together with the other sources of the same command.

    Attributes:
        name: Of the source.
        n_clips: Clips, or windows of them.
        seconds: Of audio of those whose file can be read, as modules hear them.
        n_keyed: How many these are.
    """

    name: str
    n_clips: int
    seconds: float
    n_keyed: int
    _all: Outlines = field(repr=False)
    _places: Sequence[int] = field(repr=False)

    wanted = frozenset[str]()  # a store is asked for some at a time

    def missing(self, store: Store) -> Missing:
        """As `missing.Clips.missing`, of (n_clips,) clips; a few blocks are listed."""
        total, missing = Total(), self._all.missing_in(store)
        for place in self._places:
            total.take(missing[place])
        drawn = _drawn([place for place in self._places if missing[place].n_clips], missing)
        some = joined([self._all.blocks[place] for place in drawn or self._places[:1]])
        keys = keyed(some).keys
        store.want(keys.values())
        store.verify(keys.values())
        lacking = {key for key in self._all.new_keys(drawn) if key not in store}
        return Missing(total.n_clips, total.seconds, total.too_long_seconds, some, keys, lacking)


def outlines(sources: Sequence[Source], cut: Cut, cache: Path, rehash: bool) -> list[Outline]:
    """What of each source is to be embedded, (n_sources,), but for those without a clip; arguments as of `blocks.planned_blocks`."""
    together = Outlines()
    for block in planned_blocks(sources, cut, cache, rehash):
        together.take(block)
    made = []
    for _, group in groupby(range(len(together.blocks)), key=lambda place: id(together.blocks[place].source)):
        places, total = list(group), Total()
        for place in places:
            total.take(together.sums[place])
        n_clips = sum(together.blocks[place].n_clips for place in places)
        name = together.blocks[places[0]].source.name
        made.append(Outline(name, n_clips, total.seconds, total.n_clips, together, places))
    return made


def _sum(block: PlannedBlock, pieces: Pieces) -> Total:
    """Some pieces of a clip, if its file can be read, and their seconds, from one clip of each length."""
    clip, total = block.source.clips[pieces.number], Total()
    facts = block.facts[clip.path]
    if isinstance(facts, FileFacts):
        with contextlib.suppress(AudioError):  # as of `_listed`
            starts, stops = block.cut.frames(clip, facts, pieces.first, pieces.after)
            _, places, counts = np.unique(stops - starts, return_index=True, return_counts=True)
            for place, n in zip(places, counts.tolist(), strict=True):
                one = slice(place, place + 1)
                for _, seconds in stretch_keys(facts, clip.path, starts[one], stops[one], block.source.rule):
                    total.add(seconds, n)
    return total


def _listed(block: PlannedBlock, pieces: Pieces) -> Iterator[tuple[str, float]]:
    """Key and seconds of some pieces of a clip, if its file can be read."""
    clip = block.source.clips[pieces.number]
    facts = block.facts[clip.path]
    if isinstance(facts, FileFacts):
        with contextlib.suppress(AudioError):  # no such channel or stretch in the file: its clips have no key
            starts, stops = block.cut.frames(clip, facts, pieces.first, pieces.after)
            yield from stretch_keys(facts, clip.path, starts, stops, block.source.rule)


def _drawn(places: Sequence[int], missing: Sequence[Total]) -> list[int]:
    """All of some blocks, or `N_BLOCKS` of them, each for an equal share of the audio that can be tried; in order."""
    if len(places) <= N_BLOCKS:
        return list(places)
    short = np.array([missing[place].seconds - missing[place].too_long_seconds for place in places])
    weights = short if short.any() else np.array([missing[place].seconds for place in places])
    ends = np.cumsum(weights)
    middles = (np.arange(N_BLOCKS) + 0.5) / N_BLOCKS * ends[-1]
    return [places[number] for number in sorted(set(np.searchsorted(ends, middles).clip(max=len(places) - 1).tolist()))]
