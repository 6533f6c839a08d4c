"""What the files of a dataset say, one row after the other: column -> text.

| kind | the layout | columns of a row |
|---|---|---|
| `paths` | everything is in the file names: globs, and a regular expression over the path | the named groups; `path`, `folder`, `stem` |
| `table` | delimited files with one line a row, with one header line, several, or none | the header's; `table.path`, `table.folder`, `table.stem` |
| `json` | one object a line, or one object whose keys name the rows; nested lists can be expanded | the scalars, nested ones as `outer.inner`; `key`; `file.path`, `file.folder`, `file.stem` |
| `folders` | one sub-folder a class | `label`; `path`, `folder`, `stem` |

Paths are relative to the dataset's folder, with forward slashes. Rows come in the order of the files, and files sorted
by path. Hidden files are never read.
"""

import csv
import glob
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.datasets.reading import json_rows
from evaluator.errors import UsageError
from evaluator.schema import Field

# What libsndfile 1.2 reads, by file name: https://libsndfile.github.io/libsndfile/formats.html
_SUFFIXES = "wav wave rf64 w64 flac ogg oga opus mp3 aif aiff aifc au snd caf voc sph nist"
AUDIO_SUFFIXES = tuple(f".{suffix}" for suffix in _SUFFIXES.split())


@dataclass(frozen=True, slots=True)
class Row:
    """One row, and where it stands, for sentences about it."""

    where: str
    values: dict[str, str]

    @property
    def own_columns(self) -> list[str]:
        """Without those that tell of the table itself."""
        return [name for name in self.values if not name.startswith(("table.", "file."))]


@dataclass(frozen=True)
class Source:
    """One way in which files hold rows.

    fields: Of the reader's YAML.
    traces: (root, reader) -> what has to be under `root`, as words, and whether it is there.
    rows: (root, reader) -> the rows.
    """

    fields: Mapping[str, Field]
    traces: Callable[[Path, Mapping[str, Any]], tuple[str, bool]]
    rows: Callable[[Path, Mapping[str, Any]], Iterator[Row]]


# paths ---------------------------------------------------------------------------------------------------------------


def globs(reader: Mapping[str, Any]) -> list[str]:
    """The globs of a `paths` reader, which may be written as one."""
    return [reader["files"]] if isinstance(reader["files"], str) else reader["files"]


def _paths_traces(root: Path, reader: Mapping[str, Any]) -> tuple[str, bool]:
    first = globs(reader)[0]
    return f"files like {first}", next(visible(root, first), None) is not None


def _paths_rows(root: Path, reader: Mapping[str, Any]) -> Iterator[Row]:
    pattern = re.compile(reader["pattern"])
    paths: set[str] = set()
    for files in globs(reader):
        found = set(visible(root, files))
        if not found:
            raise UsageError(f"{root}: there are no files like {files}; get them, or say with --data where they lie")
        paths |= found
    strangers = []
    for path in sorted(paths):
        match = pattern.fullmatch(path)
        if match is None:
            strangers.append(path)
            continue
        said = {name: value for name, value in match.groupdict().items() if value is not None}
        yield Row(path, {**_place(path), **said})
    if strangers:
        raise UsageError(
            f"{root}: {len(strangers)} files fit the dataset's files: {' '.join(globs(reader))}, but not its pattern: "
            f"{reader['pattern']}; the first: {', '.join(strangers[:3])}. Move what does not belong there"
        )


def _place(path: str) -> dict[str, str]:
    folder, _, name = path.rpartition("/")
    return {"path": path, "folder": folder, "stem": name.rpartition(".")[0] or name}


def visible(root: Path, files: str) -> Iterator[str]:
    """Files under `root` that fit a glob, relative to it, hidden ones left out."""
    for path in root.glob(files):
        relative = path.relative_to(root)
        if not any(part.startswith(".") for part in relative.parts) and path.is_file():
            yield relative.as_posix()


# table ---------------------------------------------------------------------------------------------------------------


def _table_traces(root: Path, reader: Mapping[str, Any]) -> tuple[str, bool]:
    return f"the table {reader['table']}", next(_named(root, reader["table"]), None) is not None


