"""A result that is kept is given again only where all that it depends on is the same; what is wrong is told before a module is opened."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors import safe_open
from safetensors.torch import save_file
from threadpoolctl import threadpool_limits

import evaluator as ev
import hear_ssl
from commands import run_command as hear_eval  # noqa: F401  (a fixture)
from evaluator import files, schema
from evaluator.datasets.reading import delimited
from evaluator.embedding import loaded_files
from evaluator.experiment import checked
from evaluator.results import conditions
from tiny_checkpoints import tiny_network

pytestmark = pytest.mark.slow  # the whole file: it runs modules and processes

GOOD = str(Path(__file__).parent / "modules" / "good.py")
MINI = Path(hear_ssl.__file__).parent / "weights" / "byol_a_mini.safetensors"
HEAVY = ("torch", "transformers", "sklearn", "scipy", "matplotlib", "pandas", "librosa")


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A CSV of 24 tones of two pitches, in the working folder, beside a copy of weights and of a protocol."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "_SETTLED_NS", 0)  # files of this moment count as old
    random_numbers = np.random.default_rng(0)
    lines = ["path,label,group"]
    for number in range(24):
        wave = 0.3 * np.sin(2 * np.pi * (300 + 900 * (number % 2)) * np.arange(4800) / 16000)
        soundfile.write(f"{number}.wav", wave + 0.05 * random_numbers.normal(size=4800), 16000)
        lines.append(f"{number}.wav,{'high' if number % 2 else 'low'},{number // 4}")
    Path("mine.csv").write_text("\n".join(lines) + "\n")
    shutil.copy(MINI, "mini.safetensors")
    shutil.copy(schema.tasks_folder() / "protocols" / "knn.yaml", "own.yaml")
    Path("own.yaml").write_text(Path("own.yaml").read_text().replace("name: knn", "name: own"))
    return tmp_path / "mine.csv"


def asked(**changed):
    """Runs and says of each whether it was made now or unchanged."""
    kept = []
    wanted = {"weights": "mini.safetensors", "protocol": "own.yaml", "out": "out", **changed}
    done = ev.run("hear_ssl.byol_a_mini", "mine.csv", on_unchanged=lambda result, path: kept.append(path), **wanted)
    assert len(done) == 1
    return "unchanged" if kept else "made"


def rewritten(path, content):
    """A file with another content, but of the same size and with its old times."""
    path = Path(path)
    before = path.stat()
    assert len(content) == before.st_size and content != path.read_bytes()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def another_sample():
    content = bytearray(Path("3.wav").read_bytes())
    content[-1] ^= 1
    rewritten("3.wav", bytes(content))


def another_label():
    rewritten("mine.csv", Path("mine.csv").read_bytes().replace(b"3.wav,high,0", b"3.wav,low,00"))


def other_weights():
    with safe_open("mini.safetensors", framework="pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors["fc.0.bias"] = tensors["fc.0.bias"] + 1
    save_file(tensors, "other.safetensors", metadata)
    rewritten("mini.safetensors", Path("other.safetensors").read_bytes())
    Path("other.safetensors").unlink()


def another_protocol():
    text = Path("own.yaml").read_text()
    changed = text.replace("standardise: true", "standardise: false")
    Path("own.yaml").write_text(changed if changed != text else text.replace("n_neighbors: [", "n_neighbors: [2, "))


def another_score():
    (path,) = Path("out").rglob("*.json")
    plain = json.loads(path.read_text())
    plain["score"] += 0.01
    path.write_text(json.dumps(plain))


def no_predictions():
    (path,) = Path("out").rglob("*.npz")
    path.unlink()


def damaged_predictions():
    (path,) = Path("out").rglob("*.npz")
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def another_place():
    """One more recording beside the others, of which the notes tell."""
    shutil.copy("3.wav", "unused.wav")


CHANGES = (
    another_sample,
    another_label,
    other_weights,
    another_protocol,
    another_score,
    no_predictions,
    damaged_predictions,
    another_place,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
def test_a_kept_result_counts_until_something_changes(change, table):
    """Asked again it is unchanged; after the change it is made anew, once, and equals what an empty folder gives."""
    assert [asked() for _ in range(2)] == ["made", "unchanged"]
    change()
    assert [asked() for _ in range(2)] == ["made", "unchanged"]
    assert asked(out="fresh", cache="fresh-cache") == "made"
    (fresh,) = ev.load_results("fresh")
    (kept,) = (each for each in ev.load_results("out") if each.run == fresh.run)
    assert kept.score == fresh.score and kept.notes == fresh.notes
    assert all(np.array_equal(*pair) for pair in zip(kept.test_probabilities, fresh.test_probabilities, strict=True))


@pytest.mark.parametrize(
    "changed",
    [
        {"options": {"pooling": "mean"}},
        {"seed": 1},
        {"seeds": 2},
        {"layers": "scene"},
        {"device": "cpu"},
        {"allow_failed": 0.1},
        {"allow_unrepeatable": True},
        {"paths": False},
        {"expand": 2},
        {"folds": 3},
        {"profile": "published"},
    ],
    ids=str,
)
def test_another_option_is_another_request(changed, table):
    """Each choice is part of what has to be the same; the earlier result still counts for the earlier choice."""
    assert [asked(), asked(**changed), asked(again=True), asked()] == ["made", "made", "made", "unchanged"]


def test_libraries_variables_and_settings_count(table, tmp_path, monkeypatch):
    """An installed package of another version, a variable that sets threads, torch set otherwise, and threads or arithmetic that were set in this process make it another request."""
    import torch

    assert [asked(), asked()] == ["made", "unchanged"]
    (tmp_path / "site" / "numpy-99.0.dist-info").mkdir(parents=True)
    with monkeypatch.context() as patched:
        patched.syspath_prepend(tmp_path / "site")
        assert [asked(), asked()] == ["made", "unchanged"]
    with monkeypatch.context() as patched:
        patched.setenv("MKL_CBWR", "COMPATIBLE")
        assert asked() == "made"
    assert asked() == "made"  # one file a run: the last request's
    with torch.backends.mkldnn.flags(enabled=False):
        assert asked() == "made"
    assert asked() == "made"
    with threadpool_limits(3, user_api="blas"):
        assert asked() == "made"
    assert asked() == "made"
    torch.set_flush_denormal(True)
    try:
        assert [asked(), asked()] == ["made", "unchanged"]
    finally:
        torch.set_flush_denormal(False)
    assert asked() == "made"
    torch.set_float32_matmul_precision("medium")  # which is set back before anything is computed
    assert asked() == "unchanged"


def test_nothing_is_kept_without_a_folder_nor_of_modules_that_nobody_can_name(table):
    """Without `out`, of somebody's module, of an object, and of an ensemble with one of them, every run is made."""
    from hear_ssl import melspec

    assert [asked(out=None), asked(out=None)] == ["made", "made"]
    for module in (GOOD, melspec, f"ensemble:hear_ssl.melspec+{GOOD}"):
        kept = []
        for _ in range(2):
            ev.run(module, "mine.csv", protocol="knn", out="out", on_unchanged=lambda *each: kept.append(each))
        assert not kept


