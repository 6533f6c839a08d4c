"""Caveats travel: every consumer shows each kind, marks its number, and withholds rank, bold and verdict where it falsifies."""

import ast
import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import evaluator as ev
from evaluator.commands import _console
from evaluator.report import board_tables, overview, ranking
from evaluator.report import build as building
from evaluator.report.collect import collect
from evaluator.reproduction import cells, written
from evaluator.reproduction.cells import Cell, OurScore
from evaluator.reproduction.finished import FinishedScore
from evaluator.results import compare, fusion, on_disk
from evaluator.results.caveats import (
    ALWAYS,
    CAVEATS,
    NEVER,
    UNLESS_SHARED,
    Caveat,
    falsifies,
    has_to_be_shared,
    why_no_rank,
)
from evaluator.results.over_tasks import over_tasks
from hear_ssl.pretraining import heard
from test_board import hits
from test_board import of as of_right
from test_heard import FSDD, MINI, noise

HOME = Path(ev.__file__).parent
DOCS = Path(__file__).parents[1] / "docs"
EVERY = [Caveat(kind, f"the fact about {kind}") for kind in CAVEATS]


def three(caveat=None, task="demo/calls"):
    """The best of three modules bears the caveat; each is significantly better than the next."""
    several = [("best", 180, [caveat] if caveat else []), ("middle", 120, []), ("worst", 60, [])]
    fields = {"task": task, "failed": {}, "n_failed": 0}
    return [of_right(hits(n), module=name, caveats=caveats, **fields) for name, n, caveats in several]


def saved(results, folder):
    return [on_disk.write(each, folder) for each in results]


@pytest.mark.parametrize("caveat", EVERY, ids=lambda each: each.kind)
def test_every_consumer_shows_marks_and_withholds(caveat, tmp_path, capsys):
    """Tables of run, JSON, frames, comparisons, fusions, leaderboards, overviews, pages, papers' tables: each kind through all."""
    results = three(caveat)
    is_false = CAVEATS[caveat.kind].falsifies != NEVER
    paths = saved(results, tmp_path / "results")
    again = [on_disk.read(path) for path in paths]
    for consumer in (_in_commands, _in_tables, _in_comparisons, _in_fusions, _in_reports, _in_papers):
        consumer(caveat, is_false, again, tmp_path, capsys)


def _in_commands(caveat, is_false, results, folder, capsys):
    """What `run` and `fuse` print."""
    _console.print_results([(each, None) for each in results])
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith("best "))
    assert "90.0 %†" in row and out.count("%†") == 1
    assert f"† caveat: best, demo/calls: {caveat.text}" in out
    assert ("no verdict" in out) == is_false
    (told,) = results[0].summary()["caveats"]
    assert told == {"kind": caveat.kind, "text": caveat.text, "falsifies": falsifies(caveat)}
    assert json.dumps(told)


def _in_tables(caveat, is_false, results, folder, capsys):
    frame = ev.to_frame(results)
    assert frame["mark"].tolist() == ["†", "", ""] and frame["caveats"].tolist() == [caveat.text, "", ""]
    assert frame["caveat_kinds"].tolist() == [caveat.kind, "", ""]
    assert "<td>0.9†</td>" in results[0]._repr_html_() and caveat.text in results[0]._repr_html_()
    assert "†" not in results[1]._repr_html_()
    assert results[0].to_frame().attrs["caveats"] == [caveat.text]


def _in_comparisons(caveat, is_false, results, folder, capsys):
    one, other, clean = compare.compare(results)
    for each in (one, other):
        assert each.better == "best" and each.sentence.startswith("best† is ") and caveat.text in each.sentence
        assert bool(each.withheld) == np.isnan(each.p) == is_false
        assert ("no verdict" in each.sentence) == is_false and ("significant" in each.sentence) != is_false
        assert each.caveats == {"best": [caveat], each.worse: []}
    assert clean.p < 0.05 and "†" not in clean.sentence
    elsewhere = [
        dataclasses.replace(each, test_clips=[[f"other {name}" for name in each.test_clips[0]]])
        for each in three(task="demo/others")
    ]
    for mean in over_tasks([*results, *elsewhere]).means:
        has = "best" in (mean.better, mean.worse)
        assert ("†" in mean.sentence) == (caveat.text in mean.sentence) == has
        assert np.isnan(mean.p) == bool(mean.withheld) == (has and is_false)


