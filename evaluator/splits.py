"""Which clips train, which choose, which test: split rules as data, applied to the clips in their order.

| rule | folds |
|---|---|
| `{by: fold, valid: V}` | each of the dataset's folds is test once |
| `{by: group, valid: V}` | each group (an individual, a speaker) is test once |
| `{by: split, valid: V}` | one: the dataset's train and test; `valid` only where it has no validation part of its own |
| `{by: random, folds: 5, seed: 42, stratify: true, groups: true, valid: V}` | seeded; each clip is test once |

`V`, where validation comes from, is `next` (the fold or group after the tested one, in order, the last followed by the
first) or `{share: 0.2, seed: 42}` (a seeded part of what is not test: scikit-learn's `train_test_split` over the clips
in their order) or that with `stratify: true` and `groups: true`. Stratified parts hold about the same share of every
class; grouped ones never divide a group.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.errors import UsageError
from evaluator.readers import Clip
from evaluator.schema import Field

_YES_NO = Field(bool, required=False, default=False)
_SEED = Field(int, least=0, most=2**32 - 1)  # what numpy's generators and scikit-learn take
_SHARE = {"share": Field(float, least=0.01, most=0.9), "seed": _SEED, "stratify": _YES_NO, "groups": _YES_NO}
_BY = Field(str)
_VALID = Field((str, dict), choices=("next",), fields=_SHARE)

# Rule -> what may stand beside it in a task file.
RULES: Mapping[str, Mapping[str, Field]] = {
    "fold": {"by": _BY, "valid": _VALID},
    "group": {"by": _BY, "valid": _VALID},
    "split": {"by": _BY, "valid": Field(dict, required=False, fields=_SHARE)},
    "random": {
        "by": _BY,
        "folds": Field(int, least=2),
        "seed": _SEED,
        "stratify": _YES_NO,
        "groups": _YES_NO,
        "valid": _VALID,
    },
}

# What datasets call the three parts. FSD50K, DCASE and Kaldi's recipes test on "eval"; SLURP validates on "devel".
SPLIT_WORDS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev", "devel"),
    "test": ("test", "testing", "eval", "evaluation"),
}


@dataclass(frozen=True)
class Fold:
    """One division of the clips.

    name: The fold, group or part that is tested.
    train, valid, test: Indices of clips, int64, sorted, without any in common.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def make(rule: Mapping[str, Any], clips: Sequence[Clip]) -> list[Fold]:
    """The folds that `rule` gives on `clips`; the same for the same clips in the same order.

    Args:
        rule: As in a task file; see the top of this module.
        clips: In the order of the manifest, on which seeded parts depend.

    Raises:
        UsageError: A clip lacks the fold, split or group that the rule goes by, a part would be empty, or a fold
            tests a class that none of its training clips has.
    """
    by = rule["by"]
    if by == "split":
        folds = [_given_parts(rule.get("valid"), clips)]
    elif by == "random":
        folds = _rotate(_draw_folds(rule, clips), rule["valid"], clips, what="fold")
    else:
        folds = _rotate(_values(by, clips), rule["valid"], clips, what=by)
    for fold in folds:
        _refuse_gaps(fold, clips)
    return folds


def natural_order(names: Sequence[str]) -> list[str]:
    """Distinct names in order: by value where all are whole numbers (2 before 10), else as text."""
    distinct = sorted(set(names))
    return sorted(distinct, key=int) if all(name.isdecimal() for name in distinct) else distinct


def _values(by: str, clips: Sequence[Clip]) -> np.ndarray:
    values = [getattr(clip, by) for clip in clips]
    if "" in values:
        raise UsageError(f"the split goes by {by}, but clip {clips[values.index('')].name} has no {by}")
    return np.array(values, dtype=object)


def _given_parts(share: Mapping[str, Any] | None, clips: Sequence[Clip]) -> Fold:
    words = {word: part for part, known in SPLIT_WORDS.items() for word in known}
    said = _values("split", clips)
    strange = next((word for word in said if word.lower() not in words), None)
    if strange is not None:
        raise UsageError(
            f"clip {clips[list(said).index(strange)].name}: unknown split {strange!r}; known: {', '.join(words)}"
        )
    for part, known in SPLIT_WORDS.items():
        used = sorted({word.lower() for word in said if word.lower() in known})
        if len(used) > 1:
            raise UsageError(f"the splits {' and '.join(used)} both mean {part} here; rename one of them")
    parts = np.array([words[word.lower()] for word in said])
    train, valid, test = (np.flatnonzero(parts == part) for part in ("train", "valid", "test"))
    if len(valid) == 0 and share is not None:
        train, valid = _draw_share(share, train, clips)
    return Fold("test", train, valid, test)


