"""The encoder of Whisper: a log-mel spectrogram of 30 s, frames of 20 ms; the decoder's weights are left out.

A shorter clip is padded with digital silence to 30 s, as in training, and the silence takes part in attention; only frames whose
centre lies inside the clip are given. Features are floored 80 dB below the loudest of the 30 s, so each window of a long
recording is computed as those 30 s would be.

Source: Radford et al. 2022, https://arxiv.org/abs/2212.04356
"""

import importlib
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch.nn.functional import gelu

from hear_ssl.encoders.bounds import Only, Real, Whole, Word, activations, not_dividing
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import CONTEXT_OPTION, FeatureEncoder, context_of, pad_to
from hear_ssl.encoders.filterbanks import CentredPower
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.library_frames import LibraryFraming

SAMPLE_RATE = 16000  # Hz
FFT_LENGTH, MEL_HOP = 400, 160  # samples
HOP = 2 * MEL_HOP  # samples; the second convolution takes every second mel frame
FLOOR = 1e-10  # of a band's energy
RANGE = 8.0  # below the largest log10 energy


class WhisperEncoder(FeatureEncoder):
    """An encoder around the library's `WhisperEncoder`.

    Args:
        context: See `CONTEXT_OPTION`.
    """

    positions: torch.Tensor  # (n_positions, width)

    def __init__(self, loaded: Loaded, context: str):
        super().__init__(loaded, RULES, SAMPLE_RATE)
        config = self.network.config
        self.width, self.n_layers = config.d_model, config.encoder_layers + 1
        self.power = CentredPower(
            config.num_mel_bins, SAMPLE_RATE, FFT_LENGTH, MEL_HOP, lowest_hz=0.0, highest_hz=8000.0, scale="slaney"
        )
        self.context = context
        self.decides["context"] = context
        self.n_positions = config.max_source_positions
        # They are no weights that an untrained copy would draw anew.
        self.register_buffer("positions", self.network.embed_positions.weight.detach().clone())
        # Frame i lies around sample 320 i, and there is one for each such sample in the clip.
        self.timestamp_framing = self.scene_framing = LibraryFraming(
            1, HOP, SAMPLE_RATE, first_centre=0.5, reach=HOP - 1
        )
        self.see_at_most(self.n_positions)

    def features(self, audio: torch.Tensor) -> torch.Tensor:
        """Log-mel frames (batch, bands, 2 n) of clips (batch, n_samples), n as many as the network takes or, in the context "clip", as the clip has."""
        n = self.n_positions if self.context == "padded" else self.scene_framing.n_frames(audio.shape[1])
        power = self.power(pad_to(audio, n * HOP))[:, :-1]
        mel = power.clamp(min=FLOOR).log10()
        mel = torch.maximum(mel, mel.amax(dim=(1, 2), keepdim=True) - RANGE)
        return ((mel + 4) / 4).float().transpose(1, 2)

    def layers(self, audio: torch.Tensor, stats: Sequence[Any], framing: Framing) -> Iterable[torch.Tensor]:
        """See `EqualLengthsEncoder.layers`."""
        n_frames = framing.n_frames(audio.shape[1])
        x = gelu(self.network.conv2(gelu(self.network.conv1(self.features(audio))))).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        for layer in self.network.layers:
            yield x[:, :n_frames]
            answer = layer(x, None)
            x = answer[0] if isinstance(answer, tuple) else answer
        yield self.network.layer_norm(x)[:, :n_frames]


def build(loaded: Loaded) -> WhisperEncoder:
    """The encoder around a network, with a frame every 20 ms of audio at 16 kHz; a processor file says its input's length in seconds.

    Raises:
        ValueError: The processor makes other features than the network takes.
    """
    config = loaded.network.config
    loaded.hold_processor("feature_size", config.num_mel_bins, "num_mel_bins")
    loaded.hold_processor("chunk_length", config.max_source_positions * HOP / SAMPLE_RATE, "max_source_positions")
    return WhisperEncoder(loaded, context_of(loaded.options))


def bare(library: Any, config: Any) -> Any:
    """The library's encoder without a decoder, for log-mel frames (n_clips, n_bands, 2 n_frames)."""
    return importlib.import_module("transformers.models.whisper.modeling_whisper").WhisperEncoder(config)


RULES = {
    "d_model": Whole(max=16_384),
    "encoder_layers": Whole(max=512),
    "encoder_attention_heads": Whole(max=512),
    "encoder_ffn_dim": Whole(max=65_536),
    "num_mel_bins": Whole(max=1_024),
    "max_source_positions": Whole(max=100_000),
    "activation_function": Word(words=activations),
    "init_std": Real(),
}
FAMILY = Family(
    "whisper",
    "Whisper",
    ("model.encoder.", "encoder."),
    RULES,
    build,
    misfits=partial(not_dividing, part="encoder_attention_heads", whole="d_model"),
    heads=frozenset({"model.decoder", "decoder", "proj_out", "projector", "classifier", "layer_weights"}),
    processor={
        "feature_size": Whole(max=1_024),
        "chunk_length": Whole(max=1_000),
        "sampling_rate": Only(value=SAMPLE_RATE),
        "hop_length": Only(value=MEL_HOP),
        "n_fft": Only(value=FFT_LENGTH),
        "dither": Only(value=0.0),
        "padding_value": Only(value=0.0),
    },
    options=CONTEXT_OPTION,
    layers=r"layers\.(\d+)\.",
    n_layers="encoder_layers",
    network=bare,
)
