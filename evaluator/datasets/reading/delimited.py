"""Delimited text files: their columns, and their lines as values."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from evaluator.errors import UsageError


def read_table(
    table: Path, delimiter: str = ",", header: int = 1, columns: Sequence[str] = ()
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The columns of a delimited file, (n_columns,), and its rows as (line number, values without outer spaces).

    Quotes, CRLF line ends and a byte-order mark are understood; empty lines are skipped.

    Args:
        table: The file.
        delimiter: Between values.
        header: Lines that name the columns; of several, the names in a column are joined by ".".
        columns: The names, where no line gives them.

    Raises:
        UsageError: The file is missing, empty or not UTF-8, names a column twice, or has a row of another length.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{table}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{table}: cannot be read as UTF-8 text: {error}; save it as UTF-8") from error
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = list(columns) if header == 0 else _header(table, [next(lines, []) for _ in range(header)])
    except csv.Error as error:
        raise UsageError(f"{table}:{lines.line_num}: not a readable table: {error}") from error
    return names, _values(table, lines, len(names))


def _header(table: Path, lines: list[list[str]]) -> list[str]:
    if not any(name.strip() for name in lines[0]):
        raise UsageError(f"{table}: its first line is empty, but should name the columns")
    if len({len(line) for line in lines}) > 1:
        raise UsageError(
            f"{table}: its first {len(lines)} lines have {', '.join(str(len(line)) for line in lines)} values"
        )
    names = [".".join(part.strip() for part in parts if part.strip()) for parts in zip(*lines, strict=True)]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise UsageError(f"{table}: its first line names a column twice: {', '.join(twice)}")
    return names


def _values(table: Path, lines: Any, n_columns: int) -> Iterator[tuple[int, list[str]]]:
    try:
        for row in lines:
            values = [value.strip() for value in row]
            if not any(values):
                continue
            if len(values) != n_columns:
                raise UsageError(
                    f"{table}:{lines.line_num}: has {len(values)} values, but the first line names {n_columns} columns; "
                    "a value with a comma in it goes in double quotes"
                )
            yield lines.line_num, values
    except csv.Error as error:
        raise UsageError(f"{table}:{lines.line_num}: not a readable table: {error}") from error
