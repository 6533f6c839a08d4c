"""The frame grid of a network that pads a clip by itself, as its library does: nothing is added here at the clip's end.

>>> LibraryFraming(1, 320, 16000, first_centre=0.5, reach=319).centres(3).tolist()
[0.03125, 20.03125, 40.03125]
"""

from dataclasses import dataclass, replace

import numpy as np

from hear_ssl.encoders.frames import Framing, Window


@dataclass(frozen=True)
class LibraryFraming(Framing):
    """A frame grid whose centres do not follow from what a clip needs for a frame.

    Attributes:
        receptive_field: Samples that a clip needs to have its first frame counted; a shorter one has one frame too.
        first_centre: Samples from the start of the clip to the centre of frame 0.
        reach: Samples beyond those of its last frame that a window of a long recording holds, fewer than `hop`.
    """

    first_centre: float = 0.0
    reach: int = 0

    def end_padding(self, n_samples: int) -> int:
        """None: the network gives what frames it gives."""
        return 0

    def centres(self, n_frames: int) -> np.ndarray:
        """See `Framing.centres`."""
        return (np.arange(n_frames, dtype=np.float64) * self.hop + self.first_centre) * 1000 / self.sample_rate

    def windows(self, n_samples: int, window: int, margin: int = 0) -> list[Window]:
        """See `Framing.windows`."""
        parts = super().windows(n_samples, window, margin)
        if len(parts) == 1:
            return parts
        return [replace(part, stop=min(part.stop + self.reach, n_samples)) for part in parts]

    def seconds(self, n_frames: int) -> float:
        """The least `window_seconds` that a window of so many frames has."""
        length = n_frames * self.hop / self.sample_rate
        return length if int(length * self.sample_rate / self.hop) == n_frames else float(np.nextafter(length, np.inf))
