"""A result on disk: plain JSON that can be read without us, and the predictions beside it as `.npz`.

    OUT/MODULE/TASK/PROTOCOL-PROFILE-RUN.json and .npz

RUN is a hash of module, weights, options, layers, task, clips, protocol and seeds: the same run again replaces its own files only.
The JSON names the SHA-256 of the predictions, so that files of two runs are never taken for one.
"""

import hashlib
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from evaluator.embedding.store import write_whole
from evaluator.errors import EvaluationError
from evaluator.judging.metrics import METRICS
from evaluator.soundness import restored

SCHEMA_VERSION = 4
_ARRAYS = ("test_clips", "test_groups", "test_seconds", "test_targets", "test_probabilities", "test_events")


@dataclass(frozen=True)
class CurvePoint:
    """One of several features or settings that were judged: a layer, a number of shots.

    name: What it is called in words, such as `layer 3`; "" where there was only one.
    score, ci_low, ci_high: As those of a result.
    valid_score: On the validation clips, mean over folds; None where they have no say or no label.
    spread: Standard deviation of the score over the times that probes were trained (seeds, draws of shots); None for one.
    """

    name: str
    score: float
    ci_low: float
    ci_high: float
    valid_score: float | None
    spread: float | None


@dataclass(frozen=True)
class FoldResult:
    """One fold: its score, sizes in clips, and which epoch's weights, or which setting, was tested.

    Where probes were trained several times, the score is the mean; the rest is the first time's. `layer_shares` are the learned
    weights of `--layers weighted`, one a layer, sum 1.
    """

    name: str
    score: float
    n_train: int
    n_valid: int
    n_test: int
    chosen_epoch: int
    valid_score: float | None
    chosen: str = ""
    layer_shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class Result:
    """One (module, task, protocol): score, doubt, predictions and where they came from.

    Attributes:
        score, ci_low, ci_high: Mean over folds, in the metric's unit, and its bootstrap 95 % interval over clips, and over
            trainings if there are several.
        seeds, seed_scores: Seeds that the probes were trained with, and the score of each; their mean is `score`.
        spread: Standard deviation of the score over seeds, or over the draws of few shots; None if trained once.
        scores: Other scores of the same predictions, by name.
        chosen: Which of several features or settings the score is of, a name in `curve`; "" if there was only one. Where
            folds chose different ones for themselves, it says so, and each fold tells its own.
        curve: Everything that was judged, in order.
        failed: Clips that could not be used, with the reason.
        notes: Sentences a reader of the score should know.
        confusion: Counts, row = true class, column = predicted; None for multi-label tasks.
        seconds: Wall time by stage.
        provenance: Versions, hashes, seed, device, command, start time, and where the data lay.
        test_clips, test_groups, test_seconds, test_targets, test_probabilities: For each fold the test clips' names, their
            groups ("" for none), lengths in seconds (n_clips,), targets (n_clips, n_classes) and probabilities (n_times, n_clips, n_classes), n_times being
            how often probes were trained. For tasks that ask when: counts of each clip instead (`events.tally`).
        test_events: For such tasks, the events found in each fold the first time: (n_events, 4), place of the clip in the
            fold, place of the class, onset and offset in ms. Empty for others.
    """

    module: str
    weights: str
    options: dict[str, Any]
    task: str
    dataset: str
    protocol: str
    profile: str
    metric: str
    score: float
    ci_low: float
    ci_high: float
    seeds: list[int]
    seed_scores: list[float]
    spread: float | None
    scores: dict[str, float]
    chosen: str
    curve: list[CurvePoint]
    folds: list[FoldResult]
    n_clips: int
    n_failed: int
    n_silent: int
    failed: dict[str, str]
    notes: list[str]
    classes: list[str]
    confusion: list[list[int]] | None
    seconds: dict[str, float]
    provenance: dict[str, Any]
    test_clips: list[list[str]] = field(repr=False)
    test_groups: list[list[str]] = field(repr=False)
    test_seconds: list[np.ndarray] = field(repr=False)
    test_targets: list[np.ndarray] = field(repr=False)
    test_probabilities: list[np.ndarray] = field(repr=False)
    test_events: list[np.ndarray] = field(repr=False)
    schema_version: int = SCHEMA_VERSION

    @property
    def run(self) -> str:
        """Name of the run, 8 hex digits: equal for equal questions, whatever the answer."""
        return run_of(vars(self))


def run_of(fields: Mapping[str, Any]) -> str:
    """Name of the run of which these are the fields, by their names; for all that they tell of the question."""
    asked = [fields[name] for name in ("module", "weights", "options", "task", "protocol", "profile")]
    decides = ("seed", "n_seeds", "layers", "task_sha256", "protocol_sha256", "manifest_sha256", "fused_runs")
    asked += [fields["provenance"].get(name) for name in decides]
    return run_name(asked)


