r"""A paper's table as LaTeX (booktabs, siunitx, threeparttable), as Markdown, or as CSV; text stays text, whoever named a module.

In LaTeX each task has a column of numbers and, where something stands behind them, one of text beside it: siunitx aligns
the numbers, and intervals and marks hang outside.
"""

import re
from collections.abc import Sequence

from evaluator import tables
from evaluator.errors import UsageError
from evaluator.report.paper_table import PaperCell, PaperColumn, PaperTable
from evaluator.tables import TableCell

_PREAMBLE = r"""% In the preamble:
%   \usepackage{booktabs, siunitx, threeparttable, etoolbox}
%   \robustify\bfseries
%   \sisetup{detect-weight, mode = text}
% A wide table: table* instead of table, \small behind \centering, or a smaller \tabcolsep.
% Names in other than Latin letters need XeLaTeX or LuaLaTeX and a font that has them.
"""
_MARKS = ("†", "‡", "§", "¶", "‖")  # then each twice, three times, ...
_TEX_MARKS = {"†": r"\dag", "‡": r"\ddag", "§": r"\S", "¶": r"\P", "‖": r"$\Vert$"}
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": r"\textendash{}",
    "±": r"$\pm$",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    **{mark: rf"{command}{{}}" for mark, command in _TEX_MARKS.items() if "$" not in command},
    "‖": r"$\Vert$",
}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def as_text(table: PaperTable, kind: str) -> str:
    """A table, (n_rows, n_columns), as text that ends with a line break, the same for the same table.

    Args:
        table: What to write.
        kind: tex, md or csv.

    Raises:
        UsageError: Another kind.
    """
    if kind == "tex":
        return _as_tex(table)
    if kind == "md":
        return _as_markdown(table)
    if kind == "csv":
        return _as_csv(table)
    raise UsageError(f"{kind!r} is no kind of table; known: tex, md, csv")


