"""How long the clips of tasks are."""

from collections.abc import Sequence
from pathlib import Path

from evaluator.audio import decode
from evaluator.check import check
from evaluator.datasets import manifest
from evaluator.datasets.task import Task
from evaluator.files import cache_folder


def lengths_of(tasks: Sequence[Task], data: Path | None, cache: Path | None) -> dict[str, list[float]]:
    """Lengths in seconds of the clips of each task's dataset, by its name."""
    lengths: dict[str, list[float]] = {}
    folder = cache_folder(cache)
    for task in tasks:
        clips = manifest.read(task, data, folder)
        facts = decode.file_facts(clips.root, [clip.path for clip in clips.clips], folder)
        lengths[task.dataset.name] = check.lengths(clips, facts)
    return lengths
