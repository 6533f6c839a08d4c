"""The name under which embeddings are stored tells everything that decides them, and nothing else."""

import json
import shutil
from pathlib import Path

import pytest

from evaluator.embedding.identity import identity
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from tiny_checkpoints import model_path, save_byol_a

GOOD = str(Path(__file__).parent / "modules" / "good.py")


def name_of(module, weights="", **options):
    """What a module's embeddings are stored under."""
    spec = ModuleSpec(module, str(weights), options, device="cpu")
    with open_module(spec) as opened:
        return json.dumps(identity(spec, opened.describe()), sort_keys=True)


@pytest.fixture
def copies(tmp_path):
    """A function that makes two copies of a checkpoint, the second with one file changed."""

    def make(first, name, text):
        second = tmp_path / "second"
        shutil.copytree(first, second)
        (second / name).write_text(text)
        return first, second

    return make


def test_statistics_beside_the_weights_count(tmp_path, copies):
    """BYOL-A with the same checkpoint.pth and another stats.csv; in an ensemble, too. The folder's name does not count."""
    (tmp_path / "first").mkdir()
    save_byol_a(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "elsewhere")
    pair = copies(tmp_path / "first", "stats.csv", "mean,std\n-9,2\n")
    assert name_of("hear_ssl.byol_a", pair[0]) == name_of("hear_ssl.byol_a", tmp_path / "elsewhere")
    one, other = (name_of("hear_ssl.byol_a", each) for each in pair)
    assert one != other
    members = "hear_ssl.byol_a+hear_ssl.melspec"
    with_members = []
    for each in pair:
        shutil.rmtree(tmp_path / "used", ignore_errors=True)
        shutil.copytree(each, tmp_path / "used")  # one path, so that it cannot tell
        with_members.append(name_of(f"ensemble:{members}", member_paths={"hear_ssl.byol_a": str(tmp_path / "used")}))
    assert with_members[0] != with_members[1]


def test_the_processors_rule_and_the_config_count(tmp_path, copies):
    """A transformer whose weights are the same but whose audio is normalised, or whose heads are fewer."""
    first = Path(model_path("hubert_large", tmp_path / "first"))
    rule = json.loads((first / "preprocessor_config.json").read_text())
    rule["do_normalize"] = not rule.get("do_normalize", True)
    pair = copies(first, "preprocessor_config.json", json.dumps(rule))
    assert name_of("hear_ssl.hubert_large", pair[0]) != name_of("hear_ssl.hubert_large", pair[1])
    shutil.copy(first / "preprocessor_config.json", pair[1])
    assert name_of("hear_ssl.hubert_large", pair[0]) == name_of("hear_ssl.hubert_large", pair[1])
    config = json.loads((first / "config.json").read_text())
    config["num_attention_heads"] //= 2
    (pair[1] / "config.json").write_text(json.dumps(config))
    assert name_of("hear_ssl.hubert_large", pair[0]) != name_of("hear_ssl.hubert_large", pair[1])


def test_of_a_third_partys_weights_the_name_counts_too(tmp_path):
    """It may read more from beside them than it shows."""
    one, other = (name_of(GOOD, tmp_path / each) for each in ("a.pt", "b.pt"))
    assert one != other and name_of(GOOD, tmp_path / "a.pt") == one
