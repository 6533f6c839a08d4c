"""What is on disk is used only if it proves itself: whatever is changed there, predictions are those of a fresh cache."""

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
from safetensors.numpy import load_file, save

from evaluator import files, own_cache
from evaluator.cli import main
from evaluator.embedding import index, shard
from evaluator.embedding.store import Store, StoredClip
from evaluator.errors import EvaluationError
from evaluator.results import on_disk

IDENTITY = {"module": "m", "weights": "w"}
WIDTH = 3


def fill(folder, part="", names=("abcd", "efg"), add=0.0, identity=IDENTITY):
    """A store with a shard for each of the names; a clip's rows hold its letter's number, its second layer 100 more."""
    store = Store(folder, identity, part)
    for keys in names:
        values = np.array([ord(key) for key in keys], np.float32) + np.float32(add)
        if part == "frames":
            clips = [StoredClip(key, n_frames=2) for key in keys]
            rows = np.repeat(values, 2)
            views = {"frames": np.repeat(rows[:, None], WIDTH, axis=1), "times": rows.astype(np.float64) * 10}
        else:
            clips = [StoredClip(key) for key in keys]
            layers = np.stack([values, values + 100], axis=1)
            views = {
                "scene": np.repeat(values[:, None], WIDTH, axis=1),
                "layers_mean": layers[:, :, None] + np.zeros(4),
            }
        store.write(clips, views)
    return store


def shards(folder):
    return sorted(folder.rglob("*.safetensors"))


def holds(path):
    """The clips of a shard, as a word."""
    return "".join(clip.key for clip in Store.contents(path))


def of(folder, word):
    """The shard of these clips."""
    (path,) = [path for path in shards(folder) if holds(path) == word]
    return path


def edit(path, change):
    """Change the bytes of a file as `change` says of a bytearray."""
    content = bytearray(path.read_bytes())
    path.write_bytes(bytes(change(content) or content))


def body(path):
    """Where the first tensor's bytes begin."""
    return 8 + int.from_bytes(path.read_bytes()[:8], "little")


def written_again(path, views=None, **said):
    """A shard with other tensors or another description, as a program would write it that does not know the rules."""
    with safe_open(path, framework="numpy") as file:
        metadata = json.loads(file.metadata()["shard"])
    metadata |= {name: change(metadata[name]) for name, change in said.items()}
    path.write_bytes(save(views or load_file(path), metadata={"shard": json.dumps(metadata)}))


def zero_body(path, folder):
    edit(path, lambda content: content[: body(path)] + bytes(len(content) - body(path)))


def flip_bits(path, folder):
    def flip(content):
        for place in np.random.default_rng(0).integers(body(path), len(content), 20):
            content[place] ^= 1 << int(place) % 8

    edit(path, flip)


def flip_one_bit(path, folder):
    def flip(content):
        content[body(path) + 5] ^= 1

    edit(path, flip)


def write_nan(path, folder):
    edit(path, lambda content: content[: body(path)] + np.float32("nan").tobytes() + content[body(path) + 4 :])


def exchange_keys(path, folder):
    written_again(path, clips=lambda clips: [clips[1], clips[0], *clips[2:]])


def reverse_clips(path, folder):
    written_again(path, clips=lambda clips: clips[::-1])


def exchange_rows(path, folder):
    views = load_file(path)
    written_again(path, {name: np.flip(rows, axis=max(0, rows.ndim - 2)).copy() for name, rows in views.items()})


def exchange_views(path, folder):
    views = load_file(path)
    one, other, *_ = sorted(views)
    dtypes = views[one].dtype, views[other].dtype
    written_again(path, views | {one: views[other].astype(dtypes[0]), other: views[one].astype(dtypes[1])})


def say_silent(path, folder):
    written_again(path, clips=lambda clips: [clip | {"silent": True} for clip in clips])


def odd_proof(path, folder):
    written_again(path, sha256=lambda proofs: 5)


def odd_clips(path, folder):
    written_again(path, clips=lambda clips: [{"key": 1}, *clips[1:]])


def no_proof(path, folder):
    written_again(path, sha256=lambda proofs: {})


