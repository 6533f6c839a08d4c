"""Splits follow their rule, lose no clip, and keep apart what has to be kept apart."""

import random

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split

from evaluator.audio.clip import Clip
from evaluator.datasets import splits
from evaluator.errors import UsageError

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


@pytest.mark.parametrize("pooled", [False, True])
def test_validation_is_drawn_by_scikit_learns_call(pooled):
    """From the other folds' clips in the order of the table; pooled, fold by fold as the folds first occur."""
    clips = make_clips()
    seen = list(dict.fromkeys(clip.fold for clip in clips))
    assert seen != sorted(seen)
    folds = splits.make({"by": "fold", "valid": {"share": 0.2, "seed": 42}, "pooled": pooled}, clips)
    assert_whole(folds, len(clips))
    for fold in folds:
        rest = [clip.path for clip in clips if clip.fold != fold.name]
        if pooled:
            rest = [clip.path for name in seen for clip in clips if clip.fold == name != fold.name]
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
        groups = [{clips[i].group for i in part} for part in (fold.train, fold.valid, fold.test)]
        assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]


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


def test_what_is_tested_without_training_is_refused_where_it_is_a_slip():
    """Published splits have such classes and keep them; in a user's own data it is an error."""
    clips = two_classes(4, split=["train", "test", "train", "val"])
    folds = splits.make({"by": "split"}, clips)
    assert splits.untrained(folds[0], clips) == ["b"]
    with pytest.raises(UsageError, match="fold test: no training clips for b, which it tests"):
        splits.refuse_untrained(folds, clips)


def numbers(fold: splits.Fold) -> tuple[set[int], set[int], set[int]]:
    return set(fold.train.tolist()), set(fold.valid.tolist()), set(fold.test.tolist())


def test_archs_ravdess_is_two_draws_of_scikit_learn():
    """1440 clips: 921, 231 and 288, as scikit-learn draws them over file names."""
    clips = [Clip(f"{n:04}.wav", ("a",)) for n in range(1440)]
    (fold,) = splits.make({"by": "test_share", "share": 0.2, "seed": 42, "valid": {"share": 0.2, "seed": 42}}, clips)
    names = [clip.path for clip in clips]
    rest, test = train_test_split(names, test_size=0.2, random_state=42)
    train, valid = train_test_split(rest, test_size=0.2, random_state=42)
    assert [sorted(names[n] for n in part) for part in (fold.train, fold.valid, fold.test)] == [
        sorted(part) for part in (train, valid, test)
    ]
    assert [len(part) for part in numbers(fold)] == [921, 231, 288]


@pytest.mark.parametrize(("halves", "first"), [(["test", "valid"], "test"), (["valid", "test"], "valid")])
def test_a_held_out_share_is_halved(halves, first):
    """ARCH's FMA tests on the first half, BEANS chooses on it and stratifies by class."""
    clips = [Clip(f"{n}.wav", ("ab"[n % 3 == 0],)) for n in range(1697)]
    rule = {"by": "held_out", "share": 0.4, "seed": 42, "halves": halves, "stratify": True, "of": "clips"}
    (fold,) = splits.make(rule, clips)
    classes = [clip.labels[0] for clip in clips]
    train, held, _, kept = train_test_split(range(1697), classes, test_size=0.4, random_state=42, stratify=classes)
    one, two = train_test_split(held, test_size=0.5, random_state=42, stratify=kept)
    other = {"valid": "test", "test": "valid"}[first]
    assert fold.train.tolist() == sorted(train)
    assert getattr(fold, first).tolist() == sorted(one) and getattr(fold, other).tolist() == sorted(two)


def test_windows_of_one_recording_stay_together():
    """BEANS divides rfcx by recordings, in the order of their names."""
    clips = [Clip(f"{name}.flac", (), start, start + 1.0) for name in "hbgacfde" for start in (0.0, 1.0)]
    rule = {
        "by": "held_out",
        "share": 0.4,
        "seed": 42,
        "halves": ["valid", "test"],
        "of": "recordings",
        "stratify": False,
    }
    (fold,) = splits.make(rule, clips)
    train, held = train_test_split(list("abcdefgh"), test_size=0.4, random_state=42)
    assert {clips[n].path[0] for n in fold.train} == set(train) and len(fold.train) == 2 * len(train)
    assert {clips[n].path[0] for n in (*fold.valid, *fold.test)} == set(held)


@pytest.mark.parametrize(
    ("n", "sizes"), [(1697, (1187, 339, 171)), (72920, (51044, 14584, 7292)), (8034, (5623, 1606, 805))]
)
def test_sarkars_division_is_pytorchs_random_split(n, sizes):
    """The sizes in print, and the very clips that a generator seeded 42 gives."""
    clips = [Clip(str(number), ("a",)) for number in range(n)]
    (fold,) = splits.make({"by": "torch", "train": 0.7, "valid": 0.2, "seed": 42, "redrawn": False}, clips)
    generator = torch.Generator().manual_seed(42)
    parts = torch.utils.data.random_split(range(n), sizes, generator=generator)
    assert [part.tolist() for part in (fold.train, fold.valid, fold.test)] == [sorted(part.indices) for part in parts]


