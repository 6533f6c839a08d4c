"""From the rows of a dataset's files to its clips, as the `reader` of its YAML says.

A reader names a source of rows (`kind`: see `evaluator/rows.py`) and says what of a row becomes what of a clip.
`path`, `label`, `start`, `end`, `fold`, `split` and `group` are templates: text in which `{column}` stands for the
row's value, and `{column:0>6}` for that value filled up with zeros to six characters (Python's format specifications).
For `paths` and `folders` the path is the file, and label, fold, split and group are the pattern's groups of that name,
unless said otherwise; of tables and JSON nothing is taken that is not said. Times are in seconds.

The kind `hear` reads the folders that hear-preprocess writes (`evaluator/hear_layout.py`) and takes none of this.
"""

import fnmatch
import glob
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluator import hear_layout, rows, windows
from evaluator.clip import Clip
from evaluator.errors import UsageError
from evaluator.rows import AUDIO_SUFFIXES, Row, class_folders, read_table
from evaluator.schema import Field

__all__ = ["AUDIO_SUFFIXES", "READERS", "Clip", "Reader", "class_folders", "mistakes", "of_csv", "of_folders"]

LABEL_SEPARATOR = ";"  # between the labels of one clip in a user's own CSV
_CLIP_FIELDS = ("label", "fold", "split", "group")
_TEMPLATES = ("path", *_CLIP_FIELDS, "start", "end")


@dataclass(frozen=True)
class Reader:
    """One way to read a dataset: the fields of its YAML, the layout's traces on disk, its clips and its classes.

    traces: (root, reader's fields) -> what has to be under `root`, as words, and whether it is there.
    clips: (root, reader's fields) -> the clips, in their natural order.
    classes: (root, reader's fields) -> the classes in their order; empty if the dataset does not fix them.
    """

    fields: Mapping[str, Field]
    traces: Callable[[Path, Mapping[str, Any]], tuple[str, bool]]
    clips: Callable[[Path, Mapping[str, Any]], list[Clip]]
    classes: Callable[[Path, Mapping[str, Any]], tuple[str, ...]]


_TEXT = Field(str, required=False, default="")
_YES_NO = Field(bool, required=False, default=False)
_TEXTS = Field(list, required=False, default=[], each=Field(str))
_VALUES = Field(dict, required=False, default={}, each=Field(list, each=Field(str)))
_RENAMED = Field(dict, required=False, default={}, each=Field(str))
_VOCABULARY = {
    "table": Field(str),
    "delimiter": Field(str, required=False, default=","),
    "header": Field(int, required=False, default=1, least=0, most=9),
    "columns": _TEXTS,
    "label": Field(str),  # the column
}
_SHAPE = {
    "kind": Field(str),
    # Columns cut out of others: the pattern has to match the whole text, its named groups become columns.
    "derive": Field(
        list, required=False, default=[], each=Field(dict, fields={"from": Field(str), "pattern": Field(str)})
    ),
    "where": _VALUES,  # column: values kept
    "drop": _VALUES,  # column: values left out
    "leave_out": _TEXTS,  # globs over the clips' paths
    "lower_case": _TEXTS,  # columns that are put in lower case, and their accents in one form
    "on_disk": _YES_NO,  # whether clips are left out whose file is not there; the expected counts tell of it
    "repeats": _YES_NO,  # whether a stretch may stand there twice, as published
    **dict.fromkeys(_TEMPLATES, _TEXT),
    "label_separator": _TEXT,  # several labels in one value, such as dog;rain; none where empty
    "label_columns": _TEXTS,  # several labels as one column each, `positive` where the clip has the label
    "positive": Field(str, required=False, default="1"),
    "label_file": _TEXT,  # template of the path of a text file with one label a line
    # names: {label: {"001": dog}} turns what the files say into what we say. Under "*" stands the name of all others
    # ("*" keeps them as they are); without it, a value that is not in the table is an error.
    "names": Field(dict, required=False, default={}, fields=dict.fromkeys(_CLIP_FIELDS, _RENAMED)),
    # classes fixes their order (and which there are), vocabulary reads them; without either they are sorted by name.
    "classes": _TEXTS,
    "vocabulary": Field(dict, required=False, default={}, fields=_VOCABULARY),
    "other_label": _TEXT,  # the class of every label that is not among the classes
    "drop_unlabelled": _YES_NO,
    "split_lists": _RENAMED,  # file that lists clips' paths: their split; "*": that of all others
    "split_by_order": _RENAMED,  # split: slice of the sorted groups, such as "-10:"; groups in none are left out
    "windows": Field(dict, required=False, default={}, fields=windows.FIELDS),
}


