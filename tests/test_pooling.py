"""Mean and deviation collected in pieces against torch's own over the whole."""

import torch

from hear_ssl.encoders.pooling import Moments


def test_pieces_give_the_moments_of_the_whole():
    """Frames of two clips that came in several windows, with padding, pool as if in one piece."""
    generator = torch.Generator().manual_seed(0)
    clips = [torch.randn(7, 3, generator=generator) + 1000, torch.randn(2, 3, generator=generator)]
    moments = Moments(2, 2, 3, torch.device("cpu"))
    garbage = torch.full((1, 3), 1e6)
    first = torch.stack([torch.cat([clips[0][:4], garbage]), torch.cat([clips[1], garbage.repeat(3, 1)])])
    keep = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]])
    moments.add(1, first, keep, torch.tensor([0, 1]))
    moments.add(1, clips[0][4:6][None], torch.ones(1, 2), torch.tensor([0]))
    moments.add(1, clips[0][5:][None], torch.tensor([[0, 1]]), torch.tensor([0]))
    for number, clip in enumerate(clips):
        torch.testing.assert_close(moments.mean()[number, 1], clip.mean(0))
        torch.testing.assert_close(moments.std()[number, 1], clip.std(0), rtol=1e-4, atol=0)


def test_two_windows_of_one_clip_in_one_batch():
    """Both windows of a clip count when they come in the same batch."""
    frames = torch.arange(12.0).reshape(2, 2, 3)
    moments = Moments(1, 1, 3, torch.device("cpu"))
    moments.add(0, frames, torch.ones(2, 2), torch.tensor([0, 0]))
    torch.testing.assert_close(moments.mean()[0, 0], frames.reshape(4, 3).mean(0))
    torch.testing.assert_close(moments.std()[0, 0], frames.reshape(4, 3).std(0))


def test_one_frame_has_deviation_zero():
    """The deviation of a single frame is 0 and not NaN."""
    moments = Moments(1, 1, 2, torch.device("cpu"))
    moments.add(0, torch.ones(1, 1, 2), torch.ones(1, 1), torch.tensor([0]))
    assert moments.std().tolist() == [[[0.0, 0.0]]]