def _in_fusions(caveat, is_false, results, folder, capsys):
    """A fusion bears what its members bear, once and with their names, and so does a fusion of that; and it counts as derived."""
    fused = fusion.fuse(results[:2])
    twice = fusion.fuse([fused, results[2]])
    shared = fusion.fuse([results[0], dataclasses.replace(results[1], caveats=[caveat])])
    inherited = [each for each in fused.caveats if each.text.endswith(caveat.text)]
    if caveat.kind != "derived":  # which it is itself
        assert inherited == [Caveat(caveat.kind, f"best: {caveat.text}")]
        assert [each.kind for each in twice.caveats] == ["derived", caveat.kind]
        assert shared.caveats[1:] == [caveat]
        (told,) = compare.compare([fused, results[2]])
        assert bool(told.withheld) == is_false
    assert fused.caveats[0].kind == "derived"


def _in_reports(caveat, is_false, results, folder, capsys):
    """Leaderboards in all forms, the overview, and the page."""
    (board,) = ranking.boards(collect([folder / "results"]).comparable[0])
    ranked = {entry.title: (entry.rank, entry.last_rank) for entry in board.entries}
    if is_false:
        assert ranked == {"middle": (1, 1), "worst": (2, 2), "best": (None, None)}
        assert (
            board.entries[-1].withheld == caveat.text
            and f"No rank for best, not to be compared with the others: {caveat.text}" in board.notes
        )
    else:
        assert ranked == {"best": (1, 1), "middle": (2, 2), "worst": (3, 3)}
    everything = overview.overview([board])
    means = {row.title: row.mean_rank for row in everything.rows}
    assert means == ({"best": None, "middle": 1, "worst": 2} if is_false else {"best": 1, "middle": 2, "worst": 3})
    for kind in ("md", "tex"):
        for head, rows in (board_tables.leaderboard(board, kind), board_tables.matrix(everything, kind)):
            (row,) = [row for row in rows if "best" in row]
            assert any(str(cell).startswith("90.0†") for cell in row)
    for head, rows in (board_tables.leaderboard(board, "csv"), board_tables.matrix(everything, "csv")):
        (row,) = [row for row in rows if "best" in row]
        told = dict(zip(head, row, strict=True))
        assert (told["mark"], told["caveats"]) == ("†", caveat.kind)
        assert (told["rank"] is None) == bool(told["no_rank"]) == is_false
    out = folder / "page.html"
    building.build([folder / "results"], building.ReportOptions(out, clips=3))
    page = re.sub(r"\s+", " ", out.read_text(encoding="utf-8"))
    main, _ = page.split("<footer>")
    best = re.findall(r'<tr id="[^"]*" class="best">.*?</tr>', main)
    assert len(best) == 1 and ("middle" if is_false else "best") in best[0]
    bold = re.findall(r'<th scope="row">((?:(?!</th>).)*)</th>(?:(?!</tr>).)*score best"', main)
    assert [re.sub("<[^>]*>", "", name).strip() for name in bold] == ["middle" if is_false else "best"]
    assert main.count('class="caveat"') == 2 and caveat.text in main  # on the leaderboard and in the overview
    assert ("No rank: " in main) == is_false
    assert "best †" in main  # of figures and of clips