# Templates -----------------------------------------------------------------------------------------------------------


def columns_of(template: str) -> list[str]:
    """The columns that a template names.

    >>> columns_of("audio/{folder}/{id:0>6}.mp3")
    ['folder', 'id']
    """
    return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]


def _filler(template: str) -> Callable[[Mapping[str, str]], str]:
    """A function that puts a row's values into the template; KeyError if it lacks one."""
    parts = [(literal, name, spec or "") for literal, name, spec, _ in string.Formatter().parse(template)]
    if len(parts) == 1 and parts[0][1] is not None and not parts[0][0] and not parts[0][2]:
        column = parts[0][1]
        return lambda values: values[column]
    return lambda values: "".join(
        literal + ("" if name is None else format(values[name], spec)) for literal, name, spec in parts
    )


# Rows to clips -------------------------------------------------------------------------------------------------------


def _read(root: Path, reader: Mapping[str, Any]) -> list[Clip]:
    found = _clips_of(_kept(_derived(rows.SOURCES[reader["kind"]].rows(root, reader), reader), reader), root, reader)
    found = _left(found, root, reader)
    if not reader["windows"]:
        return _sorted_into_splits(_labelled(found if reader["repeats"] else _once(found), reader), root, reader)
    if reader["windows"]["of"] == "spans":
        return windows.of_spans(_sorted_into_splits(found, root, reader), reader["windows"])
    events = [clip for _, clip in found]
    return _ordered(windows.of_recordings(events, root, reader["windows"]), reader["split_by_order"])


def _derived(found: Iterable[Row], reader: Mapping[str, Any]) -> Iterator[Row]:
    steps = [(_filler(step["from"]), re.compile(step["pattern"]), step["from"]) for step in reader["derive"]]
    for row in found:
        for fill, pattern, template in steps:
            text = _filled(fill, row)
            match = pattern.fullmatch(text)
            if match is None:
                raise UsageError(f"{row.where}: {template} is {text!r}, which does not fit {pattern.pattern}")
            row.values.update({name: value or "" for name, value in match.groupdict().items()})
        for column in reader["lower_case"]:
            row.values[column] = unicodedata.normalize("NFC", row.values.get(column, "")).lower()
        yield row


def _kept(found: Iterable[Row], reader: Mapping[str, Any]) -> Iterator[Row]:
    where, drop = reader["where"], reader["drop"]
    if not where and not drop:
        yield from found
        return
    fillers = {column: _filler(f"{{{column}}}") for column in (*where, *drop)}
    for row in found:
        if all(_filled(fillers[column], row) in values for column, values in where.items()) and not any(
            _filled(fillers[column], row) in values for column, values in drop.items()
        ):
            yield row


def _clips_of(found: Iterable[Row], root: Path, reader: Mapping[str, Any]) -> Iterator[tuple[str, Clip]]:
    """Each row's clip, and where the row stands."""
    templates = {name: reader[name] for name in _TEMPLATES if reader[name]}
    if reader["kind"] in ("paths", "folders"):
        groups = re.compile(reader["pattern"]).groupindex if reader["kind"] == "paths" else {"label": 1}
        implied = ["path", *(name for name in _CLIP_FIELDS if name in groups)]
        templates = {**{name: f"{{{name}}}" for name in implied}, **templates}
    fill = {name: _filler(template) for name, template in templates.items()}
    labels_of = _label_reader(root, reader, fill)
    for row in found:
        path = _filled(fill["path"], row)
        if not path:
            raise UsageError(f"{row.where}: the path is empty")
        start, end = (_seconds(row, name, fill) for name in ("start", "end"))
        fold, split, group = (
            _named(reader, name, _filled(fill[name], row), row.where) if name in fill else ""
            for name in ("fold", "split", "group")
        )
        yield row.where, Clip(path, labels_of(row), start, end, fold, split, group)


