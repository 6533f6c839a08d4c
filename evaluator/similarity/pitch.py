"""Pitch, and how harmonic a sound is, by YIN."""

import numpy as np

LOWEST_PITCH, HIGHEST_PITCH = 60.0, 2000.0  # Hz
VOICED = 0.1  # threshold of the paper's step 4


def yin(frames: np.ndarray, sample_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency of frames in Hz, NaN where unvoiced, and how deep the deepest dip is; (n_frames,) each.

    Steps 1 to 5 of the paper: the difference function over the first part of the frame, its cumulative mean
    normalisation, the first dip below `VOICED`, and a parabola through it. Without a dip that deep there is no pitch.

    Args:
        frames: (n_frames, length), longer than two periods of `LOWEST_PITCH`.
        sample_rate: In Hz.

    Source: de Cheveigne and Kawahara 2002, https://doi.org/10.1121/1.1458024
    """
    max_lag = int(sample_rate / LOWEST_PITCH)
    min_lag = min(max(2, int(np.ceil(sample_rate / HIGHEST_PITCH))), max_lag - 1)
    normalised = mean_normalised(difference_function(frames, max_lag + 1))
    candidates = normalised[:, min_lag : max_lag + 1]
    inner = normalised[:, 1:-1]
    dips = (inner <= normalised[:, :-2]) & (inner <= normalised[:, 2:])
    voiced_dips = dips[:, min_lag - 1 : max_lag] & (candidates < VOICED)
    lag = min_lag + voiced_dips.argmax(axis=1)
    row = np.arange(len(frames))
    left, middle, right = (normalised[row, np.minimum(lag + step, max_lag + 1)] for step in (-1, 0, 1))
    curvature = left - 2 * middle + right
    shift = np.divide(left - right, 2 * curvature, out=np.zeros_like(middle), where=curvature > 0)
    pitch = np.where(voiced_dips.any(axis=1), sample_rate / (lag + np.clip(shift, -1, 1)), np.nan)
    return pitch, candidates.min(axis=1)


def difference_function(frames: np.ndarray, max_lag: int) -> np.ndarray:
    """Sum of squared differences between the first part of each frame and itself some samples later.

    Args:
        frames: (n_frames, length).
        max_lag: Lag in samples; the first part is as long as it leaves room for.

    Returns:
        (n_frames, max_lag + 1), by lag. Equation (6) of the paper.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    n_frames, length = frames.shape
    first = length - max_lag
    size = next_fast_len(length, real=True)
    product = np.conj(rfft(frames[:, :first], size, axis=1)) * rfft(frames, size, axis=1)
    correlation = irfft(product, size, axis=1)[:, : max_lag + 1]
    sums = np.concatenate([np.zeros((n_frames, 1)), np.cumsum(np.square(frames), axis=1)], axis=1)
    energy = sums[:, first : first + max_lag + 1] - sums[:, : max_lag + 1]
    return np.maximum(0.0, energy[:, :1] + energy - 2 * correlation)


def mean_normalised(difference: np.ndarray) -> np.ndarray:
    """A difference function (n_frames, n_lags) over its mean up to each lag, 1 at lag 0; equation (8) of the paper."""
    lags = np.arange(1, difference.shape[1])
    sums = np.cumsum(difference[:, 1:], axis=1)
    normalised = np.divide(difference[:, 1:] * lags, sums, out=np.ones_like(sums), where=sums > 0)
    return np.concatenate([np.ones((len(difference), 1)), normalised], axis=1)