def exchange_shards(path, folder):
    one, other = [each for each in shards(path.parent)][:2]
    aside = one.with_suffix(".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def add_copy(path, folder):
    """Another shard with the same keys and other rows, whose name comes last."""
    extra = path.with_name("zzz.safetensors")
    shutil.copy(path, extra)
    zero_body(extra, folder)


def add_other_name(path, folder):
    """A sound shard once more under another name."""
    shutil.copy(path, path.with_name("zzz.safetensors"))


def of_another_store(path, folder):
    other = fill(folder / "other", path.parent.name if path.parent.name == "frames" else "", add=7.0, identity={"x": 1})
    shutil.copy(other.folder / path.name, path)


def of_another_part(path, folder):
    written_again(path, part=lambda part: "layers")


def older(path, folder):
    """As the version before this one wrote them."""
    with safe_open(path, framework="numpy") as file:
        clips = json.loads(file.metadata()["shard"])["clips"]
    views = {name: rows + 1 for name, rows in load_file(path).items()}
    path.write_bytes(save(views, metadata={"clips": json.dumps(clips)}))


def cut_body(path, folder):
    edit(path, lambda content: content[:-5])


def cut_header(path, folder):
    edit(path, lambda content: content[:50])


def cut_length(path, folder):
    edit(path, lambda content: content[:5])


def empty(path, folder):
    path.write_bytes(b"")


def no_safetensors(path, folder):
    path.write_bytes(b"\xff" * 500)


def nested_header(path, folder):
    text = b"[" * 100_000
    path.write_bytes(len(text).to_bytes(8, "little") + text)


def exchange_times(path, folder):
    views = load_file(path)
    views["times"] = views["times"][::-1].copy()
    written_again(path, views)


KINDS = [
    zero_body, flip_bits, flip_one_bit, write_nan, exchange_keys, reverse_clips, exchange_rows, exchange_views, say_silent,
    odd_proof, odd_clips, no_proof, exchange_shards, add_copy, add_other_name, of_another_store, of_another_part, older, cut_body, cut_header,
    cut_length, empty, no_safetensors, nested_header,
]  # fmt: skip


def rows_of(store, word):
    if store.part == "frames":
        matrix, times, _ = store.read_frames(list(word))
        return matrix.take(np.arange(matrix.shape[0]))[::2, 0].tolist(), [when[0] / 10 for when in times]
    return store.read(list(word), "scene")[:, 0].tolist(), store.read(list(word), "layers_mean", 1)[:, 0].tolist()


def tamper(kind, part, folder):
    """A store of two shards, tampered with; gives it as another process would open it."""
    path = of(fill(folder / "cache", part).folder, "abcd")
    kind(path, folder)
    index.proven.clear()  # as in a new process


@pytest.mark.parametrize("part", ["", "frames"])
@pytest.mark.parametrize("kind", [*KINDS, exchange_times])
def test_no_row_of_a_shard_that_was_tampered_with_is_read(tmp_path, caplog, kind, part):
    """The shard is set aside and told, its clips are missing, the other shard is used; written again, all is as before."""
    if kind is exchange_times and part != "frames":
        pytest.skip("there are no times")
    tamper(kind, part, tmp_path)
    store = Store(tmp_path / "cache", IDENTITY, part)
    damaged = store.verify("abcdefg")
    missing = [key for key in "abcdefg" if key not in store]
    expected = {exchange_shards: "abcdefg", add_copy: "", add_other_name: ""}.get(kind, "abcd")
    assert "".join(missing) == expected
    assert all(not path.exists() for path in damaged) and list(store.folder.glob("*.damaged"))
    assert "this shard of the store is damaged" in caplog.text and "set aside as" in caplog.text
    fill(tmp_path / "cache", part)
    again = Store(tmp_path / "cache", IDENTITY, part)
    assert again.verify("abcdefg") == [] and [key for key in "abcdefg" if key not in again] == []
    letters = [float(ord(key)) for key in "gfedcba"]
    assert rows_of(again, "gfedcba") == (letters, letters if part else [letter + 100 for letter in letters])


@pytest.mark.parametrize("kind", [zero_body, flip_one_bit, exchange_rows, write_nan])
def test_reading_without_verifying_first_refuses_what_is_damaged(tmp_path, kind):
    """No way leads to rows that were not proven: the sentence says what to do, and doing it helps."""
    tamper(kind, "", tmp_path)
    store = Store(tmp_path / "cache", IDENTITY)
    with pytest.raises(EvaluationError, match=r"safetensors is damaged, and with it 1 clip; run again"):
        store.read(["a"], "scene")
    assert store.read(["e"], "scene")[0, 0] == ord("e")


def test_a_stored_nan_is_damage_even_if_it_was_written_so(tmp_path, caplog):
    """A proof over NaN proves nothing that can be used."""
    store = fill(tmp_path, names=["ab"])
    path = store.write([StoredClip("n")], {"scene": np.array([[1.0, np.nan, 2.0]], np.float32)})
    again = Store(tmp_path, IDENTITY)
    assert again.verify(["n", "a"]) == [path] and "n" not in again and "a" in again
    assert "hold NaN or infinite values" in caplog.text


def test_a_clip_of_a_damaged_shard_is_found_in_another_one(tmp_path):
    """Two plans may have stored a clip twice; one of them is enough."""
    fill(tmp_path, names=["abcd", "cx"])
    zero_body(of(tmp_path, "cx"), tmp_path)
    store = Store(tmp_path, IDENTITY)
    store.verify("abcdx")
    assert "x" not in store and store.read(["c"], "scene")[0, 0] == ord("c")


def test_a_shard_is_read_once_a_process_unless_it_changes(tmp_path, monkeypatch):
    """Verifying again costs a look at the file, not its bytes; a file that was written to is read again."""
    monkeypatch.setattr(files, "_SETTLED_NS", -(10**9))
    fill(tmp_path)
    index.proven.clear()
    read, genuine = [], shard.prove
    monkeypatch.setattr(index, "prove", lambda path: read.append(path) or genuine(path))
    for _ in range(3):
        store = Store(tmp_path, IDENTITY)
        store.verify("abcdefg")
        store.read(["a", "g"], "scene")
    assert len(read) == 2
    time.sleep(0.02)
    path = of(tmp_path, "efg")
    stat = path.stat()
    zero_body(path, tmp_path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert store.verify("abcdefg") == [path] and len(read) == 3


def test_a_young_shard_is_not_taken_for_read(tmp_path):
    """It could change within one tick of its times, so that the next store reads it again."""
    fill(tmp_path)
    index.proven.clear()
    Store(tmp_path, IDENTITY).verify("abcdefg")
    assert not index.proven


def test_what_another_process_made_again_meanwhile_is_not_set_aside(tmp_path, monkeypatch):
    """Damage that was found in bytes that are gone harms no new file of that name."""
    path = of(fill(tmp_path).folder, "abcd")
    good = path.read_bytes()
    zero_body(path, tmp_path)
    genuine = shard.prove

    def slow(found):
        try:
            return genuine(found)
        except shard.Damaged:
            files.write_whole(found, good)  # the other process
            raise

    monkeypatch.setattr(index, "prove", slow)
    store = Store(tmp_path, IDENTITY)
    assert store.verify("abcdefg") == [] and path.exists() and not list(store.folder.glob("*.damaged"))
    assert store.read(["a"], "scene")[0, 0] == ord("a")


def test_damaged_shards_can_be_looked_at_for_a_week(tmp_path):
    """Then they are swept."""
    zero_body(of(fill(tmp_path).folder, "abcd"), tmp_path)
    store = Store(tmp_path, IDENTITY)
    store.verify("a")
    (aside,) = store.folder.glob("*.damaged")
    os.utime(aside, (time.time() - 8 * 86400,) * 2)
    Store(tmp_path, IDENTITY)
    assert aside.exists()  # it was set aside just now, whenever it was written


# A cache that can only be read ---------------------------------------------------------------------------------------


@pytest.fixture
def read_only(monkeypatch):
    """Declares folders read-only, for root too."""
    closed = []
    genuine = files.can_write
    monkeypatch.setattr(
        files, "can_write", lambda folder: not any(folder.is_relative_to(each) for each in closed) and genuine(folder)
    )
    monkeypatch.setattr("evaluator.embedding.store.can_write", files.can_write)
    monkeypatch.setattr(own_cache, "can_write", files.can_write)
    own_cache._told.clear()
    return closed.append


def snapshot(folder):
    return {path.relative_to(folder): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_a_cache_that_can_only_be_read_is_used_and_not_touched(tmp_path, read_only, monkeypatch, caplog):
    """What it holds is read there, what it lacks is kept beside it, and found again there; told once."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "mine"))
    fill(tmp_path / "shared", names=["abcd"])
    before = snapshot(tmp_path / "shared")
    read_only(tmp_path / "shared")
    store = Store(tmp_path / "shared", IDENTITY)
    assert store.verify("abcdefg") == [] and "a" in store and "e" not in store
    path = fill(tmp_path / "shared", names=["efg"]).folder
    assert path.is_relative_to(tmp_path / "mine" / "beside")
    again = Store(tmp_path / "shared", IDENTITY)
    assert again.read(list("agbe"), "scene")[:, 0].tolist() == [ord(key) for key in "agbe"]
    assert snapshot(tmp_path / "shared") == before
    assert caplog.text.count("can only be read") == 1


def test_a_damaged_shard_of_such_a_cache_is_made_again_beside_it(tmp_path, read_only, monkeypatch, caplog):
    """It cannot be set aside, but is not used either."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "mine"))
    fill(tmp_path / "shared")
    damaged = of(tmp_path / "shared", "abcd")
    zero_body(damaged, tmp_path)
    before = snapshot(tmp_path / "shared")
    read_only(tmp_path / "shared")
    store = Store(tmp_path / "shared", IDENTITY)
    store.verify("abcdefg")
    assert "a" not in store and "e" in store and "it is not used" in caplog.text
    store.rescan()
    assert "a" not in store and snapshot(tmp_path / "shared") == before
    fill(tmp_path / "shared", names=["abcd"])
    caplog.clear()
    again = Store(tmp_path / "shared", IDENTITY)
    assert again.verify("abcdefg") == [] and "damaged" not in caplog.text
    assert again.read(["a"], "scene")[0, 0] == ord("a") and snapshot(tmp_path / "shared") == before


def test_the_default_cache_itself_may_be_one_that_can_only_be_read(tmp_path, read_only, monkeypatch):
    """Then what it lacks goes to a private folder among the system's temporary ones."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "shared"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    own_cache._private_temporary.cache_clear()
    fill(tmp_path / "shared", names=["abcd"])
    read_only(tmp_path / "shared")
    store = fill(tmp_path / "shared", names=["efg"])
    assert store.folder.is_relative_to(tmp_path / "temporary") and "a" in store and "e" in store
    home = next((tmp_path / "temporary").iterdir())
    assert os.name != "posix" or home.stat().st_mode & 0o077 == 0
    own_cache._private_temporary.cache_clear()


@pytest.mark.skipif(os.name != "posix", reason="rights of another kind")
def test_a_temporary_folder_that_others_made_is_not_believed(tmp_path, monkeypatch):
    """Somebody else's embeddings never come in by a guessed name."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"hear-eval-{os.getuid()}").mkdir()
    (tmp_path / f"hear-eval-{os.getuid()}").chmod(0o777)
    own_cache._private_temporary.cache_clear()
    assert own_cache._private_temporary() != tmp_path / f"hear-eval-{os.getuid()}"
    own_cache._private_temporary.cache_clear()


# Whole runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """Two classes of twelve noisy tones of equal length and time, hard to tell apart."""
    random = np.random.default_rng(0)
    for label, pitch in (("low", 500), ("high", 560)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(12):
            sound = 0.1 * np.sin(2 * np.pi * pitch * np.arange(4000) / 16000) + random.normal(0, 0.2, 4000)
            path = tmp_path / "data" / label / f"{number}.wav"
            soundfile.write(path, sound, 16000)
            os.utime(path, ns=(10**18, 10**18))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "_SETTLED_NS", -(10**9))
    return tmp_path / "data"


def predictions(cache, out, *more):
    """Test probabilities of a run, and how many clips it embedded."""
    index.proven.clear()  # as in a new process
    shutil.rmtree(out, ignore_errors=True)
    arguments = ["--task", "data", "--protocol", "logistic", "--cache", cache, "--out", out, *more]
    assert main(["run", "hear_ssl.melspec", *arguments]) == 0
    (path,) = Path(out).rglob("*.json")
    result = on_disk.read(path)
    return np.concatenate([fold.ravel() for fold in result.test_probabilities]), result.environment["n_embedded"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_predictions_after_tampering_are_those_of_a_fresh_cache(recordings, tmp_path, capsys, kind):
    """Bit for bit, with a warning on the command line; what was damaged is embedded again, and the rerun is quiet."""
    wanted, _ = predictions("fresh", "wanted")
    predictions("cache", "before")
    path = shards(tmp_path / "cache")[0]
    if kind is of_another_store:
        shutil.copytree(path.parent, tmp_path / "else")
        for each in shards(tmp_path / "else"):
            written_again(
                each, {name: rows + 1 for name, rows in load_file(each).items()}, store=lambda store: "0" * 16
            )
        shutil.copy(tmp_path / "else" / path.name, path)
    else:
        kind(path, tmp_path)
    capsys.readouterr()
    found, n_embedded = predictions("cache", "after")
    assert np.array_equal(found, wanted)
    assert "this shard of the store is damaged" in capsys.readouterr().err
    assert (n_embedded > 0) == (kind not in (add_copy, add_other_name))
    again, n_embedded = predictions("cache", "again")
    assert np.array_equal(again, wanted) and n_embedded == 0
    assert "damaged" not in capsys.readouterr().err


@pytest.mark.slow
def test_exchanged_facts_change_no_prediction(recordings, tmp_path, capsys):
    """Two recordings' hashes exchanged in the cache are noticed and found out again."""
    wanted, _ = predictions("cache", "before")
    (memory,) = (tmp_path / "cache" / "files").glob("*.json")
    document = json.loads(memory.read_text())
    one, other = document["files"]["low/0.wav"], document["files"]["high/0.wav"]
    one[4], other[4] = other[4], one[4]
    memory.write_text(json.dumps(document))
    capsys.readouterr()
    found, n_embedded = predictions("cache", "after")
    assert np.array_equal(found, wanted) and n_embedded == 0
    assert "what is remembered of 2 files was changed or damaged" in capsys.readouterr().err


def swap(one, other):
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def rewrite(one, other):
    content = other.read_bytes()
    one.write_bytes(content)
    os.utime(one, ns=(10**18, 10**18))


def link(one, other):
    one.unlink()
    one.symlink_to(other)


@pytest.mark.slow
@pytest.mark.parametrize("change", [swap, rewrite, link])
def test_changed_recordings_are_never_answered_from_the_cache(recordings, tmp_path, change):
    """Equal sizes and times notwithstanding; and the result of before stays beside that of the other audio."""
    before, _ = predictions("cache", "results")
    (first,) = Path("results").rglob("*.json")
    kept = first.read_bytes()
    time.sleep(0.02)
    for number in range(0, 12, 2):
        change(recordings / "low" / f"{number}.wav", recordings / "high" / f"{number}.wav")
    wanted, _ = predictions("fresh", "wanted")
    found, _ = predictions("cache", "after")
    assert np.array_equal(found, wanted) and not np.array_equal(found, before)
    (other,) = Path("after").rglob("*.json")
    assert other.name != first.name and kept != other.read_bytes()


@pytest.mark.slow
def test_rehash_believes_no_stamp(recordings, tmp_path, monkeypatch):
    """Where a file system tells nothing of a change, --rehash finds it; nothing else is embedded again."""
    stamp = files.Stamp
    predictions("cache", "before")
    rewrite(recordings / "low" / "0.wav", recordings / "high" / "0.wav")
    (memory,) = (tmp_path / "cache" / "files").glob("*.json")
    line = json.loads(memory.read_text())["files"]["low/0.wav"]
    genuine = stamp.of.__func__

    def blind(cls, path):
        return stamp(*line[:4]) if path.as_posix().endswith("low/0.wav") else genuine(cls, path)

    monkeypatch.setattr(stamp, "of", classmethod(blind))
    stale, _ = predictions("cache", "stale")
    fresh, _ = predictions("fresh", "wanted")
    found, n_embedded = predictions("cache", "after", "--rehash")
    assert np.array_equal(found, fresh) and not np.array_equal(stale, fresh) and n_embedded == 0


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root to be another user"
)
def test_another_user_runs_on_a_complete_cache_that_is_not_theirs(recordings, tmp_path):
    """Nothing is embedded or written there; predictions are the same."""
    wanted, _ = predictions("cache", "before")
    before = snapshot(tmp_path / "cache")
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o777)
    script = (
        "import sys; from evaluator.cli import main; sys.exit(main(['run', 'hear_ssl.melspec', '--task', 'data', '--protocol', "
        "'logistic', '--cache', 'cache', '--out', 'theirs/results']))"
    )
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c"]
    if subprocess.run([*other, "import evaluator, hear_ssl, torch"], cwd=tmp_path, capture_output=True).returncode:
        pytest.skip("this installation can be read by its owner only")
    done = subprocess.run(
        [*other, script],
        env={**os.environ, "HOME": str(tmp_path / "theirs"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "theirs" / "results").rglob("*.json")
    result = on_disk.read(path)
    assert np.array_equal(np.concatenate([fold.ravel() for fold in result.test_probabilities]), wanted)
    assert result.environment["n_embedded"] == 0 and snapshot(tmp_path / "cache") == before
    assert done.stderr.count("can only be read") == 1