def _filled(fill: Callable[[Mapping[str, str]], str], row: Row) -> str:
    try:
        return fill(row.values)
    except KeyError as error:
        raise UsageError(
            f"{row.where}: there is no column {error.args[0]!r}; its columns are {', '.join(row.own_columns)}"
        ) from None


def _label_reader(root: Path, reader: Mapping[str, Any], fill: Mapping[str, Any]) -> Callable[[Row], tuple[str, ...]]:
    """The function that gives a row's labels, in the way that the reader says they are written."""
    separator = reader["label_separator"]
    optional = reader["drop_unlabelled"] or reader["windows"].get("of") == "recordings"  # a recording without events
    classes, other = set(reader["classes"]), reader["other_label"]
    label_file = _filler(reader["label_file"])
    several = glob.has_magic(reader.get("table", ""))  # tables of which each has columns of its own
    columns = {name: _filler(f"{{{name}}}") for name in reader["label_columns"]}

    def written(row: Row) -> list[str]:
        if reader["label_columns"]:
            there = {name: each for name, each in columns.items() if not several or name in row.values}
            return [name for name, each in there.items() if _filled(each, row) == reader["positive"]]
        if reader["label_file"]:
            return _label_lines(root / _filled(label_file, row), row.where)
        if "label" not in fill:
            return []
        text = _filled(fill["label"], row)
        return [part.strip() for part in text.split(separator)] if separator else [text]

    def labels(row: Row) -> tuple[str, ...]:
        names = [_named(reader, "label", name, row.where) for name in written(row)]
        if "" in names and not separator and not optional:
            raise UsageError(f"{row.where}: the label is empty")
        if "" in names and len(names) > 1:
            raise UsageError(f"{row.where}: a label is empty ({separator.join(names)!r})")
        if other:
            names = [name if name in classes else other for name in names]
        return tuple(dict.fromkeys(name for name in names if name))

    return labels


def _label_lines(file: Path, where: str) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: its labels cannot be read from {file}: {error}") from error


def _named(reader: Mapping[str, Any], field: str, value: str, where: str) -> str:
    table = reader["names"].get(field, {}) if reader["names"] else {}
    if not table or value in table:
        return table.get(value, value)
    if "*" not in table:
        raise UsageError(f"{where}: {field} {value!r} is not in the dataset's table of names: {', '.join(table)}")
    return value if table["*"] == "*" else table["*"]


def _seconds(row: Row, name: str, fill: Mapping[str, Any]) -> float | None:
    text = _filled(fill[name], row) if name in fill else ""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{row.where}: {name} is {text!r}, but should be a number of seconds or empty") from None


# Clips among clips ---------------------------------------------------------------------------------------------------


def _left(clips: Iterable[tuple[str, Clip]], root: Path, reader: Mapping[str, Any]) -> Iterator[tuple[str, Clip]]:
    patterns = [re.compile(fnmatch.translate(pattern)) for pattern in reader["leave_out"]]
    there: dict[str, bool] = {}
    for where, clip in clips:
        if any(pattern.match(clip.path) for pattern in patterns):
            continue
        if reader["on_disk"]:
            if clip.path not in there:
                there[clip.path] = (root / clip.path).is_file()
            if not there[clip.path]:
                continue
        yield where, clip


def _once(clips: Iterable[tuple[str, Clip]]) -> Iterator[tuple[str, Clip]]:
    seen: dict[str, str] = {}
    for where, clip in clips:
        if clip.name in seen:
            raise UsageError(
                f"{where}: clip {clip.name} stands there twice, first in {seen[clip.name]}; "
                f"a clip with several labels takes one line, its labels joined by {LABEL_SEPARATOR!r}"
            )
        seen[clip.name] = where
        yield where, clip


