"""The pages of modules and of suites, from the listings, the modules' own files and the papers' recipes."""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from as_markdown import anchor, cell, code, escape, table

from evaluator import schema
from evaluator.api import listing
from evaluator.reproduction import recipe as recipes
from evaluator.reproduction.recipe import Recipe, RecipeTable

CHECKOUT = Path(__file__).parents[2]
# Columns of the listing that one chooses a module by; the others stand in its section.
_IN_TABLE = ("trained_on", "layers", "width", "parameters", "sample_rate", "download_bytes")


def models_page() -> str:
    """Every module of ours: a table of what one chooses by, and a section each with the rest."""
    rows = listing.list_modules()
    shown = [name for name in _IN_TABLE if name in rows[0]] or ["what"]
    lines = [
        [f"[`{row['module']}`](#{anchor(row['module'])})", *(_value(name, row[name]) for name in shown)] for row in rows
    ]
    text = (
        f"# The modules\n\nWhat `hear-eval list modules` lists, {len(rows)} of them; [how they are used, and ensembles of them](modules.md). "
        "Any other HEAR module can be evaluated as well: [yours](own_model.md), [other people's](third_party.md), and checkpoints "
        "(`hf:ORG/MODEL`). An empty cell is not known without loading the module, or is none.\n\n"
    )
    text += table(("module", *map(_head, shown)), lines)
    for row in rows:
        tree = ast.parse((CHECKOUT / "hear_ssl" / f"{row['module'].rpartition('.')[2]}.py").read_text(encoding="utf-8"))
        facts = {name: _value(name, value) for name, value in row.items() if name not in ("module", "what")}
        listed = "".join(f"- {_head(name)}: {value}\n" for name, value in facts.items() if value)
        text += f"\n## `{row['module']}`\n\n{_docstring(tree)}\n\n{listed}"
    return text


def _head(name: str) -> str:
    """What a column is called on the page, where its unit stands in its cells."""
    return name.removesuffix("_bytes").replace("_", " ")


def _value(name: str, value: Any) -> str:
    """A value of the listing with its unit: bytes in MB, weights in millions, rates in kHz."""
    unit = {"download_bytes": (1e6, "MB"), "parameters": (1e6, "M"), "sample_rate": (1e3, "kHz")}.get(name)
    if unit and isinstance(value, (int, float)):
        return f"{value / unit[0]:,.3g} {unit[1]}" if value < 1000 * unit[0] else f"{value / unit[0]:,.0f} {unit[1]}"
    return cell(value)


def _docstring(tree: ast.Module) -> str:
    """What a module's file says of it; indented lines stay code."""
    return escape(ast.get_docstring(tree) or "", pipes=False)


def suite_page(name: str) -> str:
    """A suite: its tasks, what its published code does otherwise, and the numbers that papers printed for it."""
    suite = yaml.safe_load((schema.tasks_folder() / "suites" / f"{name}.yaml").read_text(encoding="utf-8"))
    rows = [row for row in listing.list_tasks() if row["task"].startswith(f"{name}/")]
    clean = [row for row in rows if row["profile"] != "published"]
    head = ("task", "dataset", "clips", "classes", "hours", "split", "metric")
    lines = [[code(row["task"]), *(cell(row[each]) for each in head[1:])] for row in clean]
    text = f"# {name}: {escape(suite['title'])}\n\n{escape(suite['citation'])}\n\n"
    text += f"Source: {escape(suite['source'])}. Protocol: [`{suite['protocol']}`](../protocols.md).\n\n"
    text += f"    hear-eval run hear_ssl.hubert_base --task {name} --data data --plan\n\n"
    text += f"## Tasks\n\n{table(head, lines)}\n"
    text += "How data is fetched and checked: [the built-in tasks](../tasks.md#getting-their-data).\n"
    differs = {row["task"]: row["differs"] for row in rows if row["profile"] == "published" and row["differs"]}
    if differs:
        said = "\n".join(f"- `{task}`: {escape(why, pipes=False)}" for task, why in differs.items())
        text += f"\n## What the published code does otherwise\n\n`--profile published` repeats it.\n\n{said}\n"
    return text + _published(name)


def _published(suite: str) -> str:
    """The numbers that papers printed for a suite's tasks."""
    text = "\n## Published numbers\n\n"
    found = False
    for each in recipes.names():
        recipe = recipes.read(each)
        for printed in recipe.tables:
            columns = [column for column, task in printed.columns.items() if task.startswith(f"{suite}/")]
            if columns and printed.printed:
                found = True
                text += _printed(recipe, printed, columns)
    if not found:
        text += "This package holds no printed numbers of this suite.\n"
    return text


def _printed(recipe: Recipe, printed: RecipeTable, columns: Sequence[str]) -> str:
    """One printed table, those of its columns that are of the suite, with what is known of its cells."""
    lines = [
        [escape(row), *(printed.printed.get((row, column), "") for column in columns)]
        for row in printed.rows
        if any(printed.printed.get((row, column)) for column in columns)
    ]
    head = [escape(row) for row in columns]
    tasks = "; ".join(f"{escape(column)} is `{printed.columns[column]}`" for column in columns)
    text = f"### {recipe.name}, {printed.name}\n\n{escape(printed.title)}. {escape(recipe.citation)}\n\n"
    text += table(("as printed", *head), lines)
    text += f"\n{tasks}.\n\n"
    notes = [
        note
        for note in recipe.footnotes
        if note.concerns(printed.name) and (not note.columns or set(note.columns) & set(columns))
    ]
    for note in notes:
        about = ", ".join([*note.rows, *(column for column in note.columns if column in columns)])
        text += f"- {f'{escape(about)}: ' if about else ''}{escape(note.text, pipes=False)}\n"
    text += f"\nMade again by [`hear-eval reproduce {recipe.name}`](../reproducing.md); put beside yours:\n\n"
    return text + f"    hear-eval report results --published {recipe.name}\n\n"
