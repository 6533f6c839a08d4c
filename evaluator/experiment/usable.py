"""Which clips of a task can be used, and what has to be said about the others."""

from collections.abc import Mapping, Sequence

import numpy as np

from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.embedding.extract import Extraction
from evaluator.errors import EvaluationError

LISTED_FAILURES = 10


def refuse_failures(task: Task, clips: Manifest, extraction: Extraction, allowed: float) -> None:
    """Refuse to score on a silently smaller set.

    Raises:
        EvaluationError: More clips failed than the known-bad ones and the share allowed.
    """
    known_bad = set(task.dataset.known_bad)
    failed = {n: why for n, why in extraction.failed.items() if clips.clips[n].path not in known_bad}
    share = len(failed) / len(clips.clips)
    if not extraction.keys:
        raise EvaluationError(f"{task.name}: none of its {len(clips.clips)} clips can be used: {first_of(failed)}")
    if share > allowed:
        raise EvaluationError(
            f"{task.name}: {len(failed)} of {len(clips.clips)} clips cannot be used; the others are embedded and "
            f"kept. Mend these files, or admit them with --allow-failed {np.ceil(share * 1000) / 1000:g}: "
            f"{first_of(failed)}"
        )


def first_of(failed: Mapping[int, str]) -> str:
    """The first failures, one a line."""
    lines = [f"\n  {failed[number]}" for number in sorted(failed)[:LISTED_FAILURES]]
    rest = len(failed) - len(lines)
    return "".join(lines) + (f"\n  and {rest} more" if rest > 0 else "")


def restrict(fold: Fold, good: Sequence[int]) -> Fold:
    """The fold over the rows of `good` clips only, its indices counting rows.

    Raises:
        EvaluationError: A part of the fold is left without clips.
    """
    row = {number: place for place, number in enumerate(good)}
    parts = {
        part: np.array([row[number] for number in getattr(fold, part).tolist() if number in row], dtype=np.int64)
        for part in ("train", "valid", "test")
    }
    for part in ("train", "test"):
        if not len(parts[part]):
            raise EvaluationError(f"fold {fold.name}: no clip of its {part} part can be used")
    return Fold(name=fold.name, **parts)


def notes(extraction: Extraction, clips: Manifest) -> list[str]:
    """What a reader of the score should know about how the clips went through."""
    said = list(extraction.notes)
    if extraction.silent:
        first = clips.clips[extraction.silent[0]].name
        said.append(f"{len(extraction.silent)} clips are silent (all samples 0), {first} for one; they are counted")
    if extraction.padded:
        said.append(
            f"{len(extraction.padded)} clips were zero-padded because the module refuses them as they are, "
            f"{clips.clips[extraction.padded[0]].name} for one"
        )
    return said
