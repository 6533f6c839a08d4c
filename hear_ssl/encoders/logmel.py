"""The log-mel spectrogram that BYOL-A and BYOL-S look at.

Frame t lies around sample 160 * t; at both ends of the clip the signal is mirrored, as `torch.stft` does by default.

Source: 16 kHz, FFT 1024, window 1024, hop 160, 64 bands from 60 to 7800 Hz, power, natural log of (x + the float32
epsilon): `nttcslab/byol-a`, as in mogg64/byola_domainXfer. The mel scale is that of the library
which each version uses: torchaudio's default in version 1 (HTK scale, triangles of height 1; so, too, in extract_embeds.py of
mogg64/byola_domainXfer), nnAudio's in version 2 (Slaney's scale, triangles of equal area). The authors' example means of
the two versions, -5.5 and -9.7, differ by what equal area costs.
"""

import torch
from torch.nn.functional import pad

from hear_ssl.encoders.melspec import mel_filters, triangles

SAMPLE_RATE = 16000  # Hz
FFT_LENGTH = 1024  # samples
HOP = 160  # samples
N_BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 60.0, 7800.0
FLOOR = torch.finfo(torch.float32).eps  # added before the logarithm
MEL_SCALES = ("htk", "slaney")
# Mirrored samples at either end, so that frame 0 is centred on sample 0.
EDGE = FFT_LENGTH // 2


def _slaney_filters(
    n_bands: int, fft_length: int, sample_rate: int, lowest_hz: float, highest_hz: float
) -> torch.Tensor:
    """Triangles of area 1 (in Hz), evenly spaced in Slaney's mel, each reaching the centres of its neighbours.

    Returns:
        Weights of the bins of a real FFT, (fft_length // 2 + 1, n_bands), float32.

    Source: Slaney 1998, Auditory Toolbox (linear up to 1 kHz, 3 mel per 200 Hz; above it 27 mel for a factor 6.4).
    """
    hz = torch.tensor([lowest_hz, highest_hz], dtype=torch.float64)
    per_mel = torch.log(torch.tensor(6.4, dtype=torch.float64)) / 27
    lowest, highest = torch.where(hz < 1000, hz * 3 / 200, 15 + torch.log(hz / 1000) / per_mel)
    mel = torch.linspace(lowest, highest, n_bands + 2, dtype=torch.float64)
    corners = torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp((mel - 15) * per_mel))
    return (triangles(corners, fft_length, sample_rate) * 2 / (corners[2:] - corners[:-2])).float()


class LogMel(torch.nn.Module):
    """Audio whose ends are already mirrored -> log-mel frames.

    Args:
        mel: "htk" or "slaney".
        window: Samples under the Hann window, 1024 for BYOL-A and 400 for BYOL-S; it is centred in the FFT.

    Raises:
        ValueError: Another scale, or a window that is longer than the FFT.
    """

    window: torch.Tensor  # (FFT_LENGTH,)
    filters: torch.Tensor  # (FFT_LENGTH // 2 + 1, N_BANDS)

    def __init__(self, mel: str = "htk", window: int = FFT_LENGTH):
        super().__init__()
        if mel not in MEL_SCALES:
            raise ValueError(f"option mel={mel!r}: known values are {' and '.join(map(repr, MEL_SCALES))}")
        if isinstance(window, bool) or not isinstance(window, int) or not 0 < window <= FFT_LENGTH:
            raise ValueError(f"option stft_window={window!r}: a number of samples from 1 to {FFT_LENGTH} is wanted")
        self.mel, self.n_window = mel, window
        make = _slaney_filters if mel == "slaney" else mel_filters
        spare = FFT_LENGTH - window
        hann = pad(torch.hann_window(window), (spare // 2, spare - spare // 2))
        self.register_buffer("window", hann, persistent=False)
        filters = make(N_BANDS, FFT_LENGTH, SAMPLE_RATE, LOWEST_HZ, HIGHEST_HZ)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """(batch, n_samples) -> (batch, N_BANDS, n_frames), one frame for each HOP after the first FFT_LENGTH samples."""
        frames = audio.unfold(1, FFT_LENGTH, HOP) * self.window  # (batch, n_frames, FFT_LENGTH)
        energies = torch.view_as_real(torch.fft.rfft(frames)).square().sum(dim=-1)
        return torch.log(energies @ self.filters + FLOOR).transpose(1, 2)


def mirrored(audio: torch.Tensor) -> torch.Tensor:
    """Whole clips with both ends mirrored: (batch, n_samples), n_samples > EDGE -> (batch, n_samples + 2 * EDGE)."""
    return pad(audio.unsqueeze(1), (EDGE, EDGE), mode="reflect").squeeze(1)
