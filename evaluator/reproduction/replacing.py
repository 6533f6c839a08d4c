"""Other modules in place of a recipe's: which rows they stand for, and with which options.

A recipe's options, such as `normalize: false`, belong to its module. They go on to the one that stands for it where both are
encoders that our transformers load, which know the same options; any other module may not know them, or mean something else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from evaluator.embedding.spec import option_value
from evaluator.errors import UsageError
from evaluator.reproduction.recipe import Row, Table
from evaluator.reproduction.weights import Facts

Said = TypeVar("Said")


@dataclass(frozen=True)
class Other:
    """A module of the user's choice, and the options that the user gave it."""

    module: str
    options: Mapping[str, Any] = field(default_factory=dict)


def parse(said: str) -> Other:
    """What `MODULE` or `MODULE?OPTION=VALUE&OPTION=VALUE` means; values are JSON, all else is text.

    Raises:
        UsageError: An option without a name or value.

    >>> parse("hf:./mine?normalize=false")
    Other(module='hf:./mine', options={'normalize': False})
    """
    module, asks, rest = said.partition("?")
    options: dict[str, Any] = {}
    for text in rest.split("&") if asks else []:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise UsageError(f"--use ...={said}: write options as MODULE?OPTION=VALUE&OPTION=VALUE")
        options[name] = option_value(value)
    return Other(module, options)


def of(row: str, said: Mapping[str, Said]) -> Said | None:
    """What is said of a row: by its very name, else by the first pattern that fits; None for nothing."""
    return said.get(row) or next((value for pattern, value in said.items() if fnmatchcase(row, pattern)), None)


def rows(table: Table, use: Mapping[str, Other], facts: Mapping[str, Facts]) -> dict[str, Row]:
    """The rows of a table with the modules of the user's choice in them; a pattern does not mean fusions, a name does."""
    found = {}
    for name, row in table.rows.items():
        other = of(name, use) if not row.fuse or name in use else None
        found[name] = _instead(row, other, facts) if other else row
    return found


def _instead(row: Row, other: Other, facts: Mapping[str, Facts]) -> Row:
    same = other.module == row.module
    kept = row.options if same or _know_the_same([row.module, other.module], facts) else {}
    options = {**kept, **other.options}
    return row if same and options == row.options else Row(module=other.module, options=options, original=row)


def _know_the_same(modules: Sequence[str], facts: Mapping[str, Facts]) -> bool:
    """Whether all are encoders that our transformers load, or untrained copies of such: those whose weights are a checkpoint of the hub."""
    names = [each.removeprefix("untrained:") for each in modules]
    return all(each.startswith("hf:") or (each in facts and facts[each].weights["from"] == "hub") for each in names)


def is_other(table: Table, row: str) -> bool:
    """Whether another module than the recipe's stands behind a row, or behind one of those that it fuses."""
    return any(table.rows[name].original is not None for name in (row, *table.rows[row].fuse))


def told(row: Row) -> str:
    """A row's module and options in words, and which of the recipe's options it goes without.

    >>> told(Row("hear_ssl.hubert_base", {"normalize": False}))
    'hear_ssl.hubert_base with normalize=false'
    """
    recipes = row.original.options if row.original else {}
    lost = {name: value for name, value in recipes.items() if name not in row.options}
    parts = [row.module]
    parts += [f"with {told_options(row.options)}"] if row.options else []
    parts += [f"without the recipe's {told_options(lost)}"] if lost else []
    return " ".join(parts)


def told_options(options: Mapping[str, Any]) -> str:
    """Options as one would type them; "" for none."""
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in options.items())
