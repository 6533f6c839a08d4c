"""Which clips hold the same sound although their samples differ: louder, later, cut, or through another codec.

Landmarks in the manner of Wang 2003 ("An Industrial-Strength Audio Search Algorithm", ISMIR): peaks of a spectrogram in
pairs, each pair a number made of two frequencies and their distance in time. Two clips of one sound share many
landmarks at one and the same delay. Gain does not matter, since peaks are peaks among their neighbours; delay does not,
since only distances count.

Of the libraries, Chromaprint needs its program or a native library and several seconds of music, and the others that
exist fetch a database server or are made for songs; clips here may last half a second.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RATE = 8000  # Hz; a codec changes what lies higher
MAX_SECONDS = 30.0  # of a clip that are looked at
_WINDOW, _HOP = 512, 64  # samples: 64 ms, every 8 ms
_NEAR_BINS, _NEAR_FRAMES = 7, 7  # a peak is the highest within so many bins and frames around it
_FLOOR_DB = 60.0  # below the loudest frame and bin nothing is a peak
_PEAKS_PER_SECOND = 30
_PARTNERS, _MIN_LAG, _MAX_LAG = 5, 2, 62  # pairs of a peak with the next ones, lags in frames
_MAX_LANDMARKS = 1500  # of a clip
_MAX_IN_ALL = 20_000_000  # beyond that, a part of them for all clips
_COMMON = 40  # landmarks in more clips than this distinguish nothing, and would cost the square of their number
_MIN_SHARED = 12
_MIN_SHARE = 0.25  # of the landmarks of the clip that has fewer


@dataclass(frozen=True)
class Match:
    """Two clips (their indices) of one sound, and the share of the poorer one's landmarks that they have in common."""

    first: int
    second: int
    share: float


def landmarks(samples: np.ndarray) -> np.ndarray:
    """Landmarks of a clip, (n_landmarks, 2) of int64: number and frame; none for silence and clips below two windows.

    Args:
        samples: (n_samples,) at `RATE`, mono, any scale.
    """
    from scipy.ndimage import maximum_filter

    if len(samples) < 2 * _WINDOW:
        return np.zeros((0, 2), np.int64)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32), axis=1)) ** 2
    if not power.max() > 0:
        return np.zeros((0, 2), np.int64)
    level = 10 * np.log10(power / power.max() + 1e-12)  # (frames, bins), 0 at the loudest
    highest = maximum_filter(level, size=(2 * _NEAR_FRAMES + 1, 2 * _NEAR_BINS + 1))
    peaks = (level == highest) & (level > -_FLOOR_DB)
    peaks[:, :3] = False  # hum and offset
    frame, bin_ = np.nonzero(peaks)
    n_peaks = max(8, round(_PEAKS_PER_SECOND * len(samples) / RATE))
    loudest = np.sort(np.argsort(-level[frame, bin_], kind="stable")[:n_peaks])
    return _pairs(frame[loudest], bin_[loudest])


def _pairs(frame: np.ndarray, bin_: np.ndarray) -> np.ndarray:
    """Each peak with the next few: (first bin, second bin, lag) in one number, and the first's frame."""
    pairs = []
    for step in range(1, 4 * _PARTNERS):
        lag = frame[step:] - frame[:-step]
        near = (lag >= _MIN_LAG) & (lag <= _MAX_LAG)
        first, second, lag = bin_[:-step][near], bin_[step:][near], lag[near]
        number = (first.astype(np.int64) // 2 << 20) | (second.astype(np.int64) // 2 << 10) | lag // 2
        pairs.append(np.stack([number, frame[:-step][near]], axis=1))
    every = np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
    every = np.unique(every, axis=0)
    return every[np.argsort(_mixed(every[:, 0]), kind="stable")[:_MAX_LANDMARKS]]


def _mixed(number: np.ndarray) -> np.ndarray:
    """Landmarks' numbers in another order, in which a part of them is the same part for every clip (Knuth's hash)."""
    return number * np.int64(0x9E3779B97F4A7C15 - (1 << 64))


def matches(marks: list[np.ndarray], matters: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> list[Match]:
    """Pairs of clips that sound like one, (n_matches,), those that share most first.

    Args:
        marks: Landmarks of each clip, (n_landmarks, 2).
        matters: Two indices of clips, each (n_pairs,) -> which of these pairs matter, (n_pairs,) of bool.
    """
    every = np.concatenate([np.zeros((0, 2), np.int64), *marks])
    clips = np.repeat(np.arange(len(marks)), [len(each) for each in marks])
    if len(every) > _MAX_IN_ALL:
        kept = _mixed(every[:, 0]) < np.iinfo(np.int64).min + int(_MAX_IN_ALL / len(every) * 2**64)
        every, clips = every[kept], clips[kept]
    sizes = np.bincount(clips, minlength=len(marks))
    if not len(every):
        return []
    order = np.argsort(every[:, 0], kind="stable")
    number, frame, clip = every[order, 0], every[order, 1], clips[order]
    _, count = np.unique(number, return_counts=True)
    usual = np.repeat(count <= _COMMON, count)
    number, frame, clip = number[usual], frame[usual], clip[usual]
    votes = []
    for step in range(1, min(_COMMON, len(number))):
        same = (number[step:] == number[:-step]) & (clip[step:] != clip[:-step])
        low, high, delay = clip[:-step][same], clip[step:][same], frame[step:][same] - frame[:-step][same]
        swapped = low > high
        first, second = np.where(swapped, high, low), np.where(swapped, low, high)
        votes.append(np.stack([first, second, np.where(swapped, -delay, delay)], axis=1))
    if not votes:
        return []
    return _elected(np.concatenate(votes), sizes, matters)


def _elected(
    votes: np.ndarray, sizes: np.ndarray, matters: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> list[Match]:
    """Pairs with enough votes at one delay; rows of `votes` are (first, second, delay in frames)."""
    best: dict[tuple[int, int], int] = {}
    for shift in (0, 2):  # delays in bins of four frames, of two grids, so that no peak is cut in halves
        binned = np.stack([votes[:, 0], votes[:, 1], (votes[:, 2] + shift) // 4], axis=1)
        pairs, counts = np.unique(binned, axis=0, return_counts=True)
        poorer = np.minimum(sizes[pairs[:, 0]], sizes[pairs[:, 1]])
        enough = (counts >= _MIN_SHARED) & (counts >= _MIN_SHARE * poorer)
        for first, second, shared in zip(*pairs[enough, :2].T.tolist(), counts[enough].tolist(), strict=True):
            best[first, second] = max(shared, best.get((first, second), 0))
    if not best:
        return []
    pairs = np.array(list(best))
    kept = matters(pairs[:, 0], pairs[:, 1])
    matched = [
        Match(first, second, min(1.0, best[first, second] / min(sizes[first], sizes[second])))
        for first, second in pairs[kept].tolist()
    ]
    return sorted(matched, key=lambda match: (-match.share, match.first, match.second))