def _in_papers(caveat, is_false, results, folder, capsys):
    """A cell of a reproduced table."""
    result = results[0]
    score = FinishedScore(result.score, result.ci_low, result.ci_high, "", Path("x.json"), "", result.caveats)
    cell = Cell("row", "column", "best", {}, False, "12.3", {"clean": OurScore(score)}, {"clean": False})
    assert written._as_text(cell).startswith("12.3 / 90.0† (")
    assert written._caveats([cell]) == [f"† {caveat.text}: row, column (clean)."]
    assert cells._differs("12.3", OurScore(score)) == (caveat.kind not in cells.NOT_AS_PRINTED)


@pytest.mark.parametrize("kind", [kind for kind, facts in CAVEATS.items() if facts.falsifies == UNLESS_SHARED])
def test_what_all_share_falsifies_nothing(kind):
    """As layers chosen on the test clips, which papers do; the one that does not is not ranked with them."""
    every = [dataclasses.replace(each, caveats=[Caveat(kind, "the same fact")]) for each in three()]
    assert not any(each.withheld for each in compare.compare(every))
    shared = [has_to_be_shared(each) for each in every]
    assert why_no_rank(every, shared) == ["", "", ""]
    every[2] = dataclasses.replace(every[2], caveats=[])
    reasons = why_no_rank(every, [has_to_be_shared(each) for each in every])
    assert reasons[:2] == ["", ""] and CAVEATS[kind].meaning in reasons[2]


@pytest.mark.parametrize("kind", ["partial_data", "failed_clips", "untrained_classes"])
def test_another_part_is_not_shared(kind):
    """Twenty clips here, thirty there."""
    several = [
        dataclasses.replace(each, caveats=[Caveat(kind, f"{n} clips")])
        for each, n in zip(three(), (20, 20, 30), strict=True)
    ]
    told = {(each.better, each.worse): bool(each.withheld) for each in compare.compare(several)}
    assert told == {("best", "middle"): False, ("best", "worst"): True, ("middle", "worst"): True}


def test_failed_clips_are_told_by_their_names():
    """The same number of other clips is not the same."""
    several = [
        dataclasses.replace(each, caveats=[Caveat("failed_clips", "1 clip")], failed={name: "why"})
        for each, name in zip(three(), ("a", "a", "b"), strict=True)
    ]
    assert [bool(each.withheld) for each in compare.compare(several)] == [False, True, True]


def test_a_kind_of_a_later_version_is_taken_for_the_gravest():
    assert falsifies(Caveat("of 2031", "who knows")) == ALWAYS


def test_a_board_that_nobody_can_be_ranked_on_says_so(tmp_path):
    """Two modules, one of them contaminated: there is nothing to be ranked with."""
    saved(three(Caveat("pre_trained_on_data", "knows it"))[:2], tmp_path)
    (board,) = ranking.boards(collect([tmp_path]).comparable[0])
    assert [entry.rank for entry in board.entries] == [None, None]
    assert [bool(entry.withheld) for entry in board.entries] == [False, True]


def test_a_module_that_knows_one_task_costs_the_others_no_mean_rank(tmp_path):
    """It has none itself."""
    saved(three(Caveat("pre_trained_on_data", "knows it")), tmp_path)
    saved(three(task="demo/events"), tmp_path)
    every = [board for each in collect([tmp_path]).comparable for board in ranking.boards(each)]
    made = overview.overview(every)
    assert {row.title: row.mean_rank for row in made.rows} == {"middle": 1.5, "worst": 2.5, "best": None}
    assert any(note.startswith("No mean rank for best") for note in made.notes)


