"""The encoder of Omnilingual ASR: wav2vec 2.0 with layer norm, under other names than those of `Wav2Vec2Model`.

Audio is brought to zero mean and unit variance over the whole clip, also where a long recording is cut in windows.

Source: https://github.com/facebookresearch/omnilingual-asr
"""

from collections.abc import Mapping
from typing import Any

import torch

from hear_ssl.encoders.batching import padding_mask, upload
from hear_ssl.encoders.bounds import Rules
from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.equal_lengths import ClipFacts, real_lengths
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import FeatureEncoder, pass_on
from hear_ssl.encoders.filterbanks import wide
from hear_ssl.encoders.frames import Framing, convolution_framing
from hear_ssl.encoders.transformer import MARGIN_FRAMES, OPTIONS
from hear_ssl.encoders.wave_family import PROCESSOR, misfits, normalization_and_rate
from hear_ssl.encoders.wave_family import RULES as OF_WAV2VEC2

VARIANCE_FLOOR = 1e-5  # added to the variance before its root; wav2vec 2.0 has 1e-7

RULES: Rules = {
    key: OF_WAV2VEC2[key]
    for key in (
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "num_conv_pos_embeddings",
        "num_conv_pos_embedding_groups",
        "conv_dim",
        "conv_kernel",
        "conv_stride",
        "conv_bias",
        "layer_norm_eps",
        "initializer_range",
        "hidden_act",
    )
}


class OmniASREncoder(FeatureEncoder):
    """An encoder around the library's `OmniASRAudioModel`; sample rate in Hz."""

    def __init__(self, loaded: Loaded):
        normalize, sample_rate = normalization_and_rate(loaded)
        super().__init__(loaded, RULES, sample_rate)
        config = self.network.config
        self.normalize, self.decides["normalize"] = normalize, repr(normalize)
        self.width, self.n_layers = config.hidden_size, config.num_hidden_layers + 1
        framing = convolution_framing(tuple(config.conv_kernel), tuple(config.conv_stride), sample_rate)
        self.timestamp_framing = self.scene_framing = framing
        margin = max(MARGIN_FRAMES, 1 + config.num_conv_pos_embeddings // 2)
        self.margin_seconds = margin * framing.hop / sample_rate

    def whole_clip(self, clip: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance of a long clip's samples, of shape ()."""
        variance, mean = torch.var_mean(clip, correction=0)
        device = self.network.layer_norm.weight.device
        return upload(mean, device), upload(variance, device)

    def normalised(self, audio: torch.Tensor, stats: tuple[torch.Tensor, torch.Tensor] | None) -> torch.Tensor:
        """A clip (n_samples,), or a stretch of one with the clip's statistics, as the network takes it."""
        if not self.normalize:
            return audio
        if stats is None:
            variance, mean = torch.var_mean(wide(audio), correction=0)
            stats = mean, variance
        return ((wide(audio) - stats[0]) * torch.rsqrt(stats[1] + VARIANCE_FLOOR)).float()

    def forward(
        self,
        audio: torch.Tensor,
        n_samples: list[int],
        framing: Framing,
        clip_stats: list[ClipFacts],
        on_layer: OnLayer,
    ) -> None:
        """See `Encoder.forward`: clips of all lengths share a pass, since the library's mask keeps padding from every real frame."""
        real = real_lengths(n_samples, clip_stats)
        needed = [framing.receptive_field + (framing.n_frames(n) - 1) * framing.hop for n in real]
        x = audio.new_zeros(len(audio), max(needed))
        for row, (n, length) in enumerate(zip(real, needed, strict=True)):
            own = self.normalised(audio[row, :n], clip_stats[row].stats)[:length]
            x[row, : len(own)] = own
        mask = padding_mask(needed, max(needed), audio.device)
        out = self.network(x[:, None], padding_mask=mask, output_hidden_states=True)
        pass_on(out, on_layer)


def _misfits(settings: Mapping[str, Any]) -> list[str]:
    """As of wav2vec 2.0, and the positional convolution has an even kernel: the library always takes one frame away."""
    kernel, found = settings["num_conv_pos_embeddings"], misfits(settings)
    return found + ([f"num_conv_pos_embeddings is {kernel}, no even number"] if kernel % 2 else [])


def omniasr_family(model_type: str, prefixes: tuple[str, ...], heads: frozenset[str], section: str = "") -> Family:
    """The family of one of the models that this encoder is in; arguments as of `Family`.

    The sample rate is that of the processor file, in Hz, or 16 kHz.
    """
    return Family(
        model_type,
        "OmniASRAudio",
        prefixes,
        RULES,
        OmniASREncoder,
        misfits=_misfits,
        heads=heads,
        processor=PROCESSOR,
        options=OPTIONS,
        layers=r"layers\.(\d+)\.",
        section=section,
    )
