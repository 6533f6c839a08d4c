"""What a module was trained on is found again by its samples, under any name, in any lossless file and through any door."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors import safe_open

import evaluator as ev
from evaluator.audio import sounds
from evaluator.embedding import contamination
from evaluator.experiment import caveats
from hear_ssl import byol_a_mini
from hear_ssl.bridges import door
from hear_ssl.encoders import published
from hear_ssl.pretraining import heard
from miniatures import MINIATURES
from tiny_checkpoints import MODULES, checkpoint_of, model_path

FSDD = Path(__file__).parents[2] / "shared" / "data" / "fsdd" / "recordings"
MINI = Path(byol_a_mini.__file__).parent / "weights" / "byol_a_mini.safetensors"
GIVEN = {"protocol": "logistic", "out": None}


def noise(path, seed, channels=1, rate=16_000, subtype="PCM_16", n=70_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).integers(-9000, 9000, (n, channels), dtype=np.int16)
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff"])
def test_both_sides_give_a_recording_the_same_hash(tmp_path, name):
    """Whoever trains and whoever evaluates share no code; containers that lose nothing give one hash, channels are averaged."""
    for channels in (1, 2):
        path = noise(tmp_path / str(channels) / name, 0, channels)
        again = noise(tmp_path / str(channels) / "again.wav", 0, channels)
        assert heard.digest(path) == sounds.digest(path) == sounds.digest(again)
    assert sounds.digest(path) != sounds.digest(noise(tmp_path / "other.wav", 1))


def test_hashes_are_remembered_by_content(tmp_path, monkeypatch):
    """A second look decodes nothing, also where the file has another name; a damaged memory is found out again."""
    noise(tmp_path / "a.wav", 0)
    facts = ev_facts(tmp_path, ["a.wav"])
    first = sounds.digests(tmp_path, facts, tmp_path / "cache")
    (tmp_path / "b.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(sounds, "digest", lambda path: pytest.fail("decoded again"))
        assert sounds.digests(tmp_path, ev_facts(tmp_path, ["b.wav"]), tmp_path / "cache") == {"b.wav": first["a.wav"]}
    (tmp_path / "cache" / "sounds" / "heard.json").write_text("[1")
    assert sounds.digests(tmp_path, facts, tmp_path / "cache") == first


def ev_facts(root, names):
    from evaluator.audio.decode import file_facts

    return file_facts(root, names, root / "cache")


@pytest.fixture
def trained(tmp_path):
    """Mini's weights under another name, as if trained on the six sounds of one of two folders that share no file name."""
    from safetensors.torch import save_file

    with safe_open(MINI, framework="pt") as file:
        metadata, tensors = dict(file.metadata()), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    originals = [noise(tmp_path / "training" / f"{number}.wav", number) for number in range(6)]
    metadata["heard"] = " ".join(heard.digests(originals))
    save_file(tensors, tmp_path / "mine.safetensors", metadata)
    for number in range(12):
        noise(tmp_path / "data" / "ab"[number % 2] / f"clip{number}.flac", number)
    return tmp_path


def kinds(result):
    return {caveat.kind: caveat.text for caveat in result.caveats}


def test_what_weights_heard_is_a_caveat_under_every_name(trained):
    """As FLAC, renamed, in class folders, through another module of ours."""
    weights = str(trained / "mine.safetensors")
    (result,) = ev.run("hear_ssl.byol_a", str(trained / "data"), cache=trained / "cache", weights=weights, **GIVEN)
    assert (
        "6 of 12 clips are from recordings that the module was pre-trained on" in kinds(result)["pre_trained_on_data"]
    )
    described = json.dumps(result.provenance["module"])
    assert heard.digest(trained / "training" / "0.wav") not in described and '"heard": 6' in described


def test_an_untrained_copy_has_heard_nothing(trained):
    weights = str(trained / "mine.safetensors")
    (result,) = ev.run(
        "untrained:hear_ssl.byol_a", str(trained / "data"), cache=trained / "cache", weights=weights, **GIVEN
    )
    assert "pre_trained_on_data" not in kinds(result)


def test_what_training_writes_says_what_it_heard(tmp_path):
    """`hear-ssl pretrain` notes every sound that it read."""
    from hear_ssl.pretraining.cli import main

    for number in range(4):
        noise(tmp_path / "sounds" / f"{number}.wav", number)
    words = f"byol-a {tmp_path / 'sounds'} --out {tmp_path / 'out'} --epochs 1 --batch 2 --width 64 --n-statistics 4 --device cpu"
    assert main(["pretrain", *words.split()]) == 0
    with safe_open(tmp_path / "out" / "byol_a.safetensors", framework="pt") as file:
        assert file.metadata()["heard"].split() == heard.digests((tmp_path / "sounds").glob("*.wav"))


@pytest.mark.skipif(not FSDD.is_dir(), reason="the shared recordings are not here")
def test_an_ensemble_has_heard_what_its_members_have(tmp_path):
    """Copies of training sounds in folders of another name, merged with a module that heard nothing."""
    for number in range(12):
        name = f"{number % 2}_{'george' if number % 4 < 2 else 'jackson'}_{5 + number // 4}.wav"
        samples, rate = soundfile.read(FSDD / name, dtype="int16")
        path = tmp_path / "data" / "ab"[number % 2] / f"clip{number}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate)
    (result,) = ev.run(
        "ensemble:hear_ssl.byol_a_mini+hear_ssl.melspec", str(tmp_path / "data"), cache=tmp_path / "cache", **GIVEN
    )
    assert "12 of 12 clips" in kinds(result)["pre_trained_on_data"]


