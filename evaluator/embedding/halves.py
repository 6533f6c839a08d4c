"""Embeddings in half the bytes: each row, of a clip in one layer or of a frame, as float16 times a power of two of its own.

A row is 4 bytes, its scale as little-endian float32, and 2 bytes for each number. The scale is the smallest power of two
above the row's largest magnitude, so that nothing overflows. A number is kept within 5e-4 of itself, whatever scale its row has, or,
where that is more, within 6e-8 of the row's largest: what is 8,000 times smaller than that loses digits.
"""

import numpy as np

SCALE_BYTES = 4
LARGEST = 2 - 2.0**-10  # half that is below 2
ROUNDING = 2.0**-11  # of a number, at most; the half of the last digit that is kept


def row_bytes(width: int) -> int:
    """Bytes that a row, of shape (width,), takes."""
    return SCALE_BYTES + 2 * width


def packed(rows: np.ndarray) -> np.ndarray:
    """Rows (..., width), float32 and finite, as bytes (..., row_bytes(width))."""
    largest = np.abs(rows).max(axis=-1, keepdims=True, initial=0)
    exponents = np.frexp(largest)[1]
    scales = np.ldexp(1.0, np.minimum(exponents, 127)).astype("<f4")  # 2**128 is no float32
    halves = np.clip(rows / scales.astype(np.float64), -LARGEST, LARGEST).astype("<f2")
    return np.concatenate([scales.view(np.uint8), halves.view(np.uint8)], axis=-1)


def unpacked(rows: np.ndarray) -> np.ndarray:
    """Bytes, of shape (n, row_bytes(width)), as rows (n, width), float32.

    >>> unpacked(packed(np.float32([[0.5, -3.0, 0.0]])))
    array([[ 0.5, -3. ,  0. ]], dtype=float32)
    """
    scales = np.ascontiguousarray(rows[:, :SCALE_BYTES]).view("<f4")
    return np.ascontiguousarray(rows[:, SCALE_BYTES:]).view("<f2").astype(np.float32) * scales
