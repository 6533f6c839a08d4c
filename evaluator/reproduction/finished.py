"""Runs that are done: whether a result of the very same question lies in the folder of results already."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.embedding.spec import ModuleSpec
from evaluator.judging.protocol import Protocol
from evaluator.provenance import versions
from evaluator.results import SCHEMA_VERSION, safe_name
from evaluator.task import Task


@dataclass(frozen=True)
class Run:
    """One question for one module.

    protocol: As the task adapts it.
    n_seeds: How often probes are trained, with seeds 0, 1, ...
    layers: Which layers are judged; "" for those that the protocol says.
    """

    spec: ModuleSpec
    task: Task
    protocol: Protocol
    n_seeds: int
    layers: str

    @property
    def key(self) -> str:
        """Equal for equal runs, whichever rows and tables they stand in."""
        spec = self.spec
        return json.dumps(
            [*identity(spec), self.task.name, self.protocol.name, self.protocol.profile], sort_keys=True, default=str
        )


def identity(spec: ModuleSpec) -> tuple[str, str, dict[str, Any], str]:
    """What tells one module from another before it is loaded."""
    return spec.name, spec.weights, dict(spec.options), spec.python


@dataclass(frozen=True)
class Score:
    """The score of a finished run with its 95 % interval, in the metric's unit, and the file that says more.

    part: Which part of the dataset's clips was there, as `20 of 1697 clips`; "" if all were, or it is not known.
    """

    value: float
    low: float
    high: float
    chosen: str
    path: Path
    part: str = ""


def part(asked: Task, n_clips: int) -> str:
    """Which part of a task's clips `n_clips` are; "" if they are all, give or take what the dataset's file allows."""
    wanted = asked.dataset.expected.get("clips") or 0
    least = wanted - asked.dataset.expected.get("tolerance", 0)
    return f"{n_clips} of {wanted} clips" if n_clips < least else ""


def find(run: Run, out: Path, manifest_sha256: str) -> Score | None:
    """The newest result of a run below `out`, or None.

    It has to have the run's module, weights, options, task, protocol, profile, layers and seeds, this version of the
    package, and the same clips where the data is here to be compared. Not seen from here is whether a module's weights,
    code or audio changed under the same names.

    Args:
        run: The question.
        out: Folder of results.
        manifest_sha256: Of the clips that are on disk now; "" if there are none.
    """
    folder = out / safe_name(run.spec.name) / safe_name(run.task.name)
    pattern = f"{safe_name(run.protocol.name)}-{run.protocol.profile}-*.json"
    found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((score for path in found if (score := _read(path, run, manifest_sha256))), None)


def _read(path: Path, run: Run, manifest_sha256: str) -> Score | None:
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # half a file, or another program's: the run is done again
    if (
        not isinstance(said, dict)
        or said.get("schema_version") != SCHEMA_VERSION
        or not path.with_suffix(".npz").is_file()
    ):
        return None
    provenance = said.get("provenance")
    if not isinstance(provenance, dict) or not _answers(said, provenance, run):
        return None
    if manifest_sha256 and provenance.get("manifest_sha256") != manifest_sha256:
        return None
    numbers = [said.get(name) for name in ("score", "ci_low", "ci_high")]
    value, low, high = (float("nan") if number is None else float(number) for number in numbers)
    there = part(run.task, int(said.get("n_clips") or 0))
    return Score(value, low, high, str(said.get("chosen", "")), path, there)


def _answers(said: Mapping[str, Any], provenance: Mapping[str, Any], run: Run) -> bool:
    seeds = list(range(run.n_seeds)) if provenance.get("draws", True) else [0]
    asked = {
        "module": run.spec.name,
        "weights": run.spec.weights,
        "options": dict(run.spec.options),
        "task": run.task.name,
        "protocol": run.protocol.name,
        "profile": run.protocol.profile,
        "seeds": seeds,
    }
    decides = {
        "layers": run.layers or run.protocol.layers,
        "task_sha256": run.task.spec_sha256,
        "protocol_sha256": run.protocol.sha256,
    }
    packages = provenance.get("packages")
    version = packages.get("hear-ssl") if isinstance(packages, dict) else None
    return (
        all(said.get(name) == value for name, value in asked.items())
        and all(provenance.get(name) == value for name, value in decides.items())
        and version == versions().get("hear-ssl")
    )
