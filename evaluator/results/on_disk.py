"""A result on disk: plain JSON that can be read without us, and the predictions beside it as `.npz`.

    OUT/MODULE/TASK/PROTOCOL-PROFILE-RUN.json and .npz

RUN is a hash of module, weights, options, layers, task, clips, their audio, protocol and seeds: the same run again replaces its own
files only.
The JSON names the SHA-256 of the predictions, so that files of two runs are never taken for one, and the SHA-256 of all that
decides (`result_sha256`), so that an edit is seen.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.errors import EvaluationError, UsageError
from evaluator.files import finite, safe_name, sweep, write_whole, writing
from evaluator.results.environment import with_environment
from evaluator.results.from_json import hints_of, restored
from evaluator.results.result import SCHEMA_VERSION, Result
from evaluator.scoring.intervals import MEAN, POOLED
from evaluator.scoring.metrics import METRICS

OUTSIDE = ("environment", "seconds")  # fields that equal results may differ in
_NEWER_FIELDS = {"environment", "n_units", "group_scores"}  # which results of that schema do not have
_HASHES = ("predictions_sha256", "result_sha256")
_ARRAYS = ("test_clips", "test_groups", "test_seconds", "test_targets", "test_probabilities", "test_events")
_BEFORE = 5  # the schema of results whose interval is a bootstrap
_EDITED = {
    "kind": "edited",
    "text": "its file was edited after it was written: what it says is not what the run said; run it again",
}
_OLD_INTERVAL = {
    "kind": "old_interval",
    "text": "its interval is a bootstrap of an earlier version, too narrow where groups are few or named; run it again",
}


def write(result: Result, out: Path) -> Path:
    """Write JSON and predictions under `out`, whole; the JSON comes last, so that where it is, all is.

    Predictions are kept in single precision: probabilities (n_times, n_clips, n_classes) for each fold.
    """
    path = out / safe_name(result.module) / safe_name(result.task) / file_name(result)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **as_arrays(result))
    write_whole(path.with_suffix(".npz"), packed.getvalue())
    plain = as_json(result)
    plain["predictions_sha256"] = hashlib.sha256(packed.getvalue()).hexdigest()
    plain["result_sha256"] = sha256_of(plain)
    write_whole(path, (json.dumps(plain, indent=1, allow_nan=False) + "\n").encode())
    return path


def file_name(result: Result) -> str:
    """What the JSON file of a result is called."""
    return f"{safe_name(result.protocol)}-{result.profile}-{result.run}.json"


def as_json(result: Result) -> dict[str, Any]:
    """A result without its predictions as JSON holds it, NaN as null."""
    plain = {name: value for name, value in asdict(result).items() if name not in _ARRAYS}
    return dict(json.loads(json.dumps(finite(plain), allow_nan=False, default=str)))


def as_arrays(result: Result) -> dict[str, np.ndarray]:
    """A result's predictions as the file holds them: probabilities (n_times, n_clips, n_classes) float32 of each fold, and so on."""
    arrays: dict[str, np.ndarray] = {"folds": np.array([fold.name for fold in result.folds])}
    for number in range(len(result.folds)):
        arrays[f"clips_{number}"] = np.array(result.test_clips[number])
        arrays[f"groups_{number}"] = np.array(result.test_groups[number])
        arrays[f"seconds_{number}"] = result.test_seconds[number].astype(np.float32)
        arrays[f"targets_{number}"] = result.test_targets[number].astype(np.float32)
        arrays[f"probabilities_{number}"] = result.test_probabilities[number].astype(np.float32)
        if result.test_events:
            arrays[f"events_{number}"] = result.test_events[number]
    return arrays


