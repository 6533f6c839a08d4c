"""The encoder of LASR (MedASR): a conformer over 128 mel bands with rotary positions, 25 frames per second.

Nothing is normalised by the clip, so that a frame of a window is that of the whole recording, but for what attention sees.

Source: https://huggingface.co/google/medasr
"""

import warnings
from functools import partial
from typing import Any

import torch

from hear_ssl.encoders.batching import padding_mask
from hear_ssl.encoders.bounds import Only, Real, Reals, Rotary, Rules, Switch, Whole, Word, activations, not_dividing
from hear_ssl.encoders.encoder import OnLayer
from hear_ssl.encoders.equal_lengths import ClipFacts, real_lengths
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import MARGIN_SECONDS, FeatureEncoder, pad_to, pass_on
from hear_ssl.encoders.filterbanks import mel_filters, wide
from hear_ssl.encoders.frames import Framing

SAMPLE_RATE = 16000  # Hz
FFT_LENGTH, WINDOW, MEL_HOP = 512, 400, 160  # samples
LOWEST_HZ, HIGHEST_HZ = 125.0, 7500.0
FLOOR = 1e-5  # of a band's energy
KERNEL, STRIDE = 5, 2  # of both convolutions over mel frames, which pad nothing
MEL_FRAMES = KERNEL + (KERNEL - 1) * STRIDE  # that one frame sees
HOP = STRIDE**2 * MEL_HOP  # samples


class LasrEncoder(FeatureEncoder):
    """An encoder around the library's `LasrEncoder`; 16 kHz."""

    def __init__(self, loaded: Loaded):
        super().__init__(loaded, RULES, SAMPLE_RATE)
        config = self.network.config
        self.width, self.n_layers = config.hidden_size, config.num_hidden_layers + 1
        self.window = torch.hann_window(WINDOW, periodic=False, dtype=torch.float64)
        self.filters = mel_filters(config.num_mel_bins, FFT_LENGTH, SAMPLE_RATE, LOWEST_HZ, HIGHEST_HZ, "kaldi")
        field = WINDOW + (MEL_FRAMES - 1) * MEL_HOP
        self.timestamp_framing = self.scene_framing = Framing(field, HOP, SAMPLE_RATE)
        self.margin_seconds = MARGIN_SECONDS

    def features(self, audio: torch.Tensor) -> torch.Tensor:
        """Log-mel frames, (batch, n_mel_frames, n_bands), of clips (batch, n_samples)."""
        frames = wide(audio).unfold(1, WINDOW, MEL_HOP) * self.window.to(wide(audio))
        power = torch.fft.rfft(frames, FFT_LENGTH).abs().square()
        return (power @ self.filters.to(power)).clamp(min=FLOOR).log().float()

    def forward(
        self,
        audio: torch.Tensor,
        n_samples: list[int],
        framing: Framing,
        clip_stats: list[ClipFacts],
        on_layer: OnLayer,
    ) -> None:
        """See `Encoder.forward`: clips of all lengths share a pass, since the library's mask keeps padding from every real frame."""
        n_frames = [framing.n_frames(n) for n in real_lengths(n_samples, clip_stats)]
        longest = framing.receptive_field + (max(n_frames) - 1) * framing.hop
        mel = self.features(pad_to(audio, longest)[:, :longest])
        n_mel = [MEL_FRAMES + (n - 1) * STRIDE**2 for n in n_frames]
        mask = padding_mask(n_mel, mel.shape[1], audio.device)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Using padding=.same. with even kernel")  # as published: 32
            out = self.network(mel, attention_mask=mask, output_hidden_states=True)
        pass_on(out, on_layer)


def _build(loaded: Loaded) -> LasrEncoder:
    """The encoder around a network.

    Raises:
        ValueError: The processor makes other features than the network takes.
    """
    loaded.hold_processor("feature_size", loaded.network.config.num_mel_bins, "num_mel_bins")
    return LasrEncoder(loaded)


def _bare(library: Any, config: Any) -> Any:
    """The library's encoder without a head."""
    return library.LasrEncoder(config)


RULES: Rules = {
    "hidden_size": Whole(max=16_384),
    "num_hidden_layers": Whole(max=512),
    "num_attention_heads": Whole(max=512),
    "intermediate_size": Whole(max=65_536),
    "hidden_act": Word(words=activations),
    "attention_bias": Switch(),
    "convolution_bias": Switch(),
    "conv_kernel_size": Whole(max=1_023),
    "subsampling_conv_channels": Whole(max=16_384),
    "num_mel_bins": Whole(max=1_024),
    "subsampling_conv_kernel_size": Only(value=KERNEL),
    "subsampling_conv_stride": Only(value=STRIDE),
    "max_position_embeddings": Whole(max=1_000_000),
    "initializer_range": Real(),
    "layer_norm_eps": Real(),
    "feed_forward_residual_weights": Reals(length=2, min=-100, max=100),
    "conv_residual_weights": Reals(length=2, min=-100, max=100),
    "rope_parameters": Rotary(),
}


def lasr_family(model_type: str, prefixes: tuple[str, ...], heads: frozenset[str], section: str = "") -> Family:
    """The family of one of the models that this encoder is in, with a frame every 40 ms of audio at 16 kHz; arguments as of `Family`."""
    return Family(
        model_type,
        "LasrEncoder",
        prefixes,
        RULES,
        _build,
        misfits=partial(not_dividing, part="num_attention_heads", whole="hidden_size"),
        refused={"head_dim": "LASR runs here with heads that share the width evenly only"},
        heads=heads,
        processor={
            "feature_size": Whole(max=1_024),
            "sampling_rate": Only(value=SAMPLE_RATE),
            "hop_length": Only(value=MEL_HOP),
            "n_fft": Only(value=FFT_LENGTH),
            "win_length": Only(value=WINDOW),
            "padding_value": Only(value=0.0),
        },
        layers=r"layers\.(\d+)\.",
        section=section,
        network=_bare,
    )
