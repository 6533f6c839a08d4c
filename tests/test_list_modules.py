"""What the list of modules says of them is what they are, and is told without loading any."""

import importlib
import json
import subprocess
import sys

import pytest

import evaluator as ev
from commands import run_command  # noqa: F401
from evaluator.embedding import speed
from evaluator.reproduction.weights import read_module_weights
from hear_ssl.encoders import architecture
from hear_ssl.encoders.aves import AvesCheckpoint
from hear_ssl.encoders.checkpoint import Checkpoint
from hear_ssl.encoders.facts import Facts

TINY = {
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8, 8],
    "conv_kernel": [10, 8],
    "conv_stride": [160, 2],
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}


@pytest.fixture(scope="module")
def rows():
    return {row["module"]: row for row in ev.list_modules()}


def with_networks():
    """Modules whose network can be built from what their file says, by name, one of each architecture."""
    found = {}
    for row in ev.list_modules():
        module = importlib.import_module(row["module"])
        facts, checkpoint = getattr(module, "FACTS", None), getattr(module, "CHECKPOINT", None)
        if facts and facts.parameters and isinstance(checkpoint, Checkpoint | AvesCheckpoint):
            family = getattr(checkpoint, "family", "hubert")
            found.setdefault((family, facts.layers, facts.width, json.dumps(dict(facts.network))), row["module"])
    return sorted(found.values())


@pytest.mark.parametrize("name", with_networks())
def test_parameters_are_those_of_the_network(rows, name):
    """Counted where it takes no memory: nothing is downloaded."""
    network = architecture.bare_network(name)
    assert sum(each.numel() for each in network.parameters()) == rows[name]["parameters"]
    assert (network.config.num_hidden_layers, network.config.hidden_size) == (rows[name]["layers"], rows[name]["width"])


@pytest.mark.parametrize("name", ["melspec", "byol_a_mini", "majority", "chance", "duration_loudness"])
def test_facts_of_what_is_here_are_those_of_the_model(rows, name):
    """Width, layers, rate and parameters as the loaded model has them."""
    model, row = importlib.import_module(f"hear_ssl.{name}").load_model(), rows[f"hear_ssl.{name}"]
    assert (row["layers"], row["sample_rate"]) == (model.n_layers, model.sample_rate)
    assert row["width"] == model.encoder.width and row["download_bytes"] == 0
    assert row["parameters"] == sum(each.numel() for each in model.parameters())


def test_crepe_has_the_weights_of_its_convolutions(rows):
    from hear_ssl.encoders.crepe import _weight_layout

    for name, capacity in (("crepe", "full"), ("crepe_tiny", "tiny")):
        counted = sum(each.numel() for each in _weight_layout(capacity).parameters())
        assert rows[f"hear_ssl.{name}"]["parameters"] == counted


def test_ensembles_have_the_weights_of_their_members(rows):
    """Each member's once, though one that is part of several is downloaded once for all."""
    for name, row in rows.items():
        members = getattr(getattr(importlib.import_module(name), "CHECKPOINT", None), "members", ())
        if members:
            assert row["parameters"] == sum(rows[member]["parameters"] for member in members), name
            assert row["width"] in (1024, 1280, 2048, 3072) and row["layers"] == 1


def test_plans_know_the_same_sizes(rows):
    """What a plan says of a transformer before it is loaded agrees with its own file."""
    for name, known in read_module_weights().items():
        row = rows.get(name, {})
        if row.get("hub_id") and row["parameters"] and known.embeds:
            assert known.bytes == 4 * row["parameters"] == row["download_bytes"], name
            assert (known.embeds["layers"], known.embeds["width"]) == (row["layers"] + 1, row["width"]), name


