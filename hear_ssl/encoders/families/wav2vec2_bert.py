"""wav2vec2-BERT (w2v-BERT 2.0): a conformer over Kaldi's 80 mel bands, two frames of 10 ms stacked to one of 20 ms.

Each band is brought to zero mean and unit variance over the whole clip, also where a long recording is cut in windows. A last frame
that is only half inside the clip is left out; the library masks it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from hear_ssl.encoders.batching import upload
from hear_ssl.encoders.bounds import Only, Real, Whole, Word, activations, not_dividing
from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.equal_lengths import ClipFacts, real_lengths
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import MARGIN_SECONDS, FeatureEncoder, pad_to, states
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
from hear_ssl.encoders.transformer import real_steps
from hear_ssl.encoders.wave_family import HEADS

SAMPLE_RATE = 16000  # Hz
STACK = 2  # mel frames in one vector
FIELD = KALDI_WINDOW + (STACK - 1) * KALDI_HOP  # samples
VARIANCE_FLOOR = 1e-7


class Wav2Vec2BertEncoder(FeatureEncoder):
    """An encoder around a `Wav2Vec2BertModel`."""

    def __init__(self, loaded: Loaded):
        super().__init__(loaded, RULES, SAMPLE_RATE)
        config = self.network.config
        self.width, self.n_layers = config.hidden_size, config.num_hidden_layers + 1
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
        positions = self.network.encoder.embed_positions
        if hasattr(positions, "cached_sequence_length"):
            positions.cached_sequence_length = None  # it may lie on another device
        real = real_lengths(n_samples, clip_stats)
        n_frames = [framing.n_frames(n) for n in real]
        stacked = audio.new_zeros(len(audio), max(n_frames), self.network.config.feature_projection_input_dim)
        for n, rows in self.groups(real):
            stats = [clip_stats[row].stats for row in rows]
            stacked[rows, : framing.n_frames(n)] = self.features(audio[rows, :n], stats)
        mask = None if len(set(n_frames)) == 1 else real_steps(n_frames, max(n_frames), audio.device)[0]
        out = self.network(stacked, attention_mask=mask, output_hidden_states=True)
        for number, frames in enumerate(states(out)):
            on_layer(number, frames)


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """Heads divide the width, and a vector is two frames of mel bands."""
    size, found = settings["feature_projection_input_dim"], not_dividing(settings, "num_attention_heads", "hidden_size")
    return found + ([f"feature_projection_input_dim is {size}, no even number"] if size % STACK else [])


def build(loaded: Loaded) -> Wav2Vec2BertEncoder:
    """The encoder around a network.

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
    return Wav2Vec2BertEncoder(loaded)


RULES = {
    "hidden_size": Whole(max=16_384),
    "num_hidden_layers": Whole(max=512),
    "num_attention_heads": Whole(max=512),
    "intermediate_size": Whole(max=65_536),
    "feature_projection_input_dim": Whole(max=1_024),
    "hidden_act": Word(words=activations),
    "layer_norm_eps": Real(),
    "initializer_range": Real(),
    "mask_time_prob": Real(),
    "mask_feature_prob": Real(),
    "position_embeddings_type": Word(optional=True, words=lambda: frozenset({"relative", "relative_key", "rotary"})),
    "rotary_embedding_base": Only(value=10000),
    "max_source_positions": Whole(max=20_000),
    "left_max_position_embeddings": Whole(max=10_000),
    "right_max_position_embeddings": Whole(max=10_000),
    "conv_depthwise_kernel_size": Whole(max=1_023),
}
FAMILY = Family(
    "wav2vec2-bert",
    "Wav2Vec2Bert",
    ("wav2vec2_bert.",),
    RULES,
    build,
    misfits=misfits,
    refused={"use_intermediate_ffn_before_adapter": "it puts another network behind the encoder"},
    heads=HEADS,
    processor={
        "num_mel_bins": Whole(max=512),
        "sampling_rate": Only(value=SAMPLE_RATE),
        "stride": Only(value=STACK),
    },
)
