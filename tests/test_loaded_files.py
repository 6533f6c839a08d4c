"""What a module says that it was loaded from, and what those places hold."""

import json
import time

import pytest

from evaluator import files
from evaluator.embedding import loaded_files
from evaluator.embedding.ensemble import open_any
from evaluator.embedding.spec import ModuleSpec
from hear_ssl.encoders import hub


def test_a_hub_model_can_be_named_by_its_commit_only(tmp_path, monkeypatch):
    """A folder by itself; a pinned commit by where its files lie, and by the folder that would be taken instead; the newest not at all."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    (tmp_path / "snapshots" / commit).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda source, name, **_: f"snapshots/{commit}/{name}")
    assert hub.Files("snapshots").read_from == [str(tmp_path / "snapshots")]
    for revision, places in (("", None), ("main", None), (commit, [f"snapshots/{commit}", str(tmp_path / "org/it")])):
        found = hub.Files("org/it", revision)
        assert found.read_from is None
        found.find("config.json")
        assert found.read_from == places


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("hear_ssl.melspec", []),
        ("hear_ssl.byol_a_mini", ["byol_a_mini.safetensors", "stats.csv"]),
        ("untrained:hear_ssl.byol_a_mini", ["byol_a_mini.safetensors", "stats.csv"]),
        ("ensemble:hear_ssl.melspec+hear_ssl.byol_a_mini", ["byol_a_mini.safetensors", "stats.csv"]),
    ],
)
def test_a_module_of_ours_says_what_it_was_loaded_from(name, ends):
    """Files that decide what is loaded, also one that is not there; nothing where nothing is loaded."""
    with open_any(ModuleSpec(name)) as module:
        assert sorted({place.rpartition("/")[2] for place in loaded_files.places_of(module)}) == ends
    assert ModuleSpec(name).is_ours
    assert not ModuleSpec(f"ensemble:{name.rpartition(':')[2].rpartition('+')[2]}+mine.py").is_ours


def rewritten(path, content):
    """Another content of the same size."""
    assert len(content) == path.stat().st_size and content != path.read_bytes()
    path.write_bytes(content)


def test_places_are_told_by_their_content(tmp_path, monkeypatch):
    """Files, folders with what appears in them, and what is not there."""
    monkeypatch.setattr(files, "_SETTLED_NS", 0)  # files of this moment count as old
    folder, cache = tmp_path / "weights", tmp_path / "cache"
    folder.mkdir()
    (folder / "one").write_text("1")
    places = [str(folder), str(folder / "one"), str(tmp_path / "none")]
    seen = [loaded_files.content(cache, places)]
    assert seen[0][str(tmp_path / "none")] == "absent"
    rewritten(folder / "one", b"2")
    seen.append(loaded_files.content(cache, places))
    (folder / "two").write_text("2")
    seen.append(loaded_files.content(cache, places))
    (tmp_path / "none").write_text("3")
    seen.append(loaded_files.content(cache, places))
    assert all(one != other for number, one in enumerate(seen) for other in seen[:number])
    assert loaded_files.content(cache, places) == seen[-1] == loaded_files.content(cache, places, anew=True)
    with pytest.raises(loaded_files.NotSettled):
        loaded_files.content(cache, places, since_ns=time.time_ns() - 10**10)
    memory = cache / "loaded" / "hashes.json"
    memory.write_text(memory.read_text().replace(seen[-1][places[1]], "0" * 64))  # damaged: it is not believed
    assert loaded_files.content(cache, places) == seen[-1]


@pytest.mark.parametrize("of_folder", [False, True])
def test_a_link_that_is_turned_meanwhile_is_noticed(of_folder, tmp_path, monkeypatch):
    """What it leads to now is as old as what it led to before."""
    monkeypatch.setattr(files, "_SETTLED_NS", 0)
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text(name)
    link = tmp_path / "link"
    end = "" if of_folder else "weights"
    link.symlink_to(tmp_path / "a" / end)
    place = str(link / "weights") if of_folder else str(link)
    time.sleep(0.05)
    began = time.time_ns()
    before = loaded_files.content(tmp_path / "cache", [place], since_ns=began)
    link.unlink()
    link.symlink_to(tmp_path / "b" / end)
    assert loaded_files.content(tmp_path / "cache", [place]) != before
    with pytest.raises(loaded_files.NotSettled):
        loaded_files.content(tmp_path / "cache", [place], since_ns=began)


def test_places_are_remembered_under_a_name(tmp_path):
    """What was changed, or stands under another name, is not believed."""
    loaded_files.remember(tmp_path, "a" * 64, ["/one", "/two"])
    assert (
        loaded_files.recall(tmp_path, "a" * 64) == ["/one", "/two"] and loaded_files.recall(tmp_path, "b" * 64) is None
    )
    memory = tmp_path / "loaded" / f"{'a' * 64}.json"
    (tmp_path / "loaded" / f"{'b' * 64}.json").write_text(memory.read_text())
    assert loaded_files.recall(tmp_path, "b" * 64) is None
    memory.write_text(json.dumps({**json.loads(memory.read_text()), "places": ["/one"]}))
    assert loaded_files.recall(tmp_path, "a" * 64) is None
