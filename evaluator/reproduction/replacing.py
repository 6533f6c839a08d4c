"""Other modules in place of a recipe's: which rows they stand for, and with which options.

A recipe's options, such as `normalize: false`, belong to its module. They go on to the one that stands for it where both are
encoders that our transformers load, which know the same options; any other module may not know them, or mean something else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from evaluator.embedding import names
from evaluator.embedding.spec import option_value
from evaluator.errors import UsageError
from evaluator.reproduction.recipe import RecipeRow, RecipeTable
from evaluator.reproduction.weights import ModuleWeights

Value = TypeVar("Value")


@dataclass(frozen=True)
class Replacement:
    """A module of the user's choice, and the options that the user gave it."""

    module: str
    options: Mapping[str, Any] = field(default_factory=dict)


def parse(text: str, asked: str = "--use ...=") -> Replacement:
    """The module and options of `MODULE` or `MODULE?OPTION=VALUE&OPTION=VALUE`; values are JSON, all else is text.

    Raises:
        UsageError: An option without a name or value.

    >>> parse("hf:./mine?normalize=false")
    Replacement(module='hf:./mine', options={'normalize': False})
    """
    module, question_mark, rest = text.partition("?")
    options: dict[str, Any] = {}
    for option in rest.split("&") if question_mark else []:
        name, equals, value = option.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{asked}{text}: write options as MODULE?OPTION=VALUE&OPTION=VALUE")
        options[name] = option_value(value)
    return Replacement(names.full_name(module), options)


def match_row(row: str, by_pattern: Mapping[str, Value]) -> Value | None:
    """The value for a row: by its very name, else by the first pattern that fits; None if none does."""
    return by_pattern.get(row) or next(
        (value for pattern, value in by_pattern.items() if fnmatchcase(row, pattern)), None
    )


def replace_rows(
    table: RecipeTable, use: Mapping[str, Replacement], known: Mapping[str, ModuleWeights]
) -> dict[str, RecipeRow]:
    """The rows of a table, (n_rows,), with the modules of the user's choice in them; a pattern does not mean fusions, a name does.

    Added rows stay as they are.
    """
    rows = {}
    for name, row in table.rows.items():
        replacement = match_row(name, use) if not row.added and (not row.fuse or name in use) else None
        rows[name] = _replace_row(row, replacement, known) if replacement else row
    return rows


def _replace_row(row: RecipeRow, replacement: Replacement, known: Mapping[str, ModuleWeights]) -> RecipeRow:
    same = replacement.module == row.module
    kept = row.options if same or _know_the_same([row.module, replacement.module], known) else {}
    options = {**kept, **replacement.options}
    return (
        row if same and options == row.options else RecipeRow(module=replacement.module, options=options, original=row)
    )


def _know_the_same(modules: Sequence[str], known: Mapping[str, ModuleWeights]) -> bool:
    """Whether all are encoders that our transformers load, or untrained copies of such: those whose weights are a checkpoint of the hub."""
    names = [each.removeprefix("untrained:") for each in modules]
    return all(each.startswith("hf:") or (each in known and known[each].weights["from"] == "hub") for each in names)


def is_replaced(table: RecipeTable, row: str) -> bool:
    """Whether another module than the recipe's stands behind a row, or behind one of those that it fuses."""
    return any(table.rows[name].original is not None for name in (row, *table.rows[row].fuse))


def describe_row(row: RecipeRow) -> str:
    """A row's module and options in words, and which of the recipe's options it goes without.

    >>> describe_row(RecipeRow("hear_ssl.hubert_base", {"normalize": False}))
    'hear_ssl.hubert_base with normalize=false'
    """
    recipes = row.original.options if row.original else {}
    lost = {name: value for name, value in recipes.items() if name not in row.options}
    parts = [row.module]
    parts += [f"with {describe_options(row.options)}"] if row.options else []
    parts += [f"without the recipe's {describe_options(lost)}"] if lost else []
    return " ".join(parts)


def describe_options(options: Mapping[str, Any]) -> str:
    """Options as one would type them; "" for none."""
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in options.items())
