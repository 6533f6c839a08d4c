"""Ensembles opened by the evaluator: what the in-process ensemble gives, one member in memory at a time."""

import gc
import json
import re
import weakref
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import evaluator
from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.cli import main
from evaluator.embedding import ensemble, members, module, proofs
from evaluator.embedding.spec import ModuleSpec
from evaluator.embedding.store import Store
from evaluator.errors import EvaluationError, UsageError
from evaluator.results import on_disk

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

ILL = str(Path(__file__).parent / "modules" / "ill.py")
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


def part_of_store(tones, result, part=""):
    """The store that a result was made from."""
    path = tones / "cache" / "embeddings" / result.environment["store"] / "model.json"
    own = result.provenance["module"]["identity"]
    return Store(tones / "cache", json.loads(path.read_text()), part, own["scene_from"] if own else None)


def stored(tones, result):
    """Scenes of a result's store by clip."""
    store = part_of_store(tones, result)
    return dict(zip(sorted(store.clips), store.read(sorted(store.clips), "scene"), strict=True))


def write_fast(tones):
    """A module of 44.1 kHz, fast.py."""
    source = Path(GOOD).read_text(encoding="utf-8").replace("16000", "44100")
    changed = source.replace("5.0 + 10.0 *", "80 / 44.1 + 160 / 44.1 *")
    assert changed != source
    (tones / "fast.py").write_text(changed, encoding="utf-8")


def clips_by_key(tones):
    """Samples of each clip by its key in a store."""
    clips = {}
    for path in sorted((tones / "data").rglob("*.wav")):
        (facts,) = decode.file_facts(path.parent, [path.name], tones / "other").values()
        clips[decode.clip_key(facts, Clip(path.name, ()), ClipRule())] = soundfile.read(path, dtype="float32")[0]
    return clips


def joint_scenes(text, tones, **options):
    """Scenes of the in-process HEAR module `hear_ssl.ensemble`, by the clips' keys."""
    from hear_ssl import ensemble as ours

    model = ours.load_model(text, **options)
    clips = clips_by_key(tones)
    return {key: ours.get_scene_embeddings(torch.from_numpy(clips[key])[None], model)[0].numpy() for key in clips}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (MEMBERS, {}),
        (f"average:{MEMBERS}", {"width": 40}),
        (MEMBERS, {"interleave": True}),
        (MEMBERS, {"merge": "average"}),
    ],
)
def test_is_the_in_process_ensemble(tones, text, options):
    """Every way to merge scenes gives what `hear_ssl.ensemble` gives, and the members' own runs embed nothing more."""
    more = [word for name, value in options.items() for word in ("--option", f"{name}={json.dumps(value)}")]
    result = run(f"ensemble:{text}", "out", *more)
    scenes = stored(tones, result)
    wanted = joint_scenes(text, tones, **options)
    assert scenes.keys() == wanted.keys() and len(scenes) == 24
    for key, scene in scenes.items():
        np.testing.assert_allclose(scene, wanted[key], rtol=1e-5, atol=1e-5)
    for number, name in enumerate(MEMBERS.split("+")):
        assert run(name, f"alone{number}").environment["n_embedded"] == 0


def test_a_concatenation_is_the_members_own_scenes_bit_for_bit(tones):
    """In the order of their names, whatever lies in the store already."""
    merged = stored(tones, run(f"ensemble:{MEMBERS}", "merged"))
    alone = [stored(tones, run(name, name)) for name in MEMBERS.split("+")]
    for key, scene in merged.items():
        np.testing.assert_array_equal(scene, np.concatenate([each[key] for each in alone]))


def test_a_third_partys_member_too(tones):
    """Behind the evaluator's own border, as any module."""
    merged = stored(tones, run(f"ensemble:hear_ssl.melspec+{GOOD}", "merged"))
    alone = [stored(tones, run(name, f"alone{n}")) for n, name in enumerate(("hear_ssl.melspec", GOOD))]
    for key, scene in merged.items():
        np.testing.assert_array_equal(scene, np.concatenate([each[key] for each in alone]))


def test_each_member_is_given_files_at_its_own_rate(tones, tmp_path):
    """A file of 48 kHz is resampled once to 16 kHz and once to 44.1 kHz, not by way of the higher."""
    write_fast(tones)
    assert "44100" in (tones / "fast.py").read_text(encoding="utf-8")
    merged = stored(tones, run("ensemble:hear_ssl.melspec+./fast.py", "merged"))
    alone = stored(tones, run("hear_ssl.melspec", "alone"))
    for key, scene in merged.items():
        np.testing.assert_array_equal(scene[:128], alone[key])


