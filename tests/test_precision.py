"""Products in bfloat16: near the genuine network's float32, the same alone as in a batch and in windows, and told everywhere."""

import numpy as np
import pytest
import soundfile
import torch

import evaluator as ev
from evaluator import cli
from evaluator.embedding import identity, rounding
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from hear_ssl import birdaves_biox_base, hf, hubert_base, melspec, untrained
from hear_ssl.encoders import api, bfloat16, engines, precision
from hear_ssl.encoders.bfloat16 import Bfloat16Encoder
from hear_ssl.encoders.transformer import TransformerEncoder
from hear_ssl.encoders.untrained import redraw
from tiny_checkpoints import FAMILIES, model_path, tiny_network

pytestmark = pytest.mark.slow  # the whole file: it runs modules

# bfloat16 rounds to 2^-9 of a number. Weights keep their rounding from frame to frame, so it does not average out; random ones of a
# narrow network cancel more of what they sum than trained ones do.
DRIFT = 0.03
SAME = 1e-4  # of a clip alone and in a batch: another order of sums in float32, which seldom tips a rounding


def noise(*lengths, seed=0):
    """Coloured noise with an offset, so that a forgotten statistic shows."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, generator=generator).cumsum(0) * 0.01 + 0.05 for n in lengths]


def error(ours, wanted):
    """RMS of the difference, relative to the RMS of what was wanted."""
    return ((ours - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()


def bfloat16_model(family, normalize=True, **options):
    """A tiny model in bfloat16, also on a processor that only emulates it."""
    return api.Model(Bfloat16Encoder(tiny_network(family), normalize), **options)


def tones(folder):
    """Eight high and eight low tones of a quarter of a second, in a folder for each class; gives the folder."""
    for label, pitch in {"high": 0.3, "low": 0.03}.items():
        (folder / label).mkdir(parents=True)
        for number in range(8):
            tone = 0.3 * np.sin(np.arange(4000) * pitch * (1 + number / 50))
            soundfile.write(folder / label / f"{number}.wav", tone, 16000)
    return folder


@pytest.fixture(autouse=True)
def emulated(request, monkeypatch):
    """Numbers are the same where products in bfloat16 are emulated; only tests of the refusal look at the processor."""
    if "refus" not in request.node.name:
        monkeypatch.setattr(precision, "cpu_gains", lambda: True)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_is_near_the_genuine_network_in_float32(family, normalize):
    """Every layer of the library's own float32 forward, within the rounding of bfloat16; and float32 comes out."""
    model, (clip,) = bfloat16_model(family, normalize), noise(8080)
    audio = clip[None]
    if normalize:
        audio = (audio - audio.mean()) / (audio.var(correction=0) + 1e-7).sqrt()
    with torch.no_grad():
        theirs = tiny_network(family)(audio, output_hidden_states=True)
    layers = [*theirs.hidden_states[:-1], theirs.last_hidden_state]
    ours = api.get_clip_embeddings([clip], model)
    for number, frames in enumerate(layers):
        assert 0 < error(ours["layers_mean"][0, number], frames[0].mean(0)) < DRIFT
        assert 0 < error(ours["layers_std"][0, number], frames[0].std(0)) < DRIFT
    embeddings, _ = api.get_timestamp_embeddings(clip[None], model)
    assert error(embeddings[0], theirs.last_hidden_state[0]) < DRIFT
    assert {view.dtype for view in ours.values()} | {embeddings.dtype} == {torch.float32}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_clip_alone_equals_it_in_a_padded_batch(family):
    """Companions and padding reach no real frame: what is left is another order of sums."""
    model = bfloat16_model(family)
    clips = noise(8000, 16000, 3000, 700, 399, 16000)
    together = api.get_clip_embeddings(clips, model)
    for number, clip in enumerate(clips):
        alone = api.get_clip_embeddings([clip], model)
        for view in ("scene", "layers_mean", "layers_std"):
            if alone[view].any():  # the deviation of one frame is 0
                assert error(together[view][number], alone[view][0]) < SAME, (view, number)
            else:
                assert not together[view][number].any()


