"""Seeded draws among clips: parts of about one size, stratified by class and never dividing a group if so wished."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.errors import UsageError


def natural_order(names: Sequence[str]) -> list[str]:
    """Distinct names, (n_distinct,), in order: by value where all are whole numbers (2 before 10), else as text."""
    distinct = sorted(set(names))
    return sorted(distinct, key=int) if all(name.isdecimal() for name in distinct) else distinct


def field_of(by: str, clips: Sequence[Clip]) -> np.ndarray:
    """What the clips have as fold, split, group or path (`by`), as text (n_clips,).

    Raises:
        UsageError: A clip has none.
    """
    values = [getattr(clip, by) for clip in clips]
    if "" in values:
        raise UsageError(f"the split goes by {by}, but clip {clips[values.index('')].name} has no {by}")
    return np.array(values, dtype=object)


def draw_share(share: Mapping[str, Any], rest: np.ndarray, clips: Sequence[Clip]) -> tuple[np.ndarray, np.ndarray]:
    """Divide the indices `rest`, (n_rest,), into training and validation.

    Both are in the order drawn, on which a next draw depends.

    Args:
        share: `share` and `seed`, and `stratify` and `groups` if they are true.
        rest: Indices of the clips that are not tested.
        clips: (n_clips,), all of them.
    """
    from sklearn.model_selection import train_test_split

    if not share.get("stratify") and not share.get("groups"):
        if len(rest) < 2:
            raise UsageError(f"{len(rest)} clips are too few to divide into training and validation")
        train, valid = train_test_split(rest, test_size=share["share"], random_state=share["seed"])
        return train, valid
    n_parts = max(2, round(1 / share["share"]))
    chosen = [clips[index] for index in rest]
    if share.get("groups"):  # of few groups one is more than the share, but none would be nothing
        n_parts = max(2, min(n_parts, len({clip.group for clip in chosen})))
    if share.get("stratify") and chosen:  # and so of few clips of each class
        n_parts = max(2, min(n_parts, max(np.unique(strata(chosen), return_counts=True)[1])))
    valid = rest[:0]
    for part in seeded_parts(
        n_parts, share, rest, clips
    ):  # some are empty (scikit-learn#34828), or all of it has to train
        valid = without_last_ones(part, np.setdiff1d(rest, part), clips, bool(share.get("groups")))
        if len(valid):
            break
    return np.setdiff1d(rest, valid), np.sort(valid)


def without_last_ones(valid: np.ndarray, train: np.ndarray, clips: Sequence[Clip], grouped: bool) -> np.ndarray:
    """`valid`, (n_valid,), without the clips (or their whole groups) whose class would have none left in training."""
    untrained = {label for i in valid for label in clips[i].labels} - {
        label for i in train for label in clips[i].labels
    }
    needed = [i for i in valid if untrained.intersection(clips[i].labels)]
    if grouped:
        groups = {clips[i].group for i in needed}
        needed = [i for i in valid if clips[i].group in groups]
    return np.setdiff1d(valid, needed)


def seeded_parts(n_parts: int, how: Mapping[str, Any], indices: np.ndarray, clips: Sequence[Clip]) -> list[np.ndarray]:
    """`indices`, (n_indices,), in `n_parts` seeded parts of about one size, by scikit-learn's shuffled K-fold splitters.

    Args:
        n_parts: How many parts.
        how: `seed`, and `stratify` and `groups` if they are true.
        indices: Of clips, in an order on which the parts depend.
        clips: (n_clips,), all of them.

    Raises:
        UsageError: There are too few clips or groups, or too few of each class.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    kinds = {
        (False, False): KFold,
        (True, False): StratifiedKFold,
        (False, True): GroupKFold,
        (True, True): StratifiedGroupKFold,
    }
    stratify, grouped = bool(how.get("stratify")), bool(how.get("groups"))
    chosen = [clips[index] for index in indices]
    layers = strata(chosen)
    groups = field_of("group", chosen) if grouped else None
    n_units = len(set(groups)) if groups is not None else len(chosen)
    if n_units < n_parts:
        unit = "groups" if grouped else "clips"
        there = f"{n_units} {unit if n_units != 1 else unit[:-1]}"
        raise UsageError(f"{there} cannot be divided into {n_parts} parts; give more {unit} or ask for fewer parts")
    n_largest = max(np.unique(layers, return_counts=True)[1])
    if stratify and n_largest < n_parts:
        raise UsageError(
            f"no class has more than {n_largest} clips, too few for {n_parts} stratified parts; give more clips"
        )
    splitter = kinds[stratify, grouped](n_splits=n_parts, shuffle=True, random_state=how["seed"])
    with warnings.catch_warnings():
        # "The least populated class has fewer members than n_splits": `untrained` says what matters of it.
        warnings.simplefilter("ignore", UserWarning)
        return [indices[part] for _, part in splitter.split(np.zeros(len(chosen)), layers, groups)]


def strata(clips: Sequence[Clip]) -> np.ndarray:
    """For every clip the one label to stratify by, (n_clips,): of several the rarest in the data, so that it is spread best."""
    counts: dict[str, int] = {}
    for clip in clips:
        for label in clip.labels:
            counts[label] = counts.get(label, 0) + 1
    return np.array([min(clip.labels, key=lambda label: (counts[label], label), default="") for clip in clips])
