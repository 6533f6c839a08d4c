"""The audio tower of CLAP: a Swin transformer (HTS-AT) over a log-mel spectrogram of 10 s at 48 kHz.

A shorter clip is repeated as often as it fits and then padded with zeros, as the library does; a longer one is cut in windows of 10 s,
the last of which ends with the clip, where the library would cut at random. A scene is the embedding of each window (the mean of
windows); timestamp embeddings are the 32 columns of the last map, 312.5 ms each, those inside the clip.

The width of the layers differs, so only the output is one: `output` chooses the projected embedding that is compared with texts, of
length 1, or the one before the projection. In networks that fuse a long clip's crops ("enable_fusion") no clip counts as long.

Source: Wu et al. 2023, https://arxiv.org/abs/2211.06687
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from hear_ssl.encoders.bounds import Only, Real, Switch, Whole, Wholes, Word, activations
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import ROWS_AT_ONCE, FeatureEncoder, pad_to
from hear_ssl.encoders.filterbanks import CentredPower
from hear_ssl.encoders.frames import Framing, Window
from hear_ssl.encoders.library_frames import LibraryFraming

SAMPLE_RATE = 48000  # Hz
FFT_LENGTH, MEL_HOP = 1024, 480  # samples
FLOOR = 1e-10  # of a band's energy
LOWEST_HZ, HIGHEST_HZ = 0.0, 14000.0  # of the mel bands, where the processor file does not say
OUTPUTS = ("projected", "pooled")
OPTIONS = {
    "output": "projected (default: the embedding that is compared with texts, of length 1) or pooled (the one before it)"
}


@dataclass(frozen=True)
class _WholeWindows(LibraryFraming):
    """One frame for each window of `hop` samples; the last window of a long clip is as long as the others."""

    def windows(self, n_samples: int, window: int, margin: int = 0) -> list[Window]:
        """See `Framing.windows`."""
        *parts, last = super().windows(n_samples, window, margin)
        return [*parts, replace(last, start=n_samples - self.hop, stop=n_samples) if parts else last]


class ClapEncoder(FeatureEncoder):
    """An encoder around a `ClapAudioModelWithProjection`.

    Args:
        seconds: Of audio that the network takes, so that no `window_seconds` is another.
        repeats: How a shorter clip is padded: "repeatpad", "repeat" or "pad".
        bands: `scale`, `lowest_hz` and `highest_hz` of the mel bands, as of `mel_filters`.
        output: See `OPTIONS`.
    """

    one_window = True

    def __init__(self, loaded: Loaded, seconds: int, repeats: str, bands: Mapping[str, Any], output: str):
        super().__init__(loaded, RULES, SAMPLE_RATE)
        config = self.network.config
        self.repeats, self.output, self.n_samples = repeats, output, seconds * SAMPLE_RATE
        self.decides.update(output=output, repeats=repeats, bands=repr(dict(bands)), seconds=str(seconds))
        self.width = config.projection_dim if output == "projected" else config.hidden_size
        self.power = CentredPower(config.num_mel_bins, SAMPLE_RATE, FFT_LENGTH, MEL_HOP, **bands)
        # Of the last map: patches merged in pairs between stages, and parts of the time axis put above each other.
        merged = config.patch_stride[1] * 2 ** (len(config.depths) - 1)
        self.n_columns = config.spec_size // merged * (config.spec_size // config.num_mel_bins)
        column = self.n_samples // self.n_columns
        self.timestamp_framing = LibraryFraming(column // 2, column, SAMPLE_RATE, first_centre=column / 2)
        self.scene_framing = _WholeWindows(
            1, self.n_samples, SAMPLE_RATE, first_centre=self.n_samples / 2, reach=self.n_samples - 1
        )
        self.longest_seconds = self.timestamp_framing.seconds(self.n_columns)
        self.rows_at_once = ROWS_AT_ONCE

    def features(self, audio: torch.Tensor) -> torch.Tensor:
        """Log-mel frames in dB, (batch, 1, n_frames, bands), of clips (batch, n) of at most the network's length."""
        n = audio.shape[1]
        if self.repeats != "pad" and n < self.n_samples:
            times = self.n_samples // n + (self.repeats == "repeat")
            audio = audio.repeat(1, times)[:, : self.n_samples]
        power = self.power(pad_to(audio, self.n_samples))
        return (10 * power.clamp(min=FLOOR).log10()).float()[:, None]

    def layers(self, audio: torch.Tensor, stats: Sequence[Any], framing: Framing) -> Iterable[torch.Tensor]:
        """See `EqualLengthsEncoder.layers`."""
        features = self.features(audio)
        never = features.new_zeros(len(features), 1, dtype=torch.long)
        channels = 4 if self.network.config.enable_fusion else 1
        out = self.network.audio_model(features.expand(-1, channels, -1, -1), is_longer=never, return_dict=True)
        if framing is self.scene_framing:
            frames = out.pooler_output[:, None]
        else:
            columns = out.last_hidden_state.mean(2).transpose(1, 2)  # of (batch, width, frequency, n_columns)
            frames = columns[:, : framing.n_frames(audio.shape[1])]
        if self.output == "projected":
            frames = torch.nn.functional.normalize(self.network.audio_projection(frames), dim=-1)
        yield frames


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """The stages are as many as are said, and the spectrogram fits into their square.

    Args:
        settings: `depths` and `num_attention_heads` are (n_stages,), `patch_stride` has shape (2,).
    """
    found = []
    stages = len(settings["depths"])
    if len(settings["num_attention_heads"]) != stages:
        found.append(f"num_attention_heads has {len(settings['num_attention_heads'])} numbers, depths {stages}")
    if len(settings["patch_stride"]) != 2:
        found.append(f"patch_stride has {len(settings['patch_stride'])} numbers; two are wanted")
        return found
    square, bands = settings["spec_size"], settings["num_mel_bins"]
    if square % bands or square % (settings["patch_stride"][0] * 2 ** (stages - 1)):
        found.append(f"spec_size is {square}, no multiple of num_mel_bins, {bands}, and of what {stages} stages merge")
    if settings["hidden_size"] != settings["patch_embeds_hidden_size"] * 2 ** (stages - 1):
        found.append(f"hidden_size is {settings['hidden_size']}, not that of the last of {stages} stages")
    return found


