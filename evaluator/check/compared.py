"""What tested clips have in common where nothing is trained and each is compared with the others: what is alike without being of one class."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.check import leaks, matching
from evaluator.check.issue import Issue, issue
from evaluator.check.scan import Scans
from evaluator.datasets import own_split, splits
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.words import counted

_MEET = "clips that are compared with each other"


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
        if self.exclude != "none" and one.path == other.path:
            return False
        return not (self.exclude == "group" and one.group and one.group == other.group)

    def several(self, groups: Sequence[str]) -> list[str]:
        """Of the groups of all clips, (n_clips,), "" for none, those with two that are compared unless the group keeps them apart, sorted."""
        of_recording = self.exclude != "none"
        units = {
            (groups[index], self.clips[index].path if of_recording else str(index))
            for index in np.flatnonzero(self.tested()).tolist()
        }
        sizes = Counter(group for group, _ in units if group)
        return sorted(group for group, size in sizes.items() if size > 1)


def told_by_tables(task: Task, compared: Compared) -> Iterator[Issue]:
    """What (n_clips,) clips have in common by their rows and names: stretches that overlap in time, and groups."""
    tested = compared.tested()
    pairs = [pair for pair in leaks.overlaps(compared.clips) if tested[list(pair)].all() and compared.meet(*pair)]
    if pairs:
        where = (f"{compared.clips[one].name} and {compared.clips[other].name}" for one, other in pairs)
        yield issue("warning", f"{len(pairs)} pairs of {_MEET} overlap in time", where)
    known = compared.several([clip.group for clip in compared.clips])
    if known and compared.exclude != "group" and not splits.groups_are_classes(compared.clips):
        what = counted(len(known), f"groups have several {_MEET}")
        yield issue("warning", f"{what}, so the score does not tell how well new ones would do", known)
    found = own_split.named_groups(task, compared.clips)
    named = compared.several([clip.group for clip in found.clips]) if found is not None else []
    if found is not None and named:
        n = "all" if len(named) == len(found.names) else len(named)
        text = (
            f"{found.sentence}, and {n} of them {'has' if n == 1 else 'have'} several {_MEET}; if clips of one belong together, "
            f"{own_split.way_to_groups(task, found)}: the clean profiles of retrieval and vocsim then keep them apart"
        )
        yield Issue("warning" if task.by_table else "note", text)


def told_by_sound(compared: Compared, scans: Scans) -> Iterator[Issue]:
    """What (n_clips,) clips have in common by their sound: the very same samples, or a sound like one."""
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
    found = matching.matches(scans.landmarks, tested.astype(np.int64), apart)
    yield from leaks.alike_pairs(
        clips, scans, (match for match in found if compared.meet(match.first, match.second)), f"pairs of {_MEET}"
    )
