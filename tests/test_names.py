"""Names of modules as people write them: short, misspelt, and of somebody else."""

import pytest

import evaluator as ev
from evaluator.embedding import names
from evaluator.errors import UsageError
from evaluator.module_names import is_baseline, plain


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("melspec", "hear_ssl.melspec"),
        ("untrained:byol_a", "untrained:hear_ssl.byol_a"),
        ("ensemble:melspec+crepe_tiny", "ensemble:hear_ssl.melspec+hear_ssl.crepe_tiny"),
        ("ensemble:average:melspec+./melspec.py", "ensemble:average:hear_ssl.melspec+./melspec.py"),
        ("ensemble:hf:org/melspec+melspec", "ensemble:hf:org/melspec+hear_ssl.melspec"),
        ("hf:melspec", "hf:melspec"),
        ("hear_ssl.melspec", "hear_ssl.melspec"),
        ("json", "json"),
        ("ensemble", "ensemble"),
    ],
)
def test_short_names_are_ours(short, full, tmp_path, monkeypatch):
    """Members too; what names something else stays as it is."""
    monkeypatch.chdir(tmp_path)
    assert names.full_name(short) == full


def test_a_short_name_is_left_to_whoever_else_has_it(tmp_path, monkeypatch):
    """A user's module in the working folder, or a file, is meant; a folder of results that is called so is not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "crepe_tiny").mkdir()
    assert names.full_name("crepe_tiny") == "hear_ssl.crepe_tiny"
    (tmp_path / "melspec.py").write_text("")
    (tmp_path / "yamnet").write_text("")
    assert names.full_name("melspec") == "melspec" and names.full_name("yamnet") == "yamnet"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("hear_ssl.melspek", "'hear_ssl.melspec'"),
        ("melspek", "'hear_ssl.melspec'"),
        ("untrained:hubert_bass", "'hear_ssl.hubert_base'"),
        ("ensemble:melspec+hear_ssl.crepe_tinny", "'hear_ssl.crepe_tiny'"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(name, meant):
    """Before anything is imported, and without advice on packages."""
    with pytest.raises(UsageError, match=f"^unknown module .*did you mean {meant}.*list modules` shows ours") as told:
        names.refuse_misspelt(name)
    assert "pip install" not in str(told.value)
    with pytest.raises(UsageError, match="did you mean"):
        ev.validate(name, depth="quick")


@pytest.mark.parametrize(
    "name", ["json", "numpy.linalg", "./melspek.py", "hf:melspek", "hear_ssl.encoders", "hear_ssl.melspec", "my_model"]
)
def test_what_may_be_a_module_is_not_refused(name):
    """Importing it says whether it is one."""
    names.refuse_misspelt(name)


def test_a_module_of_our_package_that_is_near_nothing_is_unknown_too():
    """The sentence says where all are listed."""
    with pytest.raises(UsageError, match="unknown module 'hear_ssl.zzzzzz'; `hear-eval list modules` shows ours"):
        names.refuse_misspelt("hear_ssl.zzzzzz")


def test_results_bear_the_full_name_and_no_short_one_is_taken_for_a_baseline(tmp_path, monkeypatch):
    """A module that was asked for by its short name is judged like others beside --baselines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    assert ev.run("majority", "demo/calls", protocol="knn", out=None)[0].module == "hear_ssl.majority"
    assert not is_baseline("hear_ssl.melspec", ["run", "melspec", "--baselines"])
    assert is_baseline("hear_ssl.melspec", ["run", "crepe_tiny", "--baselines"])


def test_a_folder_of_a_model_has_one_name(tmp_path, monkeypatch):
    """However its path is spelled, alone, among members and under untrained:; a model on the hub keeps its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "model").mkdir(parents=True)
    for spelled in ("org/model", "./org/model", "org/../org/model/", ".//org/./model", f"{tmp_path}/org/./model"):
        assert names.full_name(f"hf:{spelled}") == names.with_folder(f"hf:{spelled}") == "hf:./org/model"
        assert (
            names.full_name(f"ensemble:average:melspec+hf:{spelled}")
            == "ensemble:average:hear_ssl.melspec+hf:./org/model"
        )
        assert names.full_name(f"untrained:hf:{spelled}") == "untrained:hf:./org/model"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert names.full_name(f"hf:{tmp_path}/org/./model") == f"hf:{tmp_path}/org/model"
    monkeypatch.chdir(tmp_path)
    own = names.options_in_full({"member_options": {"hf:org/model/": {"layer": 1}, "melspec": {}}, "merge": "average"})
    assert own == {"member_options": {"hf:./org/model": {"layer": 1}, "hear_ssl.melspec": {}}, "merge": "average"}
    assert names.full_name("hf:org/other") == plain("hf:org/other") == "hf:org/other"
    assert plain("ensemble:hf:./org/./model+untrained:hf:../a/../b") == "ensemble:hf:./org/model+untrained:hf:../b"
