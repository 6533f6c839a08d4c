"""Clips to embeddings: the right rows, broken clips told, and nothing done twice."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from evaluator import audio
from evaluator.audio import ClipRule
from evaluator.extract import extract
from evaluator.manifest import Clip, Manifest
from evaluator.module import ModuleSpec, open_module
from evaluator.store import Store

GOOD = ModuleSpec(str(Path(__file__).parent / "modules" / "good.py"))


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


def run(spec, recordings, cache, rule=None):
    facts = audio.file_facts(recordings.root, [clip.path for clip in recordings.clips], cache)
    with open_module(spec) as module:
        store = Store(cache, {"module": spec.name})
        return extract(module, recordings, rule or ClipRule(), facts, store), store


@pytest.mark.parametrize("spec", [GOOD, ModuleSpec("hear_ssl.melspec")])
def test_every_row_is_the_clip_alone(spec, recordings, tmp_path):
    """Whatever the batches, a clip's stored embedding is that of the clip by itself."""
    done, store = run(spec, recordings, tmp_path / "cache")
    with open_module(spec) as module:
        for number in done.keys:
            clip = recordings.clips[number]
            start, end = (int(16000 * (t or 0)) or None for t in (clip.start, clip.end))
            samples = soundfile.read(recordings.root / clip.path, dtype="float32")[0][start:end]
            stored = store.read([done.keys[number]], "scene")[0]
            np.testing.assert_allclose(stored, module.scene(samples[None])[0], rtol=1e-4, atol=1e-5)


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
    assert len(list(store.folder.glob("*.safetensors"))) == 2  # nine clips: eight and one


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
    spec = ModuleSpec(str(Path(__file__).parent / "modules" / "ill.py"), options={"ill": "refuses_short"})
    for _ in range(2):
        done, _ = run(spec, recordings, tmp_path / "cache")
        assert done.padded == [0, 1, 4, 5, 7, 8]


def test_a_clip_that_the_module_refuses_is_named_and_the_rest_is_kept(recordings, tmp_path):
    """One clip on which the module fails costs no other; it is listed with the module's reason."""
    random = np.random.default_rng(1)
    soundfile.write(recordings.root / "0.wav", random.uniform(-0.99, 0.99, 4000), 16000)
    spec = ModuleSpec(str(Path(__file__).parent / "modules" / "ill.py"), options={"ill": "refuses_loud"})
    done, _ = run(spec, recordings, tmp_path / "cache")
    assert sorted(done.failed) == [2, 3, 6] and len(done.keys) == 6
    assert done.failed[3].startswith("0.wav: ") and "too loud" in done.failed[3]
