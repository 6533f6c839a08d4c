"""Tables for papers: what is bold, marked and said; LaTeX that compiles whoever named a module; the same bytes each time."""

import csv
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import evaluator as ev
import strict_tex
from evaluator.cli import main
from evaluator.errors import UsageError
from evaluator.report import paper_text
from evaluator.results import on_disk
from evaluator.results.result import Caveat
from test_board import hits, of

ENGINE = next((path for name in ("pdflatex", "tectonic") if (path := shutil.which(name))), "")
HEARD = Caveat("pre_trained_on_data", "contamination: it was")
OUT = Path("results")
PART = Caveat("partial_data", "40 clips; the whole dataset has 2000")
HOSTILE = "a_b & 50% \\input{x} {^~} #1 [x] *y <z> | \"q\" -- $x$ 'k' `l` †‡§¶‖±–\n\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where results lie; the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(module, task, n_right, **fields):
    """Write a result of 200 clips of which so many are recognised."""
    interval = {"ci_low": n_right / 200 - 0.05, "ci_high": n_right / 200 + 0.05}
    made = of(hits(n_right), module=module, task=task, **{"protocol": "arch", **interval, **fields})
    on_disk.write(made, OUT)


def rows(path):
    """Lines of a CSV by module."""
    with open(path, encoding="utf-8", newline="") as file:
        return {line["module"]: line for line in csv.DictReader(file)}


