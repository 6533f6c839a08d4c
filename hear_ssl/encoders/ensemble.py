"""Ensembles: the frames of several HEAR modules on one time grid and of one width, merged into one embedding.

The order of things is that of Wu et al. 2022 (https://arxiv.org/abs/2209.12900; released code
tony10101105/HEAR-2021-NeurIPS-Challenge---NTU-GURA): a member's layers are chosen or averaged by the member itself,
its frames are resized across features, then across time, then merged. Both resizings are linear interpolations that
do not align the corners ("half-pixel", as torch.nn.functional.interpolate does by default).

The grid is that of the first member that is a transformer of ours, else of the first member. A scene embedding is
the mean over time of the merged frames on the scene grid; it is not the mean of the timestamp embeddings where a
member has another grid for scenes (CREPE: every 250 ms, and 50 ms for timestamps). Since merging and means may
change places, only one member's frames of the clips of one batch are in memory at a time.

Where all members are ours and have the same scene grid and width (several transformers, for example), the
concatenation in blocks is bit for bit `torch.cat` of the scene embeddings that the members give by themselves in the
same batches; with `scene="members"` that holds for any members.

Memory: of timestamp embeddings the merged frames of all sounds are held, and one member's frames of a batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from hear_ssl.encoders import api
from hear_ssl.encoders.member import Member, resampled
from hear_ssl.encoders.merging import MERGES, OPTIONS, MergeOptions, group_means, resized
from hear_ssl.encoders.options import check_names
from hear_ssl.encoders.source import source_hash
from hear_ssl.encoders.transformer import TransformerEncoder


class Ensemble(torch.nn.Module):
    """Several HEAR modules that answer as one; made by `build`.

    Attributes:
        sample_rate: The members' highest, in Hz.
        timestamp_embedding_size, scene_embedding_size: Widths of the two embeddings.
        n_layers: 1; the layers are the members' affair.
        trained_on: As of a `Model`, with the members' names.
        heard: As of a `Model`: what any of the members heard.
        read_from: As of a `Model`; None where a member does not say.
    """

    n_layers = 1
    members: Sequence[Member]

    def __init__(self, members: Sequence[Member], merging: MergeOptions):
        super().__init__()
        self.members = torch.nn.ModuleList(members)  # type: ignore[assignment]
        self.merging = merging
        self.sample_rate = max(member.sample_rate for member in members)
        self.widths = [member.width for member in members]
        self.timestamp_embedding_size = merging.merged_width(self.widths)
        self.scene_widths = [member.scene_width for member in members] if merging.scene == "members" else self.widths
        self.scene_embedding_size = merging.merged_width(self.scene_widths) * merging.time_groups
        transformers = [n for n, member in enumerate(members) if _is_transformer(member)]
        self.reference = transformers[0] if transformers else 0
        self.trained_on = _trained_on(members)
        self.heard = sorted({sound for member in members for sound in getattr(member.model, "heard", ())})
        said = [getattr(member.model, "read_from", None) for member in members]
        self.read_from = None if None in said else sorted({place for places in said for place in places or ()})
        self.requires_grad_(False).eval()

    def embedding_identity(self) -> dict[str, Any]:
        """What its embeddings depend on beside audio and the state of its tensors, in words of JSON; widths are in features."""
        return {
            "code": source_hash(type(self).__module__),
            "merging": asdict(self.merging),
            "members": [member.identity() for member in self.members],
            "scene_from": None,
            "foreign": not all(member.is_ours for member in self.members),  # what they hold nobody here can name
        }

    @property
    def device(self) -> torch.device:
        """Where the first weights lie."""
        first = next(chain(self.parameters(), self.buffers()), None)
        return torch.device("cpu") if first is None else first.device

    def at_member_rates(self, clips: Sequence[torch.Tensor]) -> dict[int, list[torch.Tensor]]:
        """Clips (each (n_samples,)) at every rate that a member takes, by that rate in Hz."""
        rates = {member.sample_rate for member in self.members}
        return {rate: resampled(clips, self.sample_rate, rate) for rate in sorted(rates)}

    def on_grid(
        self, clips_at: Mapping[int, Sequence[torch.Tensor]], scenes: bool, numbers: Sequence[int]
    ) -> Iterator[tuple[int, int, torch.Tensor, np.ndarray]]:
        """Frames of each clip by some members, on the ensemble's grid and width.

        Args:
            clips_at: What `at_member_rates` gave.
            scenes: On the grid of scene embeddings, else on that of timestamp embeddings.
            numbers: Which members, counted from 0.

        Yields:
            Numbers of member and clip, frames (n_frames, width), and their centres in ms (n_frames,).
        """
        grids: dict[int, np.ndarray] = {}
        reference, merging = self.members[self.reference], self.merging
        framing = reference.framing(scenes)
        if framing is not None:
            lengths = [len(samples) for samples in clips_at[reference.sample_rate]]
            paddings = [framing.end_padding(n) if merging.end_padding and not scenes else 0 for n in lengths]
            grids = {
                n: framing.centres(framing.n_frames(sum(both)))
                for n, both in enumerate(zip(lengths, paddings, strict=True))
            }
        for number in sorted(numbers, key=lambda n: n != self.reference):  # the reference first: it makes the grid
            member, width = self.members[number], merging.widths(self.widths)[number]
            for clip, frames, centres in member.frames(clips_at[member.sample_rate], scenes, merging.end_padding):
                grid = grids.setdefault(clip, centres)
                yield number, clip, merging.aligned(resized(frames, width), centres, grid), grid

    @torch.no_grad()
    def timestamps(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings (n_sounds, n_frames, width) and their centres in ms (n_sounds, n_frames) of equally long clips."""
        out, centres = None, np.zeros(0)
        for number, clip, frames, grid in self.on_grid(
            self.at_member_rates(list(audio)), False, range(len(self.members))
        ):
            if out is None:
                out, centres = frames.new_zeros(len(audio), len(grid), self.timestamp_embedding_size), grid
            if len(grid) != len(centres):
                name = self.members[self.reference].name
                raise ValueError(
                    f"ensemble member {name} gives equally long clips {len(centres)} and {len(grid)} frames"
                )
            self.merging.insert(out[clip], number, frames, self.widths)
        if out is None:
            raise ValueError("an ensemble without members has no embeddings")
        return out, torch.from_numpy(centres).float().to(out.device).repeat(len(audio), 1)

    @torch.no_grad()
    def clips(self, clips: Sequence[torch.Tensor], layers: bool = False) -> dict[str, torch.Tensor]:
        """Under "scene" (n_clips, scene_embedding_size), of clips of any lengths; there are no layers to give."""
        merging, n_groups = self.merging, self.merging.time_groups
        clips_at = self.at_member_rates([self.lengthened(clip) for clip in clips])
        merged = torch.zeros(len(clips), n_groups, self.scene_embedding_size // n_groups, device=self.device)
        self_pooled = [number for number in range(len(self.members)) if self.pools_itself(number)]
        for number in self_pooled:
            member = self.members[number]
            scenes = resized(member.scenes(clips_at[member.sample_rate]), merging.widths(self.scene_widths)[number])
            merging.insert(merged, number, scenes.unsqueeze(1), self.scene_widths)
        rest = sorted(set(range(len(self.members))) - set(self_pooled))
        for number, clip, frames, _ in self.on_grid(clips_at, True, rest) if rest else ():
            merging.insert(merged[clip], number, group_means(frames, n_groups), self.widths)
        return {"scene": merged.flatten(1)}

    def pools_itself(self, number: int) -> bool:
        """Whether the scene embedding that a member gives by itself is its part of the ensemble's."""
        if self.merging.scene == "members":
            return True
        member, reference = self.members[number], self.members[self.reference]
        if not (member.is_ours and reference.is_ours and member.framing(True) == reference.framing(True)):
            return False
        plain = type(member.model).clips is api.Model.clips and member.model.pooling == "mean"
        return plain and self.merging.time_groups == 1  # its scene is the mean of its frames, and nothing else

    def lengthened(self, clip: torch.Tensor) -> torch.Tensor:
        """The clip (n_samples,), zero-padded at its end to the shortest length that has a frame for every group."""
        reference = self.members[self.reference]
        framing = reference.framing(scenes=True)
        if framing is None or self.merging.time_groups == 1:
            return clip
        shortest = framing.receptive_field + (self.merging.time_groups - 1) * framing.hop - 2 * framing.pad
        missing = -(-shortest * self.sample_rate // reference.sample_rate) - len(clip)
        return pad(clip, (0, missing)) if missing > 0 else clip


def _trained_on(members: Sequence[Member]) -> dict[str, str]:
    """Which datasets the members know; what is certain of one of them counts before what is possible of another."""
    said = [
        (name, member.name, what)
        for member in members
        for name, what in dict(getattr(member.model, "trained_on", {})).items()
    ]
    # As the attribute `trained_on` of a `Model` says it; of one dataset the last one stays.
    said.sort(key=lambda each: not each[2].startswith("may have heard"))
    return {name: f"{what} (its member {member})" for name, member, what in said}


def _is_transformer(member: Member) -> bool:
    """Whether the member is one of our transformers, whose frames lie every 20 ms."""
    return member.is_ours and isinstance(member.model.encoder, TransformerEncoder)


def build(
    members: Sequence[str],
    member_options: Mapping[str, Mapping[str, Any]] | None = None,
    member_paths: Mapping[str, str] | None = None,
    **options: Any,
) -> Ensemble:
    """One model out of several HEAR modules, for the functions of `hear_ssl.ensemble`; it takes their highest sample rate.

    Args:
        members: Importable modules, paths of .py files, or `hf:` and a hub id or folder.
        member_options: Options of `load_model` by member.
        member_paths: `model_file_path` by member.
        **options: How they are merged; see `OPTIONS`.

    Raises:
        ValueError: An unknown option, value or member.
    """
    check_names(options, {field.name: OPTIONS[field.name] for field in fields(MergeOptions)})
    merging = MergeOptions(**options)
    if isinstance(members, str) or not members:
        raise ValueError(f"members={members!r}: a list of module names is wanted, such as ['hear_ssl.crepe_tiny']")
    own_options, paths = _by_member("member_options", member_options), _by_member("member_paths", member_paths)
    for by_member in (own_options, paths):
        if unknown := sorted(set(by_member) - set(members)):
            raise ValueError(f"{unknown[0]!r} is no member; members are {', '.join(members)}")
    return Ensemble([Member(name, str(paths.get(name, "")), own_options.get(name)) for name in members], merging)


def _by_member(name: str, value: Any) -> Mapping[str, Any]:
    """The option as a mapping, empty if it was left out.

    Raises:
        ValueError: It is something else.
    """
    if value is not None and not isinstance(value, Mapping):
        raise ValueError(f"option {name}={value!r}: {OPTIONS[name]}")
    return value or {}


def load_model(model_file_path: str = "", **options: Any) -> Ensemble:
    """An ensemble by text, `MEMBER+MEMBER` or `average:MEMBER+MEMBER`; it takes the members' highest sample rate.

    Args:
        model_file_path: Names of the members; see `build`.
        **options: See `OPTIONS`.

    Raises:
        ValueError: No members, two different merges, or what `build` refuses.
    """
    check_names(options, OPTIONS)
    text = str(model_file_path)
    merge, colon, rest = text.partition(":")
    if colon and merge in MERGES:
        if options.setdefault("merge", merge) != merge:
            raise ValueError(f"{text!r} says {merge}, the option merge says {options['merge']!r}; leave one out")
        text = rest
    members = [name.strip() for name in text.split("+")]
    if not all(members):
        raise ValueError(
            f"{model_file_path!r} names no members: write MODULE+MODULE, such as hear_ssl.melspec+hear_ssl.crepe_tiny, "
            f"with {' or '.join(f'{name}:' for name in MERGES)} before them if you like"
        )
    return build(members, **options)