def _marks(table: PaperTable) -> dict[str, str]:
    """The mark of each kind of caveat in the table."""
    return {kind: _MARKS[n % len(_MARKS)] * (n // len(_MARKS) + 1) for n, kind in enumerate(table.kinds)}


def _footnotes(table: PaperTable) -> list[tuple[str, str]]:
    """Each mark with what it means, as a sentence."""
    marks = _marks(table)
    return [(marks[kind], f"{text[:1].upper()}{text[1:]}.") for kind, text in table.kinds.items()]


def escape(text: str) -> str:
    r"""Text as LaTeX that shows it: nothing in it is a command, and nothing breaks a line.

    >>> escape("a_b & 50 %")
    'a\\_b \\& 50 \\%'
    """
    escaped = "".join(_TEX.get(character, character) for character in _CONTROLS.sub(" ", text))
    return re.sub("-(?=-)", "-{}", escaped)  # two of them are no dash


def _as_tex(table: PaperTable) -> str:
    wide = _has_text(table)
    n_columns = 1 + sum(2 if each else 1 for each in wide)
    lines = [
        _PREAMBLE + r"\begin{table}",
        r"\centering",
        r"\begin{threeparttable}",
        rf"\caption{{{escape(table.caption)}}}",
        rf"\begin{{tabular}}{{l{''.join(_column(table, n, each) for n, each in enumerate(wide))}}}",
        r"\toprule",
        *_tex_head(table, wide),
        r"\midrule",
        *(_tex_row(table, title, cells, wide) for title, cells in table.measured),
    ]
    for part in table.printed:
        lines += [r"\midrule", rf"\multicolumn{{{n_columns}}}{{l}}{{\emph{{Printed in {escape(part.name)}}}}} \\"]
        lines += [_tex_row(table, title, cells, wide) for title, cells in part.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    notes = [rf"\item[{_tex_mark(mark)}] {escape(text)}" for mark, text in _footnotes(table)]
    notes += [rf"\item[] {escape(f'{part.name}: {part.citation}')}" for part in table.printed]
    if notes:
        lines += [r"\begin{tablenotes}[flushleft]", r"\footnotesize", *notes, r"\end{tablenotes}"]
    return "\n".join([*lines, r"\end{threeparttable}", r"\end{table}", ""])


def _all_rows(table: PaperTable) -> list[tuple[str, list[PaperCell]]]:
    """Each row by a name that says where it is printed, if it is."""
    printed = [(f"{title}, printed in {part.name}", cells) for part in table.printed for title, cells in part.rows]
    return [*table.measured, *printed]


def _has_text(table: PaperTable) -> list[bool]:
    """Whether something stands behind the numbers of a column, (n_columns,)."""
    rows = [cells for _, cells in _all_rows(table)]
    return [any(cells[n].doubt or cells[n].kinds for cells in rows) for n in range(len(table.columns))]


def _column(table: PaperTable, n: int, has_text: bool) -> str:
    r"""The kind of a column: `S` with as many digits before and behind the point as its longest numbers have."""
    parts = [cells[n].text.partition(".") for _, cells in _all_rows(table) if cells[n].text]
    before = max((len(part[0].removeprefix("-")) for part in parts), default=2)
    behind = max((len(part[2]) for part in parts), default=1)
    sign = "-" if any(part[0].startswith("-") for part in parts) else ""
    number = f"S[table-format={sign}{before}.{behind}]"
    return rf"{number}@{{\,}}l" if has_text else number


def _tex_head(table: PaperTable, wide: Sequence[bool]) -> list[str]:
    r"""Suites over their tasks, with `\cmidrule`, then the tasks, then their metrics if they have several."""
    spans = [2 if each else 1 for each in wide]
    starts = [2 + sum(spans[:n]) for n in range(len(spans))]
    groups, rules = [], []
    for group in dict.fromkeys(column.group for column in table.columns):
        members = [n for n, column in enumerate(table.columns) if column.group == group]
        end = starts[members[-1]] + spans[members[-1]] - 1
        groups.append(rf"\multicolumn{{{end - starts[members[0]] + 1}}}{{c}}{{{escape(group)}}}")
        rules.append(rf"\cmidrule(lr){{{starts[members[0]]}-{end}}}")
    marks = _marks(table)
    titles = [
        rf"\multicolumn{{{span}}}{{c}}{{{escape(column.title)}{_tex_marks([marks[kind] for kind in column.kinds])}}}"
        for column, span in zip(table.columns, spans, strict=True)
    ]
    lines = [rf"{' & '.join(['', *groups])} \\", " ".join(rules), rf"{' & '.join(['Module', *titles])} \\"]
    if len({column.metric for column in table.columns if column.metric}) > 1:
        names = [
            rf"\multicolumn{{{span}}}{{c}}{{\footnotesize {escape(column.metric.replace('_', ' '))}}}"
            for column, span in zip(table.columns, spans, strict=True)
        ]
        lines.append(rf"{' & '.join(['', *names])} \\")
    return lines


def _tex_row(table: PaperTable, title: str, cells: Sequence[PaperCell], wide: Sequence[bool]) -> str:
    marks = _marks(table)
    texts = [f"{{{escape(title)}}}"]  # in braces: a `[` or `*` after `\\` would be an argument
    for cell, has_text in zip(cells, wide, strict=True):
        texts.append(rf"\bfseries {cell.text}" if cell.bold else cell.text or r"{\textendash{}}")
        if has_text:
            texts.append(f"{_tex_doubt(cell)}{_tex_marks([marks[kind] for kind in cell.kinds])}")
    return rf"{' & '.join(texts)} \\"


def _tex_doubt(cell: PaperCell) -> str:
    if len(cell.doubt) == 2:
        return rf"{{\scriptsize [{cell.doubt[0]}, {cell.doubt[1]}]}}"
    return rf"{{\scriptsize $\pm$ {cell.doubt[0]}}}" if cell.doubt else ""


def _tex_marks(marks: Sequence[str]) -> str:
    return rf"\textsuperscript{{{','.join(map(_tex_mark, marks))}}}" if marks else ""


def _tex_mark(mark: str) -> str:
    command = _TEX_MARKS[mark[0]]
    return "".join([command if "$" in command else f"{command}{{}}"] * len(mark))


def _as_markdown(table: PaperTable) -> str:
    marks = _marks(table)
    head = ["module", *(_plain_title(table, column) + _plain_marks(marks, column.kinds) for column in table.columns)]
    rows: list[list[TableCell]] = [
        [title, *(_plain_cell(cell, marks) for cell in cells)] for title, cells in _all_rows(table)
    ]
    drawn = tables.as_text(head, rows, "md")
    for cell in {cell.text for _, cells in table.measured for cell in cells if cell.bold}:
        drawn = drawn.replace(f"{_BOLD}{cell}{_BOLD}", f"**{cell}**")
    lines = [table.caption, *(f"{mark} {text}" for mark, text in _footnotes(table))]
    lines += [f"{part.name}: {part.citation}" for part in table.printed]
    return "\n".join([drawn, *(f"{_one_line(line)}\n" for line in lines)])


_BOLD = "\ue000"  # a private character, which becomes two asterisks once all others are escaped


def _one_line(text: str) -> str:
    """Text as a paragraph of Markdown in which nothing is a command."""
    (_, _, line) = tables.as_text([""], [[text]], "md").splitlines()
    return line[2:-2].strip()


def _plain_title(table: PaperTable, column: PaperColumn) -> str:
    several = len({each.metric for each in table.columns if each.metric}) > 1
    return f"{column.group}/{column.title}{f' ({column.metric})' if several and column.metric else ''}"


def _plain_marks(marks: dict[str, str], kinds: Sequence[str]) -> str:
    return ",".join(marks[kind] for kind in kinds)


def _plain_cell(cell: PaperCell, marks: dict[str, str]) -> str:
    if not cell.text:
        return "–"
    number = f"{_BOLD}{cell.text}{_BOLD}" if cell.bold else cell.text
    doubt = f" [{', '.join(cell.doubt)}]" if len(cell.doubt) == 2 else "".join(f" ± {each}" for each in cell.doubt)
    return f"{number}{_plain_marks(marks, cell.kinds)}{doubt}"


def _as_csv(table: PaperTable) -> str:
    """Numbers in the unit that is read, with all their digits, a column each; whether bold; and the kinds of caveats by name."""
    n_doubts = max((len(cell.doubt) for _, cells in _all_rows(table) for cell in cells), default=0)
    behind = {0: (), 1: ("std",), 2: ("ci_low", "ci_high")}[n_doubts]
    head = ["module", "printed_in"]
    for column in table.columns:
        name = _plain_title(table, column)
        head += [name, *(f"{name} {each}" for each in (*behind, "bold", "caveats"))]
    papers = [("", row) for row in table.measured]
    papers += [(part.name, row) for part in table.printed for row in part.rows]
    return tables.as_text(head, [_csv_row(table, paper, *row, n_doubts) for paper, row in papers], "csv")


def _csv_row(table: PaperTable, paper: str, title: str, cells: Sequence[PaperCell], n_doubts: int) -> list[TableCell]:
    line: list[TableCell] = [title, paper]
    for column, cell in zip(table.columns, cells, strict=True):
        doubt = cell.doubt or ("",) * n_doubts
        line += [round(cell.value, 6) if cell.text else None, *(float(each) if each else None for each in doubt)]
        line += [
            "yes" if cell.bold else "",
            "; ".join(dict.fromkeys((*column.kinds, *cell.kinds))) if cell.text else "",
        ]
    return line
