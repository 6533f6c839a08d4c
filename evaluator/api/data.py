"""The data of tasks: fetched, and held against what was published."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from evaluator.api import inputs
from evaluator.api.inputs import Tasks
from evaluator.check import check
from evaluator.check.issue import LEVELS, Issue
from evaluator.check.meant import Meant
from evaluator.datasets import manifest
from evaluator.datasets.dataset import Dataset
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.download import download
from evaluator.embedding.embed import Progress, no_progress
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment import guessing
from evaluator.experiment import setup as setups
from evaluator.experiment.setup import Setup
from evaluator.files import writable_folder, write_whole
from evaluator.probes.protocol import Protocol


def check_tasks(
    tasks: Tasks,
    *,
    protocol: str | Path | Protocol | None = None,
    profile: str = "clean",
    channel: str | int | None = None,
    expand: float | None = None,
    data: str | Path | None = None,
    cache: str | Path | None = None,
    rehash: bool = False,
    progress: Progress = no_progress,
    on_issue: Callable[[Task, Issue], object] = lambda task, issue: None,
) -> dict[str, list[Issue]]:
    """What is missing, broken, doubled or leaking in the data of tasks, by task, the gravest first.

    Every clip is decoded once; lengths are in seconds, rates in Hz. An issue tells of all places of its kind, and names the first 100.

    Args:
        tasks: By name or path, or as found by `find_tasks`.
        protocol: The one that is meant, where the data is to be enough for it alone: what `run` refuses of clips and folds is an error;
            None for any, of which those that train nothing need no folds.
        profile, channel, expand, data, cache, rehash, progress: As in `run`.
        on_issue: Called with each issue as soon as it is found, and its task.

    Raises:
        UsageError: There is no such task or protocol, the protocol is not for its labels, or its data is not there.

    >>> issues = check_tasks("demo/calls")["demo/calls"]
    >>> [issue.level for issue in issues if issue.level == "error"]
    []
    """
    folder, where = inputs.folder_of_cache(cache), inputs.folder_of_data(data)
    issues: dict[str, list[Issue]] = {}
    for task in inputs.tasks_of(tasks, profile, channel, expand):
        meant = None
        if protocol is None:
            clips = manifest.read(task, where, folder)
        else:
            setup = setups.list_clips(task, inputs.protocol_of(protocol, task, profile), where, folder)
            clips, meant = setup.recordings.manifest, _meant(setup)
        found = []
        for issue in check.check(task, clips, folder, progress(task.name, len(clips.clips)), rehash, meant):
            found.append(issue)
            on_issue(task, issue)
        issues[task.name] = sorted(found, key=lambda issue: LEVELS.index(issue.level))
    return issues


def _meant(setup: Setup) -> Meant:
    """What a check has to know of a setup's protocol; what that refuses of (n_folds,) folds is asked as a run asks it."""

    def refuse(folds: Sequence[Fold]) -> None:
        setups.refuse_targets(dataclasses.replace(setup, folds=tuple(folds)))

    probe = setup.protocol.probe
    return Meant(not probe.measures, refuse, getattr(probe, "exclude", "none"))  # clusters are of all clips


def write_task(source: str | Path, out: str | Path | None = None, *, replace: bool = False) -> Path:
    """Write the YAML file of the task that a user's folder or table most likely is, with comments; gives its path.

    Of files named like `robin/anna_1.wav`, what clearly is an individual becomes the group that no split divides. Times are in
    seconds. No audio is decoded.

    Args:
        source: Folder of recordings, or a table that names them.
        out: The file; if None, SOURCE.yaml beside it.
        replace: Whether a file that is there is replaced.

    Raises:
        UsageError: There is no such folder or table, it could be several tasks, or the file is there already.

    >>> rows = ["path,start,end,label", "tone.wav,0,.2,a", "tone.wav,.2,.4,b", "noise.wav,0,.2,b", "noise.wav,.2,.4,a"]
    >>> _ = Path("calls.csv").write_text("\\n".join(rows))
    >>> write_task("calls.csv").name
    'calls.yaml'
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise UsageError(f"{path}: there is no such folder or table")
    whole_path = path.resolve()
    file = (
        Path(out).expanduser()
        if out
        else whole_path.parent / f"{whole_path.stem if path.is_file() else whole_path.name}.yaml"
    )
    if file.exists() and not replace:
        raise UsageError(f"{file}: is there already; give another file with --out, or --force to replace it")
    task, clips, remarks = guessing.guess(path)
    text = guessing.as_yaml(task, clips, remarks, guessing.relative(clips.root, file), str(source))
    writable_folder("--out", file.parent)
    write_whole(file, text.encode())
    return file


def download_tasks(
    tasks: Tasks,
    *,
    profile: str = "clean",
    data: str | Path = "data",
    keep_archives: bool = False,
    progress: Progress = no_progress,
    on_failure: Callable[[Dataset, Exception], object] = lambda dataset, error: None,
) -> dict[str, Path]:
    """Fetch the datasets of tasks, each once, verified; gives the folder of each that is ready.

    Args:
        tasks: By name, or as found by `find_tasks`.
        profile, progress: As in `run`; the total is in bytes.
        data: Folder in which each dataset gets one of its own.
        keep_archives: Whether archives stay once they are unpacked.
        on_failure: Called with each dataset that cannot be fetched, and why; the others go on.

    Raises:
        UsageError: There is no such task.
        EvaluationError: Some dataset could not be fetched; the sentence names all of them.

    >>> download_tasks("demo/calls")  # it is made here, so that there is nothing to fetch
    {}
    """
    ready: dict[str, Path] = {}
    failed: list[str] = []
    for dataset in datasets_of(inputs.tasks_of(tasks, profile)):
        if nothing_to_fetch(dataset):
            continue
        folder = Path(data) / dataset.name
        try:
            list(download.fetch(dataset.download, writable_folder("--data", folder), progress, keep_archives))
            ready[dataset.name] = folder
        except (UsageError, EvaluationError) as error:
            on_failure(dataset, error)
            failed.append(f"{dataset.name}: {error}")
    if failed:
        raise EvaluationError("; ".join(failed))
    return ready


def datasets_of(tasks: list[Task]) -> Iterator[Dataset]:
    """The datasets of tasks, (n_datasets,), each once, in the order of the tasks."""
    yield from {each.dataset.name: each.dataset for each in tasks}.values()


def nothing_to_fetch(dataset: Dataset) -> Any:
    """Whether a dataset is made here, the user's own, or to be had by other ways only."""
    return dataset.access in ("made", "own") or not dataset.download
