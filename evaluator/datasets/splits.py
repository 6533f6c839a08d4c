"""Which clips train, which validate, which test: the rules of `split_rules` applied to the clips in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.random_splits import draw_share, field_of, natural_order, seeded_parts
from evaluator.datasets.single_split import SINGLE_SPLITS
from evaluator.errors import UsageError

_ROTATIONS = ("fold", "group", "random")  # rules by which each clip is tested once


@dataclass(frozen=True)
class Fold:
    """One division of the clips into those that train, validate and test.

    name: The fold, group or part that is tested.
    train, valid, test: Indices of clips, (n_train,), (n_valid,) and (n_test,) of int64, sorted, without any in common
        (but for `redrawn`).
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def make(rule: Mapping[str, Any], clips: Sequence[Clip]) -> list[Fold]:
    """The folds, (n_folds,), that `rule` gives on `clips`; the same for the same clips in the same order.

    Args:
        rule: As in a task file; see the top of `split_rules`.
        clips: (n_clips,), in the order of the manifest, on which seeded parts depend.

    Raises:
        UsageError: A clip lacks the fold, split or group that the rule goes by, or a part would be empty.
    """
    by = rule["by"]
    if by == "random":
        folds = _rotate(_draw_folds(rule, clips), rule["valid"], clips, "fold")
    elif by in ("fold", "group"):
        folds = _rotate(field_of(by, clips), rule["valid"], clips, by, bool(rule.get("pooled")))
    else:
        folds = [Fold("test", *(np.sort(part) for part in SINGLE_SPLITS[by](rule, clips)))]
    for fold in folds:
        for part in ("train", "valid", "test"):
            if len(getattr(fold, part)) == 0:
                raise UsageError(f"fold {fold.name}: no clips for {part}; give it some, or change the split rule")
    return folds


def together(rule: Mapping[str, Any], clips: Sequence[Clip]) -> list[Fold]:
    """The folds, (n_folds,), of what is tested without training: one of all clips where `rule` tests each clip once, else those of `make`.

    So clips that are too few to draw folds from can be tested, and nothing hangs on the draw. Arguments and errors are as those of `make`.
    """
    if rule["by"] not in _ROTATIONS:
        return make(rule, clips)
    none = np.zeros(0, np.int64)
    return [Fold("all", none, none, np.arange(len(clips)))]


def describe(rule: Mapping[str, Any]) -> str:
    """The rule in a few words, as it stands in its file.

    >>> describe({"by": "fold", "valid": {"share": 0.2, "seed": 42, "groups": False}})
    'fold; valid: share 0.2, seed 42'
    """

    def words(value: Any) -> str:
        if isinstance(value, Mapping):
            return ", ".join(_phrase(name, words(item)) for name, item in value.items() if item is not False)
        return " ".join(map(str, value)) if isinstance(value, list) else str(value)

    rest = [
        _phrase(f"{name}:" if name in ("valid", "test") else name, words(value))
        for name, value in rule.items()
        if name != "by" and value is not False and value is not None
    ]
    return "; ".join([rule["by"], *rest])


def _phrase(name: str, value: str) -> str:
    return name if value == "True" else f"{name} {value}"


def untrained(fold: Fold, clips: Sequence[Clip]) -> list[str]:
    """Classes that the fold tests without a single training clip of them, in natural order, (n_untrained,)."""
    trained = {label for index in fold.train for label in clips[index].labels}
    tested = {label for index in fold.test for label in clips[index].labels}
    return natural_order(list(tested - trained))


def divided(folds: Sequence[Fold], clips: Sequence[Clip]) -> list[str]:
    """Groups that a fold tests and has clips of in training or validation too, sorted, (n_divided,).

    Args:
        folds: (n_folds,).
        clips: All of them, (n_clips,).
    """
    both: set[str] = set()
    for fold in folds:
        tested, seen = ({clips[row].group for row in rows} for rows in (fold.test, (*fold.train, *fold.valid)))
        both |= tested & seen - {""}
    return sorted(both)


def leaking_groups(folds: Sequence[Fold], clips: Sequence[Clip]) -> list[str]:
    """`divided` groups, (n_divided,); none where the group is the class, so that each has to train and to be tested."""
    return [] if groups_are_classes(clips) else divided(folds, clips)


def groups_are_classes(clips: Sequence[Clip]) -> bool:
    """Whether each group of clips, (n_clips,), is a class, and each class a group; clips without one do not count."""
    pairs = {(clip.group, clip.labels) for clip in clips if clip.group}
    return 0 < len(pairs) == len({group for group, _ in pairs}) == len({labels for _, labels in pairs})


def refuse_untrained(folds: Sequence[Fold], clips: Sequence[Clip]) -> None:
    """Refuse folds, (n_folds,), that test what they do not train: in a user's own data it is a mistake.

    Raises:
        UsageError: A fold tests a class that none of its training clips has.
    """
    for fold in folds:
        missing = untrained(fold, clips)
        if missing:
            raise UsageError(
                f"fold {fold.name}: no training clips for {', '.join(missing[:3])}{' ...' * (len(missing) > 3)}, which it "
                "tests; add clips, join classes, or change the folds"
            )


def _rotate(
    names_of: np.ndarray, valid: str | Mapping[str, Any], clips: Sequence[Clip], what: str, pooled: bool = False
) -> list[Fold]:
    """Each value is tested once; the rest, `pooled` or in its own order, is divided into training and validation."""
    names = natural_order(list(names_of))
    if len(names) < (3 if valid == "next" else 2):
        raise UsageError(
            f"only {len(names)} {what}{'' if len(names) == 1 else 's'} in the data ({', '.join(names)}): a rotation "
            + ("with the next one as validation needs three" if valid == "next" else "needs two")
        )
    order = np.arange(len(names_of))
    if pooled:
        order = np.concatenate([np.flatnonzero(names_of == name) for name in dict.fromkeys(names_of)])
    folds = []
    for position, name in enumerate(names):
        test = np.flatnonzero(names_of == name)
        rest = order[names_of[order] != name]
        if isinstance(valid, str):
            after = names_of[rest] == names[(position + 1) % len(names)]
            folds.append(Fold(name, np.sort(rest[~after]), np.sort(rest[after]), test))
        else:
            train, validation = draw_share(valid, rest, clips)
            folds.append(Fold(name, np.sort(train), np.sort(validation), test))
    return folds


def _draw_folds(rule: Mapping[str, Any], clips: Sequence[Clip]) -> np.ndarray:
    """The number of a seeded fold, from "1", for every clip."""
    fold_of = np.empty(len(clips), dtype=object)
    everything = np.arange(len(clips))
    for number, part in enumerate(seeded_parts(rule["folds"], rule, everything, clips), start=1):
        if not len(part):
            raise UsageError(
                f"fold {number} of {rule['folds']} gets no group; ask for fewer folds, or give more groups"
            )
        fold_of[part] = str(number)
    return fold_of