def _rotate(values: np.ndarray, valid: str | Mapping[str, Any], clips: Sequence[Clip], what: str) -> list[Fold]:
    """Each value is test once; the rest is divided into training and validation."""
    names = natural_order(list(values))
    if len(names) < (3 if valid == "next" else 2):
        raise UsageError(
            f"only {len(names)} {what}{'' if len(names) == 1 else 's'} in the data ({', '.join(names)}): a rotation "
            + ("with the next one as validation needs three" if valid == "next" else "needs two")
        )
    folds = []
    for position, name in enumerate(names):
        test = np.flatnonzero(values == name)
        rest = np.flatnonzero(values != name)
        if isinstance(valid, str):
            after = values[rest] == names[(position + 1) % len(names)]
            folds.append(Fold(name, rest[~after], rest[after], test))
        else:
            folds.append(Fold(name, *_draw_share(valid, rest, clips), test))
    return folds


def _draw_folds(rule: Mapping[str, Any], clips: Sequence[Clip]) -> np.ndarray:
    """The number of a seeded fold, from "1", for every clip."""
    fold_of = np.empty(len(clips), dtype=object)
    everything = np.arange(len(clips))
    for number, part in enumerate(_seeded_parts(rule["folds"], rule, everything, clips), start=1):
        fold_of[part] = str(number)
    return fold_of


def _draw_share(share: Mapping[str, Any], rest: np.ndarray, clips: Sequence[Clip]) -> tuple[np.ndarray, np.ndarray]:
    """Divide the indices `rest` into training and validation, both sorted."""
    from sklearn.model_selection import train_test_split

    if not share.get("stratify") and not share.get("groups"):
        if len(rest) < 2:
            raise UsageError(f"{len(rest)} clips are too few to divide into training and validation")
        train, valid = train_test_split(rest, test_size=share["share"], random_state=share["seed"])
        return np.sort(train), np.sort(valid)
    n_parts = max(2, round(1 / share["share"]))
    valid = _seeded_parts(n_parts, share, rest, clips)[0]
    valid = _without_last_ones(valid, np.setdiff1d(rest, valid), clips, bool(share.get("groups")))
    return np.setdiff1d(rest, valid), np.sort(valid)


def _without_last_ones(valid: np.ndarray, train: np.ndarray, clips: Sequence[Clip], grouped: bool) -> np.ndarray:
    """`valid` without the clips (or their whole groups) whose class would have none left in training."""
    untrained = {label for i in valid for label in clips[i].labels} - {
        label for i in train for label in clips[i].labels
    }
    needed = [i for i in valid if untrained.intersection(clips[i].labels)]
    if grouped:
        groups = {clips[i].group for i in needed}
        needed = [i for i in valid if clips[i].group in groups]
    return np.setdiff1d(valid, needed)


def _seeded_parts(n_parts: int, how: Mapping[str, Any], indices: np.ndarray, clips: Sequence[Clip]) -> list[np.ndarray]:
    """`indices` in `n_parts` seeded parts of about one size, by scikit-learn's shuffled K-fold splitters."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    kinds = {
        (False, False): KFold,
        (True, False): StratifiedKFold,
        (False, True): GroupKFold,
        (True, True): StratifiedGroupKFold,
    }
    stratify, grouped = bool(how.get("stratify")), bool(how.get("groups"))
    chosen = [clips[index] for index in indices]
    strata = _strata(chosen)
    groups = _values("group", chosen) if grouped else None
    n_units = len(set(groups)) if groups is not None else len(chosen)
    if n_units < n_parts:
        unit = "groups" if grouped else "clips"
        raise UsageError(
            f"{n_units} {unit} cannot be divided into {n_parts} parts; give more {unit} or ask for fewer parts"
        )
    most = max(np.unique(strata, return_counts=True)[1])
    if stratify and most < n_parts:
        raise UsageError(
            f"no class has more than {most} clips, too few for {n_parts} stratified parts; give more clips"
        )
    splitter = kinds[stratify, grouped](n_splits=n_parts, shuffle=True, random_state=how["seed"])
    with warnings.catch_warnings():
        # "The least populated class has fewer members than n_splits": _refuse_gaps says what matters of it.
        warnings.simplefilter("ignore", UserWarning)
        return [indices[part] for _, part in splitter.split(np.zeros(len(chosen)), strata, groups)]


def _strata(clips: Sequence[Clip]) -> np.ndarray:
    """For every clip the one label to stratify by: of several, the rarest in the data, so that it is spread best."""
    counts: dict[str, int] = {}
    for clip in clips:
        for label in clip.labels:
            counts[label] = counts.get(label, 0) + 1
    return np.array([min(clip.labels, key=lambda label: (counts[label], label), default="") for clip in clips])


def _refuse_gaps(fold: Fold, clips: Sequence[Clip]) -> None:
    for part in ("train", "valid", "test"):
        if len(getattr(fold, part)) == 0:
            raise UsageError(f"fold {fold.name}: no clips for {part}; give it some, or change the split rule")
    trained = {label for index in fold.train for label in clips[index].labels}
    tested = {label for index in fold.test for label in clips[index].labels}
    untrained = natural_order(list(tested - trained))
    if untrained:
        raise UsageError(
            f"fold {fold.name}: no training clips for {', '.join(untrained[:3])}{' ...' * (len(untrained) > 3)}, which it "
            "tests; add clips, join classes, or change the folds"
        )