def test_each_kind_is_explained_and_given_by_someone():
    """The guide's table has each kind by its name, and what it does to a comparison; no kind is there that nothing gives."""
    text = (DOCS / "reading_a_report.md").read_text(encoding="utf-8")
    said = {ALWAYS: "never ranked", UNLESS_SHARED: "only among those that share it", NEVER: "compared"}
    for kind, facts in CAVEATS.items():
        (row,) = [line for line in text.splitlines() if line.startswith("|") and f"(`{kind}`)" in line]
        assert row.split("|")[-2].strip() == said[facts.falsifies], kind
    words = {
        node.value
        for path in HOME.rglob("*.py")
        if path.name != "caveats.py" or "results" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not set(CAVEATS) - words


def trained_on(originals, folder):
    """Weights of mini under another name, as if trained on these sounds."""
    from safetensors.torch import save_file

    with safe_open(MINI, framework="pt") as file:
        metadata, tensors = dict(file.metadata()), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, folder / "other name.safetensors", {**metadata, "heard": " ".join(heard.digests(originals))})
    return str(folder / "other name.safetensors")


def refuse_praise(places, name, folder):
    """Through compare, fuse, frames and reports: with its mark, never significantly better, first or bold."""
    loaded = ev.load_results(places)
    assert set(ev.to_frame(loaded).query("module.str.contains(@name)")["mark"]) == {"†"}
    for told in ev.compare_over_tasks(loaded).by_task:
        if name in told.better + told.worse:
            assert np.isnan(told.p) and "†" in told.sentence and "contamination" in told.sentence
    fused, _ = ev.fuse_by_task(loaded)
    assert all("pre_trained_on_data" in {caveat.kind for caveat in each.caveats} for each in fused)
    saved(fused, folder / "fused")
    out = folder / "page.html"
    ev.write_report([places, folder / "fused"], out, n_clips=2, formats=["csv", "md"])
    main = re.sub(r"\s+", " ", out.read_text(encoding="utf-8")).split("<footer>")[0]
    rows = re.findall(r"<tr[^>]*>(?:(?!</tr>).)*</tr>", main)
    mine = [row for row in rows if name in row.replace("<wbr>", "") and "number score" in row]
    assert len(mine) >= 2
    for row in mine:
        assert 'class="caveat"' in row and "best" not in row and "rank 1" not in row
    (table,) = [path for path in (folder / "page-files").glob("1-*.md") if path.stem.endswith("-clean")]
    for line in table.read_text(encoding="utf-8").splitlines():
        assert name not in line or (line.split("|")[1].strip() == "–" and "†" in line)


def test_what_a_module_was_trained_on_is_never_praised(tmp_path):
    """Copies of its training sounds in another format and folder, through all commands; other modules are ranked."""
    originals = [noise(tmp_path / "training" / f"{number}.wav", number) for number in range(8)]
    for number in range(16):
        noise(tmp_path / "data" / "ab"[number % 2] / f"clip{number}.flac", number)
    weights = trained_on(originals, tmp_path)
    given = {"protocol": "knn", "cache": tmp_path / "cache", "out": tmp_path / "results"}
    ev.run("hear_ssl.byol_a", str(tmp_path / "data"), weights=weights, **given)
    ev.run(["hear_ssl.melspec", "hear_ssl.duration_loudness"], str(tmp_path / "data"), **given)
    refuse_praise(tmp_path / "results", "hear_ssl.byol_a", tmp_path)


@pytest.mark.skipif(not FSDD.is_dir(), reason="the shared recordings are not here")
def test_minis_own_sounds_are_never_praised(tmp_path):
    """Takes 5 to 8 of two digits, copied as FLAC under other names."""
    import soundfile

    for number in range(32):
        name = f"{number % 2}_{('george', 'jackson', 'lucas', 'theo')[number // 2 % 4]}_{5 + number // 8}.wav"
        samples, rate = soundfile.read(FSDD / name, dtype="int16")
        path = tmp_path / "data" / "ab"[number % 2] / f"clip{number}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate)
    modules = ["hear_ssl.byol_a_mini", "hear_ssl.melspec", "hear_ssl.duration_loudness"]
    given = {"protocol": "knn", "cache": tmp_path / "cache", "out": tmp_path / "results"}
    ev.run(modules, str(tmp_path / "data"), **given)
    refuse_praise(tmp_path / "results", "hear_ssl.byol_a_mini", tmp_path)
