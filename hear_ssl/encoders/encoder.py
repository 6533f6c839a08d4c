"""The network inside a HEAR module: audio in, frames of each layer out."""

from collections.abc import Callable
from typing import Any

import torch

from hear_ssl.encoders.frames import Framing

# on_layer(layer, frames): called for layer 0, 1, 2, ... in order with frames (batch, n_frames, width); whoever is
# called pools or copies what it needs, since the network does not keep them.
OnLayer = Callable[[int, torch.Tensor], None]


class Encoder(torch.nn.Module):
    """A frozen network that turns windows of audio into frames, one set per layer.

    What its frames depend on beside its tensors (statistics, settings that come with the weights) is in
    `get_extra_state`, as PyTorch calls it, in words of JSON: embeddings are stored under a hash of the whole state.

    Attributes:
        sample_rate: Of the audio it takes, in Hz.
        width: Size of one frame of one layer.
        n_layers: How many layers it passes to `on_layer` (1 for networks that give only their output).
        margin_seconds: Context that a frame needs on either side when a long clip is cut in windows; 0 if a frame
            depends on nothing outside its own receptive field.
        timestamp_framing: Frame grid for timestamp embeddings.
        scene_framing: Frame grid for scene embeddings; mostly the same.
        precision: Of its matrix products: "float32" or "bfloat16".
        engine: What computes it: "torch" or "openvino".
    """

    precision: str = "float32"
    engine: str = "torch"
    sample_rate: int = 16000
    width: int
    n_layers: int = 1
    margin_seconds: float = 0.0
    timestamp_framing: Framing
    scene_framing: Framing

    def clip_stats(self, clip: torch.Tensor, n_windows: int) -> Any:
        """Statistics of the whole clip that the network needs before it sees its windows; None if it needs none.

        Args:
            clip: The whole clip before any padding, (n_samples,), float32.
            n_windows: Number of windows it will be cut into.
        """
        return None

    def batch_stats(self, audio: torch.Tensor, n_samples: list[int], clip_stats: list[Any]) -> list[Any]:
        """The statistics that `forward` gets, of each window: those of clips that are whole windows may be made here, all at once.

        Args:
            audio, n_samples: As those of `forward`.
            clip_stats: What `clip_stats` gave for the clip of each window.
        """
        return clip_stats

    def forward(
        self, audio: torch.Tensor, n_samples: list[int], framing: Framing, clip_stats: list[Any], on_layer: OnLayer
    ) -> None:
        """Pass the frames of every layer to `on_layer`.

        Frames past a window's own end are padding: their number is right for the longest window and their values
        mean nothing; the first frames of each window are as if it had been alone in the batch.

        Args:
            audio: Windows in [-1, 1], zero-padded at the end to one length, (batch, samples), float32.
            n_samples: Samples of each window before that padding, at least one receptive field each.
            framing: The frame grid wanted: `timestamp_framing` or `scene_framing`.
            clip_stats: What `batch_stats` gave.
            on_layer: Receives (layer, frames), frames of shape (batch, n_frames, width), float32.
        """
        raise NotImplementedError