def sha256_of(plain: dict[str, Any]) -> str:
    """SHA-256 over all that the JSON of a result holds, in any order, but for what is `OUTSIDE` and the hash itself."""
    decides = {name: value for name, value in plain.items() if name not in (*OUTSIDE, "result_sha256")}
    return hashlib.sha256(json.dumps(decides, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def is_edited(plain: dict[str, Any]) -> bool:
    """Whether a document says something else than what it was when it was written; earlier versions, by their fields, do not tell."""
    earlier = plain.get("schema_version") == _BEFORE and not _NEWER_FIELDS & set(plain)
    return not earlier and plain.get("result_sha256") != sha256_of(plain)


def read(path: Path, predictions: bool = True) -> Result:
    """A result as it was written.

    Args:
        path: Of its JSON.
        predictions: Whether what is kept of each test clip comes with it, such as probabilities (n_times, n_clips, n_classes) for
            each fold; without, its file is not opened, and these lists are empty.

    Raises:
        EvaluationError: No such file, half a file, another schema, or its predictions are missing.
    """
    plain = of_this_schema(parsed(path), path)
    beside = path.with_suffix(".npz")
    try:
        content = beside.read_bytes() if predictions else b""
        if predictions and hashlib.sha256(content).hexdigest() != plain["predictions_sha256"]:
            raise EvaluationError(f"{path}: {beside.name} is damaged or of another run; run it again")
        hints = hints_of(Result)
        fields: dict[str, Any] = {
            name: restored(hints[name], value, name) for name, value in plain.items() if name not in _HASHES
        }
        if not predictions:
            return Result(**fields | {name: [] for name in _ARRAYS})
        result = Result(**fields | _unpack(content, [fold["name"] for fold in plain["folds"]]))
        _refuse_unsound(result)
        return result
    except (KeyError, TypeError, OverflowError) as error:
        raise EvaluationError(f"{path}: its fields are not those of a result ({error}); run it again") from error
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise EvaluationError(f"{path}: its predictions cannot be read ({error}); run it again") from error


def paths_in(place: Path) -> list[Path]:
    """The JSON files of results at a place, (n_files,): itself, or those below a folder, sorted; JSON of other kinds is passed over.

    Half a file is among them: who reads it is told.

    Raises:
        UsageError: There is no such file or folder.
    """
    if not place.exists():
        raise UsageError(f"{place}: there is no such file or folder; give results, or folders that hold some")
    if not place.is_dir():
        return [place]
    return [path for path in sorted(place.rglob("*.json")) if _may_be_result(path)]


def _may_be_result(path: Path) -> bool:
    try:
        return is_result(parsed(path))
    except EvaluationError:
        return True


def is_result(document: Any) -> bool:
    """Whether what a JSON file holds is, or should be, a result: analyses and maps say their `kind`."""
    return isinstance(document, dict) and "schema_version" in document and "kind" not in document


def _refuse_unsound(result: Result) -> None:
    """Refuse a result whose parts do not belong together.

    Raises:
        TypeError: The message says which.
    """
    if result.metric not in METRICS:
        raise TypeError(f"metric is {result.metric!r}, none that is known")
    if result.over_folds not in (POOLED, MEAN):
        raise TypeError(f"over_folds is {result.over_folds!r}, neither {POOLED} nor {MEAN}")
    n_classes = len(result.classes)
    confusion = result.confusion
    if confusion is not None and [len(row) for row in confusion] != [n_classes] * n_classes:
        raise TypeError(f"confusion is not {n_classes} x {n_classes}, as the classes are")
    if len({len(fold) for fold in result.test_probabilities}) > 1:
        raise TypeError(f"folds have {', '.join(str(len(each)) for each in result.test_probabilities)} trainings each")
    for number, fold in enumerate(result.folds):
        clips, probabilities = result.test_clips[number], result.test_probabilities[number]
        sizes = {len(result.test_groups[number]), len(result.test_seconds[number]), len(result.test_targets[number])}
        if probabilities.ndim < 3 or sizes | {probabilities.shape[1]} != {len(clips)}:
            raise TypeError(f"fold {fold.name} has {len(clips)} test clips, and other numbers of labels or predictions")
        if not all(np.issubdtype(each.dtype, np.number) for each in (probabilities, result.test_targets[number])):
            raise TypeError(f"fold {fold.name} has predictions that are no numbers")
        if not 0 <= fold.point < len(result.curve):
            raise TypeError(f"fold {fold.name} has the point {fold.point} of a curve of {len(result.curve)}")


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
    """The fields of a result, if it was written by a program like this one or the one before; an edited one bears the caveat.

    Raises:
        EvaluationError: Another schema, or no result at all.
    """
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if version not in (_BEFORE, SCHEMA_VERSION) or not isinstance(plain, dict):
        raise EvaluationError(
            f"{path}: schema version {version!r}; this program reads {_BEFORE} and {SCHEMA_VERSION}; run it again"
        )
    fields = _of_the_schema_before(plain) if version == _BEFORE else plain
    if is_edited(plain) and isinstance(fields.get("caveats", []), list):
        fields = {**fields, "caveats": [*fields.get("caveats", []), _EDITED]}
    return with_environment(fields)


def _of_the_schema_before(plain: dict[str, Any]) -> dict[str, Any]:
    """The fields of a result whose interval is a bootstrap: its folds' scores were averaged. Comparisons do not use the interval."""
    folds, caveats = plain.get("folds"), plain.get("caveats", [])
    several = isinstance(folds, list) and len(folds) > 1
    return {
        **plain,
        "schema_version": SCHEMA_VERSION,
        "over_folds": MEAN if several else POOLED,
        "caveats": [*caveats, _OLD_INTERVAL] if isinstance(caveats, list) else caveats,
    }


def _unpack(predictions: bytes, folds: Sequence[str]) -> dict[str, list[Any]]:
    """What is kept of each fold's test clips, from the bytes of an `.npz`."""
    n_folds = len(folds)
    with np.load(io.BytesIO(predictions), allow_pickle=False) as arrays:
        if arrays["folds"].tolist() != list(folds):
            raise TypeError(f"its folds are {list(folds)}, but its predictions are of {arrays['folds'].tolist()}")
        return {
            "test_clips": [arrays[f"clips_{n}"].tolist() for n in range(n_folds)],
            "test_groups": [arrays[f"groups_{n}"].tolist() for n in range(n_folds)],
            "test_seconds": [arrays[f"seconds_{n}"] for n in range(n_folds)],
            "test_targets": [arrays[f"targets_{n}"] for n in range(n_folds)],
            "test_probabilities": [arrays[f"probabilities_{n}"] for n in range(n_folds)],
            "test_events": [arrays[f"events_{n}"] for n in range(n_folds) if f"events_{n}" in arrays],
        }