def test_how_members_are_merged_is_part_of_the_stores_name(tones):
    """Also where the last member is a file, whose folder does not count when it stands alone."""
    both = [f"{merge}hear_ssl.melspec+{GOOD}" for merge in ("", "average:")]
    keys = [run(f"ensemble:{text}", f"out{n}").environment["store"] for n, text in enumerate(both)]
    assert len(set(keys)) == 2


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
    first = run(f"ensemble:{MEMBERS}", "first")
    assert loaded == MEMBERS.split("+") * 2 and first.environment["n_embedded"] == 48
    assert run(f"ensemble:{MEMBERS}", "second").environment["n_embedded"] == 0


@pytest.mark.parametrize("options", [{}, {"merge": "average", "width": 24}, {"interleave": True, "align": "centres"}])
def test_layers_are_those_of_the_in_process_ensembles_frames(tones, options):
    """Mean and deviation over the frames that `hear_ssl.ensemble` merges, on its grid."""
    from hear_ssl import ensemble as ours

    more = [word for name, value in options.items() for word in ("--option", f"{name}={json.dumps(value)}")]
    result = run(f"ensemble:{MEMBERS}", "layers", "--layers", "last", *more)
    store = part_of_store(tones, result, "layers")
    model, keys = ours.load_model(MEMBERS, **options), sorted(store.clips)
    wanted = {}
    for key, clip in clips_by_key(tones).items():
        frames = ours.get_timestamp_embeddings(torch.from_numpy(clip)[None], model)[0][0].numpy()
        wanted[key] = frames.mean(axis=0), frames.std(axis=0, ddof=1)
    for number, view in enumerate(("layers_mean", "layers_std")):
        (rows,) = store.read_layers(keys, view)
        np.testing.assert_allclose(rows, [wanted[key][number] for key in keys], rtol=1e-4, atol=1e-5)


def test_scenes_merged_from_frames(tones):
    """Of modules whose scenes are not ours to cut, they are those of the in-process module: means of the merged frames' parts."""
    text, options = f"{GOOD}+hear_ssl.melspec", {"time_groups": 2}
    result = run(f"ensemble:{text}", "grouped", "--option", "time_groups=2")
    assert result.provenance["module"]["scene_embedding_size"] == 2 * (8 + 64)
    scenes, wanted = stored(tones, result), joint_scenes(text, tones, **options)
    for key, scene in scenes.items():
        np.testing.assert_allclose(scene[:8], wanted[key][:8], rtol=1e-5, atol=1e-6)


def test_frames_too_are_made_of_files_at_each_members_own_rate(tones, tmp_path):
    """The first member's part of the merged frames is its own, whatever rate the second takes."""
    write_fast(tones)
    files = [str(path) for path in sorted((tones / "data").rglob("*.wav"))]
    both = evaluator.embed("ensemble:hear_ssl.melspec+./fast.py", files, frames=True)
    alone = evaluator.embed("hear_ssl.melspec", files, frames=True)
    for merged, own, times, own_times in zip(both.frames, alone.frames, both.times, alone.times, strict=True):
        np.testing.assert_array_equal(merged[:, :64], own)
        np.testing.assert_array_equal(times, own_times)
        assert merged.shape == (len(own), 72) and np.ptp(merged[:, 64:], axis=0).all()


def test_frames_that_are_there_are_not_made_again(tones):
    """Nor are members loaded for more than what they say of themselves; a part that is gone comes back in the same bytes."""
    arguments = (f"ensemble:{MEMBERS}", "out", "--option", "scene=merged")
    key = run(*arguments).environment["store"]
    shards = sorted((tones / "cache" / "embeddings" / key).glob("*.safetensors"))
    bytes_of = {path: path.read_bytes() for path in shards}
    assert run(*arguments[:1], "again", *arguments[2:]).environment["n_embedded"] == 0
    shards[1].unlink()
    assert 0 < run(*arguments[:1], "rest", *arguments[2:]).environment["n_embedded"] < 48
    assert {path: path.read_bytes() for path in shards} == bytes_of


def test_what_is_known_of_members_lies_beside_merged_frames_at_once(tones, monkeypatch):
    """Also where a process is killed before it looks again at what it made: here a member whose times hang on the batch."""
    monkeypatch.setattr(ensemble.guard, "watch", _killed)
    with pytest.raises(KeyboardInterrupt):
        evaluator.run(
            f"ensemble:hear_ssl.melspec+{ILL}",
            "data",
            protocol="logistic",
            options={"scene": "merged", "member_options": {ILL: {"ill": "batch_times"}}},
            out=None,
        )
    shards = sorted((tones / "cache").rglob("*.safetensors"))
    known = [proof for folder in {shard.parent for shard in shards} for proof in proofs.read(folder)]
    assert len(shards) > 1 and {name for proof in known for name in proof.shards} == {shard.name for shard in shards}
    for proof in known:
        ((kind, text),) = proof.remarks
        assert not proof.looked and kind == "batch_dependent" and text.startswith(f"{ILL}: ")


