"""`hear-eval reproduce`: plans that say what is missing, one miniature run for each paper, and three numbers a cell."""

import contextlib
import csv
import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from evaluator import cli, schema
from evaluator.embedding import workers
from evaluator.embedding.extraction import Help
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from evaluator.reproduction import cells, finished, notes, plan, recipe, replacing
from evaluator.reproduction.finished import FinishedScore
from evaluator.results import on_disk
from evaluator.scoring import metrics
from miniatures import MINIATURES

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

RECIPES = schema.tasks_folder() / "recipes"


class MiniatureRun(NamedTuple):
    """The part of a paper that is run here: a table and one of its columns, on a miniature of that column's dataset."""

    dataset: str
    column: str
    table: str


# One column a paper, the quickest; how many cells it has is counted in the recipe.
RUNS = {
    "arch2024": MiniatureRun("emovo", "EMOVO", "table2"),
    "sarkar2025": MiniatureRun("mescalina", "Abzaliev", "table3"),
    "wu2022": MiniatureRun("hear_beijing_opera", "Beijing Opera", "table4"),
    "ogg2025": MiniatureRun("esc50", "ESC-50", "transfer"),
}

MINE = """name: mine
title: t
citation: c
source: made up
protocol: arch
seeds: 2
profiles: [clean]
tables:
  t:
    title: Accuracy in %
    printed: mine.csv
    row: [model]
    column: task
    rows:
      Mel: {module: hear_ssl.melspec}
      Again: {module: hear_ssl.melspec}
      None: {cannot: it was never made}
    columns: {Calls: demo/calls}
footnotes:
  - {rows: [Mel], text: untrained, source: its docstring}
"""


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """The miniatures that the runs need, each under its dataset's name."""
    root = tmp_path_factory.mktemp("miniatures")
    for each in RUNS.values():
        MINIATURES[each.dataset].make(root / each.dataset)
    return root


@pytest.fixture(autouse=True)
def nothing_cached(tmp_path, monkeypatch):
    """A machine without checkpoints: neither a hub cache nor files that our modules fetched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HEAR_SSL_CACHE", str(tmp_path / "fetched"))


def brief(paper: str, folder: Path) -> Path:
    """The paper's recipe with a small protocol of two epochs: what is tested here is that it runs, not the score."""
    for file in RECIPES.glob(f"{paper}*"):
        shutil.copy(file, folder)
    path = folder / f"{paper}.yaml"
    name = recipe.read(paper).protocol
    protocol = (schema.tasks_folder() / "protocols" / f"{name}.yaml").read_text()
    protocol = re.sub(r"\n  epochs: \d+", "\n  epochs: 2", protocol).replace("1024", "16")
    (folder / "brief.yaml").write_text(protocol)
    path.write_text(path.read_text().replace(f"protocol: {name}\n", "protocol: brief.yaml\n"))
    return path


def command(paper, folder, *more):
    """The arguments of `hear-eval reproduce` with everything it writes in `folder`."""
    return ["reproduce", str(paper), "--cache", str(folder / "cache"), "--out", str(folder / "out"), *more]


def table_of(paper, name):
    """A table of a paper's recipe."""
    return next(each for each in recipe.read(paper).tables if each.name == name)


def n_cells(paper, name):
    """How many cells a table has."""
    table = table_of(paper, name)
    return len(table.rows) * len(table.columns)