def test_ensembles_and_untrained_copies_of_ours_are_kept(table):
    """They are made of what ours are made of; a member's weights count."""
    modules = ["ensemble:hear_ssl.melspec+hear_ssl.byol_a_mini", "untrained:hear_ssl.byol_a_mini"]
    paths = {"member_paths": {"hear_ssl.byol_a_mini": "mini.safetensors"}}
    specs = [ev.ModuleSpec(modules[0], options=paths), ev.ModuleSpec(modules[1], weights="mini.safetensors")]

    def n_kept():
        kept = []
        ev.run(specs, "mine.csv", protocol="knn", out="out", on_unchanged=lambda *each: kept.append(each))
        return len(kept)

    assert [n_kept(), n_kept()] == [0, 2]
    other_weights()
    assert [n_kept(), n_kept()] == [0, 2]


def test_what_changes_while_it_is_used_gets_no_name(table, monkeypatch):
    """Weights that are written during the run may not be what was loaded; the next run makes the result again."""
    remember = loaded_files.remember
    monkeypatch.setattr(loaded_files, "remember", lambda *each: (remember(*each), other_weights()))
    assert asked() == "made"
    monkeypatch.undo()
    monkeypatch.setattr(files, "_SETTLED_NS", 0)
    monkeypatch.chdir(table.parent)
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(table.parent / "cache"))
    (result,) = ev.load_results("out")
    assert "request_sha256" not in result.environment
    assert [asked(), asked()] == ["made", "unchanged"]


def test_a_source_that_was_edited_since_the_process_began_leaves_no_name(table, monkeypatch):
    """What runs may be the earlier source."""
    assert conditions.conditions() is not None
    monkeypatch.setattr(conditions, "_process_began_ns", lambda: 0)
    assert conditions.conditions() is None
    assert [asked(), asked()] == ["made", "made"]


