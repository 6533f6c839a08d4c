"""The papers' recipes: every printed cell is a run or says why not, and modules.yaml agrees with the modules themselves."""

import csv
import importlib
from itertools import product
from pathlib import Path

import pytest

from evaluator import schema
from evaluator.api import listing
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from evaluator.experiment.setup import adapted
from evaluator.probes import protocol
from evaluator.reproduction import notes, plan, recipe, weights
from hear_ssl.encoders.aves import AvesCheckpoint
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.gura import Gura

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

CHECKOUT = Path(__file__).parents[1]
RECIPES = schema.tasks_folder() / "recipes"
PAPERS = recipe.names()
KNOWN = weights.read_module_weights()


def made(paper, tmp_path):
    """The plan of a paper on an empty machine."""
    return plan.make_plan(recipe.read(paper), plan.ReproductionOptions(None, tmp_path / "cache", tmp_path / "out"))


@pytest.mark.skipif(not (CHECKOUT / "docs").is_dir(), reason="not run from a checkout")
@pytest.mark.parametrize("paper", PAPERS)
def test_every_recipe_is_documented(paper):
    """Whoever adds one says so where users look for it."""
    for file in ("README.md", "docs/reproducing.md", "evaluator/commands/reproduce.py"):
        assert paper in (CHECKOUT / file).read_text(encoding="utf-8"), (
            f"{file} does not name {paper}: add it where the other papers stand"
        )


def test_every_csv_belongs_to_a_recipe():
    """A table that is printed and not read is a mistake in a recipe."""
    read = {
        table.get("printed")
        for paper in PAPERS
        for table in schema.parse(RECIPES / f"{paper}.yaml").value["tables"].values()
    }
    for path in RECIPES.glob("*.csv"):
        assert path.name in read, (
            f"no recipe reads {path.name}: write `printed: {path.name}` into the table it belongs to"
        )


@pytest.mark.parametrize("paper", PAPERS)
def test_every_printed_cell_is_a_run_or_says_why_not(paper, tmp_path):
    """Each line of each CSV, in each profile; fusions stand on rows that are runs."""
    plan_of_all = made(paper, tmp_path)
    files = {
        table["printed"]: name
        for name, table in schema.parse(RECIPES / f"{paper}.yaml").value["tables"].items()
        if "printed" in table
    }
    for file, name in files.items():
        (table,) = [each for each in plan_of_all.recipe.tables if each.name == name]
        with (RECIPES / file).open(newline="") as opened:
            lines = list(csv.DictReader(opened))
        for row, column in product(table.rows, table.columns):
            assert (row, column) in table.printed, (
                f"{file} has no line for {row}, {column}: add it, with the value - if the paper prints none"
            )
        for line in lines:
            row = " ".join(line[part] for part in (["model", "size"] if "size" in line else ["model"]))
            column = line.get("dataset") or line["task"]
            assert table.printed[row, column] == line["value"].replace("-", "")
            for profile in plan_of_all.recipe.profiles:
                cell = (name, row, column, profile)
                if table.rows[row].fuse:
                    assert all((name, member, column, profile) in plan_of_all.cells for member in table.rows[row].fuse)
                else:
                    assert (cell in plan_of_all.cells) != bool(plan_of_all.why_not.get(cell))


@pytest.mark.parametrize("paper", PAPERS)
def test_the_modules_and_tasks_of_a_recipe_are_there(paper, tmp_path):
    """Ours are in `hear-eval list modules`, third-party ones in docs/third_party.md, and each is in modules.yaml."""
    ours = {each["module"] for each in listing.list_modules()}
    for run in made(paper, tmp_path).runs.values():
        name = run.run.spec.name
        assert name in KNOWN, f"add {name} to tasks/recipes/modules.yaml: where its weights come from, and its sizes"
        assert name in ours or KNOWN[name].weights["from"] == "environment", (
            f"{name} is no file of hear_ssl/: correct tasks/recipes/{paper}.yaml, or write `from: environment`"
        )
        assert run.run.protocol.name == recipe.read(paper).protocol == catalogue.find(run.run.task.name)[0].protocol
        assert run.state.startswith("missing")


