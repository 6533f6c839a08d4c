"""Tables as CSV, Markdown and LaTeX, in which text stays text, whoever named a module or a clip.

A cell is text, a number or None (empty). CSV keeps line breaks; Markdown and LaTeX have a space there. Numbers are written as
they are: who makes the table rounds.
"""

import csv
import io
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from evaluator.errors import UsageError
from evaluator.files import write_whole

TableCell = str | int | float | None
HeadAndRows = tuple[list[str], list[list[TableCell]]]  # (n_columns,) and (n_rows, n_columns)

KINDS = {".csv": "csv", ".md": "md", ".tex": "tex"}
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are their full-width forms
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# CommonMark 0.31, section 2.4: a backslash before punctuation takes its meaning. Underscores inside a word have none.
_MARKDOWN = re.compile(r"[\\`*|<>\[\]&~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def as_text(head: Sequence[str], rows: Sequence[Sequence[TableCell]], kind: str) -> str:
    """A table as text that ends with a line break.

    In CSV, text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV Injection,
    https://owasp.org/www-community/attacks/CSV_Injection). LaTeX needs the package booktabs.

    Args:
        head: Names of the columns, (n_columns,).
        rows: (n_rows, n_columns).
        kind: csv, md or tex.

    Raises:
        UsageError: Another kind.
        ValueError: A row that is longer or shorter than the head.
    """
    uneven = [row for row in rows if len(row) != len(head)]
    if uneven:
        raise ValueError(f"a row of {len(uneven[0])} cells under a head of {len(head)}: {list(uneven[0])}")
    if kind == "csv":
        return _csv(head, rows)
    if kind == "md":
        return _drawn(head, rows, "pipe", _markdown)
    if kind == "tex":
        return _tex(_drawn(head, rows, "latex_booktabs", str))
    raise UsageError(f"{kind!r} is no kind of table; known: {', '.join(KINDS.values())}")


def write(head: Sequence[str], rows: Sequence[Sequence[TableCell]], path: Path) -> Path:
    """Write a table, whole, as its name ends: .csv, .md or .tex; folders are made.

    Args:
        head: Names of the columns, (n_columns,).
        rows: (n_rows, n_columns).
        path: Of the file.

    Raises:
        UsageError: Another ending.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: a table ends with {', '.join(KINDS)}, not {path.suffix!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file name that is no UTF-8 is written with backslashes.
    write_whole(path, as_text(head, rows, kind).encode("utf-8", errors="backslashreplace"))
    return path


def _csv(head: Sequence[str], rows: Sequence[Sequence[TableCell]]) -> str:
    text = io.StringIO(newline="")
    # RFC 4180's line ends: with others, Python 3.11 leaves a lone carriage return unquoted.
    writer = csv.writer(text, lineterminator="\r\n")
    for row in (head, *rows):
        writer.writerow([_harmless(cell) for cell in row])
    return text.getvalue()


def _harmless(cell: TableCell) -> TableCell:
    """The cell, with an apostrophe in front where a spreadsheet would run it; numbers, also as text, stay, and NaN is empty."""
    if isinstance(cell, float) and math.isnan(cell):
        return None
    if not isinstance(cell, str) or not cell.lstrip().startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _drawn(head: Sequence[str], rows: Sequence[Sequence[TableCell]], style: str, escape: Callable[[str], str]) -> str:
    """The table in one of tabulate's styles; columns of numbers stand to the right."""
    from tabulate import tabulate

    columns = [[row[n] for row in rows] for n in range(len(head))]
    sides = ["right" if _is_numeric(each) else "left" for each in columns]
    return (
        tabulate(
            [[_cell(each, escape) for each in row] for row in rows] or [[""] * len(head)],
            headers=[_cell(each, escape) for each in head],
            tablefmt=style,
            colalign=sides,
            disable_numparse=True,
        )
        + "\n"
    )


def _is_numeric(column: Sequence[TableCell]) -> bool:
    """Whether a column holds numbers and no text."""
    return any(cell is not None for cell in column) and not any(isinstance(cell, str) for cell in column)


def _cell(cell: TableCell, escape: Callable[[str], str]) -> str:
    if cell is None:
        return ""
    return escape(_CONTROLS.sub(" ", cell)) if isinstance(cell, str) else str(cell)


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", text)


def _tex(table: str) -> str:
    r"""The table with a first cell that begins with `[` or `*` in braces: after `\\` or `\midrule` these are arguments."""
    return re.sub(r"^(\s*)([\[*])", r"\1{\2}", table, flags=re.MULTILINE)


# For people, on a terminal -------------------------------------------------------------------------------------------

_GAP = "  "
_LONGEST_WORD = 40  # characters of a word that is not broken


def fitted(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """A table as lines of at most `width` characters: cells are wrapped, and where that does not do, each row is a block of its own.

    Args:
        head: Names of the columns, (n_columns,).
        rows: (n_rows, n_columns).
        width: In characters; None for columns as wide as their longest cell.

    >>> print("\\n".join(fitted(("task", "what"), [("demo/calls", "six invented species")], 24)))
    task        what
    ----------  ------------
    demo/calls  six invented
                species
    """
    columns = [[row[n] for row in [head, *rows]] for n in range(len(head))]
    widths = [max(map(len, column)) for column in columns]
    if width is not None:
        least = [max(min(_LONGEST_WORD, _longest_word(cell)) for cell in column) for column in columns]
        room = width - len(_GAP) * (len(head) - 1)
        if sum(least) > room:
            return _as_blocks(head, rows, width)
        while sum(widths) > room:  # the column that can give most gives
            widest = max(range(len(widths)), key=lambda n: widths[n] - least[n])
            widths[widest] -= 1
    lines = [*_wrapped(head, widths), _GAP.join("-" * width for width in widths)]
    return [*lines, *(line for row in rows for line in _wrapped(row, widths))]


def _longest_word(cell: str) -> int:
    return max(map(len, cell.split()), default=1)


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The lines of a row, its cells wrapped to the widths."""
    cells = [_lines(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(map(len, cells))
    padded = [[*lines, *[""] * (height - len(lines))] for lines in cells]
    return [
        _GAP.join(line.ljust(width) for line, width in zip(lines, widths, strict=True)).rstrip()
        for lines in zip(*padded, strict=True)
    ]


def _lines(cell: str, width: int) -> list[str]:
    if len(cell) <= width:
        return [cell]
    return textwrap.wrap(cell, width, break_on_hyphens=False) or [""]


def _as_blocks(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Each row as lines `name: cell`, empty cells left out, with an empty line behind it."""
    lines = []
    for row in rows:
        for name, cell in zip(head, row, strict=True):
            if cell:
                lines += textwrap.wrap(
                    f"{name}: {cell}", max(width, 20), subsequent_indent="    ", break_on_hyphens=False
                )
        lines.append("")
    return lines
