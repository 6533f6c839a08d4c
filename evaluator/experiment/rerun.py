"""The question of a result, asked again: module, options, layers, whole task, protocol and seeds, as the result has them."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from evaluator.datasets import moved
from evaluator.datasets import task as tasks
from evaluator.datasets.task import Task
from evaluator.embedding.precomputed import file_of
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from evaluator.experiment.options import RunOptions
from evaluator.experiment.run import RunRequest
from evaluator.module_names import PRECOMPUTED
from evaluator.probes import features
from evaluator.probes import protocol as protocols
from evaluator.probes.protocol import Protocol
from evaluator.results import equality
from evaluator.results.result import Result
from evaluator.results.robustness import DEGRADATION
from evaluator.vectors.reading import read_table
from evaluator.words import counted

_SHOWN = 5  # clips that a sentence names


@dataclass(frozen=True)
class Rerun:
    """What came of asking again.

    before, result: The result that was there, and the new one.
    differences: What differs, a sentence each; empty where they are equal.
    versions: Versions, devices and states of the code that differ, which decide nothing by themselves.
    path: Where the new result was written; None for nowhere.
    """

    before: Result
    result: Result
    differences: tuple[str, ...]
    versions: tuple[str, ...]
    path: Path | None = None

    @property
    def equal(self) -> bool:
        """Whether both are equal in everything but `environment` and `seconds`."""
        return not self.differences


def compared(before: Result, result: Result, path: Path | None) -> Rerun:
    """A result beside the one that was there, predictions (n_times, n_clips, n_classes) bit for bit.

    Args:
        before, result: The earlier one and the new one.
        path: Where the new one lies; None for nowhere.
    """
    differences = equality.differences(before, result)
    return Rerun(before, result, tuple(differences), tuple(equality.versions_between(before, result)), path)


def request_of(result: Result, options: RunOptions, python: str = "", timeout: float = 600.0) -> RunRequest:
    """What to run so that the very question of a result is asked again.

    Args:
        result: With the whole task and protocol; those of earlier versions are looked for by their names.
        options: Where data and cache lie, and the device; the rest is the result's.
        python: Another interpreter than the one that the module ran in.
        timeout: Seconds that one call of the module may take.

    Raises:
        UsageError: It is a fusion, or of an object that is gone; or the module's file, the task or its data is not to be found.
    """
    provenance, environment = result.provenance, result.environment
    if "fused" in provenance:
        raise UsageError(f"{result.module}: is made of other results; rerun those, and fuse them again")
    if DEGRADATION in provenance:
        raise UsageError(
            f"{result.module} on {result.task}: its clips were degraded on purpose; run hear-eval robustness again, which fits the probes of "
            "all levels together"
        )
    if provenance.get("session"):
        raise UsageError(
            f"{result.module}: was an object in Python, of which only its name is left; give it to ev.run again"
        )
    spec = ModuleSpec(
        name=_module(result),
        weights=result.weights,
        options=result.options,
        device=options.device,
        python=python or str(environment.get("module_python") or ""),
        timeout=timeout,
        allow_unrepeatable=any(each.kind == "unrepeatable" for each in result.caveats),
        in_process=environment.get("in_process") is True,
        kept_as=str(provenance.get("kept_as") or "float32"),
        table_folder=_table_folder(result),
    )
    task, protocol = _task(result, options.data), _protocol(result)
    layers = str(provenance.get("layers") or "")
    chosen = replace(
        options,
        data=None if task.dataset.root is not None else options.data or _data(environment),
        seed=int(provenance.get("seed") or 0),
        n_seeds=int(provenance.get("asked_seeds") or len(result.seeds)),
        layers="" if layers == features.parse(protocol.layers) else layers,
        allow_failed=math.ceil(1000 * result.n_failed / max(1, result.n_clips)) / 1000,
    )
    return RunRequest(spec, [(task, protocol)], chosen)


def _module(result: Result) -> str:
    """The module's name; refuse one that is a file which is not here."""
    for part in result.module.replace(":", "+").split("+"):
        if part.endswith(".py") and not Path(part).expanduser().is_file():
            folder = result.environment.get("working_directory")
            where = f"it was run in {folder}: go there" if folder else "go to the folder in which it lies"
            raise UsageError(f"{part}: there is no such file in {os.getcwd()}; {where}")
    return result.module


