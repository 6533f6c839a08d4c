"""Ensembles: the published ones against slow, literal computations, and what any ensemble promises."""

import importlib
import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch

from evaluator.embedding.conformance import validate
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from hear_ssl import crepe_tiny, ensemble, hubert_base, wavlm_base
from hear_ssl.encoders import weights
from hear_ssl.encoders.member import resampled
from hear_ssl.encoders.merging import MergeOptions, at_times, group_means, resized
from tiny_checkpoints import ENSEMBLES, FAMILIES, SMALL, model_path

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

GOOD = str(Path(__file__).parent / "modules" / "good.py")
ILL = str(Path(__file__).parent / "modules" / "ill.py")
torchcrepe = pytest.importorskip("torchcrepe")

# Section 6.5 of the facts: members (x: HuBERT extra large, l: HuBERT Large, w: wav2vec 2.0, c: CREPE), whether fused,
# how merged, sizes of timestamp and scene embeddings.
PUBLISHED = {
    "fusion_hubert_xlarge": ("x", True, "blocks", 1280, 1280),
    "fusion_wav2vec2": ("w", True, "blocks", 1024, 1024),
    "avg_hubert_wav2vec2": ("lw", False, "mean", 1024, 1024),
    "cat_hubert_wav2vec2": ("lw", False, "blocks", 2048, 2048),
    "avg_hubert_crepe": ("xc", False, "mean", 1024, 1024),
    "avg_xwc": ("xwc", False, "mean", 1024, 1024),
    "cat_wc": ("wc", False, "interleaved", 2048, 2048),
    "cat_xwc": ("xwc", False, "interleaved", 3072, 3072),
    "fusion_cat_xwc": ("xwc", True, "interleaved", 3072, 3072),
    "fusion_cat_xwc_time": ("xwc", True, "interleaved", 3072, 15360),
}
FOLDERS = {"x": "hubert_xlarge", "l": "hubert_large", "w": "wav2vec2_large_960h_lv60_self"}
WIDTHS = {"x": 1280, "l": 1024, "w": 1024, "c": 2048}
# Tiny members, in the same order as the real ones: x wider than l and w, CREPE tiny (256) widest.
TINY_WIDTHS = {"x": 60, "l": 48, "w": 48}


def error(ours, wanted):
    """RMS of the difference, relative to the RMS of what was wanted."""
    return ((ours - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()


def noise(*lengths):
    """Coloured noise with an offset, so that a normalisation that nobody asked for shows."""
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(n, generator=generator).cumsum(0) * 0.01 + 0.05 for n in lengths]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with tiny checkpoints of the published ensembles' transformers, and the networks by letter."""
    folder, networks = tmp_path_factory.mktemp("members"), {}
    with weights.quiet_transformers() as transformers:
        for seed, (letter, name) in enumerate(FOLDERS.items()):
            torch.manual_seed(seed)
            family = "Wav2Vec2" if letter == "w" else "Hubert"
            shape = {**SMALL, "hidden_size": TINY_WIDTHS[letter], **FAMILIES["hubert_large"][1]}
            config = getattr(transformers, f"{family}Config")(**shape)
            networks[letter] = getattr(transformers, f"{family}Model")(config).eval()
            networks[letter].save_pretrained(folder / name)
            (folder / name / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}))
    return folder, networks


def with_tiny_members(name):
    """The published definition with CREPE tiny for CREPE and 48 for 1024 features."""
    whole = importlib.import_module(f"hear_ssl.{name}").CHECKPOINT
    members = tuple(member.replace("crepe", "crepe_tiny") for member in whole.members)
    return replace(whole, members=members, width=whole.width and TINY_WIDTHS["w"])


def interpolated(row, size):
    """A list of numbers at another length, half-pixel convention, number by number."""
    out = []
    for index in range(size):
        where = min(max((index + 0.5) * len(row) / size - 0.5, 0.0), len(row) - 1.0)
        left = int(where)
        right = min(left + 1, len(row) - 1)
        out.append(row[left] + (where - left) * (row[right] - row[left]))
    return np.array(out)


