"""BYOL-A, versions 1 and 2, and BYOL-S: convolutions over a log-mel spectrogram, learned without labels.

A scene is the maximum plus the mean over time of the frames of the whole clip, in one pass; clips under 1 s are
zero-padded to 1 s. Timestamps are scenes of 1 s of audio every 50 ms, half a second of zeros around the clip, as in the
HEAR module of BYOL-S (without its statistics over the batch: the stored mean and standard deviation serve every clip); or, by
`timestamps="frames"`, the network's own frames, 80 ms (version 1) or 40 ms (version 2) apart.

Source: Niizumi et al. 2021, https://arxiv.org/abs/2103.06695 (version 1), and 2023, https://arxiv.org/abs/2204.07402
(version 2); layers, sizes and extraction as in mogg64/byola_domainXfer; windows: GasserElbanna/serab-byols.
The tensors have the names of GasserElbanna/serab-byols (`features.N`, `fc.N`: two `Sequential`s).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import pad

from hear_ssl.encoders.api import Model
from hear_ssl.encoders.encoder import Encoder, OnLayer
from hear_ssl.encoders.frames import Framing, Window
from hear_ssl.encoders.logmel import EDGE, FFT_LENGTH, HOP, N_BANDS, SAMPLE_RATE, LogMel, mirrored
from hear_ssl.encoders.pooling import Moments

CHANNELS = 64
DROPOUT = 0.3
# Convolution blocks of each version; each halves time and frequency.
BLOCKS = {1: 3, 2: 2}
MEL = {1: "htk", 2: "slaney"}  # see logmel.py
WIDTH = 2048  # of the two linear layers, unless the weights say otherwise
SHORTEST = SAMPLE_RATE  # samples: shorter clips are zero-padded at the end
WINDOW_HOP = 800  # samples: 50 ms between the windows of the timestamps
# Windows that go through the network together: bounds the memory (2 MB each in the first block).
CHUNK = 32


class ByolANetwork(torch.nn.Module):
    """The convolutions and the perceptron; tensors bear the original names, so that published files load strictly.

    Args:
        version: 1 or 2.
        width: Of the linear layers: 512, 1024 or 2048 in version 1, 2048 in version 2; ours may have others.
        n_bands: Mel bands.
    """

    def __init__(self, version: int = 1, width: int = WIDTH, n_bands: int = N_BANDS):
        super().__init__()
        self.version, self.n_blocks = version, BLOCKS[version]
        layers: list[torch.nn.Module] = []
        for block in range(self.n_blocks):
            n_in = CHANNELS if block else 1
            layers += [torch.nn.Conv2d(n_in, CHANNELS, 3, padding=1), torch.nn.BatchNorm2d(CHANNELS)]
            layers += [torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        self.features = torch.nn.Sequential(*layers)
        n_conv = CHANNELS * (n_bands >> self.n_blocks)
        self.fc = torch.nn.Sequential(
            torch.nn.Linear(n_conv, width),
            torch.nn.ReLU(),
            torch.nn.Dropout(DROPOUT),
            torch.nn.Linear(width, width),
            torch.nn.ReLU(),
        )
        self.width = width if version == 1 else n_conv + width

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Frames of normalised spectrograms.

        Args:
            x: (batch, n_bands, n_frames).
            lengths: Frames of each spectrogram before padding, (batch,); None if none is padded. What lies behind is
                set to the zeros that a convolution sees behind a clip that is alone.

        Returns:
            (batch, n_frames >> n_blocks, width).
        """
        x = x.unsqueeze(1)  # (batch, 1, mel, time)
        for block in range(self.n_blocks):
            if lengths is not None:
                inside = torch.arange(x.shape[3], device=x.device) < (lengths >> block).unsqueeze(1)
                x = torch.where(inside[:, None, None], x, 0)
            convolution, norm, relu, pool = list(self.features)[4 * block : 4 * block + 4]
            x = relu(pool(norm(convolution(x))))  # the same in either order, and a quarter of the work in this one
        x = x.permute(0, 3, 2, 1).flatten(2)  # (batch, time, mel * channel): the mel index is the slow one
        y = self.fc(x)
        return y if self.version == 1 else torch.cat([x, y], dim=-1)


def max_plus_mean(frames: torch.Tensor) -> torch.Tensor:
    """(..., n_frames, width) -> (..., width): maximum over time plus mean over time."""
    return frames.amax(dim=-2) + frames.mean(dim=-2)


@dataclass(frozen=True)
class _BlockFraming(Framing):
    """The frame grid of the blocks; the last window of a cut clip reaches to the clip's very end.

    A frame there depends on the few spectrogram frames that are left over after division by the hop.
    """

    def windows(self, n_samples: int, window: int, margin: int = 0) -> list[Window]:
        """See `Framing.windows`."""
        *others, last = super().windows(n_samples, window, margin)
        return [*others, Window(last.start, self.padded(n_samples), last.first_frame, last.keep)]


