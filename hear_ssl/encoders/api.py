"""The HEAR 2021 API over any encoder, and one extension of it.

Conventions: audio is float32 in [-1, 1], mono, at the model's `sample_rate`; embeddings are float32; timestamps are
the centres of the frames in milliseconds. A clip's embedding never depends on the other clips of its batch. Clips
longer than `window_seconds` run in overlapping windows, so that memory does not grow with a recording's length.

The extension, found by its name: `get_clip_embeddings(clips, model)` takes clips of different lengths and gives the
scene embedding and the mean and standard deviation of every layer in one pass; a network that shows only its output
has that one layer.

Source: HEAR 2021 API, https://hearbenchmark.com/hear-api.html
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from hear_ssl.encoders.audio import check_audio
from hear_ssl.encoders.batching import Batch, gather, is_out_of_memory, kept_frames, upload
from hear_ssl.encoders.encoder import Encoder
from hear_ssl.encoders.frames import Framing, Window
from hear_ssl.encoders.layers import LayerChoice
from hear_ssl.encoders.pooling import Moments
from hear_ssl.encoders.source import source_hash


class Model(torch.nn.Module):
    """What `load_model` gives: an encoder, its options and the sizes that the HEAR API asks for.

    Attributes:
        sample_rate: Of the audio it takes, in Hz.
        timestamp_embedding_size, scene_embedding_size: Widths of the two embeddings.
        n_layers: Layers of the encoder, its input included.
        trained_on: Datasets of the evaluator whose sounds were in the pre-training data, by name, and which sounds, in words that
            complete "pre-trained on", or begin with "may have heard" where it is only possible: an extension of the API, by which a
            score on them can be marked.
        heard: Hashes of these sounds themselves where they are known, 16 hex digits each (`hear_ssl/pretraining/heard.py`).
        read_from: Absolute paths of all files and folders that decide what was loaded, also of such as are looked for in vain:
            an extension by which a later run can tell, without loading, that the same would be loaded. None where nobody can.
        leaves_audio: That audio handed to it stays as it came, so that nobody needs to copy it first: an extension too.
    """

    trained_on: Mapping[str, str] = MappingProxyType({})
    heard: Sequence[str] = ()
    read_from: Sequence[str] | None = None
    leaves_audio = True

    def __init__(
        self,
        encoder: Encoder,
        layer: Any = "last",
        pooling: str = "mean",
        window_seconds: float = 30.0,
        batch_seconds: float | None = None,
    ):
        super().__init__()
        if pooling not in ("mean", "mean+std"):
            raise ValueError(f"option pooling={pooling!r}: known values are 'mean' and 'mean+std'")
        shortest = 4 * encoder.margin_seconds + 1
        for name, seconds in (("window_seconds", window_seconds), ("batch_seconds", batch_seconds)):
            if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
                raise ValueError(f"option {name}={seconds!r}: a number of seconds above 0 is wanted")
        if window_seconds < shortest:
            raise ValueError(f"option window_seconds={window_seconds!r}: this network needs at least {shortest:g} s")
        self.encoder = encoder
        self.choice = LayerChoice.parse(layer, encoder.n_layers)
        self.pooling = pooling
        self.window_seconds = window_seconds
        self.batch_seconds = batch_seconds
        self.fitting_seconds = math.inf  # less once a batch did not fit into memory
        self.sample_rate = encoder.sample_rate
        self.n_layers = encoder.n_layers
        self.timestamp_embedding_size = self.choice.width(encoder.width)
        self.scene_embedding_size = self.timestamp_embedding_size * (2 if pooling == "mean+std" else 1)
        self.requires_grad_(False).eval()

    def embedding_identity(self) -> dict[str, Any]:
        """What its embeddings depend on beside audio and the state of its tensors, in words of JSON: code and effective options.

        "scene_from" says how a scene is made of the layers: which of them, joined, and "mean" or "mean+std" over time; it is
        None where a scene is made otherwise. Lengths are in seconds.
        """
        encoder = self.encoder
        return {
            "encoder": type(encoder).__name__,
            "precision": encoder.precision,
            "engine": encoder.engine,
            "code": source_hash(type(self).__module__, type(encoder).__module__),
            "scene_framing": repr(encoder.scene_framing),
            "timestamp_framing": repr(encoder.timestamp_framing),
            "window_seconds": float(self.window_seconds),
            "layers": list(self.choice.layers),
            "mean_of_layers": self.choice.mean,
            "pooling": self.pooling,
            "scene_from": self.scene_from(),
        }

    def scene_from(self) -> dict[str, Any] | None:
        """How a scene (scene_embedding_size,) is made of "layers_mean" and "layers_std"; None where it is not."""
        if self.choice.mean or type(self).clips is not Model.clips:
            return None
        return {"layers": list(self.choice.layers), "pooling": self.pooling}

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        first = next(chain(self.parameters(), self.buffers()), None)
        return torch.device("cpu") if first is None else first.device

    def batches(self, clips: Sequence[torch.Tensor], framing: Framing) -> Iterator[Batch]:
        """Cut clips (each (n_samples,)) in windows and gather windows of similar length, within `batch_seconds`."""
        window = max(1, int(self.window_seconds * framing.sample_rate / framing.hop))
        margin = int(self.encoder.margin_seconds * framing.sample_rate / framing.hop)
        windows = [framing.windows(len(clip), window, margin) for clip in clips]
        clip_stats = [self.encoder.clip_stats(clip, len(parts)) for clip, parts in zip(clips, windows, strict=True)]
        todo = [(clip, part) for clip, parts in enumerate(windows) for part in parts]
        todo.sort(key=lambda item: item[1].stop - item[1].start)  # stable: equal lengths keep the clips' order
        while todo:
            seconds = self.batch_seconds or (5.0 if self.device.type == "cpu" else 160.0)
            budget = int(min(seconds, self.fitting_seconds) * framing.sample_rate)
            # The longest comes last, so the number that fits is found by letting the batch grow.
            n = 1
            while n < len(todo) and (n + 1) * (todo[n][1].stop - todo[n][1].start) <= budget:
                n += 1
            yield self.collate(clips, todo[:n], clip_stats, framing)
            todo = todo[n:]

    def collate(
        self,
        clips: Sequence[torch.Tensor],
        todo: list[tuple[int, Window]],
        clip_stats: list[Any],
        framing: Framing,
    ) -> Batch:
        """Put windows of possibly different lengths, given as (clip, window), into one zero-padded batch."""
        numbers = [clip for clip, _ in todo]
        audio = upload(self.gather(clips, todo, framing), self.device)
        lengths = [window.stop - window.start for _, window in todo]
        stats = self.encoder.batch_stats(audio, lengths, [clip_stats[clip] for clip in numbers])
        clip_indices, keep = torch.from_numpy(np.array(numbers)), kept_frames(todo, framing)
        return Batch(
            audio,
            [window for _, window in todo],
            upload(clip_indices, self.device),
            upload(keep, self.device),
            stats,
            numbers,
        )

    def gather(
        self, clips: Sequence[torch.Tensor], todo: Sequence[tuple[int, Window]], framing: Framing
    ) -> torch.Tensor:
        """See `batching.gather`."""
        return gather(clips, todo, framing)

    def runs(
        self, clips: Sequence[torch.Tensor], framing: Framing, layers: Moments | None = None
    ) -> Iterator[tuple[Batch, torch.Tensor]]:
        """Each batch of the clips, (n_samples,) each, with what `run` gives; what does not fit into memory is cut in halves.

        Later batches of this model are no longer than what fitted.
        """
        waiting: list[Batch] = []
        for batch in self.batches(clips, framing):
            waiting.append(batch)
            while waiting:
                part = waiting.pop()
                if layers is not None:
                    layers.sum_up()  # of the batch before; were it cut short in here, that one would count twice
                try:
                    frames = self.run(part, framing, layers)
                except (RuntimeError, MemoryError) as error:
                    if len(part.windows) == 1 or not is_out_of_memory(error):
                        raise
                    frames = None
                if frames is None:  # outside the handler, where the error no longer holds on to what it had in hand
                    if layers is not None:
                        layers.drop(part.keep)
                    waiting += reversed(part.halves(framing))
                    self.fitting_seconds = part.audio.numel() / 2 / framing.sample_rate
                    continue
                yield part, frames

    def run(self, batch: Batch, framing: Framing, layers: Moments | None = None) -> torch.Tensor:
        """Frames of the chosen layers, (batch, n_frames, width); every layer is added to `layers` on the way."""
        chosen: dict[int, torch.Tensor] = {}

        def on_layer(layer: int, frames: torch.Tensor) -> None:
            if layers is not None:
                layers.add(layer, frames, batch.keep, batch.clips)
            if layer in self.choice.layers:
                chosen[layer] = frames

        lengths = [window.stop - window.start for window in batch.windows]
        self.encoder(batch.audio, lengths, framing, batch.clip_stats, on_layer)
        return self.choice.frames(chosen)

    @torch.no_grad()
    def timestamps(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings (n_sounds, n_frames, width) and their centres in ms (n_sounds, n_frames) of equally long clips.

        There is a frame for every centre inside the clip; the last one may see up to half a receptive field of zeros.
        """
        framing = self.encoder.timestamp_framing
        end_padding = framing.end_padding(audio.shape[1])
        audio = torch.nn.functional.pad(audio, (0, end_padding)) if end_padding else audio
        n_frames = framing.n_frames(audio.shape[1])
        out = torch.empty(len(audio), n_frames, self.timestamp_embedding_size, device=self.device)
        for batch, frames in self.runs(list(audio), framing):
            for row, (clip, window) in enumerate(zip(batch.numbers, batch.windows, strict=True)):
                first, last = (window.first_frame + frame for frame in window.keep)
                out[clip, first:last] = frames[row, slice(*window.keep)]
        centres = torch.from_numpy(framing.centres(n_frames)).float().to(self.device)
        return out, centres.repeat(len(audio), 1)

    @torch.no_grad()
    def clips(self, clips: Sequence[torch.Tensor], layers: bool) -> dict[str, torch.Tensor]:
        """Pooled embeddings of clips of any lengths; with `layers` those of every layer too."""
        framing, device = self.encoder.scene_framing, self.device
        scene = Moments(len(clips), 1, self.timestamp_embedding_size, device)
        every = Moments(len(clips), self.n_layers, self.encoder.width, device) if layers else None
        for batch, frames in self.runs(clips, framing, every):
            scene.add(0, frames, batch.keep, batch.clips)
        parts = [scene.mean()[:, 0]] + ([scene.std()[:, 0]] if self.pooling == "mean+std" else [])
        out = {"scene": torch.cat(parts, dim=-1)}
        if every is not None:
            out.update(layers_mean=every.mean(), layers_std=every.std())
        return out


