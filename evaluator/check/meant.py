"""The protocol that data is meant for: how it divides clips, and what it cannot do with."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from evaluator.audio.clip import Clip
from evaluator.datasets import splits
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.errors import UsageError


@dataclass(frozen=True)
class Meant:
    """What a check has to know of the protocol that is meant.

    trains: Whether it trains a probe; one that does not needs no folds.
    refuse: Raises what a run would raise of clips that are divided so, (n_folds,): UsageError or EvaluationError.
    exclude: Where nothing is trained, which clips are never compared: `none`, those of one `recording`, or of one recording or `group`.
    """

    trains: bool
    refuse: Callable[[Sequence[Fold]], object]
    exclude: str = "none"


def divided(task: Task, clips: Sequence[Clip], meant: Meant | None) -> tuple[list[Fold], str]:
    """The folds of clips, (n_clips,), and why there are none; of a protocol that trains nothing only what it tests."""
    try:
        if meant is None or meant.trains:
            return splits.make(task.split, clips), ""
        none = np.zeros(0, np.int64)
        return [replace(fold, train=none, valid=none) for fold in splits.together(task.split, clips)], ""
    except UsageError as error:
        why = str(error)
    if meant is None:
        with suppress(UsageError):
            splits.together(task.split, clips)
            why = f"for protocols that train in folds: {why}. Those that train nothing need none: check for one with --protocol, such as retrieval"
    return [], why
