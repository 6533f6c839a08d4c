"""Papers' printed numbers beside measured ones: on the right boards, marked where they answer another question, never ranked or bold."""

import csv
import re
from dataclasses import replace

import pytest

import evaluator as ev
from evaluator.cli import main
from evaluator.errors import UsageError
from evaluator.report import board_tables, collect, overview, published
from evaluator.report.build import ranked_boards
from evaluator.reproduction import printed, recipe
from evaluator.results import on_disk
from evaluator.results.result import Caveat
from test_board import board_of, hits, of

ARCH = printed.papers(["arch2024"])


def board(task="arch/esc50", metric="accuracy", **fields):
    """A board of two modules under the paper's own protocol and profile."""
    said = {"task": task, "protocol": "arch", "profile": "published", **fields}
    made = board_of(*(of(hits(n), module=name, **said) for name, n in (("a", 60), ("b", 120))))
    return replace(made, metric=metric)


@pytest.mark.parametrize("name", [name for name in recipe.names() if name != "ogg2025"])
def test_every_printed_number_stands_on_the_board_of_its_task(name):
    """Each cell of each table of a recipe, as it is printed, once a board; the same number in two tables is one row."""
    (paper,) = printed.papers([name])
    numbers = {(each.model, each.table, each.task): each for each in paper.numbers}
    for table in recipe.read(name).tables:
        for (row, column), text in table.printed.items():
            if text:
                assert numbers.pop((row, table.name, table.columns[column])).text == text
    assert not numbers
    for task in {each.task for each in paper.numbers}:
        of_task = [each for each in paper.numbers if each.task == task]
        rows = published.rows_of(board(task, metric=of_task[0].metrics["published"]), [paper])
        assert {(row.number.model, row.number.text) for row in rows} == {(each.model, each.text) for each in of_task}
        assert len({row.title for row in rows}) == len(rows)


def test_a_model_is_one_row_unless_its_tables_disagree():
    """HuBERT xLarge is printed alike in two tables of Wu et al., `cat xwc` is not."""
    rows = published.rows_of(board("hear/crema_d"), printed.papers(["wu2022"]))
    names = [row.name for row in rows]
    assert names.count("HuBERT xLarge") == 1 and len(names) == len(set(names))


def test_numbers_of_the_same_question_have_no_mark():
    """Under the paper's protocol and profile, on all the data; the digits are those that are printed, the best first."""
    rows = published.rows_of(board(), ARCH)
    assert [row.others for row in rows] == [()] * 16
    assert (rows[0].score, rows[0].number.value) == ("74.39", pytest.approx(0.7439))
    assert [row.number.value for row in rows] == sorted((row.number.value for row in rows), reverse=True)
    assert rows[0].title == "W2V2-AS L, printed in arch2024"


@pytest.mark.parametrize(
    ("fields", "other"),
    [
        ({"protocol": "logistic"}, "protocol arch, not logistic"),
        ({"profile": "clean"}, "profile published, not clean"),
        (
            {"caveats": [Caveat("partial_data", "40 of 2000")]},
            "the published data, not the part or version that is here",
        ),
    ],
)
def test_numbers_of_another_question_are_marked(fields, other):
    """Each way in which it is another one is said, with the citation."""
    rows = published.rows_of(board(**fields), ARCH)
    assert {row.others for row in rows} == {(other,)} and rows[0].score == "74.39‡"
    citation, mark = published.notes(rows)
    assert "La Quatra" in citation and "never ranked" in citation
    assert mark == f"‡ Numbers of arch2024 answer another question than the results here: {other}"


def test_the_same_score_corrected_is_marked_and_another_score_has_no_row():
    """Sarkar's code counts a class without clips as recall 0; the clean profile does not; accuracy is something else."""
    papers = printed.papers(["sarkar2025"])
    task = "bioacoustics/watkins"
    assert {
        row.others for row in published.rows_of(board(task, protocol="sarkar", metric="uar_all_classes"), papers)
    } == {()}
    (others,) = {
        row.others for row in published.rows_of(board(task, protocol="sarkar", profile="clean", metric="uar"), papers)
    }
    assert others == ("profile published, not clean", "metric uar_all_classes, not uar")
    assert published.rows_of(board(task, protocol="sarkar", metric="accuracy"), papers) == []
    assert published.rows_of(board("mine"), papers) == []


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Two modules on ESC-50 and one's own data, far apart; the working folder."""
    monkeypatch.chdir(tmp_path)
    for task in ("arch/esc50", "mine"):
        for name, n in (("a", 60), ("b", 120)):
            made = of(hits(n), module=name, task=task, protocol="arch", ci_low=n / 200 - 0.05, ci_high=n / 200 + 0.05)
            on_disk.write(made, tmp_path / "results")
    return tmp_path


