"""What of a row becomes what of a clip: the keys that all readers of rows share (paths, tables, JSON, folders).

`path`, `label`, `start`, `end`, `fold`, `split` and `group` are templates: text in which `{column}` stands for the
row's value, and `{column:0>6}` for that value filled up with zeros to six characters (Python's format specifications).
For `paths` and `folders` the path is the file, and label, fold, split and group are the pattern's groups of that name,
unless said otherwise; of tables and JSON nothing is taken that is not said. Times are in seconds.

Where releases of a data set spell a column or a path differently, `{song_id|track_id}` and `Part2|IRTestingData-Part2` name
the spellings (`evaluator/datasets/reading/spellings.py`).
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from evaluator.datasets.reading.reader import Reader
from evaluator.datasets.reading.windows import WindowOptions
from evaluator.typed import key

CLIP_FIELDS = ("label", "fold", "split", "group")
TEMPLATES = ("path", *CLIP_FIELDS, "start", "end")


@dataclass(frozen=True, kw_only=True)
class DeriveStep:
    """Columns cut out of a text by a regular expression."""

    source: str = key("Template of the text that columns are cut out of, such as `{filename}`.", yaml="from")
    pattern: str = key("Regular expression that matches the whole text; its named groups become columns.")


@dataclass(frozen=True, kw_only=True)
class NameTables:
    """For each field of a clip: text in the files -> our name; "*" names all others ("*" -> "*" keeps them)."""

    label: Mapping[str, str] = key("For each label in the files, our name for it.", default={})
    fold: Mapping[str, str] = key("For each fold in the files, our name for it.", default={})
    split: Mapping[str, str] = key("For each split in the files, train, valid or test.", default={})
    group: Mapping[str, str] = key("For each group in the files, our name for it.", default={})


_NO_NAMES = NameTables()


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A delimited file with one class a line, (n_classes,)."""

    table: str = key("File that lists the classes in their order, relative to the dataset's folder.")
    delimiter: str = key("Character between its values.", default=",")
    header: int = key("Lines at its top that name the columns.", default=1, min=0, max=9)
    columns: tuple[str, ...] = key("Names of the columns, where no line gives them (header: 0).", default=())
    label: str = key("Column that holds the class.")


@dataclass(frozen=True, kw_only=True)
class RowShape(Reader):
    """How rows become clips: templates, labels, rows that are left out, splits and windows; times in seconds."""

    label_key: ClassVar[str] = "label"  # the key that an error about a missing label points at

    path: str = key(
        "Template of the recording's path, relative to the dataset's folder; `a|b` are two spellings of a folder or file, "
        "and `{a|b}` of a column.",
        default="",
    )
    label: str = key("Template of the clip's label.", default="")
    fold: str = key("Template of the fold that the clip is in.", default="")
    split: str = key("Template of the clip's split: train, valid or test, or another usual word for one.", default="")
    group: str = key("Template of the individual, site or recording that the clip is from.", default="")
    start: str = key("Template of the clip's start in its recording, in seconds; empty for its beginning.", default="")
    end: str = key("Template of the clip's end in its recording, in seconds; empty for its end.", default="")
    decimal: Literal[".", ","] = key("Decimal mark of start and end.", default=".")
    derive: tuple[DeriveStep, ...] = key("Further columns, cut out of others, one step after the other.", default=())
    where: Mapping[str, tuple[str, ...]] = key("For each column, the values with which rows are kept.", default={})
    drop: Mapping[str, tuple[str, ...]] = key("For each column, the values with which rows are left out.", default={})
    leave_out: tuple[str, ...] = key("Globs; clips whose path fits one are left out.", default=())
    lower_case: tuple[str, ...] = key("Columns put in lower case, their accents in one Unicode form.", default=())
    on_disk: bool = key(
        "Whether rows whose file is not there are left out, which notes and a caveat tell; without it a run is refused.",
        default=False,
    )
    repeats: bool = key("Whether one stretch may be listed twice, as published.", default=False)
    label_separator: str = key("What separates several labels in one value, such as `;`.", default="")
    label_columns: tuple[str, ...] = key("Columns that each stand for one label, as in one-hot tables.", default=())
    positive: str = key("Value in a column of `label_columns` that means the clip has the label.", default="1")
    label_file: str = key("Template of the path of a text file with one label a line.", default="")
    names: NameTables = key(
        "Tables from what the files say to our names; under `*` stands the name of all others.", default=_NO_NAMES
    )
    classes: tuple[str, ...] = key("All classes in their order; without it they are sorted by name.", default=())
    vocabulary: Vocabulary | None = key("A file that lists the classes in their order.", default=None)
    other_label: str = key("Class of every label that is not among `classes`.", default="")
    drop_unlabelled: bool = key("Whether clips without a label are left out.", default=False)
    split_lists: Mapping[str, str] = key(
        "For each file that lists clips' paths, one a line, their split; under `*` that of all other clips.", default={}
    )
    split_by_order: Mapping[str, str] = key(
        "For each split, a slice of the sorted groups, such as `-10:`; groups in no slice are left out.", default={}
    )
    windows: WindowOptions | None = key(
        "Windows of one length that are cut out of the clips or recordings.", default=None
    )

    @property
    def implied(self) -> tuple[str, ...]:
        """Fields of a clip that the rows give without a template: those with a column of the same name."""
        return ()

    @property
    def used_columns(self) -> frozenset[str]:
        """Columns that a template, a filter or a label is made of; of several spellings of one, all together as one name."""
        templates = [getattr(self, name) for name in (*TEMPLATES, "label_file")] + [step.source for step in self.derive]
        named = {column for template in templates for column in columns_of(template)}
        return frozenset({*named, *self.where, *self.drop, *self.label_columns, *self.lower_case})

    @property
    def merges_labels(self) -> bool:
        """Whether rows about one stretch are one clip with the labels of all of them."""
        return False

    @property
    def columns_vary(self) -> bool:
        """Whether the rows come from several tables, each with columns of its own."""
        return False


def columns_of(template: str) -> list[str]:
    """The columns that a template names, (n_columns,), in its order.

    Raises:
        ValueError: It is no template.

    >>> columns_of("audio/{folder}/{id:0>6}.mp3")
    ['folder', 'id']
    """
    return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]


def slice_of(text: str) -> slice:
    """What a slice such as `-20:-10` means.

    Raises:
        ValueError: It is none.
    """
    start, colon, stop = text.partition(":")
    if not colon:
        raise ValueError(f"{text!r} is no slice such as -20:-10")
    return slice(int(start) if start else None, int(stop) if stop else None)