@pytest.mark.parametrize("wrong", [lambda x: x * 0.9, torch.flip])
def test_a_convolution_that_is_wrong_in_bfloat16_is_not_taken(wrong, monkeypatch):
    """As one of oneDNN's is with AMX for narrow groups: float32 of the same rounded numbers stands in, and is what a right one gives."""
    conv1d = bfloat16.functional.conv1d

    def broken(x, *rest, **more):
        y = conv1d(x.float(), *(None if each is None else each.float() for each in rest), **more).to(x.dtype)
        return y if x.dtype == torch.float32 else wrong(y, (2,)) if wrong is torch.flip else wrong(y)

    right = bfloat16._PositionalConvolution(torch.nn.Conv1d(64, 64, 19, padding=9, groups=2))
    assert right.weight.dtype == torch.bfloat16
    x = torch.randn(2, 64, 30)
    wanted = right(x)
    monkeypatch.setattr(bfloat16.functional, "conv1d", broken)
    again = torch.nn.Conv1d(64, 64, 19, padding=9, groups=2)
    again.weight.data, again.bias.data = right.weight.float(), right.bias.float()
    made = bfloat16._PositionalConvolution(again)
    assert made.weight.dtype == torch.float32 and error(made(x), wanted) < 0.003


@pytest.mark.parametrize("family", FAMILIES)
def test_windows_keep_the_first_layer(family):
    """Statistics are those of the whole recording, cut up or not."""
    (clip,) = noise(16000 * 25)
    clip = clip * torch.linspace(0.1, 1, len(clip))  # louder and louder: statistics of a window would be wrong
    whole = bfloat16_model(family, window_seconds=100).clips([clip], layers=True)["layers_mean"][0]
    cut = bfloat16_model(family, window_seconds=11).clips([clip], layers=True)["layers_mean"][0]
    assert error(cut[0], whole[0]) < 1e-3
    assert error(cut[-1], whole[-1]) < 0.02


def test_silence_clipping_and_an_offset_are_normal_input():
    """Zeros, full-scale square waves and a large constant give finite embeddings, near those of float32."""
    exact = api.Model(TransformerEncoder(tiny_network("wav2vec2"), False))
    model = bfloat16_model("wav2vec2", False)
    for clip in (torch.zeros(4000), torch.ones(4000), torch.sign(torch.sin(torch.arange(4000.0))), *noise(4000)):
        assert error(*(api.get_scene_embeddings(clip[None], each)[0] for each in (model, exact))) < DRIFT


def test_the_exact_network_stays_as_it_was():
    """The rounded copies are made beside the float32 weights, which neither change nor grow."""
    network = tiny_network("hubert")
    model = bfloat16_model("hubert")
    before = {name: tensor.clone() for name, tensor in model.encoder.network.state_dict().items()}
    model.clips(noise(4000), layers=True)
    after = model.encoder.network.state_dict()
    assert before.keys() == after.keys() == TransformerEncoder(network, True).network.state_dict().keys()
    assert all(
        torch.equal(after[name], tensor) and tensor.dtype == after[name].dtype for name, tensor in before.items()
    )


def test_weights_that_are_drawn_anew_are_rounded_anew(tmp_path):
    """The untrained copy of a bfloat16 module embeds with its own weights, and so does a model that changed after use."""
    path = model_path("hubert_base", tmp_path)
    name, (clip,) = f"hf:{path}", noise(4000)
    copies = [untrained.load_model(name, precision=each) for each in engines.PRECISIONS]
    exact, rounded = (api.get_scene_embeddings(clip[None], each) for each in copies)
    assert 0 < error(rounded, exact) < DRIFT
    model = hf.load_model(path, precision="bfloat16")
    first = api.get_scene_embeddings(clip[None], model)
    redraw(model, 0)
    assert error(api.get_scene_embeddings(clip[None], model), first) > 10 * DRIFT
    assert torch.equal(api.get_scene_embeddings(clip[None], model), rounded)


@pytest.mark.parametrize("module", [hubert_base, birdaves_biox_base])
def test_precision_is_part_of_the_identity(module, tmp_path):
    """float32 is the default and one store; bfloat16 is another, of the same weights."""
    path = model_path(module.__name__.removeprefix("hear_ssl."), tmp_path)
    names = []
    for options in ({}, {"precision": "float32"}, {"precision": "bfloat16"}):
        spec = ModuleSpec(module.__name__, path, options)
        with open_module(spec) as opened:
            names.append(identity.identity(spec, opened.describe()))
    plain, spelled_out, rounded = names
    assert plain == spelled_out and plain["precision"] == "float32"
    assert rounded["precision"] == "bfloat16" and rounded["weights"] == plain["weights"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"precision": "float16"}, "precision='float16': known values are 'float32' and 'bfloat16'"),
    ],
)
def test_other_words_are_refused(options, sentence):
    """Before any weights are looked for."""
    with pytest.raises(ValueError, match=sentence):
        hubert_base.load_model("no/such/folder", **options)