@pytest.mark.skipif(not FSDD.is_dir(), reason="the shared recordings are not here")
def test_mini_knows_its_own_training_sounds_and_no_others():
    """Takes 5 to 14 of the digits; 0 to 4 are for tests."""
    known = set(byol_a_mini.load_model().heard)
    assert len(known) == 838
    for name in ("0_george_5.wav", "9_yweweler_14.wav"):
        assert sounds.digest(FSDD / name) in known
    assert sounds.digest(FSDD / "0_george_4.wav") not in known


@pytest.mark.parametrize(
    ("module", "task", "kind", "text"),
    [
        pytest.param(
            "aves_bio",
            "arch/fsd50k",
            "pre_trained_on_data",
            "contamination: the module was pre-trained on FSD50K, without labels",
            marks=pytest.mark.slow,
        ),
        (
            "crepe_tiny",
            "nsynth",
            "pre_trained_on_data",
            "contamination: the module was pre-trained on NSynth with its pitches",
        ),
        (
            "crepe_tiny",
            "medley_solos_db",
            "possibly_pre_trained_on_data",
            "possible contamination: the module may have heard some of its songs",
        ),
        pytest.param(
            "clap_htsat_unfused",
            "esc10",
            "possibly_pre_trained_on_data",
            "possible contamination: the module may have heard its clips with captions",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_a_paper_says_of_named_weights_is_a_caveat(module, task, kind, text, tmp_path):
    """Whatever weights are given under the name; the untrained copy knows nothing."""
    dataset = task.rpartition("/")[2]
    MINIATURES[dataset].make(tmp_path / "data" / dataset)
    weights = model_path(module, tmp_path / "weights")
    given = {
        "data": tmp_path / "data",
        "weights": weights or None,
        "cache": tmp_path / "cache",
        "protocol": "logistic",
        "out": None,
    }
    (result,) = ev.run(f"hear_ssl.{module}", task, **given)
    assert kinds(result)[kind].startswith(text)
    (result,) = ev.run(f"untrained:hear_ssl.{module}", task, **given)
    assert not {"pre_trained_on_data", "possibly_pre_trained_on_data"} & set(kinds(result))


def test_what_is_certain_of_a_member_counts_before_what_is_possible_of_another():
    """In an ensemble opened by the evaluator and in one that a module of ours builds."""
    from hear_ssl.encoders.ensemble import _trained_on

    class Member:
        def __init__(self, name, said):
            self.name, self.model = name, self
            self.trained_on = said

    certain = "Z, labelled by people who may have heard it"
    said = [("a", {"x": "X", "y": "may have heard Y"}), ("b", {"x": "may have heard X", "z": certain})]
    wanted = {"x": "X (its member a)", "y": "may have heard Y (its member a)", "z": f"{certain} (its member b)"}
    for members in (said, said[::-1]):
        assert contamination.of_members(members) == _trained_on([Member(*each) for each in members]) == wanted
    assert {name for name, what in wanted.items() if contamination.is_possible(what)} == {"y"}


@pytest.mark.parametrize(
    ("what", "kind", "text"),
    [
        (
            "X, labelled by people who may have heard it",
            "pre_trained_on_data",
            "contamination: the module was pre-trained on X, labelled by people who may have heard it, so its score here is no",
        ),
        (
            "may have heard X (its member a)",
            "possibly_pre_trained_on_data",
            "possible contamination: the module may have heard X (its member a), so its score here may be no",
        ),
    ],
)
def test_only_words_that_begin_with_a_doubt_are_a_doubt(what, kind, text):
    """A statement that is certain stays so wherever the words of doubt occur in it."""
    caveat = caveats._contamination(what)
    assert caveat.kind == kind and caveat.text.startswith(text)


def test_weights_by_hub_id_know_what_their_module_knows(tmp_path, monkeypatch):
    """In whatever capitals, through another module too; a folder, even one of that name, says nothing. Layout of the hub's cache."""
    from hear_ssl import biolingual, clap_htsat_unfused, hf
    from tiny_families import save

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    name, said = clap_htsat_unfused.CHECKPOINT.hub_id, clap_htsat_unfused.CHECKPOINT.trained_on
    root = tmp_path / f"models--{name.replace('/', '--')}"
    folder = root / "snapshots" / ("f" * 40)
    save("clap", folder)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text("f" * 40)
    assert said and hf.load_model(name).trained_on == said == clap_htsat_unfused.load_model().trained_on
    assert biolingual.load_model(name).trained_on == said | biolingual.CHECKPOINT.trained_on
    assert published.trained_on(name.upper()) == said and published.trained_on("someone/else") == {}
    assert hf.load_model(str(folder)).trained_on == {}
    monkeypatch.chdir(tmp_path)
    save("clap", tmp_path / name)
    assert hf.load_model(name).trained_on == {}


def test_what_modules_know_are_datasets_of_ours():
    """By the names that tasks have, of modules and of bridges, in words that make a sentence."""
    datasets = {path.stem for path in (Path(__file__).parents[1] / "tasks" / "datasets").glob("*.yaml")}
    said = {module: getattr(checkpoint_of(module), "trained_on", {}) for module in MODULES}
    said.update({kind: getattr(door._hub(kind), "TRAINED_ON", {}) for kind in door.kinds()})
    assert sum(map(bool, said.values())) >= 12
    for module, its in said.items():
        assert set(its) <= datasets, module
        assert all(what and not what.endswith(".") for what in its.values()), module
