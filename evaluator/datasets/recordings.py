"""The clips that a module is to embed: which, how much of each, and what their files hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.audio.decoded import Decoded
from evaluator.datasets.manifest import Manifest


@dataclass(frozen=True)
class Recordings:
    """Clips, (n_clips,), the rule that says how much of each is used, and the facts of their files.

    name: What they are called in messages and progress bars: the task's name.
    manifest: The clips, in order, with their classes.
    rule: What of each clip is used, and at what level.
    facts: Header and content hash of each file by its path, or why it cannot be had (`decode.file_facts`).
    decoded: Keeps clips that were decoded for the next module; None where nobody else will ask for them.
    """

    name: str
    manifest: Manifest
    rule: ClipRule
    facts: Mapping[str, FileFacts | AudioError]
    decoded: Decoded | None = field(default=None, compare=False, repr=False)

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The clips, in order."""
        return self.manifest.clips

    def span(self, clip: Clip) -> tuple[float, float]:
        """Start and end of what is heard of a clip, in seconds of its file; its end is NaN where neither clip nor file tells it."""
        facts, start = self.facts[clip.path], clip.start or 0.0
        whole = facts.frames / facts.sample_rate if isinstance(facts, FileFacts) else float("nan")
        end = whole if clip.end is None else clip.end
        return start, end if self.rule.seconds is None else min(end, start + self.rule.seconds / self.slower(clip))

    def spans(self) -> list[tuple[float, float]]:
        """`span` of every clip, in seconds, (n_clips,)."""
        return [self.span(clip) for clip in self.clips]

    def contents(self) -> list[str]:
        """What each clip's file holds, (n_clips,): the SHA-256 of its bytes, or its path where it cannot be read."""
        every = ((clip, self.facts.get(clip.path)) for clip in self.clips)
        return [facts.sha256 if isinstance(facts, FileFacts) else clip.path for clip, facts in every]

    def slower(self, clip: Clip) -> float:
        """How many times slower than its file plays a clip is heard: ms of the module divided by it are ms of the file."""
        facts = self.facts[clip.path]
        return self.rule.slower(facts.expansion) if isinstance(facts, FileFacts) else 1.0
