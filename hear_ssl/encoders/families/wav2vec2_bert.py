"""wav2vec2-BERT (w2v-BERT 2.0): a conformer over Kaldi's 80 mel bands, two frames of 10 ms stacked to one of 20 ms.

Each band is brought to zero mean and unit variance over the whole clip, also where a long recording is cut in windows. A last frame
that is only half inside the clip is left out; the library masks it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from hear_ssl.encoders.batching import upload
from hear_ssl.encoders.bounds import Only, Real, Whole, Word, activations
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import MARGIN_SECONDS, FeatureEncoder, pad_to, states
from hear_ssl.encoders.filterbanks import KALDI_HOP, KALDI_WINDOW, KaldiFilterBank, wide
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.library_frames import LibraryFraming
from hear_ssl.encoders.wave_family import HEADS

SAMPLE_RATE = 16000  # Hz
STACK = 2  # mel frames in one vector
FIELD = KALDI_WINDOW + (STACK - 1) * KALDI_HOP  # samples
VARIANCE_FLOOR = 1e-7
STATISTICS_FRAMES = 2_000  # mel frames of a long recording that are in memory at once: 20 s


class Bands(NamedTuple):
    """Mean and variance (ddof 1) of each mel band over a clip, (n_bands,), float64 where there is one."""

    mean: torch.Tensor
    variance: torch.Tensor


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

    def whole_clip(self, clip: torch.Tensor) -> Bands:
        """The statistics of a long clip, over stretches of it."""
        device = self.network.feature_projection.projection.weight.device
        n_frames, total, squares = 1 + (len(clip) - KALDI_WINDOW) // KALDI_HOP, 0.0, 0.0  # type: int, Any, Any
        shift = None  # about which squares are summed: large sums would lose digits
        for first in range(0, n_frames, STATISTICS_FRAMES):
            last = min(first + STATISTICS_FRAMES, n_frames)
            part = clip[first * KALDI_HOP : (last - 1) * KALDI_HOP + KALDI_WINDOW]
            mel = wide(self.bank(upload(part, device)[None])[0])
            shift = mel.mean(0) if shift is None else shift
            total, squares = total + (mel - shift).sum(0), squares + (mel - shift).square().sum(0)
        return Bands(shift + total / n_frames, (squares - total**2 / n_frames) / (n_frames - 1))

    def features(self, audio: torch.Tensor, stats: Sequence[Bands | None]) -> torch.Tensor:
        """Stacked normalised mel frames, (batch, n_frames, 2 n_bands), of clips (batch, n_samples)."""
        mel = wide(self.bank(pad_to(audio, FIELD)))
        variance, mean = torch.var_mean(mel, dim=1, correction=1)
        mean = torch.stack([own if bands is None else bands.mean for own, bands in zip(mean, stats, strict=True)])
        variance = torch.stack(
            [v if bands is None else bands.variance for v, bands in zip(variance, stats, strict=True)]
        )
        mel = (mel - mean[:, None]) / torch.sqrt(variance[:, None] + VARIANCE_FLOOR)
        n = mel.shape[1] // STACK
        return mel[:, : n * STACK].reshape(len(mel), n, -1).float()

    def layers(self, audio: torch.Tensor, stats: Sequence[Bands | None], framing: Framing) -> Iterable[torch.Tensor]:
        """See `EqualLengthsEncoder.layers`."""
        positions = self.network.encoder.embed_positions
        if hasattr(positions, "cached_sequence_length"):
            positions.cached_sequence_length = None  # it may lie on another device
        return states(self.network(self.features(audio, stats), output_hidden_states=True))


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """Heads divide the width, and a vector is two frames of mel bands."""
    width, heads, size = (
        settings[key] for key in ("hidden_size", "num_attention_heads", "feature_projection_input_dim")
    )
    found = [f"num_attention_heads is {heads}, which does not divide hidden_size, {width}"] if width % heads else []
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
