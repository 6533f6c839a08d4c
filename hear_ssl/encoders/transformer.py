"""wav2vec 2.0, HuBERT, WavLM and data2vec encoders: all layers in one pass, exact under padding and in windows.

The networks and their weights are those of `transformers`; what is ours is that a clip's embedding does not depend on
its batch: the first layer's group norm sees real samples only, and so do the positional convolutions and attention.
Recordings longer than a window keep their exact first layers: input and group-norm statistics are taken over the
whole recording, and windows overlap by more than the positional convolution sees. Only attention is cut off at the
window's ends.

Layers follow the `hidden_states` of transformers 4, with which the papers worked: 0 is the input of the first
transformer layer, the last is the output of the encoder, after its final layer norm where it has one. (transformers 5
gives that last one as `last_hidden_state` only and lists the state before the norm.)
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch.nn.utils import parametrize

from hear_ssl.encoders.batching import padding_mask, real_steps, upload
from hear_ssl.encoders.encoder import Encoder, OnLayer
from hear_ssl.encoders.frames import Framing, convolution_framing
from hear_ssl.encoders.layer_hooks import LayerHooks

OPTIONS = {
    "normalize": "auto (the checkpoint's own processor rule), true or false: zero mean and unit variance per clip"
}
# What a checkpoint's config decides about the frames that the shapes of its tensors do not tell.
DECIDE = (
    "model_type",
    "num_attention_heads",
    "hidden_act",
    "layer_norm_eps",
    "feat_proj_layer_norm",
    "feat_extract_norm",
    "feat_extract_activation",
    "conv_stride",
    "num_conv_pos_embeddings",
    "num_conv_pos_embedding_groups",
    "do_stable_layer_norm",
    "num_buckets",
    "max_bucket_distance",
)

# Added to the variance before its root, as in transformers' Wav2Vec2FeatureExtractor.
VARIANCE_FLOOR = 1e-7
# First-layer statistics of long recordings are collected over stretches of this many frames of that layer (20 s).
STATISTICS_FRAMES = 64_000
# Frames that overlapping windows share on either side, at least: the widest positional convolution published (kernel 128)
# sees 64, and the attention of the frames that are kept some more.
MARGIN_FRAMES = 125


class ClipStats(NamedTuple):
    """Statistics of a whole clip that each of its windows needs.

    Attributes:
        mean, scale: The window is fed as (audio - mean) * scale; scalars of shape ().
        first_layer: Mean and variance of each channel of the first convolution, each (channels,); None if the
            window is the whole clip or the network has no group norm.
    """

    mean: torch.Tensor
    scale: torch.Tensor
    first_layer: tuple[torch.Tensor, torch.Tensor] | None


class TransformerEncoder(Encoder):
    """An encoder of the wav2vec 2.0 family around a bare network of `transformers`.

    Args:
        network: Without a head, in evaluation mode.
        normalize: Whether each clip is brought to zero mean and unit variance first.
        sample_rate: Of the audio it takes, in Hz.

    Attributes:
        revision: Commit on the hub that the weights are from; "" for those of a folder or a file.
    """

    revision: str = ""

    def __init__(self, network: torch.nn.Module, normalize: bool, sample_rate: int = 16000):
        super().__init__()
        config: Any = network.config
        self.network: Any = network
        # Weight norm is for training; without it the weights are not computed anew each time.
        for module in network.modules():
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
        self.normalize = normalize
        self.sample_rate = sample_rate
        self.width = config.hidden_size
        self.n_layers = config.num_hidden_layers + 1
        self.group_norm = getattr(config, "feat_extract_norm", "layer") == "group"
        kernels, strides = tuple(config.conv_kernel), tuple(config.conv_stride)
        self.strides = list(zip(kernels, strides, strict=True))
        self.timestamp_framing = self.scene_framing = convolution_framing(kernels, strides, sample_rate)
        margin = max(MARGIN_FRAMES, 1 + _positional_reach(config))
        self.margin_seconds = margin * self.scene_framing.hop / sample_rate
        self.hooks = LayerHooks(network.encoder)

    def get_extra_state(self) -> dict[str, Any]:
        """See `Encoder`."""
        config = self.network.config
        own = {"normalize": self.normalize, "sample_rate": self.sample_rate}
        return {**own, **{name: repr(getattr(config, name, None)) for name in DECIDE}}

    def clip_stats(self, clip: torch.Tensor, n_windows: int) -> ClipStats | None:
        """Statistics of a clip that is cut in windows, those of the first group norm among them; None for a whole one."""
        if n_windows == 1:
            return None  # `batch_stats` makes them
        device = self.network.feature_extractor.conv_layers[0].conv.weight.device
        mean, scale = clip.new_zeros(()), clip.new_ones(())
        if self.normalize:
            variance, mean = torch.var_mean(clip, correction=0)
            scale = torch.rsqrt(variance + VARIANCE_FLOOR)
        mean, scale = upload(mean, device), upload(scale, device)
        return ClipStats(mean, scale, self.first_layer_moments(clip, mean, scale) if self.group_norm else None)

    def batch_stats(
        self, audio: torch.Tensor, n_samples: list[int], clip_stats: list[ClipStats | None]
    ) -> list[ClipStats]:
        """See `Encoder.batch_stats`: input statistics of clips that are whole windows."""
        mean, scale = audio.new_zeros(len(audio)), audio.new_ones(len(audio))
        if self.normalize and None in clip_stats:
            dtype = torch.float32 if audio.device.type == "mps" else torch.float64
            real, n = real_steps(n_samples, audio.shape[1], audio.device)
            mean = (audio.sum(dim=1, dtype=dtype) / n).float()  # what is not real is 0
            variance = ((audio - mean.unsqueeze(1)) * real).square().sum(dim=1, dtype=dtype) / n
            scale = torch.rsqrt(variance.float() + VARIANCE_FLOOR)
        whole = zip(clip_stats, mean.unbind(), scale.unbind(), strict=True)
        return [
            ClipStats(its_mean, its_scale, None) if stats is None else stats for stats, its_mean, its_scale in whole
        ]

    def first_layer_moments(
        self, clip: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance (ddof 0) over a whole clip of the first convolution's channels, each (channels,).

        Args:
            clip: (n_samples,), any length: it is convolved stretch by stretch.
            mean, scale: Input normalisation, as in `ClipStats`.
        """
        convolution = self.network.feature_extractor.conv_layers[0].conv
        kernel, stride = self.strides[0]
        n_frames = 1 + (len(clip) - kernel) // stride
        n_seen, average, squares = 0, 0.0, 0.0  # type: int, Any, Any
        for first in range(0, n_frames, STATISTICS_FRAMES):
            last = min(first + STATISTICS_FRAMES, n_frames)
            samples = clip[first * stride : (last - 1) * stride + kernel]
            samples = (upload(samples, mean.device) - mean) * scale
            part_variance, part_mean = torch.var_mean(convolution(samples[None, None]), dim=(0, 2), correction=0)
            n = last - first
            # Parallel variance (Chan et al. 1979): no large sums are subtracted from each other.
            step = part_mean - average
            squares = squares + part_variance * n + step.square() * (n_seen * n / (n_seen + n))
            average = average + step * (n / (n_seen + n))
            n_seen += n
        return average, squares / n_seen

    def forward(
        self,
        audio: torch.Tensor,
        n_samples: list[int],
        framing: Framing,
        clip_stats: list[ClipStats],
        on_layer: OnLayer,
    ) -> None:
        """See `Encoder.forward`."""
        mean = torch.stack([stats.mean for stats in clip_stats]).unsqueeze(1)
        scale = torch.stack([stats.scale for stats in clip_stats]).unsqueeze(1)
        features = self.features((audio - mean) * scale, n_samples, clip_stats)
        n_frames = [framing.n_frames(n) for n in n_samples]
        projected = self.network.feature_projection(features.transpose(1, 2))
        hidden = projected[0] if isinstance(projected, tuple) else projected
        self.transform(hidden, padding_mask(n_frames, hidden.shape[1], hidden.device), on_layer)

    def features(self, audio: torch.Tensor, n_samples: list[int], clip_stats: list[ClipStats]) -> torch.Tensor:
        """Output of the convolutions, (batch, channels, n_frames); padding reaches no real frame."""
        x = audio.unsqueeze(1)
        for number, layer in enumerate(self.network.feature_extractor.conv_layers):
            x = self.first_layer(layer, x, n_samples, clip_stats) if self.group_norm and number == 0 else layer(x)
        return x

    def first_layer(
        self, layer: Any, x: torch.Tensor, n_samples: list[int], clip_stats: list[ClipStats]
    ) -> torch.Tensor:
        """First convolution with group norm, its statistics taken over the real samples of each clip.

        There are as many groups as channels (instance norm), so the statistics are those of a channel over time.
        """
        x, norm = layer.conv(x), layer.layer_norm
        kernel, stride = self.strides[0]
        n_frames = [1 + (n - kernel) // stride for n in n_samples]
        normed = self.normed_by_clip if x.device.type == "cpu" else self.normed_together
        return layer.activation(normed(norm, x, n_frames, [stats.first_layer for stats in clip_stats]))

    def normed_by_clip(
        self, norm: torch.nn.GroupNorm, x: torch.Tensor, n_frames: list[int], given: Sequence[Any]
    ) -> torch.Tensor:
        """Each clip by torch's own group norm, so that rounding is that of the clip alone; x (batch, channels, frames) is changed.

        Where a clip is almost constant, the norm makes much of rounding: another formula would give another embedding.
        """
        if len(set(n_frames)) == 1 and not any(given):
            return norm(x)  # nothing is padding
        for row, (n, moments) in enumerate(zip(n_frames, given, strict=True)):
            real = x[row : row + 1, :, :n]
            if moments is None:
                real.copy_(norm(real))
                continue
            average, variance = moments
            real.copy_(torch.nn.functional.batch_norm(real, average, variance, norm.weight, norm.bias, eps=norm.eps))
        return x

    def normed_together(
        self, norm: torch.nn.GroupNorm, x: torch.Tensor, n_frames: list[int], given: Sequence[Any]
    ) -> torch.Tensor:
        """All clips in a few operations, their sums in float64 so that a clip is normed alike alone and in company; for a GPU.

        In place, since x (batch, channels, frames of 0.6 ms) is the largest tensor of all.
        """
        dtype = torch.float32 if x.device.type == "mps" else torch.float64
        real, n = real_steps(n_frames, x.shape[2], x.device)
        n, real = n.unsqueeze(1).to(dtype), real.unsqueeze(1)
        average = _either(given, 0, (x.mul_(real).sum(dim=2, dtype=dtype) / n).to(x.dtype))
        x = x.sub_(average.unsqueeze(2)).mul_(real)
        variance = _either(given, 1, (torch.linalg.vector_norm(x, dim=2, dtype=dtype).square() / n).to(x.dtype))
        scale = torch.rsqrt(variance + norm.eps) * norm.weight
        return x.mul_(scale.unsqueeze(2)).add_(norm.bias.unsqueeze(1))

    def transform(self, hidden: torch.Tensor, mask: torch.Tensor | None, on_layer: OnLayer) -> None:
        """Run the transformer and pass each layer to `on_layer`; nothing of a layer is kept after that.

        Args:
            hidden: (batch, n_frames, width).
            mask: (batch, n_frames), True for real frames; None if all are real.
            on_layer: As in `Encoder.forward`.
        """
        self.hooks.on_layer, self.hooks.mask = on_layer, mask
        try:
            with nullcontext() if torch.compiler.is_compiling() else _without_warning():
                on_layer(self.n_layers - 1, self.network.encoder(hidden, attention_mask=mask).last_hidden_state)
        finally:
            self.hooks.on_layer, self.hooks.mask = None, None


def _either(given: Sequence[Any], which: int, found: torch.Tensor) -> torch.Tensor:
    """Rows (batch, channels) of a statistic: that of a pair that is given, else what was found."""
    if not any(given):
        return found
    return torch.stack([row if pair is None else pair[which] for pair, row in zip(given, found, strict=True)])


def _positional_reach(config: Any) -> int:
    """Frames to either side that the positional convolutions see; data2vec stacks several, one behind the other."""
    stacked = getattr(config, "conv_pos_kernel_size", None)
    return config.num_conv_pos_embeddings * (stacked // 2) if stacked else config.num_conv_pos_embeddings // 2


def wants_normalization(option: Any) -> bool | None:
    """What the `normalize` option says: True, False, or None for "auto".

    >>> wants_normalization("true")
    True

    Raises:
        ValueError: Something else.
    """
    known = {"true": True, "false": False, "auto": None}
    if str(option).lower() not in known:
        raise ValueError(f"option normalize={option!r}: known values are 'auto', True and False")
    return known[str(option).lower()]


@contextmanager
def _without_warning() -> Iterator[None]:
    """transformers' WavLM gives torch a Boolean and a float mask, which torch announces to end some day."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")
        yield