def test_they_change_no_rank_and_are_never_bold(results):
    """On the page: in rows of their own kind, without a rank, behind the measured ones; those have the ranks that they had."""
    assert main(["report", "results", "--clips", "0", "--out", "without.html"]) == 0
    assert main(["report", "results", "--clips", "0", "--published", "arch2024", "--out", "with.html"]) == 0
    without, with_them = ((results / f"{name}.html").read_text() for name in ("without", "with"))
    best = [re.findall(r'<tr [^>]*class="best".*?</tr>', text, re.DOTALL) for text in (without, with_them)]
    assert best[0] == best[1]
    rows = re.findall(r'<tr class="printed">.*?</tr>', with_them, re.DOTALL)
    assert len(rows) == 16 + 16  # in the overview, and on the board of esc50
    assert all("best" not in row and "printed in arch2024" in re.sub("<wbr>", "", row) for row in rows)
    assert sum("74.39‡" in row for row in rows) == 2
    assert "https://arxiv.org/abs/2405.00934" in with_them and "profile published, not clean" in with_them
    assert "printed" not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", without, flags=re.DOTALL)


def test_the_tables_beside_the_page_have_them(results):
    """CSV with what is printed, scaled as scores are, and that it is; Markdown as it is read."""
    options = ["--format", "csv", "--format", "md", "--out", "r.html"]
    assert main(["report", "results", "--clips", "0", "--published", "arch2024", *options]) == 0
    for path in (results / "r-files").glob("*.csv"):
        lines = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
        (best,) = [line for line in lines if line.get("title", "").startswith("W2V2-AS L, printed")] or [None]
        if best:
            assert (
                float(best["score"]) == pytest.approx(0.7439) and best["rank"] == best["ci_low"] == best["module"] == ""
            )
            assert best["caveats"] == "printed, not measured; profile published, not clean"
    page = (results / "r-files" / "overview.md").read_text()
    assert re.search(r"\| W2V2-AS L, printed in arch2024 +\| +\| – +\| 74.39‡ +\| – +\|", page)
    boards, _ = ranked_boards(collect.collect([results / "results"]))
    assert board_tables.matrix(
        overview.overview(boards), "md", printed=[published.rows_of(each, ARCH) for each in boards]
    )


def test_a_paper_that_says_nothing_about_these_tasks_is_told(results, capsys):
    """The report is made; a sentence says for which tasks the paper has numbers."""
    assert main(["report", "results", "--clips", "0", "--published", "sarkar2025,arch2024", "--out", "r.html"]) == 0
    said = capsys.readouterr().err
    assert "--published sarkar2025: it prints no number for arch/esc50, mine in the same metric" in said
    assert "bioacoustics/watkins" in said and "arch2024" not in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("arch204", "unknown paper 'arch204'; did you mean 'arch2024'"),
        (
            "ogg2025",
            "--published ogg2025: the paper; its results are in a figure .* printed numbers: arch2024, sarkar2025",
        ),
        ("no.yaml", "no.yaml"),
    ],
)
def test_a_paper_that_is_none_is_refused_by_name(results, name, said):
    """Before anything is written."""
    for write in (ev.write_report, ev.write_table):
        with pytest.raises(UsageError, match=said):
            write("results", published=name)
    assert not (results / "report.html").exists() and not (results / "table.tex").exists()


def test_a_recipe_of_ones_own_may_print_doubts(results):
    """Columns std, low and high of its CSV stand beside its numbers; a number that is none is refused."""
    (results / "mine.yaml").write_text(
        "{name: mine2020, title: t, citation: 'Me (2020)', source: s, protocol: arch, seeds: 1, profiles: [clean], tables: "
        "{t: {title: t, printed: mine.csv, row: [model], column: task, rows: {M: {cannot: old}, N: {cannot: old}}, "
        "columns: {E: arch/esc50}}}}"
    )
    (results / "mine.csv").write_text("model,task,value,std,low,high\nM,E,50.1,1.5,47.0,53.2\nN,E,40,,,\n")
    ev.write_table("results", ["t.tex"], published="mine.yaml", doubt="std")
    text = (results / "t.tex").read_text()
    assert r"{M} & 50.1 & {\scriptsize $\pm$ 1.5} &" in text and r"{N} & 40 &  &" in text
    ev.write_table("results", ["t.md"], published="mine.yaml")
    assert "50.1 \\[47.0, 53.2\\]" in (results / "t.md").read_text()
    (results / "mine.csv").write_text("model,task,value,std\nM,E,50.1,about 2\nN,E,40,\n")
    with pytest.raises(UsageError, match="mine.csv: 'about 2' is no number"):
        ev.write_table("results", ["t.md"], published="mine.yaml")
