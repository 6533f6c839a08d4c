"""Recipes: what a paper's table takes to be made again, read from `tasks/recipes/` or from a user's own YAML file.

A recipe says which module is behind each printed row, which task behind each printed column, and what is known to
stand between the printed numbers and ours. A table's printed numbers lie beside it in a CSV; one without them says
`printed` nowhere, and its cells have no printed number. A row is one of

    HuBERT: {module: hear_ssl.hubert_base, options: {normalize: false}, except: {Some column: why that cell cannot be}}
    Fusion: {fuse: [HuBERT, WavLM]}          # rows of the same table, their posteriors averaged
    EfficientNet-B2: {cannot: why}
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.errors import UsageError
from evaluator.probes.protocol import PROFILES
from evaluator.schema import Document, Field

MODULES = "modules"  # the file in tasks/recipes/ that is no recipe
_DOUBTS = ("std", "low", "high")  # columns that a CSV of printed numbers may have


@dataclass(frozen=True)
class RecipeRow:
    """What stands behind a printed row: a module, a fusion of other rows, or a reason why nothing can.

    excepted: Columns that cannot be, with the reason.
    original: The recipe's row, where the user put another module or other options in its place; else None.
    added: Whether the user added it, so that the paper has no such row.
    """

    module: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    fuse: tuple[str, ...] = ()
    cannot: str = ""
    excepted: Mapping[str, str] = field(default_factory=dict)
    original: "RecipeRow | None" = None
    added: bool = False


@dataclass(frozen=True)
class RecipeTable:
    """One printed table: its rows and columns by their printed names, in order, (n_rows, n_columns).

    columns: The task behind each.
    printed: The numbers as they are printed, by row and column; "" for a cell without one.
    doubts: What is printed beside them, by row and column: `std`, or `low` and `high` of an interval, where the CSV has such columns.
    """

    name: str
    title: str
    rows: Mapping[str, RecipeRow]
    columns: Mapping[str, str]
    printed: Mapping[tuple[str, str], str]
    doubts: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Footnote:
    """Something to know about cells: those in its tables, rows and columns, each all where empty.

    options: It is true of rows only whose module runs with these options; of all if empty.
    """

    text: str
    source: str
    tables: tuple[str, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def concerns(self, table: str) -> bool:
        """Whether it is about a table at all."""
        return not self.tables or table in self.tables


@dataclass(frozen=True)
class Recipe:
    """A paper's tables and how they are made.

    seeds: How often each probe is trained.
    tables: In the order of the recipe's file, (n_tables,).
    layers: Which layers are evaluated; "" for those of the protocol.
    """

    name: str
    title: str
    citation: str
    source: str
    protocol: str
    seeds: int
    profiles: tuple[str, ...]
    layers: str
    tables: tuple[RecipeTable, ...]
    footnotes: tuple[Footnote, ...]


_NAMES = Field(list, required=False, default=[], each=Field(str))
_TEXT = Field(str, required=False, default="")
_ROW = {
    "module": _TEXT,
    "options": Field(dict, required=False, default={}),
    "fuse": _NAMES,
    "cannot": _TEXT,
    "except": Field(dict, required=False, default={}, each=Field(str)),
}
_TABLE = {
    "title": Field(str),
    "printed": _TEXT,
    "row": _NAMES,
    "column": _TEXT,
    "rows": Field(dict, each=Field(dict, fields=_ROW)),
    "columns": Field(dict, each=Field(str)),
}
_OPTIONS = Field(dict, required=False, default={})
_FOOTNOTE = {
    "text": Field(str),
    "source": Field(str),
    "tables": _NAMES,
    "rows": _NAMES,
    "columns": _NAMES,
    "options": _OPTIONS,
}
_FIELDS = {
    "name": Field(str),
    "title": Field(str),
    "citation": Field(str),
    "source": Field(str),
    "protocol": Field(str),
    "seeds": Field(int, min=1),
    "profiles": Field(list, each=Field(str, choices=PROFILES)),
    "layers": _TEXT,
    "tables": Field(dict, each=Field(dict, fields=_TABLE)),
    "footnotes": Field(list, required=False, default=[], each=Field(dict, fields=_FOOTNOTE)),
}


def names() -> list[str]:
    """The papers that have a recipe, (n_papers,), sorted."""
    return [name for name in schema.names_in("recipes") if name != MODULES]


def read(name: str) -> Recipe:
    """A built-in recipe by its paper's name, or a user's own by the path of its YAML file.

    Each table has its printed numbers, (n_rows, n_columns).

    Raises:
        UsageError: No such recipe, or it or its CSV is wrong; the sentence names the field.
    """
    own = name.endswith((".yaml", ".yml"))
    if not own and name not in names():
        raise UsageError(
            f"{schema.unknown('paper', name, names())}; or give the path of a recipe of your own, a YAML file"
        )
    path = Path(name).expanduser() if own else schema.tasks_folder() / "recipes" / f"{name}.yaml"
    document = schema.parse(path)
    fields = document.check(_FIELDS)
    if not own and fields["name"] != name:
        raise document.error(("name",), f"is {fields['name']!r}, but the file is called {name!r}; they have to agree")
    tables = tuple(_table(document, each, table) for each, table in fields.pop("tables").items())
    footnotes = tuple(_footnote(document, number, note, tables) for number, note in enumerate(fields.pop("footnotes")))
    if fields["protocol"].endswith((".yaml", ".yml")):  # one of the user's, beside the recipe
        fields["protocol"] = str(path.parent / fields["protocol"])
    return Recipe(**{**fields, "profiles": tuple(fields["profiles"])}, tables=tables, footnotes=footnotes)


def _table(document: Document, name: str, fields: dict[str, Any]) -> RecipeTable:
    keys = ("tables", name)
    rows = {row: _row(document, (*keys, "rows", row), of_row) for row, of_row in fields["rows"].items()}
    for row, each in rows.items():
        _refuse_unknown(
            document, (*keys, "rows", row, "fuse"), each.fuse, [other for other in rows if rows[other].module]
        )
        _refuse_unknown(document, (*keys, "rows", row, "except"), each.excepted, fields["columns"])
    printed, doubts = _printed(document, keys, fields) if fields["printed"] else ({}, {})
    _refuse_unknown(document, (*keys, "rows"), [row for row, _ in printed], rows)
    _refuse_unknown(document, (*keys, "columns"), [column for _, column in printed], fields["columns"])
    return RecipeTable(name, fields["title"], rows, fields["columns"], printed, doubts)


def _row(document: Document, keys: tuple[str, ...], fields: dict[str, Any]) -> RecipeRow:
    kinds = [kind for kind in ("module", "fuse", "cannot") if fields[kind]]
    if len(kinds) != 1:
        raise document.error(keys, f"needs one of module, fuse and cannot, and has {' and '.join(kinds) or 'none'}")
    if len(fields["fuse"]) == 1:
        raise document.error((*keys, "fuse"), f"names one row, {fields['fuse'][0]!r}; two or more can be fused")
    return RecipeRow(fields["module"], fields["options"], tuple(fields["fuse"]), fields["cannot"], fields["except"])


_Cells = dict[tuple[str, str], Any]  # by row and column


def _printed(document: Document, keys: tuple[str, ...], fields: dict[str, Any]) -> tuple[_Cells, _Cells]:
    """The printed numbers and their doubts by row and column; `-`, which the papers print for no result, is ""."""
    path = document.path.parent / fields["printed"]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise document.error((*keys, "printed"), f"{path} cannot be read ({error})") from error
    needed = [*fields["row"], fields["column"], "value"]
    missing = [name for name in needed if not lines or name not in lines[0]]
    if missing or not fields["row"]:
        raise document.error(
            (*keys, "row"), f"{path.name} has no column {missing[:1] or ''}; name those that make a row"
        )
    by_cell: _Cells = {}
    doubts: _Cells = {}
    for line in lines:
        cell = " ".join(line[name] for name in fields["row"]), line[fields["column"]]
        if cell in by_cell:
            raise document.error((*keys, "printed"), f"{path.name} has the cell {cell[0]}, {cell[1]} twice")
        by_cell[cell] = _number(document, keys, path, line["value"])
        doubts[cell] = {name: _number(document, keys, path, line[name] or "-") for name in _DOUBTS if name in line}
    return by_cell, doubts


def _number(document: Document, keys: tuple[str, ...], path: Path, text: str) -> str:
    if text == "-":
        return ""
    try:
        float(text)
    except ValueError as error:
        raise document.error((*keys, "printed"), f"{path.name}: {text!r} is no number, and not '-'") from error
    return text


def _footnote(document: Document, number: int, fields: dict[str, Any], tables: Sequence[RecipeTable]) -> Footnote:
    keys = ("footnotes", str(number))
    _refuse_unknown(document, (*keys, "tables"), fields["tables"], [table.name for table in tables])
    concerned = [table for table in tables if not fields["tables"] or table.name in fields["tables"]]
    _refuse_unknown(document, (*keys, "rows"), fields["rows"], [row for table in concerned for row in table.rows])
    _refuse_unknown(
        document, (*keys, "columns"), fields["columns"], [column for table in concerned for column in table.columns]
    )
    limits = {name: tuple(fields[name]) for name in ("tables", "rows", "columns")}
    return Footnote(fields["text"], fields["source"], **limits, options=fields["options"])


def _refuse_unknown(
    document: Document, keys: tuple[str, ...], names: Sequence[str] | Mapping[str, str], known: Any
) -> None:
    for name in names:
        if name not in known:
            raise document.error(keys, schema.unknown("name", name, known))
