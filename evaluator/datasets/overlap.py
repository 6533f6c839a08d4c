"""Clips with audio in common: stretches of one recording that overlap in time, and copies of its file under other names."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.datasets.splits import Fold

Side = TypeVar("Side", bound=Hashable)
Span = tuple[float, float]
"""Start and end in seconds of a recording."""

_TOUCH = 1e-3  # seconds that neighbours may share: tables round their times


def sides(folds: Sequence[Fold], n_clips: int) -> tuple[np.ndarray, np.ndarray]:
    """What every clip does in all folds, (n_folds,), as a number, (n_clips,), and which of these numbers stand apart.

    Two stand apart, (n_sides, n_sides) of bool, where one trains or validates in a fold in which the other is tested.
    """
    if not folds:
        return np.zeros(n_clips, np.int64), np.zeros((1, 1), bool)
    roles = np.zeros((len(folds), n_clips), np.int8)
    for row, fold in zip(roles, folds, strict=True):
        row[fold.train], row[fold.valid], row[fold.test] = 1, 1, 2
    found, side = np.unique(roles, axis=1, return_inverse=True)
    trains, tests = (found == 1).astype(np.int64), (found == 2).astype(np.int64)
    apart = trains.T @ tests > 0
    return side.reshape(-1), apart | apart.T


def contents(clips: Sequence[Clip], facts: Mapping[str, FileFacts | AudioError]) -> list[str]:
    """What each clip's file holds, (n_clips,): the SHA-256 of its bytes, or its path where it cannot be read."""
    return [one.sha256 if isinstance(one := facts.get(clip.path), FileFacts) else clip.path for clip in clips]


def whole(clips: Sequence[Clip]) -> list[Span]:
    """Start and end of each clip in seconds of its recording, (n_clips,); infinite where it ends with the recording."""
    return [(clip.start or 0.0, math.inf if clip.end is None else clip.end) for clip in clips]


def across(folds: Sequence[Fold], spans: Sequence[Span], recordings: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of clips with audio in common, one of which trains or validates in one of the folds, (n_folds,), in which the other is tested.

    Args:
        folds: Of all clips.
        spans, recordings: As those of `pairs`.
    """
    if len(set(recordings)) == len(recordings):
        return []
    side, apart = sides(folds, len(spans))
    return pairs(spans, recordings, side.tolist(), lambda one, other: bool(apart[one, other]))


def pairs(
    spans: Sequence[Span], recordings: Sequence[str], units: Sequence[Side], apart: Callable[[Side, Side], bool]
) -> list[tuple[int, int]]:
    """Pairs of clips with audio in common on sides that should have none: each clip with one of those that begin before it.

    Clips are numbers from 0 among (n_clips,); each one that has such an earlier partner is in a pair with one of them.

    Args:
        spans: Start and end of each in seconds of its recording, (n_clips,); an end that is infinite or NaN is the recording's.
        recordings: Of which recording each is, (n_clips,): its path, or its file's content (`contents`).
        units: The side that each is on, (n_clips,).
        apart: Whether clips on two sides, which may be the same one, should have nothing in common.
    """
    found = []
    for members in _by_recording(recordings):
        last: dict[Side, tuple[float, int]] = {}  # of each side the end, in seconds, of what ends last, and its number
        for number in sorted(members, key=lambda number: (spans[number][0], number)):
            (start, end), unit = spans[number], units[number]
            end = math.inf if math.isnan(end) else end
            partners = [each for side, each in last.items() if each[0] - start > _TOUCH and apart(side, unit)]
            if partners and end - start > _TOUCH:
                found.append((max(partners)[1], number))
            last[unit] = max(last.get(unit, (end, number)), (end, number))
    return found


def _by_recording(recordings: Sequence[str]) -> list[list[int]]:
    """Numbers of the clips of each recording that has several."""
    members: dict[str, list[int]] = defaultdict(list)
    for number, recording in enumerate(recordings):
        members[recording].append(number)
    return [each for each in members.values() if len(each) > 1]
