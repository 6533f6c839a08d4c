"""Spectrograms of clips over the full band of their recording, as small pictures with the ticks of their axes."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2

import numpy as np

from evaluator.report import ticks
from evaluator.report.ticks import Tick

_WINDOW_SECONDS = 0.025  # what speech models take; the window is the nearest power of two samples
_ROWS, _COLUMNS = 128, 240  # of a picture, at most
_RANGE_DB = 80.0  # below the loudest point
_STEPS = 20  # colours: few, so that the file is small
_LOWEST_LOG_HZ = 50.0  # of a logarithmic axis, or a hundredth of the band where that is less


@dataclass(frozen=True)
class Spectrogram:
    """A picture of a clip's sound.

    picture: The PNG file, one colour a cell, low frequencies at the bottom.
    seconds: Length of the time axis.
    top_hz: Where the frequency axis ends: half the sample rate.
    across, up: Ticks of time, in s, and of frequency, in kHz.
    """

    picture: bytes
    seconds: float
    top_hz: float
    across: Sequence[Tick]
    up: Sequence[Tick]


def draw(samples: np.ndarray, sample_rate: float, log_frequency: bool = False) -> Spectrogram:
    """The log power spectrogram of a sound, dark to bright over 80 dB below its own loudest point.

    Args:
        samples: (n_samples,), one at least.
        sample_rate: In Hz.
        log_frequency: Whether the frequency axis is logarithmic; linear from 0 Hz otherwise.
    """
    from matplotlib import colormaps
    from PIL import Image

    power = _power(samples, sample_rate)
    top = sample_rate / 2
    low = min(_LOWEST_LOG_HZ, top / 100) if log_frequency else 0.0
    rows = _rows_at(power, np.geomspace(low, top, _ROWS + 1) / top) if log_frequency else _pooled_rows(power)
    decibels = 10 * np.log10(np.maximum(rows, 1e-20) / max(rows.max(), 1e-12))
    steps = np.clip((decibels / _RANGE_DB + 1) * _STEPS, 0, _STEPS - 1).astype(np.uint8)
    image = Image.fromarray(steps[::-1], "P")
    colours = colormaps["viridis"].resampled(_STEPS)(range(_STEPS))[:, :3]
    image.putpalette((255 * colours).round().astype(np.uint8).tobytes())
    target = io.BytesIO()
    image.save(target, "PNG", optimize=True)
    seconds = len(samples) / sample_rate
    up = ticks.logarithmic(low / 1000, top / 1000, 3) if log_frequency else ticks.linear(0, top / 1000)
    return Spectrogram(target.getvalue(), seconds, top, ticks.linear(0, seconds), up)


def _power(samples: np.ndarray, sample_rate: float) -> np.ndarray:
    """Mean power of each short time, (n_frequencies, n_columns), 0 Hz to just below half the sample rate; no sample is passed over."""
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    window = max(16, 2 ** round(log2(_WINDOW_SECONDS * sample_rate)))
    padded = np.pad(samples.astype(float), (0, max(0, window - len(samples))))
    hop = window // 4 if len(padded) // (window // 4) >= _COLUMNS else max(1, window // 8)
    transform = ShortTimeFFT(hann(window, sym=False), hop, sample_rate)
    power = transform.spectrogram(padded, p0=0, p1=max(1, len(padded) // hop))[: window // 2]
    group = -(-power.shape[1] // _COLUMNS)
    starts = np.arange(0, power.shape[1], group)
    means: np.ndarray = np.add.reduceat(power, starts, axis=1) / np.diff([*starts, power.shape[1]])
    return means


def _pooled_rows(power: np.ndarray) -> np.ndarray:
    """Means of neighbouring frequencies, (at most `_ROWS`, n_columns); there are a power of two of them."""
    group = max(1, len(power) // _ROWS)
    means: np.ndarray = power.reshape(len(power) // group, group, -1).mean(axis=1)
    return means


def _rows_at(power: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The mean power (n_rows, n_columns) between edges (n_rows + 1,), from 0 to 1 of the band; of the nearest frequency at least."""
    places = edges * len(power)
    rows = []
    for low, high in pairwise(places.tolist()):
        first = min(int(low + 0.5), len(power) - 1)
        rows.append(power[first : max(first + 1, int(high + 0.5))].mean(axis=0))
    return np.stack(rows)
