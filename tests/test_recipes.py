"""The papers' recipes: every printed cell is a run or says why not, and what is said of modules is what they say themselves."""

import csv
import importlib
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
from hear_ssl.encoders.gura import Gura
from hear_ssl.encoders.transformer import Checkpoint

RECIPES = schema.tasks_folder() / "recipes"
# The printed cells of each paper: 16 models x 12 datasets; 8 x 3; 10, 4, 2, 2 and 2 rows x 18 tasks; none.
PRINTED = {"arch2024": 192, "sarkar2025": 24, "wu2022": 360, "ogg2025": 0}
KNOWN = weights.known()


def made(paper, tmp_path):
    """The plan of a paper on an empty machine."""
    return plan.make(recipe.read(paper), plan.Choices(None, tmp_path / "cache", tmp_path / "out"))


def test_there_is_a_recipe_for_each_of_the_four_papers():
    """By the names that the command line takes."""
    assert recipe.names() == sorted(PRINTED)


@pytest.mark.parametrize("paper", PRINTED)
def test_every_printed_cell_is_a_run_or_says_why_not(paper, tmp_path):
    """Each line of each CSV, in each profile; fusions stand on rows that are runs."""
    asked = made(paper, tmp_path)
    files = {
        table["printed"]: name
        for name, table in schema.parse(RECIPES / f"{paper}.yaml").value["tables"].items()
        if "printed" in table
    }
    n_lines = 0
    for file, name in files.items():
        (table,) = [each for each in asked.recipe.tables if each.name == name]
        with (RECIPES / file).open(newline="") as opened:
            lines = list(csv.DictReader(opened))
        n_lines += len(lines)
        for line in lines:
            row = " ".join(line[part] for part in (["model", "size"] if "size" in line else ["model"]))
            column = line.get("dataset") or line["task"]
            assert table.printed[row, column] == line["value"].replace("-", "")
            for profile in asked.recipe.profiles:
                cell = (name, row, column, profile)
                if table.rows[row].fuse:
                    assert all((name, member, column, profile) in asked.cells for member in table.rows[row].fuse)
                else:
                    assert (cell in asked.cells) != bool(asked.why_not.get(cell))
    assert n_lines == PRINTED[paper]


@pytest.mark.parametrize("paper", PRINTED)
def test_the_modules_and_tasks_of_a_recipe_are_there(paper, tmp_path):
    """Ours are in `hear-eval list modules`, third-party ones in docs/third_party.md, and each has its facts."""
    ours = {each["module"] for each in listing.list_modules()}
    for run in made(paper, tmp_path).runs.values():
        name = run.run.spec.name
        assert name in KNOWN and (name in ours or KNOWN[name].weights["from"] == "environment")
        assert run.run.protocol.name == recipe.read(paper).protocol == catalogue.find(run.run.task.name)[0].protocol
        assert run.state.startswith("missing")


@pytest.mark.skipif(not (Path(__file__).parents[1] / "docs").is_dir(), reason="not run from a checkout")
def test_third_party_modules_are_in_the_documentation():
    """docs/third_party.md says how each is installed."""
    text = (Path(__file__).parents[1] / "docs" / "third_party.md").read_text()
    for name, facts in KNOWN.items():
        if facts.weights["from"] == "environment":
            package, _, rest = name.partition(".")
            assert package in text and rest in text


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
def test_what_is_not_reproduced_is_said_where_it_matters(paper, row, column, word, tmp_path):
    """What tasks/protocols and their papers' code leave open has a footnote at its row or column."""
    table, footnotes = made(paper, tmp_path).recipe.tables[0], recipe.read(paper).footnotes
    _, known = notes.of(table, footnotes)
    (note,) = [each for each in known if word in each.text]
    assert bool(note.letter) == bool(row or column)
    assert not note.letter or note.letter in notes.marks(known, row, column)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_what_is_said_of_a_module_is_what_it_says(name):
    """Hub name and revision, members and files, as they stand in the module."""
    said = KNOWN[name].weights
    if said["from"] == "environment":
        return
    checkpoint = getattr(importlib.import_module(name), "CHECKPOINT", None)
    if isinstance(checkpoint, Checkpoint):
        assert (said["from"], said["id"], said["revision"]) == ("hub", checkpoint.hub_id, checkpoint.revision)
    elif isinstance(checkpoint, Gura):
        assert (said["from"], tuple(said["members"])) == ("members", checkpoint.members)
    elif isinstance(checkpoint, AvesCheckpoint):
        assert said["url"].endswith(f"/{checkpoint.stem}.torchaudio.pt")
    else:
        assert said["from"] in ("package", "you", "inside")


@pytest.mark.parametrize("name", ["hear_ssl.melspec", "hear_ssl.crepe_tiny", "hear_ssl.byol_a_mini", "hear_ssl.crepe"])
def test_the_sizes_said_of_a_module_are_its_own(name):
    """Of those whose weights are in a package."""
    if weights.missing(ModuleSpec(name), KNOWN):
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
    assert weights.missing(ModuleSpec("hear_ssl.aves_bio"), KNOWN)
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    for file in KNOWN["hear_ssl.aves_bio"].weights["files"]:
        (tmp_path / below / file).write_bytes(b"")
    assert not weights.missing(ModuleSpec("hear_ssl.aves_bio"), KNOWN)
    path = importlib.import_module("hear_ssl.aves_bio").CHECKPOINT.downloaded()
    assert path == tmp_path / below / "aves-base-bio.torchaudio.pt"


def test_a_checkpoint_in_the_hub_cache_is_seen(tmp_path, monkeypatch):
    """At the pinned revision, with its weights; the layout is that of huggingface_hub."""
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))
    revision = KNOWN["hear_ssl.hubert_base"].weights["revision"]
    folder = tmp_path / "models--facebook--hubert-base-ls960" / "snapshots" / revision
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert weights.missing(ModuleSpec("hear_ssl.hubert_base"), KNOWN)
    (folder / "pytorch_model.bin").write_bytes(b"")
    assert not weights.missing(ModuleSpec("hear_ssl.hubert_base"), KNOWN)
    assert weights.missing(ModuleSpec("hear_ssl.hubert_large"), KNOWN)


def test_a_task_changes_its_protocol_once():
    """Adapting an adapted protocol changes nothing, so that a plan and its run ask the same."""
    for paper in PRINTED:
        said = recipe.read(paper)
        for asked in {name for table in said.tables for name in table.columns.values()}:
            (found,) = catalogue.find(asked)
            once = adapted(found, protocol.load(said.protocol))
            assert adapted(found, once).sha256 == once.sha256


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("seeds: 1", "seeds: 0"), "seeds: is 0, but should be a whole number, at least 1"),
        (("cannot: gone", "cannot: gone, module: x"), "tables.t.rows.B: needs one of module, fuse and cannot"),
        (("fuse: [A, C]", "fuse: [A]"), "names one row; two or more"),
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