def planned(capsys, *arguments):
    """The document that `--plan --json` prints."""
    assert cli.main([*arguments, "--plan", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("paper", recipe.names())
def test_a_paper_goes_through_on_miniatures(paper, data, tmp_path, capsys):
    """Runs what is there, says how much of the table that is, and the second time trains nothing."""
    assert paper in RUNS, (
        f"add to RUNS in tests/test_reproduce.py: {paper!r}: MiniatureRun(DATASET, COLUMN, TABLE), a table of "
        f"tasks/recipes/{paper}.yaml, a column of it, and that column's dataset as tests/miniatures*.py call it"
    )
    _, column, name = RUNS[paper]
    table = table_of(paper, name)
    n_run = sum(bool(row.module) and column not in row.excepted for row in table.rows.values())
    arguments = command(brief(paper, tmp_path), tmp_path, "--data", str(data), "--use", "*=hear_ssl.melspec")
    arguments += ["--table", name, "--only", table.columns[column]]
    assert cli.main([*arguments, "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)["tables"]
    profiles = recipe.read(paper).profiles
    scored = [cell for cell in made["cells"] if all(cell["ours"][profile]["score"] for profile in profiles)]
    assert {cell["column"] for cell in scored} == {column} and len(scored) == n_run
    page = (tmp_path / "out" / f"reproduce-{paper}" / f"{name}.md").read_text()
    assert page.count(f": {n_run} of {n_cells(paper, name)} cells, ") == len(profiles)
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("hear_ssl*/**/*.json")}
    assert {each["state"] for each in planned(capsys, *arguments)["runs"]} == {"done"}
    assert cli.main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"] == [made]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("hear_ssl*/**/*.json")} == stamps


def test_a_run_in_several_tables_is_run_once(capsys, tmp_path):
    """HuBERT xLarge stands in three tables of Wu et al., with the same options."""
    runs = planned(capsys, *command("wu2022", tmp_path))["runs"]
    (one,) = [
        each
        for each in runs
        if (each["module"], each["task"], each["profile"]) == ("hear_ssl.hubert_xlarge", "hear/esc50", "clean")
    ]
    assert one["rows"] == ["table2: HuBERT xLarge (Hsu et al., 2021)", "table3: HuBERT xLarge", "table5: HuBERT xLarge"]


def test_a_fusion_averages_the_probabilities_of_its_rows(data, tmp_path, capsys):
    """The fused score is that of the mean of the rows' probabilities; rows that are one run count once."""
    arguments = command(brief("sarkar2025", tmp_path), tmp_path, "--data", str(data), "--only", "dog_barks")
    arguments += ["--use", "*=hear_ssl.melspec", "--use", "HuBERT=hear_ssl.byol_a_mini"]
    assert cli.main([*arguments, "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)["tables"]
    by_row = {cell["row"]: cell["ours"]["clean"] for cell in made["cells"] if cell["column"] == "Abzaliev"}
    n_members = len(table_of("sarkar2025", "table3").rows["Fusion"].fuse)
    assert (by_row["Fusion"]["n_fused"], by_row["Fusion"]["n_rows"]) == (2, n_members)
    pair = [on_disk.read(Path(by_row[row]["score"]["path"])) for row in ("AVES", "HuBERT")]
    mean = (pair[0].test_probabilities[0][0] + pair[1].test_probabilities[0][0]) / 2
    expected = metrics.score("uar", pair[0].test_targets[0], mean)
    assert by_row["Fusion"]["score"]["value"] == pytest.approx(expected, abs=1e-6)
    assert f", 2 of {n_members} rows" in (tmp_path / "out" / "reproduce-sarkar2025" / "table3.md").read_text()


@pytest.mark.parametrize(
    ("printed", "low", "high", "marked"),
    [
        ("64.4", 0.50, 0.6435, False),  # may stand for 64.35
        ("64.4", 0.50, 0.6434, True),
        ("64.40", 0.50, 0.6435, True),  # printed with two decimals, it may stand for 64.395
        ("50.0", 0.5006, 0.60, True),
        ("50.0", 0.5005, 0.60, False),
        ("7", 0.075, 0.60, False),
        ("7", 0.0751, 0.60, True),
        ("00.3", 0.0, 0.01, False),
    ],
)
def test_a_cell_is_marked_where_the_printed_number_cannot_be_ours(printed, low, high, marked):
    """Outside the interval by more than half of the last printed digit; by hand."""
    assert cells.is_outside(printed, FinishedScore((low + high) / 2, low, high, "", Path())) == marked


def test_marks_and_numbers_in_the_files(tmp_path):
    """Each form of the table has the scores of the results, in percent, and marks what cannot be the same number."""
    (tmp_path / "mine.yaml").write_text(MINE)
    (tmp_path / "mine.csv").write_text("model,task,value\nMel,Calls,0.00\nAgain,Calls,-\n")
    arguments = command(tmp_path / "mine.yaml", tmp_path)
    assert cli.main(arguments) == 0
    folder = tmp_path / "out" / "reproduce-mine"
    lines = {line["row"]: line for line in csv.DictReader((folder / "t.csv").open(newline=""))}
    result = on_disk.read(Path(lines["Mel"]["clean_result"]))
    percent = [100 * each for each in (result.score, result.ci_low, result.ci_high)]
    assert [float(lines["Mel"][f"clean{part}"]) for part in ("", "_low", "_high")] == pytest.approx(percent, abs=1e-4)
    assert percent[1] > 1 and len(result.seeds) == 2
    assert (lines["Mel"]["clean_differs"], lines["Again"]["clean_differs"]) == ("*", "")
    assert lines["None"]["clean_why_not"] == "it was never made"
    numbers = "0.00 / {:.2f} ({:.2f} to {:.2f})".format(*percent)
    assert numbers + "\\*" in (folder / "t.md").read_text() and numbers + "*" in (folder / "t.tex").read_text()
    page = (folder / "t.md").read_text()
    assert "ours clean: 2 of 3 cells; 1 marked" in page and "Mel (a)" in page and "(a) untrained" in page
    (tmp_path / "mine.csv").write_text(f"model,task,value\nMel,Calls,{percent[0]:.2f}\nAgain,Calls,-\n")
    assert cli.main(arguments) == 0
    lines = {line["row"]: line for line in csv.DictReader((folder / "t.csv").open(newline=""))}
    assert lines["Mel"]["clean_differs"] == ""


def test_a_part_of_the_data_is_marked_and_not_compared(data, tmp_path):
    """EMOVO's miniature is no EMOVO, and log-mel is no XLS-R: the table says both, and marks nothing."""
    arguments = command(brief("arch2024", tmp_path), tmp_path, "--data", str(data), "--only", "emovo")
    assert cli.main([*arguments, "--use", "XLS-R *=hear_ssl.melspec"]) == 0
    folder = tmp_path / "out" / "reproduce-arch2024"
    with (folder / "table2.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    n_all = n_cells("arch2024", "table2")
    assert len(lines) == n_all
    scored = [line for line in lines if line["published"]]
    assert {(line["row"], line["column"]) for line in scored} == {("XLS-R L", "EMOVO"), ("XLS-R XL", "EMOVO")}
    n_clips = on_disk.read(Path(scored[0]["published_result"])).n_clips
    n_published = catalogue.find(table_of("arch2024", "table2").columns["EMOVO"])[0].dataset.expected["clips"]
    assert scored[0]["published_part"] == f"{n_clips} of {n_published} clips" and scored[0]["published_differs"] == ""
    page = (folder / "table2.md").read_text()
    assert f"2 of {n_all} cells, 2 of them on a part of the clips, 2 of them of other modules; 0 marked" in page
    assert "(a) XLS-R L, XLS-R XL: hear_ssl.melspec, not what the recipe runs; not compared" in page


@pytest.mark.parametrize(
    ("other", "options"),
    [
        ("hf:./copy", {"normalize": False}),
        ("untrained:hf:./copy", {"normalize": False}),
        ("hear_ssl.hubert_large", {"normalize": False}),
        ("hf:./copy?normalize=true&layer=6&pooling=mean", {"normalize": True, "layer": 6, "pooling": "mean"}),
        ("hear_ssl.melspec", {}),
        ("./mine.py", {}),
        ("ensemble:hf:./copy+hear_ssl.melspec?layer=[0,1]", {"layer": [0, 1]}),
    ],
)
def test_a_rows_options_go_to_modules_that_know_them(other, options, tmp_path, capsys):
    """From one of our transformers to another; not to other modules. What the user says comes first."""
    runs = planned(capsys, *command("sarkar2025", tmp_path, "--use", f"HuBERT={other}"))["runs"]
    (passed,) = {json.dumps(each["options"]) for each in runs if each["rows"] == ["table3: HuBERT"]}
    assert json.loads(passed) == options


def notes_on(paper, tmp_path, **use):
    """Below a paper's first table: the notes on other modules, and on reasons for differences."""
    other = {name: replacing.parse(text) for name, text in use.items()}
    options = plan.ReproductionOptions(None, tmp_path / "cache", tmp_path / "out", use=other)
    chosen = plan.make_plan(recipe.read(paper), options).recipe
    return notes.table_notes(chosen.tables[0], chosen.footnotes)


def test_a_footnote_is_only_about_rows_that_it_is_true_of(tmp_path):
    """Of switched-off normalisation: rows that run so; of the recipe's module: not the row of another."""
    _, known = notes_on("sarkar2025", tmp_path)
    (switched,) = [note for note in known if "normalisation is switched off" in note.text]
    assert switched.rows == ("HuBERT", "WavLM", "W2V2", "WavLM-100h", "W2V2-100h", "W2V2-960h")
    assert [note.rows for note in known if "feature projection" in note.text] == [("AVES",)]
    use = {"HuBERT": "hf:./copy", "WavLM": "hf:./copy?normalize=true", "W2V2": "hear_ssl.melspec", "AVES": "./a.py"}
    others, known = notes_on("sarkar2025", tmp_path, **use)
    (switched,) = [note for note in known if "normalisation is switched off" in note.text]
    assert switched.rows == ("HuBERT", "WavLM-100h", "W2V2-100h", "W2V2-960h")
    assert not [note for note in known if "feature projection" in note.text or note.rows == ("Fusion",)]
    assert [(note.letter, note.rows) for note in others] == [
        ("a", ("AVES",)),
        ("b", ("HuBERT",)),
        ("c", ("WavLM",)),
        ("d", ("W2V2",)),
        ("e", ("Fusion",)),
    ]
    assert "WavLM: hf:./copy with normalize=true, not what" in others[2].text
    assert "W2V2: hear_ssl.melspec without the recipe's normalize=false, not what" in others[3].text


def test_another_modules_row_is_marked_and_not_compared(tmp_path):
    """In all files; the same numbers under the recipe's own module would get a mark."""
    mine = MINE.replace("None: {cannot: it was never made}", "Both: {fuse: [Mel, Again]}")
    (tmp_path / "mine.yaml").write_text(mine)
    (tmp_path / "mine.csv").write_text("model,task,value\nMel,Calls,0.00\nAgain,Calls,0.00\nBoth,Calls,0.00\n")
    use = "Mel=hear_ssl.duration_loudness?pooling=mean"
    assert cli.main(command(tmp_path / "mine.yaml", tmp_path, "--use", use)) == 0
    folder = tmp_path / "out" / "reproduce-mine"
    lines = {line["row"]: line for line in csv.DictReader((folder / "t.csv").open(newline=""))}
    fields = ("module", "options", "other_module", "clean_differs")
    assert {row: tuple(line[field] for field in fields) for row, line in lines.items()} == {
        "Mel": ("hear_ssl.duration_loudness", 'pooling="mean"', "yes", ""),
        "Again": ("hear_ssl.melspec", "", "", "*"),
        "Both": ("", "", "yes", ""),
    }
    assert float(lines["Mel"]["clean_low"]) > 1 and float(lines["Both"]["clean_low"]) > 1
    (made,) = json.loads((folder / "tables.json").read_text())["tables"]
    assert [cell["other_module"] for cell in made["cells"]] == [True, False, True]
    page, drawn = (folder / "t.md").read_text(), (folder / "t.tex").read_text()
    assert "Mel (a)" in page and "Both (b)" in page and "Mel (a)" in drawn and "Both (b)" in drawn
    assert '(a) Mel: hear_ssl.duration_loudness with pooling="mean", not what the recipe runs; not compared' in page
    assert "(b) Both: made of rows with other modules" in page and "untrained" not in page


def test_on_an_empty_machine_the_plan_names_what_is_missing(tmp_path, capsys):
    """Weights with sizes, data with sizes and access, and disk; nothing is fetched or made."""
    assert cli.main([*command("sarkar2025", tmp_path), "--plan"]) == 0
    out = capsys.readouterr().out
    assert "facebook/hubert-base-ls960 (about 377 MB) is not in the hub's cache" in out
    assert "watkins (about 882 MB, free to download)" in out and "mescalina (size not known, on request)" in out
    assert "hear_ssl.hubert_base with normalize=false  bioacoustics/watkins" in re.sub(" {2,}", "  ", out)
    (table,), profiles = recipe.read("sarkar2025").tables, recipe.read("sarkar2025").profiles
    n_fused = sum(bool(row.fuse) for row in table.rows.values()) * len(table.columns)
    n_run = n_cells("sarkar2025", table.name) - n_fused
    assert f"{n_run + n_fused}: {n_run} run, {n_fused} fused of others, 0 cannot be" in out
    n_runs = n_run * len(profiles)
    assert f"{n_runs} in {len(profiles)} profiles: {n_runs} missing weights and data" in out
    assert cli.main(command("sarkar2025", tmp_path)) == 2
    assert "see what is missing with --plan" in capsys.readouterr().err
    assert not list(tmp_path.glob("hub/*")) and not list(tmp_path.glob("fetched/*"))


def test_weights_in_a_folder_are_used(tmp_path, capsys):
    """DIR/MODULE, DIR/MODULE.pt, or the one .pt file in DIR/MODULE."""
    (tmp_path / "w" / "hear_ssl.hubert_base").mkdir(parents=True)
    (tmp_path / "w" / "hear_ssl.aves_bio").mkdir()
    (tmp_path / "w" / "hear_ssl.aves_bio" / "aves.pt").write_bytes(b"")
    runs = planned(capsys, *command("sarkar2025", tmp_path, "--weights", str(tmp_path / "w")))["runs"]
    weights = {each["module"]: each["weights"] for each in runs if each["state"] == "missing data"}
    assert weights == {
        "hear_ssl.hubert_base": str(tmp_path / "w" / "hear_ssl.hubert_base"),
        "hear_ssl.aves_bio": str(tmp_path / "w" / "hear_ssl.aves_bio" / "aves.pt"),
    }


def test_a_forecast_is_that_of_run_and_stores_nothing(data, tmp_path, capsys):
    """The plan has the time of a trial, its JSON all of it; clips that both profiles hear alike are counted once."""
    arguments = command(brief("ogg2025", tmp_path), tmp_path, "--data", str(data), "--use", "YAMNet=hear_ssl.melspec")
    arguments += ["--only", "YAMNet", "--only", "domains/esc50"]
    assert cli.main([*arguments, "--forecast"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"about \S+ s \(\S+ s to \S+ s, from \d+ of \d+ clips\)", shown) and "probes not counted" in shown
    assert not list(tmp_path.rglob("embeddings/*"))
    assert cli.main([*arguments, "--forecast", "--json"]) == 0
    told = [each["forecast"] for each in json.loads(capsys.readouterr().out)["runs"] if each["forecast"]]
    assert cli.main(arguments) == 0
    (path,) = (tmp_path / "out").glob("hear_ssl.melspec/**/*.json")
    result = on_disk.read(path)
    assert [each["n_clips"] for each in told] == [result.n_clips] and told[0]["profile"] == result.profile
    assert told[0]["trial"]["lacking_seconds"] == pytest.approx(result.environment["took"]["embedded_seconds"])


def test_workers_embed_for_a_reproduction(tmp_path, monkeypatch):
    """They are asked once for each module, by the number that was given, and let go."""
    asked = []

    class Nobody(contextlib.AbstractContextManager):
        def embed(self, spec, views, recordings, cache, look):
            asked.append((spec.name, views, len(recordings.clips)))
            return Help(n_workers=0, n_lost=0, threads=1, start_seconds=0.0, seconds=0.0)

        def __exit__(self, *_):
            asked.append("ended")

    monkeypatch.setattr(workers, "hired", lambda *said: asked.append(said) or Nobody())
    (tmp_path / "mine.yaml").write_text(MINE.replace("    printed: mine.csv\n", "").replace("arch", "knn"))
    assert cli.main(command(tmp_path / "mine.yaml", tmp_path, "--workers", "2")) == 0
    assert asked == [("2", ""), ("hear_ssl.melspec", "scene", 330), "ended"]


def test_a_failure_is_reported_and_the_others_go_on(data, tmp_path, capsys):
    """A module that is not there costs its own cells only; exit code 1, and the table is written."""
    arguments = command(brief("ogg2025", tmp_path), tmp_path, "--data", str(data), "--only", "esc50")
    arguments += ["--use", "YAMNet=hear_ssl.melspec", "--use", "WavLM*=no_such_module"]
    assert cli.main(arguments) == 1
    shown = capsys.readouterr()
    assert "no_such_module" in shown.err
    page = (tmp_path / "out" / "reproduce-ogg2025" / "transfer.md").read_text()
    assert f"1 of {n_cells('ogg2025', 'transfer')} cells" in page


def test_an_interrupted_run_leaves_its_table(data, tmp_path, capsys):
    """With what was done before; Ctrl-C comes while the second module embeds."""
    (tmp_path / "stopped.py").write_text(
        "from hear_ssl.melspec import get_timestamp_embeddings, load_model\n"
        "def get_scene_embeddings(audio, model):\n"
        "    import os, signal, time\n"
        "    os.kill(os.getppid(), signal.SIGINT)\n"
        "    time.sleep(60)\n"
    )
    arguments = command(brief("ogg2025", tmp_path), tmp_path, "--data", str(data), "--only", "esc50")
    arguments += ["--use", "BYOL-A (All)=hear_ssl.melspec", "--use", f"YAMNet={tmp_path / 'stopped.py'}"]
    assert cli.main(arguments) == 130
    page = (tmp_path / "out" / "reproduce-ogg2025" / "transfer.md").read_text()
    assert f"1 of {n_cells('ogg2025', 'transfer')} cells" in page and "not run yet" in page


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody2025"], "unknown paper 'nobody2025'"),
        (["arch2024", "--table", "table3"], "--table: unknown table 'table3'"),
        (["arch2024", "--use", "Huber B=hear_ssl.melspec"], "--use: unknown row 'Huber B'; known: D2V B"),
        (["arch2024", "--use", "hear_ssl.melspec"], "write it as ROW=MODULE"),
        (["arch2024", "--use", "W2V2 B=hf:./mine?layer"], "write options as MODULE?OPTION=VALUE"),
        (["arch2024", "--only", "frogs"], "--only frogs: in no name"),
    ],
)
def test_mistakes_get_a_sentence(arguments, sentence, tmp_path, capsys):
    """It names what is wrong, and what would be right."""
    assert cli.main(command(*arguments[:1], tmp_path, *arguments[1:], "--plan")) == 2
    assert sentence in capsys.readouterr().err


def test_an_edited_result_is_passed_over_with_a_sentence(tmp_path, capsys):
    """The sentence names the field, and the run is made again; the new result takes its place."""
    (tmp_path / "mine.yaml").write_text(MINE.replace("    printed: mine.csv\n", "").replace("arch", "knn"))
    arguments = command(tmp_path / "mine.yaml", tmp_path)
    assert cli.main(arguments) == 0
    (path,) = (tmp_path / "out").glob("hear_ssl.melspec/**/*.json")
    whole = path.read_text()
    for score, sentence in [
        ('"abc"', "score is 'abc', no float"),
        ("0.99", "score is 0.99, but its predictions give 0."),
        ("null", "score is nan, but its predictions give 0."),
        ('0.5, "was": 0', "not those of a result ('was')"),
        ("", "not a result, or half of one"),
    ]:
        path.write_text(re.sub('"score": [0-9.]+', f'"score": {score}', whole, count=1))
        capsys.readouterr()
        assert cli.main([*arguments, "--plan", "--json"]) == 0
        shown = capsys.readouterr()
        assert f"hear-eval: passed over: {path}: " in shown.err and sentence in shown.err
        assert [each["state"] for each in json.loads(shown.out)["runs"]] == ["ready"]
    assert cli.main(arguments) == 0
    capsys.readouterr()
    assert [each["state"] for each in planned(capsys, *arguments)["runs"]] == ["done"]
    assert json.loads(path.read_text())["score"] == json.loads(whole)["score"]


def test_data_of_unknown_size_does_not_pass_for_all():
    """AVA-Speech's file names no number of clips; made data and the user's own are whole."""
    (films,), (barks,), (calls,) = map(catalogue.find, ("domains/ava_speech", "bioacoustics/dog_barks", "demo/calls"))
    n_barks = barks.dataset.expected["clips"]
    assert finished.describe_part(films, 35) == "35 clips of an unknown number"
    assert (finished.describe_part(barks, 35), finished.describe_part(barks, 100_000)) == (f"35 of {n_barks} clips", "")
    assert finished.describe_part(calls, 330) == ""


def test_other_code_or_clips_are_no_result(data, tmp_path, capsys):
    """A result of another version, or of other clips than those on disk, is not taken for done."""
    arguments = command(brief("ogg2025", tmp_path), tmp_path, "--data", str(data), "--use", "YAMNet=hear_ssl.melspec")
    arguments += ["--only", "YAMNet", "--only", "domains/esc50"]
    assert cli.main(arguments) == 0
    capsys.readouterr()
    (path,) = (tmp_path / "out").glob("hear_ssl.melspec/**/*.json")
    plain = json.loads(path.read_text())
    assert [each["state"] for each in planned(capsys, *arguments)["runs"]] == ["done"]
    for block, changes in (
        ("provenance", {"manifest_sha256": "0" * 64}),
        ("environment", {"packages": {"hear-ssl": "0.0.0"}}),
    ):
        path.write_text(json.dumps({**plain, block: {**plain[block], **changes}}))
        assert [each["state"] for each in planned(capsys, *arguments)["runs"]] == ["ready"]
    assert np.isfinite(plain["score"])


def test_a_module_of_ones_own_is_one_more_row(tmp_path, capsys, monkeypatch):
    """Only it is run, under the paper's protocol; its row stands beside the printed ones, with what it lacks; a second time nothing is trained."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path
    text = MINE.replace("columns: {Calls: demo/calls}", "columns: {Calls: demo/calls, Gone: arch/esc50}")
    (folder / "mine.yaml").write_text(text)
    (folder / "mine.csv").write_text("model,task,value\nMel,Calls,0.00\nAgain,Calls,-\n")
    (folder / "my_model.py").write_text("from hear_ssl.duration_loudness import *\n")
    arguments = command(folder / "mine.yaml", folder, "--add", "./my_model.py")
    runs = planned(capsys, *arguments)["runs"]
    assert {(each["module"], each["task"], each["state"]) for each in runs} == {
        ("./my_model.py", "demo/calls", "ready"),
        ("./my_model.py", "arch/esc50", "missing data"),
    }
    assert cli.main([*arguments, "--dry-run"]) == 0 and "./my_model.py" in capsys.readouterr().out
    assert not (folder / "out").exists() or not any((folder / "out").rglob("*.npz"))
    assert cli.main(arguments) == 0
    made = folder / "out" / "reproduce-mine"
    lines = {(line["row"], line["column"]): line for line in csv.DictReader((made / "t.csv").open(newline=""))}
    own = lines["./my_model.py", "Calls"]
    result = on_disk.read(Path(own["clean_result"]))
    assert (result.protocol, len(result.seeds), own["printed"], own["clean_differs"]) == ("arch", 2, "", "")
    assert float(own["clean"]) == pytest.approx(100 * result.score, abs=1e-4)
    assert own["clean_caveats"] == "; ".join(dict.fromkeys(each.kind for each in result.caveats))
    assert (
        lines["Mel", "Calls"]["clean_why_not"] == "not run beside --add" and lines["Mel", "Calls"]["printed"] == "0.00"
    )
    page = (made / "t.md").read_text()
    assert "./my\\_model.py, ours clean: 1 of 2 cells; missing: Gone (missing data)." in page.replace(
        "my_model", "my\\_model"
    )
    assert "added here, no row of the paper" in page
    stamps = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.npz")}
    assert cli.main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.npz")} == stamps


def test_added_modules_take_options_and_weights(tmp_path):
    """`MODULE?OPTION=VALUE`; weights as DIR/MODULE, else the path itself; twice the same is refused."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "my_model.pt").write_text("")
    (tmp_path / "one.pt").write_text("")

    def made(add, weights, use=None):
        options = plan.ReproductionOptions(
            None,
            tmp_path / "cache",
            tmp_path / "out",
            weights,
            use or {},
            add=[replacing.parse(each, "--add ") for each in add],
        )
        of_mine = plan.make_plan(recipe.read("sarkar2025"), options)
        return {each.run.spec.name: each.run.spec for each in of_mine.runs.values() if each.selected}

    name = "./my_model.py"
    assert made([name], tmp_path / "weights")[name].weights.endswith("my_model.pt")
    assert made([name], tmp_path / "one.pt")[name].weights.endswith("one.pt")
    assert made([name], None)[name].weights == ""
    assert set(made([name], tmp_path / "one.pt")) == {name}
    (tmp_path / "weights" / "hear_ssl.aves_bio").mkdir()
    assert made(["other"], tmp_path / "weights")["other"].weights == ""
    assert made([f"{name}?normalize=false"], None)[name].options == {"normalize": False}
    assert set(made([name], None, {"*": replacing.Replacement("hear_ssl.melspec")})) == {name}
    with pytest.raises(UsageError, match="--add ./my_model.py: is there twice"):
        made([name, name], None)
    with pytest.raises(UsageError, match="--add AVES: is a row of table3 already"):
        made(["AVES"], None)
    with pytest.raises(UsageError, match="--add x.layer: write options as"):
        made(["x?layer"], None)


def test_contamination_is_marked_in_the_table(data, tmp_path):
    """byol_a_mini on its own training sounds, added to ARCH: a dagger at its score, the caveat with its cell below."""
    arguments = command(brief("arch2024", tmp_path), tmp_path, "--data", str(data.parent / "none"))
    MINIATURES["esc50"].make(tmp_path / "data" / "esc50")
    arguments[-1] = str(tmp_path / "data")
    assert cli.main([*arguments, "--add", "hear_ssl.byol_a_mini"]) == 0
    page = (tmp_path / "out" / "reproduce-arch2024" / "table2.md").read_text()
    (caveat,) = [line for line in page.replace("\\_", "_").splitlines() if line.startswith("* † contamination: ")]
    assert "pre-trained on most clips of ESC-10" in caveat
    assert caveat.endswith(": hear_ssl.byol_a_mini, ESC-50 (published); hear_ssl.byol_a_mini, ESC-50 (clean).")
    (row,) = [line for line in page.splitlines() if line.startswith("| hear_ssl.byol_a_mini")]
    assert len(re.findall(r"[0-9.]+† \(", row)) == 2
