"""Split rules as task files say them, and the keys of each; `splits` applies them to clips.

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

from collections.abc import Mapping

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
