"""How much of a sound's power lies above a frequency, such as the highest that a module can hear."""

from pathlib import Path

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip

LOOKED_AT = 10.0  # seconds of a clip


def powers(block: np.ndarray, sample_rate: int, above: float) -> tuple[float, float]:
    """Power of samples (n_samples,) at a rate in Hz, in all and above a frequency in Hz; any unit, the same for both."""
    power = np.abs(np.fft.rfft(block)) ** 2
    return float(power.sum()), float(power[np.fft.rfftfreq(len(block), 1 / sample_rate) > above].sum())


def share_above(path: Path, clip: Clip, sample_rate: int, above: float) -> float:
    """Share of the power of a clip's first `LOOKED_AT` seconds above a frequency in Hz, 0 to 1; 0 for silence.

    Args:
        path, clip: The recording, and which stretch of it.
        sample_rate: Of the recording, in Hz.
        above: The frequency, in Hz.

    Raises:
        AudioError: The clip cannot be had from its file.
    """
    total = high = 0.0
    n_left = int(LOOKED_AT * sample_rate)
    for block in decode.read_blocks(path, clip):
        total, high = (one + other for one, other in zip((total, high), powers(block, sample_rate, above), strict=True))
        n_left -= len(block)
        if n_left <= 0:
            break
    return high / total if total else 0.0
