"""Log-mel spectrogram as an encoder: nothing in it is learned, so it tells what a learned model adds.

Frames are 25 ms long, 10 ms apart, and centred: frame i lies around sample 160 * i. The window sums to one, so a
full-scale sine gives an energy of 0.25 at its frequency; `ENERGY_FLOOR` lies 94 dB below that.
"""

from typing import Any

import torch

from hear_ssl.encoders.api import Model
from hear_ssl.encoders.encoder import Encoder, OnLayer
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.weightless import load_weightless

# 64 bands from 60 to 7800 Hz: Niizumi et al. 2021 (BYOL-A), https://arxiv.org/abs/2103.06695
N_BANDS = 64
LOWEST_HZ = 60.0
HIGHEST_HZ = 7800.0
# 25 ms every 10 ms: Hershey et al. 2017 (VGGish), https://arxiv.org/abs/1609.09430
WINDOW = 400  # samples
HOP = 160  # samples
# The window is zero-padded to this length: the lowest triangles reach 28 Hz to either side, and with bins of
# 16 Hz each of them holds at least one.
FFT_LENGTH = 1024  # samples
# Added before the logarithm. Below what 16-bit audio holds in a band; digital silence gives log(1e-10) = -23.
ENERGY_FLOOR = 1e-10


def mel_filters(n_bands: int, fft_length: int, sample_rate: int, lowest_hz: float, highest_hz: float) -> torch.Tensor:
    """Triangles of height 1, evenly spaced in mel, each reaching the centres of its neighbours.

    Args:
        n_bands: How many.
        fft_length: Samples of the FFT.
        sample_rate: In Hz.
        lowest_hz, highest_hz: Where the first triangle begins and the last one ends.

    Returns:
        Weights of the bins of a real FFT, (fft_length // 2 + 1, n_bands), float32.

    Source: mel = 2595 log10(1 + f / 700), as in HTK (Young et al. 2006, The HTK Book, section 5.4).
    """
    lowest, highest = 2595 * torch.log10(1 + torch.tensor([lowest_hz, highest_hz], dtype=torch.float64) / 700)
    corners = 700 * (10 ** (torch.linspace(lowest, highest, n_bands + 2, dtype=torch.float64) / 2595) - 1)
    return triangles(corners, fft_length, sample_rate).float()


def triangles(corners: torch.Tensor, fft_length: int, sample_rate: int) -> torch.Tensor:
    """Triangles of height 1, each reaching the centres of its neighbours.

    Args:
        corners: Their centres in Hz, ascending, and where the first begins and the last ends, (n_bands + 2,), float64.
        fft_length: Samples of the FFT.
        sample_rate: In Hz.

    Returns:
        Weights of the bins of a real FFT, (fft_length // 2 + 1, n_bands), float64.
    """
    bins = torch.linspace(0, sample_rate / 2, fft_length // 2 + 1, dtype=torch.float64).unsqueeze(1)
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0)


class MelspecEncoder(Encoder):
    """Log energies of mel bands, one layer of shape (batch, n_frames, N_BANDS); frames of 25 ms every 10 ms."""

    width = N_BANDS
    window: torch.Tensor  # (WINDOW,)
    filters: torch.Tensor  # (FFT_LENGTH // 2 + 1, N_BANDS)

    def __init__(self) -> None:
        super().__init__()
        self.timestamp_framing = self.scene_framing = Framing(WINDOW, HOP, self.sample_rate, pad=WINDOW // 2)
        window = torch.hann_window(WINDOW)
        self.register_buffer("window", window / window.sum())
        self.register_buffer("filters", mel_filters(N_BANDS, FFT_LENGTH, self.sample_rate, LOWEST_HZ, HIGHEST_HZ))

    def forward(
        self, audio: torch.Tensor, n_samples: list[int], framing: Framing, clip_stats: list[Any], on_layer: OnLayer
    ) -> None:
        """See `Encoder.forward`."""
        frames = (
            audio.unfold(1, framing.receptive_field, framing.hop) * self.window
        )  # (batch, n_frames, receptive_field)
        energies = torch.fft.rfft(frames, n=FFT_LENGTH).abs().square()
        on_layer(0, torch.log(energies @ self.filters + ENERGY_FLOOR))


def load_model(model_file_path: str = "", **options: Any) -> Model:
    """The spectrogram as a HEAR model: 16 kHz, a frame every 10 ms; scenes are mean and standard deviation of each band.

    Args:
        model_file_path: Empty, since there are no weights.
        **options: See `hear_ssl.encoders.options.OPTIONS`; `pooling` is "mean+std" unless given.

    Raises:
        ValueError: A path, an unknown option or a wrong value.
    """
    return load_weightless("melspec", MelspecEncoder(), model_file_path, {"pooling": "mean+std", **options})
