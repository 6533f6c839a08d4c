"""Rows of many probes in batches of one shape, and where features lie while they train."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluator.embedding.matrix import InMemory, Matrix

AHEAD_VALUES = 64_000_000  # most values of standardised features that a stack holds (256 MB)


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


def standardised(x: Any, mean: Any, scale: Any) -> Any:
    """Features (..., n_rows, width) less their mean and times their scale, (..., 1, width) both."""
    return (x - mean).mul_(scale)


def standardised_ahead(
    keys: Sequence[tuple[int, bytes]], matrices: Mapping[int, Any], moments: Sequence[Any]
) -> tuple[Any, Any] | None:
    """Standardised features of a stack of probes, those of a matrix and fold once, whoever reads them.

    Args:
        keys: For each probe the number of its feature matrix, and its training rows.
        matrices: By number, (n_rows, width).
        moments: Mean and scale, (n_probes, 1, width) both.

    Returns:
        All rows below each other, (n_different * n_rows, width), and which of them is the first of each probe's, (n_probes, 1);
        None if they would take too much memory, or lie on disk because they did.
    """
    import torch

    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    known = [matrices[number] for number, _ in places]
    if not all(isinstance(each, torch.Tensor) for each in known) or sum(each.numel() for each in known) > AHEAD_VALUES:
        return None
    n_rows, width = known[0].shape
    out = known[0].new_empty(len(places), n_rows, width)
    for own, matrix, (key, _) in zip(out, known, places.items(), strict=True):
        probe = keys.index(key)
        own.copy_(standardised(matrix, *(each[probe] for each in moments)))
    return out.flatten(0, 1), torch.tensor([places[key] * n_rows for key in keys])[:, None]


def padded(rows: Sequence[Any]) -> tuple[Any, Any]:
    """Lists of rows as one tensor (n_lists, n_longest), filled up with row 0, and 1 where a row counts, else 0."""
    from torch.nn.utils.rnn import pad_sequence

    filled = pad_sequence(list(rows), batch_first=True)
    counts = pad_sequence([row.new_ones(len(row)) for row in rows], batch_first=True)
    return filled, counts.float()


def batch_cuts(n_rows: int, size: int, never_one: bool) -> list[int]:
    """Where batches begin, and the end: each of `size` rows but the last, which is smaller.

    Cuts are row numbers, of shape (n_batches + 1,).

    Args:
        n_rows: To be cut.
        size: Of a batch.
        never_one: Join a last batch of one row to the batch before it (batch norm cannot work on one).
    """
    cuts = [*range(0, n_rows, size), n_rows]
    if never_one and len(cuts) > 2 and cuts[-1] - cuts[-2] == 1:
        del cuts[-2]
    return cuts
