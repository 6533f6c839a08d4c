"""Which of many clips sound alike, from their landmarks: in time and memory proportional to the clips.

Landmarks are held in flat arrays, and a bound on their number thins them for all clips alike. A landmark by itself is in hundreds of
100,000 clips, two of one and the same peak together are in few; of these (and of the landmarks) each clip keeps a sketch, those whose
hash is lowest (Broder 1997, "On the resemblance and containment of documents", SEQUENCES). Clips whose sketches meet several times
are compared by all of their landmarks.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluator.check.fingerprint import N_NUMBERS, mixed, sketch

MAX_IN_ALL = 20_000_000  # landmarks; beyond that, a part of them for all clips
_COMMON = 40  # what is in the sketches of more clips than this finds none, which would cost the square of their number
_COMMON_SHARE = 0.05  # a landmark of more of the clips than this (and of more than `_COMMON`) distinguishes nothing
_MIN_MET = 3  # in common between two sketches before their clips are compared
_MAX_COMPARED = 16  # partners of a clip
_BLOCK = 512  # clips that are looked up at once
_HASHED_BITS = 22
_MIN_SHARED = 12
_MIN_SHARE = 0.25  # of the landmarks of the clip that has fewer


@dataclass(frozen=True)
class Match:
    """Two clips (their indices) of one sound, and the share of the poorer one's landmarks that they have in common."""

    first: int
    second: int
    share: float


