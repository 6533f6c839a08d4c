"""Splits follow their rule, lose no clip, and keep apart what has to be kept apart."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from evaluator import splits
from evaluator.errors import UsageError
from evaluator.readers import Clip

DRAWN = {"share": 0.25, "seed": 7}


def make_clips(n: int = 60, n_folds: int = 5, n_classes: int = 3, n_groups: int = 12) -> list[Clip]:
    """Clips in an order that mixes folds, classes and groups."""
    order = np.random.default_rng(1).permutation(n)
    return [
        Clip(f"{i}.wav", (f"class{i % n_classes}",), fold=str(1 + i % n_folds), group=f"g{i // n_classes % n_groups}")
        for i in order
    ]


def assert_whole(folds: list[splits.Fold], n: int) -> None:
    """Parts are sorted, disjoint and complete; every clip is tested exactly once."""
    for fold in folds:
        parts = [fold.train, fold.valid, fold.test]
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(n))
        assert all(np.array_equal(part, np.sort(part)) and part.dtype == np.int64 and len(part) for part in parts)
    assert np.array_equal(np.sort(np.concatenate([fold.test for fold in folds])), np.arange(n))


def test_archs_rule_is_scikit_learns_call():
    """The other folds' clips, in the order of the table, through `train_test_split(random_state=42)`."""
    clips = make_clips()
    folds = splits.make({"by": "fold", "valid": {"share": 0.2, "seed": 42}}, clips)
    assert_whole(folds, len(clips))
    for fold in folds:
        rest = [clip.path for clip in clips if clip.fold != fold.name]
        train, valid = train_test_split(rest, test_size=0.2, random_state=42)
        assert {clips[i].path for i in fold.train} == set(train)
        assert {clips[i].path for i in fold.valid} == set(valid)


def test_the_next_fold_validates():
    """Folds go round in the order of their numbers: after 9 comes 10, after the last the first."""
    clips = make_clips(n=60, n_folds=10)
    folds = splits.make({"by": "fold", "valid": "next"}, clips)
    assert_whole(folds, len(clips))
    assert [fold.name for fold in folds] == [str(number) for number in range(1, 11)]
    after = {fold.name: {clips[i].fold for i in fold.valid} for fold in folds}
    assert after["9"] == {"10"} and after["10"] == {"1"}


def test_one_group_is_left_out_at_a_time():
    """Each group is tested by probes that have not met it."""
    clips = make_clips()
    folds = splits.make({"by": "group", "valid": DRAWN}, clips)
    assert_whole(folds, len(clips))
    for fold in folds:
        assert {clips[i].group for i in fold.test} == {fold.name}
        assert fold.name not in {clips[i].group for i in np.concatenate([fold.train, fold.valid])}