def compiled(path):
    """Whether a TeX engine makes a page of a table: its complaints, none if there is no engine."""
    text = path.read_text(encoding="utf-8")
    strict_tex.check(text)
    if not ENGINE:
        return []
    main_file = path.with_name("whole.tex")
    main_file.write_text(strict_tex.document(text, path), encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in ENGINE else []
    done = subprocess.run(
        [ENGINE, *options, main_file.name],
        cwd=path.parent,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return [] if done.returncode == 0 else done.stdout.splitlines()[-20:]


def test_bold_is_only_who_is_significantly_better_than_all_others(folder):
    """a is on esc50; on emovo a and b are 2 clips apart, which is a tie."""
    for task, scores in (("arch/esc50", (180, 120, 60)), ("arch/emovo", (120, 118, 60))):
        for module, n_right in zip("abc", scores, strict=True):
            put(module, task, n_right)
    assert main(["table", "results", "--out", "t.tex", "t.csv", "t.md"]) == 0
    made = rows("t.csv")
    assert {name: (row["arch/esc50 bold"], row["arch/emovo bold"]) for name, row in made.items()} == {
        "a": ("yes", ""),
        "b": ("", ""),
        "c": ("", ""),
    }
    assert made["a"]["arch/esc50"] == "90.0" and made["a"]["arch/esc50 ci_low"] == "85.0"
    text = (folder / "t.tex").read_text()
    assert text.count(r"\bfseries 90.0 ") == text.replace(r"\robustify\bfseries", "").count(r"\bfseries") == 1
    assert (
        "{\\scriptsize [85.0, 95.0]}" in text and r"\multicolumn{4}{c}{arch}" in text and r"\cmidrule(lr){2-5}" in text
    )
    assert "**90.0** \\[85.0, 95.0\\]" in (folder / "t.md").read_text()
    assert compiled(folder / "t.tex") == []


def test_a_contaminated_module_is_marked_and_never_bold(folder):
    """It stands first with a dagger; bold is who is better than all that can be compared."""
    for module, n_right, caveats in (("heard", 190, [HEARD, PART]), ("a", 150, [PART]), ("b", 60, [PART])):
        put(module, "arch/esc50", n_right, caveats=caveats)
    assert main(["table", "results", "--out", "t.tex", "t.csv"]) == 0
    made = rows("t.csv")
    assert {name: row["arch/esc50 bold"] for name, row in made.items()} == {"heard": "", "a": "yes", "b": ""}
    assert made["heard"]["arch/esc50 caveats"] == "partial_data; pre_trained_on_data"
    text = (folder / "t.tex").read_text()
    heard = next(line for line in text.splitlines() if line.startswith("{heard}"))
    assert r"95.0 & {\scriptsize [90.0, 100.0]}\textsuperscript{\dag{}}" in heard
    assert r"\multicolumn{2}{c}{esc50\textsuperscript{\ddag{}}}" in text  # what all scores have, once
    assert r"\item[\dag{}] The module was pre-trained on recordings of this dataset: contamination." in text
    assert r"\item[\ddag{}] Other numbers of clips or classes" in text
    assert compiled(folder / "t.tex") == []


def test_a_module_alone_is_never_bold(folder):
    """There is nothing that it is better than."""
    put("a", "arch/esc50", 180)
    assert main(["table", "results", "--out", "t.csv"]) == 0
    assert rows("t.csv")["a"]["arch/esc50 bold"] == ""


def test_a_suite_has_a_mean_of_rows_that_have_all_its_tasks(folder):
    """Of exact scores, not of rounded ones; none for a module that lacks a task, which is named."""
    put("a", "arch/esc50", 101)
    put("a", "arch/emovo", 60)
    put("b", "arch/esc50", 90)
    put("a", "mine", 50)
    put("b", "mine", 50)
    made = ev.write_table("results", ["t.csv", "t.tex"], suite_means=True)
    lines = rows("t.csv")
    assert [lines[name]["arch/mean"] for name in "ab"] == ["40.25", ""]
    assert "own data/mine" in lines["a"] and "own data/mean" not in lines["a"]
    assert any("b on arch/emovo" in each and "has no result" in each for each in made.problems)
    text = (folder / "t.tex").read_text()
    assert r"{\textendash{}}" in text and "Means over the tasks of a suite, for rows that have all of them." in text
    assert compiled(folder / "t.tex") == []


def test_what_stands_behind_a_score_is_chosen(folder):
    """Standard deviation over trainings, or nothing; the caption says what it is."""
    put("a", "arch/esc50", 101, std=0.012)
    for doubt, behind in (("std", r"{\scriptsize $\pm$ 1.2}"), ("none", ""), ("interval", "[45.5, 55.5]")):
        assert main(["table", "results", "--doubt", doubt, "--out", "t.tex", "t.md"]) == 0
        text = (folder / "t.tex").read_text()
        assert behind in text and ("scriptsize" in text) == bool(behind)
        assert compiled(folder / "t.tex") == []
        assert ("standard deviation" in text, "95 \\% intervals" in text) == (doubt == "std", doubt == "interval")
    with pytest.raises(UsageError, match=r"unknown doubt 'intervall'; did you mean 'interval'"):
        ev.write_table("results", "t.tex", doubt="intervall")
    with pytest.raises(UsageError, match=r"t.pdf: a table ends with .csv, .md, .tex, not '.pdf'"):
        ev.write_table("results", "t.pdf")


def test_an_interval_that_cannot_be_had_is_left_out(folder):
    """NaN stands nowhere."""
    put("a", "arch/esc50", 101, ci_low=float("nan"), ci_high=float("nan"))
    assert main(["table", "results", "--out", "t.tex", "t.csv"]) == 0
    assert "nan" not in (folder / "t.tex").read_text().lower().replace("nance", "")
    assert rows("t.csv")["a"]["arch/esc50"] == "50.5"


def test_names_of_strangers_stay_text_and_bytes_stay_the_same(folder):
    """Whatever a module or task is called, the table compiles; made again it is the same, byte by byte."""
    for number, module in enumerate((HOSTILE, "[x", "*y", "é ß ñ")):
        for task in ("arch/esc50", f"su_ite/{'%$#'}"):
            put(module, task, 100 + number, caveats=[HEARD] * (number % 2))
    assert (
        main(["table", "results", "--out", "t.tex", "t.md", "t.csv", "--published", "arch2024", "--suite-means"]) == 0
    )
    before = {path.name: path.read_bytes() for path in folder.glob("t.*")}
    assert compiled(folder / "t.tex") == []
    assert (
        main(["table", "results", "--out", "t.tex", "t.md", "t.csv", "--published", "arch2024", "--suite-means"]) == 0
    )
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert r"\input" not in before["t.tex"].decode().replace(r"\textbackslash{}input", "")


@pytest.mark.parametrize("text", ["a_b", "{", "a & b", "\\write18", "50 %", "--", "$"])
def test_the_strict_reader_refuses_what_is_not_escaped(text):
    """What tests the tables where no TeX engine is: it would notice."""
    table = r"\begin{table}\begin{tabular}{lS[table-format=2.1]}" + "\n{%s} & 1.0 \\\\\n" + r"\end{tabular}\end{table}"
    strict_tex.check(table % paper_text.escape(text))
    with pytest.raises(AssertionError):
        strict_tex.check(table % text)


def test_several_protocols_are_told_apart_at_the_head(folder):
    """A column group for each, and no mean over both."""
    for profile in ("clean", "published"):
        for task in ("arch/esc50", "arch/emovo"):
            put("a", task, 101, profile=profile)
    assert main(["table", "results", "--out", "t.tex", "t.csv", "--suite-means"]) == 0
    head = list(rows("t.csv")["a"])
    assert [name for name in head if name.endswith("/mean")] == [
        "arch (arch, clean)/mean",
        "arch (arch, published)/mean",
    ]
    assert compiled(folder / "t.tex") == []


def test_a_better_score_by_chance_is_not_bold(folder):
    """Random answers of three equal modules, 20 times: at most a few bold scores where each column has a largest one."""
    random = np.random.default_rng(0)
    for number in range(20):
        for module in "abc":
            answers = of(random.random(200) < 0.5, module=module, task=f"s/t{number}", ci_low=0.0, ci_high=1.0)
            on_disk.write(answers, OUT)
    assert main(["table", "results", "--out", "t.csv"]) == 0
    bold = sum(
        value == "yes" for row in rows("t.csv").values() for name, value in row.items() if name.endswith(" bold")
    )
    assert bold <= 3
