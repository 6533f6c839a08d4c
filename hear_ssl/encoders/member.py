"""A member of an ensemble: any HEAR module, ours or anyone's, that gives the frames of one clip after another.

Of our own modules we know where their frames lie, and their embeddings do not depend on the batch: clips share batches
and windows. Of others only the three functions of the HEAR API are known: clips run one by one, so that they cannot
mix, and their timestamp embeddings serve as frames for scenes, too.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from hear_ssl.encoders.api import Model
from hear_ssl.encoders.frames import Framing
from hear_ssl.encoders.plain_module import code_version, import_module, process_kept

# Where the last timestamp is so many times shorter than its clip, it is none in ms; in seconds it would be 1000 times.
_SECONDS_LOOK_LIKE = 100

# One clip's index among the clips, its frames (n_frames, width), and their centres in ms (n_frames,).
ClipFrames = tuple[int, torch.Tensor, np.ndarray]


class Member(torch.nn.Module):
    """A loaded HEAR module inside an ensemble.

    Args:
        name: Importable module, path of a .py file, or `hf:` and a hub id or folder.
        path: Its `model_file_path`; "" for its own choice.
        options: Keyword arguments of its `load_model`.

    Attributes:
        sample_rate: Of the audio it takes, in Hz.
        width: Size of one of its frames.
        role: What errors call it.
        remedy: What the error of a failing `load_model` adds.

    Raises:
        ValueError: It cannot be imported, is no HEAR module, or lacks one of the three sizes.
    """

    role = "ensemble member"
    remedy = "; give its path and options as member_paths={MEMBER: PATH} and member_options={MEMBER: {OPTION: VALUE}}"

    def __init__(self, name: str, path: str = "", options: Mapping[str, Any] | None = None):
        super().__init__()
        if name.startswith("hf:"):
            if path:
                raise ValueError(f"ensemble member {name} names its weights already; leave out the path {path}")
            module_name, path = "hear_ssl.hf", name.removeprefix("hf:")
        else:
            module_name = name
        self.name, self.options = name, dict(options or {})
        with process_kept():
            self.module = import_module(module_name, self.role)
            self.model: Any = self.loaded(path)
        self.is_ours = isinstance(self.model, Model)
        self.sample_rate = self.size("sample_rate")
        self.width = self.size("timestamp_embedding_size")
        self.scene_width = self.size("scene_embedding_size")

    def loaded(self, path: str) -> Any:
        """What its `load_model` gives; without a path it is called without one, if it can be.

        Raises:
            ValueError: It fails, for whatever reason; the sentence names the member.
        """
        parameters = inspect.signature(self.module.load_model).parameters.values()
        needs = any(each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD for each in parameters)
        try:
            return self.module.load_model(*([path] if path or needs else []), **self.options)
        except (Exception, SystemExit) as error:  # a module may raise anything while it loads
            raise ValueError(
                f"{self.role} {self.name}: load_model failed ({type(error).__name__}: {error}){self.remedy}"
            ) from error

    def size(self, key: str) -> int:
        """One of the three whole numbers that the HEAR API asks a model for."""
        value = getattr(self.model, key, None)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value) or value <= 0:
            raise ValueError(f"{self.role} {self.name}: model.{key} is {value!r}; a positive whole number is wanted")
        return int(value)

    def framing(self, scenes: bool) -> Framing | None:
        """Where the frames of scenes (or of timestamp embeddings) lie; None for modules that are not ours."""
        if not self.is_ours:
            return None
        encoder = self.model.encoder
        return encoder.scene_framing if scenes else encoder.timestamp_framing

    def frames(self, clips: Sequence[torch.Tensor], scenes: bool, end_padding: bool) -> Iterator[ClipFrames]:
        """Frames of every clip, each clip as soon as it is complete, in any order.

        Args:
            clips: Each (n_samples,), at this member's rate.
            scenes: On the grid of scene embeddings, else on that of timestamp embeddings.
            end_padding: Of our modules, timestamp embeddings also at the centres whose receptive field passes the clip's
                end.
        """
        framing = self.framing(scenes)
        if framing is None:
            for number, clip in enumerate(clips):
                yield number, *self.plain_module_frames(clip)
            return
        if end_padding and not scenes:
            clips = [torch.nn.functional.pad(clip, (0, framing.end_padding(len(clip)))) for clip in clips]
        for number, frames in _our_frames(self.model, clips, framing):
            yield number, frames, framing.centres(len(frames))

    def plain_module_frames(self, clip: torch.Tensor) -> tuple[torch.Tensor, np.ndarray]:
        """Timestamp embeddings of one clip (n_samples,) by a module that is not ours.

        Raises:
            ValueError: They are not what the HEAR API promises.
        """
        answer = self.ask("get_timestamp_embeddings", clip)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise ValueError(
                f"{self.role} {self.name}: get_timestamp_embeddings gives {type(answer).__name__}; "
                "(embeddings, timestamps) is wanted"
            )
        frames, times = (_as_tensor(value, clip.device) for value in answer)
        times = times if times.dim() == 2 else times[None]
        if frames.dim() != 3 or len(frames) != 1 or frames.shape[2] != self.width or times.shape != frames.shape[:2]:
            raise ValueError(
                f"{self.role} {self.name}: timestamp embeddings have shape {tuple(frames.shape)} and timestamps "
                f"{tuple(times.shape)}, but (1, n_frames, {self.width}) and (1, n_frames) are wanted"
            )
        if not frames.shape[1]:
            raise ValueError(f"{self.role} {self.name} gives no frame for a clip of {len(clip)} samples")
        centres = times[0].double().cpu().numpy()
        self.refuse_timestamps(centres, 1000 * len(clip) / self.sample_rate)
        return frames[0], centres

    def refuse_timestamps(self, centres: np.ndarray, length: float) -> None:
        """Refuse timestamps (n_frames,) that cannot be centres in ms of the frames of a clip of `length` ms.

        Raises:
            ValueError: They fall, or seem to be seconds.
        """
        if not np.isfinite(centres).all() or (np.diff(centres) < 0).any():
            raise ValueError(
                f"{self.role} {self.name}: its timestamps do not rise; centres in ms, in order, are wanted"
            )
        if len(centres) > 1 and centres[-1] <= length / _SECONDS_LOOK_LIKE:
            raise ValueError(
                f"{self.role} {self.name}: the last of {len(centres)} timestamps is {centres[-1]:g} in a clip of "
                f"{length:g} ms; are they seconds? Milliseconds are wanted"
            )

    def scenes(self, clips: Sequence[torch.Tensor]) -> torch.Tensor:
        """The member's own scene embeddings of clips, each (n_samples,) at its rate: (n_clips, scene_width)."""
        if self.is_ours:
            return self.model.clips(clips, layers=False)["scene"]
        rows = [_as_tensor(self.ask("get_scene_embeddings", clip), clip.device) for clip in clips]
        if any(row.shape != (1, self.scene_width) for row in rows):
            raise ValueError(
                f"{self.role} {self.name}: scene embeddings have shape {tuple(rows[0].shape)}, but "
                f"(1, {self.scene_width}) is wanted"
            )
        return torch.cat(rows)

    def ask(self, function: str, clip: torch.Tensor) -> Any:
        """One of the module's functions on one clip, in the module's own framework."""
        audio: Any = clip[None]
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is not None and not isinstance(self.model, torch.nn.Module):
            audio = tensorflow.convert_to_tensor(audio.cpu().numpy())
        with process_kept():
            return getattr(self.module, function)(audio, self.model)

    def identity(self) -> Any:
        """What its embeddings depend on beside audio and torch's weights, in words of JSON; part of the names of stored embeddings."""
        if callable(own := getattr(self.model, "embedding_identity", None)):
            return own()
        name_and_options = f"{self.module.__name__} {sorted(self.options.items())}"
        if not isinstance(self.model, torch.nn.Module) and not getattr(self.model, "variables", None):
            self.ask("get_scene_embeddings", torch.zeros(self.sample_rate))  # Keras makes its weights when called
        return f"{name_and_options} {code_version(self.module, self.model)}"


