"""SEW and SEW-D: the frames of wav2vec 2.0 squeezed in pairs, so that the transformer works at 25 frames per second.

The library gives its layers on that grid, and the output on the finer one, by a linear layer that makes two frames of one. Here all
layers are on one grid, that of the layers: the two output frames of an inner one are averaged. Where the number of fine frames
is odd the library adds an output frame of zeros, which is no frame.

Clips with equally many fine frames run together, without a mask: half a pair at a clip's end would count as real.
"""

from typing import Any

import torch

from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.family import Loaded
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.transformer import ClipStats, TransformerEncoder
from hear_ssl.encoders.wave_family import normalization_and_rate


class SqueezedEncoder(TransformerEncoder):
    """An encoder of the SEW family around a bare network of `transformers`; sample rate in Hz."""

    def __init__(self, network: torch.nn.Module, normalize: bool, sample_rate: int = 16000):
        encoder: Any = network.encoder
        if not hasattr(
            encoder, "layers"
        ):  # SEW-D has them further inside; not as a part, whose tensors would be counted twice
            vars(encoder)["layers"] = encoder.encoder.layer
        super().__init__(network, normalize, sample_rate)
        self.squeeze: int = self.network.config.squeeze_factor
        self.fine_framing = fine = self.scene_framing
        field = fine.receptive_field + (self.squeeze - 1) * fine.hop
        self.timestamp_framing = self.scene_framing = Framing(field, self.squeeze * fine.hop, sample_rate)

    def get_extra_state(self) -> dict[str, Any]:
        """See `Encoder`."""
        config = self.network.config
        decide = ("squeeze_factor", "position_buckets", "max_position_embeddings", "share_att_key", "pos_att_type",
                  "relative_attention", "norm_rel_ebd", "feature_layer_norm_eps")  # fmt: skip
        return {**super().get_extra_state(), **{name: repr(getattr(config, name, None)) for name in decide}}

    def forward(
        self,
        audio: torch.Tensor,
        n_samples: list[int],
        framing: Framing,
        clip_stats: list[ClipStats],
        on_layer: OnLayer,
    ) -> None:
        """See `Encoder.forward`."""
        mean = torch.stack([stats.mean for stats in clip_stats]).unsqueeze(1)
        scale = torch.stack([stats.scale for stats in clip_stats]).unsqueeze(1)
        features = self.features((audio - mean) * scale, n_samples, clip_stats)
        hidden = self.network.layer_norm(features.transpose(1, 2))
        if self.network.project_features:
            hidden = self.network.feature_projection(hidden)
        n_fine = [self.fine_framing.n_frames(n) for n in n_samples]
        layers = hidden.new_zeros(self.n_layers, len(audio), framing.n_frames(max(n_samples)), self.width)
        for n in sorted(set(n_fine)):
            rows = [row for row, own in enumerate(n_fine) if own == n]

            def keep(number: int, frames: torch.Tensor, rows: list[int] = rows) -> None:
                layers[number][rows, : frames.shape[1]] = frames

            self.transform(hidden[rows, :n], None, keep)
        for number, frames in enumerate(layers):
            on_layer(number, frames)

    def transform(self, hidden: torch.Tensor, mask: torch.Tensor | None, on_layer: OnLayer) -> None:
        """See `TransformerEncoder.transform`; the output's frames are averaged in pairs."""

        def on_one_grid(number: int, frames: torch.Tensor) -> None:
            if number == self.n_layers - 1:
                whole = frames.shape[1] // self.squeeze
                frames = frames[:, : whole * self.squeeze].unflatten(1, (whole, self.squeeze)).mean(2)
            on_layer(number, frames)

        super().transform(hidden, mask, on_one_grid)


def build(loaded: Loaded) -> SqueezedEncoder:
    """The encoder around a network, at the sample rate of its processor file, in Hz, or at 16 kHz."""
    return SqueezedEncoder(loaded.network, *normalization_and_rate(loaded))
