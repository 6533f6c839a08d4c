"""What no recording is: rates, lengths and levels that are refused by name, before memory is taken for them."""

from pathlib import Path

import numpy as np

from evaluator.audio.errors import AudioError
from evaluator.audio.recording import Recording
from evaluator.files import describe_bytes

LOWEST_RATE, HIGHEST_RATE = 100, 10_000_000  # Hz: seismometers and hydrophones; ultrasound
LOUDEST = 1000.0  # of full scale 1; integers that were saved as floats without scaling are beyond
MOST_BYTES = 4_000_000_000  # of one clip's samples in float32
MOST_FRAMES = 1 << 48  # libsndfile says 2 ** 59 and more where it does not know


def refuse_format(path: Path, sample_rate: int, channels: int, frames: int = 0) -> None:
    """Refuse a rate in Hz, a number of channels or of frames that no file has.

    Raises:
        AudioError: With the value.
    """
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise AudioError(
            f"{path}: its header says {sample_rate} Hz; recordings have {LOWEST_RATE} to {HIGHEST_RATE} Hz; repair its header"
        )
    if channels < 1:
        raise AudioError(f"{path}: its header says {channels} channels; repair its header")
    if frames >= MOST_FRAMES:
        raise AudioError(
            f"{path}: its header does not say how long it is, and nothing else does; convert it to WAV or FLAC"
        )


def refuse_huge(file: Recording, seconds: float, used: float, sample_rate: float) -> None:
    """Refuse a clip, of so many seconds of which some are used, whose samples at a rate in Hz need too much memory.

    Raises:
        AudioError: With its length and rate.
    """
    n_bytes = used * sample_rate * np.dtype(np.float32).itemsize
    if n_bytes > MOST_BYTES:
        raise AudioError(
            f"{file.path}: the clip has {seconds:.0f} s at {file.samplerate} Hz, which would be "
            f"{describe_bytes(n_bytes)} at {sample_rate:.10g} Hz, above {describe_bytes(MOST_BYTES)}; give its clips start and end"
        )


def refuse_levels(file: Recording, block: np.ndarray, position: int) -> None:
    """Refuse samples (n, channels), from a frame on, of which one is NaN, infinite or beyond 1000 times full scale.

    Raises:
        AudioError: With the first such frame.
    """
    within = np.abs(block) <= LOUDEST  # NaN is not
    if within.all():
        return
    frame, channel = np.argwhere(~within)[0]
    value, where = block[frame, channel], f"frame {position + frame} ({(position + frame) / file.samplerate:.2f} s)"
    if np.isfinite(value):
        raise AudioError(
            f"{file.path}: has a sample of {value:g} at {where}; full scale is 1, and beyond {LOUDEST:g} is no sound"
        )
    raise AudioError(f"{file.path}: has a sample that is NaN or infinite at {where}")
