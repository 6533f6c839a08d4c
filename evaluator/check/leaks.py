"""What a test part has in common with what was trained on: the same audio, the same sound, the same group, or too little."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from evaluator.check import fingerprint
from evaluator.check.issue import Finding
from evaluator.check.scan import Heard
from evaluator.datasets import splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold


def doubled(manifest: Manifest, heard: Sequence[Heard], folds: Sequence[Fold]) -> Iterator[Finding]:
    """Clips with the very same samples; an error where one trains and its double tests."""
    same: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(heard):
        if one.sha256 and not one.flat:
            same[one.sha256].append(number)
    for fold in folds:
        trained = {heard[number].sha256 for number in (*fold.train, *fold.valid)} - {""}
        tested = [number for number in fold.test if heard[number].sha256 in trained and not heard[number].flat]
        if 2 * len(tested) > len(fold.test):
            yield Finding(
                "error",
                f"fold {fold.name}: {len(tested)} of {len(fold.test)} test clips are training clips too; the split is wrong",
                tuple(manifest.clips[number].name for number in tested),
            )
    for numbers in (numbers for numbers in same.values() if len(numbers) > 1):
        names = tuple(manifest.clips[number].name for number in numbers)
        labels = sorted({"+".join(manifest.clips[number].labels) for number in numbers})
        label = f"labelled {' and '.join(labels)}"
        leak = [fold.name for fold in folds if overlap(numbers, fold)]
        if leak:
            yield Finding("error", f"identical audio ({label}) trains and tests in fold {', '.join(leak)}", names)
        else:
            yield Finding("error" if len(labels) > 1 else "warning", f"identical audio, {label}", names)


def overlap(numbers: Sequence[int], fold: Fold) -> bool:
    """Whether some of these clips train or choose in a fold in which others of them are tested."""
    learnt = np.union1d(fold.train, fold.valid)
    return bool(np.isin(numbers, learnt).any() and np.isin(numbers, fold.test).any())


def alike(manifest: Manifest, heard: Sequence[Heard], folds: Sequence[Fold]) -> Iterator[Finding]:
    """Clips that sound like one, one of which trains and the other is tested."""
    roles = np.zeros((len(folds), len(heard)), np.int8)
    for row, fold in zip(roles, folds, strict=True):
        row[fold.train], row[fold.valid], row[fold.test] = 1, 1, 2

    def crosses(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return (roles[:, first] * roles[:, second] == 2).any(axis=0)

    for match in fingerprint.matches([one.landmarks for one in heard], crosses):
        one, other = manifest.clips[match.first], manifest.clips[match.second]
        if heard[match.first].sha256 == heard[match.second].sha256 or one.path == other.path:
            continue  # told by `doubled`, or by `overlapping`
        yield Finding(
            "warning",
            f"two clips on two sides of a split sound like one ({100 * match.share:.0f} % of their landmarks are shared)",
            (one.name, other.name),
        )


def overlapping(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Finding]:
    """Stretches of one recording that overlap, one of which trains and the other is tested."""
    clips = manifest.clips
    order = sorted(
        (number for number, clip in enumerate(clips) if clip.start is not None and clip.end is not None),
        key=lambda number: (clips[number].path, clips[number].start),
    )
    pairs = [
        (one, other)
        for one, other in pairwise(order)
        if clips[one].path == clips[other].path and (clips[other].start or 0.0) < (clips[one].end or 0.0)
    ]
    for fold in folds if pairs else ():
        role = np.zeros(len(clips), np.int8)
        role[fold.train], role[fold.valid], role[fold.test] = 1, 1, 2
        crossing = [(one, other) for one, other in pairs if role[one] * role[other] == 2]
        if crossing:
            where = tuple(f"{clips[one].name} and {clips[other].name}" for one, other in crossing)
            yield Finding(
                "warning", f"fold {fold.name}: {len(crossing)} test clips overlap in time with training clips", where
            )


def classes(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Finding]:
    """Classes that a fold tests without training on them, or does not test at all."""
    for fold in folds:
        untrained = splits.untrained(fold, manifest.clips)
        tested = {label for number in fold.test for label in manifest.clips[number].labels}
        untested = sorted(set(manifest.classes) - tested)
        if untrained:
            yield Finding("error", f"fold {fold.name} tests classes that it has no training clip of", tuple(untrained))
        if untested:
            yield Finding("warning", f"fold {fold.name} has no test clip of some classes", tuple(untested))


def straddling(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Finding]:
    """Groups (recordings, individuals, speakers) with clips both in training and in test."""
    groups = np.array([clip.group for clip in manifest.clips])
    meant = {(clip.group, clip.labels) for clip in manifest.clips}
    if len(meant) == len({group for group, _ in meant}) == len({labels for _, labels in meant}):
        return  # who it is is the question: every class has to be on both sides
    for fold in folds:
        both = (set(groups[fold.train]) | set(groups[fold.valid])) & set(groups[fold.test]) - {""}
        if both:
            yield Finding(
                "warning",
                f"fold {fold.name}: {len(both)} groups are heard in training and in test, so the score does not tell how "
                "well new ones would do",
                tuple(sorted(both)),
            )
