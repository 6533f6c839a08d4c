"""Tables of embeddings as Parquet: a column of float32 for each dimension, so that what R and pandas read is a data frame at once."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.errors import UsageError
from evaluator.files import aside_of, discard, put_in_place, writing
from evaluator.vectors.rows import PROVENANCE, Rows, vector_names

GROUP_BYTES = 32 << 20  # of the vectors of a row group, which is held in memory until it is written
GROUP_ROWS = 1 << 17


def pyarrow() -> Any:
    """The library.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            'Parquet needs pyarrow, which is not installed: pip install "hear-ssl[parquet]", or give --out a .csv or .npz'
        ) from error
    return pyarrow


class ParquetWriter:
    """A `Writer` of one Parquet file, whose vectors (n_rows, width) are columns v0, v1, ..."""

    def __init__(self, out: Path):
        self.arrow = pyarrow()
        self.out, self.aside = out, aside_of(out)
        self.waiting: list[Rows] = []
        self.n_waiting = 0
        self.file: Any = None

    def add(self, rows: Rows) -> None:
        """See `Writer`."""
        most = max(1, min(GROUP_ROWS, GROUP_BYTES // max(1, 4 * rows.vectors.shape[1])))
        self.waiting.append(rows)
        self.n_waiting += len(rows)
        if self.n_waiting >= most:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait as a row group."""
        if not self.waiting:
            return
        table = self.table(self.waiting)
        self.waiting, self.n_waiting = [], 0
        with writing(self.out):
            if self.file is None:
                named = [field.name for field in table.schema if field.type == self.arrow.string()]
                self.file = self.arrow.parquet.ParquetWriter(
                    self.aside, table.schema, use_dictionary=named, store_schema=False
                )
            self.file.write_table(table, row_group_size=len(table))

    def table(self, parts: Sequence[Rows]) -> Any:
        """Rows as a table of Arrow."""
        arrow, columns = self.arrow, [rows.columns() for rows in parts]
        made = {name: self.column(name, [each[name] for each in columns]) for name in columns[0]}
        by_dimension = np.ascontiguousarray(np.concatenate([rows.vectors for rows in parts]).T)
        made |= {name: arrow.array(by_dimension[n]) for n, name in enumerate(vector_names(len(by_dimension)))}
        return arrow.table(made)

    def column(self, name: str, parts: Sequence[Sequence[str] | np.ndarray]) -> Any:
        """One column; numbers that are NaN are missing."""
        if isinstance(parts[0], np.ndarray):
            return self.arrow.array(np.concatenate(parts), from_pandas=True)
        try:
            return self.arrow.array([text for part in parts for text in part], self.arrow.string())
        except UnicodeEncodeError as error:
            raise UsageError(
                f"{self.out}: a {name} is not UTF-8, which Parquet needs ({error.object!r}); rename it"
            ) from error

    def finish(self, provenance: Mapping[str, Any]) -> None:
        """See `Writer`."""
        self.flush()
        with writing(self.out):
            self.file.add_key_value_metadata({PROVENANCE: json.dumps(provenance, sort_keys=True)})
            self.file.close()
            put_in_place(self.aside, self.out)

    def discard(self) -> None:
        """See `Writer`."""
        if self.file is not None:
            self.file.close()
        discard(self.aside)