def _named(root: Path, name: str) -> Iterator[str]:
    """The one file that `name` is, or the files that fit it, if it is a glob."""
    if glob.has_magic(name):
        yield from sorted(visible(root, name))
    elif (root / name).is_file():
        yield name


def _table_rows(root: Path, reader: Mapping[str, Any]) -> Iterator[Row]:
    names = list(_named(root, reader["table"]))
    if not names:
        raise UsageError(f"{root / reader['table']}: there is no such file")
    for name in names:
        place = {f"table.{key}": value for key, value in _place(name).items()}
        table = root / name
        columns, lines = read_table(table, reader["delimiter"], reader["header"], reader["columns"])
        for line, values in lines:
            yield Row(f"{table}:{line}", {**place, **dict(zip(columns, values, strict=True))})


def read_table(
    table: Path, delimiter: str = ",", header: int = 1, columns: list[str] | None = None
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The columns of a delimited file, and its rows as (line number, values without outer spaces).

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
        names = list(columns or []) if header == 0 else _header(table, [next(lines, []) for _ in range(header)])
    except csv.Error as error:
        raise UsageError(f"{table}:{lines.line_num}: not a readable table: {error}") from error
    return names, _lines(table, lines, len(names))


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


def _lines(table: Path, lines: Any, n_columns: int) -> Iterator[tuple[int, list[str]]]:
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


# json ----------------------------------------------------------------------------------------------------------------


def _json_traces(root: Path, reader: Mapping[str, Any]) -> tuple[str, bool]:
    return f"the file {reader['file']}", next(_named(root, reader["file"]), None) is not None


def _json_rows(root: Path, reader: Mapping[str, Any]) -> Iterator[Row]:
    names = list(_named(root, reader["file"]))
    if not names:
        raise UsageError(f"{root / reader['file']}: there is no such file")
    for name in names:
        place = {f"file.{key}": value for key, value in _place(name).items()}
        for where, key, value in json_rows.values(root / name, reader["form"]):
            flat = {**place, "key": key, **(json_rows.flat(value) if isinstance(value, dict) else {})}
            for one in json_rows.expanded(where, value, reader["each"], reader["blank"]):
                yield Row(where, {**flat, **one})


# folders -------------------------------------------------------------------------------------------------------------


def class_folders(root: Path) -> list[Path]:
    """The visible folders in `root`, sorted by name."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _folders_traces(root: Path, reader: Mapping[str, Any]) -> tuple[str, bool]:
    return "one sub-folder a class", root.is_dir() and bool(class_folders(root))


def _folders_rows(root: Path, reader: Mapping[str, Any]) -> Iterator[Row]:
    for folder in class_folders(root):
        files = sorted(f"{folder.name}/{path}" for path in visible(folder, "**/*"))
        audio = [path for path in files if Path(path).suffix.lower() in AUDIO_SUFFIXES]
        if not audio:
            seen = sorted({Path(path).suffix or path for path in files})
            raise UsageError(
                f"{folder}: holds no audio, only {', '.join(seen) or 'nothing'}; every sub-folder is a class and needs "
                f"clips in one of {' '.join(AUDIO_SUFFIXES)}: fill it or move it away"
            )
        for path in audio:
            yield Row(path, {**_place(path), "label": folder.name})


SOURCES: Mapping[str, Source] = {
    "paths": Source(
        {"files": Field((str, list), each=Field(str)), "pattern": Field(str)},
        _paths_traces,
        _paths_rows,
    ),
    "table": Source(
        {
            "table": Field(str),  # the file, or a glob, relative to the dataset's folder
            "delimiter": Field(str, required=False, default=","),
            "header": Field(int, required=False, default=1, min=0, max=9),
            "columns": Field(list, required=False, default=[], each=Field(str)),  # where there is no header
        },
        _table_traces,
        _table_rows,
    ),
    "json": Source(
        {
            "file": Field(str),
            "form": Field(str, choices=("lines", "object")),
            "each": Field(str, required=False, default=""),  # a nested list: one row an element
            "blank": Field(list, required=False, default=[], each=Field(str)),  # columns of an empty list's one row
        },
        _json_traces,
        _json_rows,
    ),
    "folders": Source({}, _folders_traces, _folders_rows),
}
