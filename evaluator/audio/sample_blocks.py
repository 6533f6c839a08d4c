"""Blocks of samples, as they are decoded: at another sample rate, and one behind the other."""

from collections.abc import Iterator

import numpy as np


def resampled(blocks: Iterator[np.ndarray], rate: float, sample_rate: float) -> Iterator[np.ndarray]:
    """The blocks at another sample rate: together, bit for bit what resampling the whole at once gives."""
    import soxr

    if rate == sample_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, sample_rate, num_channels=1, dtype="float32", quality="HQ")
    n_out, last = 0, np.zeros(1, np.float32)
    for last in blocks:
        part = stream.resample_chunk(last)
        n_out += len(part)
        yield part
    part = stream.resample_chunk(np.zeros(0, np.float32), last=True)
    # A clip that is shorter than half a new sample would vanish; it becomes one sample, its mean.
    yield part if n_out + len(part) else last.mean(keepdims=True)


def joined(blocks: Iterator[np.ndarray], about: int, n_needed: int | None) -> np.ndarray:
    """Blocks (n,) of float32 one behind the other, the first `n_needed` samples of them, in memory that is taken once.

    Hours of audio that are collected in pieces, and then joined, are there twice.

    Args:
        blocks: As many as it needs are taken.
        about: How many samples there will be, at most; where it is too few, more memory is taken.
        n_needed: Samples beyond which nothing is taken; None for all.
    """
    whole, n_read = np.empty(about, np.float32), 0
    for block in blocks:
        used = block if n_needed is None else block[: n_needed - n_read]
        if n_read + len(used) > len(whole):
            whole = np.concatenate([whole[:n_read], np.empty(max(len(used), n_read // 8), np.float32)])
        whole[n_read : n_read + len(used)] = used
        n_read += len(used)
        if n_needed is not None and n_read >= n_needed:
            break
    return whole[:n_read]
