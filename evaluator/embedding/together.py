"""The members of an ensemble asked together: all are open, and a few clips at a time are embedded by each and merged."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.audio.decoded import Decoded
from evaluator.datasets.recordings import Recordings
from evaluator.embedding import proofs
from evaluator.embedding.claims import Claim
from evaluator.embedding.extraction import Extraction, seconds_of
from evaluator.embedding.merging import Timed
from evaluator.embedding.module import open_module
from evaluator.embedding.plan import Batches, clips_of
from evaluator.embedding.spec import ModuleSpec
from evaluator.embedding.store import StoredClip
from evaluator.embedding.views import Row
from evaluator.embedding.work import Work
from evaluator.errors import EvaluationError


class MemberFrames:
    """One member's frames of a shard's clips, in memory until they are merged."""

    part = "frames"

    def __init__(self) -> None:
        self.clips: dict[str, StoredClip] = {}
        self.frames: dict[str, Timed] = {}

    def write(self, clips: Sequence[StoredClip], views: Mapping[str, np.ndarray]) -> Path | None:
        """Take a shard; frames (n_frames of all clips, width) follow each other."""
        first = 0
        for clip in clips:
            rows = slice(first, first + clip.n_frames)
            self.clips[clip.key] = clip
            self.frames[clip.key] = views["frames"][rows], views["times"][rows]
            first += clip.n_frames
        return None

    def within(self, key: str, length: float) -> Timed:
        """A clip's frames (n_frames, width) and centres; of one that was padded those inside its `length` ms, at least one."""
        frames, centres = self.frames[key]
        n_inside = max(1, int((centres <= length).sum())) if self.clips[key].padded_to else len(frames)
        return frames[:n_inside], centres[:n_inside]


class Together(contextlib.ExitStack):
    """The members of an ensemble, opened together when the first clips are asked for and closed at the end.

    Args:
        specs: The members.
        module: The ensemble, which describes itself (`guard.AsksAgain`).
        merge: Called with a clip's seconds, its key and its frames by every member; gives what is kept of it.
        recordings: The clips.
        keys: Of the clips, by their numbers.
    """

    def __init__(
        self,
        specs: Sequence[ModuleSpec],
        module: Any,
        merge: Callable[[float, str, Sequence[MemberFrames]], tuple[StoredClip, Row]],
        recordings: Recordings,
        keys: Mapping[int, str],
    ):
        super().__init__()
        self.specs, self.module, self.merge = specs, module, merge
        self.recordings, self.keys = recordings, dict(keys)
        self.works: list[Work] = []

    def merged(self, batches: Batches) -> list[tuple[StoredClip, Row] | None]:
        """Embed the clips of some batches with every member, and merge each that all of them take; None for the others."""
        if not self.works:
            modules = [self.enter_context(open_module(each)) for each in self.specs]
            self.works = [
                Work(each, self.recordings, MemberFrames(), Extraction(keys=dict(self.keys))) for each in modules
            ]
        held = [MemberFrames() for _ in self.works]
        shared = replace(self.recordings, decoded=Decoded())  # until these are merged
        for spec, work, memory in zip(self.specs, self.works, held, strict=True):
            work.store, work.recordings = memory, shared
            try:
                work.run([Claim(batches, None)], lambda n_clips: None)
            except EvaluationError as error:
                if spec.name in str(error):
                    raise
                raise EvaluationError(f"{spec.name}: {error}") from error
        numbers = clips_of(batches)
        taken = [all(number in work.done.keys for work in self.works) for number in numbers]
        return [
            self.merge(seconds_of(self.recordings, number), self.keys[number], held) if good else None
            for number, good in zip(numbers, taken, strict=True)
        ]

    def remarks(self) -> list[proofs.Remark]:
        """What is known so far of how members had to be run."""
        members_of = zip(self.specs, self.works, strict=True)
        return [each for spec, work in members_of if work.plain for each in of_member(spec, work.plain.remarks.items())]

    def again(self, numbers: Sequence[int]) -> list[Row]:
        """See `guard.AsksAgain`."""
        return [made[1] if made else {} for made in self.merged([list(numbers)])]


def of_member(spec: ModuleSpec, remarks: Iterable[proofs.Remark]) -> list[proofs.Remark]:
    """Remarks with the name of the member that they are about."""
    return [(kind, f"{spec.name}: {text}") for kind, text in remarks]
