"""Tables in three kinds, in which hostile names stay names."""

import csv
import io
import re

import pytest

from evaluator import tables
from evaluator.errors import UsageError

HOSTILE = [
    "a|b",
    "back\\slash",
    "under_score __init__",
    "<script>alert(1)</script>",
    "line\nbreak\rand\ttab",
    '"quoted", with a comma',
    "100 % & $5 #1 {x} ~y ^z",
    "[optional] *star",
    "*star",
    "ünï — 音",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_csv_reads_back_what_was_written(name):
    """By Python's own reader, every kind of name, also beside None and numbers with all digits."""
    text = tables.as_text([name, "n", "x"], [[name, 3, 0.1 + 0.2], ["", None, -1]], "csv")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        [name, "n", "x"],
        [name, "3", "0.30000000000000004"],
        ["", "", "-1"],
    ]


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1+1", " =1+1", "\uff1d1+1"])
def test_a_spreadsheet_runs_nothing(name):
    """Text that begins as a formula gets an apostrophe; numbers stay numbers, also as text."""
    ((head, *numbers), (cell, *_)) = csv.reader(
        io.StringIO(tables.as_text([name, "-1.5"], [[name, -2]], "csv"), newline="")
    )
    assert head == cell == "'" + name and numbers == ["-1.5"]


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_keeps_its_columns_and_shows_the_name(name):
    """Unescaped pipes are those of the columns, no tag is left, and without the backslashes it is the name again."""
    text = tables.as_text(["a", "b"], [[name, "x"], ["y", name]], "md")
    lines = text.splitlines()
    assert len(lines) == 4
    for line in lines[2:]:
        plain = line.replace("\\\\", "").replace("\\|", "")
        assert plain.count("|") == 3 and "<" not in plain.replace("\\<", "")
    shown = lines[2].rpartition(" | x")[0].removeprefix("| ").strip()
    unescaped = re.sub(r"\\(.)", r"\1", shown)
    assert unescaped == name.replace("\n", " ").replace("\r", " ").replace("\t", " ")


def test_underscores_inside_words_stay_readable():
    """byol_a_mini is no emphasis in Markdown; __init__ would be."""
    text = tables.as_text(["m"], [["hear_ssl.byol_a_mini"], ["__init__"]], "md")
    assert "hear_ssl.byol_a_mini" in text and "\\_\\_init\\_\\_" in text


def test_latex_specials_are_text():
    """Each special by what LaTeX prints it with; a row that begins with a bracket is no argument of the line before."""
    text = tables.as_text(["a_b", "n"], [["50 % & $ # { } ~ ^ \\ <", 1], ["[1cm] x", 2.5], ["*", None]], "tex")
    for shown in (r"a\_b", r"50 \% \& \$ \# \{ \} \textasciitilde{} \^{} \textbackslash{} \ensuremath{<}"):
        assert shown in text
    assert "\n {[}1cm]" in text and "\n {*}" in text and r"\begin{tabular}{lr}" in text and r"\toprule" in text
    rows = text.partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()
    assert len(rows) == 3 and all(row.endswith(r"\\") for row in rows)


@pytest.mark.parametrize("kind", ["csv", "md", "tex"])
def test_an_empty_table_has_a_head(kind):
    """Also where nothing was found."""
    assert "module" in tables.as_text(["module", "score"], [], kind)


def test_writes_by_suffix(tmp_path):
    """Whole, into folders that it makes; another suffix is refused, and names that are no UTF-8 are told with backslashes."""
    for suffix in ("csv", "md", "tex", "CSV"):
        path = tables.write(["a"], [["\udcff.wav"]], tmp_path / "new" / f"t.{suffix}")
        assert "udcff.wav" in path.read_text(encoding="utf-8")
    with pytest.raises(UsageError, match=r"t\.xlsx: a table ends with \.csv, \.md, \.tex, not '\.xlsx'"):
        tables.write(["a"], [], tmp_path / "t.xlsx")
    with pytest.raises(UsageError, match="'html' is no kind of table; known: csv, md, tex"):
        tables.as_text(["a"], [], "html")
    with pytest.raises(ValueError, match="a row of 2 cells under a head of 1"):
        tables.as_text(["a"], [["b", "c"]], "md")
    assert not [each for each in (tmp_path / "new").iterdir() if each.name.startswith(".")]


HEAD, ROWS = (
    ("module", "what", "n"),
    [
        ("hear_ssl.wav2vec2_large_960h_lv60_self", "a sentence of some words that say what it is and is not", "1"),
        ("b", "", "1000"),
    ],
)


def test_a_table_is_as_wide_as_its_cells_unless_it_has_to_fit():
    """Without a width each row is one line, as programs want it; so it is where there is room."""
    lines = tables.fitted(HEAD, ROWS)
    assert len(lines) == 4 and lines[0].split() == list(HEAD) and ROWS[0][1] in lines[2]
    assert tables.fitted(HEAD, ROWS, len(lines[2]) + 3) == lines


@pytest.mark.parametrize("width", [60, 75, 90])
def test_a_table_that_has_to_fit_wraps_its_cells_and_loses_no_word(width):
    """No line is longer, no name is cut, columns stay columns."""
    lines = tables.fitted(HEAD, ROWS, width)
    assert max(map(len, lines)) <= width and ROWS[0][0] in lines[2]
    begin, end = lines[0].index("what"), lines[0].index(" n")
    assert [line.split() for line in (line[begin:end] for line in lines[2:-1])] != []
    assert " ".join(word for line in lines[2:-1] for word in line[begin:end].split()) == ROWS[0][1]


def test_where_columns_do_not_fit_each_row_is_a_block():
    """A name and its value a line; what is empty is left out."""
    lines = tables.fitted(HEAD, ROWS, 46)
    assert max(map(len, lines)) <= 46
    assert lines[0] == "module: hear_ssl.wav2vec2_large_960h_lv60_self"[:46] and lines[1].startswith("what: a sentence")
    assert lines[-4:] == ["", "module: b", "n: 1000", ""] or lines[-3:] == ["module: b", "n: 1000", ""]
