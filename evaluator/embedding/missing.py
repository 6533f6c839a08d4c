"""What a store lacks of clips that are to be embedded, before they are: how much, and some of them, which a trial is made with."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from evaluator.datasets.recordings import Recordings
from evaluator.embedding.extraction import keyed, seconds_of
from evaluator.embedding.store import Store

LONGEST_SECONDS = 600.0  # of audio in a batch that is tried, but where every one is longer


@dataclass(frozen=True)
class Missing:
    """What a store lacks of clips, and those of them that a trial draws from.

    n_clips, seconds: That it lacks, the same audio counted once, and how much audio they are.
    too_long_seconds: Of it, in clips of more than `LONGEST_SECONDS`.
    some: Clips, (n_some,), that stand for all: the same, where there are few.
    keys: Of those of them whose file can be read, by number.
    missing_keys: The keys among these that the store lacks.
    """

    n_clips: int
    seconds: float
    too_long_seconds: float
    some: Recordings
    keys: Mapping[int, str]
    missing_keys: Container[str]


class Clips(Protocol):
    """Clips that are to be embedded, whether or not they are listed, (n_keyed,) of them in files that can be read."""

    @property
    def n_keyed(self) -> int:
        """Clips whose file can be read."""

    @property
    def wanted(self) -> Container[str]:
        """Keys that a store has to know before it is asked."""

    def missing(self, store: Store) -> Missing:
        """What a store lacks of them; what others that are counted with these lack as well counts once."""


@dataclass
class ListedClips:
    """Clips that are all listed, (n_clips,), as those of a task are.

    counted: Of each store the keys of clips that are counted already; those of these clips are added.
    """

    recordings: Recordings
    counted: dict[Path, set[str]]

    @cached_property
    def keys(self) -> dict[int, str]:
        """Of each clip whose file can be read, by number."""
        return keyed(self.recordings).keys

    @property
    def n_keyed(self) -> int:
        """Clips whose file can be read."""
        return len(self.keys)

    @cached_property
    def wanted(self) -> Container[str]:
        """The keys of all, (n_keyed,)."""
        return set(self.keys.values())

    def missing(self, store: Store) -> Missing:
        """As `Clips.missing`, of (n_clips,) clips."""
        store.verify(self.keys.values())
        counted = self.counted.setdefault(store.folder, set())
        lacking = {
            key: seconds_of(self.recordings, number)
            for number, key in self.keys.items()
            if key not in store and key not in counted
        }
        counted.update(lacking)
        seconds = list(lacking.values())
        too_long = sum(each for each in seconds if each > LONGEST_SECONDS)
        return Missing(len(lacking), sum(seconds), too_long, self.recordings, self.keys, lacking)
