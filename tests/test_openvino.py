"""OpenVINO as an engine: what torch gives, for every family, in batches and windows; and it says so, or refuses."""

import importlib.util

import pytest
import torch

from evaluator.embedding import identity
from evaluator.embedding.module import open_module
from evaluator.embedding.spec import ModuleSpec
from hear_ssl import hf, hubert_base
from hear_ssl.encoders import api, openvino_engine, precision
from hear_ssl.encoders.transformer import TransformerEncoder
from hear_ssl.encoders.untrained import redraw
from tiny_checkpoints import FAMILIES, model_path, tiny_network

pytestmark = pytest.mark.slow  # the whole file: it compiles graphs
needs_openvino = pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="openvino is not installed")
TOLERANCE = {"float32": 2e-5, "bfloat16": 0.03}
PRECISIONS = [each for each in TOLERANCE if each == "float32" or precision.cpu_gains()]


def noise(*lengths, seed=0):
    """Coloured noise with an offset, so that a forgotten statistic shows."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, generator=generator).cumsum(0) * 0.01 + 0.05 for n in lengths]


def error(ours, wanted):
    """RMS of the difference, relative to the RMS of what was wanted."""
    return ((ours - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()


def openvino_model(family, chosen="float32", **options):
    """A tiny model that OpenVINO computes."""
    return api.Model(openvino_engine.OpenvinoEncoder(tiny_network(family), True, precision=chosen), **options)


@needs_openvino
@pytest.mark.parametrize("chosen", PRECISIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_gives_what_torch_gives_for_clips_of_any_lengths(family, chosen):
    """All layers of clips that share a pass and of those that run alone, within the precision's rounding."""
    clips = noise(8000, 16000, 3000, 700, 399, 16000, 16010)
    wanted = api.Model(TransformerEncoder(tiny_network(family), True)).clips(clips, layers=True)
    ours = openvino_model(family, chosen).clips(clips, layers=True)
    for view, rows in wanted.items():
        assert error(ours[view], rows) < TOLERANCE[chosen], view
        assert ours[view].dtype == torch.float32


@needs_openvino
@pytest.mark.parametrize("chosen", PRECISIONS)
def test_a_clip_alone_equals_it_in_a_batch(chosen):
    """Companions change nothing but the order of sums."""
    model, clips = openvino_model("hubert", chosen), noise(8000, 16000, 3000, 16000)
    together = model.clips(clips, layers=True)["layers_mean"]
    for number, clip in enumerate(clips):
        alone = model.clips([clip], layers=True)["layers_mean"][0]
        assert error(alone, together[number]) < {"float32": 1e-5, "bfloat16": 3e-3}[chosen]


@needs_openvino
@pytest.mark.parametrize("family", ["hubert", "wav2vec2_large"])
def test_windows_are_those_of_torch(family):
    """Statistics of the whole recording reach each window."""
    (clip,) = noise(16000 * 25)
    clip = clip * torch.linspace(0.1, 1, len(clip))
    exact = api.Model(TransformerEncoder(tiny_network(family), True), window_seconds=11)
    ours = openvino_model(family, window_seconds=11)
    for number in range(exact.n_layers):
        views = [each.clips([clip], layers=True)["layers_mean"][0, number] for each in (ours, exact)]
        assert error(*views) < TOLERANCE["float32"]
    assert error(*(api.get_timestamp_embeddings(clip[None], each)[0] for each in (ours, exact))) < TOLERANCE["float32"]


@needs_openvino
def test_weights_that_are_drawn_anew_are_compiled_anew():
    """A graph of earlier weights is never asked."""
    model, (clip,) = openvino_model("hubert"), noise(4000)
    first = api.get_scene_embeddings(clip[None], model)
    redraw(model, 0)
    again = api.get_scene_embeddings(clip[None], model)
    exact = api.Model(TransformerEncoder(tiny_network("hubert"), True))
    redraw(exact, 0)
    assert error(again, first) > 0.1 and error(again, api.get_scene_embeddings(clip[None], exact)) < 2e-5


@needs_openvino
def test_engine_is_part_of_the_identity_and_its_version_of_the_result(tmp_path):
    """Another store, of the same weights."""
    path, names, versions = model_path("hubert_base", tmp_path), [], []
    for options in ({}, {"engine": "torch"}, {"engine": "openvino"}):
        spec = ModuleSpec("hear_ssl.hubert_base", path, options)
        with open_module(spec) as opened:
            names.append(identity.identity(spec, opened.describe()))
            versions.append(opened.describe()["versions"])
    assert names[0] == names[1] and names[0]["engine"] == "torch" and names[2]["engine"] == "openvino"
    assert names[0]["weights"] == names[2]["weights"] and "openvino" in versions[2]


@needs_openvino
def test_a_graph_that_gives_something_else_is_refused(monkeypatch):
    """By the family's name, with a way out, before any embedding is given."""
    monkeypatch.setattr(openvino_engine, "_answer", lambda request, x: iter([torch.zeros(2, 5, 48)] * 4))
    with pytest.raises(
        ValueError, match="cannot compute this wavlm network .*layer 0 is 1e\\+02 % of the RMS.*leave the option out"
    ):
        openvino_model("wavlm").clips(noise(4000), layers=True)


def test_its_absence_is_told(monkeypatch, tmp_path):
    """With the extra that installs it; before weights are looked for."""
    monkeypatch.setattr(openvino_engine, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="openvino is not installed; pip install 'hear-ssl\\[openvino\\]'"):
        hubert_base.load_model("no/such/folder", engine="openvino")


def test_other_words_are_refused():
    """Known ones are named."""
    with pytest.raises(ValueError, match="engine='onnx': known values are 'torch' and 'openvino'"):
        hf.load_model("no/such/folder", engine="onnx")