@pytest.mark.skipif(not (CHECKOUT / "docs").is_dir(), reason="not run from a checkout")
def test_third_party_modules_are_in_the_documentation():
    """docs/third_party.md says how each is installed."""
    text = (CHECKOUT / "docs" / "third_party.md").read_text()
    for name, module in KNOWN.items():
        if module.weights["from"] == "environment":
            package, _, rest = name.partition(".")
            assert package in text and rest in text, f"docs/third_party.md does not say how to install {name}: add it"


@pytest.mark.parametrize(
    ("paper", "row", "column", "word"),
    [
        ("sarkar2025", "", "IMV", "longest of the 32 neighbours"),
        ("sarkar2025", "", "Watkins", "stretches of 125 s"),
        ("sarkar2025", "", "Abzaliev", "order of the authors' disk"),
        ("sarkar2025", "", "", "librosa"),
        ("arch2024", "XLS-R L", "", "attention mask"),
        ("arch2024", "", "", "torchaudio's default kernel"),
        ("ogg2025", "", "AVA-Speech", "single sigmoid"),
    ],
)
def test_what_is_not_reproduced_has_a_footnote_where_it_matters(paper, row, column, word, tmp_path):
    """What tasks/protocols and their papers' code leave open has a footnote at its row or column."""
    table, footnotes = made(paper, tmp_path).recipe.tables[0], recipe.read(paper).footnotes
    _, known = notes.table_notes(table, footnotes)
    (note,) = [each for each in known if word in each.text]
    assert bool(note.letter) == bool(row or column)
    assert not note.letter or note.letter in notes.marks(known, row, column)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_modules_yaml_agrees_with_each_module(name):
    """Hub name and revision, members and files, as they stand in the module."""
    listed = KNOWN[name].weights
    if listed["from"] == "environment":
        return
    checkpoint = getattr(importlib.import_module(name), "CHECKPOINT", None)
    if isinstance(checkpoint, Checkpoint):
        assert (listed["from"], listed["id"], listed["revision"]) == ("hub", checkpoint.hub_id, checkpoint.revision)
    elif isinstance(checkpoint, Gura):
        assert (listed["from"], tuple(listed["members"])) == ("members", checkpoint.members)
    elif isinstance(checkpoint, AvesCheckpoint):
        assert listed["url"].endswith(f"/{checkpoint.stem}.torchaudio.pt")
    else:
        assert listed["from"] in ("package", "you", "inside"), (
            f"{name} has no CHECKPOINT that modules.yaml can be compared with"
        )


@pytest.mark.parametrize("name", ["hear_ssl.melspec", "hear_ssl.crepe_tiny", "hear_ssl.byol_a_mini", "hear_ssl.crepe"])
def test_the_sizes_in_modules_yaml_are_those_of_the_module(name):
    """Of those whose weights are in a package."""
    if weights.missing(ModuleSpec(name), KNOWN, weights.OF_REPRODUCE):
        pytest.skip("its package is not installed")
    model = importlib.import_module(name).load_model()
    embeds = KNOWN[name].embeds
    assert embeds["scene"] == model.scene_embedding_size and embeds["width"] == model.timestamp_embedding_size