def literal(name, networks, clip, crepe_hop):
    """Merged frames (T, width) as section 6 says, with transformers' and torchcrepe's own forward passes."""
    letters, fused, merge, *_ = PUBLISHED[name]
    parts = {}
    for letter in letters.replace("c", ""):
        with torch.no_grad():
            out = networks[letter](clip[None], output_hidden_states=True)
        states = [*out.hidden_states[:-1], out.last_hidden_state]
        frames = sum(states) / len(states) if fused else states[-1]
        parts[letter] = frames[0].double().numpy()
    n_frames = len(parts[letters[0]])
    if "c" in letters:
        activations = torchcrepe.embed(
            clip[None], 16000, hop_length=crepe_hop, model="tiny", device="cpu", pad=True, batch_size=512
        )
        parts["c"] = activations.detach().reshape(activations.shape[1], -1).double().numpy()
        for letter in set(parts) & {"x", "c"}:
            parts[letter] = np.array([interpolated(frame, TINY_WIDTHS["w"]) for frame in parts[letter]])
        parts["c"] = np.array([interpolated(feature, n_frames) for feature in parts["c"].T]).T
    ordered = [parts[letter] for letter in letters]
    if merge == "mean":
        merged = sum(ordered) / len(ordered)
    elif merge == "blocks":
        merged = np.concatenate(ordered, axis=1)
    else:
        columns = [part[:, feature] for feature in range(TINY_WIDTHS["w"]) for part in ordered]
        merged = np.array(columns).T
    return torch.from_numpy(merged).float()


