"""Which clips train, which validate, which test: split rules as data, applied to the clips in their order.

| rule | folds |
|---|---|
| `{by: fold, valid: V, pooled: true}` | each of the dataset's folds is tested once |
| `{by: group, valid: V}` | each group (an individual, a speaker) is tested once |
| `{by: random, folds: 5, seed: 42, stratify: true, groups: true, valid: V}` | seeded; each clip is tested once |
| `{by: split, valid: S}` | one: the dataset's train and test; `valid` only where it has no validation part of its own |
| `{by: parts, of: fold, valid: N, test: N}` | one: the named folds (or groups) validate and test, all others train |
| `{by: shares, train: 0.7, valid: 0.2, test: 0.1, seed: 42, stratify: true, groups: true}` | one, drawn |
| `{by: test_share, share: 0.2, seed: 42, valid: S}` | one: scikit-learn's `train_test_split`, and again for validation |
| `{by: held_out, share: 0.2, seed: 42, halves: [valid, test], stratify: true, of: clips}` | one: a share is held out, and halved |
| `{by: torch, train: 0.7, valid: 0.2, seed: 42}` | one: PyTorch's `random_split`, sizes rounded down, the rest tests |
| `{by: shuffled, of: group, train: 0.6, valid: 0.2, seed: 42, order: sorted}` | one: groups shuffled by Python's `random` |

`V`, where validation comes from, is `next` (the fold or group after the tested one, in order, the last followed by the
first) or `S`: `{share: 0.2, seed: 42}` (a seeded part of what is not test: `train_test_split` over the clips in their
order) or that with `stratify: true` and `groups: true`. Stratified parts hold about the same share of every class;
grouped ones never divide a group. `N` is a list of names, or `{from: 1, to: 25}` for whole numbers.

`pooled: true` repeats loaders that gather the other folds one after the other, in the order in which the folds first occur
in the table, before they draw validation; without it, the other folds' clips are drawn from in the table's own order.

`redrawn: true` beside `torch` repeats a deviation of published code: the test part comes from a second draw of the same
generator, so that most of it was trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.random_splits import draw_share, field_of, natural_order, seeded_parts
from evaluator.datasets.single_split import SINGLE_SPLITS
from evaluator.errors import UsageError
from evaluator.schema import Field

_STRATIFY = Field(bool, required=False, default=False, meaning="Whether parts hold about the same share of each class.")
_GROUPS = Field(bool, required=False, default=False, meaning="Whether no group is ever divided.")
_OF = Field(str, choices=("fold", "group"), meaning="What the parts are made of: the dataset's folds or its groups.")


def _by(rule: str, meaning: str) -> Field:
    return Field(str, choices=(rule,), meaning=meaning)


def _seed(meaning: str) -> Field:
    return Field(int, min=0, max=2**32 - 1, meaning=meaning)  # what numpy's generators and scikit-learn take


def _share(meaning: str) -> Field:
    return Field(float, min=0.001, max=0.999, meaning=meaning)


_DRAWN = {
    "share": Field(float, min=0.01, max=0.9, meaning="Share of the clips that are not tested which validates."),
    "seed": _seed("Seed of the draw."),
    "stratify": _STRATIFY,
    "groups": _GROUPS,
}
_VALID_MEANING = (
    "Where validation comes from: `next`, the fold or group after the tested one, or a seeded share of the rest."
)
_VALID = Field((str, dict), choices=("next",), fields=_DRAWN, meaning=_VALID_MEANING)
_RANGE = {
    "from": Field(int, min=0, meaning="First whole number of a range of names."),
    "to": Field(int, min=0, meaning="Last whole number of that range."),
}


def _names(meaning: str) -> Field:
    return Field((list, dict), each=Field(str), fields=_RANGE, meaning=meaning)


_SHARES = {"train": _share("Share of the clips that train."), "valid": _share("Share of the clips that validate.")}

# Rule -> what may stand beside it in a task file.
RULES: Mapping[str, Mapping[str, Field]] = {
    "fold": {
        "by": _by("fold", "Each of the dataset's folds is tested once."),
        "valid": _VALID,
        "pooled": Field(
            bool,
            required=False,
            default=False,
            meaning="Whether validation is drawn from the other folds one after the other, in the order in which they first "
            "occur, and not from their clips in the table's order.",
        ),
    },
    "group": {"by": _by("group", "Each group (an individual, a speaker) is tested once."), "valid": _VALID},
    "random": {
        "by": _by("random", "Seeded folds; each clip is tested once."),
        "folds": Field(int, min=2, meaning="Number of folds."),
        "seed": _seed("Seed of the folds."),
        "stratify": _STRATIFY,
        "groups": _GROUPS,
        "valid": _VALID,
    },
    "split": {
        "by": _by("split", "The dataset's own training, validation and test parts."),
        "valid": Field(
            dict,
            required=False,
            fields=_DRAWN,
            meaning="The share of the training part that validates, where the dataset has no validation part.",
        ),
    },
    "parts": {
        "by": _by("parts", "The named folds or groups validate and test, all others train."),
        "of": _OF,
        "valid": _names("Folds or groups that validate: a list, or a range of whole numbers."),
        "test": _names("Folds or groups that are tested: a list, or a range of whole numbers."),
    },
    "shares": {
        "by": _by("shares", "Three seeded parts."),
        **_SHARES,
        "test": _share("Share of the clips that are tested; the three are 1 together."),
        "seed": _seed("Seed of the draw."),
        "stratify": _STRATIFY,
        "groups": _GROUPS,
    },
    "test_share": {
        "by": _by("test_share", "Scikit-learn's `train_test_split`, and again for validation."),
        "share": _share("Share of the clips that are tested."),
        "seed": _seed("Seed of `train_test_split`."),
        "valid": Field(dict, fields=_DRAWN, meaning="The share of the rest that validates."),
    },
    "held_out": {
        "by": _by("held_out", "A share is held out and halved."),
        "share": _share("Share that is held out and halved."),
        "seed": _seed("Seed of both draws."),
        "halves": Field(
            list,
            each=Field(str, choices=("valid", "test")),
            meaning="Which half comes first: [valid, test] or [test, valid].",
        ),
        "stratify": _STRATIFY,
        "of": Field(
            str,
            required=False,
            default="clips",
            choices=("clips", "recordings"),
            meaning="What is drawn: clips, or whole recordings with all their clips.",
        ),
    },
    "torch": {
        "by": _by("torch", "PyTorch's `random_split`, sizes rounded down, the rest tests."),
        **_SHARES,
        "seed": _seed("Seed of PyTorch's generator."),
        "redrawn": Field(
            bool,
            required=False,
            default=False,
            meaning="Whether the test part comes from a second draw of that generator, as in one published code, so that "
            "most of it was trained on.",
        ),
    },
    "shuffled": {
        "by": _by("shuffled", "Folds or groups shuffled by Python's `random`, sizes rounded down."),
        "of": _OF,
        **_SHARES,
        "seed": _seed("Seed of Python's `random`."),
        "order": Field(
            str,
            choices=("seen", "sorted"),
            meaning="Order of the names before they are shuffled: as they occur, or sorted.",
        ),
    },
}


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
        rule: As in a task file; see the top of this module.
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
    """Whether each group of clips, (n_clips,), is a class, and each class a group."""
    pairs = {(clip.group, clip.labels) for clip in clips}
    return len(pairs) == len({group for group, _ in pairs}) == len({labels for _, labels in pairs})


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
