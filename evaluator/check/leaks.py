"""What a test part has in common with what was trained on: the same audio, the same sound, the same group, or too little."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from evaluator.check import fingerprint
from evaluator.check.issue import Issue
from evaluator.check.scan import ClipScan
from evaluator.datasets import splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold


def doubled(manifest: Manifest, scans: Sequence[ClipScan], folds: Sequence[Fold]) -> Iterator[Issue]:
    """Clips with the very same samples; an error where one trains and its double tests.

    Args:
        manifest: The clips.
        scans: What their samples show, (n_clips,).
        folds: Of the task, (n_folds,).
    """
    same: dict[str, list[int]] = defaultdict(list)
    for index, scan in enumerate(scans):
        if scan.sha256 and not scan.flat:
            same[scan.sha256].append(index)
    for fold in folds:
        trained = {scans[index].sha256 for index in (*fold.train, *fold.valid)} - {""}
        tested = [index for index in fold.test if scans[index].sha256 in trained and not scans[index].flat]
        if 2 * len(tested) > len(fold.test):
            yield Issue(
                "error",
                f"fold {fold.name}: {len(tested)} of {len(fold.test)} test clips are training clips too; the split is wrong",
                tuple(manifest.clips[index].name for index in tested),
            )
    for indices in (indices for indices in same.values() if len(indices) > 1):
        names = tuple(manifest.clips[index].name for index in indices)
        labels = sorted({"+".join(manifest.clips[index].labels) for index in indices})
        label = f"labelled {' and '.join(labels)}"
        leak = [fold.name for fold in folds if _crosses(indices, fold)]
        if leak:
            yield Issue("error", f"identical audio ({label}) trains and tests in fold {', '.join(leak)}", names)
        else:
            yield Issue("error" if len(labels) > 1 else "warning", f"identical audio, {label}", names)


def _crosses(indices: Sequence[int], fold: Fold) -> bool:
    """Whether some of these clips train or validate in a fold in which others of them are tested."""
    learnt = np.union1d(fold.train, fold.valid)
    return bool(np.isin(indices, learnt).any() and np.isin(indices, fold.test).any())


def alike(manifest: Manifest, scans: Sequence[ClipScan], folds: Sequence[Fold]) -> Iterator[Issue]:
    """Clips that sound like one, one of which trains and the other is tested.

    Args:
        manifest: The clips.
        scans: What their samples show, (n_clips,).
        folds: Of the task, (n_folds,).
    """
    roles = np.zeros((len(folds), len(scans)), np.int8)
    for row, fold in zip(roles, folds, strict=True):
        row[fold.train], row[fold.valid], row[fold.test] = 1, 1, 2

    def crosses(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return (roles[:, first] * roles[:, second] == 2).any(axis=0)

    for match in fingerprint.matches([scan.landmarks for scan in scans], crosses):
        one, other = manifest.clips[match.first], manifest.clips[match.second]
        if scans[match.first].sha256 == scans[match.second].sha256 or one.path == other.path:
            continue  # reported by `doubled`, or by `overlapping`
        yield Issue(
            "warning",
            f"two clips on two sides of a split sound like one ({100 * match.share:.0f} % of their landmarks are shared)",
            (one.name, other.name),
        )


def overlapping(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Stretches of one recording that overlap in time, one of which trains and the other is tested; folds are (n_folds,)."""
    clips = manifest.clips
    order = sorted(
        (index for index, clip in enumerate(clips) if clip.start is not None and clip.end is not None),
        key=lambda index: (clips[index].path, clips[index].start),
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
            yield Issue(
                "warning", f"fold {fold.name}: {len(crossing)} test clips overlap in time with training clips", where
            )


def classes(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Classes that one of the folds, (n_folds,), tests without training on them, or does not test at all."""
    for fold in folds:
        untrained = splits.untrained(fold, manifest.clips)
        tested = {label for index in fold.test for label in manifest.clips[index].labels}
        untested = sorted(set(manifest.classes) - tested)
        if untrained:
            yield Issue("error", f"fold {fold.name} tests classes that it has no training clip of", tuple(untrained))
        if untested:
            yield Issue("warning", f"fold {fold.name} has no test clip of some classes", tuple(untested))


def straddling(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Groups (recordings, individuals, speakers) with clips both in training and in test of one of the folds, (n_folds,)."""
    groups = np.array([clip.group for clip in manifest.clips])
    meant = {(clip.group, clip.labels) for clip in manifest.clips}
    if len(meant) == len({group for group, _ in meant}) == len({labels for _, labels in meant}):
        return  # the individual is the class: every one has to be on both sides
    for fold in folds:
        both = (set(groups[fold.train]) | set(groups[fold.valid])) & set(groups[fold.test]) - {""}
        if both:
            yield Issue(
                "warning",
                f"fold {fold.name}: {len(both)} groups are in training and in test, so the score does not tell how "
                "well new ones would do",
                tuple(sorted(both)),
            )
