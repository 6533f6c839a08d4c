"""`hear-eval cache`: what embeddings take, of whom, and which may go."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import evaluator as ev
from commands import run_command  # noqa: F401  (a fixture)


@pytest.fixture
def hear_eval(run_command):  # noqa: F811
    """Runs `hear-eval` under the test's folder: (exit code, stdout, stderr)."""
    return run_command


@pytest.fixture
def cache(tmp_path, hear_eval):
    """A cache in which two modules embedded one task."""
    ev.run(["majority", "duration_loudness"], "demo/calls", protocol="knn", out=None)
    return tmp_path / "cache"


def stores(cache):
    return sorted((cache / "embeddings").iterdir())


def told(hear_eval, *arguments):
    code, out, err = hear_eval("cache", *arguments, "--json")
    assert code == 0, err
    return {row["modules"][0]: row for row in map(json.loads, out.splitlines())}


def age(store, days):
    """Let a store be used last so many days ago."""
    then = time.time() - days * 86400
    for path in store.rglob("*"):
        os.utime(path, (then, then))


def test_what_each_module_takes_is_what_lies_on_disk(hear_eval, cache):
    """By module and task, as du counts it; a task's share is that of its shards."""
    rows = told(hear_eval)
    assert set(rows) == {"hear_ssl.majority", "hear_ssl.duration_loudness"}
    for row in rows.values():
        files = [path for path in Path(row["folder"]).rglob("*") if path.is_file()]
        shards = [path for path in files if path.suffix == ".safetensors"]
        assert row["bytes"] == sum(path.stat().st_size for path in files)
        assert row["tasks"] == {"demo/calls": sum(path.stat().st_size for path in shards)}
        assert row["days_since_use"] < 1 and not row["in_use"]
    out = hear_eval("cache")[1]
    assert "hear_ssl.majority" in out and "demo/calls" in out and "demo-calls-v1" in out.splitlines()[-1]


def test_old_embeddings_go_and_a_use_makes_them_young(hear_eval, cache):
    """A dry run removes nothing; what was read again since stays."""
    for store in stores(cache):
        age(store, days=100)
    ev.run("majority", "demo/calls", protocol="logistic", out=None)
    code, out, _ = hear_eval("cache", "--prune", "--older-than", 90, "--dry-run")
    assert code == 0 and "would be removed: hear_ssl.duration_loudness" in out and "majority" not in out
    assert len(stores(cache)) == 2
    assert hear_eval("cache", "--prune", "--older-than", 90)[0] == 0
    assert set(told(hear_eval)) == {"hear_ssl.majority"}
    assert ev.run("duration_loudness", "demo/calls", protocol="knn", out=None)[0].n_failed == 0  # made again


def test_a_modules_embeddings_go_by_its_name(hear_eval, cache):
    """Also by its short one; others stay, and so does a store that another module uses too."""
    assert hear_eval("cache", "--prune", "--module", "majority")[0] == 0
    assert set(told(hear_eval)) == {"hear_ssl.duration_loudness"}
    (store,) = stores(cache)
    use = next((store / "uses").glob("*.json"))
    (store / "uses" / "other.json").write_text(json.dumps({**json.loads(use.read_text()), "module": "a.twin"}))
    assert "freed: 0 B" in hear_eval("cache", "--prune", "--module", "duration_loudness")[1] and store.is_dir()
    hear_eval("cache", "--prune", "--module", "duration_loudness", "--module", "a.twin")
    assert not store.exists()


def test_what_another_process_claims_is_never_touched(hear_eval, cache):
    """While some process holds a lock in a store, all of its files stay as they are."""
    folder = Path(told(hear_eval)["hear_ssl.majority"]["folder"])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    script = "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); sys.stdin.read()"
    held = folder / ".somebodys.safetensors.lock"
    other = subprocess.Popen([sys.executable, "-c", script, held], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"held\n"
    try:
        assert told(hear_eval)["hear_ssl.majority"]["in_use"]
        code, _, err = hear_eval("cache", "--prune", "--module", "majority")
        assert code == 1 and "another process embeds into it: hear_ssl.majority" in err
        assert all(path.read_bytes() == content for path, content in before.items())
    finally:
        other.communicate()
    assert hear_eval("cache", "--prune", "--module", "majority")[0] == 0 and not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--prune"], "say what goes, with --older-than DAYS or --module MODULE"),
        (["--older-than", "3"], "are for --prune"),
        (["--prune", "--module", "crepe"], "no embeddings of it are in"),
        (["--cache", "nowhere"], "there is no such folder"),
    ],
)
def test_mistakes_get_a_sentence(hear_eval, cache, arguments, sentence):
    """Exit code 2, and nothing goes."""
    code, out, err = hear_eval("cache", *arguments)
    assert code == 2 and out == "" and sentence in err and len(stores(cache)) == 2