def get_timestamp_embeddings(audio: torch.Tensor, model: Model) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings of every frame.

    Args:
        audio: (n_sounds, n_samples), float in [-1, 1] at `model.sample_rate`; any length from one sample.
        model: What `load_model` gave.

    Returns:
        Embeddings (n_sounds, n_frames, timestamp_embedding_size), float32, and the frames' centres in milliseconds
        (n_sounds, n_frames), float32.

    Raises:
        TypeError, ValueError: See `check_audio`.
    """
    return model.timestamps(check_audio(audio, axes=2))


def get_scene_embeddings(audio: torch.Tensor, model: Model) -> torch.Tensor:
    """One embedding per sound, (n_sounds, scene_embedding_size), float32: its frames pooled over time.

    Args:
        audio: (n_sounds, n_samples), float in [-1, 1] at `model.sample_rate`; any length from one sample.
        model: What `load_model` gave.

    Raises:
        TypeError, ValueError: See `check_audio`.
    """
    return model.clips(check_audio(audio, axes=2).unbind(), layers=False)["scene"]


def get_clip_embeddings(clips: Sequence[torch.Tensor], model: Model) -> dict[str, torch.Tensor]:
    """Pooled embeddings of clips of different lengths, every layer in one forward pass (our extension of HEAR).

    Args:
        clips: Each (n_samples,), float in [-1, 1] at `model.sample_rate`; any lengths from one sample.
        model: What `load_model` gave.

    Returns:
        "scene": (n_clips, scene_embedding_size), equal to `get_scene_embeddings` of each clip alone; and but for ensembles
        "layers_mean" and "layers_std": (n_clips, n_layers, width), mean and sample standard deviation (ddof 1; 0 for a single frame) over
        the frames of the scene embedding, layer 0 being a transformer's input. All float32.

    Raises:
        TypeError, ValueError: See `check_audio`.
    """
    return model.clips([check_audio(clip, axes=1) for clip in clips], layers=True)
