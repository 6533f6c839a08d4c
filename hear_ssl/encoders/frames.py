"""Where frames lie in a clip: how many there are, their centres, and how long clips are cut in windows.

A frame sees `receptive_field` samples and the next one starts `hop` samples later. Some networks first put `pad` zeros
on both sides of the clip (CREPE centres its frames that way); the wav2vec 2.0 family does not pad. A clip shorter than
one receptive field is zero-padded at its end to one receptive field and gives one frame.

>>> framing = Framing(receptive_field=400, hop=320, sample_rate=16000)
>>> framing.n_frames(16000)
49
>>> framing.centres(3).tolist()
[12.5, 32.5, 52.5]
>>> framing.end_padding(16000)
80
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    """A stretch of a clip that a network sees at once, and which of its frames are kept.

    Attributes:
        start, stop: Samples of the padded clip, [start, stop).
        first_frame: Number, within the clip, of the window's first frame.
        keep: Frames of the window that are kept, as (from, to); the others only lend context.
    """

    start: int
    stop: int
    first_frame: int
    keep: tuple[int, int]


@dataclass(frozen=True)
class Framing:
    """The frame grid of one network.

    Attributes:
        receptive_field: Samples that one frame sees (400 for wav2vec 2.0).
        hop: Samples from one frame to the next (320 for wav2vec 2.0).
        sample_rate: In Hz.
        pad: Zeros put before and after every clip, in samples.
    """

    receptive_field: int
    hop: int
    sample_rate: int
    pad: int = 0

    def padded(self, n_samples: int) -> int:
        """Length in samples of a clip of `n_samples` after padding: at least one receptive field."""
        return max(n_samples + 2 * self.pad, self.receptive_field)

    def n_frames(self, n_samples: int) -> int:
        """Number of frames of a clip of `n_samples` (at least 1)."""
        return 1 + (self.padded(n_samples) - self.receptive_field) // self.hop

    def end_padding(self, n_samples: int) -> int:
        """Zeros that a clip needs at its end so that every frame whose centre lies inside it exists."""
        last = (n_samples + self.pad - self.receptive_field // 2) // self.hop
        return max(0, last * self.hop + self.receptive_field - 2 * self.pad - n_samples) if last > 0 else 0

    def centres(self, n_frames: int) -> np.ndarray:
        """Centres of the first frames in milliseconds from the start of the clip, shape (n_frames,), float64.

        Computed from the frame's number, never summed up, so that nothing drifts however long the clip is.
        """
        samples = np.arange(n_frames, dtype=np.float64) * self.hop + self.receptive_field / 2 - self.pad
        return samples * 1000 / self.sample_rate

    def windows(self, n_samples: int, window: int, margin: int = 0) -> list[Window]:
        """Cut a clip into windows of at most `window` frames that overlap by `margin` frames on either side.

        Every frame of the clip is kept exactly once, and apart from the clip's two ends it has at least `margin`
        frames of context inside its window. The last window is moved back so that all have the same length.

        Raises:
            ValueError: The window is not longer than its two margins.
        """
        if window <= 2 * margin:
            raise ValueError(f"a window of {window} frames is too short for margins of {margin} frames on both sides")
        total = self.n_frames(n_samples)
        if total <= window:
            return [Window(0, self.padded(n_samples), 0, (0, total))]
        starts = [*range(0, total - window, window - 2 * margin), total - window]
        windows, n_kept = [], 0
        for start in starts:
            end = total if start == total - window else start + window - margin
            samples = (start * self.hop, (start + window - 1) * self.hop + self.receptive_field)
            windows.append(Window(*samples, start, (n_kept - start, end - start)))
            n_kept = end
        return windows


def convolution_framing(kernels: tuple[int, ...], strides: tuple[int, ...], sample_rate: int) -> Framing:
    """The frame grid that an unpadded stack of convolutions gives.

    Args:
        kernels, strides: Of each layer, in samples of that layer's input, first layer first.
        sample_rate: In Hz.

    Source: Dumoulin & Visin 2016, https://arxiv.org/abs/1603.07285 (relationship 6 applied layer by layer); for
    wav2vec 2.0 it gives 400 and 320 samples:

    >>> convolution_framing((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2), 16000)
    Framing(receptive_field=400, hop=320, sample_rate=16000, pad=0)
    """
    receptive_field, hop = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        receptive_field += (kernel - 1) * hop
        hop *= stride
    return Framing(receptive_field, hop, sample_rate)
