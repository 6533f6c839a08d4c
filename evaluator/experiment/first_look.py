"""What headers and lengths of recordings tell of what is to be embedded, before a module is loaded for it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.audio.clip_rule import AS_IT_IS
from evaluator.audio.decode import AudioError, clip_key, clip_seconds
from evaluator.audio.facts import quick_facts
from evaluator.errors import EvaluationError
from evaluator.experiment.blocks import Cut, refuse_too_many
from evaluator.experiment.sources import Source
from evaluator.experiment.usable import LISTED_FAILURES, rounded_up

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FirstLook:
    """Which clips cannot be read, as far as that shows before they are decoded.

    n_clips: Recordings, or clips of a table or task, that were given.
    reasons: Of each that cannot be read a sentence why, (n_unreadable,).
    """

    n_clips: int
    reasons: Sequence[str]

    def is_more_than(self, allowed: float) -> bool:
        """Whether a greater share than `allowed`, 0 to 1, cannot be read.

        Raises:
            EvaluationError: None at all can be.
        """
        if len(self.reasons) == self.n_clips:
            raise EvaluationError(f"none of the {self.n_clips} clips can be embedded: {self.reasons[0]}")
        return len(self.reasons) > allowed * self.n_clips

    def refuse(self, allowed: float) -> None:
        """Refuse a silently smaller set, for who has no use for the others; `allowed` is a share, 0 to 1.

        Raises:
            EvaluationError: More cannot be read.
        """
        if self.is_more_than(allowed):
            lines = [f"\n  {why}" for why in self.reasons[:LISTED_FAILURES]]
            rest = len(self.reasons) - len(lines)
            raise EvaluationError(
                f"{self._so_many} cannot be read, and nothing is embedded yet. Mend them, or {self._admitted}:{''.join(lines)}"
                + (f"\n  and {rest} more" if rest else "")
            )

    def warn(self, allowed: float) -> None:
        """Say that more than this share, 0 to 1, cannot be read, where the others are written all the same.

        Raises:
            EvaluationError: None at all can be.
        """
        if self.is_more_than(allowed):
            LOG.warning(
                "%s cannot be read, as far as headers tell (%s): the others can be embedded; mend them, or %s at least",
                self._so_many,
                self.reasons[0],
                self._admitted,
            )

    @property
    def _so_many(self) -> str:
        return f"{len(self.reasons)} of {self.n_clips} recordings or clips"

    @property
    def _admitted(self) -> str:
        return f"admit them with --allow-failed {rounded_up(len(self.reasons) / self.n_clips)}"


def look(sources: Sequence[Source], cut: Cut, cache: Path, rehash: bool) -> FirstLook:
    """Look at the headers and lengths of all recordings; no file is read to its end for it that need not be.

    Args:
        sources: What is to be embedded, (n_clips,) each.
        cut: How clips are cut, in seconds.
        cache: Folder in which facts of files are remembered.
        rehash: Whether what is remembered does not count.

    Raises:
        UsageError: There are more windows than anybody means (`blocks.MOST_WINDOWS`).
    """
    reasons: list[str] = []
    lengths: list[float] = []
    for source in sources:
        found = quick_facts(source.root, [clip.path for clip in source.clips], cache, rehash)
        for clip in source.clips:
            facts = found[clip.path]
            try:
                if isinstance(facts, AudioError):
                    raise facts
                clip_key(facts, clip, source.rule)  # what is said of the clip itself: its stretch and its channel
                lengths.append(clip_seconds(facts, clip, AS_IT_IS))
            except AudioError as error:
                reasons.append(str(error))
    refuse_too_many(cut, lengths)
    return FirstLook(sum(len(source.clips) for source in sources), reasons)
