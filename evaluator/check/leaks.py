"""What a test part has in common with what was trained on: the same audio, the same sound, the same group, or too little."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.check import matching
from evaluator.check.issue import Issue, issue
from evaluator.check.scan import Scans
from evaluator.datasets import splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold
from evaluator.words import counted


def _sides(folds: Sequence[Fold], n_clips: int) -> tuple[np.ndarray, np.ndarray]:
    """What every clip does in all folds, as a number, (n_clips,), and which of these numbers stand apart.

    Two stand apart, (n_sides, n_sides) of bool, where one trains or validates in a fold in which the other is tested.
    """
    if not folds:
        return np.zeros(n_clips, np.int64), np.zeros((1, 1), bool)
    roles = np.zeros((len(folds), n_clips), np.int8)
    for row, fold in zip(roles, folds, strict=True):
        row[fold.train], row[fold.valid], row[fold.test] = 1, 1, 2
    sides, side = np.unique(roles, axis=1, return_inverse=True)
    apart = np.array([(sides * column[:, None] == 2).any(axis=0) for column in sides.T])
    return side.reshape(-1), apart


def doubled(manifest: Manifest, scans: Scans, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Clips with the very same samples; an error where one trains and its double tests, or where their labels differ.

    Args:
        manifest: The clips.
        scans: What their samples show.
        folds: Of the task, (n_folds,).
    """
    yield from _tested_training_clips(scans, folds)
    side, apart = _sides(folds, len(manifest.clips))
    leaking: list[str] = []
    contradictory: list[str] = []
    others: list[str] = []
    for indices in scans.doubles():
        labels, where = place(manifest.clips, indices)
        present = np.unique(side[indices])
        if apart[np.ix_(present, present)].any():
            leaking.append(where)
        else:
            (contradictory if len(labels) > 1 else others).append(where)
    if leaking:
        yield issue("error", f"identical audio trains and tests: {len(leaking)} sets of clips", leaking)
    if contradictory:
        yield contradiction(contradictory)
    if others:
        yield issue("warning", f"identical audio, on one side of the split: {len(others)} sets of clips", others)


def place(clips: Sequence[Clip], indices: Sequence[int]) -> tuple[list[str], str]:
    """Labels of some of the clips, (n_clips,), that are the same audio, sorted, and their names with these labels."""
    labels = sorted({"+".join(clips[index].labels) for index in indices})
    names = " = ".join(clips[index].name for index in indices[:5]) + " = ..." * (len(indices) > 5)
    return labels, f"{names} (labelled {' and '.join(labels)})"


def contradiction(places: Sequence[str]) -> Issue:
    """That the same audio has several labels in some places, (n_places,)."""
    return issue("error", f"identical audio has different labels: {len(places)} sets of clips", places)


def _tested_training_clips(scans: Scans, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Folds most of whose test clips are training clips under other names."""
    of_clip = np.full(len(scans.flat), -1)
    for number, indices in enumerate(scans.doubles()):
        of_clip[indices] = number
    wrong = []
    for fold in folds:
        trained = np.concatenate([fold.train, fold.valid])
        again = np.isin(fold.test, trained)
        doubles = (of_clip[fold.test] >= 0) & np.isin(of_clip[fold.test], of_clip[trained])
        n_both = int(((again & ~scans.flat[fold.test]) | doubles).sum())
        if 2 * n_both > len(fold.test):
            wrong.append(f"fold {fold.name}: {n_both} of {len(fold.test)}")
    if wrong:
        yield issue("error", f"most test clips are training clips too in {len(wrong)} folds; the split is wrong", wrong)


def alike(manifest: Manifest, scans: Scans, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Clips that sound like one, one of which trains and the other is tested.

    Args:
        manifest: The clips.
        scans: What their samples show.
        folds: Of the task, (n_folds,).
    """
    found = matching.matches(scans.landmarks, *_sides(folds, len(manifest.clips)))
    yield from alike_pairs(manifest.clips, scans, found, "pairs of clips on two sides of a split")


def alike_pairs(clips: Sequence[Clip], scans: Scans, found: Iterable[matching.Match], what: str) -> Iterator[Issue]:
    """Pairs of clips, (n_clips,), that sound like one, but for those told already; `what` is what they are in the plural."""
    same = {index: number for number, indices in enumerate(scans.doubles()) for index in indices}
    places = []
    for match in found:
        one, other = clips[match.first], clips[match.second]
        if one.path == other.path or same.get(match.first, -1) == same.get(match.second, -2):
            continue  # told as stretches that overlap, or as the same audio
        places.append((match.share, f"{one.name} and {other.name} ({100 * match.share:.0f} %)"))
    if places:
        places.sort(key=lambda place: -place[0])
        yield issue(
            "warning",
            f"{len(places)} {what} sound like one (landmarks that they share in brackets)",
            (place for _, place in places),
        )


def overlapping(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Stretches of one recording that overlap in time, one of which trains and the other is tested; folds are (n_folds,)."""
    clips, pairs = manifest.clips, overlaps(manifest.clips)
    if not pairs:
        return
    side, apart = _sides(folds, len(clips))
    crossing = [pair for pair in pairs if apart[side[pair[0]], side[pair[1]]]]
    if crossing:
        where = (f"{clips[one].name} and {clips[other].name}" for one, other in crossing)
        yield issue("warning", f"{len(crossing)} test clips overlap in time with training clips", where)


def overlaps(clips: Sequence[Clip]) -> list[tuple[int, int]]:
    """Pairs of clips, by their numbers among (n_clips,), that follow each other in one recording and overlap in time."""
    order = sorted(
        (index for index, clip in enumerate(clips) if clip.start is not None and clip.end is not None),
        key=lambda index: (clips[index].path, clips[index].start),
    )
    return [
        (one, other)
        for one, other in pairwise(order)
        if clips[one].path == clips[other].path and (clips[other].start or 0.0) < (clips[one].end or 0.0)
    ]


def classes(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Classes that one of the folds, (n_folds,), tests without training on them, or does not test at all."""
    untrained: list[str] = []
    untested: list[str] = []
    for fold in folds:
        tested = {label for index in fold.test for label in manifest.clips[index].labels}
        missing = sorted(set(manifest.classes) - tested)
        untrained += [f"fold {fold.name}: {label}" for label in splits.untrained(fold, manifest.clips)]
        untested += [f"fold {fold.name}: {', '.join(missing)}"] if missing else []
    if untrained:
        yield issue("error", "a fold tests classes that it has no training clip of", untrained)
    if untested:
        yield issue("warning", f"{len(untested)} of {len(folds)} folds have no test clip of some classes", untested)


def straddling(manifest: Manifest, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Groups (recordings, individuals, speakers) with clips both in training and in test of one of the folds, (n_folds,)."""
    both = splits.leaking_groups(folds, manifest.clips)
    if both:
        what = counted(len(both), "groups are in training and in test of a fold")
        yield issue("warning", f"{what}, so the score does not tell how well new ones would do", both)
