"""Mel spectrograms as the feature extractors of `transformers` make them, in torch: Kaldi's filter bank, and the centred one.

Sums are in float64 where the device has it, so that a clip's features do not depend on its company, and come out as float32.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

MEL_SCALES = ("htk", "slaney", "kaldi")
# Kaldi's front end: 25 ms every 10 ms at 16 kHz.
KALDI_WINDOW, KALDI_HOP, KALDI_FFT = 400, 160, 512  # samples
KALDI_LOWEST_HZ = 20.0
PRE_EMPHASIS = 0.97
KALDI_FLOOR = 1.192092955078125e-07  # the float32 epsilon
STATISTICS_FRAMES = 2_000  # of a long recording that are in memory at once, of 10 ms each


def hz_to_mel(hz: torch.Tensor, scale: str) -> torch.Tensor:
    """Mel of frequencies of any shape, float64.

    Source: HTK book, section 5.4; Kaldi feat/mel-computations.h; Slaney 1998, Auditory Toolbox.
    """
    if scale == "htk":
        return 2595 * torch.log10(1 + hz / 700)
    if scale == "kaldi":
        return 1127 * torch.log(1 + hz / 700)
    per_mel = torch.log(torch.tensor(6.4, dtype=torch.float64)) / 27
    return torch.where(hz < 1000, hz * 3 / 200, 15 + torch.log(hz.clamp(min=1) / 1000) / per_mel)


def mel_to_hz(mel: torch.Tensor, scale: str) -> torch.Tensor:
    """The inverse of `hz_to_mel`, of any shape."""
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    if scale == "kaldi":
        return 700 * (torch.exp(mel / 1127) - 1)
    per_mel = torch.log(torch.tensor(6.4, dtype=torch.float64)) / 27
    return torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp((mel - 15) * per_mel))


def mel_filters(
    n_bands: int, fft_length: int, sample_rate: int, lowest_hz: float, highest_hz: float, scale: str
) -> torch.Tensor:
    """Triangles evenly spaced in mel, each reaching the centres of its neighbours.

    With Slaney's scale they have area 1 and with the others height 1; Kaldi's are straight in mel, the others in Hz.

    Args:
        n_bands: How many.
        fft_length: Samples of the FFT.
        sample_rate, lowest_hz, highest_hz: In Hz.
        scale: One of `MEL_SCALES`.

    Returns:
        Weights of the bins of a real FFT, (fft_length // 2 + 1, n_bands), float64.
    """
    ends = hz_to_mel(torch.tensor([lowest_hz, highest_hz], dtype=torch.float64), scale)
    corners = torch.linspace(float(ends[0]), float(ends[1]), n_bands + 2, dtype=torch.float64)
    bins = torch.arange(fft_length // 2 + 1, dtype=torch.float64) * (sample_rate / fft_length)
    bins, corners = (hz_to_mel(bins, scale), corners) if scale == "kaldi" else (bins, mel_to_hz(corners, scale))
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (bins[:, None] - left) / (centre - left), (right - bins[:, None]) / (right - centre)
    filters = torch.minimum(rising, falling).clamp(min=0)
    return filters * 2 / (right - left) if scale == "slaney" else filters


def wide(x: torch.Tensor) -> torch.Tensor:
    """A tensor of any shape in float64, where the device has it, else as it is."""
    return x if x.device.type == "mps" else x.double()


class KaldiFilterBank(torch.nn.Module):
    """Log energies of Kaldi's mel bands: frames of 400 samples every 160, none of them beyond the clip's end.

    Args:
        n_bands: How many bands from 20 Hz to half the sample rate.
        sample_rate: In Hz.
        window: "hann" or "povey".
        gain: The audio, in [-1, 1], is multiplied by it (32768 for Kaldi's own scale).
    """

    def __init__(self, n_bands: int, sample_rate: int, window: str, gain: float = 1.0):
        super().__init__()
        hann = torch.hann_window(KALDI_WINDOW, periodic=False, dtype=torch.float64)
        self.window = hann if window == "hann" else hann**0.85
        self.filters = mel_filters(n_bands, KALDI_FFT, sample_rate, KALDI_LOWEST_HZ, sample_rate // 2, "kaldi")
        self.gain = gain

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """(batch, n_samples), at least 400 -> (batch, n_frames, n_bands), float32."""
        frames = wide(audio).unfold(1, KALDI_WINDOW, KALDI_HOP) * self.gain
        frames = frames - frames.mean(dim=2, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
        frames = (frames - PRE_EMPHASIS * before) * self.window.to(frames)
        power = torch.fft.rfft(frames, KALDI_FFT).abs().square()
        return (power @ self.filters.to(power)).clamp(min=KALDI_FLOOR).log().float()


class CentredPower(torch.nn.Module):
    """Energies of mel bands; frame i lies around sample hop * i, and the clip is mirrored at its ends.

    Args:
        n_bands, lowest_hz, highest_hz, scale: See `mel_filters`.
        sample_rate: In Hz.
        fft_length, hop: In samples.
    """

    def __init__(self, n_bands: int, sample_rate: int, fft_length: int, hop: int, **bands: Any):
        super().__init__()
        self.fft_length, self.hop = fft_length, hop
        self.window = torch.hann_window(fft_length, dtype=torch.float64)
        self.filters = mel_filters(n_bands, fft_length, sample_rate, **bands)

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """(batch, n_samples), more than half an FFT -> (batch, n_frames, n_bands), float64 where there is one."""
        audio = wide(audio)
        bins = torch.stft(audio, self.fft_length, self.hop, window=self.window.to(audio), return_complex=True)
        return bins.abs().square().transpose(1, 2) @ self.filters.to(audio)


class BandStatistics(NamedTuple):
    """Mean and variance (ddof 1) of each mel band over a clip, (n_bands,), float64 where there is one."""

    mean: torch.Tensor
    variance: torch.Tensor


def band_statistics(n_frames: int, mel: Callable[[int, int], torch.Tensor]) -> BandStatistics:
    """Those of a long recording, of which 20 s are in memory at once.

    Args:
        n_frames: Mel frames of the recording, at least 2.
        mel: (first, last) -> the mel frames first to last, last not included, (last - first, n_bands).
    """
    total, squares, shift = 0.0, 0.0, None  # type: Any, Any, Any
    for first in range(0, n_frames, STATISTICS_FRAMES):
        frames = wide(mel(first, min(first + STATISTICS_FRAMES, n_frames)))
        shift = frames.mean(0) if shift is None else shift  # squares are summed about it: large sums would lose digits
        total, squares = total + (frames - shift).sum(0), squares + (frames - shift).square().sum(0)
    return BandStatistics(shift + total / n_frames, ((squares - total**2 / n_frames) / (n_frames - 1)).clamp(min=0))


def clip_or_own(mel: torch.Tensor, stats: Sequence[BandStatistics | None]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of windows of mel frames (batch, n_frames, n_bands), each (batch, 1, n_bands): their clips', where known, else their own."""
    variance, mean = torch.var_mean(mel, dim=1, correction=1)
    found = zip(mean, variance, stats, strict=True)
    pairs = [BandStatistics(*own) if known is None else known for *own, known in found]
    return torch.stack([pair.mean for pair in pairs])[:, None], torch.stack([pair.variance for pair in pairs])[:, None]
