"""Tables of embeddings read back: those of `embed`, and those that R, MATLAB or a service made.

A vector is columns that `columns.family` finds, or one column of lists in Parquet, or the array `vectors` of an .npz.
"""

import csv
import hashlib
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.vectors.columns import KNOWN, NUMBERED, family, some
from evaluator.vectors.destination import FILES, said_of
from evaluator.vectors.folder import INDEX
from evaluator.vectors.parquet import pyarrow
from evaluator.vectors.rows import LAYER

_DELIMITERS = ",;\t"
_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")  # a number with a decimal comma
_PEEKED = 100  # rows in which one is looked for
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class VectorTable:
    """A table of embeddings, whose vectors are read when they are asked for.

    Attributes:
        place: The file or folder.
        path: Of the recording of each row, (n_rows,).
        start, end: In seconds, (n_rows,) float64; NaN where the table does not say it.
        layer: Of each row, (n_rows,) int64; None where there is one only.
        width: Of a vector.
        take: Gives vectors of some rows by their rising numbers, (n, width) float32.
        ignored: Names of columns that mean nothing here.
        provenance: What the table says of itself; empty where that is nothing.
        sha256: Of its bytes, 64 hex digits.
        vector_names: What the columns or the array of the vectors are called.
    """

    place: Path
    path: Sequence[str]
    start: np.ndarray
    end: np.ndarray
    layer: np.ndarray | None
    width: int
    take: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    ignored: tuple[str, ...]
    provenance: Mapping[str, Any] = field(repr=False)
    sha256: str
    vector_names: Sequence[str] = field(repr=False)


def read_table(place: Path) -> VectorTable:
    """A table of embeddings: .parquet, .csv, .npz, or a folder of .npy with its index.

    Raises:
        UsageError: It is not there, none of these, or has no column `path` or no vector that can be told.
    """
    is_folder = place.is_dir() and (place / INDEX).is_file()
    if not is_folder and not place.is_file():
        raise UsageError(f"{place}: there is no such file, and no folder with an {INDEX}")
    if not is_folder and place.suffix.lower() not in FILES:
        raise UsageError(
            f"{place}: give a table of vectors that ends in {', '.join(FILES)}, or a folder with an {INDEX}"
        )
    try:
        columns, take, names, width = (_folder if is_folder else _READERS[place.suffix.lower()])(place)
    except _UNREADABLE as error:
        if isinstance(error, UsageError):
            raise
        kind = "a folder of .npy" if is_folder else place.suffix[1:]
        raise UsageError(f"{place}: cannot be read as {kind} ({error})") from error
    if "path" not in columns:
        raise UsageError(
            f"{place}: there is no column 'path', which says of which recording a row is; it has {some(columns)}"
        )
    path = [str(value).replace("\\", "/") for value in columns["path"]]
    if not path:
        raise UsageError(f"{place}: holds no rows")
    start, end = (_seconds(place, name, columns.get(name), len(path)) for name in ("start", "end"))
    layer = None if columns.get(LAYER) is None else _layers(place, columns[LAYER])
    ignored = tuple(name for name in columns if name not in KNOWN)
    return VectorTable(
        place, path, start, end, layer, width, take, ignored, said_of(place) or {}, _sha256(place), names
    )


Read = tuple[dict[str, Any], Callable[[np.ndarray], np.ndarray], Sequence[str], int]
"""Columns by name without those of the vectors, (n_rows,) each, None for such as are not read; what gives vectors; what these are called;
their width."""


def _parquet(place: Path) -> Read:
    arrow = pyarrow()
    file = arrow.parquet.ParquetFile(place)
    schema = file.schema_arrow
    lists = [field.name for field in schema if _is_list(arrow, field.type)]
    names = [lists[0]] if len(lists) == 1 else family(place, schema.names)
    rivals = [
        name for name in schema.names if lists and name not in KNOWN and NUMBERED.fullmatch(name) and name not in lists
    ]
    if len(lists) == 1 and len(rivals) > 1:
        raise UsageError(
            f"{place}: the vector could be the lists of {lists[0]}, or {rivals[0]} to {rivals[-1]}; leave one of them out of the table"
        )
    others = [name for name in schema.names if name not in names]
    needed = [name for name in others if name in KNOWN]
    table = file.read(columns=needed)
    columns = {name: table.column(name).to_pylist() if name in needed else None for name in others}
    ends = np.cumsum([file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)])

    def take(rows: np.ndarray) -> np.ndarray:
        groups = np.searchsorted(ends, rows, side="right")
        parts = []
        for group in np.unique(groups):
            first = int(ends[group - 1]) if group else 0
            read = file.read_row_group(int(group), columns=names).take(rows[groups == group] - first)
            parts.append(_stacked(place, read, names, bool(lists)))
        widths = sorted({part.shape[1] for part in parts})
        if len(widths) > 1:
            raise UsageError(f"{place}: its vectors are not equally long ({widths[0]} and {widths[-1]})")
        return np.concatenate(parts)

    width = len(take(np.zeros(1, np.int64))[0]) if len(ends) and ends[-1] else len(names)
    return columns, take, names, width


def _is_list(arrow: Any, kind: Any) -> bool:
    types = arrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _stacked(place: Path, table: Any, names: Sequence[str], of_lists: bool) -> np.ndarray:
    """Rows of Arrow as vectors, (n, width) float32; what is missing is NaN."""
    try:
        if of_lists:
            rows = table.column(names[0]).to_pylist()
            return np.array([[np.nan if x is None else x for x in row or ()] for row in rows], np.float32)
        return np.stack(
            [table.column(name).to_numpy(zero_copy_only=False).astype(np.float32) for name in names], axis=1
        )
    except (ValueError, TypeError) as error:
        raise UsageError(f"{place}: its vectors are no numbers, or not equally long ({error})") from error


