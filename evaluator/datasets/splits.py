"""Which clips train, which choose, which test: split rules as data, applied to the clips in their order.

| rule | folds |
|---|---|
| `{by: fold, valid: V}` | each of the dataset's folds is test once |
| `{by: group, valid: V}` | each group (an individual, a speaker) is test once |
| `{by: random, folds: 5, seed: 42, stratify: true, groups: true, valid: V}` | seeded; each clip is test once |
| `{by: split, valid: S}` | one: the dataset's train and test; `valid` only where it has no validation part of its own |
| `{by: parts, of: fold, valid: N, test: N}` | one: the named folds (or groups) choose and test, all others train |
| `{by: shares, train: 0.7, valid: 0.2, test: 0.1, seed: 42, stratify: true, groups: true}` | one, drawn |
| `{by: test_share, share: 0.2, seed: 42, valid: S}` | one: scikit-learn's `train_test_split`, and again for validation |
| `{by: held_out, share: 0.2, seed: 42, halves: [valid, test], stratify: true, of: clips}` | one: a share is held out, and halved |
| `{by: torch, train: 0.7, valid: 0.2, seed: 42}` | one: PyTorch's `random_split`, sizes rounded down, the rest tests |
| `{by: shuffled, of: group, train: 0.6, valid: 0.2, seed: 42, order: sorted}` | one: groups shuffled by Python's `random` |

`V`, where validation comes from, is `next` (the fold or group after the tested one, in order, the last followed by the
first) or `S`: `{share: 0.2, seed: 42}` (a seeded part of what is not test: `train_test_split` over the clips in their
order) or that with `stratify: true` and `groups: true`. Stratified parts hold about the same share of every class;
grouped ones never divide a group. `N` is a list of names, or `{from: 1, to: 25}` for whole numbers.

`redrawn: true` beside `torch` repeats an accident: the test part comes from a second draw of the same generator, so
that most of it was trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.random_splits import draw_share, natural_order, seeded_parts, values
from evaluator.datasets.single_split import DIVISIONS
from evaluator.errors import UsageError
from evaluator.schema import Field

_YES_NO = Field(bool, required=False, default=False)
_SEED = Field(int, min=0, max=2**32 - 1)  # what numpy's generators and scikit-learn take
_PART = Field(float, min=0.001, max=0.999)
_SHARE = {"share": Field(float, min=0.01, max=0.9), "seed": _SEED, "stratify": _YES_NO, "groups": _YES_NO}
_BY = Field(str)
_VALID = Field((str, dict), choices=("next",), fields=_SHARE)
_RANGE = {"from": Field(int, min=0), "to": Field(int, min=0)}
_NAMES = Field((list, dict), each=Field(str), fields=_RANGE)
_OF = Field(str, choices=("fold", "group"))

# Rule -> what may stand beside it in a task file.
RULES: Mapping[str, Mapping[str, Field]] = {
    "fold": {"by": _BY, "valid": _VALID},
    "group": {"by": _BY, "valid": _VALID},
    "random": {
        "by": _BY,
        "folds": Field(int, min=2),
        "seed": _SEED,
        "stratify": _YES_NO,
        "groups": _YES_NO,
        "valid": _VALID,
    },
    "split": {"by": _BY, "valid": Field(dict, required=False, fields=_SHARE)},
    "parts": {"by": _BY, "of": _OF, "valid": _NAMES, "test": _NAMES},
    "shares": {
        "by": _BY,
        "train": _PART,
        "valid": _PART,
        "test": _PART,
        "seed": _SEED,
        "stratify": _YES_NO,
        "groups": _YES_NO,
    },
    "test_share": {"by": _BY, "share": _PART, "seed": _SEED, "valid": Field(dict, fields=_SHARE)},
    "held_out": {
        "by": _BY,
        "share": _PART,
        "seed": _SEED,
        "halves": Field(list, each=Field(str, choices=("valid", "test"))),
        "stratify": _YES_NO,
        "of": Field(str, required=False, default="clips", choices=("clips", "recordings")),
    },
    "torch": {"by": _BY, "train": _PART, "valid": _PART, "seed": _SEED, "redrawn": _YES_NO},
    "shuffled": {
        "by": _BY,
        "of": _OF,
        "train": _PART,
        "valid": _PART,
        "seed": _SEED,
        "order": Field(str, choices=("seen", "sorted")),
    },
}


@dataclass(frozen=True)
class Fold:
    """One division of the clips.

    name: The fold, group or part that is tested.
    train, valid, test: Indices of clips, int64, sorted, without any in common (but for `redrawn`).
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
        UsageError: A clip lacks the fold, split or group that the rule goes by, or a part would be empty.
    """
    by = rule["by"]
    if by == "random":
        folds = _rotate(_draw_folds(rule, clips), rule["valid"], clips, what="fold")
    elif by in ("fold", "group"):
        folds = _rotate(values(by, clips), rule["valid"], clips, what=by)
    else:
        folds = [Fold("test", *(np.sort(part) for part in DIVISIONS[by](rule, clips)))]
    for fold in folds:
        for part in ("train", "valid", "test"):
            if len(getattr(fold, part)) == 0:
                raise UsageError(f"fold {fold.name}: no clips for {part}; give it some, or change the split rule")
    return folds


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
    """Classes that the fold tests without a single training clip of them, in order."""
    trained = {label for index in fold.train for label in clips[index].labels}
    tested = {label for index in fold.test for label in clips[index].labels}
    return natural_order(list(tested - trained))


def refuse_untrained(folds: Sequence[Fold], clips: Sequence[Clip]) -> None:
    """Refuse folds that test what they do not train: in a user's own data it is a slip.

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


def _rotate(names_of: np.ndarray, valid: str | Mapping[str, Any], clips: Sequence[Clip], what: str) -> list[Fold]:
    """Each value is test once; the rest is divided into training and validation."""
    names = natural_order(list(names_of))
    if len(names) < (3 if valid == "next" else 2):
        raise UsageError(
            f"only {len(names)} {what}{'' if len(names) == 1 else 's'} in the data ({', '.join(names)}): a rotation "
            + ("with the next one as validation needs three" if valid == "next" else "needs two")
        )
    folds = []
    for position, name in enumerate(names):
        test = np.flatnonzero(names_of == name)
        rest = np.flatnonzero(names_of != name)
        if isinstance(valid, str):
            after = names_of[rest] == names[(position + 1) % len(names)]
            folds.append(Fold(name, rest[~after], rest[after], test))
        else:
            train, chosen = draw_share(valid, rest, clips)
            folds.append(Fold(name, np.sort(train), np.sort(chosen), test))
    return folds


def _draw_folds(rule: Mapping[str, Any], clips: Sequence[Clip]) -> np.ndarray:
    """The number of a seeded fold, from "1", for every clip."""
    fold_of = np.empty(len(clips), dtype=object)
    everything = np.arange(len(clips))
    for number, part in enumerate(seeded_parts(rule["folds"], rule, everything, clips), start=1):
        fold_of[part] = str(number)
    return fold_of
