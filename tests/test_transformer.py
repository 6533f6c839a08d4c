"""The transformer encoders against transformers' own forward pass, and their exactness in batches and windows."""

import pytest
import torch

from hear_ssl.encoders import api, hub
from hear_ssl.encoders.transformer import TransformerEncoder
from tiny_checkpoints import FAMILIES, tiny_network

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes


def tiny_model(family, normalize=True, **options):
    return api.Model(TransformerEncoder(tiny_network(family), normalize), **options)


def noise(*lengths, seed=0):
    """Coloured noise with an offset, so that a forgotten statistic shows."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, generator=generator).cumsum(0) * 0.01 + 0.05 for n in lengths]


def error(ours, wanted):
    """RMS of the difference, relative to the RMS of what was wanted."""
    return ((ours - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_equals_transformers_own_forward(family, normalize):
    """Scene, timestamps and every layer are those of transformers for one clip."""
    model, (clip,) = tiny_model(family, normalize), noise(8080)  # whole frames: no zeros after the last one
    audio = clip[None]
    if normalize:
        audio = (audio - audio.mean()) / (audio.var(correction=0) + 1e-7).sqrt()
    with torch.no_grad():
        theirs = model.encoder.network(audio, output_hidden_states=True)
    layers = [*theirs.hidden_states[:-1], theirs.last_hidden_state]
    ours = api.get_clip_embeddings([clip], model)
    for number, frames in enumerate(layers):
        assert error(ours["layers_mean"][0, number], frames[0].mean(0)) < 5e-6
        assert error(ours["layers_std"][0, number], frames[0].std(0)) < 5e-6
    embeddings, timestamps = api.get_timestamp_embeddings(clip[None], model)
    assert error(embeddings[0], theirs.last_hidden_state[0]) < 5e-6
    assert timestamps[0, :2].tolist() == [12.5, 32.5]
    assert error(api.get_scene_embeddings(clip[None], model)[0], theirs.last_hidden_state[0].mean(0)) < 5e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_a_clip_alone_equals_it_in_a_batch_padded_to_twice_its_length(family):
    """Batch companions and padding change an embedding by less than 1e-5 of its RMS, in every layer."""
    model = tiny_model(family)
    clips = noise(8000, 16000, 3000, 700, 399, 16000)
    together = api.get_clip_embeddings(clips, model)
    for number, clip in enumerate(clips):
        alone = api.get_clip_embeddings([clip], model)
        for view in ("scene", "layers_mean", "layers_std"):
            if alone[view].any():  # the deviation of one frame is 0
                assert error(together[view][number], alone[view][0]) < 1e-5, (view, number)
            else:
                assert not together[view][number].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_windows_keep_the_first_layers_exact(family):
    """Cut in windows, the encoder's input equals the uncut one; attention changes the upper layers a little."""
    (clip,) = noise(16000 * 25)
    clip = clip * torch.linspace(0.1, 1, len(clip))  # louder and louder: statistics of a window would be wrong
    whole = tiny_model(family, window_seconds=100).clips([clip], layers=True)["layers_mean"][0]
    cut = tiny_model(family, window_seconds=11).clips([clip], layers=True)["layers_mean"][0]
    assert error(cut[0], whole[0]) < 1e-5
    assert error(cut[-1], whole[-1]) < 0.02


def test_seams_do_not_show_in_the_frames():
    """At the seams, frames of the encoder's input are those of the uncut recording."""
    (clip,) = noise(16000 * 25)
    frames = [
        api.get_timestamp_embeddings(clip[None], tiny_model("hubert", layer=0, window_seconds=seconds))
        for seconds in (100, 11)
    ]
    (whole, centres), (cut, cut_centres) = frames
    assert torch.equal(centres, cut_centres)
    assert (whole - cut).abs().max() < 1e-4 * whole.square().mean().sqrt()


def test_statistics_of_a_long_recording_equal_those_in_one_piece():
    """First-layer mean and variance, collected stretch by stretch, are those of the whole convolution."""
    encoder, (clip,) = TransformerEncoder(tiny_network("hubert"), True), noise(16000 * 45)
    mean, variance = encoder.first_layer_moments(clip, torch.tensor(0.3), torch.tensor(2.0))
    convolution = encoder.network.feature_extractor.conv_layers[0].conv
    with torch.no_grad():
        whole = convolution(((clip - 0.3) * 2)[None, None])[0]
    torch.testing.assert_close(mean, whole.mean(1), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(variance, whole.var(1, correction=0), rtol=1e-4, atol=1e-6)


def test_layer_choices():
    """`layer` takes last, mean, an index or a list; sizes follow; `pooling` doubles the scene."""
    clips = noise(6000)
    every = api.get_clip_embeddings(clips, tiny_model("wavlm"))
    means = every["layers_mean"][0]
    for layer, wanted in (("last", means[3]), ("mean", means.mean(0)), (1, means[1]), ("1", means[1])):
        model = tiny_model("wavlm", layer=layer)
        assert model.scene_embedding_size == model.timestamp_embedding_size == 48
        torch.testing.assert_close(api.get_scene_embeddings(clips[0][None], model)[0], wanted)
    for layer in ([0, 2], "0,2"):
        model = tiny_model("wavlm", layer=layer, pooling="mean+std")
        assert (model.timestamp_embedding_size, model.scene_embedding_size) == (96, 192)
        scene = api.get_scene_embeddings(clips[0][None], model)[0]
        deviations = every["layers_std"][0]
        torch.testing.assert_close(scene, torch.cat([means[0], means[2], deviations[0], deviations[2]]))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layer": 4}, "an index from 0 to 3"),
        ({"layer": "first"}, "layer='first'"),
        ({"layer": []}, "an index from 0 to 3"),
        ({"layer": 1.5}, "layer=1.5"),
        ({"pooling": "max"}, "known values are 'mean' and 'mean\\+std'"),
        ({"window_seconds": 5}, "needs at least 11 s"),
        ({"window_seconds": "long"}, "window_seconds='long'"),
        ({"batch_seconds": 0}, "batch_seconds=0"),
    ],
)
def test_wrong_options_are_refused_with_the_right_ones(options, sentence):
    """A value that means nothing is named together with those that do."""
    with pytest.raises(ValueError, match=sentence):
        tiny_model("hubert", **options)


def test_small_batches_change_nothing():
    """The memory setting is no setting of the embedding."""
    clips = noise(8000, 12000, 5000)
    at_once = tiny_model("hubert").clips(clips, layers=True)
    in_turn = tiny_model("hubert", batch_seconds=0.1).clips(clips, layers=True)
    for view, rows in at_once.items():
        assert error(in_turn[view], rows) < 1e-5


def test_half_precision_checkpoints_are_computed_in_float32(tmp_path):
    """Weights stored as float16 give float32 embeddings."""
    tiny_network("hubert").half().save_pretrained(tmp_path)
    network = hub.load_transformer(hub.Files(str(tmp_path)))
    (clip,) = noise(3000)
    scene = api.get_scene_embeddings(clip[None], api.Model(TransformerEncoder(network, True)))
    assert scene.dtype == torch.float32 and torch.isfinite(scene).all()


def test_silence_and_clipping_are_normal_input():
    """Zeros and full-scale square waves give finite embeddings."""
    model = tiny_model("wav2vec2")
    for clip in (torch.zeros(4000), torch.ones(4000), torch.sign(torch.sin(torch.arange(4000.0)))):
        assert torch.isfinite(api.get_scene_embeddings(clip[None], model)).all()