class Landmarks:
    """The landmarks of many clips, 6 bytes each, and their sketches, in the order in which the clips were added."""

    def __init__(self) -> None:
        self._numbers, self._frames = array("I"), array("H")
        self._sizes = array("I")
        self._sketches, self._sketch_sizes = array("I"), array("I")
        self._below = 1 << 32  # landmarks whose mixed number lies below are kept

    def add(self, marks: np.ndarray) -> None:
        """Add a clip's landmarks, (n_landmarks, 2) of number and frame, sorted, as `fingerprint.landmarks` gives them."""
        keys = sketch(marks)
        self._sketches.frombytes(keys.tobytes())
        self._sketch_sizes.append(len(keys))
        kept = marks[mixed(marks[:, 0]) < self._below]
        self._numbers.frombytes(kept[:, 0].astype(np.uint32).tobytes())
        self._frames.frombytes(kept[:, 1].astype(np.uint16).tobytes())
        self._sizes.append(len(kept))
        if len(self._numbers) > MAX_IN_ALL:
            self._thin()

    def _thin(self) -> None:
        self._below //= 2
        numbers, frames, offsets = self.columns()
        kept = mixed(numbers) < self._below
        sizes = np.diff(np.concatenate([[0], np.cumsum(kept)])[offsets])
        numbers, frames = numbers[kept], frames[kept]
        self._numbers, self._frames, self._sizes = array("I"), array("H"), array("I")
        self._numbers.frombytes(numbers.tobytes())
        self._frames.frombytes(frames.tobytes())
        self._sizes.frombytes(sizes.astype(np.uint32).tobytes())

    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers and frames, (n_landmarks,) each, sorted by number within a clip; where each clip begins, (n_clips + 1,).

        No clip can be added while the first two are in use.
        """
        offsets = np.concatenate([[0], np.cumsum(np.array(self._sizes, dtype=np.int64))]).astype(np.int64)
        return np.frombuffer(self._numbers, np.uint32), np.frombuffer(self._frames, np.uint16), offsets

    def sketches(self) -> tuple[np.ndarray, np.ndarray]:
        """What clips are looked up by: keys of uint32 and the clips that have them, (n_keys,) each, clip by clip."""
        clips = np.repeat(
            np.arange(len(self._sketch_sizes), dtype=np.uint32), np.array(self._sketch_sizes, dtype=np.int64)
        )
        return np.frombuffer(self._sketches, np.uint32), clips


def matches(landmarks: Landmarks, side: np.ndarray, apart: np.ndarray) -> Iterator[Match]:
    """Pairs of clips that sound like one, (n_matches,), clip by clip.

    Args:
        landmarks: Of all clips.
        side: On which side of the folds each clip stands, (n_clips,), from 0.
        apart: Whether a clip of one side trains where one of the other is tested, (n_sides, n_sides); other pairs are not
            looked at.
    """
    numbers, frames, offsets = landmarks.columns()
    if not len(numbers):
        return
    in_clips = _clips_with(numbers, offsets)
    usual = in_clips <= max(_COMMON, _COMMON_SHARE * (len(offsets) - 1))
    for first, second in _candidates(*landmarks.sketches(), side, apart):
        one, other = slice(*offsets[first : first + 2]), slice(*offsets[second : second + 2])
        shared = _shared((numbers[one], frames[one]), (numbers[other], frames[other]), usual)
        poorer = min(one.stop - one.start, other.stop - other.start)
        if shared >= max(_MIN_SHARED, _MIN_SHARE * poorer):
            yield Match(first, second, min(1.0, shared / poorer))


def _clips_with(numbers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """In how many clips each number occurs, (N_NUMBERS,)."""
    first = np.ones(len(numbers), bool)  # of its number in its clip
    first[1:] = numbers[1:] != numbers[:-1]
    first[offsets[:-1][np.diff(offsets) > 0]] = True
    return np.bincount(numbers[first], minlength=N_NUMBERS)


def _candidates(keys: np.ndarray, clips: np.ndarray, side: np.ndarray, apart: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of clips, the lower index first, that stand apart and whose sketches have some keys in common."""
    keys, clips = _findable(keys, clips)
    order = np.argsort(keys, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    key, clip = keys[order], clips[order].astype(np.int64)
    for start in range(0, len(side), _BLOCK):
        inside = slice(*np.searchsorted(clips, [start, start + _BLOCK]))
        met = []
        at, step = place[inside], 1
        while len(at):  # at most `_COMMON` times, since no key is of more clips
            at = at[at + step < len(key)]
            at = at[key[at + step] == key[at]]
            first, second = clip[at], clip[at + step]
            kept = apart[side[first], side[second]]
            met.append(first[kept] * len(side) + second[kept])
            step += 1
        yield from _often_met(np.concatenate([np.zeros(0, np.int64), *met]), len(side))


def _findable(keys: np.ndarray, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The keys that find something, and not too much: those of two clips to `_COMMON`."""
    in_order = np.sort(keys)
    first, after = (np.searchsorted(in_order, keys, end) for end in ("left", "right"))
    kept = (after - first > 1) & (after - first <= _COMMON)
    return keys[kept], clips[kept]


def _often_met(keys: np.ndarray, n_clips: int) -> Iterator[tuple[int, int]]:
    """The pairs, first * n_clips + second, that occur most often in `keys`, (n_met,)."""
    hashed = (keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _HASHED_BITS)
    counts = np.bincount(hashed.astype(np.int64), minlength=1 << _HASHED_BITS)
    # Most pairs meet once or twice: without those, what has to be sorted is little.
    pairs, met = np.unique(keys[counts[hashed.astype(np.int64)] >= _MIN_MET], return_counts=True)
    pairs, met = pairs[met >= _MIN_MET], met[met >= _MIN_MET]
    first, second = pairs // n_clips, pairs % n_clips
    order = np.lexsort((second, -met, first))
    first, second = first[order], second[order]
    kept = np.arange(len(first)) - np.searchsorted(first, first) < _MAX_COMPARED
    yield from zip(first[kept].tolist(), second[kept].tolist(), strict=True)


def _shared(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], usual: np.ndarray) -> int:
    """How many landmarks two clips share at the delay at which they share most; numbers and frames of each."""
    kept = usual[one[0]]
    numbers, frames = one[0][kept], one[1][kept].astype(np.int64)
    left, right = (np.searchsorted(other[0], numbers, end) for end in ("left", "right"))
    n_each = right - left
    if n_each.sum() < _MIN_SHARED:
        return 0
    steps = np.arange(n_each.sum()) - np.repeat(np.cumsum(n_each) - n_each, n_each)
    delay = other[1][np.repeat(left, n_each) + steps] - np.repeat(frames, n_each)
    most = 0
    for shift in (0, 2):  # delays in bins of four frames, of two grids, so that no peak is cut in halves
        binned = (delay + shift) // 4
        most = max(most, int(np.bincount(binned - binned.min()).max()))
    return most
