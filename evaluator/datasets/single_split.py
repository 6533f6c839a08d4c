"""One division of all clips into train, valid and test: the rules of `split_rules` that give one fold."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets.random_splits import (
    draw_share,
    field_of,
    natural_order,
    seeded_parts,
    strata,
    without_last_ones,
)
from evaluator.errors import UsageError

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]  # indices of the clips that train, validate and test

# What datasets call the three parts. FSD50K, DCASE and Kaldi's recipes test on "eval"; SLURP validates on "devel".
SPLIT_WORDS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev", "devel"),
    "test": ("test", "testing", "eval", "evaluation"),
}


def _dataset_split(rule: Mapping[str, Any], clips: Sequence[Clip]) -> Parts:
    words = {word: part for part, known in SPLIT_WORDS.items() for word in known}
    splits = field_of("split", clips)
    strange = next((word for word in splits if word.lower() not in words), None)
    if strange is not None:
        raise UsageError(
            f"clip {clips[list(splits).index(strange)].name}: unknown split {strange!r}; known: {', '.join(words)}"
        )
    for part, known in SPLIT_WORDS.items():
        used = sorted({word.lower() for word in splits if word.lower() in known})
        if len(used) > 1:
            raise UsageError(f"the splits {' and '.join(used)} both mean {part} here; rename one of them")
    parts = np.array([words[word.lower()] for word in splits])
    train, valid, test = (np.flatnonzero(parts == part) for part in ("train", "valid", "test"))
    if len(valid) == 0 and rule.get("valid") is not None:
        train, valid = draw_share(rule["valid"], train, clips)
    return train, valid, test


def _named_parts(rule: Mapping[str, Any], clips: Sequence[Clip]) -> Parts:
    known = field_of(rule["of"], clips)

    def is_in(names: list[str] | Mapping[str, int]) -> np.ndarray:
        if not isinstance(names, Mapping):
            return np.isin(known, np.array(names, dtype=object))
        strange = next((value for value in known if not value.isdecimal()), None)
        if strange is not None:
            raise UsageError(f"{rule['of']} {strange!r} is no whole number, but the split goes by a range of them")
        numbers = known.astype(np.int64)
        return (numbers >= names["from"]) & (numbers <= names["to"])

    valid, test = is_in(rule["valid"]), is_in(rule["test"])
    if (valid & test).any():
        both = natural_order(list(known[valid & test]))
        raise UsageError(f"{rule['of']} {', '.join(both[:3])} is in both valid and test of the split rule")
    return np.flatnonzero(~valid & ~test), np.flatnonzero(valid), np.flatnonzero(test)


def _draw_shares(rule: Mapping[str, Any], clips: Sequence[Clip]) -> Parts:
    shares = [Fraction(str(rule[part])) for part in ("train", "valid", "test")]
    if sum(shares) != 1:
        raise UsageError(f"the shares of train, valid and test are {float(sum(shares)):g} together, but should be 1")
    n_parts = math.lcm(*(share.denominator for share in shares))
    drawn = seeded_parts(n_parts, rule, np.arange(len(clips)), clips)
    n_test, n_valid = (int(share * n_parts) for share in (shares[2], shares[1]))
    test, valid = np.concatenate(drawn[:n_test]), np.concatenate(drawn[n_test : n_test + n_valid])
    train = np.concatenate(drawn[n_test + n_valid :])
    grouped = bool(rule["groups"])
    for part in (test, valid):
        lacking = np.setdiff1d(part, without_last_ones(part, train, clips, grouped))
        train = np.union1d(train, lacking)
    return train, np.setdiff1d(valid, train), np.setdiff1d(test, train)


def _test_share(rule: Mapping[str, Any], clips: Sequence[Clip]) -> Parts:
    rest, test = draw_share({"share": rule["share"], "seed": rule["seed"]}, np.arange(len(clips)), clips)
    return (*draw_share(rule["valid"], rest, clips), test)


def _held_out(rule: Mapping[str, Any], clips: Sequence[Clip]) -> Parts:
    from sklearn.model_selection import train_test_split

    if sorted(rule["halves"]) != ["test", "valid"]:
        raise UsageError(f"halves: is {rule['halves']}, but should be [valid, test] or [test, valid]")
    units = [np.array([number]) for number in range(len(clips))]
    if rule["of"] == "recordings":
        paths = field_of("path", clips)
        units = [np.flatnonzero(paths == path) for path in sorted(set(paths))]
    classes = strata([clips[unit[0]] for unit in units]) if rule["stratify"] else None
    numbers = np.arange(len(units))
    how = {"random_state": rule["seed"]}
    try:
        train, held = train_test_split(numbers, test_size=rule["share"], stratify=classes, **how)
        halves = train_test_split(held, test_size=0.5, stratify=None if classes is None else classes[held], **how)
    except ValueError as error:
        raise UsageError(f"the clips cannot be divided with shares of {rule['share']:g}: {error}") from error
    parts = {"train": train, **dict(zip(rule["halves"], halves, strict=True))}
    train, valid, test = (np.concatenate([units[unit] for unit in parts[name]]) for name in ("train", "valid", "test"))
    return train, valid, test


def _torch_random_split(rule: Mapping[str, Any], clips: Sequence[Clip]) -> Parts:
    import torch

    generator = torch.Generator().manual_seed(rule["seed"])
    n_train, n_valid = int(rule["train"] * len(clips)), int(rule["valid"] * len(clips))
    order = torch.randperm(len(clips), generator=generator).numpy()
    test = torch.randperm(len(clips), generator=generator).numpy() if rule["redrawn"] else order
    return order[:n_train], order[n_train : n_train + n_valid], test[n_train + n_valid :]


def _shuffled(rule: Mapping[str, Any], clips: Sequence[Clip]) -> Parts:
    known = field_of(rule["of"], clips)
    names = list(dict.fromkeys(known))
    if rule["order"] == "sorted":
        names.sort()
    random.Random(rule["seed"]).shuffle(names)  # noqa: S311 (no secret: the generator of the published code)
    n_train, n_both = int(rule["train"] * len(names)), int((rule["train"] + rule["valid"]) * len(names))
    parts = (names[:n_train], names[n_train:n_both], names[n_both:])
    train, valid, test = (np.flatnonzero(np.isin(known, np.array(part, dtype=object))) for part in parts)
    return train, valid, test


SINGLE_SPLITS: Mapping[str, Callable[[Mapping[str, Any], Sequence[Clip]], Parts]] = {
    "split": _dataset_split,
    "parts": _named_parts,
    "shares": _draw_shares,
    "test_share": _test_share,
    "held_out": _held_out,
    "torch": _torch_random_split,
    "shuffled": _shuffled,
}
