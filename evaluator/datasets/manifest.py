"""The clips of a task: where its data lies, what is in it, and the order of its classes."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from evaluator.audio.clip import Clip
from evaluator.datasets import lookalikes, unused
from evaluator.datasets.intake import NOTHING, Intake, Tally
from evaluator.datasets.reading.folders import FoldersReader
from evaluator.datasets.reading.paths import PathsReader
from evaluator.datasets.reading.shape import RowShape
from evaluator.datasets.reading.table import TableReader
from evaluator.datasets.root import find_root
from evaluator.datasets.task import Task
from evaluator.errors import UsageError

__all__ = ["Clip", "Manifest", "read"]


@dataclass(frozen=True)
class Manifest:
    """All clips of a task.

    root: Folder that the clips' paths are relative to.
    clips: (n_clips,), in their natural order: the table's, or sorted by path.
    classes: Names of the labels, (n_classes,), as the dataset orders them, else sorted.
    intake: What lay there, what of it became clips, and why the rest did not: counts of files and rows.
    """

    root: Path
    clips: tuple[Clip, ...]
    classes: tuple[str, ...]
    intake: Intake = NOTHING

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
    tally = Tally()
    clips = [clip for reader in task.dataset.readers for clip in reader.read_clips(root, tally)]
    if len(task.dataset.readers) > 1:
        _refuse_overlap(clips)
    if task.dataset.access == "own" and tally.n("impossible_events"):
        raise UsageError(f"{task.name}: {tally.intake(len(clips)).differences[0].text}")
    classes = _classes(task, root, clips)
    _note_labels(task, clips, tally)
    if task.dataset.access == "own":
        _note_own(task, root, clips, tally)
    return Manifest(root, tuple(clips), classes, tally.intake(len(clips)))


def _note_labels(task: Task, clips: list[Clip], tally: Tally) -> None:
    """Note clips without any label, which nobody may have meant to be without all classes; windows may be so."""
    windows = any(isinstance(reader, RowShape) and reader.windows for reader in task.dataset.readers)
    if task.labels == "multi" and not windows:
        unlabelled = [clip.name for clip in clips if not clip.labels]
        tally.note("unlabelled_clips", "".join(unlabelled[:1]), len(unlabelled), str(len(clips)))


def _note_own(task: Task, root: Path, clips: list[Clip], tally: Tally) -> None:
    """Note what lies beside the clips, names that look alike, and what a table without a YAML file was taken for."""
    readers = task.dataset.readers
    by_path = [reader for reader in readers if isinstance(reader, FoldersReader | PathsReader)]
    unused.note(tally, root, clips, bool(by_path), any(isinstance(reader, FoldersReader) for reader in by_path))
    labels = Counter(label for clip in clips for label in clip.labels)
    lookalikes.note(tally, labels, clips)
    if len(clips) > 1 and len({clip.path for clip in clips}) == 1:
        tally.note("one_recording", clips[0].path, len(clips))
    if not task.by_table:
        return  # its columns and labels are as the user says
    several = [clip.name for clip in clips if len(clip.labels) > 1]
    tally.note("several_labels", "".join(several[:1]), len(several), str(len(clips)))
    tally.note("no_several_labels", "", len(clips) if task.labels == "multi" and not several else 0)
    for reader in readers:
        renamed = {} if not isinstance(reader, TableReader) else reader.renamed_columns
        words = ", ".join(f"{column} as {field}" for field, column in renamed.items())
        tally.note("columns_read_as", "", len(renamed), words)


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
    if not counts:
        raise UsageError(
            f"{task.name}: none of the {len(clips)} clips in {root} has a label, and a task needs a class; are the labels' files there?"
        )
    if len(counts) < 2 and task.labels == "single":
        raise UsageError(
            f"{task.name}: all {len(clips)} clips in {root} have the label {next(iter(counts))!r}; a task needs two classes or more"
        )
    single = sorted(label for label, count in counts.items() if count == 1)
    if single and task.labels == "single" and task.dataset.access == "own":
        raise UsageError(
            f"{task.name}: {'class' if len(single) == 1 else 'classes'} {', '.join(single[:5])}{' ...' * (len(single) > 5)} "
            f"{'has' if len(single) == 1 else 'have'} one clip only, and no other of its class to train with or to be compared "
            "with; give more, join classes, or leave them out"
        )
    return tuple(fixed) or tuple(sorted(counts))
