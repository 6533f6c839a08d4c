"""Tables of what YAML files may hold, as Markdown: one row a key, with its type, default and meaning."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evaluator.schema import Field

Section = tuple[str, Mapping[str, Field]]

_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "empty"}
_HEAD = ("key", "type", "default", "meaning")


def page(title: str, introduction: str, sections: Iterable[Section]) -> str:
    """A Markdown page with a table for each section, one below the other.

    Args:
        title: Of the page.
        introduction: Markdown below the title.
        sections: (title, fields) pairs, (n_sections,), such as those of `evaluator/api/yaml_keys.py`.
    """
    tables = (f"## {heading}\n\n{table(fields)}\n" for heading, fields in sections)
    return "\n".join([f"# {title}\n\n{introduction}\n", *tables])


def table(fields: Mapping[str, Field]) -> str:
    """The keys as a Markdown table; those inside a value follow it as `outer.inner`.

    In their names, `[]` stands for each element of a list and `*` for each name that the user chooses.
    """
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    for name, field in _rows("", fields):
        lines.append(_line([f"`{name}`", _type(field), _default(field), field.meaning]))
    return "\n".join(lines)


def without_meaning(sections: Iterable[Section]) -> list[str]:
    """Keys that lack their sentence, as `section: key`, (n_lacking,)."""
    return [
        f"{heading}: {name}" for heading, fields in sections for name, field in _rows("", fields) if not field.meaning
    ]


def _rows(prefix: str, fields: Mapping[str, Field]) -> Iterator[tuple[str, Field]]:
    """Each key and those inside its value, with their full names."""
    for name, field in fields.items():
        yield f"{prefix}{name}", field
        if field.fields:
            yield from _rows(f"{prefix}{name}.", field.fields)
        if field.each and field.each.fields:
            separator = "[]" if field.kind is list else ".*"
            yield from _rows(f"{prefix}{name}{separator}.", field.each.fields)


def _type(field: Field) -> str:
    kinds = field.kind if isinstance(field.kind, tuple) else (field.kind,)
    words = [_kind(kind, field) for kind in kinds]
    if field.choices:
        choices = [f"`{choice}`" for choice in field.choices if choice != ""]
        words = [*choices, *(word for word in words if word != "text")]
    bounds = [
        f"{name} {bound:.10g}" for name, bound in (("at least", field.min), ("at most", field.max)) if bound is not None
    ]
    return ", ".join([" or ".join(words), *bounds])


def _kind(kind: type, field: Field) -> str:
    """A Python type in words, with what its elements are."""
    if kind is list:
        return f"list of {_type(field.each)}" if field.each and field.each.kind is not dict else "list"
    if kind is dict:
        free = field.each and not field.fields and field.each.kind is not dict
        return f"mapping from text to {_type(field.each)}" if field.each and free else "mapping"
    return _WORDS[kind]


def _default(field: Field) -> str:
    if field.required:
        return "required"
    value: Any = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (str, int, float)) and value != "":
        return f"`{value}`"
    return ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