class ByolAEncoder(Encoder):
    """Normalised log-mel spectrogram and network.

    Args:
        network: With its weights.
        mean, std: Of the log-mel spectrogram, over all bands, of the audio it was trained on.
        front_end: Audio -> log-mel.
        timestamps: "windows" or "frames".

    Raises:
        ValueError: Unknown timestamps, or statistics that are not finite.
    """

    def __init__(self, network: ByolANetwork, mean: float, std: float, front_end: LogMel, timestamps: str = "windows"):
        super().__init__()
        if timestamps not in ("windows", "frames"):
            raise ValueError(f"option timestamps={timestamps!r}: known values are 'windows' and 'frames'")
        if not (0 < std < float("inf") and abs(mean) < float("inf")):
            raise ValueError(f"mean {mean} and standard deviation {std} of the spectrogram: finite numbers are wanted")
        self.network, self.front_end = network, front_end
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast on a CPU
        self.mean, self.std = mean, std
        self.width = network.width
        stride = 1 << network.n_blocks
        # A frame is made of `stride` spectrogram frames, and leans on at most stride - 1 more on either side.
        receptive_field = FFT_LENGTH + (stride - 1) * HOP
        self.scene_framing = _BlockFraming(receptive_field, stride * HOP, SAMPLE_RATE, pad=EDGE)
        self.margin_seconds = stride * HOP / SAMPLE_RATE
        windows = Framing(SAMPLE_RATE, WINDOW_HOP, SAMPLE_RATE, pad=SAMPLE_RATE // 2)
        self.timestamp_framing = windows if timestamps == "windows" else self.scene_framing

    def get_extra_state(self) -> dict[str, Any]:
        """See `Encoder`."""
        return {"mean": self.mean, "std": self.std, "mel": self.front_end.mel, "window": self.front_end.n_window}

    def forward(
        self, audio: torch.Tensor, n_samples: list[int], framing: Framing, clip_stats: list[Any], on_layer: OnLayer
    ) -> None:
        """See `Encoder.forward`."""
        if isinstance(framing, _BlockFraming):
            lengths = [1 + (n - FFT_LENGTH) // HOP for n in n_samples]
            on_layer(0, self.frames(audio, torch.tensor(lengths, device=audio.device)))
            return
        windows = audio.unfold(1, framing.receptive_field, framing.hop)  # (batch, n_windows, 1 s)
        chunks = windows.flatten(0, 1).split(CHUNK)
        scenes = [max_plus_mean(self.frames(mirrored(chunk))) for chunk in chunks]
        on_layer(0, torch.cat(scenes).unflatten(0, windows.shape[:2]))

    def frames(self, audio: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Frames (batch, n_frames, width) of audio whose ends are mirrored; `lengths` as in `ByolANetwork.forward`."""
        return self.network((self.front_end(audio) - self.mean) / self.std, lengths)


class ByolAModel(Model):
    """A model whose scenes are maximum plus mean over time, and whose clips are mirrored at their ends."""

    def __init__(self, encoder: ByolAEncoder, pooling: str = "max+mean", **options: Any):
        super().__init__(encoder, pooling="mean" if pooling == "max+mean" else pooling, **options)
        self.pooling = pooling

    def gather(
        self, clips: Sequence[torch.Tensor], todo: Sequence[tuple[int, Window]], framing: Framing
    ) -> torch.Tensor:
        """See `Model.gather`; the zeros around a clip become its mirrored ends where the network's own frames run."""
        rows = super().gather(clips, todo, framing)
        if isinstance(framing, _BlockFraming):
            for audio, (number, window) in zip(rows, todo, strict=True):
                clip = clips[number]
                if len(clip) <= EDGE:  # only timestamps="frames" of a clip that is shorter than one frame
                    continue
                if window.start == 0:
                    audio[:EDGE] = clip[1 : EDGE + 1].flip(0)
                if window.stop == framing.padded(len(clip)):
                    end = EDGE + len(clip) - window.start
                    audio[end : end + EDGE] = clip[-EDGE - 1 : -1].flip(0)
        return rows

    @torch.no_grad()
    def clips(self, clips: Sequence[torch.Tensor], layers: bool) -> dict[str, torch.Tensor]:
        """See `Model.clips`."""
        clips = [pad(clip, (0, max(0, SHORTEST - len(clip)))) for clip in clips]
        if self.pooling != "max+mean":
            return super().clips(clips, layers)
        framing = self.encoder.scene_framing
        moments = Moments(len(clips), 1, self.timestamp_embedding_size, self.device)
        highest = torch.full((len(clips), self.timestamp_embedding_size), -torch.inf, device=self.device)
        for batch, frames in self.runs(clips, framing):
            moments.add(0, frames, batch.keep, batch.clips)
            inside = torch.where(batch.keep.bool().unsqueeze(-1), frames, -torch.inf).amax(dim=1)
            highest.scatter_reduce_(0, batch.clips.unsqueeze(1).expand_as(inside), inside, "amax")
        out = {"scene": highest + moments.mean()[:, 0]}
        if layers:
            out.update(layers_mean=moments.mean(), layers_std=moments.std())
        return out
