"""A user's own data with few individuals is divided so that each is tested by probes that never heard it."""

from pathlib import Path

import pytest

from commands import run_command  # noqa: F401  (a fixture)
from evaluator.datasets import manifest, own_split, splits
from evaluator.errors import UsageError
from evaluator.experiment import catalogue, data_caveats, setup
from evaluator.probes import protocol
from miniature import sound


@pytest.fixture
def hear_eval(run_command):  # noqa: F811
    """`hear-eval` in this process: (exit code, stdout, stderr)."""
    return run_command


def table(root: Path, labels_of: dict[str, str], column: str = "group") -> Path:
    """A CSV in which each group has six clips of each of its labels (a letter each); the sounds are written."""
    rows = [f"path,label,{column}"]
    for group, labels in labels_of.items():
        for label in labels:
            for take in range(6):
                rows.append(f"{group}_{label}_{take}.wav,{label},{group}")
                sound(root / f"{group}_{label}_{take}.wav", 0.1, seed=len(rows))
    path = root / "mine.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def divided(path: Path, n_folds: int | None = None) -> tuple[list[splits.Fold], tuple]:
    (task,) = catalogue.find(str(path))
    clips = manifest.read(task, None, path.parent).clips
    return splits.make(own_split.with_folds(task, n_folds).split, clips), clips


def groups_of(part, clips) -> set[str]:
    return {clips[index].group for index in part}


@pytest.mark.parametrize("n_groups", [3, 4, 5, 6])
def test_three_to_six_groups_are_left_out_one_at_a_time(n_groups, tmp_path):
    """Each is tested once, another one validates, and no group is on two sides."""
    names = "abcdef"[:n_groups]
    folds, clips = divided(table(tmp_path, dict.fromkeys(names, "xy")))
    assert [groups_of(fold.test, clips) for fold in folds] == [{name} for name in names]
    for fold in folds:
        train, valid, test = (groups_of(part, clips) for part in (fold.train, fold.valid, fold.test))
        assert len(valid) == 1 and not train & valid and not (train | valid) & test
        assert train | valid | test == set(names)


def test_of_two_groups_the_one_that_trains_validates_and_that_is_told(tmp_path, hear_eval):
    """There is nobody else; classes have a clip to train on in any case."""
    path = table(tmp_path, {"a": "xy", "b": "xy"})
    folds, clips = divided(path)
    assert [(groups_of(fold.test, clips), groups_of(fold.valid, clips)) for fold in folds] == [
        ({"a"}, {"b"}),
        ({"b"}, {"a"}),
    ]
    assert all(not splits.untrained(fold, clips) for fold in folds)
    (task,) = catalogue.find(str(path))
    ready = setup.set_up(task, protocol.load("knn"), None, tmp_path / "cache")
    assert "validation_on_known" in [caveat.kind for caveat in data_caveats.on_data(ready)]
    assert "note     mine: validation clips come from groups that train" in hear_eval("check", path)[1]


def test_nothing_is_told_where_groups_suffice(tmp_path):
    """Three of them do."""
    (task,) = catalogue.find(str(table(tmp_path, dict.fromkeys("abc", "xy"))))
    ready = setup.set_up(task, protocol.load("knn"), None, tmp_path / "cache")
    assert "validation_on_known" not in [caveat.kind for caveat in data_caveats.on_data(ready)]


def test_a_class_that_would_lose_its_training_clips_changes_the_validation(tmp_path):
    """Two of three individuals have class y: as validation, one would leave nothing to train on."""
    folds, clips = divided(table(tmp_path, {"a": "xy", "b": "xy", "c": "x"}))
    assert [groups_of(fold.test, clips) for fold in folds] == [{"a"}, {"b"}, {"c"}]
    assert all(not splits.untrained(fold, clips) for fold in folds)


def test_one_group_is_refused(tmp_path):
    """No split of it could say how well others would do."""
    with pytest.raises(UsageError, match="1 group cannot be divided into 5 parts; give more groups"):
        divided(table(tmp_path, {"a": "xy"}))


def test_seven_groups_are_drawn_into_five_folds(tmp_path):
    """Neither test nor validation divides one."""
    folds, clips = divided(table(tmp_path, dict.fromkeys("abcdefg", "xy")))
    assert len(folds) == 5
    for fold in folds:
        train, valid, test = (groups_of(part, clips) for part in (fold.train, fold.valid, fold.test))
        assert not train & valid and not train & test and not valid & test


@pytest.mark.parametrize(("n_groups", "n_folds"), [(0, 3), (4, 2), (4, 3), (4, 4), (9, 2), (9, 3), (9, 9)])
def test_the_number_of_folds_can_be_asked_for(n_groups, n_folds, tmp_path):
    """Each clip is tested once, and no group is in training and in test."""
    path = table(tmp_path, dict.fromkeys("abcdefghi"[: n_groups or 3], "xy"), "group" if n_groups else "comment")
    folds, clips = divided(path, n_folds)
    assert len(folds) == n_folds
    assert sorted(index for fold in folds for index in fold.test) == list(range(len(clips)))
    for fold in folds if n_groups else ():
        assert not groups_of(fold.test, clips) & groups_of([*fold.train, *fold.valid], clips)


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        ("arch/esc50", "--folds 3: arch/esc50 has a split of its own (fold; valid: share 0.2, seed 42; pooled)"),
        ("folds.csv", "says itself how it is divided (a column fold); leave one of both out"),
        ("few.csv", "2 groups cannot be divided into 3 parts; give more groups or ask for fewer parts"),
    ],
)
def test_folds_that_are_given_stay_as_they_are(task, sentence, tmp_path, hear_eval):
    """Before anything is embedded, with exit code 2."""
    if task.endswith(".csv"):
        written = table(tmp_path, {"1": "xy", "2": "xy"}, "fold" if task == "folds.csv" else "group")
        task = str(written.rename(tmp_path / task))
    code, _, err = hear_eval("run", "hear_ssl.melspec", "--task", task, "--folds", "3", "--data", tmp_path)
    assert code == 2 and sentence in err


def test_our_own_drawing_of_a_built_in_task_can_be_changed():
    """RAVDESS' published split is another one; the clean one is four folds of ours."""
    (task,) = catalogue.find("arch/ravdess")
    changed = own_split.with_folds(task, 6)
    assert changed.split["folds"] == 6 and changed.spec_sha256 != task.spec_sha256
    (published,) = catalogue.find("arch/ravdess", "published")
    with pytest.raises(UsageError, match="arch/ravdess has a split of its own"):
        own_split.with_folds(published, 6)
