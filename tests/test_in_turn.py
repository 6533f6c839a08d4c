"""Members in turn: what the ensemble would say, one member in memory at a time."""

import contextlib
import gc
import json
import weakref
from pathlib import Path

import numpy as np
import pytest
import soundfile

from evaluator.cli import main
from evaluator.embedding import in_turn, module
from evaluator.embedding.spec import ModuleSpec
from evaluator.embedding.store import Store
from evaluator.results import on_disk

GOOD = str(Path(__file__).parent / "modules" / "good.py")
MEMBERS = "hear_ssl.melspec+hear_ssl.byol_a_mini"


@pytest.fixture
def tones(tmp_path, monkeypatch):
    """Two classes of twelve noisy tones of different lengths, and a cache of its own."""
    random = np.random.default_rng(0)
    for label, pitch in (("low", 300), ("high", 900)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(12):
            times = np.arange(4000 + 500 * (number % 3)) / 16000
            sound = 0.2 * np.sin(2 * np.pi * pitch * times) + random.normal(0, 0.2, len(times))
            soundfile.write(tmp_path / "data" / label / f"{number}.wav", sound, 16000)
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name, out, *more):
    """The result of one module under a protocol that draws nothing."""
    assert main(["run", name, "--task", "data", "--protocol", "logistic", "--out", out, *more]) == 0
    (path,) = Path(out).rglob("*.json")
    return on_disk.read(path)


def stored(tones, key):
    """Scenes of a store by clip."""
    store = Store(tones / "cache", json.loads((tones / "cache" / "embeddings" / key / "model.json").read_text()))
    return dict(zip(sorted(store.clips), store.read(sorted(store.clips), "scene"), strict=True))


def test_is_the_joint_ensemble_bit_for_bit(tones):
    """Scenes and probabilities are those of `ensemble:`; the members' own runs embed nothing more."""
    turned = run(f"in_turn:{MEMBERS}", "turned")
    joint = run(f"ensemble:{MEMBERS}", "joint")
    ours, theirs = (stored(tones, each.provenance["store"]) for each in (turned, joint))
    assert ours.keys() == theirs.keys() and len(ours) == 24
    for key, scene in ours.items():
        np.testing.assert_array_equal(scene, theirs[key])
    for one, other in zip(turned.test_probabilities, joint.test_probabilities, strict=True):
        np.testing.assert_array_equal(one, other)
    for number, name in enumerate(MEMBERS.split("+")):
        assert run(name, f"alone{number}").provenance["n_embedded"] == 0


def test_a_third_partys_member_too(tones):
    """As the joint ensemble, to the rounding of another batch."""
    ours, theirs = (
        stored(tones, run(f"{kind}:hear_ssl.melspec+{GOOD}", kind).provenance["store"])
        for kind in ("in_turn", "ensemble")
    )
    for key, scene in ours.items():
        np.testing.assert_allclose(scene, theirs[key], rtol=1e-5, atol=1e-6)


def test_one_member_in_memory_at_a_time(tones, monkeypatch):
    """Before a member is loaded, the one before it is gone; a second run loads them for their names only."""
    alive, loaded = [], []

    class Watched(module.Local):
        def __init__(self, spec):
            gc.collect()
            assert not [each for each in alive if each() is not None]
            super().__init__(spec)
            alive.append(weakref.ref(self.driver.model))
            loaded.append(spec.name)

    monkeypatch.setattr(module, "Local", Watched)
    first = run(f"in_turn:{MEMBERS}", "first")
    assert loaded == MEMBERS.split("+") * 2 and first.provenance["n_embedded"] == 48
    assert run(f"in_turn:{MEMBERS}", "second").provenance["n_embedded"] == 0


def test_a_clip_that_one_member_refuses_is_named(tones, capsys):
    """It counts as failed, with the member's name; the run is refused as for any module."""
    (tones / "data" / "low" / "0.wav").write_bytes(b"")
    assert main(["run", f"in_turn:{MEMBERS}", "--task", "data", "--protocol", "logistic"]) == 1
    told = capsys.readouterr().err
    assert "1 of 24 clips cannot be used" in told and "hear_ssl.melspec: " in told and "0.wav" in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["in_turn:hear_ssl.melspec"], "write in_turn:MODULE+MODULE"),
        (["in_turn:hear_ssl.melspec+"], "write in_turn:MODULE+MODULE"),
        ([f"in_turn:{MEMBERS}", "--weights", "w"], "whose weights is --weights w?"),
        ([f"in_turn:{MEMBERS}", "--option", "scene=members"], "--option scene is none of member_options"),
        ([f"in_turn:{MEMBERS}", "--option", 'member_options={"x": {}}'], 'write it as {"MEMBER": ...}'),
        ([f"in_turn:{MEMBERS}", "--protocol", "sarkar"], "members in turn have scene embeddings only"),
        (["in_turn:hear_ssl.melspec+no.such"], "no.such"),
    ],
)
def test_what_cannot_be_is_a_sentence(tones, capsys, arguments, sentence):
    """Exit code 2, and what to do instead."""
    assert main(["run", *arguments, "--task", "data"]) == 2
    assert sentence in capsys.readouterr().err


def test_other_commands_say_what_to_take(capsys):
    """Members in turn cannot be asked for sounds of one's own."""
    assert main(["validate", f"in_turn:{MEMBERS}"]) == 2
    assert f"here take ensemble:{MEMBERS}" in capsys.readouterr().err


def test_nothing_is_asked_of_members_that_are_not_loaded():
    """The calls of a module that would need all of them say so."""
    spec = ModuleSpec(f"in_turn:{MEMBERS}")
    with in_turn.opened(spec) as members, contextlib.suppress(in_turn.EvaluationError):
        members.scene(np.zeros((1, 16000), np.float32))
        pytest.fail("no error")
