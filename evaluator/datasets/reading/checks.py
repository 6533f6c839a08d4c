"""What is wrong with a reader's fields beyond their types, found before any file is looked at."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluator.datasets.reading import rows, windows
from evaluator.datasets.reading.shaping import CLIP_FIELDS, TEMPLATES, columns_of, slice_of


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
    templates = [reader[name] for name in (*TEMPLATES, "label_file")] + [step["from"] for step in reader["derive"]]
    used = {column for template in templates for column in columns_of(template)}
    used |= {*CLIP_FIELDS, *reader["where"], *reader["drop"], *reader["label_columns"]}
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
    for name in (*TEMPLATES, "label_file"):
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
            slice_of(text)
        except ValueError as error:
            yield "split_by_order", str(error)
    yield from windows.mistakes(reader["windows"])
