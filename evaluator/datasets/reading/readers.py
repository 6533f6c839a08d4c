"""From the rows of a dataset's files to its clips, as the `reader` of its YAML says.

A reader names a source of rows (`kind`: see `evaluator/datasets/reading/rows.py`) and says what of a row becomes what of a clip.
`path`, `label`, `start`, `end`, `fold`, `split` and `group` are templates: text in which `{column}` stands for the
row's value, and `{column:0>6}` for that value filled up with zeros to six characters (Python's format specifications).
For `paths` and `folders` the path is the file, and label, fold, split and group are the pattern's groups of that name,
unless said otherwise; of tables and JSON nothing is taken that is not said. Times are in seconds.

The kind `hear` reads the folders that hear-preprocess writes (`evaluator/datasets/reading/hear_layout.py`) and takes none of this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evaluator.audio.clip import Clip
from evaluator.datasets.reading import hear_layout, rows, shaping, windows
from evaluator.datasets.reading.rows import Source, read_table
from evaluator.datasets.reading.shaping import CLIP_FIELDS, LABEL_SEPARATOR, TEMPLATES
from evaluator.errors import UsageError
from evaluator.schema import Field


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
    "header": Field(int, required=False, default=1, min=0, max=9),
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
    **dict.fromkeys(TEMPLATES, _TEXT),
    "label_separator": _TEXT,  # several labels in one value, such as dog;rain; none where empty
    "label_columns": _TEXTS,  # several labels as one column each, `positive` where the clip has the label
    "positive": Field(str, required=False, default="1"),
    "label_file": _TEXT,  # template of the path of a text file with one label a line
    # names: {label: {"001": dog}} turns what the files say into what we say. Under "*" stands the name of all others
    # ("*" keeps them as they are); without it, a value that is not in the table is an error.
    "names": Field(dict, required=False, default={}, fields=dict.fromkeys(CLIP_FIELDS, _RENAMED)),
    # classes fixes their order (and which there are), vocabulary reads them; without either they are sorted by name.
    "classes": _TEXTS,
    "vocabulary": Field(dict, required=False, default={}, fields=_VOCABULARY),
    "other_label": _TEXT,  # the class of every label that is not among the classes
    "drop_unlabelled": _YES_NO,
    "split_lists": _RENAMED,  # file that lists clips' paths: their split; "*": that of all others
    "split_by_order": _RENAMED,  # split: slice of the sorted groups, such as "-10:"; groups in none are left out
    "windows": Field(dict, required=False, default={}, fields=windows.FIELDS),
}


def _read(source: Source, root: Path, reader: Mapping[str, Any]) -> list[Clip]:
    return shaping.clips(source.rows(root, reader), root, reader)


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
        kind: Reader({**_SHAPE, **source.fields}, source.traces, partial(_read, source), _classes)
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
        **{name: f"{{{name}}}" for name in TEMPLATES if name in columns},
    )