def build(loaded: Loaded) -> ClapEncoder:
    """The encoder around a network, by a processor file with the clip's length in seconds and the ends of the mel bands in Hz.

    Raises:
        ValueError: No processor file says how a clip is padded, or it makes other features than the network takes.
    """
    said = loaded.processor
    output = loaded.options.get("output", OUTPUTS[0])
    if output not in OUTPUTS:
        raise ValueError(f"option output={output!r}: known values are {' and '.join(map(repr, OUTPUTS))}")
    if said is None:
        raise ValueError(
            f"{loaded.where}: no processor file beside the weights says how spectrograms are made (truncation: fusion or rand_trunc); "
            "put the checkpoint's preprocessor_config.json into the folder"
        )
    loaded.hold_processor("feature_size", loaded.network.config.num_mel_bins, "num_mel_bins")
    bands = {
        "scale": "htk" if said.get("truncation", "fusion") == "fusion" else "slaney",
        "lowest_hz": said.get("frequency_min", LOWEST_HZ),
        "highest_hz": said.get("frequency_max", HIGHEST_HZ),
    }
    if bands["lowest_hz"] >= bands["highest_hz"]:
        raise ValueError(
            f"{loaded.where}: the processor file says frequency_min {bands['lowest_hz']}, which is not below frequency_max, "
            f"{bands['highest_hz']}"
        )
    return ClapEncoder(loaded, said.get("max_length_s", 10), said.get("padding", "repeatpad"), bands, output)


def bare(library: Any, config: Any) -> Any:
    """The audio tower and its projection, for log-mel frames (n_clips, n_channels, n_frames, n_bands)."""
    return importlib.import_module("transformers.models.clap.modeling_clap").ClapAudioModelWithProjection(config)


RULES = {
    "hidden_size": Whole(max=16_384),
    "projection_dim": Whole(max=16_384),
    "patch_embeds_hidden_size": Whole(max=4_096),
    "depths": Wholes(max=256, length=6),
    "num_attention_heads": Wholes(max=512, length=6),
    "window_size": Whole(max=256),
    "num_mel_bins": Whole(max=1_024),
    "spec_size": Whole(max=4_096),
    "patch_size": Whole(max=64),
    "patch_stride": Wholes(max=64, length=2),
    "patch_embed_input_channels": Only(value=1),
    "hidden_act": Word(words=activations),
    "projection_hidden_act": Word(words=activations),
    "enable_fusion": Switch(),
    "fusion_type": Word(optional=True, words=lambda: frozenset({"aff_2d", "channel_map"})),
    "flatten_patch_embeds": Only(value=True),
    "enable_patch_layer_norm": Switch(),
    "qkv_bias": Switch(),
    "mlp_ratio": Real(min=0.01, max=64),
    "aff_block_r": Whole(max=64),
    "layer_norm_eps": Real(),
    "initializer_factor": Real(max=100),
}
FAMILY = Family(
    "clap",
    "ClapAudio",
    (),
    RULES,
    build,
    misfits=misfits,
    heads=frozenset({"text_model", "text_projection", "logit_scale_a", "logit_scale_t", "logit_scale"}),
    processor={
        "feature_size": Whole(max=1_024),
        "max_length_s": Whole(max=60),
        "sampling_rate": Only(value=SAMPLE_RATE),
        "hop_length": Only(value=MEL_HOP),
        "fft_window_size": Only(value=FFT_LENGTH),
        "frequency_min": Real(max=SAMPLE_RATE / 2),
        "frequency_max": Real(max=SAMPLE_RATE / 2),
        "padding_value": Only(value=0.0),
        "truncation": Word(words=lambda: frozenset({"fusion", "rand_trunc"})),
        "padding": Word(words=lambda: frozenset({"repeatpad", "repeat", "pad"})),
    },
    options=OPTIONS,
    layers="",
    attention="eager",
    section="audio_config",
    network=bare,
)
