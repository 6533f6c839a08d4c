"""Results that lie in a folder of results already: where those of a question are, and whether they are as they were written."""

import contextlib
from pathlib import Path
from typing import Any

from evaluator.errors import EvaluationError
from evaluator.files import safe_name
from evaluator.results.environment import with_environment
from evaluator.results.on_disk import is_edited, parsed, read
from evaluator.results.result import SCHEMA_VERSION, Result

REQUEST = "request_sha256"  # in `environment`: all that the result depends on (`experiment/request.py`)


def candidates(out: Path, module: str, task: str, protocol: str, profile: str) -> list[Path]:
    """The JSON files below `out` that can be of a question by their names, (n_files,), those first that were written last."""
    folder = out / safe_name(module) / safe_name(task)
    dated = []
    for path in folder.glob(f"{safe_name(protocol)}-{profile}-*.json"):
        with contextlib.suppress(OSError):  # it went away
            dated.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(dated, reverse=True)]


def document_of(path: Path) -> tuple[dict[str, Any], bool] | None:
    """What the JSON of a result holds, and whether it was edited; None if a program with another schema wrote it.

    Raises:
        EvaluationError: It is half a file.
    """
    document = parsed(path)
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        return None
    return with_environment(document), is_edited(document)


def find(paths: list[Path], request_sha256: str) -> tuple[Result, Path] | None:
    """The first result that was made by this very request, whole and as it was written; None if there is none.

    Its predictions are (n_times, n_clips, n_classes) for each fold, in single precision as files hold them.

    Args:
        paths: Where it could be.
        request_sha256: Of the request, 64 hex digits.
    """
    for path in paths:
        try:
            if request_sha256.encode() not in path.read_bytes():
                continue
            held = document_of(path)
            if held is None or held[1] or (held[0].get("environment") or {}).get(REQUEST) != request_sha256:
                continue
            return read(path), path
        except (EvaluationError, OSError):
            continue  # damaged: it is made again
    return None