def _killed(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(("ill", "sentence"), [("seconds", "are they seconds?"), ("falling", "do not rise")])
def test_frames_without_times_in_ms_are_merged_with_no_others(tones, capsys, ill, sentence):
    """The sentence names the member."""
    option = "member_options=" + json.dumps({ILL: {"ill": ill}})
    arguments = [f"ensemble:hear_ssl.melspec+{ILL}", "--option", option, "--option", "scene=merged"]
    assert main(["run", *arguments, "--task", "data"]) == 1
    error = capsys.readouterr().err
    assert sentence in error and "ill.py: " in error


def test_a_clip_with_fewer_frames_than_groups_is_told(tones, capsys):
    """It is neither dropped nor filled up."""
    soundfile.write(tones / "data" / "low" / "0.wav", np.ones(300) / 2, 16000)
    assert main(["run", f"ensemble:{MEMBERS}", "--task", "data", "--option", "time_groups=9"]) == 1
    assert "time_groups=9, but the clip has only" in capsys.readouterr().err


def test_a_clip_that_one_member_refuses_is_named(tones, capsys):
    """It counts as failed, with the member's name; the run is refused as for any module."""
    (tones / "data" / "low" / "0.wav").write_bytes(b"")
    assert main(["run", f"ensemble:{MEMBERS}", "--task", "data", "--protocol", "logistic"]) == 1
    printed = capsys.readouterr().err
    assert "1 of 24 clips cannot be used" in printed and "hear_ssl.melspec: " in printed and "0.wav" in printed


def test_a_refused_option_is_shown_as_a_members():
    """What the sentence says of --precision, given so, reaches the member that it names, and no other."""
    with pytest.raises(UsageError) as refused:
        members.read(ModuleSpec(f"ensemble:{MEMBERS}", options={"precision": "bfloat16"}))
    said = re.search("--option 'member_options=(.*)'", str(refused.value))
    _, specs = members.read(ModuleSpec(f"ensemble:{MEMBERS}", options={"member_options": json.loads(said[1])}))
    assert [dict(spec.options) for spec in specs] == [{"precision": "bfloat16"}, {}]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ensemble:hear_ssl.melspec"], "write ensemble:MODULE+MODULE"),
        (["ensemble:hear_ssl.melspec+"], "write ensemble:MODULE+MODULE"),
        ([f"ensemble:{MEMBERS}", "--weights", "w"], "whose weights is --weights w?"),
        (
            [f"ensemble:{MEMBERS}", "--option", "colour=blue"],
            "an ensemble itself has no option colour: its own are merge, interleave",
        ),
        ([f"ensemble:{MEMBERS}", "--option", 'member_options={"x": {}}'], 'write it as {"MEMBER": ...}'),
        ([f"ensemble:average:{MEMBERS}", "--option", "merge=concatenate"], "merge=concatenate says another merge"),
        (["ensemble:hear_ssl.melspec+no.such"], "no.such"),
        ([f"ensemble:{MEMBERS}", "--option", "width=abc"], "width='abc': a whole number from 1 is wanted"),
        ([f"ensemble:{MEMBERS}", "--option", "align=foo"], "align='foo': give stretch or centres"),
        ([f"ensemble:{MEMBERS}", "--option", "interleave=1"], "interleave=1: give false or true"),
        ([f"ensemble:{MEMBERS}", "--option", "time_groups=0"], "time_groups=0: a whole number from 1 is wanted"),
        (
            [f"ensemble:{MEMBERS}", "--option", "time_groups=2", "--option", "scene=members"],
            "time_groups=2 cuts merged frames, but scene=members merges none",
        ),
        ([f"ensemble:average:{MEMBERS}", "--option", "interleave=true"], "but merge is 'average'"),
        (
            [f"ensemble:{MEMBERS}", "--option", 'member_options={"hear_ssl.melspec": "x"}'],
            'write it as {"MEMBER": ...}',
        ),
        ([f"ensemble:hear_ssl.melspec+ensemble:{MEMBERS}"], "cannot be a member of another"),
        ([f"ensemble:median:{MEMBERS}"], "unknown merge 'median'"),
        (["twin:hear_ssl.melspec"], "unknown kind of module 'twin'"),
    ],
)
def test_what_cannot_be_is_a_sentence(tones, capsys, arguments, sentence):
    """Exit code 2, and what to do instead, the module named once at the front."""
    assert main(["run", *arguments, "--task", "data"]) == 2
    error = capsys.readouterr().err
    assert sentence in error and f"{arguments[0]}: {arguments[0]}: " not in error


def test_an_ensemble_as_a_whole_is_not_asked():
    """The calls of a module, which have one sample rate, say so."""
    spec, match = ModuleSpec(f"ensemble:{MEMBERS}"), "opened one by one"
    with ensemble.open_any(spec) as members, pytest.raises(EvaluationError, match=match):
        members.scene(np.zeros((1, 16000), np.float32))
