"""How a user's own data is divided where neither a column nor a YAML file says so, and how many folds `--folds` may ask for.

| groups | split |
|---|---|
| none given, or 1 | five stratified folds; a single group is refused when they are drawn |
| 2 | each is tested once; validation is drawn from the clips of the other one, which trains |
| 3 to 6 | each is tested once, and the next one validates, or else as with 2 if a class would lose its only training clips |
| 7 or more | five stratified folds and validation from the rest, none of which divides a group |
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluator.audio.clip import Clip
from evaluator.datasets import name_groups, splits
from evaluator.datasets.name_groups import NameGroups
from evaluator.datasets.reading.folders import FoldersReader
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.errors import UsageError

VALIDATION_ON_KNOWN = "validation clips come from groups that train, so what is chosen on them suits known individuals"
MOST_LEFT_OUT = 6  # groups; from seven on, five folds leave groups enough to train and to validate
_SEED = 42
_FOLDS = 5
_SHARE = 0.2


def drawn(grouped: bool, folds: int = _FOLDS) -> dict[str, Any]:
    """Stratified folds of clips, (n_clips,), validation carved from the rest; no group is ever divided where there are groups."""
    how = {"seed": _SEED, "stratify": True, "groups": grouped}
    return {"by": "random", "folds": folds, **how, "valid": {"share": _SHARE, **how}}


def of_groups(clips: Sequence[Clip]) -> dict[str, Any]:
    """The split of clips, (n_clips,), that name their groups: individuals, sites or recordings."""
    groups = {clip.group for clip in clips}
    if "" in groups or not 2 <= len(groups) <= MOST_LEFT_OUT:
        return drawn(grouped=True)
    if len(groups) > 2:
        rule = {"by": "group", "valid": "next"}
        if not any(splits.untrained(fold, clips) for fold in splits.make(rule, clips)):
            return rule
    return {"by": "group", "valid": _share_of_clips()}


def with_folds(task: Task, folds: int | None) -> Task:
    """The task with another number of folds, where those that it has are of our own drawing; None leaves it as it is.

    Raises:
        UsageError: Its folds are published, or given by the user's own file.
    """
    if folds is None:
        return task
    ours = task.dataset.access == "own" and task.by_table
    if task.split["by"] == "random":
        return replace(task, split={**task.split, "folds": folds})
    if ours and task.split["by"] == "group":
        rule = drawn(True, folds)  # few groups: what is left of them cannot be divided by a share
        return replace(task, split={**rule, "valid": "next" if folds > 2 else _share_of_clips()})
    if task.dataset.access == "own":
        where = f"a column {task.split['by']}" if ours else f"split: {splits.describe(task.split)}"
        raise UsageError(f"--folds {folds}: {task.path} says itself how it is divided ({where}); leave one of both out")
    raise UsageError(
        f"--folds {folds}: {task.name} has a split of its own ({splits.describe(task.split)}), and scores on another could "
        "not be compared; leave --folds out"
    )


def validates_on_known(task: Task, folds: Sequence[Fold], clips: Sequence[Clip]) -> bool:
    """Whether a user's own data keeps groups out of training for the test, but not for validation.

    Args:
        task: Whose split it is.
        folds: Of the task, (n_folds,).
        clips: All of them, (n_clips,).
    """
    rule: Mapping[str, Any] = task.split
    if task.dataset.access != "own" or not (rule["by"] == "group" or (rule["by"] == "random" and rule["groups"])):
        return False
    return any(
        {clips[index].group for index in fold.train} & {clips[index].group for index in fold.valid} for fold in folds
    )


def groups_not_used(task: Task, folds: Sequence[Fold], clips: Sequence[Clip]) -> str:
    """That file names of a user's own data seem to name groups that its split divides, and the way out; "" if they do not.

    Args:
        task, folds, clips: As those of `validates_on_known`, (n_folds,) and (n_clips,).
    """
    if task.dataset.access != "own":
        return ""
    seen = name_groups.divided_by(folds, clips, _in_class_folders(task))
    if seen is None:
        return ""
    found, both = seen
    n = "all" if len(both) == len(found.names) else len(both)
    tested = f"{n} of them {'has' if n == 1 else 'have'} clips in the test and outside it"
    belong = f"{found.sentence}, and {tested}; if clips of one belong together"
    if task.by_table and task.split["by"] != "random":
        return f"{belong}, mend the column {task.split['by']}, and name them in a column group"
    return f"{belong}, {way_to_groups(task, found)}"


def named_groups(task: Task, clips: Sequence[Clip]) -> NameGroups | None:
    """What file names of a user's own data, (n_clips,), seem to name; None for nothing, and where groups are known."""
    if task.dataset.access != "own" or any(clip.group for clip in clips):
        return None
    return name_groups.find(clips, _in_class_folders(task))


def _in_class_folders(task: Task) -> bool:
    return any(isinstance(reader, FoldersReader) for reader in task.dataset.readers)


def way_to_groups(task: Task, found: NameGroups) -> str:
    """How a user's own data says that clips (n_clips,) with one name belong together."""
    if not task.by_table:
        return f"the reader says so by a group, such as the pattern '{found.pattern}'"
    column = "name them in a column group, or take" if Path(task.path).is_file() else "take"
    return f"{column} the YAML file that hear-eval init writes (pattern: '{found.pattern}')"


def _share_of_clips() -> dict[str, Any]:
    return {"share": _SHARE, "seed": _SEED, "stratify": True, "groups": False}
