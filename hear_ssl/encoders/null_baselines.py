"""Null baselines: encoders that ignore what they are given, a constant, and noise drawn from a hash of the samples.

What they score is the floor: how far the class frequencies alone carry (constant), and how far a probe gets with
embeddings that differ between sounds but mean nothing (noise).
"""

import hashlib
from typing import Any

import numpy as np
import torch

from hear_ssl.encoders.api import Model
from hear_ssl.encoders.encoder import Encoder, OnLayer
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.weightless import load_weightless

RECEPTIVE_FIELD = 800  # samples: 50 ms, the coarsest step that HEAR's event tasks want
TIMESTAMP_HOP = 800  # samples
SCENE_HOP = 4000  # samples: all frames of a scene are alike, so few will do
WIDTH = 64  # of the noise: as many numbers as log-mel has bands


class NullEncoder(Encoder):
    """The frame grids of encoders that have no reason to choose one: 50 ms every 50 ms, and every 250 ms for scenes."""

    def __init__(self) -> None:
        super().__init__()
        self.timestamp_framing = Framing(RECEPTIVE_FIELD, TIMESTAMP_HOP, self.sample_rate, pad=RECEPTIVE_FIELD // 2)
        self.scene_framing = Framing(RECEPTIVE_FIELD, SCENE_HOP, self.sample_rate, pad=RECEPTIVE_FIELD // 2)


class Majority(NullEncoder):
    """One number a frame, always 1: frames of shape (batch, n_frames, 1)."""

    width = 1

    def forward(
        self, audio: torch.Tensor, n_samples: list[int], framing: Framing, clip_stats: list[Any], on_layer: OnLayer
    ) -> None:
        """See `Encoder.forward`."""
        n_frames = 1 + (audio.shape[1] - framing.receptive_field) // framing.hop
        on_layer(0, audio.new_ones(len(audio), n_frames, self.width))


class Chance(NullEncoder):
    """`WIDTH` numbers a frame from the standard normal distribution, seeded by a hash of the samples.

    On the scene grid every frame of a clip bears the same numbers, so that the mean over time neither shrinks with the
    clip's length nor depends on it. On the timestamp grid a frame's numbers depend on its own samples and on its clip:
    equal frames of different clips, such as silent ones, have nothing in common.
    """

    width = WIDTH

    def clip_stats(self, clip: torch.Tensor, n_windows: int) -> bytes:
        """SHA-256 of the clip's samples."""
        return hashlib.sha256(_sample_bytes(clip)).digest()

    def forward(
        self, audio: torch.Tensor, n_samples: list[int], framing: Framing, clip_stats: list[bytes], on_layer: OnLayer
    ) -> None:
        """See `Encoder.forward`."""
        frames = audio.unfold(1, framing.receptive_field, framing.hop)  # (batch, n_frames, receptive_field)
        if framing == self.scene_framing:
            rows = [_noise(digest).expand(frames.shape[1], self.width) for digest in clip_stats]
        else:
            rows = [
                torch.stack([_noise(digest + _sample_bytes(frame)) for frame in clip])
                for digest, clip in zip(clip_stats, frames, strict=True)
            ]
        on_layer(0, torch.stack(rows).to(audio.device))


def _sample_bytes(audio: torch.Tensor) -> bytes:
    """The bytes of audio (n_samples,)."""
    return audio.cpu().contiguous().numpy().tobytes()


def _noise(seed: bytes) -> torch.Tensor:
    """Noise that these bytes decide, (WIDTH,), float32, standard normal."""
    number = int.from_bytes(hashlib.sha256(seed).digest(), "little")
    return torch.from_numpy(np.random.default_rng(number).standard_normal(WIDTH, dtype=np.float32))


def load_majority(model_file_path: str = "", **options: Any) -> Model:
    """The constant as a HEAR model: 16 kHz, 1 wide, a frame every 50 ms.

    Args:
        model_file_path: Empty, since there are no weights.
        **options: See `hear_ssl.encoders.options.OPTIONS`.

    Raises:
        ValueError: A path, an unknown option or a wrong value.
    """
    return load_weightless("majority", Majority(), model_file_path, options)


def load_chance(model_file_path: str = "", **options: Any) -> Model:
    """Noise as a HEAR model: 16 kHz, `WIDTH` wide, a frame every 50 ms; arguments and errors as in `load_majority`."""
    return load_weightless("chance", Chance(), model_file_path, options)