def test_a_module_that_has_no_such_choice_refuses_it():
    """By name, with what it takes."""
    with pytest.raises(ValueError, match="unknown option 'precision'; known options are"):
        melspec.load_model(precision="bfloat16")


def test_a_processor_without_such_products_is_refused(monkeypatch, tmp_path):
    """No slower and less exact embeddings under a name that promises speed; nor float32 under the name of bfloat16."""
    path = model_path("hubert_base", tmp_path)
    monkeypatch.setattr(precision, "cpu_gains", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="processor has no products in bfloat16 .*leave the option out"):
        hf.load_model(path, precision="bfloat16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # it may be meant for the GPU, and is run on the CPU
    model = hf.load_model(path, precision="bfloat16")
    with pytest.raises(ValueError, match="processor has no products in bfloat16"):
        api.get_scene_embeddings(torch.zeros(1, 4000), model)


def test_the_command_line_has_a_short_word(tmp_path, capsys):
    """--precision is --option precision=; two that differ are refused."""
    path, sound = model_path("hubert_base", tmp_path), tmp_path / "noise.wav"
    soundfile.write(sound, noise(16000)[0].numpy(), 16000)
    written = {}
    for name, words in {
        "plain": [],
        "short": ["--precision", "bfloat16"],
        "long": ["--option", "precision=bfloat16"],
    }.items():
        command = ["embed", f"hf:{path}", str(sound), "--cache", str(tmp_path / "cache"), *words]
        assert cli.main([*command, "--out", str(tmp_path / f"{name}.npz")]) == 0
        with np.load(tmp_path / f"{name}.npz", allow_pickle=False) as arrays:
            written[name] = torch.from_numpy(next(array for array in arrays.values() if array.dtype == np.float32))
    assert torch.equal(written["short"], written["long"])
    assert 0 < error(written["short"], written["plain"]) < DRIFT
    assert cli.main([*command, "--precision", "float32", "--out", str(tmp_path / "other.npz")]) == 2
    assert "--precision float32 and --option precision=bfloat16: leave one of them out" in capsys.readouterr().err


def test_drift_is_measured_told_and_kept(tmp_path, capsys):
    """By `validate` for each layer; by a run once for a store, as a caveat of every result that reads it."""
    path = model_path("hubert_base", tmp_path)
    layers = [hf.load_model(path, precision=each) for each in engines.PRECISIONS]
    assert cli.main(["validate", f"hf:{path}", "--quick", "--precision", "bfloat16"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "by layer in %" in line]
    told = [float(each) / 100 for each in line.rpartition(": ")[2].split(", ")]
    fixed = [torch.from_numpy(sound) for sound in rounding._sounds(16000)]
    wanted, ours = (api.get_clip_embeddings(fixed, each)["layers_mean"] for each in layers)
    assert told == pytest.approx([error(ours[:, n], wanted[:, n]) for n in range(4)], abs=6e-5)
    assert cli.main(["validate", f"hf:{path}", "--quick"]) == 0
    assert "by layer" not in capsys.readouterr().out
    sounds = tones(tmp_path / "sounds")
    for again in range(2):
        (result,) = ev.run(
            f"hf:{path}",
            sounds,
            protocol="knn",
            options={"precision": "bfloat16"},
            cache=tmp_path / "cache",
            out=tmp_path / str(again),
        )
        (caveat,) = [each for each in result.caveats if each.kind == "reduced_precision"]
        assert caveat.text.startswith("bfloat16 (torch): embeddings of fixed sounds are at most")
        assert result.options["precision"] == result.provenance["module"]["identity"]["precision"] == "bfloat16"


@pytest.mark.parametrize("scene", ["members", "merged"])
def test_an_ensemble_says_which_member_is_rounded(scene, tmp_path):
    """Whether its members are asked one by one or together."""
    member = f"hf:{model_path('hubert_base', tmp_path)}"
    options = {"member_options": {member: {"precision": "bfloat16"}}, "scene": scene}
    sounds = tones(tmp_path / "sounds")
    (result,) = ev.run(
        f"ensemble:{member}+hear_ssl.melspec", sounds, protocol="knn", options=options,
        cache=tmp_path / "cache", out=tmp_path / "out",
    )  # fmt: skip
    (caveat,) = [each for each in result.caveats if each.kind == "reduced_precision"]
    assert caveat.text.startswith(member) and "bfloat16 (torch)" in caveat.text
