"""Runs that are done: whether a result of the very same run lies in the folder of results already."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.datasets.task import Task
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError
from evaluator.probes.protocol import Protocol
from evaluator.results import alike
from evaluator.results.caveats import Caveat
from evaluator.results.environment import versions
from evaluator.results.kept import candidates, document_of
from evaluator.results.on_disk import read
from evaluator.results.result import Result
from evaluator.scoring import intervals

MAX_DRIFT = 0.005  # of a score from that of its predictions, which are kept in single precision
UNKNOWN = "an unknown number"


@dataclass(frozen=True)
class Run:
    """One module on one task under one protocol.

    protocol: As the task adapts it.
    n_seeds: How often probes are trained, with seeds 0, 1, ...
    layers: Which layers are evaluated; "" for those of the protocol.
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
            [*module_identity(spec), self.task.name, self.protocol.name, self.protocol.profile],
            sort_keys=True,
            default=str,
        )


def module_identity(spec: ModuleSpec) -> tuple[str, str, dict[str, Any], str]:
    """Name, weights, options and interpreter: what distinguishes one module from another before it is loaded."""
    return spec.name, spec.weights, dict(spec.options), spec.python


@dataclass(frozen=True)
class FinishedScore:
    """The score of a finished run with its 95 % interval, in the metric's unit, and the file that says more.

    part: Which part of the dataset's clips was there, as `20 of 1697 clips`; "" if all were.
    caveats: Of the result.
    """

    value: float
    low: float
    high: float
    chosen: str
    path: Path
    part: str = ""
    caveats: Sequence[Caveat] = ()


def describe_part(task: Task, n_clips: int) -> str:
    """Which part of a task's clips `n_clips` are; "" if they are all, give or take what the dataset's file allows.

    Data that is made here or the user's own is taken for whole; other data whose file gives no size is of unknown size.
    """
    expected = task.dataset.expected.get("clips") or 0
    if not expected and task.dataset.access not in ("made", "own"):
        return f"{n_clips} clips of {UNKNOWN}"
    min_clips = expected - task.dataset.expected.get("tolerance", 0)
    return f"{n_clips} of {expected} clips" if n_clips < min_clips else ""


def score_of(result: Result, path: Path, part: str) -> FinishedScore:
    """The score of a result that lies at a path, and is of a part of the clips as `describe_part` says, with its caveats."""
    return FinishedScore(result.score, result.ci_low, result.ci_high, result.chosen, path, part, result.caveats)


def find_score(run: Run, out: Path, manifest_sha256: str) -> tuple[FinishedScore | None, list[str]]:
    """The newest result of a run below `out`, or None; and a sentence for each file in its place that is passed over.

    It has to have the run's module, weights, options, task, protocol, profile, layers and seeds, this version of the
    package, the same clips where the data is here to be compared, and the score that its predictions give. Not seen from here
    is whether a module's weights, code or audio changed under the same names.

    Args:
        run: The run.
        out: Folder of results.
        manifest_sha256: Of the clips that are on disk now; "" if there are none.
    """
    passed_over: list[str] = []
    for path in candidates(out, run.spec.name, run.task.name, run.protocol.name, run.protocol.profile):
        try:
            if score := _read(path, run, manifest_sha256):
                return score, passed_over
        except EvaluationError as error:
            passed_over.append(str(error))
    return None, passed_over


def _read(path: Path, run: Run, manifest_sha256: str) -> FinishedScore | None:
    """A result's score; None if it is of another run, or another version gave it.

    Raises:
        EvaluationError: It is half a file, or was edited.
    """
    held = document_of(path)
    if held is None:
        return None
    document, edited = held
    provenance = document.get("provenance")
    if not isinstance(provenance, dict) or not _is_of_run(document, provenance, run):
        return None
    if manifest_sha256 and provenance.get("manifest_sha256") != manifest_sha256:
        return None
    result = read(path)
    _refuse_another_score(result, path)
    if edited:
        raise EvaluationError(f"{path}: was edited after it was written; run it again")
    return score_of(result, path, describe_part(run.task, result.n_clips))


def _refuse_another_score(result: Result, path: Path) -> None:
    """Refuse a result whose score is not that of its predictions: somebody edited one of them."""
    try:
        by_predictions = intervals.mean_score(alike.tested(result), result.metric, result.over_folds)
    except EvaluationError as error:
        raise EvaluationError(f"{path}: its predictions give no score ({error}); run it again") from error
    same = math.isnan(result.score) == math.isnan(by_predictions)
    if not same or abs(result.score - by_predictions) > MAX_DRIFT * max(1.0, abs(by_predictions)):
        raise EvaluationError(
            f"{path}: score is {result.score:.4g}, but its predictions give {by_predictions:.4g}; run it again"
        )


def _is_of_run(document: Mapping[str, Any], provenance: Mapping[str, Any], run: Run) -> bool:
    seeds = list(range(run.n_seeds)) if provenance.get("follows_seeds", provenance.get("seeded", True)) else [0]
    expected = {
        "module": run.spec.name,
        "weights": run.spec.weights,
        "options": dict(run.spec.options),
        "task": run.task.name,
        "protocol": run.protocol.name,
        "profile": run.protocol.profile,
        "seeds": seeds,
    }
    expected_provenance = {
        "layers": run.layers or run.protocol.layers,
        "task_sha256": run.task.spec_sha256,
        "protocol_sha256": run.protocol.sha256,
    }
    environment = document["environment"]
    packages = environment.get("packages") if isinstance(environment, dict) else None
    version = packages.get("hear-ssl") if isinstance(packages, dict) else None
    return (
        all(document.get(name) == value for name, value in expected.items())
        and all(provenance.get(name) == value for name, value in expected_provenance.items())
        and version == versions().get("hear-ssl")
    )