def _labelled(clips: Iterable[tuple[str, Clip]], reader: Mapping[str, Any]) -> Iterable[tuple[str, Clip]]:
    return (pair for pair in clips if pair[1].labels) if reader["drop_unlabelled"] else clips


def _sorted_into_splits(clips: Iterable[tuple[str, Clip]], root: Path, reader: Mapping[str, Any]) -> list[Clip]:
    found = [clip for _, clip in clips]
    if reader["split_lists"]:
        listed: dict[str, str] = {}
        for name, split in reader["split_lists"].items():
            paths = _label_lines(root / name, "split_lists") if name != "*" else []
            both = [path for path in paths if listed.get(path, split) != split]
            if both:
                raise UsageError(f"{root / name}: clip {both[0]} is in another list too, that of {listed[both[0]]!r}")
            listed.update(dict.fromkeys(paths, split))
        missing = sorted(set(listed) - {clip.path for clip in found})
        if missing:
            raise UsageError(
                f"{root}: {len(missing)} clips of {' and '.join(name for name in reader['split_lists'] if name != '*')} "
                f"are not there, {missing[0]} for one; get the whole dataset, or take them out of the list"
            )
        rest = reader["split_lists"].get("*", "")
        found = [replace(clip, split=listed.get(clip.path, rest)) for clip in found]
    return _ordered(found, reader["split_by_order"])


def _ordered(clips: list[Clip], slices: Mapping[str, str]) -> list[Clip]:
    """The clips with the split in whose slice of the sorted groups theirs is; without those that are in none."""
    if not slices:
        return clips
    groups = sorted({clip.group for clip in clips})
    split_of: dict[str, str] = {}
    for split, text in slices.items():
        for group in groups[_slice(text)]:
            if split_of.setdefault(group, split) != split:
                raise UsageError(
                    f"of {len(groups)} groups, {group!r} is in both {split_of[group]!r} ({slices[split_of[group]]}) and "
                    f"{split!r} ({text}); these splits need more groups"
                )
    return [replace(clip, split=split_of[clip.group]) for clip in clips if clip.group in split_of]


def _slice(text: str) -> slice:
    """What a slice such as `-20:-10` means.

    Raises:
        ValueError: It is none.
    """
    start, colon, stop = text.partition(":")
    if not colon:
        raise ValueError(f"{text!r} is no slice such as -20:-10")
    return slice(int(start) if start else None, int(stop) if stop else None)


# Which readers there are, and their slips ----------------------------------------------------------------------------


def _classes(root: Path, reader: Mapping[str, Any]) -> tuple[str, ...]:
    said = reader["vocabulary"]
    if not said:
        return tuple(reader["classes"] or reader["label_columns"])
    table = root / said["table"]
    columns, lines = read_table(table, said["delimiter"], said["header"], said["columns"])
    if said["label"] not in columns:
        raise UsageError(f"{table}: there is no column {said['label']!r}; its columns are {', '.join(columns)}")
    place = columns.index(said["label"])
    return tuple(values[place] for _, values in lines)


READERS: Mapping[str, Reader] = {
    **{
        kind: Reader({**_SHAPE, **source.fields}, source.traces, _read, _classes)
        for kind, source in rows.SOURCES.items()
    },
    "hear": Reader(hear_layout.FIELDS, hear_layout.traces, hear_layout.read_clips, hear_layout.classes),
}


def _plain(kind: str, **said: Any) -> dict[str, Any]:
    """A reader with the fields that are said, and the defaults of the others."""
    return {name: said.get(name, field.default) for name, field in READERS[kind].fields.items()} | {"kind": kind}


def of_folders() -> dict[str, Any]:
    """The reader of a user's folder with one sub-folder a class."""
    return _plain("folders")


def of_csv(table: Path) -> dict[str, Any]:
    """The reader of a user's CSV (or, by its suffix, TSV) with the columns path, label and what else it has.

    Raises:
        UsageError: It cannot be read, or a column that it needs is not there.
    """
    delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
    columns, lines = read_table(table, delimiter)
    for needed in ("path", "label"):
        if needed not in columns:
            raise UsageError(
                f"{table}: there is no column {needed!r}; its columns are {', '.join(columns)}, but it needs path,label "
                "and may have start,end,fold or split,group"
            )
    place = columns.index("label")
    several = any(LABEL_SEPARATOR in values[place] for _, values in lines)
    return _plain(
        "table",
        table=table.name,
        delimiter=delimiter,
        label_separator=LABEL_SEPARATOR if several else "",
        **{name: f"{{{name}}}" for name in _TEMPLATES if name in columns},
    )


