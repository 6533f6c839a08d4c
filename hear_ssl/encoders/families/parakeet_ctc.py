"""The encoder of Parakeet CTC: a fast conformer over 80 mel bands, 12.5 frames per second.

Each band is brought to zero mean and unit deviation over the whole clip, also where a long recording is cut in windows.

Source: Rekesh et al. 2023, Fast Conformer, https://arxiv.org/abs/2305.05084
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch

from hear_ssl.encoders.batching import upload
from hear_ssl.encoders.bounds import Only, Real, Switch, Whole, Word, activations, not_dividing
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import MARGIN_SECONDS, FeatureEncoder, pad_to, states
from hear_ssl.encoders.filterbanks import (
    PRE_EMPHASIS,
    BandStatistics,
    band_statistics,
    clip_or_own,
    mel_filters,
    wide,
)
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.library_frames import LibraryFraming

SAMPLE_RATE = 16000  # Hz
FFT_LENGTH, WINDOW, MEL_HOP = 512, 400, 160  # samples
SQUEEZE = 8  # mel frames from one frame to the next
FLOOR = 2.0**-24  # added to a band's energy
STD_FLOOR = 1e-5  # added to a band's standard deviation


class ParakeetEncoder(FeatureEncoder):
    """An encoder around the library's `ParakeetEncoder`."""

    def __init__(self, loaded: Loaded):
        super().__init__(loaded, RULES, SAMPLE_RATE)
        config = self.network.config
        self.width, self.n_layers = config.hidden_size, config.num_hidden_layers + 1
        window = torch.hann_window(WINDOW, periodic=False, dtype=torch.float64)
        self.window = torch.nn.functional.pad(window, ((FFT_LENGTH - WINDOW) // 2,) * 2)
        self.filters = mel_filters(config.num_mel_bins, FFT_LENGTH, SAMPLE_RATE, 0.0, SAMPLE_RATE / 2, "slaney")
        hop = SQUEEZE * MEL_HOP
        # Frame i lies around mel frame 8 i, which is centred on sample 1280 i.
        self.timestamp_framing = self.scene_framing = LibraryFraming(MEL_HOP, hop, SAMPLE_RATE, reach=hop - MEL_HOP)
        self.margin_seconds = MARGIN_SECONDS

    def emphasised(self, audio: torch.Tensor) -> torch.Tensor:
        """Audio (batch, n) with its high frequencies raised, and half an FFT of zeros on both sides."""
        audio = wide(audio)
        audio = torch.cat([audio[:, :1], audio[:, 1:] - PRE_EMPHASIS * audio[:, :-1]], dim=1)
        return torch.nn.functional.pad(audio, (FFT_LENGTH // 2,) * 2)

    def log_mel(self, audio: torch.Tensor) -> torch.Tensor:
        """Mel frames (batch, n_frames, n_bands) of what `emphasised` gave."""
        frames = audio.unfold(1, FFT_LENGTH, MEL_HOP) * self.window.to(audio)
        return (torch.fft.rfft(frames).abs().square() @ self.filters.to(audio) + FLOOR).log()

    def whole_clip(self, clip: torch.Tensor) -> BandStatistics:
        """The statistics of a long clip, over stretches of it."""
        device, audio = self.network.layers[0].norm_out.weight.device, self.emphasised(clip[None])

        def mel(first: int, last: int) -> torch.Tensor:
            part = audio[:, first * MEL_HOP : (last - 1) * MEL_HOP + FFT_LENGTH]
            return self.log_mel(upload(part, device))[0]

        return band_statistics(len(clip) // MEL_HOP, mel)

    def features(self, audio: torch.Tensor, stats: Sequence[BandStatistics | None]) -> torch.Tensor:
        """Normalised mel frames, (batch, n_frames, n_bands), of clips (batch, n_samples)."""
        audio = pad_to(audio, 2 * MEL_HOP)  # one mel frame has no deviation
        mel = self.log_mel(self.emphasised(audio))[:, : audio.shape[1] // MEL_HOP]
        mean, variance = clip_or_own(mel, stats)
        return ((mel - mean) / (variance.sqrt() + STD_FLOOR)).float()

    def layers(
        self, audio: torch.Tensor, stats: Sequence[BandStatistics | None], framing: Framing
    ) -> Iterable[torch.Tensor]:
        """See `EqualLengthsEncoder.layers`."""
        n_frames = framing.n_frames(audio.shape[1])
        return [
            state[:, :n_frames]
            for state in states(self.network(self.features(audio, stats), output_hidden_states=True))
        ]


def build(loaded: Loaded) -> ParakeetEncoder:
    """The encoder around a network, with a frame every 80 ms of audio at 16 kHz.

    Raises:
        ValueError: The processor makes other features than the network takes.
    """
    loaded.hold_processor("feature_size", loaded.network.config.num_mel_bins, "num_mel_bins")
    return ParakeetEncoder(loaded)


def bare(library: Any, config: Any) -> Any:
    """The library's encoder without a head: mel frames (n_clips, n_mel_frames, n_bands) -> hidden states (n_clips, n_frames, width)."""
    return library.ParakeetEncoder(config)


RULES = {
    "hidden_size": Whole(max=16_384),
    "num_hidden_layers": Whole(max=512),
    "num_attention_heads": Whole(max=512),
    "intermediate_size": Whole(max=65_536),
    "hidden_act": Word(words=activations),
    "attention_bias": Switch(),
    "convolution_bias": Switch(),
    "conv_kernel_size": Whole(max=1_023),
    "subsampling_factor": Only(value=SQUEEZE),
    "subsampling_conv_channels": Whole(max=16_384),
    "num_mel_bins": Whole(max=1_024),
    "subsampling_conv_kernel_size": Only(value=3),
    "subsampling_conv_stride": Only(value=2),
    "max_position_embeddings": Whole(max=1_000_000),
    "scale_input": Switch(),
    "initializer_range": Real(),
}
FAMILY = Family(
    "parakeet_ctc",
    "ParakeetEncoder",
    ("encoder.",),
    RULES,
    build,
    misfits=partial(not_dividing, part="num_attention_heads", whole="hidden_size"),
    heads=frozenset({"ctc_head"}),
    processor={
        "feature_size": Whole(max=1_024),
        "sampling_rate": Only(value=SAMPLE_RATE),
        "hop_length": Only(value=MEL_HOP),
        "n_fft": Only(value=FFT_LENGTH),
        "win_length": Only(value=WINDOW),
        "preemphasis": Only(value=PRE_EMPHASIS),
        "padding_value": Only(value=0.0),
    },
    layers=r"layers\.(\d+)\.",
    section="encoder_config",
    network=bare,
)
