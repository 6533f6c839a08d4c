"""Pitch, and how harmonic a sound is, by YIN."""

import numpy as np

LOWEST_PITCH, HIGHEST_PITCH = 60.0, 2000.0  # Hz
VOICED = 0.1  # threshold of the paper's step 4


def yin(frames: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency of frames in Hz, NaN where unvoiced, and how deep the deepest dip is; (n_frames,) each.

    Steps 1 to 5 of the paper: the difference function over the first part of the frame, its cumulative mean
    normalisation, the first dip below `VOICED`, and a parabola through it. Without a dip that deep there is no pitch.

    Args:
        frames: (n_frames, length), longer than two periods of `LOWEST_PITCH`.
        sample_rate: In Hz.

    Source: de Cheveigne and Kawahara 2002, https://doi.org/10.1121/1.1458024
    """
    longest = int(sample_rate / LOWEST_PITCH)
    shortest = min(max(2, int(np.ceil(sample_rate / HIGHEST_PITCH))), longest - 1)
    normalised = mean_normalised(difference_function(frames, longest + 1))
    candidates = normalised[:, shortest : longest + 1]
    inner = normalised[:, 1:-1]
    dips = (inner <= normalised[:, :-2]) & (inner <= normalised[:, 2:])
    good = dips[:, shortest - 1 : longest] & (candidates < VOICED)
    lag = shortest + good.argmax(axis=1)
    row = np.arange(len(frames))
    before, at, after = (normalised[row, np.minimum(lag + step, longest + 1)] for step in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.divide(before - after, 2 * bend, out=np.zeros_like(at), where=bend > 0)
    pitch = np.where(good.any(axis=1), sample_rate / (lag + np.clip(shift, -1, 1)), np.nan)
    return pitch, candidates.min(axis=1)


def difference_function(frames: np.ndarray, longest: int) -> np.ndarray:
    """Sum of squared differences between the first part of each frame and itself some samples later.

    Args:
        frames: (n_frames, length).
        longest: Lag in samples; the first part is as long as it leaves room for.

    Returns:
        (n_frames, longest + 1), by lag. Equation (6) of the paper.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    n_frames, length = frames.shape
    first = length - longest
    size = next_fast_len(length, real=True)
    product = np.conj(rfft(frames[:, :first], size, axis=1)) * rfft(frames, size, axis=1)
    correlation = irfft(product, size, axis=1)[:, : longest + 1]
    sums = np.concatenate([np.zeros((n_frames, 1)), np.cumsum(np.square(frames), axis=1)], axis=1)
    energy = sums[:, first : first + longest + 1] - sums[:, : longest + 1]
    return np.maximum(0.0, energy[:, :1] + energy - 2 * correlation)


def mean_normalised(difference: np.ndarray) -> np.ndarray:
    """A difference function (n_frames, n_lags) over its mean up to each lag, 1 at lag 0; equation (8) of the paper."""
    lags = np.arange(1, difference.shape[1])
    sums = np.cumsum(difference[:, 1:], axis=1)
    later = np.divide(difference[:, 1:] * lags, sums, out=np.ones_like(sums), where=sums > 0)
    return np.concatenate([np.ones((len(difference), 1)), later], axis=1)