def run_copy(packages, folder, *arguments):
    """`hear-eval` of a copy of the packages, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(packages), "HEAR_EVAL_CACHE": str(folder / "cache")}
    command = [sys.executable, "-X", "importtime", "-m", "evaluator", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    return done.stdout, imported


def test_a_rerun_imports_nothing_heavy_and_sees_an_edited_source(tmp_path):
    """In two copies of the packages, edited between runs; what is unchanged is told before torch is imported."""
    packages, folder = tmp_path / "packages", tmp_path / "work"
    folder.mkdir()
    for package in (ev, hear_ssl):
        home = Path(package.__file__).parent
        shutil.copytree(home, packages / home.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(schema.tasks_folder(), packages / "tasks", dirs_exist_ok=True)
    ask = ("run", "hear_ssl.majority", "hear_ssl.byol_a_mini", "--task", "demo/calls", "--protocol", "knn")
    time.sleep(2.2)  # what is as young as that is not trusted
    out, imported = run_copy(packages, folder, *ask)
    assert out.count("written: ") == 2 and "torch" in imported
    out, imported = run_copy(packages, folder, *ask)
    assert out.count("unchanged: ") == 2 and not imported & set(HEAVY)
    for source in ("hear_ssl/encoders/null_baselines.py", "evaluator/scoring/metrics.py"):
        with (packages / source).open("a") as file:
            file.write("\n# edited\n")
        time.sleep(2.2)
        assert run_copy(packages, folder, *ask)[0].count("written: ") == 2
    assert run_copy(packages, folder, *ask)[0].count("unchanged: ") == 2


def test_a_transformer_is_unchanged_too(table):
    """Libraries that set variables as they are imported do not make it another request."""
    tiny_network("hubert").save_pretrained("ckpt")
    kept = []
    for _ in range(3):
        ev.run(
            "hear_ssl.hubert_base",
            "mine.csv",
            weights="ckpt",
            options={"normalize": True},
            protocol="own.yaml",
            out="out",
            on_unchanged=lambda result, path: kept.append(path),
        )
    assert len(kept) == 2


# Before a module is opened -------------------------------------------------------------------------------------------


@pytest.fixture
def marking(table):
    """A module whose import leaves a file."""
    Path("marking.py").write_text(
        f"from pathlib import Path\nPath({str(table.parent / 'imported')!r}).touch()\n" + Path(GOOD).read_text()
    )
    return "marking.py"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--task", "nowhere/none"], "unknown task"),
        (["--task", "arch/esc50"], "--data"),
        (["--task", "mine.csv", "--protocol", "none"], "unknown protocol"),
        (["--task", "mine.csv", "--layers", "some"], "--layers some"),
        (["--task", "mine.csv", "--layers", "weighted", "--protocol", "knn"], "learns no weights"),
        (["--task", "mine.csv", "--folds", "40"], "40"),
        (["--task", "few.csv", "--protocol", "logistic"], "few"),
        (["--task", "several.csv", "--protocol", "fewshot"], "few-shot probes are for"),
        (["--task", "gone.csv"], "lack"),
        (["--task", "mine.csv", "--out", "mine.csv/out"], "--out"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_what_is_wrong_is_told_before_a_module_is_imported(arguments, words, marking, hear_eval):  # noqa: F811
    """Task, data, options, folds, targets, output: the module's own code did not run."""
    lines = Path("mine.csv").read_text().splitlines()
    Path("few.csv").write_text("\n".join([*lines[:5], *(f"{n}.wav,rare{n},{n}" for n in (8, 9))]) + "\n")
    Path("several.csv").write_text("\n".join(["path,labels,group", *(f"{n}.wav,a;b{n % 2},{n}" for n in range(24))]))
    Path("gone.csv").write_text("\n".join([*lines, "gone.wav,high,9"]) + "\n")
    code, _, err = hear_eval("run", "marking.py", *arguments, "--in-process")
    assert code != 0 and words in err and "Traceback" not in err, err
    assert not Path("imported").exists()


def test_all_tasks_are_checked_before_the_first_module_is_opened(marking):
    """The one that is wrong is told first, and the other is run all the same."""
    Path("bad").mkdir()
    (Path("bad") / "one.csv").write_text("path,label\nnone.wav,a\nnone2.wav,b\n")
    seen = []

    def failed(failure):
        seen.append((failure.question[0].name, Path("imported").exists()))

    with pytest.raises(ev.RunError) as raised:
        ev.run(marking, ["mine.csv", "bad/one.csv"], protocol="knn", out=None, on_failure=failed, in_process=True)
    assert seen == [("one", False)] and [each.task for each in raised.value.results] == ["mine"]


def test_a_task_is_set_up_once_for_all_modules(table, monkeypatch):
    """Its table is read once a command, for the search and for the clips, its files are looked at once."""
    read, listed = [], []
    read_text, file_facts = delimited._read_text, checked.setups.decode.file_facts
    monkeypatch.setattr(delimited, "_read_text", lambda *each: read.append(each[0]) or read_text(*each))
    monkeypatch.setattr(checked.setups.decode, "file_facts", lambda *each: listed.append(each[0]) or file_facts(*each))
    modules = ["hear_ssl.melspec", "hear_ssl.majority", "hear_ssl.chance"]
    assert len(ev.run(modules, "mine.csv", protocol="knn", out=None)) == 3
    assert len(read) == 1 and len(listed) == 1
    time.sleep(0.01)
    another_label()  # of the same size and time, but another file to the system
    assert ev.run(modules[1], "mine.csv", protocol="knn", out=None)[0].classes == ["high", "low"]
    assert len(read) == 2