def _csv(place: Path) -> Read:
    import pandas

    with place.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
    delimiter = max(_DELIMITERS, key=head.count)
    listed = next(csv.reader([head], delimiter=delimiter), [])
    names = family(place, listed)
    decimal = _decimal(place, delimiter, {*names, "start", "end"})
    types: dict[str, Any] = {**dict.fromkeys(("path", "label", "group"), str), **dict.fromkeys(names, np.float32)}
    keep = [name for name in listed if name in KNOWN or name in names]
    options: dict[str, Any] = {"sep": delimiter, "decimal": decimal, "encoding": "utf-8-sig"}
    frame = pandas.read_csv(
        place, dtype=types, usecols=keep, keep_default_na=False, na_values=["", "NA", "NaN", "nan", "NULL"], **options
    )
    vectors = frame[names].to_numpy(np.float32)
    columns = {name: frame[name].tolist() if name in frame else None for name in listed if name not in names}
    return columns, vectors.__getitem__, names, len(names)


def _decimal(place: Path, delimiter: str, names: Collection[str]) -> str:
    """The decimal mark of the first number in these columns that has one: programs that write semicolons write either."""
    if delimiter == ",":
        return "."
    with place.open(encoding="utf-8-sig", newline="") as file:
        for row in islice(csv.DictReader(file, delimiter=delimiter), _PEEKED):
            values = [str(row.get(name)).strip() for name in names]
            if any(_COMMA.fullmatch(value) for value in values):
                return ","
            if any("." in value for value in values):
                return "."
    return "."


def _npz(place: Path) -> Read:
    with np.load(place, allow_pickle=False) as arrays:
        if "vectors" not in arrays.files:
            raise UsageError(f"{place}: there is no array 'vectors' (n_rows, width); it has {some(arrays.files)}")
        vectors = np.asarray(arrays["vectors"])
        if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
            raise UsageError(
                f"{place}: 'vectors' has shape {vectors.shape}, {vectors.dtype}; wanted are numbers (n_rows, width)"
            )
        columns = {name: arrays[name].tolist() for name in arrays.files if name in KNOWN}
        ignored = {name: None for name in arrays.files if name not in (*KNOWN, "vectors", "provenance")}
    wrong = [name for name, values in columns.items() if len(values) != len(vectors)]
    if wrong:
        raise UsageError(
            f"{place}: {wrong[0]!r} has {len(columns[wrong[0]])} values, but there are {len(vectors)} vectors"
        )
    return {**columns, **ignored}, lambda rows: vectors[rows].astype(np.float32), ["vectors"], vectors.shape[1]


def _folder(place: Path) -> Read:
    table = pyarrow().parquet.read_table(place / INDEX)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    if "n_frames" in columns or "file" not in columns or "row" not in columns:
        raise UsageError(f"{place}: holds frames, not a vector a clip; embed without --frames")
    files = {name: np.load(place / Path(name).name, mmap_mode="r", allow_pickle=False) for name in set(columns["file"])}
    names, numbers = np.array(columns["file"]), np.array(columns["row"], np.int64)
    if not len(names):
        raise UsageError(f"{place}: holds no rows")
    lengths = np.array([len(files[name]) for name in names])
    outside = np.flatnonzero((numbers < 0) | (numbers >= lengths))
    if len(outside):
        raise UsageError(
            f"{place}: its index has row {numbers[outside[0]]} of {names[outside[0]]}, which has {lengths[outside[0]]}; embed again"
        )

    def take(rows: np.ndarray) -> np.ndarray:
        return np.stack([files[names[row]][numbers[row]] for row in rows]).astype(np.float32)

    return columns, take, ["vectors"], next(iter(files.values())).shape[1]


_READERS: Mapping[str, Callable[[Path], Read]] = {".parquet": _parquet, ".csv": _csv, ".npz": _npz}


def _seconds(place: Path, name: str, values: Sequence[Any] | None, n: int) -> np.ndarray:
    """Times, (n,), NaN where there are none."""
    try:
        return (
            np.full(n, np.nan) if values is None else np.array([np.nan if x is None else x for x in values], np.float64)
        )
    except (ValueError, TypeError) as error:
        raise UsageError(f"{place}: {name} is no number of seconds ({error})") from error


def _layers(place: Path, values: Sequence[Any]) -> np.ndarray:
    """Numbers of layers, which have to be 0, 1, ..."""
    try:
        layers = np.array(values, np.float64)
        known = sorted(set(layers.tolist()))
    except (ValueError, TypeError) as error:
        raise UsageError(f"{place}: layer is no number ({error})") from error
    if known != list(range(len(known))):
        raise UsageError(
            f"{place}: its layers are {', '.join(f'{each:g}' for each in known[:5])}; number them 0, 1, ... without gaps"
        )
    return layers.astype(np.int64)


def _sha256(place: Path) -> str:
    """Of the bytes of a file, or of a folder's files by name."""
    digest = hashlib.sha256()
    for path in sorted(each for each in place.iterdir() if each.is_file()) if place.is_dir() else [place]:
        try:
            with path.open("rb") as file:
                own = hashlib.file_digest(file, "sha256")
        except OSError as error:
            raise EvaluationError(f"{path}: cannot be read ({error.strerror or error})") from error
        digest.update(f"{path.name}\n".encode() if place.is_dir() else b"")
        digest.update(own.digest())
    return digest.hexdigest()