def test_declarations_are_read_as_they_are(rows):
    """Hub id, revision, licence and paper are the checkpoint's own; what is not known is None, never a guess."""
    for name, row in rows.items():
        checkpoint = getattr(importlib.import_module(name), "CHECKPOINT", None)
        for field in ("hub_id", "revision", "licence", "citation"):
            said = getattr(checkpoint, field, "") if not isinstance(checkpoint, type(None)) else ""
            if row[field] is not None:
                assert row[field] == said, (name, field)
        if isinstance(checkpoint, Checkpoint):
            assert (row["hub_id"] or "", row["revision"] or "") == (checkpoint.hub_id, checkpoint.revision)
    assert rows["hear_ssl.hf"]["parameters"] is None and rows["hear_ssl.crepe"]["trained_on"] is None


def test_listing_loads_no_model():
    """Neither torch nor our own modules are imported."""
    script = (
        "import sys; from evaluator.cli import main; code = main(['list', 'modules', '--json']);"
        "print(code, [each for each in ('torch', 'transformers', 'hear_ssl') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_the_network_is_built_with_random_weights(monkeypatch):
    """As wide as declared, finite, the same each time; and refused where nothing says which network it is."""
    import torch

    import hear_ssl.hubert_base

    monkeypatch.setattr(hear_ssl.hubert_base, "FACTS", Facts(width=8, layers=3, parameters=1, network=TINY))
    models = [architecture.load_model("hear_ssl.hubert_base") for _ in "12"]
    scenes = [
        architecture.get_scene_embeddings(torch.randn(2, 8000, generator=torch.Generator().manual_seed(1)), m)
        for m in models
    ]
    assert scenes[0].shape == (2, 8) and scenes[0].isfinite().all() and torch.equal(*scenes)
    with pytest.raises(ValueError, match="hear_ssl.melspec: its file does not say which network it is"):
        architecture.load_model("hear_ssl.melspec")


def test_speed_is_measured_kept_and_shown(run_command, tmp_path, monkeypatch):  # noqa: F811
    """Where it was measured, on a machine like this one; the network with random weights is told as such."""
    import hear_ssl.hubert_base

    monkeypatch.setattr(speed, "ENOUGH_SECONDS", 0.0)
    monkeypatch.setattr(hear_ssl.hubert_base, "FACTS", Facts(width=8, layers=3, parameters=1, network=TINY))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "no hub"))
    code, out, _ = run_command("list", "modules", "--bench", "melspec", "hear_ssl.hubert_base", "--json")
    rows = {row["module"]: row for row in map(json.loads, out.splitlines())}
    measured = {name: row["random_weights"] for name, row in rows.items() if row["seconds_per_hour"] is not None}
    assert code == 0 and measured == {"hear_ssl.melspec": False, "hear_ssl.hubert_base": True}
    assert all(rows[name]["seconds_per_hour"] > 0 for name in measured)
    out = run_command("list", "modules")[1]
    assert "random weights" in out and [line for line in out.splitlines() if "melspec" in line and "s/h" not in line]
    monkeypatch.setattr(speed, "_processor", lambda: "another processor")
    assert not any(
        json.loads(line)["seconds_per_hour"] for line in run_command("list", "modules", "--json")[1].splitlines()
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("modules", "--bench", "melspek"), "did you mean"),
        (("modules", "--bench", "json"), "json: is none of our modules"),
        (("modules", "--bench", "yamnet"), "hear_ssl.yamnet: its speed cannot be measured: "),
        (("tasks", "--bench"), "only modules are measured"),
    ],
)
def test_what_cannot_be_measured_gets_a_sentence(run_command, arguments, sentence):  # noqa: F811
    code, out, err = run_command("list", *arguments)
    assert code == 2 and sentence in err and not out


def test_more_is_told_when_asked(run_command):  # noqa: F811
    """Hub id and revision, training sounds, licence and paper in sentences."""
    out = run_command("list", "modules", "-v")[1]
    assert (
        "hear_ssl.hubert_base: 16 kHz; facebook/hubert-base-ls960 at dba3bb02fda4248b6e082697eee756de8fe8aa8a; trained on 960 h"
        in out
    )
    assert "hear_ssl.crepe: 16 kHz; trained on unknown sounds; licence MIT; Kim et al. 2018" in out
