"""The encoder of Moonshine: convolutions over the waveform and a transformer with rotary positions, 41.7 frames per second.

Its group norm is over all channels and frames of a whole clip, also where a long recording is cut in windows.

Source: Jeffries et al. 2024, https://arxiv.org/abs/2410.15608
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from hear_ssl.encoders.batching import upload
from hear_ssl.encoders.bounds import Only, Real, Rotary, Switch, Whole, Word, activations, not_dividing
from hear_ssl.encoders.family import Family, Loaded
from hear_ssl.encoders.feature_encoder import MARGIN_SECONDS, FeatureEncoder, pad_to, states
from hear_ssl.encoders.filterbanks import wide
from hear_ssl.encoders.frames import Framing, convolution_framing
from hear_ssl.encoders.library_frames import LibraryFraming

SAMPLE_RATE = 16000  # Hz
STATISTICS_FRAMES = 5_000  # of the first convolution of a long recording that are in memory at once: 20 s
GRID = convolution_framing((127, 7, 3), (64, 3, 2), SAMPLE_RATE)


class MoonshineEncoder(FeatureEncoder):
    """An encoder around the library's `MoonshineEncoder`."""

    def __init__(self, loaded: Loaded):
        super().__init__(loaded, RULES, SAMPLE_RATE)
        config = self.network.config
        self.width, self.n_layers = config.hidden_size, config.encoder_num_hidden_layers + 1
        # Scenes are of frames that lie inside the clip; for timestamp embeddings a frame's middle may be enough.
        self.scene_framing, self.timestamp_framing = (
            LibraryFraming(
                needed,
                GRID.hop,
                SAMPLE_RATE,
                first_centre=GRID.receptive_field / 2,
                reach=min(GRID.hop - 1, GRID.receptive_field - needed),
            )
            for needed in (GRID.receptive_field, GRID.receptive_field // 2)
        )
        self.margin_seconds = MARGIN_SECONDS

    def whole_clip(self, clip: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance of the group norm's input over a clip, of shape (), over stretches of it."""
        convolution = self.network.conv1
        kernel, stride = convolution.kernel_size[0], convolution.stride[0]
        clip = pad_to(clip[None], kernel)[0]
        n_frames, total, squares = 1 + (len(clip) - kernel) // stride, 0.0, 0.0  # type: int, Any, Any
        for first in range(0, n_frames, STATISTICS_FRAMES):
            last = min(first + STATISTICS_FRAMES, n_frames)
            part = upload(clip[first * stride : (last - 1) * stride + kernel], convolution.weight.device)
            x = wide(torch.tanh(convolution(part[None, None])))
            total, squares = total + x.sum(), squares + x.square().sum()
        mean = total / (n_frames * self.width)
        return mean.float(), (squares / (n_frames * self.width) - mean**2).clamp(min=0).float()

    def layers(
        self, audio: torch.Tensor, stats: Sequence[tuple[torch.Tensor, torch.Tensor] | None], framing: Framing
    ) -> Iterable[torch.Tensor]:
        """See `EqualLengthsEncoder.layers`."""
        needed = GRID.receptive_field + (framing.n_frames(audio.shape[1]) - 1) * GRID.hop
        if needed > audio.shape[1]:  # zeros at the end of a clip do not count
            stats = [self.whole_clip(clip) if own is None else own for clip, own in zip(audio, stats, strict=True)]

        def norm_of_clip(norm: torch.nn.GroupNorm, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            for row, pair in enumerate(stats):
                if pair is not None:
                    x = (inputs[0][row] - pair[0]) * torch.rsqrt(pair[1] + norm.eps)
                    output[row] = x * norm.weight[:, None] + norm.bias[:, None]
            return output

        hook = self.network.groupnorm.register_forward_hook(norm_of_clip)
        try:
            return states(self.network(pad_to(audio, needed), output_hidden_states=True))
        finally:
            hook.remove()


def misfits(settings: Mapping[str, Any]) -> list[str]:
    """Heads divide the width, and are divided by the heads of keys."""
    heads = "encoder_num_attention_heads"
    found = not_dividing(settings, heads, "hidden_size")
    keys = "encoder_num_key_value_heads"
    return found + (not_dividing(settings, keys, heads) if settings[keys] else [])


def build(loaded: Loaded) -> MoonshineEncoder:
    """The encoder around a network, with a frame every 24 ms of audio at 16 kHz."""
    return MoonshineEncoder(loaded)


def bare(library: Any, config: Any) -> Any:
    """The library's encoder without a decoder: audio (n_clips, n_samples) -> hidden states (n_clips, n_frames, width)."""
    return importlib.import_module("transformers.models.moonshine.modeling_moonshine").MoonshineEncoder(config)


def older(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a config.json of transformers 4 says of rotary positions, under the key of today."""
    said = {key: config[key] for key in ("rope_theta", "partial_rotary_factor") if key in config}
    usual = {"rope_theta": 10000.0, "partial_rotary_factor": 0.9, "rope_type": "default"}
    return {**config, "rope_parameters": {**usual, **said}} if "rope_parameters" not in config else config


RULES = {
    "hidden_size": Whole(max=16_384),
    "intermediate_size": Whole(max=65_536),
    "encoder_num_hidden_layers": Whole(max=512),
    "encoder_num_attention_heads": Whole(max=512),
    "encoder_num_key_value_heads": Whole(max=512, optional=True),
    "pad_head_dim_to_multiple_of": Whole(max=512, optional=True),
    "encoder_hidden_act": Word(words=activations),
    "max_position_embeddings": Whole(max=1_000_000),
    "initializer_range": Real(),
    "rope_parameters": Rotary(shared=True),
    "attention_bias": Switch(),
}
FAMILY = Family(
    "moonshine",
    "Moonshine",
    ("model.encoder.", "encoder."),
    RULES,
    build,
    misfits=misfits,
    refused={
        key: "Moonshine runs here with the rotary positions of its paper only" for key in ("rope_scaling", "head_dim")
    },
    older=older,
    heads=frozenset({"model.decoder", "decoder", "proj_out"}),
    processor={
        "do_normalize": Only(value=False),
        "sampling_rate": Only(value=SAMPLE_RATE),
        "feature_size": Only(value=1),
    },
    layers=r"layers\.(\d+)\.",
    n_layers="encoder_num_hidden_layers",
    network=bare,
)
