"""Recordings on disk and how to read them: one YAML file a dataset, its facts standing there once.

A file of `tasks/datasets/` has the keys of `FIELDS`; `reader` has those of its kind (a class in
`evaluator/datasets/reading/`), or is a list of readers whose clips follow each other. A variant is another way to read
the same files (other labels, another microphone, a part): its keys replace those of the reader and of what is expected.
All keys with their meanings: docs/yaml_keys.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator import schema, typed
from evaluator.datasets.reading.kinds import READERS
from evaluator.datasets.reading.reader import Reader
from evaluator.download.download import DownloadItem, DownloadPart
from evaluator.schema import Document, Field

Readers = tuple[Reader, ...]


@dataclass(frozen=True)
class Dataset:
    """Recordings on disk and how to read them.

    folder: Where the layout starts inside what is downloaded, "" if there is no such folder.
    access: `open`, `request`, `login`, `made` (synthesised on first use) or `own` (the user's).
    instructions: What the user has to do where the data cannot just be downloaded.
    readers: (n_readers,), in the order in which their clips follow each other.
    expected: What the whole dataset has: `clips` (give or take `tolerance`), `classes`, `hours`, `folds` and `splits`
        (each name -> number of clips).
    known_bad: Clips (paths) that are broken as published, and whose failure stops nothing.
    variant: The name of the way in which it is read, "" for the usual one.
    root: Where the data lies, for data that knows its folder; else None.
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
    download: tuple[DownloadItem, ...] = ()


TEXT = Field(str, required=False, default="")


def _text(meaning: str, required: bool = False) -> Field:
    return Field(str, required=required, default=None if required else "", meaning=meaning)


def _counts(meaning: str) -> Field:
    return Field(dict, required=False, default={}, each=Field(int, min=0), meaning=meaning)


EXPECTED_FIELDS = {
    "clips": Field((int, type(None)), required=False, min=1, meaning="Number of clips; empty where nobody knows it."),
    "tolerance": Field(
        int, required=False, default=0, min=0, meaning="By how many clips the data may differ without a warning."
    ),
    "classes": Field(int, required=False, min=1, meaning="Number of classes."),
    "hours": Field(
        (float, type(None)),
        required=False,
        min=0,
        meaning="Length of all clips together, in hours; empty if not known.",
    ),
    "folds": _counts("Number of clips of each fold."),
    "splits": _counts("Number of clips of each split."),
}
_EXPECTED_MEANING = "What the whole dataset has; `hear-eval check` and every result say what differs."
_READING = {
    "reader": Field(
        (dict, list), meaning="How the files are read: a reader, or a list of readers whose clips follow each other."
    ),
    "known_bad": Field(
        list, required=False, default=[], each=Field(str), meaning="Paths of clips that are broken as published."
    ),
    "notes": _text("What a user should know: formats, what a group is, what is odd."),
}
_PART = {
    "url": _text("Address of the file, http or https."),
    "checksum": _text("`md5:`, `sha1:` or `sha256:` and its digits, if one is published."),
    "bytes": Field((int, type(None)), required=False, min=1, meaning="Size in bytes, exact or about."),
}
_DOWNLOAD = {
    **_PART,
    "parts": Field(
        list,
        required=False,
        default=[],
        each=Field(dict, fields={**_PART, "url": Field(str, meaning=_PART["url"].meaning)}),
        meaning="Instead of `url`: the parts of one archive, in order.",
    ),
    "join": Field(
        str,
        required=False,
        default="",
        choices=("", "volumes", "pieces"),
        meaning="How parts are joined: `volumes` of a multi-volume zip, or `pieces` that only follow each other.",
    ),
    "into": _text("Folder inside the dataset's own that it is put or unpacked into."),
    "drifts": Field(
        bool,
        required=False,
        default=False,
        meaning="Whether the bytes may change, as GitHub's archives do: another checksum is then only reported.",
    ),
    "save_as": _text("The file's name, where the address does not end in it."),
}
_VARIANT = {
    "title": Field(str, meaning="What is different, in a few words."),
    "reader": Field(dict, required=False, default={}, meaning="Keys of the reader that replace the usual ones."),
    "expected": Field(dict, required=False, default={}, meaning="Counts that replace the usual ones."),
}
FIELDS = {
    "name": Field(str, meaning="The dataset's name, and that of its file."),
    "title": Field(str, meaning="What it is, in a few words."),
    "citation": Field(str, meaning="The publication to cite."),
    "licence": Field(str, meaning="The licence of recordings and labels."),
    "url": Field(str, meaning="The dataset's page."),
    "access": Field(
        str,
        choices=("open", "request", "login", "made"),
        meaning="How it is come by: free to download, on request, behind a login, or synthesised on first use.",
    ),
    "instructions": _text("What the user has to do where it cannot just be downloaded."),
    "folder": _text("Folder inside the download in which the layout starts."),
    "download": Field(
        list,
        required=False,
        default=[],
        each=Field(dict, fields=_DOWNLOAD),
        meaning="What `hear-eval download` fetches.",
    ),
    "variants": Field(
        dict,
        required=False,
        default={},
        each=Field(dict, fields=_VARIANT),
        meaning="Other ways to read the same files.",
    ),
    "expected": Field(dict, fields=EXPECTED_FIELDS, meaning=_EXPECTED_MEANING),
    **_READING,
}
# Of a dataset inside a user's own task file, which has no need to introduce itself.
OWN_FIELDS = {
    "root": Field(str, meaning="Folder of the recordings, relative to the task file."),
    "title": _text("What it is, in a few words; the task's title if empty."),
    "citation": _text("The publication to cite."),
    "licence": _text("The licence of recordings and labels."),
    "url": _text("The dataset's page."),
    "expected": Field(dict, required=False, default={}, fields=EXPECTED_FIELDS, meaning=_EXPECTED_MEANING),
    **_READING,
}


def read(name: str, variant: str = "") -> Dataset:
    """The built-in dataset `name`, from its YAML file, in one of its variants.

    Raises:
        UsageError: There is no such dataset or variant, or its file is wrong; the sentence names the key.
    """
    document = schema.parse(schema.tasks_folder() / "datasets" / f"{name}.yaml")
    facts = document.check(FIELDS)
    if facts["name"] != name:
        raise document.error(("name",), f"is {facts['name']!r}, but the file is called {name!r}; they have to agree")
    usual = read_readers(document, ("reader",))
    ways = {each: _vary(document, each, usual, facts["expected"]) for each in facts.pop("variants")}
    ways[""] = (usual, facts["expected"])
    if variant not in ways:
        raise document.error(("variants",), schema.unknown("variant", variant, set(ways) - {""}))
    facts.pop("reader")
    facts["readers"], facts["expected"] = ways[variant]
    facts["download"] = tuple(_item(document, number, item) for number, item in enumerate(facts["download"]))
    return Dataset(**{**facts, "known_bad": tuple(facts["known_bad"]), "variant": variant})


def variants(name: str) -> dict[str, str]:
    """The other ways in which the built-in dataset `name` can be read, each with its title."""
    facts = schema.read(schema.tasks_folder() / "datasets" / f"{name}.yaml", FIELDS)
    return {variant: fields["title"] for variant, fields in facts["variants"].items()}


def read_readers(document: Document, keys: tuple[str, ...]) -> Readers:
    """The reader at `keys`, or the several ones, (n_readers,), each checked as its kind demands.

    Raises:
        UsageError: A key is unknown or missing, or a value does not fit; the sentence names file, line and key.
    """
    several = isinstance(document.at(keys), list)
    if several and not document.at(keys):
        raise document.error(keys, "is an empty list, but should be a reader or several")
    paths = [(*keys, str(number)) for number in range(len(document.at(keys)))] if several else [keys]
    kinds = {kind: typed.fields_of(each) for kind, each in READERS.items()}
    checked = [document.check_variant(kinds, "kind", path) for path in paths]
    readers = tuple(typed.build(READERS[values["kind"]], values) for values in checked)
    for path, reader in zip(paths, readers, strict=True):
        _refuse_problems(document, path, reader)
    return readers


def refuse_unused_groups(document: Document, keys: tuple[str, ...], readers: Iterable[Reader]) -> None:
    """Refuse a named group in a pattern of the readers, (n_readers,), that becomes nothing, as `(?P<lable>...)` would.

    Raises:
        UsageError: There is one.
    """
    for reader in readers:
        for name in reader.unused_groups():
            raise document.error(
                keys, f"the pattern has a group {name!r}, which nothing uses; known: label, fold, split, group"
            )


def _refuse_problems(document: Document, keys: tuple[str, ...], reader: Reader) -> None:
    for field, sentence in reader.problems():
        raise document.error((*keys, field), sentence)


def _vary(
    document: Document, variant: str, usual: Readers, expected: Mapping[str, Any]
) -> tuple[Readers, dict[str, Any]]:
    """The readers and the expectations of a variant."""
    keys = ("variants", variant)
    values = document.at(keys)
    changed, counted = values.get("reader", {}), values.get("expected", {})
    known = {name for reader in usual for name in typed.fields_of(type(reader))} - {"kind"}
    for name in changed:
        if name not in known:
            raise document.error((*keys, "reader", name), schema.unknown("field", name, known))
    varied = []
    for reader in usual:
        own = {name: field for name, field in typed.fields_of(type(reader)).items() if name in changed}
        checked = document.check(own, (*keys, "reader"), strange=known) if own else {}
        varied.append(typed.replaced(reader, checked))
        _refuse_problems(document, (*keys, "reader"), varied[-1])
    counts = {name: field for name, field in EXPECTED_FIELDS.items() if name in counted}
    return tuple(varied), {**expected, **(document.check(counts, (*keys, "expected")) if counted else {})}


def _item(document: Document, number: int, values: Mapping[str, Any]) -> DownloadItem:
    keys = ("download", str(number))
    if bool(values["url"]) == bool(values["parts"]) or bool(values["join"]) != bool(values["parts"]):
        raise document.error(keys, "needs either url, or parts and how to join them (volumes or pieces)")
    parts = values["parts"] or [{name: values[name] for name in _PART}]
    for part in parts:
        kind, colon, digits = part["checksum"].partition(":")
        if part["checksum"] and (kind not in _DIGITS or len(digits) != _DIGITS[kind] or not colon):
            raise document.error(
                (*keys, "checksum"),
                f"is {part['checksum']!r}, but should be md5:, sha1: or sha256: and the digits, or empty",
            )
    return DownloadItem(
        tuple(DownloadPart(**part) for part in parts),
        values["join"],
        values["into"],
        values["drifts"],
        values["save_as"],
    )


_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}


def own(name: str, root: Path, readers: Readers, **facts: Any) -> Dataset:
    """A user's own dataset, whose folder is known; of the other facts only those that the user gives.

    Args:
        name: Of the dataset, and its title unless another one is given.
        root: Folder that the clips' paths are relative to.
        readers: (n_readers,), in the order in which their clips follow each other.
        facts: Other fields of `Dataset`.
    """
    blank = {field: "" for field in ("citation", "licence", "url", "folder", "notes")}
    return Dataset(
        name=name,
        root=root,
        readers=readers,
        access="own",
        **{"title": name, "expected": {}, "known_bad": (), **blank, **facts},
    )
