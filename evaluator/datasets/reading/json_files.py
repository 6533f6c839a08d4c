"""The kind `json`: one object a line, or one object whose keys name the rows; nested lists can be expanded.

Columns of a row: the scalars, nested ones as `outer.inner`; `key`; `file.path`, `file.folder` and `file.stem` of the file.
"""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading.delimited import read_text
from evaluator.datasets.reading.row_reader import RowReader
from evaluator.datasets.reading.rows import SourceRow, matching_files, path_columns
from evaluator.errors import UsageError
from evaluator.typed import fixed_key, key

_MAX_DEPTH = 30  # objects inside each other


@dataclass(frozen=True, kw_only=True)
class JsonReader(RowReader):
    """Clips are values in a JSON file, or in several; their start and end, if there are any, are in seconds."""

    kind: str = fixed_key("json", "Clips are values in JSON files.")
    file: str | tuple[str, ...] = key("File, or a glob, or a list of them, relative to the dataset's folder.")
    form: Literal["lines", "object"] = key("One value a line, or one object whose keys name the rows.")
    each: str = key("Nested list that is expanded: one row for each of its elements.", default="")
    blank: tuple[str, ...] = key("Columns, left empty, of the one row that an empty list gives.", default=())

    @property
    def globs(self) -> tuple[str, ...]:
        """The files or globs, of which one may be written without a list."""
        return (self.file,) if isinstance(self.file, str) else self.file

    def traces(self, root: Path) -> tuple[str, bool]:
        """Whether the first file is there."""
        return f"the file {self.globs[0]}", next(matching_files(root, self.globs[0]), None) is not None

    def read_rows(self, root: Path, tally: Tally) -> Iterator[SourceRow]:
        """A row for each value or element, in the order of the files."""
        for name in self._names(root, tally):
            about = path_columns(name, "file.")
            for where, row_key, value in _values(root / name, self.form):
                columns = {**about, "key": row_key, **(_flat(where, value) if isinstance(value, dict) else {})}
                for element in _expanded(where, value, self.each, self.blank):
                    yield SourceRow(where, {**columns, **element})

    def _names(self, root: Path, tally: Tally) -> Iterator[str]:
        for pattern in self.globs:
            names = list(matching_files(root, pattern, tally))
            if not names:
                raise UsageError(f"{root / pattern}: there is no such file; get it, or say with --data where it lies")
            yield from names


def _values(file: Path, form: str) -> Iterator[tuple[str, str, Any]]:
    """Where a value stands, its key ("" if it has none), and the value.

    Args:
        file: The file.
        form: "object", whose keys name the values, or "lines", with one value each.

    Raises:
        UsageError: It is not JSON of that form.
    """
    text = read_text(file)
    if form == "object":
        whole = _parsed(str(file), text)
        if not isinstance(whole, dict):
            raise UsageError(f"{file}: holds {type(whole).__name__}, but should be one object with a key for each row")
        yield from ((f"{file}: {key}", key, value) for key, value in whole.items())
        return
    for line, entry in enumerate(io.StringIO(text), start=1):
        if entry.strip():
            yield f"{file}:{line}", "", _parsed(f"{file}:{line}", entry)


def _parsed(where: str, text: str) -> Any:
    """What a file, or a line of one that stands at `where`, holds.

    Raises:
        UsageError: It is no JSON, is nested too deep, or has a key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise UsageError(f"{where}: not readable as JSON: lists or objects lie too deep inside each other") from None
    except ValueError as error:
        raise UsageError(f"{where}: not readable as JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these keys and values; of two with one key, json itself would keep the last without a word."""
    whole = dict(pairs)
    if len(whole) < len(pairs):
        twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return whole


def _expanded(where: str, value: Any, each: str, blank: Sequence[str]) -> Iterator[dict[str, str]]:
    """The columns of every element of the list `each`; without such a list, one row without more columns.

    An empty list gives no row, or one with the columns `blank` empty, if there are any.

    Raises:
        UsageError: `each` is no list there.
    """
    if not each:
        yield {}
        return
    elements = value.get(each) if isinstance(value, dict) else value
    if not isinstance(elements, list):
        raise UsageError(f"{where}: has no list {each!r} to expand")
    if blank and not elements:
        yield {f"{each}.{name}": "" for name in blank}
    for element in elements:
        yield (
            {f"{each}.{name}": text for name, text in _flat(where, element).items()}
            if isinstance(element, dict)
            else {each: _as_text(element)}
        )


def _flat(where: str, value: Mapping[str, Any], depth: int = 1) -> dict[str, str]:
    """The scalars of an object as text, nested ones as `outer.inner`; lists are left out.

    Raises:
        UsageError: Objects lie too deep inside each other.
    """
    if depth > _MAX_DEPTH:
        raise UsageError(
            f"{where}: an object lies inside {depth - 1} others, but {_MAX_DEPTH - 1} are enough for any column"
        )
    columns = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            columns.update({f"{name}.{below}": text for below, text in _flat(where, inner, depth + 1).items()})
        elif not isinstance(inner, list):
            columns[name] = _as_text(inner)
    return columns


def _as_text(scalar: Any) -> str:
    """A scalar as it stands in a table; nothing for null."""
    return "" if scalar is None else scalar if isinstance(scalar, str) else json.dumps(scalar)
