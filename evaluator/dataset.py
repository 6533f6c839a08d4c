"""Recordings on disk and how to read them: one YAML file a dataset, its facts standing there once.

A file of `tasks/datasets/` has the fields below; `reader` has those of its kind (`evaluator/readers.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator import readers, schema
from evaluator.schema import Document, Field


@dataclass(frozen=True)
class Dataset:
    """Recordings on disk and how to read them.

    folder: The top folder inside the archive, "" if there is none.
    access: `open`, `request`, `login`, `made` (synthesised on first use) or `own` (the user's).
    reader: Fields of the reader, `kind` among them (`evaluator/readers.py`).
    expected: Counts to find on disk: `clips`, `classes`, `folds` and `splits` (each name -> clips).
    known_bad: Clips (paths) that are broken as published, and whose failure stops nothing.
    root: Where the data lies, for data that knows its place; else None.
    """

    name: str
    title: str
    citation: str
    licence: str
    url: str
    access: str
    folder: str
    reader: Mapping[str, Any]
    expected: Mapping[str, Any]
    known_bad: tuple[str, ...]
    notes: str
    root: Path | None = None


TEXT = Field(str, required=False, default="")
_COUNTS = Field(dict, required=False, default={}, each=Field(int, least=0))
_EXPECTED = {
    "clips": Field(int, required=False, least=1),
    "classes": Field(int, required=False, least=2),
    "folds": _COUNTS,
    "splits": _COUNTS,
}
_ALWAYS = {
    "reader": Field(dict),
    "known_bad": Field(list, required=False, default=[], each=Field(str)),
    "notes": TEXT,
}
_FIELDS = {
    "name": Field(str),
    "title": Field(str),
    "citation": Field(str),
    "licence": Field(str),
    "url": Field(str),
    "access": Field(str, choices=("open", "request", "login", "made")),
    "folder": TEXT,
    "expected": Field(dict, fields=_EXPECTED),
    **_ALWAYS,
}
# Of a dataset inside a user's own task file, which has no need to introduce itself.
OWN_FIELDS = {
    "root": Field(str),  # relative to the task file
    "title": TEXT,
    "citation": TEXT,
    "licence": TEXT,
    "url": TEXT,
    "expected": Field(dict, required=False, default={}, fields=_EXPECTED),
    **_ALWAYS,
}


def read(name: str) -> Dataset:
    """The built-in dataset `name`, from its YAML file.

    Raises:
        UsageError: There is no such dataset, or its file is wrong; the sentence names the field.
    """
    document = schema.parse(schema.tasks_folder() / "datasets" / f"{name}.yaml")
    fields = document.check(_FIELDS)
    if fields["name"] != name:
        raise document.error(("name",), f"is {fields['name']!r}, but the file is called {name!r}; they have to agree")
    return Dataset(**{**fields, "reader": read_reader(document, ("reader",)), "known_bad": tuple(fields["known_bad"])})


def read_reader(document: Document, keys: tuple[str, ...]) -> dict[str, Any]:
    """The fields of the reader at `keys`, checked as its kind demands."""
    reader = document.check_variant({kind: each.fields for kind, each in readers.READERS.items()}, "kind", keys)
    for field, sentence in readers.mistakes(reader):
        raise document.error((*keys, field), sentence)
    return reader


def own(name: str, root: Path, reader: Mapping[str, Any], **said: Any) -> Dataset:
    """A user's own dataset, whose place is known; of the other facts only those that the user said."""
    blank = {field: "" for field in ("citation", "licence", "url", "folder", "notes")}
    facts = {"title": name, "expected": {}, "known_bad": (), **blank, **said}
    return Dataset(name=name, root=root, reader=reader, access="own", **facts)