def run_name(asked: Any) -> str:
    """8 hex digits that stand for a question, equal for equal ones."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:8]


def write(result: Result, out: Path) -> Path:
    """Write JSON and predictions under `out`, whole; the JSON comes last, so that where it is, all is."""
    path = out / safe_name(result.module) / safe_name(result.task)
    path = path / f"{safe_name(result.protocol)}-{result.profile}-{result.run}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray] = {"folds": np.array([fold.name for fold in result.folds])}
    for number in range(len(result.folds)):
        arrays[f"clips_{number}"] = np.array(result.test_clips[number])
        arrays[f"groups_{number}"] = np.array(result.test_groups[number])
        arrays[f"seconds_{number}"] = result.test_seconds[number].astype(np.float32)
        arrays[f"targets_{number}"] = result.test_targets[number].astype(np.float32)
        arrays[f"probabilities_{number}"] = result.test_probabilities[number].astype(np.float32)
        if result.test_events:
            arrays[f"events_{number}"] = result.test_events[number]
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    write_whole(path.with_suffix(".npz"), packed.getvalue())
    plain = {name: value for name, value in asdict(result).items() if name not in _ARRAYS}
    plain["predictions_sha256"] = hashlib.sha256(packed.getvalue()).hexdigest()
    write_whole(path, (json.dumps(finite(plain), indent=1, allow_nan=False, default=str) + "\n").encode())
    return path


def read(path: Path) -> Result:
    """A result as it was written.

    Raises:
        EvaluationError: No such file, half a file, another schema, or its predictions are missing.
    """
    plain = of_this_schema(parsed(path), path)
    beside = path.with_suffix(".npz")
    try:
        predictions = beside.read_bytes()
        if hashlib.sha256(predictions).hexdigest() != plain.pop("predictions_sha256"):
            raise EvaluationError(f"{path}: {beside.name} is damaged or of another run; run it again")
        hints = get_type_hints(Result)
        fields: dict[str, Any] = {name: restored(hints[name], value, name) for name, value in plain.items()}
        result = Result(**fields | unpack(predictions, len(plain["folds"])))
        refuse_unsound(result)
        return result
    except (KeyError, TypeError) as error:
        raise EvaluationError(f"{path}: its fields are not those of a result ({error}); run it again") from error
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise EvaluationError(f"{path}: its predictions cannot be read ({error}); run it again") from error


def refuse_unsound(result: Result) -> None:
    """Refuse a result whose parts do not belong together.

    Raises:
        TypeError: The message says which.
    """
    if result.metric not in METRICS:
        raise TypeError(f"metric is {result.metric!r}, none that is known")
    n_classes = len(result.classes)
    confusion = result.confusion
    if confusion is not None and [len(row) for row in confusion] != [n_classes] * n_classes:
        raise TypeError(f"confusion is not {n_classes} x {n_classes}, as the classes are")
    for number, fold in enumerate(result.folds):
        clips, said = result.test_clips[number], result.test_probabilities[number]
        sizes = {len(result.test_groups[number]), len(result.test_seconds[number]), len(result.test_targets[number])}
        if said.ndim < 3 or sizes | {said.shape[1]} != {len(clips)}:
            raise TypeError(f"fold {fold.name} has {len(clips)} test clips, and other numbers of labels or predictions")
        if not all(np.issubdtype(each.dtype, np.number) for each in (said, result.test_targets[number])):
            raise TypeError(f"fold {fold.name} has predictions that are no numbers")


def parsed(path: Path) -> Any:
    """What the JSON of a result, or of anything else, holds.

    Raises:
        EvaluationError: No such file, or half a file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EvaluationError(f"{path}: there is no such result") from error
    except (OSError, ValueError, RecursionError) as error:
        raise EvaluationError(f"{path}: not a result, or half of one ({error}); run it again") from error


def of_this_schema(plain: Any, path: Path) -> dict[str, Any]:
    """The fields of a result, if it was written by a program like this one.

    Raises:
        EvaluationError: Another schema, or no result at all.
    """
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if version != SCHEMA_VERSION or not isinstance(plain, dict):
        raise EvaluationError(f"{path}: schema version {version!r}; this program reads {SCHEMA_VERSION}; run it again")
    return plain


def unpack(predictions: bytes, n_folds: int) -> dict[str, list[Any]]:
    """What is kept of each fold's test clips, from the bytes of an `.npz`."""
    with np.load(io.BytesIO(predictions), allow_pickle=False) as arrays:
        return {
            "test_clips": [arrays[f"clips_{n}"].tolist() for n in range(n_folds)],
            "test_groups": [arrays[f"groups_{n}"].tolist() for n in range(n_folds)],
            "test_seconds": [arrays[f"seconds_{n}"] for n in range(n_folds)],
            "test_targets": [arrays[f"targets_{n}"] for n in range(n_folds)],
            "test_probabilities": [arrays[f"probabilities_{n}"] for n in range(n_folds)],
            "test_events": [arrays[f"events_{n}"] for n in range(n_folds) if f"events_{n}" in arrays],
        }


def safe_name(name: str) -> str:
    """`name` as one folder's name; what is not a letter, digit, dot, dash or underscore becomes a dash and a hash."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name).strip(".") or "-"
    if safe == name or re.fullmatch(r"[a-z0-9_]+/[a-z0-9_]+", name):
        return safe
    return f"{safe[-80:]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def finite(value: Any) -> Any:
    """`value` with every NaN and infinity as None: JSON has no word for them."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