def test_a_redrawn_test_part_was_mostly_trained_on():
    """The Watkins accident: about 70 % of the test clips are training clips, and 20 % chose."""
    clips = [Clip(str(number), ("a",)) for number in range(1697)]
    (fold,) = splits.make({"by": "torch", "train": 0.7, "valid": 0.2, "seed": 12345, "redrawn": True}, clips)
    train, valid, test = numbers(fold)
    assert len(test) == 171 and 0.6 < len(test & train) / 171 < 0.8 and not train & valid


@pytest.mark.parametrize("order", ["seen", "sorted"])
def test_groups_can_be_shuffled_by_python(order):
    """BEANS' cbi: recordists, in the order in which they appear, shuffled with seed 42 and cut at 60 and 80 %."""
    groups = [f"recordist {n * 7 % 10}" for n in range(10)]
    clips = [Clip(f"{n}.mp3", ("a",), group=groups[n % 10]) for n in range(25)]
    (fold,) = splits.make(
        {"by": "shuffled", "of": "group", "train": 0.6, "valid": 0.2, "seed": 42, "order": order}, clips
    )
    names = groups if order == "seen" else sorted(groups)
    state = random.Random(42)
    for index in range(9, 0, -1):  # Fisher and Yates
        other = state._randbelow(index + 1)
        names[index], names[other] = names[other], names[index]
    assert {clips[n].group for n in fold.train} == set(names[:6])
    assert {clips[n].group for n in fold.test} == set(names[8:])


def test_named_folds_choose_and_test():
    """Ogg's ESC-50: fold 4 chooses, fold 5 tests; VCTK goes by ranges of utterance numbers."""
    clips = [Clip(f"{n}.wav", ("a",), fold=str(n)) for n in range(1, 61)]
    (fold,) = splits.make({"by": "parts", "of": "fold", "valid": ["4"], "test": ["5"]}, clips)
    assert (fold.valid.tolist(), fold.test.tolist(), len(fold.train)) == ([3], [4], 58)
    spans = {"valid": {"from": 1, "to": 25}, "test": {"from": 26, "to": 50}}
    (fold,) = splits.make({"by": "parts", "of": "fold", **spans}, clips)
    assert fold.valid.tolist() == list(range(25)) and fold.train.tolist() == list(range(50, 60))
    with pytest.raises(UsageError, match="fold 5 is in both valid and test"):
        splits.make({"by": "parts", "of": "fold", "valid": ["4", "5"], "test": ["5"]}, clips)
    with pytest.raises(UsageError, match="fold 'x' is no whole number, but the split goes by a range"):
        splits.make({"by": "parts", "of": "fold", **spans}, [Clip("a.wav", ("a",), fold="x")])


@pytest.mark.parametrize("grouped", [False, True])
def test_shares_are_about_as_asked_in_every_class(grouped):
    """70, 20 and 10 % of each class, no group on two sides, the same again; a class of two keeps one in training."""
    clips = [Clip(f"{n}.wav", (label,), group=f"{label}{n // 2}") for label in "abc" for n in range(100)]
    clips += [Clip(f"rare{n}.wav", ("d",), group=f"d{n}") for n in range(2)]
    rule = {"by": "shares", "train": 0.7, "valid": 0.2, "test": 0.1, "seed": 42, "stratify": True, "groups": grouped}
    (fold,) = splits.make(rule, clips)
    train, valid, test = numbers(fold)
    assert train | valid | test == set(range(302)) and not (train & valid or train & test or valid & test)
    for label in "abc":
        sizes = [sum(clips[n].labels == (label,) for n in part) for part in (train, valid, test)]
        assert sizes == pytest.approx([70, 20, 10], abs=4)
    assert any(clips[n].labels == ("d",) for n in train)
    if grouped:
        groups = [{clips[n].group for n in part} for part in (train, valid, test)]
        assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    (again,) = splits.make(rule, clips)
    assert numbers(again) == (train, valid, test)
    with pytest.raises(UsageError, match=r"together, but should be 1"):
        splits.make({**rule, "test": 0.2}, clips)


def test_a_rule_is_told_in_words():
    """As `hear-eval list tasks` shows it; what is not wished is not shown."""
    rule = {"by": "parts", "of": "fold", "valid": {"from": 1, "to": 25}, "test": ["5", "6"]}
    assert splits.describe(rule) == "parts; of fold; valid: from 1, to 25; test: 5 6"
    rule = {"by": "shares", "train": 0.7, "valid": 0.2, "test": 0.1, "stratify": True, "groups": False}
    assert splits.describe(rule) == "shares; train 0.7; valid: 0.2; test: 0.1; stratify"
