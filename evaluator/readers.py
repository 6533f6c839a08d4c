"""From the files of a dataset to its clips: one reader a layout, chosen by `reader.kind` of the dataset's YAML.

| kind | the layout | order of the clips |
|---|---|---|
| `paths` | everything is in the file names: a glob, and a regular expression over the path | sorted paths |
| `table` | a delimited file with one line a clip, its columns named in its first line | the table's |
| `folders` | one sub-folder a class | sorted paths |

Paths are relative to the dataset's folder, with forward slashes. Times are in seconds. Hidden files are never read.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.errors import UsageError
from evaluator.schema import Field

# What libsndfile 1.2 reads, by file name: https://libsndfile.github.io/libsndfile/formats.html
_SUFFIXES = "wav wave rf64 w64 flac ogg oga opus mp3 aif aiff aifc au snd caf voc sph nist"
AUDIO_SUFFIXES = tuple(f".{suffix}" for suffix in _SUFFIXES.split())

LABEL_SEPARATOR = ";"  # between the labels of one clip in a user's own CSV


@dataclass(frozen=True)
class Clip:
    """A stretch of one recording, what is heard in it, and to which part of the data it belongs.

    path: Of the recording, relative to the dataset's folder, with forward slashes.
    labels: Names of the classes heard; exactly one where the task is single-label.
    start, end: In seconds from the start of the recording; None where the recording starts or ends.
    fold, split, group: As the dataset gives them, "" where it does not. A group is what must not be on both sides
        of a split: an individual, a speaker, a source recording.
    """

    path: str
    labels: tuple[str, ...]
    start: float | None = None
    end: float | None = None
    fold: str = ""
    split: str = ""
    group: str = ""

    @property
    def name(self) -> str:
        """The path, followed by `#start-end` in seconds where the clip is not the whole recording."""
        if self.start is None and self.end is None:
            return self.path
        return f"{self.path}#{self.start or 0:g}-{'' if self.end is None else format(self.end, 'g')}"


@dataclass(frozen=True)
class Reader:
    """One way to read a dataset: the fields of its YAML, the layout's traces on disk, and its clips.

    traces: (root, reader's fields) -> what has to be under `root`, as words, and whether it is there.
    clips: (root, reader's fields) -> the clips, in their natural order.
    """

    fields: Mapping[str, Field]
    traces: Callable[[Path, Mapping[str, Any]], tuple[str, bool]]
    clips: Callable[[Path, Mapping[str, Any]], list[Clip]]


_CLIP_FIELDS = ("label", "fold", "split", "group")

# names: {label: {"001": dog}} turns what the files say into what we say. Under "*" stands the name of all others;
# without it, a value that is not in the table is an error.
_NAMES = Field(
    dict,
    required=False,
    default={},
    fields={name: Field(dict, required=False, default={}, each=Field(str)) for name in _CLIP_FIELDS},
)
_KIND = Field(str)
# classes: fixes the order of the classes (and which there are); without it they are sorted by name.
_CLASSES = Field(list, required=False, default=[], each=Field(str))


def _named(reader: Mapping[str, Any], field: str, value: str, where: str) -> str:
    table = reader["names"].get(field, {}) if reader["names"] else {}
    if not table or value in table:
        return table.get(value, value)
    if "*" not in table:
        raise UsageError(f"{where}: {field} {value!r} is not in the dataset's table of names: {', '.join(table)}")
    return table["*"]


# paths ---------------------------------------------------------------------------------------------------------------


def _paths_traces(root: Path, reader: Mapping[str, Any]) -> tuple[str, bool]:
    return f"files like {reader['files']}", next(_visible(root, reader["files"]), None) is not None


def _read_paths(root: Path, reader: Mapping[str, Any]) -> list[Clip]:
    pattern = re.compile(reader["pattern"])
    clips, strangers = [], []
    for path in sorted(_visible(root, reader["files"])):
        match = pattern.fullmatch(path)
        if match is None or match["label"] is None:
            strangers.append(path)
            continue
        said: dict[str, Any] = {
            field: _named(reader, field, value, path)
            for field, value in match.groupdict().items()
            if field in _CLIP_FIELDS and value is not None
        }
        clips.append(Clip(path, (said.pop("label"),), **said))
    if strangers:
        raise UsageError(
            f"{root}: {len(strangers)} files fit the dataset's files: {reader['files']}, but not its pattern: "
            f"{reader['pattern']}; the first: {', '.join(strangers[:3])}. Move what does not belong there"
        )
    return clips


def _visible(root: Path, glob: str) -> Iterator[str]:
    for path in root.glob(glob):
        relative = path.relative_to(root)
        if not any(part.startswith(".") for part in relative.parts) and path.is_file():
            yield relative.as_posix()


# table ---------------------------------------------------------------------------------------------------------------


def _table_traces(root: Path, reader: Mapping[str, Any]) -> tuple[str, bool]:
    return f"the table {reader['table']}", (root / reader["table"]).is_file()


def _read_table(root: Path, reader: Mapping[str, Any]) -> list[Clip]:
    table = root / reader["table"]
    columns, rows = read_rows(table, reader["delimiter"])
    wanted = re.findall(r"\{([^}]+)\}", reader["path"])
    wanted += [reader[name] for name in (*_CLIP_FIELDS, "start", "end") if reader[name]] + list(reader["where"])
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise UsageError(f"{table}: there is no column {missing[0]!r}; its columns are {', '.join(columns)}")
    clips: list[Clip] = []
    lines: dict[str, int] = {}
    for line, row in rows:
        if any(row[column] not in values for column, values in reader["where"].items()):
            continue
        clip = _clip_of_row(f"{table}:{line}", reader, row)
        if clip.name in lines:
            raise UsageError(
                f"{table}:{line}: clip {clip.name} stands there twice, first on line {lines[clip.name]}; "
                f"a clip with several labels takes one line, its labels joined by {LABEL_SEPARATOR!r}"
            )
        lines[clip.name] = line
        clips.append(clip)
    return clips


def _clip_of_row(where: str, reader: Mapping[str, Any], row: Mapping[str, str]) -> Clip:
    path = re.sub(r"\{([^}]+)\}", lambda match: row[match[1]], reader["path"])
    if not path:
        raise UsageError(f"{where}: the path is empty")
    label = row[reader["label"]]
    separator = reader["label_separator"]
    labels = [part.strip() for part in label.split(separator)] if separator else [label]
    if "" in labels and not (separator and label == ""):
        raise UsageError(f"{where}: a label is empty ({label!r})")
    return Clip(
        path=path,
        labels=tuple(dict.fromkeys(_named(reader, "label", name, where) for name in labels if name)),
        start=_seconds(where, row, reader["start"]),
        end=_seconds(where, row, reader["end"]),
        **{
            field: _named(reader, field, row[reader[field]], where)
            for field in ("fold", "split", "group")
            if reader[field]
        },
    )


def _seconds(where: str, row: Mapping[str, str], column: str) -> float | None:
    if not column or not row[column]:
        return None
    try:
        return float(row[column])
    except ValueError:
        raise UsageError(f"{where}: {column} is {row[column]!r}, but should be a number of seconds or empty") from None


def read_rows(table: Path, delimiter: str) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The columns of a delimited file, and its rows as (line number, column -> value without outer spaces).

    Quotes, CRLF line ends and a byte-order mark are understood; empty lines are skipped.

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
        columns = [name.strip() for name in next(lines, [])]
        if not any(columns):
            raise UsageError(f"{table}: its first line is empty, but should name the columns")
        if len(set(columns)) < len(columns):
            raise UsageError(f"{table}: its first line names a column twice: {', '.join(columns)}")
        rows = []
        for row in lines:
            if not any(value.strip() for value in row):
                continue
            if len(row) != len(columns):
                raise UsageError(
                    f"{table}:{lines.line_num}: has {len(row)} values, but the first line names {len(columns)} columns; "
                    "a value with a comma in it goes in double quotes"
                )
            rows.append((lines.line_num, dict(zip(columns, (value.strip() for value in row), strict=True))))
    except csv.Error as error:
        raise UsageError(f"{table}:{lines.line_num}: not a readable table: {error}") from error
    return columns, rows


# folders -------------------------------------------------------------------------------------------------------------


def class_folders(root: Path) -> list[Path]:
    """The visible folders in `root`, sorted by name."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _folders_traces(root: Path, reader: Mapping[str, Any]) -> tuple[str, bool]:
    return "one sub-folder a class", root.is_dir() and bool(class_folders(root))


def _read_folders(root: Path, reader: Mapping[str, Any]) -> list[Clip]:
    clips = []
    for folder in class_folders(root):
        files = sorted(f"{folder.name}/{path}" for path in _visible(folder, "**/*"))
        audio = [path for path in files if Path(path).suffix.lower() in AUDIO_SUFFIXES]
        if not audio:
            seen = sorted({Path(path).suffix or path for path in files})
            raise UsageError(
                f"{folder}: holds no audio, only {', '.join(seen) or 'nothing'}; every sub-folder is a class and needs "
                f"clips in one of {' '.join(AUDIO_SUFFIXES)}: fill it or move it away"
            )
        label = _named(reader, "label", folder.name, str(folder))
        clips += [Clip(path, (label,)) for path in audio]
    return clips


_TEXT = Field(str, required=False, default="")
_TABLE_FIELDS = {
    "kind": _KIND,
    "table": Field(str),  # the file, relative to the dataset's folder
    "delimiter": Field(str, required=False, default=","),
    "path": Field(str),  # of the audio: a template of columns, such as audio/{filename}
    "label": Field(str),  # these and the next five are names of columns
    "start": _TEXT,
    "end": _TEXT,
    "fold": _TEXT,
    "split": _TEXT,
    "group": _TEXT,
    "label_separator": _TEXT,  # several labels in one value, such as dog;rain; none where empty
    "where": Field(dict, required=False, default={}, each=Field(list, each=Field(str))),  # column: values to keep
    "names": _NAMES,
    "classes": _CLASSES,
}
READERS: Mapping[str, Reader] = {
    "paths": Reader(
        {"kind": _KIND, "files": Field(str), "pattern": Field(str), "names": _NAMES, "classes": _CLASSES},
        _paths_traces,
        _read_paths,
    ),
    "table": Reader(_TABLE_FIELDS, _table_traces, _read_table),
    "folders": Reader({"kind": _KIND, "names": _NAMES, "classes": _CLASSES}, _folders_traces, _read_folders),
}


def of_folders() -> dict[str, Any]:
    """The reader of a user's folder with one sub-folder a class."""
    return {"kind": "folders", "names": {}, "classes": []}


def of_csv(table: Path) -> dict[str, Any]:
    """The reader of a user's CSV (or, by its suffix, TSV) with the columns path, label and what else it has.

    Raises:
        UsageError: It cannot be read, or a column that it needs is not there.
    """
    delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
    columns, rows = read_rows(table, delimiter)
    for needed in ("path", "label"):
        if needed not in columns:
            raise UsageError(
                f"{table}: there is no column {needed!r}; its columns are {', '.join(columns)}, but it needs path,label "
                "and may have start,end,fold or split,group"
            )
    several = any(LABEL_SEPARATOR in row["label"] for _, row in rows)
    return {
        "kind": "table",
        "table": table.name,
        "delimiter": delimiter,
        "path": "{path}",
        **{name: name if name in columns else "" for name in ("label", "start", "end", "fold", "split", "group")},
        "label_separator": LABEL_SEPARATOR if several else "",
        "where": {},
        "names": {},
        "classes": [],
    }


def mistakes(reader: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """What is wrong with a reader's fields beyond their types: (field, sentence) pairs."""
    found = []
    if reader["kind"] == "paths":
        try:
            named = re.compile(reader["pattern"]).groupindex
            if "label" not in named:
                found.append(("pattern", "has no group (?P<label>...), so no clip would have a label"))
            found += [
                ("pattern", f"has a group {name!r}; known: {', '.join(_CLIP_FIELDS)}")
                for name in named
                if name not in _CLIP_FIELDS
            ]
        except re.error as error:
            found.append(("pattern", f"is no regular expression: {error}"))
        try:
            next(Path("nowhere").glob(reader["files"]), None)
        except (ValueError, NotImplementedError) as error:
            found.append(("files", f"is no glob over relative paths, such as */*.wav: {error}"))
    if reader["kind"] == "table" and len(reader["delimiter"]) != 1:
        found.append(("delimiter", f"is {reader['delimiter']!r}, but should be one character"))
    return found
