"""Conformers over Kaldi's mel bands, two frames of 10 ms stacked to one of 20 ms: what wav2vec2-BERT and SeamlessM4T have in common.

Each band is brought to zero mean and unit variance over the whole clip, also where a long recording is cut in windows. A last frame
that is only half inside the clip is left out; the library masks it.
"""

from collections.abc import Sequence
from typing import Any

import torch

from hear_ssl.encoders.batching import padding_mask, upload
from hear_ssl.encoders.bounds import Only, Rules, Whole
from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.equal_lengths import ClipFacts, real_lengths
from hear_ssl.encoders.family import Loaded
from hear_ssl.encoders.feature_encoder import MARGIN_SECONDS, FeatureEncoder, pad_to, pass_on
from hear_ssl.encoders.filterbanks import (
    KALDI_HOP,
    KALDI_WINDOW,
    BandStatistics,
    KaldiFilterBank,
    band_statistics,
    clip_or_own,
    wide,
)
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.library_frames import LibraryFraming

SAMPLE_RATE = 16000  # Hz
STACK = 2  # mel frames in one vector
FIELD = KALDI_WINDOW + (STACK - 1) * KALDI_HOP  # samples
VARIANCE_FLOOR = 1e-7
PROCESSOR: Rules = {
    "num_mel_bins": Whole(max=512),
    "sampling_rate": Only(value=SAMPLE_RATE),
    "stride": Only(value=STACK),
}


class StackedBandsEncoder(FeatureEncoder):
    """An encoder around a network of `transformers` that takes such vectors.

    Args:
        loaded: The network and what is said of it.
        rules: Keys of its config that decide its frames.
        n_layers: Of the network, its input included.
    """

    def __init__(self, loaded: Loaded, rules: Rules, n_layers: int):
        super().__init__(loaded, rules, SAMPLE_RATE)
        config = self.network.config
        self.width, self.n_layers = config.hidden_size, n_layers
        self.bank = KaldiFilterBank(config.feature_projection_input_dim // STACK, SAMPLE_RATE, "povey", 2.0**15)
        self.timestamp_framing = self.scene_framing = LibraryFraming(
            FIELD, STACK * KALDI_HOP, SAMPLE_RATE, first_centre=FIELD / 2
        )
        self.margin_seconds = MARGIN_SECONDS

    def whole_clip(self, clip: torch.Tensor) -> BandStatistics:
        """The statistics of a long clip, over stretches of it."""
        device = self.network.feature_projection.projection.weight.device

        def mel(first: int, last: int) -> torch.Tensor:
            part = clip[first * KALDI_HOP : (last - 1) * KALDI_HOP + KALDI_WINDOW]
            return self.bank(upload(part, device)[None])[0]

        return band_statistics(1 + (len(clip) - KALDI_WINDOW) // KALDI_HOP, mel)

    def features(self, audio: torch.Tensor, stats: Sequence[BandStatistics | None]) -> torch.Tensor:
        """Stacked normalised mel frames, (batch, n_frames, 2 n_bands), of clips (batch, n_samples)."""
        mel = wide(self.bank(pad_to(audio, FIELD)))
        mean, variance = clip_or_own(mel, stats)
        mel = (mel - mean) / torch.sqrt(variance + VARIANCE_FLOOR)
        n = mel.shape[1] // STACK
        return mel[:, : n * STACK].reshape(len(mel), n, -1).float()

    def forward(
        self,
        audio: torch.Tensor,
        n_samples: list[int],
        framing: Framing,
        clip_stats: list[ClipFacts],
        on_layer: OnLayer,
    ) -> None:
        """See `Encoder.forward`: clips of all lengths share a pass, since the library's mask keeps padding from every real frame."""
        positions: Any = getattr(self.network.encoder, "embed_positions", None)
        if hasattr(positions, "cached_sequence_length"):
            positions.cached_sequence_length = None  # it may lie on another device
        real = real_lengths(n_samples, clip_stats)
        n_frames = [framing.n_frames(n) for n in real]
        stacked = audio.new_zeros(len(audio), max(n_frames), self.network.config.feature_projection_input_dim)
        for n, rows in self.groups(real):
            stats = [clip_stats[row].stats for row in rows]
            stacked[rows, : framing.n_frames(n)] = self.features(audio[rows, :n], stats)
        mask = padding_mask(n_frames, max(n_frames), audio.device)
        self.run_network(stacked, mask, on_layer)

    def run_network(self, stacked: torch.Tensor, mask: torch.Tensor | None, on_layer: OnLayer) -> None:
        """Pass every layer to `on_layer`; `mask` (batch, n_frames) is True for real frames, None if all are.

        Args:
            stacked: What `features` gives, (batch, n_frames, 2 n_bands).
            mask, on_layer: See above, and `Encoder.forward`.
        """
        out = self.network(stacked, attention_mask=mask, output_hidden_states=True)
        pass_on(out, on_layer)


def refuse_other_bands(loaded: Loaded) -> None:
    """Hold the processor file's mel bands against config.json, where a vector is the bands of two frames.

    Raises:
        ValueError: The processor makes other features than the network takes.
    """
    bands = (loaded.processor or {}).get("num_mel_bins", 80)
    wanted = loaded.network.config.feature_projection_input_dim // STACK
    if bands != wanted:
        raise ValueError(
            f"{loaded.where}: the processor file says num_mel_bins {bands}, but config.json has feature_projection_input_dim "
            f"{STACK * wanted}, two frames of {wanted}"
        )
