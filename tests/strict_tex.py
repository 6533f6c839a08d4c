"""A strict reader of the LaTeX that our tables are made of: what it takes compiles, and what it does not know it refuses."""

import re
from pathlib import Path

KNOWN = {
    *("begin", "end", "centering", "caption", "toprule", "midrule", "bottomrule", "cmidrule", "multicolumn", "emph"),
    *("bfseries", "scriptsize", "footnotesize", "textsuperscript", "item", "dag", "ddag", "S", "P", "Vert", "pm", ","),
    *("textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar", "textendash"),
    *("textquotesingle", "textasciigrave", "\\", "{", "}", "$", "&", "#", "%", "_"),
}
ENVIRONMENTS = ["table", "threeparttable", "tabular", "tablenotes"]
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}$&]|[^\\{}$&]+", re.DOTALL)


def check(text: str) -> list[int]:
    """Read a table; the number of columns of each of its rows.

    Raises:
        AssertionError: Braces or environments do not close, a command is not known, a special character stands alone, or rows
            have other numbers of columns than the head says.
    """
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("%"))
    _check_tokens(body)
    opened = []
    for which, name in re.findall(r"\\(begin|end)\{(\w+)\}", body):
        if which == "begin":
            opened.append(name)
        else:
            assert opened and opened.pop() == name, f"\\end{{{name}}} closes nothing"
    assert not opened, opened
    assert set(re.findall(r"\\begin\{(\w+)\}", body)) <= set(ENVIRONMENTS)
    (columns, rows), *others = re.findall(r"\\begin\{tabular\}\{(.*?)\}\n(.*?)\\end\{tabular\}", body, re.DOTALL)
    assert not others
    n_columns = len(re.sub(r"\[[^]]*\]|@\{[^}]*\}", "", columns))
    assert re.fullmatch(r"[lS]+", re.sub(r"\[[^]]*\]|@\{[^}]*\}", "", columns)), columns
    counts = [_n_cells(row) for row in re.split(r"\\\\\n", rows) if "&" in row or "multicolumn" in row]
    assert set(counts) == {n_columns}, (n_columns, counts)
    return counts


def _check_tokens(body: str) -> None:
    depth, in_math = 0, False
    for token in _TOKEN.findall(body):
        if token.startswith("\\"):
            assert token[1:] in KNOWN, f"{token} is not known"
        elif token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            assert depth >= 0, "a brace closes nothing"
        elif token == "$":
            in_math = not in_math
        elif token != "&":
            assert not re.search(r"[#_^~%<>|]|--|\n\n", token), f"special characters in {token!r}"
    assert depth == 0 and not in_math


def _n_cells(row: str) -> int:
    """Cells of a row, those that span several columns counted as often."""
    row = re.sub(r"\\(?:top|mid|bottom)rule|\\cmidrule\(lr\)\{[\d-]+\}", "", row)
    spans = [int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", row)]
    return 1 + len(re.findall(r"(?<!\\)&", row)) + sum(spans)


def document(table: str, table_file: Path) -> str:
    """A document with a table in it, whose preamble is what the table asks for."""
    asked = [line.removeprefix("%").strip() for line in table.splitlines() if re.match(r"%\s+\\", line)]
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage{lmodern}",
            r"\usepackage[margin=1cm, landscape]{geometry}",
            *asked,
            rf"\begin{{document}}\small\input{{{table_file.stem}}}\end{{document}}",
            "",
        ]
    )
