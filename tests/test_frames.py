"""Frame geometry against counting by hand, and windows that keep every frame once."""

import numpy as np
import pytest
import torch

from hear_ssl.encoders.frames import Framing, convolution_framing

KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)


def test_wav2vec2_geometry():
    """The seven convolutions of wav2vec 2.0 see 400 samples and step 320 (Baevski et al. 2020)."""
    framing = convolution_framing(KERNELS, STRIDES, 16000)
    assert (framing.receptive_field, framing.hop) == (400, 320)
    np.testing.assert_allclose(framing.centres(3), [12.5, 32.5, 52.5])


@pytest.mark.parametrize("n_samples", [400, 401, 719, 720, 16000, 48123])
def test_frame_count_equals_what_the_convolutions_give(n_samples):
    """The formula counts the frames that a real stack of convolutions gives."""
    x = torch.zeros(1, 1, n_samples)
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        x = torch.nn.functional.conv1d(x, torch.zeros(1, 1, kernel), stride=stride)
    assert convolution_framing(KERNELS, STRIDES, 16000).n_frames(n_samples) == x.shape[-1]


def test_centre_is_where_an_impulse_is_seen():
    """The frames that see an impulse lie around it: their mean centre is its time."""
    framing = convolution_framing((4, 3), (2, 3), 1000)
    responses = []
    for where in range(40, 46):
        x = torch.zeros(1, 1, 90)
        x[..., where] = 1
        for kernel, stride in ((4, 2), (3, 3)):
            x = torch.nn.functional.conv1d(x, torch.ones(1, 1, kernel), stride=stride)
        centres = framing.centres(x.shape[-1])[x[0, 0].numpy() > 0]
        responses.append(np.abs(centres - (where + 0.5)).max())
    assert max(responses) <= framing.receptive_field / 2


@pytest.mark.parametrize("framing", [convolution_framing(KERNELS, STRIDES, 16000), Framing(1024, 800, 16000, pad=512)])
def test_the_end_padding_gives_every_centre_inside_the_clip_its_frame(framing):
    """With that padding, the last centre lies in the clip and the next one would not; no sample more is added."""
    for n_samples in (framing.receptive_field, 8000, 8123, 31680, 31999):
        end_padding = framing.end_padding(n_samples)
        last = framing.centres(framing.n_frames(n_samples + end_padding))[-1]
        step, end = framing.hop * 1000 / 16000, n_samples * 1000 / 16000
        assert last <= end < last + step
        assert end_padding == 0 or framing.n_frames(n_samples + end_padding - 1) < framing.n_frames(
            n_samples + end_padding
        )


def test_short_clips_give_one_frame():
    """A clip shorter than one receptive field counts one frame."""
    assert [convolution_framing(KERNELS, STRIDES, 16000).n_frames(n) for n in (1, 399, 400)] == [1, 1, 1]


def test_padded_framing_is_centred_on_the_hop():
    """With half a receptive field of padding, frame i is centred at i hops (CREPE: 1 + n // hop frames)."""
    framing = Framing(receptive_field=1024, hop=800, sample_rate=16000, pad=512)
    assert [framing.n_frames(n) for n in (1, 799, 800, 16000)] == [1, 1, 2, 21]
    np.testing.assert_allclose(framing.centres(3), [0, 50, 100])


def test_centres_do_not_drift_in_three_hours():
    """A hop that is no whole number of milliseconds is right after three hours."""
    framing = Framing(receptive_field=551, hop=441, sample_rate=44100)
    n_frames = framing.n_frames(3 * 3600 * 44100)
    last = framing.centres(n_frames)[-1]
    assert last == pytest.approx(((n_frames - 1) * 441 + 275.5) * 1000 / 44100, abs=1e-6)
    assert 3 * 3600 * 1000 - 20 < last < 3 * 3600 * 1000


@pytest.mark.parametrize("n_frames", [1, 10, 11, 16, 17, 23, 100])
@pytest.mark.parametrize("margin", [0, 2])
def test_windows_keep_every_frame_once_with_its_context(n_frames, margin):
    """Kept frames tile the clip, have their margin inside the window, and windows are equally long."""
    framing = Framing(receptive_field=5, hop=3, sample_rate=100)
    n_samples = 5 + 3 * (n_frames - 1) + 1
    windows = framing.windows(n_samples, 10, margin)
    kept = [window.first_frame + frame for window in windows for frame in range(*window.keep)]
    assert kept == list(range(n_frames))
    for window in windows:
        in_window = (window.stop - window.start - 5) // 3 + 1
        assert window.start == 3 * window.first_frame
        assert window.keep[0] >= margin or window.first_frame == 0
        assert in_window - window.keep[1] >= margin or window.first_frame + in_window == n_frames
    assert len({window.stop - window.start for window in windows}) == 1


def test_window_shorter_than_its_margins_is_refused():
    """A window must hold more than its two margins."""
    with pytest.raises(ValueError, match="too short for margins of 5 frames"):
        Framing(5, 3, 100).windows(1000, 10, 5)
