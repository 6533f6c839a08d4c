"""What a test part has in common with what was trained on: the same audio, the same sound, the same group, or too little."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.check import matching
from evaluator.check.issue import Issue, issue
from evaluator.check.scan import Scans
from evaluator.datasets import overlap, splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.recordings import Recordings
from evaluator.datasets.splits import Fold
from evaluator.words import counted


def doubled(manifest: Manifest, scans: Scans, folds: Sequence[Fold]) -> Iterator[Issue]:
    """Clips with the very same samples; an error where one trains and its double tests, or where their labels differ.

    Args:
        manifest: The clips.
        scans: What their samples show.
        folds: Of the task, (n_folds,).
    """
    yield from _tested_training_clips(scans, folds)
    side, knows = overlap.sides(folds, len(manifest.clips))
    apart = knows | knows.T
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
    side, knows = overlap.sides(folds, len(manifest.clips))
    found = matching.matches(scans.landmarks, side, knows | knows.T)
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


def shared(recordings: Recordings, folds: Sequence[Fold], scans: Scans) -> Iterator[Issue]:
    """Tested clips that hold a stretch of audio that trains or validates in the same fold, (n_folds,), but for those with the very same samples."""
    found = overlap.across(folds, recordings.spans(), recordings.contents(), unheard(scans))
    yield from shared_issue(recordings.clips, scans, found, "audio of clips that train, where stretches overlap")


def unheard(scans: Scans) -> set[int]:
    """Numbers of clips that cannot be read or hold no sound, which have nothing in common with others."""
    return {*scans.problems, *np.flatnonzero(scans.flat).tolist()}


def shared_issue(clips: Sequence[Clip], scans: Scans, found: Mapping[int, int], what: str) -> Iterator[Issue]:
    """Clips that hold audio of others, by numbers among (n_clips,), but for those told already as the same audio; `what` says of which."""
    same = {index: number for number, indices in enumerate(scans.doubles()) for index in indices}
    places = [
        f"{clips[one].name} and {clips[other].name}"
        for one, other in found.items()
        if one != other and same.get(one, -1) != same.get(other, -2)
    ]
    if places:
        yield issue("warning", counted(len(places), f"clips hold {what}"), places)


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
