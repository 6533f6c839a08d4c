"""Delimited text files: their columns, and their lines as values."""

import csv
import io
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.errors import UsageError
from evaluator.files import Stamp, describe_bytes

_EXCEL_SEPARATOR = re.compile(r"sep=.\r?\n")
_MARK = "\ufeff"  # of the byte order, at the start of a file
_MAX_BYTES = 2_000_000_000  # of a file; a million rows have some 100 MB
_MAX_COLUMNS = 20_000  # more than any list of classes; each row is a mapping with all of them
_MAX_HELD = 32_000_000  # letters of texts that are held
_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab"}

_held: dict[tuple[str, str], tuple[Stamp, str]] = {}  # texts of files by path and encoding, the latest last


def read_table(
    table: Path, delimiter: str = ",", header: int = 1, columns: Sequence[str] = (), encoding: str = "utf-8"
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The columns of a delimited file, (n_columns,), and its rows as (line number, values without outer spaces).

    Quotes, CRLF line ends, a byte-order mark and Excel's first line `sep=;` are understood; empty lines, and empty values
    beyond the last named column, are skipped.

    Args:
        table: The file.
        delimiter: Between values.
        header: Lines that name the columns; of several, the names in a column are joined by ".".
        columns: The names, where no line gives them.
        encoding: Of the text.

    Raises:
        UsageError: The file is missing, empty or not in that encoding, names a column twice, has a row of another length,
            its first line once more, more than 20,000 columns, a NUL character, a value of more than 131,072 letters, or a quote
            that swallows the rows up to the next one.
    """
    text = read_text(table, encoding)
    n_skipped = 1 if _EXCEL_SEPARATOR.match(text) else 0
    stream = io.StringIO(text, newline="")
    for _ in range(n_skipped):
        stream.readline()
    lines = _Lines(reader_of(stream, delimiter), n_skipped)
    try:
        names = list(columns) if header == 0 else _header(table, [next(lines, []) for _ in range(header)])
    except csv.Error as error:
        raise UsageError(f"{table}:{lines.line_num}: not a readable table: {_reason(error, 1)}") from error
    return names, _values(table, lines, names, delimiter)


def reader_of(text: Iterable[str], delimiter: str) -> Any:
    """The csv reader of lines, with which a quote may stand behind a space (`a.wav, "robin, song"`).

    Args:
        text: A stream, or lines, (n_lines,).
        delimiter: Between values, one character.
    """
    return csv.reader(text, delimiter=delimiter, skipinitialspace=True)


def read_text(table: Path, encoding: str = "utf-8") -> str:
    """The whole text of a file, line ends as they are; who asks again for the same file gets what was read.

    A task is found by the table that its clips are made from: it is read from the disk once, if size, times and inode are the same.

    Args:
        table: The file.
        encoding: Of the text; a byte-order mark of UTF-8 is left out.

    Raises:
        UsageError: The file is missing, has more than 2 GB, a NUL character, or is not in that encoding.
    """
    key, now, stamp = (os.path.abspath(table), encoding), time.time_ns(), _stamp_of(table)
    if key in _held and _held[key][0] == stamp:
        return _held[key][1]
    text = _read_text(table, encoding)
    if stamp is not None and stamp.settled(now) and stamp == _stamp_of(table):
        _held.pop(key, None)
        _held[key] = stamp, text
        while sum(len(each) for _, each in _held.values()) > _MAX_HELD:
            del _held[next(iter(_held))]
    return text


def _stamp_of(table: Path) -> Stamp | None:
    """The stamp of a file; None where there is none, which reading tells."""
    try:
        return Stamp.of(table)
    except OSError:
        return None


def _read_text(table: Path, encoding: str) -> str:
    content = read_bytes(table)
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        name = "UTF-8" if encoding == "utf-8" else encoding
        raise UsageError(f"{table}: cannot be read as {name} text: {error}; save it as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageError(
            f"{table}:{line}: has a NUL character, so that it is no {encoding} text: save it as UTF-8, or mend a damaged file"
        )
    return text


def read_bytes(table: Path, n: int = -1) -> bytes:
    """The bytes of a file, or its first `n`.

    Raises:
        UsageError: The file is missing or cannot be read, or has more than 2 GB.
    """
    try:
        with table.open("rb") as file:
            if n < 0 and (size := os.fstat(file.fileno()).st_size) > _MAX_BYTES:
                raise UsageError(
                    f"{table}: has {describe_bytes(size)}, and no more than {describe_bytes(_MAX_BYTES)} are read into memory; divide it into several, "
                    "or leave out what is not needed"
                )
            return file.read(n)
    except FileNotFoundError:
        raise UsageError(f"{table}: there is no such file") from None
    except OSError as error:
        raise UsageError(f"{table}: cannot be read: {error}") from error


@dataclass
class _Lines:
    """The rows of a CSV reader, which counts the lines of the whole file."""

    reader: Any
    n_skipped: int

    @property
    def line_num(self) -> int:
        """The line that was read last, from 1."""
        return int(self.reader.line_num) + self.n_skipped

    def __iter__(self) -> Iterator[list[str]]:
        return iter(self.reader)

    def __next__(self) -> list[str]:
        row: list[str] = next(self.reader)
        return row


def _header(table: Path, lines: list[list[str]]) -> list[str]:
    if not any(name.strip() for name in lines[0]):
        raise UsageError(f"{table}: its first line is empty, but should name the columns")
    if len({len(line) for line in lines}) > 1:
        raise UsageError(
            f"{table}: its first {len(lines)} lines have {', '.join(str(len(line)) for line in lines)} values"
        )
    names = [".".join(part.strip() for part in parts if part.strip()) for parts in zip(*lines, strict=True)]
    if len(names) > _MAX_COLUMNS:
        raise UsageError(
            f"{table}: its first line names {len(names)} columns, more than {_MAX_COLUMNS}; is it a table?"
        )
    twice = sorted(name for name, n in Counter(names).items() if name and n > 1)  # columns without a name are nobody's
    if twice:
        raise UsageError(f"{table}: its first line names a column twice: {', '.join(twice)}")
    return names


def _values(table: Path, lines: _Lines, names: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    before, n_columns = lines.line_num, len(names)
    try:
        for row in lines:
            if lines.line_num - before > 1:
                _refuse_swallowed(table, before + 1, lines.line_num, row, n_columns, delimiter)
            before = lines.line_num
            values = [value.strip() for value in row]
            if not any(values):
                continue
            if not any(values[n_columns:]):
                values = values[:n_columns]
            if len(values) != n_columns:
                raise UsageError(
                    f"{table}:{before}: has {len(values)} values, but the first line names {n_columns} columns; "
                    f"a value with {_NAMES.get(delimiter, delimiter)} in it goes in double quotes"
                )
            if [value.lstrip(_MARK) for value in values] == names:
                raise UsageError(
                    f"{table}:{before}: is the first line once more ({delimiter.join(values).lstrip(_MARK)}), as where tables "
                    "were joined; remove it"
                )
            yield before, values
    except csv.Error as error:
        raise UsageError(f"{table}:{lines.line_num}: not a readable table: {_reason(error, before + 1)}") from error


def _reason(error: csv.Error, line: int) -> str:
    if "field larger" not in str(error):
        return str(error)
    return f"a value has more than {csv.field_size_limit()} letters; is a double quote left open in line {line}?"


def _refuse_swallowed(table: Path, first: int, last: int, row: list[str], n_columns: int, delimiter: str) -> None:
    """Refuse a value that has whole rows in it, as everything up to the next quote has where one is left open.

    A line of a note has fewer delimiters than a row, or a space after them.
    """
    needed = max(1, n_columns - 1)
    bare = re.compile(re.escape(delimiter) + r"(?! )")
    for value in row:
        n_rows = sum(len(bare.findall(line)) >= needed for line in value.splitlines()[1:])
        if n_rows:
            raise UsageError(
                f"{table}:{first}: a double quote opens here and closes in line {last}, so that {n_rows} "
                f"row{'' if n_rows == 1 else 's'} or more became part of one value; close it, or write a quote in a value "
                'twice ("")'
            )
