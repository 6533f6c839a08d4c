"""Encoders that compute only clips of exactly equal length together: whatever a network makes of padding, there is none."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch

from hear_ssl.encoders.batching import frames_in
from hear_ssl.encoders.encoder import Encoder, OnLayer
from hear_ssl.encoders.frames import Framing


class ClipFacts(NamedTuple):
    """What a window has to know of the clip that it was cut from.

    Attributes:
        n_samples: Length of the whole clip in samples, before any padding.
        whole: Whether the window is the whole clip.
        stats: What the encoder's `whole_clip` gave.
    """

    n_samples: int
    whole: bool
    stats: Any


class EqualLengthsEncoder(Encoder):
    """An `Encoder` whose subclasses compute clips of one length, as if each were alone, in `layers`.

    Attributes:
        rows_at_once: How many clips share a pass at most; 0 for as many as come.
    """

    rows_at_once = 0

    def clip_stats(self, clip: torch.Tensor, n_windows: int) -> ClipFacts:
        """See `Encoder.clip_stats`."""
        return ClipFacts(len(clip), n_windows == 1, self.whole_clip(clip) if n_windows > 1 else None)

    def whole_clip(self, clip: torch.Tensor) -> Any:
        """What the windows of a long clip (n_samples,) need to know of all of it; None if nothing."""
        return None

    def groups(self, lengths: list[int]) -> Iterator[tuple[int, list[int]]]:
        """Lengths in samples, the shortest first, and the rows of a batch that have it and share a pass."""
        for n in sorted(set(lengths)):
            rows = [row for row, own in enumerate(lengths) if own == n]
            size = self.rows_at_once or len(rows)
            yield from ((n, rows[first : first + size]) for first in range(0, len(rows), size))

    def layers(self, audio: torch.Tensor, stats: Sequence[Any], framing: Framing) -> Iterable[torch.Tensor]:
        """Every layer of windows of equal length, first to last, each (batch, n_frames, width), float32.

        Args:
            audio: (batch, n_samples), in [-1, 1]; at least one sample.
            stats: Of each, what `whole_clip` gave of its clip; None if it is the whole clip.
            framing: `timestamp_framing` or `scene_framing`.
        """
        raise NotImplementedError

    def forward(
        self,
        audio: torch.Tensor,
        n_samples: list[int],
        framing: Framing,
        clip_stats: list[ClipFacts],
        on_layer: OnLayer,
    ) -> None:
        """See `Encoder.forward`."""
        real = real_lengths(n_samples, clip_stats)
        together: dict[int, torch.Tensor] = {}
        n_frames = frames_in(audio.shape[1], framing)
        for n, rows in self.groups(real):
            group = audio[:, :n] if len(rows) == len(real) else audio[rows, :n]
            for number, frames in enumerate(self.layers(group, [clip_stats[row].stats for row in rows], framing)):
                if len(rows) == len(real) and frames.shape[1] == n_frames:
                    on_layer(number, frames)
                    continue
                whole = together.setdefault(number, frames.new_zeros(len(audio), n_frames, frames.shape[2]))
                whole[rows, : frames.shape[1]] = frames
        for number, whole in together.items():
            on_layer(number, whole)


def real_lengths(n_samples: list[int], clip_stats: list[ClipFacts]) -> list[int]:
    """Samples of each window as it came: one that is a whole clip, shorter than a frame, has been padded to one.

    How a clip is padded is the family's affair.
    """
    return [min(n, facts.n_samples) if facts.whole else n for n, facts in zip(n_samples, clip_stats, strict=True)]