def test_every_published_ensemble_is_here():
    """The table names the modules that there are."""
    assert not set(PUBLISHED) - set(ENSEMBLES)
    unlisted = sorted(set(ENSEMBLES) - set(PUBLISHED))
    assert not unlisted, (
        f"hear_ssl/{unlisted[0]}.py is an ensemble that is compared with no literal computation: add to PUBLISHED in "
        f'tests/test_ensemble.py a line "{unlisted[0]}": (members as letters, fused, blocks/mean/interleaved, timestamp '
        "size, scene size)"
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_and_checkpoints_are_the_published_ones(name):
    """With the real members' widths, the embeddings have the sizes of the table; members are those of the code."""
    letters, _, _, timestamp_size, scene_size = PUBLISHED[name]
    whole = importlib.import_module(f"hear_ssl.{name}").CHECKPOINT
    assert whole.members == tuple(f"hear_ssl.{FOLDERS.get(letter, 'crepe')}" for letter in letters)
    merging = MergeOptions(whole.merge, whole.interleave, whole.width, whole.time_groups, scene="merged")
    merged = merging.merged_width([WIDTHS[letter] for letter in letters])
    assert (merged, merged * whole.time_groups) == (timestamp_size, scene_size)
    assert whole.licence.count(";") >= len(letters) - 1 and "Wu et al." in whole.citation


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_ensembles_equal_the_literal_computation(name, tiny):
    """Scenes (CREPE every 250 ms), timestamp embeddings (every 50 ms) and timestamps are those of section 6."""
    folder, networks = tiny
    model = with_tiny_members(name).load_model(str(folder))
    clips = noise(16080, 9333)  # 16080: the released code's count of frames is one short there
    scenes = ensemble.get_clip_embeddings(clips, model)["scene"]
    for number, clip in enumerate(clips):
        wanted = literal(name, networks, clip, crepe_hop=4000)
        if name.endswith("_time"):
            size = len(wanted) // 5
            wanted = torch.cat([wanted[group * size : (group + 1) * size].mean(0) for group in range(5)])
        else:
            wanted = wanted.mean(0)
        assert scenes[number].shape == wanted.shape == (model.scene_embedding_size,)
        assert error(scenes[number], wanted) < 1e-5
        frames, times = ensemble.get_timestamp_embeddings(clip[None], model)
        wanted = literal(name, networks, clip, crepe_hop=800)
        assert frames[0].shape == wanted.shape == (len(times[0]), model.timestamp_embedding_size)
        assert error(frames[0], wanted) < 1e-5
        assert times[0].tolist() == [12.5 + 20 * i for i in range((len(clip) - 80) // 320)]


TINY_MODULE = """
from dataclasses import replace
from hear_ssl.{name} import CHECKPOINT, get_clip_embeddings, get_scene_embeddings, get_timestamp_embeddings

members = tuple(member.replace("crepe", "crepe_tiny") for member in CHECKPOINT.members)
load_model = replace(CHECKPOINT, members=members).load_model
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["avg_hubert_crepe", "fusion_cat_xwc_time"])
def test_published_ensembles_keep_the_contract(name, tiny, tmp_path):
    """`hear-eval validate` finds nothing, even in an hour's drift or a clip of one sample."""
    (tmp_path / f"tiny_{name}.py").write_text(TINY_MODULE.format(name=name))
    with open_module(ModuleSpec(str(tmp_path / f"tiny_{name}.py"), str(tiny[0]), device="cpu")) as module:
        assert [check for check in validate(module) if not check.passed] == []


def test_each_option_undoes_one_deviation_of_the_released_code(tiny):
    """Blocks are a permutation, the processor's rule changes the embedding, padding the end adds the last centre."""
    folder, _ = tiny
    checkpoint, (clip,) = with_tiny_members("cat_wc"), noise(9333)
    plain = checkpoint.load_model(str(folder))
    scene = ensemble.get_scene_embeddings(clip[None], plain)[0]
    blocks = ensemble.get_scene_embeddings(clip[None], checkpoint.load_model(str(folder), interleave=False))[0]
    assert torch.equal(blocks.unflatten(0, (2, -1)).T.flatten(), scene)
    normalised = checkpoint.load_model(str(folder), normalize="auto")
    standard = (clip - clip.mean()) / (clip.var(correction=0) + 1e-7).sqrt()
    by_hand = ensemble.get_scene_embeddings(standard[None], plain)[0]
    ours = ensemble.get_scene_embeddings(clip[None], normalised)[0]
    assert error(ours[::2], by_hand[::2]) < 1e-5 < 0.01 < error(ours[::2], scene[::2])
    assert torch.equal(ours[1::2], scene[1::2])  # CREPE hears what it heard
    n_frames = [
        ensemble.get_timestamp_embeddings(clip[None, :9280], checkpoint.load_model(str(folder), end_padding=padded))[
            0
        ].shape[1]
        for padded in (False, True)
    ]
    assert n_frames == [28, 29]


def test_centres_put_crepes_frames_where_they_belong_in_time(tiny):
    """With align=centres, CREPE's part of frame j is its own embedding interpolated at 12.5 + 20 j ms."""
    folder, _ = tiny
    (clip,) = noise(16000)
    model = with_tiny_members("cat_wc").load_model(str(folder), align="centres", interleave=False)
    ours, times = ensemble.get_timestamp_embeddings(clip[None], model)
    frames, own_times = crepe_tiny.get_timestamp_embeddings(clip[None], crepe_tiny.load_model())
    for j in (0, 1, 7, 48):
        at_time = np.array([np.interp(times[0, j], own_times[0], feature) for feature in frames[0].T.numpy()])
        wanted = torch.from_numpy(interpolated(at_time, 48)).float()
        assert error(ours[0, j, 48:], wanted) < 1e-5


def test_five_parts_of_a_clip_too_short_are_those_of_it_padded(tiny):
    """Below 1680 samples, five frames, a clip is zero-padded to that length."""
    folder, _ = tiny
    model = with_tiny_members("fusion_cat_xwc_time").load_model(str(folder))
    (clip,) = noise(1000)
    padded = torch.nn.functional.pad(clip, (0, 680))
    assert torch.equal(*(ensemble.get_scene_embeddings(one[None], model) for one in (clip, padded)))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Names of two tiny transformers of one width, and their own models."""
    folder = tmp_path_factory.mktemp("two")
    paths = {
        module: model_path(module.__name__.removeprefix("hear_ssl."), folder) for module in (hubert_base, wavlm_base)
    }
    return [f"hf:{path}" for path in paths.values()], [module.load_model(path) for module, path in paths.items()]


def test_stored_embeddings_concatenated_equal_the_joint_model_bit_for_bit(two):
    """Members on one grid: scenes of each alone, one after another, put side by side."""
    names, models = two
    clips = noise(8000, 3000, 12345, 700)
    alone = [ensemble.get_clip_embeddings(clips, model)["scene"] for model in models]
    together = ensemble.get_clip_embeddings(clips, ensemble.build(names))["scene"]
    assert torch.equal(together, torch.cat(alone, dim=1))
    average = ensemble.get_clip_embeddings(clips, ensemble.build(names, merge="average"))["scene"]
    assert torch.allclose(average, sum(alone) / 2, atol=1e-7)


def test_members_scenes_concatenate_bit_for_bit_whatever_their_grid(two):
    """That holds for members of other grids and for modules that are not ours."""
    names, models = two
    clips = noise(8000, 3000)
    joint = ensemble.build([names[0], "hear_ssl.crepe_tiny", GOOD])
    alone = [ensemble.get_clip_embeddings(clips, model)["scene"] for model in (models[0], crepe_tiny.load_model())]
    with open_module(ModuleSpec(GOOD, device="cpu")) as good:
        alone.append(torch.cat([torch.from_numpy(good.scene(clip[None].numpy())) for clip in clips]))
    assert torch.equal(ensemble.get_clip_embeddings(clips, joint)["scene"], torch.cat(alone, dim=1))


def test_a_plain_module_is_put_on_the_transformers_grid(two):
    """A module that knows the three functions takes part frame by frame, and the transformer's grid decides."""
    names, models = two
    (clip,) = noise(8000)
    model = ensemble.build([GOOD, names[0]], scene="merged")
    frames, times = ensemble.get_timestamp_embeddings(clip[None], model)
    own, own_times = hubert_base.get_timestamp_embeddings(clip[None], models[0])
    assert torch.equal(times, own_times) and torch.equal(frames[..., 8:], own)
    good = sys.modules["hear_module_good"]
    theirs = good.get_timestamp_embeddings(clip[None], good.load_model())[0][0].numpy()
    wanted = np.array([interpolated(feature, len(times[0])) for feature in theirs.T]).T
    assert error(frames[0, :, :8], torch.from_numpy(wanted).float()) < 1e-5
    wanted = np.array([interpolated(feature, 24).mean() for feature in theirs.T])  # scenes have whole fields only
    assert error(ensemble.get_scene_embeddings(clip[None], model)[0, :8], torch.from_numpy(wanted).float()) < 1e-5


MIXING = """
import torch

class Mixing(torch.nn.Module):
    sample_rate = {rate}
    scene_embedding_size = timestamp_embedding_size = 3

def load_model(model_file_path=""):
    return Mixing()

def get_timestamp_embeddings(audio, model):
    frames = audio[:, : audio.shape[1] // 100 * 100].unflatten(1, (-1, 100)).mean(2, keepdim=True).repeat(1, 1, 3)
    return frames - audio.mean(), 1.0 + torch.arange(frames.shape[1]).repeat(len(audio), 1) * 100000.0 / {rate}

def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(1)
"""


def test_plain_modules_cannot_mix_clips(tmp_path):
    """A member whose output depends on its batch sees one clip at a time."""
    (tmp_path / "mixing.py").write_text(MIXING.format(rate=16000))
    model = ensemble.build([str(tmp_path / "mixing.py")])
    clips = noise(3000, 3000)
    both = ensemble.get_scene_embeddings(torch.stack(clips), model)
    assert torch.equal(both, torch.cat([ensemble.get_scene_embeddings(clip[None], model) for clip in clips]))


def test_members_hear_their_own_sample_rate(tmp_path):
    """The ensemble takes the highest rate; a member of a lower one hears the audio resampled by soxr."""
    (tmp_path / "fast.py").write_text(MIXING.format(rate=48000))
    model = ensemble.build([GOOD, str(tmp_path / "fast.py")])
    assert model.sample_rate == 48000
    (clip,) = noise(24000)
    resampled_clip = soxr.resample(clip.numpy(), 48000, 16000, quality="HQ")
    good = sys.modules["hear_module_good"]
    theirs, times = good.get_timestamp_embeddings(torch.from_numpy(resampled_clip)[None], good.load_model())
    frames, ours = ensemble.get_timestamp_embeddings(clip[None], model)
    assert torch.equal(ours, times) and torch.equal(frames[..., :8], theirs)
    assert torch.equal(resampled([clip[:1]], 48000, 16000)[0], clip[:1])


def test_windows_of_long_clips_are_put_together():
    """Members run long audio in windows; their frames are those of the uncut clip where nothing depends on a window."""
    audio = torch.stack(noise(40000, 40000))
    options = {"hear_ssl.crepe_tiny": {"window_seconds": 1.1}, "hear_ssl.melspec": {"window_seconds": 1.1}}
    whole = ensemble.load_model("hear_ssl.crepe_tiny+hear_ssl.melspec")
    cut = ensemble.load_model("hear_ssl.crepe_tiny+hear_ssl.melspec", member_options=options)
    for function in (ensemble.get_scene_embeddings, lambda *args: ensemble.get_timestamp_embeddings(*args)[0]):
        torch.testing.assert_close(function(audio, whole), function(audio, cut), rtol=1e-4, atol=1e-5)


def test_the_evaluator_runs_an_ensemble_by_its_text(tmp_path):
    """`ensemble:MEMBER+MEMBER` is a module, and its stored embeddings are named by members, merge and their code."""
    codes = []
    for text in ("hear_ssl.melspec+", "average:hear_ssl.melspec+"):
        (tmp_path / "mixing.py").write_text(MIXING.format(rate=16000))
        with open_module(ModuleSpec(f"ensemble:{text}{tmp_path / 'mixing.py'}", device="cpu")) as module:
            described = module.describe()
            scene = module.scene(np.stack([clip.numpy() for clip in noise(3000)]))
            assert scene.shape == (1, described["scene_embedding_size"])
            codes.append(json.dumps(described["identity"], sort_keys=True))
    (tmp_path / "mixing.py").write_text(MIXING.format(rate=16000) + "\nCHANGED = True\n")
    identity = ensemble.build(["hear_ssl.melspec", str(tmp_path / "mixing.py")]).embedding_identity()
    codes.append(json.dumps(identity, sort_keys=True))
    assert len(set(codes)) == 3


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
def test_a_member_of_another_framework_takes_part():
    """A TensorFlow model hears TensorFlow's tensors; in its own process, for TensorFlow is heavy."""
    keras = str(Path(GOOD).parent / "keras_module.py")
    audio = np.stack([clip.numpy() for clip in noise(3000, 3000)])
    with open_module(ModuleSpec(keras, python=sys.executable)) as module:
        theirs = module.timestamps(audio)[0]
    with open_module(ModuleSpec(f"ensemble:{keras}+hear_ssl.melspec", python=sys.executable)) as module:
        frames, _ = module.timestamps(audio)
        assert module.describe()["framework"] == "torch"
    np.testing.assert_allclose(frames[..., : theirs.shape[2]], theirs, rtol=1e-5, atol=1e-6)


def test_interpolation_and_groups_by_hand():
    """Linear, half-pixel; constant before the first and after the last centre; the rest of a division is dropped."""
    assert resized(torch.tensor([[0.0, 4.0]]), 4).tolist() == [[0.0, 1.0, 3.0, 4.0]]
    frames = torch.tensor([[0.0], [10.0]])
    assert at_times(frames, np.array([5.0, 15.0]), np.array([0.0, 7.5, 20.0])).tolist() == [[0.0], [2.5], [10.0]]
    assert group_means(torch.arange(7.0)[:, None], 3).tolist() == [[0.5], [2.5], [4.5]]
    with pytest.raises(ValueError, match="time_groups=5, but the clip has only 2 frames"):
        group_means(frames, 5)


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("", {}, "names no members: write MODULE"),
        ("hear_ssl.melspec+", {}, "names no members"),
        ("hear_ssl.nope", {}, "'hear_ssl.nope' cannot be imported"),
        ("json", {}, "json is no HEAR module: it has no load_model"),
        ("mean:hear_ssl.melspec", {}, "cannot be imported"),
        ("average:hear_ssl.melspec", {"merge": "concatenate"}, "says average, the option merge says 'concatenate'"),
        ("hear_ssl.melspec", {"merge": "sum"}, "option merge='sum': known values are concatenate and average"),
        ("hear_ssl.melspec", {"width": 0}, "option width=0: a whole number from 1"),
        ("hear_ssl.melspec", {"time_groups": "5"}, "option time_groups='5'"),
        ("hear_ssl.melspec", {"interleave": "yes"}, "option interleave='yes': true or false"),
        ("average:hear_ssl.melspec", {"interleave": True}, "says how to concatenate"),
        ("hear_ssl.melspec", {"scene": "members", "time_groups": 5}, "has none to cut"),
        ("hear_ssl.melspec", {"member_options": {"melspec": {}}}, "'melspec' is no member"),
        ("hear_ssl.melspec", {"member_options": "layer=3"}, "option member_options='layer=3'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(text, options, sentence):
    """Members, merge and options that make no sense."""
    with pytest.raises(ValueError, match=sentence):
        ensemble.load_model(text, **options)


@pytest.mark.parametrize(
    ("ill", "sentence"), [("seconds", "are they seconds\\? Milliseconds are wanted"), ("falling", "do not rise")]
)
def test_timestamps_that_cannot_be_are_refused(ill, sentence):
    """Aligning by them would be wrong in silence."""
    made = ensemble.build(["hear_ssl.melspec", ILL], {ILL: {"ill": ill}})
    with pytest.raises(ValueError, match=sentence):
        ensemble.get_timestamp_embeddings(torch.randn(1, 16000) * 0.1, made)


def test_a_member_leaves_no_traces():
    """One that changes folder, default type and gradients harms neither the others nor who asked."""
    here = Path.cwd()
    made = ensemble.build([ILL, "hear_ssl.melspec"], {ILL: {"ill": "leaves_traces"}}, scene="merged")
    scene = ensemble.get_scene_embeddings(torch.randn(1, 16000) * 0.1, made)
    assert Path.cwd() == here and torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()
    assert scene.shape == (1, 8 + 64) and scene.dtype == torch.float32


def test_a_members_part_does_not_hang_on_its_company():
    """BYOL-A's frames of a quarter of a second, averaged: the same before and behind another member."""
    audio = torch.randn(1, 4000, generator=torch.Generator().manual_seed(5)) * 0.1
    name, options = "hear_ssl.byol_a_mini", {"hear_ssl.byol_a_mini": {"pooling": "mean"}}
    alone = ensemble.get_scene_embeddings(audio, ensemble.build([name], options, scene="merged"))
    first = ensemble.get_scene_embeddings(audio, ensemble.build([name, "hear_ssl.melspec"], options, scene="merged"))
    torch.testing.assert_close(first[:, : alone.shape[1]], alone)
    frames = ensemble.build([name], {name: {"pooling": "max+mean"}}, scene="merged")
    torch.testing.assert_close(ensemble.get_scene_embeddings(audio, frames), alone)
