"""Rows of many probes in batches of one shape, and where features lie while they train."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluator.embedding.matrix import InMemory, Matrix


def on_device(matrix: Matrix, device: str) -> Any:
    """A matrix in memory as a tensor there, on the CPU without a copy; what is read from disk stays as it is.

    Shapes stay (n_rows, width).
    """
    import warnings

    import torch

    if not isinstance(matrix, InMemory):
        return matrix
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")  # nor do we write
        return torch.from_numpy(np.asarray(matrix.array, dtype=np.float32)).to(device)


def padded(rows: Sequence[Any]) -> tuple[Any, Any]:
    """Lists of rows as one tensor (n_lists, n_longest), filled up with row 0, and 1 where a row counts, else 0."""
    from torch.nn.utils.rnn import pad_sequence

    filled = pad_sequence(list(rows), batch_first=True)
    counts = pad_sequence([row.new_ones(len(row)) for row in rows], batch_first=True)
    return filled, counts.float()


def batch_cuts(n_rows: int, size: int, never_one: bool) -> list[int]:
    """Where batches begin, and the end: each of `size` rows but the last, which is smaller.

    Cuts are (n_batches + 1,) row numbers.

    Args:
        n_rows: To be cut.
        size: Of a batch.
        never_one: Join a last batch of one row to the batch before it (batch norm cannot work on one).
    """
    cuts = [*range(0, n_rows, size), n_rows]
    if never_one and len(cuts) > 2 and cuts[-1] - cuts[-2] == 1:
        del cuts[-2]
    return cuts
