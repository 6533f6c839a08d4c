"""Every family of networks of transformers that runs here, from a genuine checkpoint: exact alone and in company, in the library's own numbers.

The folder hear_ssl/encoders/families/ is the list; each has a tiny network in tests/tiny_families.py. The independent reference is
the library's own forward pass (and feature extractor) on a single clip.
"""

import json

import numpy as np
import pytest
import torch

from evaluator.embedding.conformance import validate
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from hear_ssl import hf, untrained
from hear_ssl.encoders import api
from hear_ssl.encoders.families import FAMILIES
from tiny_families import TINY, reference, save

pytestmark = pytest.mark.slow  # the whole file: it loads networks of a dozen kinds

KINDS = sorted(TINY)


def noise(*lengths, seed=0):
    """Coloured noise, so that neighbouring samples go together as in a recording."""
    generator = torch.Generator().manual_seed(seed)
    made = [torch.randn(n, generator=generator) for n in lengths]
    return [0.1 * torch.nn.functional.avg_pool1d(each[None], 3, 1, 1)[0] + 0.02 for each in made]


def error(ours, wanted):
    """RMS of the difference, relative to the RMS of what was wanted."""
    return ((ours - wanted).double().square().mean().sqrt() / wanted.double().square().mean().sqrt()).item()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder with a tiny checkpoint of each kind, made when it is asked for."""
    root, made = tmp_path_factory.mktemp("families"), set()

    def folder(kind):
        if kind not in made:
            save(kind, root / kind)
            made.add(kind)
        return root / kind

    return folder


def test_every_family_has_a_tiny_network():
    """A family without one would be tried by no test."""
    assert {json.loads(TINY[kind].config().to_json_string())["model_type"] for kind in KINDS} >= set(FAMILIES) - {
        "wav2vec2", "hubert", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat"
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_librarys_own_forward(kind, folders):
    """Every layer of a clip by itself, front end included, is the library's to 1e-5."""
    tiny, model = TINY[kind], hf.load_model(str(folders(kind)))
    clips = noise(*(round(seconds * model.sample_rate) for seconds in tiny.seconds))
    for clip in clips:
        theirs = reference(kind, folders(kind), clip)
        ours = model.clips([clip], layers=True)
        assert model.n_layers == len(theirs)
        for number, frames in enumerate(theirs):  # beside the frames' own size: some means are near 0
            assert (
                len(frames) < 3 or frames.std(0).mean() > 0.05 * frames.std()
            )  # else a network that hears nothing would pass
            apart = (ours["layers_mean"][0, number] - frames.mean(0)).square().mean().sqrt()
            assert apart < 1e-5 * frames.square().mean().sqrt(), number
    if not tiny.frames_make_scenes:
        return
    theirs = reference(kind, folders(kind), clips[0])[-1]
    frames, _ = model.timestamps(clips[0][None])
    assert error(frames[0, : len(theirs)], theirs) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_alone_equals_it_in_company(kind, folders):
    """Other clips, of whatever length, change no layer by more than 1e-5 of its RMS."""
    model = hf.load_model(str(folders(kind)))
    clips = noise(*(round(seconds * model.sample_rate) for seconds in (0.5, 1, 0.3, 0.044, 0.02, 1)))
    together = model.clips(clips, layers=True)
    for number, clip in enumerate(clips):
        alone = model.clips([clip], layers=True)
        for view, rows in alone.items():
            if rows.any():
                assert error(together[view][number], rows[0]) < 1e-5, (view, number)
            else:
                assert not together[view][number].any()


@pytest.mark.parametrize("kind", KINDS)
def test_frames_lie_where_they_are_said_to(kind, folders):
    """Of all frames, those that a click in the clip moves lie around the click: their weighted mean is its time, within half a hop."""
    model = hf.load_model(str(folders(kind)), layer=TINY[kind].local_layer)
    (clip,) = noise(round(TINY[kind].seconds[0] * model.sample_rate))
    before, times = model.timestamps(clip[None])
    hop = float(times[0, 1] - times[0, 0])
    for share in TINY[kind].clicks:
        at = round(share * len(clip))
        offsets = []
        for shift in (
            np.linspace(0, hop, 9)[:-1] * model.sample_rate / 1000
        ):  # where in the hop it falls does not matter
            clicked = clip.clone()
            clicked[at + round(shift)] += TINY[kind].click
            moved = (model.timestamps(clicked[None])[0] - before).square().sum(-1)[0].double()
            if TINY[kind].causal:
                moved = torch.zeros_like(moved).index_fill(0, (moved > 0).nonzero()[0], 1)
            moved = torch.where(moved > TINY[kind].quiet * moved.max(), moved, 0)
            centre = float((moved * times[0]).sum() / moved.sum())
            offsets.append(centre - 1000 * (at + round(shift) + 0.5) / model.sample_rate)
        assert abs(np.mean(offsets)) < TINY[kind].tolerance * hop, (share, offsets)


