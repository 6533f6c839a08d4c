"""Encoders that do not listen: a constant, and noise drawn from a hash of the samples.

What they score is the floor: how far the class frequencies alone carry (constant), and how far a probe gets with
embeddings that differ between sounds but mean nothing (noise).
"""

import hashlib
from typing import Any

import numpy as np
import torch

from hear_ssl.encoders.api import Model, check_options
from hear_ssl.encoders.encoder import Encoder, Visit
from hear_ssl.encoders.frames import Framing

FIELD = 800  # samples: 50 ms, the coarsest step that HEAR's event tasks want
TIMESTAMP_HOP = 800  # samples
SCENE_HOP = 4000  # samples: all frames of a scene are alike, so few will do
WIDTH = 64  # of the noise: as many numbers as log-mel has bands


class DeafEncoder(Encoder):
    """The frame grids of encoders that have no reason to choose one."""

    def __init__(self) -> None:
        super().__init__()
        self.timestamp_framing = Framing(FIELD, TIMESTAMP_HOP, self.sample_rate, pad=FIELD // 2)
        self.scene_framing = Framing(FIELD, SCENE_HOP, self.sample_rate, pad=FIELD // 2)


class Majority(DeafEncoder):
    """One number a frame, always 1."""

    width = 1

    def forward(
        self, audio: torch.Tensor, n_samples: list[int], framing: Framing, facts: list[Any], visit: Visit
    ) -> None:
        """See `Encoder.forward`."""
        visit(0, audio.new_ones(len(audio), 1 + (audio.shape[1] - framing.field) // framing.hop, self.width))


class Chance(DeafEncoder):
    """`WIDTH` numbers a frame from the standard normal distribution, seeded by a hash of the samples.

    On the scene grid every frame of a clip bears the same numbers, so that the mean over time neither shrinks with the
    clip's length nor tells it. On the timestamp grid a frame's numbers depend on its own samples and on its clip: equal
    frames of different clips, such as silent ones, have nothing in common.
    """

    width = WIDTH

    def clip_facts(self, clip: torch.Tensor, n_windows: int) -> bytes:
        """SHA-256 of the clip's samples."""
        return hashlib.sha256(samples(clip)).digest()

    def forward(
        self, audio: torch.Tensor, n_samples: list[int], framing: Framing, facts: list[bytes], visit: Visit
    ) -> None:
        """See `Encoder.forward`."""
        frames = audio.unfold(1, framing.field, framing.hop)  # (batch, n_frames, field)
        if framing == self.scene_framing:
            rows = [drawn(fact).expand(frames.shape[1], self.width) for fact in facts]
        else:
            rows = [
                torch.stack([drawn(fact + samples(frame)) for frame in clip])
                for fact, clip in zip(facts, frames, strict=True)
            ]
        visit(0, torch.stack(rows).to(audio.device))


def samples(audio: torch.Tensor) -> bytes:
    """The bytes of audio (n_samples,)."""
    return audio.cpu().contiguous().numpy().tobytes()


def drawn(seed: bytes) -> torch.Tensor:
    """Noise that these bytes decide, (WIDTH,), float32, standard normal."""
    number = int.from_bytes(hashlib.sha256(seed).digest(), "little")
    return torch.from_numpy(np.random.default_rng(number).standard_normal(WIDTH, dtype=np.float32))


def load_majority(model_file_path: str = "", **options: Any) -> Model:
    """The constant as a HEAR model.

    Args:
        model_file_path: Empty, since there are no weights.
        **options: See `hear_ssl.encoders.api.OPTIONS`.

    Raises:
        ValueError: A path, an unknown option or a wrong value.
    """
    return load("majority", Majority(), model_file_path, options)


def load_chance(model_file_path: str = "", **options: Any) -> Model:
    """Noise as a HEAR model; arguments and errors as in `load_majority`."""
    return load("chance", Chance(), model_file_path, options)


def load(name: str, encoder: Encoder, model_file_path: str, options: dict[str, Any]) -> Model:
    """A model without weights; errors as in `load_majority`."""
    check_options(options, {})
    if model_file_path:
        raise ValueError(f"{name} has no weights to load; leave model_file_path empty ({model_file_path!r} came)")
    return Model(encoder, **options)
