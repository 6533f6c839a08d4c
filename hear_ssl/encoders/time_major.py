"""The convolutions of a transformer with time before channels: what a frame sees lies in one piece, a convolution is one product."""

from typing import Any

import torch
from torch.nn import functional

from hear_ssl.encoders.transformer import ClipStats, TransformerEncoder


class TimeMajorEncoder(TransformerEncoder):
    """A `TransformerEncoder` that can compute its first layer with time before channels; sample rate in Hz."""

    def first_in_time(
        self, layer: Any, audio: torch.Tensor, n_samples: list[int], clip_stats: list[ClipStats]
    ) -> torch.Tensor:
        """Output of the first convolution, (batch, n_frames, channels), float32; padding reaches no real frame.

        Args:
            layer: The library's layer with group norm, or a `TimeMajorLayer` where there is none.
            audio: (batch, samples), normalised.
            n_samples, clip_stats: As in `Encoder.forward`.
        """
        if self.group_norm:
            return self.normed_first_layer(layer, audio, n_samples, clip_stats)
        x: torch.Tensor = layer(audio[..., None])
        return x

    def normed_first_layer(
        self, layer: Any, audio: torch.Tensor, n_samples: list[int], clip_stats: list[ClipStats]
    ) -> torch.Tensor:
        """First convolution with its norm over each clip's real frames, (batch, n_frames, channels): one product.

        A channel's mean and variance over time follow from those of the few samples that a frame sees, so the norm becomes part of
        weight and bias before anything is convolved.
        """
        kernel, stride = self.strides[0]
        convolution, norm = layer.conv, layer.layer_norm
        seen = audio.unfold(1, kernel, stride)  # (batch, n_frames, kernel)
        weight = convolution.weight[:, 0]  # (channels, kernel)
        bias = 0 if convolution.bias is None else convolution.bias
        n_frames = torch.tensor([1 + (n - kernel) // stride for n in n_samples], device=audio.device)
        mean, covariance = _moments(seen, n_frames)
        wide = weight.to(mean.dtype)
        average = (mean @ wide.T).to(audio.dtype) + bias  # (batch, channels)
        variance = ((wide @ covariance) * wide).sum(-1).clamp(min=0).to(audio.dtype)
        for row, stats in enumerate(clip_stats):
            if stats.first_layer is not None:
                average[row], variance[row] = stats.first_layer
        scale = norm.weight * torch.rsqrt(variance + norm.eps)
        shift = norm.bias + (bias - average) * scale
        x = torch.baddbmm(shift[:, None], seen, (weight * scale[..., None]).transpose(1, 2))
        return layer.activation(x)


class TimeMajorLayer(torch.nn.Module):
    """A convolution of the front end, its norm over channels if it has one, and its activation: (batch, n_frames, channels)."""

    def __init__(self, layer: Any, dtype: torch.dtype):
        super().__init__()
        convolution = layer.conv
        self.dtype, self.kernel, self.stride = dtype, convolution.kernel_size[0], convolution.stride[0]
        self.weight = convolution.weight.transpose(1, 2).flatten(1).to(dtype)  # (channels, kernel * channels before)
        self.bias = None if convolution.bias is None else convolution.bias.to(dtype)
        self.norm, self.activation = getattr(layer, "layer_norm", None), layer.activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.to(self.dtype).contiguous()
        batch, n_before, channels = x.shape
        n_frames = 1 + (n_before - self.kernel) // self.stride
        size, step = (batch, n_frames, self.kernel * channels), (n_before * channels, self.stride * channels, 1)
        x = functional.linear(x.as_strided(size, step).contiguous(), self.weight, self.bias)
        return self.activation(x if self.norm is None else self.norm(x.float()))


def _moments(seen: torch.Tensor, n_frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean (batch, kernel) and covariance (batch, kernel, kernel) of the samples (batch, n, kernel) of the first `n_frames` frames.

    In float64 where the device has it: a filter may take the difference of samples that are nearly equal.
    """
    wide = seen if seen.device.type == "mps" else seen.double()
    real = (torch.arange(seen.shape[1], device=seen.device) < n_frames[:, None])[..., None]
    count = n_frames[:, None].to(wide.dtype)
    mean = (wide * real).sum(1) / count
    centred = (wide - mean[:, None]) * real
    return mean, centred.transpose(1, 2) @ centred / count[..., None]
