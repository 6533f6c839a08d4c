"""Clips with audio in common: stretches of one recording that overlap in time, and copies of its file under other names."""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import TypeVar

import numpy as np

from evaluator.datasets.splits import Fold

Side = TypeVar("Side", bound=Hashable)
Span = tuple[float, float]
"""Start and end in seconds of a recording."""

_TRAINS, _TESTED = 1, 2  # what a clip does in a fold; 3 both
_TOUCH = 1.5e-3  # seconds that neighbours may share: tables round their times to ms


def sides(folds: Sequence[Fold], n_clips: int) -> tuple[np.ndarray, np.ndarray]:
    """What every clip does in all folds, (n_folds,), as a number, (n_clips,), and which of these numbers knows which, (n_sides, n_sides) of bool.

    One knows another where it is tested in a fold in which the other trains or validates; itself, where it does both in one fold.
    """
    if not folds:
        return np.zeros(n_clips, np.int64), np.zeros((1, 1), bool)
    roles = np.zeros((len(folds), n_clips), np.int8)
    for row, fold in zip(roles, folds, strict=True):
        row[fold.train] = row[fold.valid] = _TRAINS
        row[fold.test] |= _TESTED
    found, side = np.unique(roles, axis=1, return_inverse=True)
    tested, trains = ((found & role > 0).astype(np.int64) for role in (_TESTED, _TRAINS))
    return side.reshape(-1), tested.T @ trains > 0


def across(
    folds: Sequence[Fold], spans: Sequence[Span], recordings: Sequence[str], skipped: Collection[int] = ()
) -> dict[int, int]:
    """Tested clips that hold audio of one that trains or validates in the same fold, each with such a one, which may be itself.

    Clips are numbers from 0 among (n_clips,).

    Args:
        folds: Of all clips, (n_folds,).
        spans, recordings, skipped: As those of `partners`.
    """
    side, knows = sides(folds, len(spans))
    found = {number: number for number in np.flatnonzero(knows[side, side]).tolist() if number not in skipped}
    if len(set(recordings)) < len(recordings):
        found |= partners(spans, recordings, side.tolist(), lambda one, other: bool(knows[one, other]), skipped)
    return found


def partners(
    spans: Sequence[Span],
    recordings: Sequence[str],
    units: Sequence[Side],
    knows: Callable[[Side, Side], bool],
    skipped: Collection[int] = (),
) -> dict[int, int]:
    """Clips that hold audio of one that they should know nothing of, each with such a one; numbers from 0 among (n_clips,).

    Args:
        spans: Start and end of each in seconds of its recording, (n_clips,); an end that is infinite or NaN is the recording's.
        recordings: Of which recording each is, (n_clips,): its path, or its file's content (`Recordings.contents`).
        units: The side that each is on, (n_clips,).
        knows: Whether a clip on the one side should know nothing of one on the other, which may be the same side.
        skipped: Numbers of clips that do not count.
    """
    found: dict[int, int] = {}
    for members in _by_recording(recordings, skipped):
        ends = {number: math.inf if math.isnan(spans[number][1]) else spans[number][1] for number in members}
        there = [number for number in members if ends[number] - spans[number][0] > _TOUCH]
        in_order = sorted(there, key=lambda number: (spans[number][0], number))
        last: dict[Side, tuple[float, int]] = {}  # of each side, what ends last of what begins before
        for number in in_order:
            begin, unit = spans[number][0], units[number]
            other = next((who for side, (end, who) in last.items() if end - begin > _TOUCH and knows(unit, side)), None)
            if other is not None:
                found[number] = other
            last[unit] = max(last.get(unit, (ends[number], number)), (ends[number], number))
        following: dict[Side, tuple[float, int]] = {}  # of each side, what begins first of what begins after
        for number in reversed(in_order):
            end, unit = ends[number], units[number]
            some = (who for side, (begin, who) in following.items() if end - begin > _TOUCH and knows(unit, side))
            if number not in found and (other := next(some, None)) is not None:
                found[number] = other
            following[unit] = (spans[number][0], number)
    return found


def _by_recording(recordings: Sequence[str], skipped: Collection[int]) -> list[list[int]]:
    """Numbers of the clips of each recording that has several."""
    members: dict[str, list[int]] = defaultdict(list)
    for number, recording in enumerate(recordings):
        if number not in skipped:
            members[recording].append(number)
    return [each for each in members.values() if len(each) > 1]
