"""Windows of clips gathered into one zero-padded batch: put together where the clips lie, then copied to the weights at once.

On a GPU the copy runs beside the network: the batch is built in page-locked memory, and nothing waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hear_ssl.encoders.frames import Framing, Window


@dataclass(frozen=True)
class Batch:
    """Windows that go through the network together.

    Attributes:
        audio: (batch, samples), float32, zero-padded at the end.
        windows: Where each lies in its clip.
        clips: (batch,), index of the clip that each window was cut from.
        keep: (batch, n_frames), 1 for the frames that count.
        clip_stats: What the encoder made of `Encoder.clip_stats` of each window's clip.
        numbers: `clips` on the host.
    """

    audio: torch.Tensor
    windows: list[Window]
    clips: torch.Tensor
    keep: torch.Tensor
    clip_stats: list[Any]
    numbers: list[int]

    def halves(self, framing: Framing) -> "tuple[Batch, Batch]":
        """Its first and its second half, each as long as its own longest window."""
        middle = len(self.windows) // 2
        return self._rows(slice(0, middle), framing), self._rows(slice(middle, None), framing)

    def _rows(self, rows: slice, framing: Framing) -> "Batch":
        windows = self.windows[rows]
        longest = max(window.stop - window.start for window in windows)
        keep = self.keep[rows, : frames_in(longest, framing)]
        audio = self.audio[rows, :longest].contiguous()
        return Batch(audio, windows, self.clips[rows], keep, self.clip_stats[rows], self.numbers[rows])


def frames_in(n_samples: int, framing: Framing) -> int:
    """Number of frames of a window of `n_samples`, padding included."""
    return 1 + (n_samples - framing.receptive_field) // framing.hop


def gather(clips: Sequence[torch.Tensor], todo: Sequence[tuple[int, Window]], framing: Framing) -> torch.Tensor:
    """Windows, given as (clip, window), in rows (n_windows, samples), zeros where a clip ends; on the device of the clips.

    One copy, whatever the number of windows: pieces of clips and of zeros, one behind the other.

    Args:
        clips: Each (n_samples,), float32.
        todo: Which window of which clip each row is.
        framing: The frame grid that the windows are of.
    """
    longest = max(window.stop - window.start for _, window in todo)
    pieces: list[torch.Tensor | int] = []  # a number stands for so many zeros
    for number, window in todo:
        clip = clips[number]
        first, last = window.start - framing.pad, window.stop - framing.pad
        start, stop = min(max(first, 0), len(clip)), min(max(last, 0), len(clip))
        before = min(max(-first, 0), window.stop - window.start)
        inside = clip if (start, stop) == (0, len(clip)) else clip[start:stop]
        pieces += [before, inside, longest - before - len(inside)]
    gaps = [piece for piece in pieces if isinstance(piece, int)]
    zeros = iter(clips[0].new_zeros(sum(gaps)).split(gaps))
    return torch.cat([next(zeros) if isinstance(piece, int) else piece for piece in pieces]).view(len(todo), longest)


def kept_frames(todo: Sequence[tuple[int, Window]], framing: Framing) -> torch.Tensor:
    """Which frames of the windows count, (n_windows, n_frames) float32, 1 or 0, on the host."""
    longest = max(window.stop - window.start for _, window in todo)
    keep = np.zeros((len(todo), frames_in(longest, framing)), np.float32)
    for row, (_, window) in enumerate(todo):
        keep[row, slice(*window.keep)] = 1
    return torch.from_numpy(keep)


def upload(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor, of any shape, on the device; to a GPU through page-locked memory, so that nobody waits until it is there."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory, on a GPU or beside it.

    >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    True
    """
    text = str(error).lower()
    by_name = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    return by_name or (isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text))


def real_steps(lengths: list[int], width: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Which steps of rows of a padded batch are real, (batch, width), and how many, (batch,), both on the device."""
    n = upload(torch.tensor(lengths), device)
    return torch.arange(width, device=device) < n.unsqueeze(1), n


def padding_mask(lengths: list[int], width: int, device: torch.device) -> torch.Tensor | None:
    """Which steps of rows of a padded batch are real, (batch, width), on the device; None if all are."""
    return None if min(lengths) >= width else real_steps(lengths, width, device)[0]
