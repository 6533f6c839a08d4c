"""Which clips hold the same sound although their samples differ: louder, later, cut, or through another codec.

Landmarks in the manner of Wang 2003 ("An Industrial-Strength Audio Search Algorithm", ISMIR): peaks of a spectrogram in
pairs, each pair a number made of two frequencies and their distance in time. Two clips of one sound share many
landmarks at one and the same delay. Gain does not matter, since peaks are peaks among their neighbours; delay does not,
since only distances count.

Of the libraries, Chromaprint needs its program or a native library and several seconds of music, and the others that
exist fetch a database server or are made for songs; clips here may last half a second.
"""

import numpy as np

RATE = 8000  # Hz; a codec changes what lies higher
MAX_SECONDS = 30.0  # of a clip that are looked at
_WINDOW, _HOP = 512, 64  # samples: 64 ms, every 8 ms
_NEAR_BINS, _NEAR_FRAMES = 7, 7  # a peak is the highest within so many bins and frames around it
_FLOOR_DB = 60.0  # below the loudest frame and bin nothing is a peak
_PEAKS_PER_SECOND = 30
_PARTNERS, _MIN_LAG, _MAX_LAG = 5, 2, 62  # pairs of a peak with the next ones, lags in frames
_MAX_LANDMARKS = 1500  # of a clip
_N_BINS, _N_LAGS = _WINDOW // 4 + 1, _MAX_LAG // 2 + 1  # of pairs of bins and of frames
_SKETCH = 128  # keys of a clip by which it is looked up among many
N_NUMBERS = _N_BINS * _N_BINS * _N_LAGS  # numbers of landmarks lie below


def landmarks(samples: np.ndarray) -> np.ndarray:
    """Landmarks of a clip, (n_landmarks, 2) of int64: number and frame, sorted; none for silence and below two windows.

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
        number = (first.astype(np.int64) // 2 * _N_BINS + second // 2) * _N_LAGS + lag // 2
        pairs.append(np.stack([number, frame[:-step][near]], axis=1))
    every = np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
    every = np.unique(every, axis=0)
    if len(every) <= _MAX_LANDMARKS:
        return every
    return every[np.sort(np.argsort(mixed(every[:, 0]), kind="stable")[:_MAX_LANDMARKS])]


def mixed(number: np.ndarray) -> np.ndarray:
    """Landmarks' numbers, (n_landmarks,), in another order, 0 to 2**32 (Knuth's hash): the lowest are the same for every clip."""
    return number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)


def sketch(marks: np.ndarray) -> np.ndarray:
    """Keys by which a clip is looked up, sorted, (n_keys,) of uint32: of its landmarks, and of two of one peak, the lowest hashes.

    Args:
        marks: Landmarks, (n_landmarks, 2) of number and frame.
    """
    number, frame = marks[:, 0], marks[:, 1]
    peak = frame * _N_BINS + number // (_N_BINS * _N_LAGS)
    order = np.lexsort((number, peak))
    number, peak = number[order], peak[order]
    keys = [number]
    for step in range(1, 4):
        both = peak[step:] == peak[:-step]
        keys.append((number[:-step][both] + 1) * N_NUMBERS + number[step:][both])
    return np.unique(mixed(np.concatenate(keys)).astype(np.uint32))[:_SKETCH]
