"""Clips to embeddings: the right rows, broken clips told, and nothing done twice."""

import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock
import numpy as np
import pytest
import soundfile

from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.recordings import Recordings
from evaluator.embedding.extract import extract, part_of
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from evaluator.embedding.store import Store

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

MODULES = Path(__file__).parent / "modules"
GOOD = ModuleSpec(str(MODULES / "good.py"), in_process=True)


@pytest.fixture
def recordings(tmp_path):
    """Seven files of different lengths: one silent, one double, one broken, one with two clips, one missing."""
    random = np.random.default_rng(0)
    for number, n in enumerate((4000, 1600, 8000, 1600)):
        soundfile.write(tmp_path / f"{number}.wav", random.uniform(-0.5, 0.5, n), 16000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(3000), 16000)
    (tmp_path / "double.wav").write_bytes((tmp_path / "1.wav").read_bytes())
    (tmp_path / "broken.wav").write_bytes((tmp_path / "2.wav").read_bytes()[:900])
    paths = ["3.wav", "1.wav", "broken.wav", "0.wav", "silent.wav", "double.wav", "missing.wav"]
    clips = [Clip(path, ("x",)) for path in paths]
    clips += [Clip("2.wav", ("x",), start=0.1, end=0.3), Clip("2.wav", ("x",), start=0.0, end=0.2)]
    return Manifest(tmp_path, tuple(clips), ("x",))


def run(spec, recordings, cache, rule=None, views="scene", advance=lambda n: None):
    facts = decode.file_facts(recordings.root, [clip.path for clip in recordings.clips], cache)
    with open_module(spec) as module:
        store = Store(cache, {"module": spec.name}, part_of(views, module))
        return extract(module, Recordings("x", recordings, rule or ClipRule(), facts), store, advance, views), store


def samples_of(recordings, number):
    clip = recordings.clips[number]
    start, end = (int(16000 * (t or 0)) or None for t in (clip.start, clip.end))
    return soundfile.read(recordings.root / clip.path, dtype="float32")[0][start:end]


