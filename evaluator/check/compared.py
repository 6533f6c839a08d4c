"""What tested clips have in common where nothing is trained and each is compared with the others: what is alike without being of one class."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.check import leaks, matching
from evaluator.check.issue import Issue, issue
from evaluator.check.scan import Scans
from evaluator.datasets import overlap, own_split, splits
from evaluator.datasets.recordings import Recordings
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.words import counted

MEET = "clips that are compared with each other"


@dataclass(frozen=True)
class Compared:
    """Clips, and which of them a measure compares.

    clips: All of a task, (n_clips,).
    folds: In which they are tested, (n_folds,).
    exclude: What is never compared, as a measure's probe has it: `none`, clips of one `recording`, or of one recording or `group`.
    """

    clips: Sequence[Clip]
    folds: Sequence[Fold]
    exclude: str

    def tested(self) -> np.ndarray:
        """Whether each clip is tested, (n_clips,)."""
        tested = np.zeros(len(self.clips), bool)
        for fold in self.folds:
            tested[fold.test] = True
        return tested

    def meet(self, first: int, second: int) -> bool:
        """Whether two tested clips, by their numbers from 0, are compared."""
        one, other = self.clips[first], self.clips[second]
        return self._apart((one.path, one.group), (other.path, other.group))

    def _apart(self, one: tuple[str, str], other: tuple[str, str]) -> bool:
        """Whether clips of these paths and groups ("" for none) are compared."""
        if self.exclude != "none" and one[0] == other[0]:
            return False
        return not (self.exclude == "group" and one[1] and one[1] == other[1])

    def sharing(self, recordings: Recordings, skipped: Collection[int]) -> dict[int, int]:
        """Compared clips that hold audio of another one that they are compared with, each with such a one; `skipped` do not count."""
        untested = np.flatnonzero(~self.tested()).tolist()
        return overlap.partners(
            recordings.spans(),
            recordings.contents(),
            [(clip.path, clip.group) for clip in self.clips],
            self._apart,
            {*skipped, *untested},
        )

    def several(self, groups: Sequence[str]) -> list[str]:
        """Of the groups of all clips, (n_clips,), "" for none, those with two that are compared unless the group keeps them apart, sorted."""
        of_recording = self.exclude != "none"
        units = {
            (groups[index], self.clips[index].path if of_recording else str(index))
            for index in np.flatnonzero(self.tested()).tolist()
        }
        sizes = Counter(group for group, _ in units if group)
        return sorted(group for group, size in sizes.items() if size > 1)

    def divided(self) -> list[str]:
        """Groups of which several clips are compared, sorted, (n_groups,); none where they are kept apart, or are the classes."""
        if self.exclude == "group" or splits.groups_are_classes(self.clips):
            return []
        return self.several([clip.group for clip in self.clips])

    def unused(self, task: Task) -> str:
        """That file names of a user's own data seem to name groups of which several clips are compared, and the way out; "" if not."""
        found = own_split.named_groups(task, self.clips)
        named = self.several([clip.group for clip in found.clips]) if found is not None else []
        if found is None or not named:
            return ""
        n = "all" if len(named) == len(found.names) else len(named)
        return (
            f"{found.sentence}, and {n} of them {'has' if n == 1 else 'have'} several {MEET}; if clips of one belong together, "
            f"{own_split.way_to_groups(task, found)}: the clean profiles of retrieval and vocsim then keep them apart"
        )


def told_by_tables(task: Task, compared: Compared) -> Iterator[Issue]:
    """What (n_clips,) clips have in common by their rows and names: groups."""
    known = compared.divided()
    if known:
        what = counted(len(known), f"groups have several {MEET}")
        yield issue("warning", f"{what}, so the score does not tell how well new ones would do", known)
    unused = compared.unused(task)
    if unused:
        yield Issue("warning" if task.by_table else "note", unused)


def told_by_sound(compared: Compared, recordings: Recordings, scans: Scans) -> Iterator[Issue]:
    """What (n_clips,) clips have in common by their sound: stretches that overlap, the very same samples, or a sound like one."""
    found = compared.sharing(recordings, leaks.unheard(scans))
    yield from leaks.shared_issue(compared.clips, scans, found, "audio of one that they are compared with")
    clips, tested = compared.clips, compared.tested()
    nearest: list[str] = []
    contradictory: list[str] = []
    others: list[str] = []
    for indices in scans.doubles():
        labels, place = leaks.place(clips, indices)
        if any(compared.meet(*pair) for pair in combinations([index for index in indices if tested[index]], 2)):
            nearest.append(place)
        else:
            (contradictory if len(labels) > 1 else others).append(place)
    if nearest:
        what = f"identical audio is compared with itself, and a copy is nearest whatever the module: {len(nearest)} sets of clips"
        yield issue("error", what, nearest)
    if contradictory:
        yield leaks.contradiction(contradictory)
    if others:
        yield issue(
            "warning", f"identical audio, which is not compared with itself: {len(others)} sets of clips", others
        )
    apart = np.array([[False, False], [False, True]])
    alike = matching.matches(scans.landmarks, tested.astype(np.int64), apart)
    yield from leaks.alike_pairs(
        clips, scans, (match for match in alike if compared.meet(match.first, match.second)), f"pairs of {MEET}"
    )
