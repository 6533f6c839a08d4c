"""The data of a paper's tasks as far as it is on disk, and how to get what is not; no audio is read."""

from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets import manifest
from evaluator.datasets.dataset import Dataset
from evaluator.datasets.root import find_root
from evaluator.datasets.task import Task
from evaluator.errors import UsageError
from evaluator.reproduction import weights


@dataclass(frozen=True)
class TaskData:
    """What there is of a task's data: how many clips and their hash; or, as a sentence, what it lacks."""

    n_clips: int
    sha256: str
    lacks: str


class DataOnDisk:
    """The data of tasks as it lies on disk, clips listed once for each task; no audio is read."""

    def __init__(self, data: Path | None, cache: Path):
        self.data, self.cache = data, cache
        self.by_task: dict[tuple[str, str], TaskData] = {}

    def of(self, task: Task, profile: str) -> TaskData:
        """The data of a task."""
        key = (task.name, profile)
        if key not in self.by_task:
            self.by_task[key] = self._from_disk(task)
        return self.by_task[key]

    def _from_disk(self, task: Task) -> TaskData:
        """As `of`, from the disk. Data that is made here is not made for a plan."""
        if task.dataset.access == "made":
            return TaskData(0, "", "")
        n_clips = int(task.dataset.expected.get("clips") or 0)
        try:
            find_root(task.dataset, self.data, self.cache)
        except UsageError:
            return TaskData(n_clips, "", f"data: {how_to_get(task.dataset)}")
        try:
            clips = manifest.read(task, self.data, self.cache)
        except UsageError as error:
            return TaskData(n_clips, "", f"data: {error}")
        return TaskData(len(clips.clips), clips.sha256, "")


def how_to_get(dataset: Dataset) -> str:
    """Size and access of a dataset that is not here, and how to get it."""
    sizes = [part.bytes for item in dataset.download for part in item.parts]
    size = weights.about(sum(each or 0 for each in sizes))
    if any(sizes) and not all(sizes):
        size = f"at least {size.removeprefix('about ')}, not all sizes are known"
    how = {"open": "free to download", "request": "on request", "login": "behind a login"}.get(dataset.access, "")
    fetch = f"`hear-eval download`, or {dataset.url}" if dataset.download else dataset.url
    return f"{dataset.name} ({size}, {how}): {fetch}"
