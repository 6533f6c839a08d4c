"""The transformers' whole forward as one graph of torch.compile, every layer included."""

import copy

import pytest
import torch

from hear_ssl.encoders.transformer import TransformerEncoder
from tiny_checkpoints import FAMILIES, tiny_network

pytestmark = pytest.mark.slow  # the whole file: tracing takes seconds a family

N_SAMPLES = [8000, 6000, 8000]


def listener(encoder, n_samples):
    """What gives every layer of a batch of clips, (batch, n_frames, width) each, of an encoder."""

    def layers(audio):
        heard = []
        stats = encoder.batch_stats(audio, n_samples, [None] * len(n_samples))
        encoder(audio, n_samples, encoder.scene_framing, stats, lambda number, frames: heard.append((number, frames)))
        return heard

    return layers


def batch(n_samples):
    """Noise of such lengths, padded with zeros."""
    audio = torch.randn(len(n_samples), max(n_samples), generator=torch.Generator().manual_seed(0)) / 10
    for row, n in enumerate(n_samples):
        audio[row, n:] = 0
    return audio


@pytest.mark.parametrize(("family", "n_samples"), [("hubert", [8000] * 3), *((each, N_SAMPLES) for each in FAMILIES)])
@torch.no_grad()
def test_a_forward_is_one_graph_with_the_same_layers(family, n_samples):
    """`fullgraph` raises at whatever would break it; layers come in the same order with the same values."""
    torch.compiler.reset()
    layers, audio = listener(TransformerEncoder(tiny_network(family), normalize=True), n_samples), batch(n_samples)
    for (number, wanted), (its_number, frames) in zip(
        layers(audio), torch.compile(layers, backend="aot_eager", fullgraph=True)(audio), strict=True
    ):
        assert its_number == number
        torch.testing.assert_close(frames, wanted, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_encoders_around_one_network_and_copies_keep_to_themselves():
    """Each hears its own layers once; a forward that fails leaves nothing behind."""
    one = TransformerEncoder(tiny_network("hubert_batch_norm"), normalize=True)
    other, copied = TransformerEncoder(one.network, normalize=True), copy.deepcopy(one)
    audio = batch(N_SAMPLES)
    wanted = listener(one, N_SAMPLES)(audio)

    def fails(number, frames):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stats = one.batch_stats(audio, N_SAMPLES, [None] * 3)
        one(audio, N_SAMPLES, one.scene_framing, stats, fails)
    for encoder in (one, other, copied):
        heard = listener(encoder, N_SAMPLES)(audio)
        assert [number for number, _ in heard] == list(range(one.n_layers))
        assert all(torch.equal(ours, theirs) for (_, ours), (_, theirs) in zip(heard, wanted, strict=True))
    assert one.hooks.on_layer is None and one.hooks.mask is None