@pytest.mark.parametrize("kind", KINDS)
def test_short_and_silent_clips_are_defined(kind, folders):
    """One sample, silence and full scale give finite embeddings, one frame at least, at a time inside."""
    model = hf.load_model(str(folders(kind)))
    for clip in (torch.ones(1), torch.zeros(1), torch.zeros(5000), torch.ones(5000), torch.randn(401).clamp(-1, 1)):
        frames, times = model.timestamps(clip[None])
        assert frames.shape[1] >= 1 and times[0, 0] >= 0 and torch.isfinite(frames).all()
        assert torch.isfinite(api.get_scene_embeddings(clip[None], model)).all()
        assert all(torch.isfinite(rows).all() for rows in model.clips([clip], layers=True).values())


@pytest.mark.parametrize("kind", KINDS)
def test_long_recordings_run_in_windows(kind, folders):
    """A recording of several windows gives the same number of frames at the same times, whatever the batch."""
    model = hf.load_model(str(folders(kind)), **TINY[kind].windows)
    seconds = 2.3 * model.window_seconds
    (clip,) = noise(round(seconds * model.sample_rate))
    frames, times = model.timestamps(clip[None])
    hop = float(times[0, 1] - times[0, 0])
    assert torch.allclose(times[0].diff(), torch.tensor(hop), rtol=1e-3) and torch.isfinite(frames).all()
    assert 1000 * seconds - 3 * hop - 40 < float(times[0, -1]) <= 1000 * seconds + 0.01
    scene = api.get_scene_embeddings(clip[None], model)[0]
    in_turn = hf.load_model(str(folders(kind)), batch_seconds=0.1, **TINY[kind].windows)
    assert error(api.get_clip_embeddings([clip, clip[:9000]], in_turn)["scene"][0], scene) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_untrained_copies_differ_and_repeat(kind, folders):
    """The same seed gives the same network, another another one, and neither is the checkpoint's."""
    (clip,) = noise(9000)
    path = f"hf:{folders(kind)}"
    first, again, other = (
        api.get_scene_embeddings(clip[None], untrained.load_model(path, untrained_seed=seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and error(other, first) > 1e-3
    assert error(api.get_scene_embeddings(clip[None], hf.load_model(str(folders(kind)))), first) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_family_does_not_take_is_refused(kind, folders):
    """Precision and engine where there is no forward of its own; options of other families."""
    family = FAMILIES[TINY[kind].config().model_type]
    options = {"precision": "bfloat16", "engine": "openvino", "normalize": True}
    for name, value in options.items():
        if name not in family.options and name != "engine":
            with pytest.raises(
                ValueError, match=rf"option {name}=.*(of type {family.model_type} do not take it|no products)"
            ):
                hf.load_model(str(folders(kind)), **{name: value})


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_the_config_is_known(kind):
    """What the library's config says decides the network's form or is listed as a matter of training, heads and decoding."""
    with_rules = set(FAMILIES[TINY[kind].config().model_type].rules)
    unknown = set(TINY[kind].keys()) - with_rules - TINY[kind].elsewhere
    assert not unknown, f"{kind}: neither ruled nor listed: {sorted(unknown)}"


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_a_config_are_bounded(kind, tmp_path):
    """Whatever number, list or word decides the form is refused by its name when it means nothing."""
    save(kind, tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    family = FAMILIES[config["model_type"]]
    for key in family.rules:
        part = config[family.section] if family.section else config
        if key not in part:
            continue
        for value in (10**12, "os.system", [10**12] * 50):
            changed = {**part, key: value}
            path.write_text(json.dumps({**config, family.section: changed} if family.section else changed))
            with pytest.raises(ValueError, match=key):
                hf.load_model(str(tmp_path))


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_validator_finds_nothing(kind, folders, tmp_path, monkeypatch):
    """`hear-eval validate hf:FOLDER` passes, but for frames that are far apart and for codecs' rates."""
    monkeypatch.setenv("HEAR_EVAL_CACHE", str(tmp_path))
    spec = ModuleSpec("hear_ssl.hf", weights=str(folders(kind)), options=TINY[kind].windows, in_process=True)
    with open_module(spec) as module:
        failed = {check.name: check for check in validate(module) if not check.passed}
    assert set(failed) == TINY[kind].warns, failed
    assert {check.level for check in failed.values()} <= {"warning"}