@pytest.mark.parametrize(
    ("variable", "below"),
    [("HEAR_SSL_CACHE", ""), ("TORCH_HOME", "hub/hear_ssl"), ("XDG_CACHE_HOME", "torch/hub/hear_ssl")],
)
def test_fetched_weights_are_looked_for_where_the_module_keeps_them(variable, below, tmp_path, monkeypatch):
    """The module finds there what the plan found, without the net."""
    for name in ("HEAR_SSL_CACHE", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr("torch.hub._hub_dir", None)
    assert weights.missing(ModuleSpec("hear_ssl.aves_bio"), KNOWN, weights.OF_REPRODUCE)
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    for file in KNOWN["hear_ssl.aves_bio"].weights["files"]:
        (tmp_path / below / file).write_bytes(b"")
    assert not weights.missing(ModuleSpec("hear_ssl.aves_bio"), KNOWN, weights.OF_REPRODUCE)
    path = importlib.import_module("hear_ssl.aves_bio").CHECKPOINT.downloaded()
    assert path == tmp_path / below / "aves-base-bio.torchaudio.pt"


def test_a_checkpoint_in_the_hub_cache_is_seen(tmp_path, monkeypatch):
    """At the pinned revision, with its weights; the layout is that of huggingface_hub."""
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))
    revision = KNOWN["hear_ssl.hubert_base"].weights["revision"]
    folder = tmp_path / "models--facebook--hubert-base-ls960" / "snapshots" / revision
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert weights.missing(ModuleSpec("hear_ssl.hubert_base"), KNOWN, weights.OF_REPRODUCE)
    (folder / "pytorch_model.bin").write_bytes(b"")
    assert not weights.missing(ModuleSpec("hear_ssl.hubert_base"), KNOWN, weights.OF_REPRODUCE)
    assert weights.missing(ModuleSpec("hear_ssl.hubert_large"), KNOWN, weights.OF_REPRODUCE)


def test_a_task_changes_its_protocol_once():
    """Adapting an adapted protocol changes nothing, so that a plan and its run have the same one."""
    for paper in PAPERS:
        read = recipe.read(paper)
        for name in {name for table in read.tables for name in table.columns.values()}:
            (task,) = catalogue.find(name)
            once = adapted(task, protocol.load(read.protocol))
            assert adapted(task, once).sha256 == once.sha256


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("seeds: 1", "seeds: 0"), "seeds: is 0, but should be a whole number, at least 1"),
        (("cannot: gone", "cannot: gone, module: x"), "tables.t.rows.B: needs one of module, fuse and cannot"),
        (("fuse: [A, C]", "fuse: [A]"), "names one row, 'A'; two or more"),
        (("fuse: [A, C]", "fuse: [A, B]"), "tables.t.rows.D.fuse: unknown name 'B'"),
        (("X: demo/calls", "Y: demo/calls"), "tables.t.columns: unknown name 'X'"),
        (("rows: [A]", "rows: [E]"), "footnotes.0.rows: unknown name 'E'"),
        (("printed: t.csv", "printed: u.csv"), "u.csv cannot be read"),
        (("row: [model]", "row: [nobody]"), "t.csv has no column ['nobody']"),
        (("column: task", "kolumn: task"), "unknown field 'kolumn'; did you mean 'column'"),
    ],
)
def test_a_slip_in_a_recipe_gets_a_sentence(change, sentence, tmp_path):
    """With file, line and field; the recipe itself is a good one."""
    good = """name: mine
title: t
citation: c
source: s
protocol: arch
seeds: 1
profiles: [clean]
tables:
  t:
    title: t
    printed: t.csv
    row: [model]
    column: task
    rows:
      A: {module: hear_ssl.melspec}
      B: {cannot: gone}
      C: {module: hear_ssl.crepe_tiny}
      D: {fuse: [A, C]}
    columns: {X: demo/calls}
footnotes:
  - {rows: [A], text: t, source: s}
"""
    (tmp_path / "t.csv").write_text("model,task,value\nA,X,1.0\n")
    path = tmp_path / "mine.yaml"
    path.write_text(good)
    assert recipe.read(str(path)).tables[0].printed == {("A", "X"): "1.0"}
    assert change[0] in good
    path.write_text(good.replace(*change))
    with pytest.raises(UsageError) as caught:
        recipe.read(str(path))
    assert sentence in str(caught.value) and str(tmp_path) in str(caught.value)