def _table_folder(result: Result) -> str:
    """Where the table of vectors lies that a result is of: "" for the working folder, else that in which it was run.

    Raises:
        UsageError: It is in neither.
    """
    if not result.module.startswith(PRECOMPUTED):
        return ""
    file, environment = file_of(result.module), result.environment
    folders = [os.getcwd(), *(str(environment.get(name) or "") for name in ("table_folder", "working_directory"))]
    places: dict[Path, str] = {}  # the first folder that leads to each
    for folder in filter(None, folders):
        places.setdefault((Path(folder) / file).resolve(), folder)
    there = [folder for place, folder in places.items() if place.exists()]
    if not there:
        where = " nor in ".join(dict.fromkeys(str(place.parent) for place in places))
        go = "" if file.is_absolute() else f", or go to the folder from which it is {file}"
        raise UsageError(f"{result.module}: there is no {file.name} in {where}; put the table there{go}")
    described = result.provenance.get("module")
    wanted = described.get("weights_sha256") if isinstance(described, Mapping) else None
    same = [folder for folder in there if len(there) > 1 and read_table(Path(folder) / file).sha256 == wanted]
    folder = [*same, *there][0]
    return "" if folder == os.getcwd() else folder


def _task(result: Result, data: Path | None) -> Task:
    """The task of a result; a user's own with its data where it lay, or in or below the folder `data`."""
    document = result.provenance.get("task")
    asked = str(result.environment.get("asked_task") or result.task)
    if not isinstance(document, Mapping):
        return _named_task(result, asked)
    if document.get("dataset", {}).get("access") != "own":
        return tasks.from_document(document)
    root = _own_folder(result, data)
    beside = root / PurePath(asked).name  # a table or YAML file; of a folder of recordings the folder itself
    path = asked if os.path.isabs(asked) and os.path.exists(asked) else str(beside if beside.exists() else root)
    return tasks.from_document(document, root, path)


def _own_folder(result: Result, data: Path | None) -> Path:
    """The folder of a user's own recordings: where they lay, or in or below the folder that is named now.

    Raises:
        UsageError: There is none, or recordings of test clips are not in it; the sentence has how many, and the first of them.
    """
    lay = _data(result.environment)
    clips = list(dict.fromkeys(name for fold in result.test_clips for name in fold))
    root = moved.find_folder(data, lay, result.provenance.get("task"), result.dataset, clips)
    if root is None or not root.is_dir():
        where = f"not in {root}" if root is not None else "in a folder that the result does not name"
        raise UsageError(f"{result.task}: its recordings are {where}; say with --data in which folder they are now")
    if gone := moved.missing(root, clips):
        more = f" and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else ""
        raise UsageError(
            f"{result.task}: recordings of {len(gone)} of its {counted(len(clips), 'test clips')} are not in {root}: "
            f"{', '.join(gone[:_SHOWN])}{more}; say with --data in which folder they are now"
        )
    return root


def _named_task(result: Result, asked: str) -> Task:
    """The task of a result of an earlier version, by its name."""
    profile = result.profile if result.profile in protocols.PROFILES else protocols.PROFILES[0]
    (task,) = catalogue.find(asked, profile)
    if result.hearing is not None:
        task = task.heard(result.hearing.channel, result.hearing.expand)
    if task.spec_sha256 != result.provenance.get("task_sha256"):
        raise UsageError(
            f"{asked}: the task is another one today than when the result was made by an earlier version, which kept only its hash "
            f"({result.provenance.get('task_sha256')!s:.12}, now {task.spec_sha256:.12})"
        )
    return task


def _protocol(result: Result) -> Protocol:
    document = result.provenance.get("protocol")
    asked = str(result.environment.get("asked_protocol") or result.protocol)
    if isinstance(document, Mapping):
        return protocols.from_document(document, asked if asked != result.protocol else "")
    return protocols.load(asked, result.profile)


def _data(environment: Mapping[str, Any]) -> Path | None:
    """Where the data lay, if the result says so."""
    data = str(environment.get("data") or "")
    return Path(data) if os.path.isabs(data) else None
