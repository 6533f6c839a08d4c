"""From rows to clips: templates filled, labels gathered, rows left out, clips put into their parts.

The fields that are followed here are those of `evaluator/datasets/reading/readers.py`, which says what each means.
"""

import fnmatch
import glob
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

from evaluator.audio.clip import Clip
from evaluator.datasets.reading import windows
from evaluator.datasets.reading.rows import Row
from evaluator.errors import UsageError

LABEL_SEPARATOR = ";"  # between the labels of one clip in a user's own CSV
CLIP_FIELDS = ("label", "fold", "split", "group")
TEMPLATES = ("path", *CLIP_FIELDS, "start", "end")


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
        return itemgetter(parts[0][1])
    return lambda values: "".join(
        literal + ("" if name is None else format(values[name], spec)) for literal, name, spec in parts
    )


# Rows to clips -------------------------------------------------------------------------------------------------------


def clips(found_rows: Iterable[Row], root: Path, reader: Mapping[str, Any]) -> list[Clip]:
    """The clips that the rows mean, in their order.

    Args:
        found_rows: Of the reader's source.
        root: Folder that the clips' paths are relative to.
        reader: The reader's fields.

    Raises:
        UsageError: A row does not fit; the sentence names it.
    """
    found = _clips_of(_kept(_derived(found_rows, reader), reader), root, reader)
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
    fillers = {column: itemgetter(column) for column in (*where, *drop)}
    for row in found:
        if all(_filled(fillers[column], row) in values for column, values in where.items()) and not any(
            _filled(fillers[column], row) in values for column, values in drop.items()
        ):
            yield row


def _clips_of(found: Iterable[Row], root: Path, reader: Mapping[str, Any]) -> Iterator[tuple[str, Clip]]:
    """Each row's clip, and where the row stands."""
    templates = {name: reader[name] for name in TEMPLATES if reader[name]}
    if reader["kind"] in ("paths", "folders"):
        groups = re.compile(reader["pattern"]).groupindex if reader["kind"] == "paths" else {"label": 1}
        implied = ["path", *(name for name in CLIP_FIELDS if name in groups)]
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
    columns = {name: itemgetter(name) for name in reader["label_columns"]}

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
        for group in groups[slice_of(text)]:
            if split_of.setdefault(group, split) != split:
                raise UsageError(
                    f"of {len(groups)} groups, {group!r} is in both {split_of[group]!r} ({slices[split_of[group]]}) and "
                    f"{split!r} ({text}); these splits need more groups"
                )
    return [replace(clip, split=split_of[clip.group]) for clip in clips if clip.group in split_of]


def slice_of(text: str) -> slice:
    """What a slice such as `-20:-10` means.

    Raises:
        ValueError: It is none.
    """
    start, colon, stop = text.partition(":")
    if not colon:
        raise ValueError(f"{text!r} is no slice such as -20:-10")
    return slice(int(start) if start else None, int(stop) if stop else None)
