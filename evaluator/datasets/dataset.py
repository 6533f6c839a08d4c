"""Recordings on disk and how to read them: one YAML file a dataset, its facts standing there once.

A file of `tasks/datasets/` has the fields below; `reader` has those of its kind (`evaluator/datasets/reading/readers.py`), or is a list
of readers whose clips follow each other. A variant is another way to read the same files (other labels, another
microphone, a part): its fields replace those of the reader and of what is expected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.datasets.reading import checks, readers
from evaluator.download.download import Item, Part
from evaluator.schema import Document, Field

Readers = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Dataset:
    """Recordings on disk and how to read them.

    folder: Where the layout starts inside what is downloaded, "" if there is no such folder.
    access: `open`, `request`, `login`, `made` (synthesised on first use) or `own` (the user's).
    instructions: What the user has to do where the data cannot just be downloaded.
    readers: Fields of each reader, `kind` among them (`evaluator/datasets/reading/readers.py`).
    expected: What the whole dataset has: `clips` (give or take `tolerance`), `classes`, `hours`, `folds` and `splits`
        (each name -> clips).
    known_bad: Clips (paths) that are broken as published, and whose failure stops nothing.
    variant: The name of the way in which it is read, "" for the usual one.
    root: Where the data lies, for data that knows its place; else None.
    download: What there is to be downloaded.
    """

    name: str
    title: str
    citation: str
    licence: str
    url: str
    access: str
    folder: str
    readers: Readers
    expected: Mapping[str, Any]
    known_bad: tuple[str, ...]
    notes: str
    instructions: str = ""
    variant: str = ""
    root: Path | None = None
    download: tuple[Item, ...] = ()


TEXT = Field(str, required=False, default="")
_COUNTS = Field(dict, required=False, default={}, each=Field(int, min=0))
_EXPECTED = {
    "clips": Field(int, required=False, min=1),
    "tolerance": Field(int, required=False, default=0, min=0),
    "classes": Field(int, required=False, min=1),
    "hours": Field(float, required=False, min=0),
    "folds": _COUNTS,
    "splits": _COUNTS,
}
_ALWAYS = {
    "reader": Field((dict, list)),
    "known_bad": Field(list, required=False, default=[], each=Field(str)),
    "notes": TEXT,
}
_PART = {
    "url": TEXT,
    "checksum": TEXT,
    "bytes": Field((int, type(None)), required=False, min=1),
}
_DOWNLOAD = {
    **_PART,
    "parts": Field(list, required=False, default=[], each=Field(dict, fields={**_PART, "url": Field(str)})),
    "join": Field(str, required=False, default="", choices=("", "volumes", "pieces")),
    "into": TEXT,
    "drifts": Field(bool, required=False, default=False),
    "save_as": TEXT,
}
_VARIANT = {
    "title": Field(str),
    "reader": Field(dict, required=False, default={}),
    "expected": Field(dict, required=False, default={}),
}
_FIELDS = {
    "name": Field(str),
    "title": Field(str),
    "citation": Field(str),
    "licence": Field(str),
    "url": Field(str),
    "access": Field(str, choices=("open", "request", "login", "made")),
    "instructions": TEXT,
    "folder": TEXT,
    "download": Field(list, required=False, default=[], each=Field(dict, fields=_DOWNLOAD)),
    "variants": Field(dict, required=False, default={}, each=Field(dict, fields=_VARIANT)),
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


def read(name: str, variant: str = "") -> Dataset:
    """The built-in dataset `name`, from its YAML file, in one of its variants.

    Raises:
        UsageError: There is no such dataset or variant, or its file is wrong; the sentence names the field.
    """
    document = schema.parse(schema.tasks_folder() / "datasets" / f"{name}.yaml")
    fields = document.check(_FIELDS)
    if fields["name"] != name:
        raise document.error(("name",), f"is {fields['name']!r}, but the file is called {name!r}; they have to agree")
    found = read_readers(document, ("reader",))
    variants = {each: _vary(document, each, found, fields["expected"]) for each in fields.pop("variants")}
    variants[""] = (found, fields["expected"])
    if variant not in variants:
        raise document.error(("variants",), schema.unknown("variant", variant, set(variants) - {""}))
    fields.pop("reader")
    fields["readers"], fields["expected"] = variants[variant]
    fields["download"] = tuple(_item(document, number, said) for number, said in enumerate(fields["download"]))
    return Dataset(**{**fields, "known_bad": tuple(fields["known_bad"]), "variant": variant})


def variants(name: str) -> dict[str, str]:
    """The other ways in which the built-in dataset `name` can be read, each with its title."""
    said = schema.read(schema.tasks_folder() / "datasets" / f"{name}.yaml", _FIELDS)["variants"]
    return {variant: fields["title"] for variant, fields in said.items()}


def read_readers(document: Document, keys: tuple[str, ...]) -> Readers:
    """The reader at `keys`, or the several ones, each checked as its kind demands."""
    several = isinstance(document.at(keys), list)
    if several and not document.at(keys):
        raise document.error(keys, "is an empty list, but should be a reader or several")
    places = [(*keys, str(number)) for number in range(len(document.at(keys)))] if several else [keys]
    kinds = {kind: each.fields for kind, each in readers.READERS.items()}
    found = tuple(document.check_variant(kinds, "kind", place) for place in places)
    for place, reader in zip(places, found, strict=True):
        _refuse_mistakes(document, place, reader)
    return found


def refuse_unused_groups(document: Document, keys: tuple[str, ...], found: Readers) -> None:
    """Refuse a pattern's named group that becomes nothing, as `(?P<lable>...)` would.

    Raises:
        UsageError: There is one.
    """
    for reader in found:
        for name in checks.unused_groups(reader):
            raise document.error(
                keys, f"the pattern has a group {name!r}, which nothing uses; known: label, fold, split, group"
            )


def _refuse_mistakes(document: Document, keys: tuple[str, ...], reader: Mapping[str, Any]) -> None:
    for field, sentence in checks.mistakes(reader):
        raise document.error((*keys, field), sentence)


def _vary(
    document: Document, variant: str, usual: Readers, expected: Mapping[str, Any]
) -> tuple[Readers, dict[str, Any]]:
    """The readers and the expectations of a variant."""
    keys = ("variants", variant)
    said = document.at(keys)
    varied = []
    known = {name for reader in usual for name in readers.READERS[reader["kind"]].fields} - {"kind"}
    for name in said.get("reader", {}):
        if name not in known:
            raise document.error((*keys, "reader", name), schema.unknown("field", name, known))
    for reader in usual:
        fields = readers.READERS[reader["kind"]].fields
        here = {name: field for name, field in fields.items() if name in said.get("reader", {})}
        varied.append({**reader, **document.check(here, (*keys, "reader"), strange=known)} if here else reader)
        _refuse_mistakes(document, (*keys, "reader"), varied[-1])
    counts = {name: field for name, field in _EXPECTED.items() if name in said.get("expected", {})}
    return tuple(varied), {**expected, **(document.check(counts, (*keys, "expected")) if said.get("expected") else {})}


def _item(document: Document, number: int, said: Mapping[str, Any]) -> Item:
    keys = ("download", str(number))
    if bool(said["url"]) == bool(said["parts"]) or bool(said["join"]) != bool(said["parts"]):
        raise document.error(keys, "needs either url, or parts and how to join them (volumes or pieces)")
    parts = said["parts"] or [{name: said[name] for name in _PART}]
    for part in parts:
        kind, colon, digits = part["checksum"].partition(":")
        if part["checksum"] and (kind not in _DIGITS or len(digits) != _DIGITS[kind] or not colon):
            raise document.error(
                (*keys, "checksum"),
                f"is {part['checksum']!r}, but should be md5:, sha1: or sha256: and the digits, or empty",
            )
    return Item(tuple(Part(**part) for part in parts), said["join"], said["into"], said["drifts"], said["save_as"])


_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}


def own(name: str, root: Path, found: Readers, **said: Any) -> Dataset:
    """A user's own dataset, whose place is known; of the other facts only those that the user said."""
    blank = {field: "" for field in ("citation", "licence", "url", "folder", "notes")}
    facts = {"title": name, "expected": {}, "known_bad": (), **blank, **said}
    return Dataset(name=name, root=root, readers=found, access="own", **facts)