def shards(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.safetensors")}


@pytest.mark.parametrize("spec", [GOOD, ModuleSpec("hear_ssl.melspec")])
def test_every_row_is_the_clip_alone(spec, recordings, tmp_path):
    """Whatever the batches, a clip's stored embedding is that of the clip by itself."""
    done, store = run(spec, recordings, tmp_path / "cache")
    with open_module(spec) as module:
        for number in done.keys:
            samples = samples_of(recordings, number)
            stored = store.read([done.keys[number]], "scene")[0]
            np.testing.assert_allclose(stored, module.scene(samples[None])[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("spec", "part", "n_layers"),
    [
        (GOOD, "layers", 1),
        (ModuleSpec(GOOD.name, python=sys.executable), "layers", 1),
        (ModuleSpec(str(MODULES / "scene_extension.py")), "layers", 1),
        (ModuleSpec("hear_ssl.melspec"), "", 1),
        (ModuleSpec("hear_ssl.crepe_tiny"), "", 1),
    ],
    ids=["plain", "plain, elsewhere", "extension without layers", "melspec", "crepe_tiny"],
)
def test_every_module_gives_layers(spec, part, n_layers, recordings, tmp_path):
    """With our extension beside the scene embeddings, without it from the frames: the clip's own mean and deviation."""
    done, store = run(spec, recordings, tmp_path / "cache", views="layers")
    assert store.part == part and sorted(done.failed) == [2, 6]
    keys = [done.keys[number] for number in sorted(done.keys)]
    mean, std = (store.read_layers(keys, view) for view in ("layers_mean", "layers_std"))
    assert mean.shape == std.shape == (n_layers, 7, mean.shape[2])
    assert np.isfinite(mean).all() and np.isfinite(std).all() and (std >= 0).all()
    with open_module(spec) as module:
        for row, number in enumerate(sorted(done.keys)):
            samples = samples_of(recordings, number)
            if part:
                frames = module.timestamps(samples[None])[0][0]
                wanted = frames.mean(axis=0), frames.std(axis=0, ddof=1)
            else:
                alone = module.clips([samples])
                wanted = alone["layers_mean"][0, 0], alone["layers_std"][0, 0]
            np.testing.assert_allclose(mean[0, row], wanted[0], rtol=1e-3, atol=1e-5)
            np.testing.assert_allclose(std[0, row], wanted[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "spec",
    [GOOD, ModuleSpec(GOOD.name, python=sys.executable), ModuleSpec("hear_ssl.melspec")],
    ids=["plain", "plain, elsewhere", "melspec"],
)
def test_frames_are_those_of_the_clip_alone(spec, recordings, tmp_path):
    """Frames and their times of each clip, out of shards that hold many clips of different lengths."""
    done, store = run(spec, recordings, tmp_path / "cache", views="frames")
    assert store.part == "frames" and done.silent == [4]
    numbers = sorted(done.keys, reverse=True)
    matrix, times, rows = store.read_frames([done.keys[number] for number in numbers])
    with open_module(spec) as module:
        for number, its_times, own in zip(numbers, times, rows, strict=True):
            frames, wanted = module.timestamps(samples_of(recordings, number)[None])
            found = matrix.take(np.arange(own.start, own.stop))
            np.testing.assert_allclose(found, frames[0], rtol=1e-4, atol=1e-4)
            assert np.array_equal(its_times, wanted[0])


def test_scene_and_layers_of_an_extension_are_stored_together(recordings, tmp_path):
    """One pass gives both, so that asking for the other embeds nothing."""
    run(ModuleSpec("hear_ssl.melspec"), recordings, tmp_path / "cache")
    done, _ = run(ModuleSpec("hear_ssl.melspec"), recordings, tmp_path / "cache", views="layers")
    assert done.n_embedded == 0


def test_another_part_is_refused(recordings, tmp_path):
    """Frames never land among scene embeddings."""
    with open_module(GOOD) as module, pytest.raises(ValueError, match="'frames' are kept in part 'frames', not ''"):
        extract(module, Recordings("x", recordings, ClipRule(), {}), Store(tmp_path, {"module": "m"}), views="frames")


class Stopped(Exception):
    """Somebody pressed Ctrl-C."""


@pytest.mark.parametrize("views", ["scene", "layers", "frames"])
def test_interrupted_work_resumes_to_the_same_bytes(views, recordings, tmp_path, monkeypatch):
    """Stopped after any number of batches and started again, the shards are those of a run in one piece."""
    monkeypatch.setattr("evaluator.embedding.plan.SHARD_BYTES", 2.5 * 0.2 * 100 * 4 * 8)  # frames: two or three clips
    clips = (*recordings.clips, Clip("double.wav", ("x",)), Clip("3.wav", ("x",)))  # also across shards
    clips = Manifest(
        recordings.root, (*clips, *(Clip("2.wav", ("x",), n / 20, n / 20 + 0.1) for n in range(6))), ("x",)
    )
    run(GOOD, clips, tmp_path / "whole", views=views)
    wanted = shards(tmp_path / "whole")
    assert len(wanted) > 1
    for n_batches in range(1, 9):
        calls = []

        def advance(n, calls=calls, n_batches=n_batches):
            calls.append(n)
            if len(calls) > n_batches:
                raise Stopped

        with contextlib.suppress(Stopped):
            run(GOOD, clips, tmp_path / str(n_batches), views=views, advance=advance)
        run(GOOD, clips, tmp_path / str(n_batches), views=views)
        assert shards(tmp_path / str(n_batches)) == wanted


def test_a_lock_that_was_left_beside_its_shard_goes(recordings, tmp_path):
    """Killed between the two, a process leaves it; the next one that passes by clears up, but for what is held."""
    run(GOOD, recordings, tmp_path)
    left = [path.with_name(f".{path.name}.lock") for path in tmp_path.rglob("*.safetensors")]
    for path in left:
        path.touch()
    with filelock.FileLock(left[0]):
        run(GOOD, recordings, tmp_path)
        assert [path for path in left if path.exists()] == left[:1]
    run(GOOD, recordings, tmp_path)
    assert not any(path.exists() for path in left)


def test_two_at_once_end_with_one_store(recordings, tmp_path):
    """Both embed and write the same shards at the same time; what is left is what one alone leaves."""
    spec = ModuleSpec(GOOD.name, python=sys.executable)
    run(GOOD, recordings, tmp_path / "one", views="frames")
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(run, spec, recordings, tmp_path / "two", views="frames") for _ in range(2)]
        assert all(future.result()[0].n_embedded in (0, 6) for future in both)
    assert shards(tmp_path / "two") == shards(tmp_path / "one")


def test_broken_clips_are_collected_and_the_rest_is_kept(recordings, tmp_path):
    """Two clips fail with their reason, one is silent, the double is embedded once."""
    done, _ = run(GOOD, recordings, tmp_path / "cache")
    assert sorted(done.failed) == [2, 6]
    assert "cut off" in done.failed[2] and "no such file" in done.failed[6]
    assert done.silent == [4]
    assert done.keys[1] == done.keys[5] and done.n_embedded == 6


def test_a_second_run_embeds_nothing(recordings, tmp_path):
    """What is in the store is neither decoded nor embedded; what was told before is told again."""
    first, store = run(GOOD, recordings, tmp_path / "cache")
    second, _ = run(GOOD, recordings, tmp_path / "cache")
    assert second.n_embedded == 0 and second.seconds["embed"] == 0
    assert (second.keys, second.failed, second.silent) == (first.keys, first.failed, first.silent)
    assert len(list(store.folder.glob("*.safetensors"))) == 1  # six distinct clips


def test_a_mended_clip_is_the_only_one_embedded(recordings, tmp_path):
    """After a broken file was replaced, only it is new."""
    run(GOOD, recordings, tmp_path / "cache")
    soundfile.write(recordings.root / "broken.wav", np.random.default_rng(9).uniform(-1, 1, 2000), 16000)
    done, _ = run(GOOD, recordings, tmp_path / "cache")
    assert done.n_embedded == 1 and sorted(done.failed) == [6]


def test_clip_rules_that_change_nothing_share_embeddings(recordings, tmp_path):
    """Cutting at 10 s changes no clip here; padding changes all."""
    run(GOOD, recordings, tmp_path / "cache")
    assert run(GOOD, recordings, tmp_path / "cache", ClipRule(10.0))[0].n_embedded == 0
    assert run(GOOD, recordings, tmp_path / "cache", ClipRule(10.0, pad=True))[0].n_embedded == 6


def test_a_module_that_refuses_short_clips_gets_them_padded(recordings, tmp_path):
    """Padded clips are remembered, also when they come from the store."""
    spec = ModuleSpec(str(MODULES / "ill.py"), options={"ill": "refuses_short"})
    for _ in range(2):
        done, _ = run(spec, recordings, tmp_path / "cache")
        assert done.padded == [0, 1, 4, 5, 7, 8]


@pytest.mark.parametrize("views", ["layers", "frames"])
def test_padded_clips_are_told_for_every_view(views, recordings, tmp_path):
    """Each part of the store remembers its own."""
    spec = ModuleSpec(str(MODULES / "ill_frames.py"), options={"ill": "refuses_short"})
    assert run(spec, recordings, tmp_path / "cache")[0].padded == []
    for _ in range(2):
        assert run(spec, recordings, tmp_path / "cache", views=views)[0].padded == [0, 1, 4, 5, 7, 8]


def test_a_clip_that_the_module_refuses_is_named_and_the_rest_is_kept(recordings, tmp_path):
    """One clip on which the module fails costs no other; it is listed with the module's reason."""
    random = np.random.default_rng(1)
    soundfile.write(recordings.root / "0.wav", random.uniform(-0.99, 0.99, 4000), 16000)
    spec = ModuleSpec(str(MODULES / "ill.py"), options={"ill": "refuses_loud"})
    done, _ = run(spec, recordings, tmp_path / "cache")
    assert sorted(done.failed) == [2, 3, 6] and len(done.keys) == 6
    assert done.failed[3].startswith("0.wav: ") and "too loud" in done.failed[3]


@pytest.mark.parametrize(
    ("views", "kind", "in_process"),
    [
        ("scene", "torch", True),
        ("scene", "runtime", False),
        ("clips", "torch", False),
        ("clips", "cpu", True),
        ("clips", "memory", True),
        ("frames", "torch", True),
    ],
)
def test_what_does_not_fit_into_memory_is_asked_for_in_halves(views, kind, in_process, tmp_path):
    """Out of memory costs tries and no clip: rows are those of a module with room for all, also from its own process."""
    random = np.random.default_rng(2)
    for number in range(20):
        soundfile.write(tmp_path / f"more{number}.wav", random.uniform(-0.5, 0.5, 1600), 16000)
    clips = tuple(Clip(f"more{number}.wav", ("x",)) for number in range(20))
    crowd = Manifest(tmp_path, clips, ("x",))
    options = {"kind": kind, "most": 5000, "clips": views == "clips"}
    spec = ModuleSpec(str(MODULES / "cramped.py"), options=options, in_process=in_process)
    part = "scene" if views == "clips" else views
    done, store = run(spec, crowd, tmp_path / "cramped", views=part)
    roomy, wanted = run(GOOD, crowd, tmp_path / "roomy", views=part)
    assert not done.failed and done.keys == roomy.keys and done.padded == [] and "second_try" not in dict(done.remarks)
    keys = list(done.keys.values())
    if part == "frames":
        ours, theirs = (each.read_frames(keys)[0].take(np.arange(200)) for each in (store, wanted))
    else:
        ours, theirs = (each.read(keys, "scene") for each in (store, wanted))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("clips", [False, True])
def test_a_clip_that_does_not_fit_alone_is_named(clips, recordings, tmp_path):
    """It alone fails, with the module's own words, and is never padded with zeros to try again."""
    spec = ModuleSpec(str(MODULES / "cramped.py"), options={"most": 4000, "clips": clips})
    manifest = Manifest(recordings.root, (*recordings.clips, Clip("2.wav", ("x",))), ("x",))  # 8000 samples
    done, _ = run(spec, manifest, tmp_path / "cache")
    assert sorted(done.failed) == [2, 6, 9] and done.padded == []
    assert done.failed[9].startswith("2.wav: ") and "out of memory" in done.failed[9]
