"""Which clips of a task can be used."""

from collections.abc import Mapping, Sequence

import numpy as np

from evaluator.audio.decode import AudioError
from evaluator.datasets.root import whereabouts
from evaluator.datasets.splits import Fold
from evaluator.embedding.extraction import Extraction
from evaluator.errors import EvaluationError
from evaluator.experiment.setup import Setup

LISTED_FAILURES = 10


def refuse_missing(setup: Setup, allowed: float) -> None:
    """Refuse, before anything is embedded, clips whose recording is not there: part of a dataset is not the dataset.

    Rows that the YAML leaves out (`leave_out`, or `on_disk` where data is published without some files) are no clips.

    Args:
        setup: The task, its clips and what their files hold.
        allowed: Share of the clips that may fail beside the known-bad ones, 0 to 1.

    Raises:
        EvaluationError: More clips lack their recording.
    """
    clips, dataset, root = setup.recordings.clips, setup.task.dataset, setup.recordings.manifest.root
    failed = {path for path, facts in setup.recordings.facts.items() if isinstance(facts, AudioError)}
    gone = {path for path in failed - set(dataset.known_bad) if not (root / path).exists()}
    lacking = [clip.path for clip in clips if clip.path in gone]
    share = len(lacking) / len(clips)
    if share > allowed:
        own = dataset.access == "own"
        get = "Mend their paths or get the files" if own else f"Get the whole dataset. {whereabouts(dataset)} Or"
        raise EvaluationError(
            f"{setup.task.name}: {len(lacking)} of {len(clips)} clips lack{'s' * (len(lacking) == 1)} the recording: {lacking[0]} for one is not there "
            f"(in {root.resolve()}). {get}{',' * own} leave them out (on_disk: true in a YAML file of your own), or admit them with "
            f"--allow-failed {rounded_up(share)}"
        )


def unreadable(setup: Setup, allowed: float) -> str:
    """What a run will fail for, as far as the files tell before anything is embedded: clips that cannot be read; "" if it will not.

    Args:
        setup, allowed: As those of `refuse_missing`.
    """
    clips, known_bad = setup.recordings.clips, set(setup.task.dataset.known_bad)
    reasons = {
        clip.name: str(facts)
        for clip in clips
        if isinstance(facts := setup.recordings.facts[clip.path], AudioError) and clip.path not in known_bad
    }
    if len(reasons) <= allowed * len(clips):
        return ""
    return (
        f"{setup.task.name}: {len(reasons)} of {len(clips)} clips cannot be read ({next(iter(reasons.values()))}): the others are embedded "
        f"and kept, but no module gets a score; mend them, or admit them with --allow-failed {rounded_up(len(reasons) / len(clips))}"
    )


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
        raise EvaluationError(
            f"{name}: none of its {len(clips)} clip{'s' * (len(clips) != 1)} can be used: {_first_of(failed)}"
        )
    if share > allowed:
        raise EvaluationError(
            f"{name}: {len(failed)} of {len(clips)} clips cannot be used; the others are embedded and "
            f"kept. {_way_out(failed, extraction)}, or admit them with --allow-failed {rounded_up(share)}: "
            f"{_first_of(failed)}"
        )


def rounded_up(share: float) -> str:
    """A share, 0 to 1, with three digits that are not less than it, as `--allow-failed` takes it."""
    return f"{np.ceil(share * 1000) / 1000:g}"


def _way_out(failed: Mapping[int, str], extraction: Extraction) -> str:
    """What to mend: the files that cannot be read, the table that lacks rows, or the module that refuses clips."""
    n_absent = len(extraction.absent & set(failed))
    if n_absent == len(failed):
        return "It is the table of vectors that has no rows of them, and not their files: add these rows to it"
    if n_absent:
        return (
            f"The table of vectors has no rows of {n_absent} of them: add these to it, and mend the files of the others"
        )
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
    """The fold over the rows of `good` clips only, its indices counting rows: (n_train,), (n_valid,) and (n_test,).

    Raises:
        EvaluationError: A part of the fold is left without clips.
    """
    row = {number: index for index, number in enumerate(good)}
    parts = {
        part: np.array([row[number] for number in getattr(fold, part).tolist() if number in row], dtype=np.int64)
        for part in ("train", "valid", "test")
    }
    for part in ("train", "test"):
        if len(getattr(fold, part)) and not len(parts[part]):
            raise EvaluationError(f"fold {fold.name}: no clip of its {part} part can be used")
    return Fold(name=fold.name, **parts)
