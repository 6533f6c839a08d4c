"""Duration and loudness as an encoder: what a task gives away by how its sounds were recorded, not by what they are.

Levels are in dB relative to full scale: a sine of amplitude 1 has a level of -3.01 dB and a peak of 0 dB. Frames are
50 ms long, 25 ms apart and centred, so the first and the last see 25 ms of zeros (their level is up to 3 dB low).
"""

from typing import Any

import torch

from hear_ssl.encoders.api import Model
from hear_ssl.encoders.encoder import Encoder, OnLayer
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.weightless import load_weightless

RECEPTIVE_FIELD = 800  # samples: 50 ms, one period of 20 Hz
HOP = 400  # samples: 25 ms
# Silence counts as this loud. The rounding to 16 bit alone has a level of 20 log10(2^-15 / sqrt(12)) = -101 dB.
FLOOR_DB = -100.0


def _decibels(square: torch.Tensor) -> torch.Tensor:
    """Squares of amplitudes, any shape, in dB; at least `FLOOR_DB`."""
    return 10 * torch.log10(square.clamp(min=10 ** (FLOOR_DB / 10)))


class Loudness(Encoder):
    """Four numbers a frame; but for the last they are those of its whole clip.

    Natural logarithm of the clip's duration in seconds, as it came (a protocol that cuts or fills has done so before);
    the clip's level (dB of the mean square) and its peak (dB of the largest sample); the level of the frame. Over time
    the first three have standard deviation 0, and the last has the mean and standard deviation of the level.
    """

    width = 4

    def __init__(self) -> None:
        super().__init__()
        framing = Framing(RECEPTIVE_FIELD, HOP, self.sample_rate, pad=RECEPTIVE_FIELD // 2)
        self.timestamp_framing = self.scene_framing = framing

    def clip_stats(self, clip: torch.Tensor, n_windows: int) -> torch.Tensor:
        """Duration (log s), level and peak (dB) of the clip, (3,)."""
        duration = torch.log(torch.tensor(len(clip) / self.sample_rate, dtype=torch.float64))
        level, peak = _decibels(clip.double().square().mean()), _decibels(clip.abs().max().double().square())
        return torch.stack([duration.to(level.device), level, peak]).float()

    def forward(
        self,
        audio: torch.Tensor,
        n_samples: list[int],
        framing: Framing,
        clip_stats: list[torch.Tensor],
        on_layer: OnLayer,
    ) -> None:
        """See `Encoder.forward`."""
        frames = audio.unfold(1, framing.receptive_field, framing.hop)  # (batch, n_frames, receptive_field)
        levels = _decibels(frames.square().mean(dim=-1))  # (batch, n_frames)
        of_clips = (
            torch.stack(clip_stats).to(audio.device).unsqueeze(1).expand(-1, levels.shape[1], -1)
        )  # (batch, n_frames, 3)
        on_layer(0, torch.cat([of_clips, levels.unsqueeze(-1)], dim=-1))


def load_model(model_file_path: str = "", **options: Any) -> Model:
    """Duration and loudness as a HEAR model: 16 kHz, 4 wide, a frame every 25 ms.

    Args:
        model_file_path: Empty, since there are no weights.
        **options: See `hear_ssl.encoders.options.OPTIONS`; `pooling="mean+std"` adds how much the level varies.

    Raises:
        ValueError: A path, an unknown option or a wrong value.
    """
    return load_weightless("duration_loudness", Loudness(), model_file_path, options)
