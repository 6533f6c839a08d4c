"""The clips of a task: where its data lies, what is in it, and the order of its classes."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from evaluator.audio.clip import Clip
from evaluator.datasets import synthetic_calls
from evaluator.datasets.dataset import Dataset
from evaluator.datasets.task import Task
from evaluator.errors import UsageError

__all__ = ["Clip", "Manifest", "find_root", "read"]


@dataclass(frozen=True)
class Manifest:
    """All clips of a task.

    root: Folder that the clips' paths are relative to.
    clips: (n_clips,), in their natural order: the table's, or sorted by path.
    classes: Names of the labels, (n_classes,), as the dataset orders them, else sorted.
    """

    root: Path
    clips: tuple[Clip, ...]
    classes: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """SHA-256 over classes and clips: names, labels, events, folds, splits and groups, but neither audio nor folder."""
        digest = hashlib.sha256(json.dumps(self.classes).encode())
        for clip in self.clips:
            facts = (clip.path, clip.labels, clip.start, clip.end, clip.fold, clip.split, clip.group, clip.events)
            digest.update(json.dumps(facts).encode())
        return digest.hexdigest()


def read(task: Task, data: Path | None, cache: Path) -> Manifest:
    """The clips of `task`, (n_clips,), listed and checked; no audio is read.

    Args:
        task: Whose clips.
        data: Where the user says the data lies; None is enough for data that is made or knows its folder.
        cache: Folder in which made data is kept.

    Raises:
        UsageError: The data is not there, does not have the dataset's layout, or has labels that do not fit.
    """
    root = find_root(task.dataset, data, cache)
    clips = [clip for reader in task.dataset.readers for clip in reader.read_clips(root)]
    if len(task.dataset.readers) > 1:
        _refuse_overlap(clips)
    return Manifest(root, tuple(clips), _classes(task, root, clips))


def _refuse_overlap(clips: list[Clip]) -> None:
    """Several readers may not give one clip; each reader by itself has looked."""
    seen: dict[str, Clip] = {}
    for clip in clips:
        other = seen.setdefault(clip.name, clip)
        if other is not clip:
            parts = [each.split or each.fold or "the data" for each in (other, clip)]
            raise UsageError(
                f"clip {clip.name} is read twice, for {parts[0]!r} and for {parts[1]!r}; it can be in one only"
            )


def find_root(dataset: Dataset, data: Path | None, cache: Path) -> Path:
    """The folder in which the dataset's layout starts.

    `data` may be that folder, or one that holds it under the dataset's name or the name it has in its archive. Data
    that is made, and a user's own, which knows its folder, is not looked for there.

    Raises:
        UsageError: No such folder has the layout; the sentence says what was looked for, and where to get it.
    """
    if dataset.access == "made":
        return synthetic_calls.make(cache)
    source = whereabouts(dataset)
    if dataset.root is not None:
        candidates, advice = [dataset.root], "look at the path in the task"
    elif data is not None:
        named = data / dataset.name
        candidates = list(dict.fromkeys([named / dataset.folder, named, data / dataset.folder, data]))
        advice = source
    else:
        raise UsageError(f"{dataset.name}: say with --data where the data lies. {source}")
    first = dataset.readers[0]
    for root in candidates:
        description, is_there = first.traces(root)
        if is_there:
            return root
    looked = " or ".join(str(root) for root in candidates)
    raise UsageError(f"{dataset.name}: {description} not found in {looked}; {advice}")


def whereabouts(dataset: Dataset) -> str:
    """Where a dataset can be had, under which licence, and what the user has to do."""
    ways = {
        "open": f"free to download: hear-eval download, or {dataset.url}",
        "request": f"on request: {dataset.url}",
        "login": f"behind a login: {dataset.url}",
    }
    how = f" {dataset.instructions}" if dataset.instructions else ""
    return f"{dataset.title} is {ways.get(dataset.access, dataset.url)} (licence: {dataset.licence}).{how}"


def _classes(task: Task, root: Path, clips: list[Clip]) -> tuple[str, ...]:
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
    fixed = next(filter(None, (reader.read_classes(root) for reader in task.dataset.readers)), ())
    strange = sorted(set(counts) - set(fixed))
    if fixed and strange:
        raise UsageError(f"{task.name}: label {strange[0]!r} is not among the dataset's classes: {', '.join(fixed)}")
    if len(counts) < (2 if task.labels == "single" else 1):
        raise UsageError(
            f"{task.name}: all {len(clips)} clips in {root} have the label {next(iter(counts), '')!r}; "
            + ("a task needs two classes or more" if task.labels == "single" else "a task needs a class")
        )
    single = sorted(label for label, count in counts.items() if count == 1)
    if single and task.labels == "single" and task.dataset.access == "own":
        raise UsageError(
            f"{task.name}: {'class' if len(single) == 1 else 'classes'} {', '.join(single[:5])}{' ...' * (len(single) > 5)} "
            "have one clip only, which cannot both train and test; give them more, join them, or leave them out"
        )
    return tuple(fixed) or tuple(sorted(counts))
