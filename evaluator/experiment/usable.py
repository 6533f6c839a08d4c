"""Which clips of a task can be used."""

from collections.abc import Mapping, Sequence

import numpy as np

from evaluator.datasets.splits import Fold
from evaluator.embedding.extraction import Extraction
from evaluator.errors import EvaluationError
from evaluator.experiment.setup import Setup

LISTED_FAILURES = 10


def refuse_failures(setup: Setup, extraction: Extraction, allowed: float) -> None:
    """Refuse to score on a silently smaller set.

    Args:
        setup: The task and its clips.
        extraction: What became of the clips.
        allowed: Share of the clips that may fail beside the known-bad ones, 0 to 1.

    Raises:
        EvaluationError: More clips failed.
    """
    clips, name = setup.recordings.clips, setup.task.name
    known_bad = set(setup.task.dataset.known_bad)
    failed = {n: why for n, why in extraction.failed.items() if clips[n].path not in known_bad}
    share = len(failed) / len(clips)
    if not extraction.keys:
        raise EvaluationError(f"{name}: none of its {len(clips)} clips can be used: {_first_of(failed)}")
    if share > allowed:
        raise EvaluationError(
            f"{name}: {len(failed)} of {len(clips)} clips cannot be used; the others are embedded and "
            f"kept. {_way_out(failed, extraction)}, or admit them with --allow-failed {np.ceil(share * 1000) / 1000:g}: "
            f"{_first_of(failed)}"
        )


def _way_out(failed: Mapping[int, str], extraction: Extraction) -> str:
    """What to mend: the files that cannot be read, or the module that refuses clips."""
    refused = [number for number in sorted(failed) if number in extraction.refused]
    log = next((extraction.refused[number] for number in refused if extraction.refused[number]), "")
    traceback = f" (traceback in {log})" if log else ""
    if not refused:
        return "Mend these files"
    if len(refused) == len(failed):
        return f"It is the module that fails on them, not their files: mend it{traceback}"
    return f"The module fails on {len(refused)} of them: mend it{traceback} and the files of the others"


def _first_of(failed: Mapping[int, str]) -> str:
    """The first failures, one a line."""
    lines = [f"\n  {failed[number]}" for number in sorted(failed)[:LISTED_FAILURES]]
    rest = len(failed) - len(lines)
    return "".join(lines) + (f"\n  and {rest} more" if rest > 0 else "")


def restrict(fold: Fold, good: Sequence[int]) -> Fold:
    """The fold over the rows of `good` clips only, its indices counting rows, (n,) each.

    Raises:
        EvaluationError: A part of the fold is left without clips.
    """
    row = {number: index for index, number in enumerate(good)}
    parts = {
        part: np.array([row[number] for number in getattr(fold, part).tolist() if number in row], dtype=np.int64)
        for part in ("train", "valid", "test")
    }
    for part in ("train", "test"):
        if not len(parts[part]):
            raise EvaluationError(f"fold {fold.name}: no clip of its {part} part can be used")
    return Fold(name=fold.name, **parts)