def _our_frames(model: Model, clips: Sequence[torch.Tensor], framing: Framing) -> Iterator[tuple[int, torch.Tensor]]:
    """Frames (n_frames, width) of each clip, by its number; only clips that share a batch are held at once."""
    incomplete: dict[int, torch.Tensor] = {}
    missing: dict[int, int] = {}
    for batch in model.batches(clips, framing):
        frames = model.run(batch, framing)
        for row, (clip, window) in enumerate(zip(batch.clips.tolist(), batch.windows, strict=True)):
            if clip not in incomplete:
                missing[clip] = framing.n_frames(len(clips[clip]))
                incomplete[clip] = frames.new_empty(missing[clip], frames.shape[2])
            first, last = (window.first_frame + frame for frame in window.keep)
            incomplete[clip][first:last] = frames[row, slice(*window.keep)]
            missing[clip] -= last - first
            if not missing[clip]:
                yield clip, incomplete.pop(clip)


def resampled(clips: Sequence[torch.Tensor], rate: int, new_rate: int) -> list[torch.Tensor]:
    """Clips, each (n_samples,), at another rate in Hz: untouched if it is the same, else by soxr at its quality HQ.

    A clip shorter than half a new sample becomes one, its mean.
    """
    if rate == new_rate:
        return list(clips)
    import soxr

    out = []
    for clip in clips:
        samples = clip.cpu().numpy()
        new = soxr.resample(samples, rate, new_rate, quality="HQ")
        out.append(torch.from_numpy(new if len(new) else samples.mean(keepdims=True)).to(clip.device))
    return out


def _as_tensor(value: Any, device: torch.device) -> torch.Tensor:
    """Whatever a module returned, torch's or not, as a float32 tensor on `device`."""
    tensor = value.detach() if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))
    return tensor.to(device).float()