def mistakes(reader: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """What is wrong with a reader's fields beyond their types: (field, sentence) pairs."""
    if reader["kind"] == "hear":
        return []
    return [
        *(_paths_mistakes(reader) if reader["kind"] == "paths" else []),
        *(_table_mistakes(reader) if reader["kind"] == "table" else []),
        *_template_mistakes(reader),
        *_label_mistakes(reader),
        *_order_mistakes(reader),
    ]


def unused_groups(reader: Mapping[str, Any]) -> list[str]:
    """Named groups of a `paths` reader that become nothing: in a user's own file, most likely a slip of the pen."""
    if reader["kind"] != "paths":
        return []
    templates = [reader[name] for name in (*_TEMPLATES, "label_file")] + [step["from"] for step in reader["derive"]]
    used = {column for template in templates for column in columns_of(template)}
    used |= {*_CLIP_FIELDS, *reader["where"], *reader["drop"], *reader["label_columns"]}
    return [name for name in re.compile(reader["pattern"]).groupindex if name not in used]


def _paths_mistakes(reader: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        re.compile(reader["pattern"])
    except re.error as error:
        yield "pattern", f"is no regular expression: {error}"
    for files in rows.globs(reader):
        try:
            next(Path("nowhere").glob(files), None)
        except (ValueError, NotImplementedError) as error:
            yield "files", f"is no glob over relative paths, such as */*.wav: {error}"


def _table_mistakes(reader: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if len(reader["delimiter"]) != 1:
        yield "delimiter", f"is {reader['delimiter']!r}, but should be one character"
    if (reader["header"] == 0) != bool(reader["columns"]):
        yield "columns", "name the columns of a table without header (header: 0), and of no other"


def _template_mistakes(reader: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in (*_TEMPLATES, "label_file"):
        try:
            columns_of(reader[name])
        except ValueError as error:
            yield name, f"is no template such as audio/{{filename}}: {error}"
    for step in reader["derive"]:
        try:
            re.compile(step["pattern"])
            columns_of(step["from"])
        except (re.error, ValueError) as error:
            yield "derive", f"cannot be followed ({step['from']}, {step['pattern']}): {error}"
    if not reader["path"] and reader["kind"] in ("table", "json"):
        yield "path", "is missing: a template of the audio's path, such as audio/{filename}"


def _label_mistakes(reader: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    ways = [name for name in ("label", "label_columns", "label_file") if reader[name]]
    named = re.compile(reader["pattern"]).groupindex if reader["kind"] == "paths" and not _broken(reader) else {}
    if not ways and reader["kind"] != "folders" and "label" not in named:
        where = "pattern" if reader["kind"] == "paths" else "label"
        yield where, "gives no label: name a group (?P<label>...), or say label, label_columns or label_file"
    if len(ways) > 1:
        yield ways[1], f"stands beside {ways[0]}; a clip's labels come from one of them"
    if reader["label"] and not _columns_or_none(reader["label"]) and reader["kind"] == "table":
        yield "label", f"is the same for every clip; if {reader['label']!r} is a column, write {{{reader['label']}}}"
    if reader["other_label"] and reader["other_label"] not in reader["classes"]:
        yield "other_label", f"{reader['other_label']!r} is not among the classes"


def _columns_or_none(template: str) -> list[str]:
    """The columns of a template, none if it is broken."""
    try:
        return columns_of(template)
    except ValueError:
        return []


def _broken(reader: Mapping[str, Any]) -> bool:
    return any(True for _ in _paths_mistakes(reader))


def _order_mistakes(reader: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for text in reader["split_by_order"].values():
        try:
            _slice(text)
        except ValueError as error:
            yield "split_by_order", str(error)
    yield from windows.mistakes(reader["windows"])
