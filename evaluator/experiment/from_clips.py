"""Options of a module that a task's training clips decide, such as the mean and standard deviation of spectrograms.

A module of ours may have a function `options_from_clips` beside `load_model`. It is asked once for each task, before the module is
loaded, so that the store, other processes and results know the numbers that it gives. Of a single split the training clips decide; of
folds that take turns all clips do, without their labels, since a task has one embedding of each clip.

Source: nttcslab/byol-a, evaluate.py: the training part of a split, all files where folds take turns.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from evaluator.audio.decode import AudioError, FileFacts, listen
from evaluator.embedding.baselines import is_untrained
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.checked import Failure, Listed, RunRequest
from evaluator.experiment.setup import Setup

FROM_DATA = "data"


def settled(requests: Sequence[RunRequest], failed: Callable[[Failure], object]) -> list[RunRequest]:
    """The requests, (n_requests,), those whose module takes options from clips as one for each task, with the options that these come to.

    Args:
        requests: What is to be run.
        failed: Called with each task whose clips do not decide them.
    """
    made: list[RunRequest] = []
    for request in requests:
        decide = _function_of(request.spec)
        if decide is None:
            made.append(request)
            continue
        for question in request.questions:
            listed = Listed(question, request.options)
            try:
                for step in (listed.list_clips, listed.divide, lambda listed=listed: listed.look_at_files(False)):
                    step()
                values = _asked(request.spec, decide, listed.setup)
            except (UsageError, EvaluationError) as error:
                failed(Failure(request.spec, question, error))
                continue
            made.append(replace(request, spec=replace(request.spec, from_clips=values), questions=[question]))
    return made


def deciding_clips(setup: Setup) -> list[int]:
    """Numbers of the clips that decide, (n_clips,), in order.

    They are the training clips of one split, and all clips where folds take turns or nothing trains.
    """
    taken = [
        part
        for fold in setup.folds
        for part in ((fold.train, fold.valid, fold.test) if _hear_tested(setup) else (fold.train,))
    ]
    return sorted({number for part in taken for number in part.tolist()})


def note(spec: ModuleSpec, setup: Setup) -> Iterator[str]:
    """Which options clips decided, and whether test clips were among these; a sentence each."""
    n_clips = len(deciding_clips(setup))
    heard = (
        "clips of all folds, those that are tested among them, without labels"
        if _hear_tested(setup)
        else "training clips"
    )
    for name, value in spec.from_clips.items():
        yield f"{name}={spec.options[name]}: {', '.join(f'{number:.6g}' for number in value)}, of {n_clips} {heard}"


def _hear_tested(setup: Setup) -> bool:
    """Whether clips that are tested decide too: no other ones could for all folds."""
    return len(setup.folds) > 1 or not any(len(fold.train) for fold in setup.folds)


def _function_of(spec: ModuleSpec) -> Callable[..., dict[str, Any]] | None:
    """What decides the options of a module of ours from clips, where one of them is left to these; else None."""
    if FROM_DATA not in spec.options.values() or not spec.is_ours or spec.isolated:
        return None
    name = spec.name.partition(":")[2] if is_untrained(spec) else spec.name
    function: Callable[..., dict[str, Any]] | None = getattr(importlib.import_module(name), "options_from_clips", None)
    return function


def _asked(spec: ModuleSpec, decide: Callable[..., dict[str, Any]], setup: Setup) -> dict[str, Any]:
    """What the options come to for a task of (n_clips,) clips.

    Raises:
        UsageError: The module refuses its weights, its options or the clips.
    """
    try:
        return decide(spec.weights, dict(spec.options), lambda sample_rate: _heard(setup, sample_rate))
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(f"{spec.name} on {setup.task.name}: {error}") from error


def _heard(setup: Setup, sample_rate: int) -> Iterator[np.ndarray]:
    """The samples (n_samples,) of each deciding clip that can be read; the run itself tells of the others."""
    recordings = setup.recordings
    for number in deciding_clips(setup):
        clip = recordings.clips[number]
        facts = recordings.facts[clip.path]
        if isinstance(facts, FileFacts):
            try:
                heard = listen(recordings.manifest.root / clip.path, clip, recordings.rule, sample_rate, facts.sha256)
            except AudioError:
                continue
            yield heard.samples
