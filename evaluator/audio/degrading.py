"""What degrades a clip, as pure functions of its samples: noise at a level, gain, low-pass, a shorter stretch, a lower sample rate.

Samples are (n_samples,), full scale 1, and come back as float32 of the same length unless it is said otherwise. Nothing is clipped:
float audio may go beyond full scale.
"""

import math
from collections.abc import Callable

import numpy as np

from evaluator.audio.clip import n_samples

BLOCK_SECONDS = 0.02  # of the blocks whose power says whether a clip is active there
ACTIVE_DB = 40.0  # below the loudest block: what is quieter is a pause, such as the digital silence that clips are filled up with
PINK_FROM = 20.0  # Hz: with equal power in each octave, half of the noise would otherwise lie where nobody hears
STOPBAND_DB = 80.0  # by which the low-pass weakens what lies above its transition, as designed
TRANSITION = 0.2  # width of that, as a share of the cut-off, which is in its middle

Noise = Callable[[int], np.ndarray]
"""From a number of samples to noise, (n_samples,) float64, of any level."""


def active(samples: np.ndarray, rate: float) -> np.ndarray:
    """Where a clip sounds, (n_samples,) Booleans: in its blocks of 20 ms that are at most 40 dB below the loudest of them.

    A clip that is one value throughout sounds nowhere.

    Args:
        samples: (n_samples,), whose mean is left out.
        rate: In Hz.
    """
    block = max(1, n_samples(BLOCK_SECONDS, rate))
    starts = np.arange(0, len(samples), block)
    sizes = np.minimum(block, len(samples) - starts)
    power = np.add.reduceat(np.square(_about_mean(samples)), starts) / sizes
    loudest = power.max()
    return np.repeat(power > 0 if loudest == 0 else power >= loudest * 10 ** (-ACTIVE_DB / 10), sizes)


def mixed(samples: np.ndarray, rate: float, noise: Noise, snr_db: float) -> np.ndarray:
    """A clip with noise added throughout.

    The ratio is that of the power of the clip about its mean to that of the noise, both over the samples in which the clip is
    `active`. A clip that sounds nowhere (silence, a single sample) has no such ratio and stays as it is.

    Args:
        samples: (n_samples,), full scale 1.
        rate: In Hz.
        noise: Makes it.
        snr_db: Signal-to-noise ratio in dB.

    Raises:
        ValueError: The noise is silent where the clip sounds.
    """
    sounds = active(samples, rate)
    if not sounds.any():
        return samples
    added = noise(len(samples))
    power = float(np.square(added[sounds]).sum())
    if power == 0:
        raise ValueError("the noise is silent where the clip sounds")
    wanted = float(np.square(_about_mean(samples)[sounds]).sum()) / 10 ** (snr_db / 10)
    return (samples + added * math.sqrt(wanted / power)).astype(np.float32)


def _about_mean(samples: np.ndarray) -> np.ndarray:
    exact = samples.astype(np.float64)
    return exact - exact.mean()


def white(n: int, random: np.random.RandomState) -> np.ndarray:
    """Normal noise of `n` samples with equal power at every frequency and standard deviation 1, (n,) float64."""
    return random.standard_normal(n)


def pink(n: int, random: np.random.RandomState, rate: float) -> np.ndarray:
    """Normal noise of equal power in every octave from 20 Hz to half of a rate in Hz, and none below, (n,) float64."""
    from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

    n_made = next_fast_len(max(n, math.ceil(rate)), real=True)  # at least a second, so that 20 Hz can be told from 0
    frequencies = rfftfreq(n_made, 1 / rate)
    amplitude = np.where(frequencies >= PINK_FROM, 1 / np.sqrt(np.maximum(frequencies, PINK_FROM)), 0.0)
    made: np.ndarray = irfft(rfft(random.standard_normal(n_made)) * amplitude, n_made)[:n]
    return made


def gained(samples: np.ndarray, gain_db: float) -> np.ndarray:
    """A clip louder by so many dB; beyond full scale it stays as it is, unclipped."""
    return (samples.astype(np.float64) * 10 ** (gain_db / 20)).astype(np.float32)


def low_passed(samples: np.ndarray, rate: float, cutoff_hz: float) -> np.ndarray:
    """A clip, (n_samples,), without what lies above a frequency; nothing is delayed.

    A linear-phase filter (Kaiser window): unchanged within 0.1 dB up to 0.9 times the cut-off, half the amplitude (-6 dB) at it, and
    weakened by 80 dB as designed, 75 dB at least, from 1.1 times on. Beyond its ends the clip is taken for silent.

    Args:
        samples: (n_samples,).
        rate: In Hz.
        cutoff_hz: Below half of that.
    """
    from scipy.signal import firwin, kaiserord, oaconvolve

    n_taps, beta = kaiserord(STOPBAND_DB, TRANSITION * cutoff_hz / (rate / 2))
    taps = firwin(n_taps | 1, cutoff_hz, window=("kaiser", beta), fs=rate)
    middle = len(taps) // 2
    whole: np.ndarray = oaconvolve(samples.astype(np.float64), taps)
    return whole[middle : middle + len(samples)].astype(np.float32)


def shortened(samples: np.ndarray, rate: float, seconds: float, where: float) -> np.ndarray:
    """A stretch of so many seconds, (n_kept,) at a rate in Hz, at least one sample.

    Args:
        samples: (n_samples,); where it is no longer than that, it is the stretch.
        rate: In Hz.
        seconds: Of the stretch.
        where: 0 for the start of the clip, 1 for its end. Of the same place, a shorter stretch lies within a longer one.
    """
    n_kept = min(len(samples), max(1, n_samples(seconds, rate)))
    first = round(where * (len(samples) - n_kept))
    return samples[first : first + n_kept]


def at_lower_rate(samples: np.ndarray, rate: float, lower: float) -> np.ndarray:
    """A clip, (n_samples,), that was kept at a lower sample rate, in Hz, and is brought back to its own (soxr, quality HQ, both times).

    What lies above half of the lower rate is lost. A clip shorter than half a sample there becomes its mean.
    """
    import soxr

    there = soxr.resample(samples, rate, lower, quality="HQ")
    if not len(there):
        return np.full_like(samples, samples.mean())
    back = soxr.resample(there, lower, rate, quality="HQ")[: len(samples)]
    return np.pad(back, (0, len(samples) - len(back)))
