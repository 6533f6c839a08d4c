"""Rows of a table of embeddings: which stretch of which recording, its label and group, and the vector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

TEXTS = ("path", "label", "group")
COLUMNS = ("path", "start", "end", "label", "group")
LAYER = "layer"  # the column that says of which layer a row is, where a file holds several
PREFIX = "v"  # of the columns v0, v1, ... of a vector
PROVENANCE = "hear-eval"  # the key of the provenance in the metadata of Parquet


@dataclass(frozen=True)
class Rows:
    """Some rows of a table of embeddings.

    Attributes:
        path: Of the recording of each row, (n_rows,).
        start, end: Of the stretch in the recording, in seconds, (n_rows,) float64; NaN where a table does not say it.
        label, group: As the data has them, "" for none, (n_rows,); several labels with `;` between them.
        layer: Number of each row's layer from 0, (n_rows,) int32; None where there is one only.
        vectors: (n_rows, width) float32; width 0 where they lie in files of their own.
        extra: Further columns, (n_rows,) each: where the vectors of a row lie.
    """

    path: Sequence[str]
    start: np.ndarray
    end: np.ndarray
    label: Sequence[str]
    group: Sequence[str]
    layer: np.ndarray | None
    vectors: np.ndarray
    extra: Mapping[str, Sequence[str] | np.ndarray]

    def __len__(self) -> int:
        return len(self.path)

    def columns(self) -> dict[str, Sequence[str] | np.ndarray]:
        """All columns but those of the vectors, (n_rows,) each, in order."""
        named: dict[str, Sequence[str] | np.ndarray] = {name: getattr(self, name) for name in COLUMNS}
        if self.layer is not None:
            named[LAYER] = self.layer
        return {**named, **self.extra}


class Writer(Protocol):
    """Writes a table of embeddings, rows as they come; nothing has the table's name before it is whole."""

    def add(self, rows: Rows) -> None:
        """Take some rows.

        Raises:
            EvaluationError: They cannot be written, as on a full disk.
        """

    def finish(self, provenance: Mapping[str, Any]) -> None:
        """Give the table its name, once it holds what its vectors (n_rows, width) depend on; errors as those of `add`."""

    def discard(self) -> None:
        """Remove what has no name yet; after `finish` there is nothing of that kind."""


def vector_names(width: int) -> list[str]:
    """Names of the columns of a vector, (width,)."""
    return [f"{PREFIX}{number}" for number in range(width)]