@pytest.mark.parametrize(
    "words", [("train", "val", "test"), ("TRAINING", "devel", "Eval"), ("train", "dev", "testing")]
)
def test_given_parts_are_taken_by_any_of_their_names(words):
    """Where there is a validation part, none is drawn."""
    clips = [Clip(f"{i}.wav", (f"class{i % 2}",), split=words[i // 2 % 3]) for i in range(12)]
    (fold,) = splits.make({"by": "split", "valid": DRAWN}, clips)
    assert [list(part) for part in (fold.train, fold.valid, fold.test)] == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]


def test_validation_is_drawn_from_training_where_none_is_given():
    """The test part stays as it is."""
    clips = [Clip(f"{i}.wav", (f"class{i % 2}",), split="test" if i < 4 else "train") for i in range(20)]
    (fold,) = splits.make({"by": "split", "valid": DRAWN}, clips)
    assert list(fold.test) == [0, 1, 2, 3] and (len(fold.train), len(fold.valid)) == (12, 4)


def test_drawn_folds_are_stratified_and_repeatable():
    """Each part holds each class in equal shares; the seed alone decides."""
    clips = make_clips()
    rule = {"by": "random", "folds": 5, "seed": 42, "stratify": True, "valid": {**DRAWN, "stratify": True}}
    folds = splits.make(rule, clips)
    assert_whole(folds, len(clips))
    for part, count in (("test", 4), ("valid", 4), ("train", 12)):
        for fold in folds:
            labels = [clips[i].labels[0] for i in getattr(fold, part)]
            assert sorted(labels.count(name) for name in set(labels)) == [count] * 3
    again, other = splits.make(rule, clips), splits.make({**rule, "seed": 43}, clips)
    assert all(np.array_equal(a.test, b.test) for a, b in zip(folds, again, strict=True))
    assert not all(np.array_equal(a.test, b.test) for a, b in zip(folds, other, strict=True))


@pytest.mark.parametrize("stratify", [True, False])
def test_grouped_parts_never_divide_a_group(stratify):
    """Neither between training and test nor between training and validation."""
    clips = make_clips()
    how = {"seed": 3, "stratify": stratify, "groups": True}
    folds = splits.make({"by": "random", "folds": 4, **how, "valid": {"share": 0.3, **how}}, clips)
    assert_whole(folds, len(clips))
    for fold in folds:
        heard = [{clips[i].group for i in part} for part in (fold.train, fold.valid, fold.test)]
        assert not heard[0] & heard[1] and not heard[0] & heard[2] and not heard[1] & heard[2]


def test_the_last_clips_of_a_class_are_not_taken_for_validation():
    """A class with two clips keeps one to train on in every fold."""
    clips = [Clip(f"{i}.wav", ("common" if i > 1 else "rare",)) for i in range(30)]
    how = {"stratify": True, "groups": False}
    for seed in range(20):
        folds = splits.make(
            {"by": "random", "folds": 5, "seed": seed, **how, "valid": {"share": 0.2, "seed": seed, **how}}, clips
        )
        assert_whole(folds, len(clips))
        assert all({0, 1} & set(fold.train.tolist()) for fold in folds)


def test_several_labels_are_stratified_by_the_rarest():
    """A rare label beside common ones is spread over the folds."""
    clips = [Clip(f"{i}.wav", ("common", "rare") if i % 10 == 0 else ("common", f"other{i % 2}")) for i in range(50)]
    rule = {"by": "random", "folds": 5, "seed": 0, "stratify": True, "valid": "next"}
    assert [sum(i % 10 == 0 for i in fold.test) for fold in splits.make(rule, clips)] == [1] * 5


def two_classes(n: int, **fields) -> list[Clip]:
    return [Clip(f"{i}.wav", ("ab"[i % 2],), **{name: values[i] for name, values in fields.items()}) for i in range(n)]


@pytest.mark.parametrize(
    ("rule", "clips", "sentence"),
    [
        ({"by": "fold", "valid": "next"}, two_classes(2, fold=["1", ""]), "goes by fold, but clip 1.wav has no fold"),
        (
            {"by": "fold", "valid": "next"},
            two_classes(4, fold="1212"),
            r"only 2 folds in the data \(1, 2\).*needs three",
        ),
        (
            {"by": "group", "valid": DRAWN},
            two_classes(2, group="xx"),
            r"only 1 group in the data \(x\): a rotation needs two",
        ),
        ({"by": "split"}, two_classes(2, split=["train", "tets"]), "clip 1.wav: unknown split 'tets'; known: train, "),
        (
            {"by": "split"},
            two_classes(3, split=["train", "test", "eval"]),
            "the splits eval and test both mean test here",
        ),
        ({"by": "split"}, two_classes(4, split=["train", "train", "test", "test"]), "fold test: no clips for valid"),
        (
            {"by": "split"},
            two_classes(4, split=["train", "test", "train", "val"]),
            "fold test: no training clips for b, which it tests",
        ),
        (
            {"by": "random", "folds": 5, "seed": 0, "groups": True, "valid": "next"},
            two_classes(6, group="xxyyzz"),
            "3 groups cannot be divided into 5 parts",
        ),
        (
            {"by": "random", "folds": 5, "seed": 0, "stratify": True, "valid": "next"},
            two_classes(6),
            "no class has more than 3 clips, too few for 5 stratified parts",
        ),
    ],
)
def test_a_split_that_cannot_be_is_explained(rule, clips, sentence):
    """Before anything is embedded or trained."""
    with pytest.raises(UsageError, match=sentence):
        splits.make(rule, clips)
