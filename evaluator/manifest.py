"""The clips of a task: where its data lies, what is in it, and the order of its classes."""

from dataclasses import dataclass
from pathlib import Path

from evaluator import calls
from evaluator.errors import UsageError
from evaluator.readers import READERS, Clip
from evaluator.task import Dataset, Task

__all__ = ["Clip", "Manifest", "find_root", "read"]


@dataclass(frozen=True)
class Manifest:
    """All clips of a task.

    root: Folder that the clips' paths are relative to.
    clips: In their natural order: the table's, or sorted by path.
    classes: Names of the labels, as the dataset orders them, else sorted.
    """

    root: Path
    clips: tuple[Clip, ...]
    classes: tuple[str, ...]


def read(task: Task, data: Path | None, cache: Path) -> Manifest:
    """The clips of `task`, listed and checked, no audio read.

    Args:
        task: What is asked.
        data: Where the user says the data lies; None is enough for data that is made or knows its place.
        cache: Folder in which made data is kept.

    Raises:
        UsageError: The data is not there, does not have the dataset's layout, or has labels that do not fit.
    """
    root = find_root(task.dataset, data, cache)
    reader = task.dataset.reader
    clips = tuple(READERS[reader["kind"]].clips(root, reader))
    classes = _classes(task, root, clips)
    return Manifest(root, clips, classes)


def find_root(dataset: Dataset, data: Path | None, cache: Path) -> Path:
    """The folder in which the dataset's layout starts.

    `data` may be that folder, or one that holds it under the dataset's name or the name it has in its archive. Data
    that is made, and a user's own, which knows its place, is not looked for there.

    Raises:
        UsageError: No such folder has the layout; the sentence says what was looked for, and where to get it.
    """
    if dataset.access == "made":
        return calls.make(cache)
    ways = {"open": "free to download", "request": "on request", "login": "behind a login"}
    source = f"{dataset.title} is {ways.get(dataset.access)}: {dataset.url} (licence: {dataset.licence})"
    if dataset.root is not None:
        candidates, advice = [dataset.root], "look at the path in the task"
    elif data is not None:
        candidates = list(dict.fromkeys([data / dataset.name, data / dataset.folder, data]))
        advice = source
    else:
        raise UsageError(f"{dataset.name}: say with --data where the data lies. {source}")
    layout = READERS[dataset.reader["kind"]].traces
    for root in candidates:
        words, there = layout(root, dataset.reader)
        if there:
            return root
    looked = " or ".join(str(root) for root in candidates)
    raise UsageError(f"{dataset.name}: {words} not found in {looked}; {advice}")


def _classes(task: Task, root: Path, clips: tuple[Clip, ...]) -> tuple[str, ...]:
    if not clips:
        raise UsageError(f"{task.name}: no clips in {root}")
    counts: dict[str, int] = {}
    for clip in clips:
        if task.labels == "single" and len(clip.labels) != 1:
            raise UsageError(
                f"{task.name}: clip {clip.name} has {len(clip.labels)} labels ({', '.join(clip.labels)}), but the task "
                "is single-label: every clip needs exactly one"
            )
        for label in clip.labels:
            counts[label] = counts.get(label, 0) + 1
    fixed = task.dataset.reader["classes"]
    strange = sorted(set(counts) - set(fixed))
    if fixed and strange:
        raise UsageError(f"{task.name}: label {strange[0]!r} is not among the dataset's classes: {', '.join(fixed)}")
    if len(counts) < 2:
        raise UsageError(
            f"{task.name}: all {len(clips)} clips in {root} have the label {next(iter(counts), '')!r}; "
            "a task needs two classes or more"
        )
    single = sorted(label for label, count in counts.items() if count == 1)
    if single and task.labels == "single" and task.dataset.access == "own":
        raise UsageError(
            f"{task.name}: {'class' if len(single) == 1 else 'classes'} {', '.join(single[:5])}{' ...' * (len(single) > 5)} "
            "have one clip only, which cannot both train and test; give them more, join them, or leave them out"
        )
    return tuple(fixed) or tuple(sorted(counts))
