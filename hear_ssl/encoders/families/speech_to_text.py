"""The encoder of Speech2Text (S2T): convolutions over Kaldi's mel bands and a transformer, 25 frames per second.

Each band is brought to zero mean and unit deviation over the whole clip, also where a long recording is cut in windows. The library
divides by the deviation as it is; a band that does not change at all, as in silence, is 0 here.

Source: Wang et al. 2020, fairseq S2T, https://arxiv.org/abs/2010.05171
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from hear_ssl.encoders.batching import upload
from hear_ssl.encoders.bounds import Only, Real, Rules, Switch, Whole, Wholes, Word, activations, not_dividing
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import MARGIN_SECONDS, FeatureEncoder, pad_to, states
from hear_ssl.encoders.filterbanks import (
    KALDI_HOP,
    KALDI_WINDOW,
    BandStatistics,
    KaldiFilterBank,
    band_statistics,
    wide,
)
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.library_frames import LibraryFraming

SAMPLE_RATE = 16000  # Hz
STD_FLOOR = 1e-5  # of a band in which nothing but rounding changes
MAX_CONVOLUTIONS = 8  # each halves the number of frames


class SpeechToTextEncoder(FeatureEncoder):
    """An encoder around the library's `Speech2TextEncoder`."""

    def __init__(self, loaded: Loaded):
        super().__init__(loaded, RULES, SAMPLE_RATE)
        config = self.network.config
        self.width, self.n_layers = config.d_model, config.encoder_layers + 1
        self.bank = KaldiFilterBank(config.input_feat_per_channel, SAMPLE_RATE, "povey", 2.0**15)
        # Convolutions of odd kernels that pad themselves: frame i lies around mel frame 4 i.
        hop = 2**config.num_conv_layers * KALDI_HOP
        self.timestamp_framing = self.scene_framing = LibraryFraming(
            KALDI_WINDOW, hop, SAMPLE_RATE, first_centre=KALDI_WINDOW / 2, reach=hop - 1
        )
        self.margin_seconds = MARGIN_SECONDS

    def whole_clip(self, clip: torch.Tensor) -> BandStatistics:
        """The statistics of a long clip, over stretches of it, the variance with ddof 0."""
        device, n_frames = self.network.layer_norm.weight.device, 1 + (len(clip) - KALDI_WINDOW) // KALDI_HOP

        def mel(first: int, last: int) -> torch.Tensor:
            part = clip[first * KALDI_HOP : (last - 1) * KALDI_HOP + KALDI_WINDOW]
            return self.bank(upload(part, device)[None])[0]

        mean, variance = band_statistics(n_frames, mel)
        return BandStatistics(mean, variance * (n_frames - 1) / n_frames)

    def features(self, audio: torch.Tensor, stats: Sequence[BandStatistics | None]) -> torch.Tensor:
        """Normalised mel frames, (batch, n_frames, n_bands), of clips (batch, n_samples)."""
        mel = wide(self.bank(pad_to(audio, KALDI_WINDOW)))
        variance, mean = torch.var_mean(mel, dim=1, correction=0, keepdim=True)
        for row, known in enumerate(stats):
            if known is not None:
                mean[row, 0], variance[row, 0] = known
        std = variance.sqrt()
        return torch.where(std > STD_FLOOR, (mel - mean) / std.clamp(min=STD_FLOOR), 0.0).float()

    def layers(
        self, audio: torch.Tensor, stats: Sequence[BandStatistics | None], framing: Framing
    ) -> Iterable[torch.Tensor]:
        """See `EqualLengthsEncoder.layers`."""
        return states(self.network(self.features(audio, stats), output_hidden_states=True))


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """Heads divide the width, and there is an odd kernel for each convolution, in frames: `conv_kernel_sizes` is (n_convolutions,)."""
    found = not_dividing(settings, "encoder_attention_heads", "d_model")
    kernels, n = settings["conv_kernel_sizes"], settings["num_conv_layers"]
    if len(kernels) != n or not all(kernel % 2 for kernel in kernels):
        found.append(f"conv_kernel_sizes is {list(kernels)}; {n} odd numbers are wanted, one for each convolution")
    return found


def build(loaded: Loaded) -> SpeechToTextEncoder:
    """The encoder around a network; of the mel frames, one every 10 ms, each of its convolutions keeps every second one.

    Raises:
        ValueError: The processor makes other features than the network takes.
    """
    loaded.hold_processor("num_mel_bins", loaded.network.config.input_feat_per_channel, "input_feat_per_channel")
    return SpeechToTextEncoder(loaded)


def bare(library: Any, config: Any) -> Any:
    """The library's encoder without a decoder, for mel frames (n_clips, n_frames, n_bands)."""
    return importlib.import_module("transformers.models.speech_to_text.modeling_speech_to_text").Speech2TextEncoder(
        config
    )


RULES: Rules = {
    "d_model": Whole(max=16_384),
    "encoder_layers": Whole(max=512),
    "encoder_attention_heads": Whole(max=512),
    "encoder_ffn_dim": Whole(max=65_536),
    "activation_function": Word(words=activations),
    "input_feat_per_channel": Whole(max=1_024),
    "input_channels": Only(value=1),
    "num_conv_layers": Whole(max=MAX_CONVOLUTIONS),
    "conv_kernel_sizes": Wholes(max=1_023, length=MAX_CONVOLUTIONS),
    "conv_channels": Whole(max=16_384),
    "max_source_positions": Whole(max=100_000),
    "scale_embedding": Switch(),
    "pad_token_id": Only(value=1),  # positions are counted from it
    "init_std": Real(),
}
FAMILY = Family(
    "speech_to_text",
    "Speech2Text",
    ("model.encoder.", "encoder."),
    RULES,
    build,
    misfits=misfits,
    heads=frozenset({"model.decoder", "decoder", "lm_head"}),
    processor={
        "num_mel_bins": Whole(max=1_024),
        "sampling_rate": Only(value=SAMPLE_RATE),
        "dither": Only(value=0.0),
        "padding_value": Only(value=0.0),
        **{key: Only(value=True) for key in ("do_ceptral_normalize", "normalize_means", "normalize_vars")},
    },
    layers=r"layers\.(\d+)\.",
    n_layers="encoder_layers",
    network=bare,
    attention="eager",
    computed=frozenset({"embed_positions.weights"}),
)
