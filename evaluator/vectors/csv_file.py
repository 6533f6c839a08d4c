"""Tables of embeddings as CSV, with their provenance as JSON beside it."""

import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.files import aside_of, discard, put_in_place, write_whole, writing
from evaluator.vectors.rows import Rows, vector_names

CSV_SHA256 = "csv_sha256"
"""Key of the provenance: SHA-256 of the bytes of the CSV that it belongs to, so that it is not taken for that of another table."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def beside(out: Path) -> Path:
    """Where the provenance of a CSV lies."""
    return out.with_name(f"{out.name}.json")


class CsvWriter:
    """A `Writer` of one CSV in UTF-8; a vector (width,) is columns v0, v1, ... with nine digits, which tell every float32 from the next.

    Paths and labels stand there as they are, also where a spreadsheet would take one for a formula: other tables are joined by them.
    """

    def __init__(self, out: Path):
        self.out, self.aside = out, aside_of(out)
        self.file: Any = None

    def add(self, rows: Rows) -> None:
        """See `Writer`."""
        columns, width = rows.columns(), rows.vectors.shape[1]
        with writing(self.out):
            if self.file is None:
                self.file = self.aside.open("w", encoding="utf-8", errors="surrogateescape", newline="")
                csv.writer(self.file, lineterminator="\n").writerow([*columns, *vector_names(width)])
            written = csv.writer(self.file, lineterminator="\n")
            shown = "%.9g".__mod__
            for before, vector in zip(zip(*columns.values(), strict=True), rows.vectors.tolist(), strict=True):
                written.writerow([*map(_shown, before), *map(shown, vector)])

    def finish(self, provenance: Mapping[str, Any]) -> None:
        """See `Writer`; the JSON is there first, so that a CSV is never without it."""
        with writing(self.out):
            self.file.close()
            said = {**provenance, CSV_SHA256: sha256_of(self.aside)}
            write_whole(beside(self.out), (json.dumps(said, sort_keys=True, indent=1) + "\n").encode())
            put_in_place(self.aside, self.out)

    def discard(self) -> None:
        """See `Writer`."""
        if self.file is not None:
            self.file.close()
        discard(self.aside)


def _shown(value: Any) -> str:
    """A cell; a time with all its digits, and empty where it is missing."""
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else repr(float(value))
    return str(value)
