"""Text, values and tables as Markdown."""

import re
from collections.abc import Iterable
from typing import Any


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells, (n_rows, n_columns), that are Markdown already."""
    names = list(head)
    lines = [names, ["---"] * len(names), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def cell(value: Any) -> str:
    """A value of a listing as the cell of a table."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return escape(", ".join(map(str, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else escape(str(value))


def code(text: str) -> str:
    """Text as code in a line."""
    return f"`{text}`"


def sentence(text: str) -> str:
    """A summary as a sentence."""
    text = escape(text.strip(), pipes=False)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', ':', '?')) else '.'}"


def escape(text: str, pipes: bool = True) -> str:
    """Text as Markdown that shows it as it is, but for code between backquotes; in cells of tables pipes are escaped, too."""
    parts = re.split(r"(`[^`]*`)", text)
    plain = (re.sub(r"([<*_\[\]])", r"\\\1", part) if number % 2 == 0 else part for number, part in enumerate(parts))
    joined = "".join(plain)
    return re.sub(r"\s+", " ", joined.replace("|", "\\|")) if pipes else joined


def anchor(heading: str) -> str:
    """What a heading is called in links."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
