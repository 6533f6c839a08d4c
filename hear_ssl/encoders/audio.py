"""What the HEAR API asks of audio."""

from typing import Any

import numpy as np
import torch


def check_audio(audio: Any, axes: int) -> torch.Tensor:
    """The audio as float32, if it is what the HEAR API asks for.

    Args:
        audio: (n_sounds, n_samples) if `axes` is 2, (n_samples,) if it is 1; float, finite, not empty.
        axes: Number of axes wanted.

    Raises:
        TypeError: Not a tensor of floats.
        ValueError: Wrong number of axes, no sound, no sample, NaN or infinite values.
    """
    shape = "(n_sounds, n_samples)" if axes == 2 else "(n_samples,)"
    if not isinstance(audio, torch.Tensor) or not audio.is_floating_point():
        came = f"a tensor of {audio.dtype}" if isinstance(audio, torch.Tensor) else f"{type(audio).__name__}"
        raise TypeError(f"audio must be a torch tensor of floats in [-1, 1], shape {shape}; {came} came")
    if audio.dim() != axes or audio.numel() == 0:
        raise ValueError(f"audio must have shape {shape} with at least one sample; {tuple(audio.shape)} came")
    audio = audio.detach() if audio.requires_grad else audio
    if not _is_finite(audio):
        raise ValueError(f"audio of shape {tuple(audio.shape)} holds NaN or infinite samples; clean it first")
    return audio if audio.dtype == torch.float32 else audio.float()


def _is_finite(audio: torch.Tensor) -> bool:
    """Whether no sample is NaN or infinite: the extremes carry both along, without a copy of what may be hours of audio."""
    if audio.device.type == "cpu" and audio.dtype in (torch.float32, torch.float64):
        samples = audio.numpy()
        return bool(np.isfinite(samples.min()) and np.isfinite(samples.max()))
    return bool(torch.isfinite(torch.stack(torch.aminmax(audio))).all())
