"""A task under a protocol, prepared once for any number of modules: clips, folds, file facts and clip rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip_rule import ClipRule
from evaluator.datasets import manifest, splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.recordings import Recordings
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.errors import UsageError
from evaluator.experiment.targets import label_matrix
from evaluator.probes.protocol import Protocol
from evaluator.scoring.metrics import METRICS


@dataclass(frozen=True)
class Setup:
    """A task under a protocol.

    The clip rule is in seconds, times of events in ms.

    protocol: As the task adapts it.
    recordings: The clips, how much of each is used, and what their files hold.
    folds: Which clips train, choose and test, by their numbers; empty for a part of the clips. Where nothing is trained and the split tests
        each clip once, one fold that tests all clips.
    """

    task: Task
    protocol: Protocol
    recordings: Recordings
    folds: tuple[Fold, ...]

    @property
    def metric(self) -> str:
        """Name of the score that stands for the whole: the task's, or that of a protocol without training."""
        return (*self.protocol.probe.measures, self.task.metric)[0]

    @property
    def tested_folds(self) -> tuple[Fold, ...]:
        """The folds that a probe is fitted in, of clips by their numbers (n_clips,): where nothing is trained, all tested clips together."""
        if not self.protocol.probe.measures:
            return self.folds
        none = np.zeros(0, np.int64)
        return (Fold("all", none, none, np.unique(np.concatenate([fold.test for fold in self.folds]))),)


Pick = Callable[[Manifest, Sequence[Fold]], Sequence[int]]
"""From a task's clips and folds to the numbers of the clips that are wanted, in order."""


def set_up(
    task: Task, protocol: Protocol, data: Path | None, cache: Path, pick: Pick | None = None, rehash: bool = False
) -> Setup:
    """Read and check a task's clips, (n_clips,), and divide them; no module is needed, and no audio is decoded.

    Args:
        task, protocol: What is asked.
        data: Where the dataset lies; None for data that is made or knows its place.
        cache: Folder for made data and for facts about files.
        pick: Chooses some of the clips; nothing is trained on them then, and the setup has no folds.
        rehash: Whether to read every file anew, whatever is remembered of it.

    Raises:
        UsageError: The data is not there, does not fit the task, or cannot be divided so; or the protocol does not fit.
    """
    listed = list_clips(task, protocol, data, cache)
    if pick is None:
        return with_facts(divide(listed), cache, rehash)
    clips = listed.recordings.manifest
    chosen = pick(clips, splits.make(task.split, clips.clips))
    clips = replace(clips, clips=tuple(clips.clips[number] for number in chosen))
    return with_facts(replace(listed, recordings=replace(listed.recordings, manifest=clips)), cache, rehash)


def list_clips(task: Task, protocol: Protocol, data: Path | None, cache: Path) -> Setup:
    """The first of three steps of `set_up`: (n_clips,) clips, read and checked, without folds and what their files hold.

    Arguments and errors are as those of `set_up`.
    """
    protocol = adapted(task, protocol)
    clips = manifest.read(task, data, cache)
    return Setup(task, protocol, Recordings(task.name, clips, clip_rule(task, protocol), {}), ())


def divide(setup: Setup) -> Setup:
    """The second step: the clips divided into folds, as far as something is trained.

    Raises:
        UsageError: They cannot be divided so, or what would be tested has no labels.
    """
    clips, trains = setup.recordings.manifest, not setup.protocol.probe.measures
    try:
        folds = (splits.make if trains else splits.together)(setup.task.split, clips.clips)
        if trains and setup.task.dataset.access == "own":
            splits.refuse_untrained(folds, clips.clips)  # in a published dataset it is told as a caveat
    except UsageError as error:
        raise UsageError(f"{setup.task.name}: {error}") from error
    _refuse_unscorable(setup.task, folds, clips)
    return replace(setup, folds=tuple(folds))


def with_facts(setup: Setup, cache: Path, rehash: bool = False) -> Setup:
    """The third step: what the clips' files hold, in frames and Hz; arguments as those of `set_up`."""
    clips = setup.recordings.manifest
    facts = decode.file_facts(clips.root, [clip.path for clip in clips.clips], cache, rehash)
    return replace(setup, recordings=replace(setup.recordings, facts=facts))


def adapted(task: Task, protocol: Protocol) -> Protocol:
    """The protocol with what the task changes of its suite's own one.

    Raises:
        UsageError: The task has events, and the protocol evaluates whole clips; or the other way round.
    """
    if protocol.name == task.protocol:
        protocol = protocol.adapted(task.probe, task.events, task.name)
    if task.labels == "events" and not protocol.events:
        raise UsageError(
            f"{task.name}: its labels are events with times, and the protocol {protocol.name} evaluates whole clips; take "
            "--protocol hear"
        )
    if METRICS[task.metric].of_events != (task.labels == "events"):
        raise UsageError(f"{task.name}: the metric {task.metric} does not fit its labels, which are {task.labels}")
    return protocol


def clip_rule(task: Task, protocol: Protocol) -> ClipRule:
    """What of each clip is used: the task's length in seconds of life, channel and pace, applied as the protocol says."""
    seconds = None if protocol.clip == "whole" else task.clip_seconds
    if seconds is not None and task.expand is not None:
        seconds *= task.expand
    pad = protocol.clip == "cut_and_pad" and seconds is not None
    return ClipRule(seconds, pad, protocol.min_seconds, protocol.fill, protocol.peak, task.channel, task.expand)


def refuse_targets(setup: Setup) -> None:
    """Refuse, before the work, a task whose (n_clips,) clips, all of them, are not what the probe can be fitted to, or scored on.

    Raises:
        UsageError: The probe is not for such labels, or a fold tests none.
        EvaluationError: A class has too few training clips, or a measure finds nothing among the tested ones.
    """
    _refuse_unscorable(setup.task, setup.folds, setup.recordings.manifest)
    if setup.task.labels == "events":
        setup.protocol.probe.refuse("events", [], [])
        return  # frames are known once a module gave them
    manifest = setup.recordings.manifest
    values = label_matrix([clip.labels for clip in manifest.clips], manifest.classes)
    sizes = [values[fold.train].sum(axis=0) for fold in setup.folds]
    setup.protocol.probe.refuse(setup.task.labels, sizes, [values[fold.test].any(axis=0) for fold in setup.folds])
    if setup.protocol.probe.measures:
        (together,) = setup.tested_folds
        tested = [manifest.clips[number] for number in together.test.tolist()]
        setup.protocol.probe.refuse_tested(
            values[together.test], [clip.path for clip in tested], [clip.group for clip in tested]
        )


def _refuse_unscorable(task: Task, folds: Sequence[Fold], clips: Manifest) -> None:
    """Refuse, before the work, to score test clips without any label or event.

    Raises:
        UsageError: A fold has only such ones.
    """
    for fold in folds:
        tested = [clips.clips[number] for number in fold.test.tolist()]
        if not any(clip.events if task.labels == "events" else clip.labels for clip in tested):
            what = "an event" if task.labels == "events" else "a label"
            raise UsageError(
                f"{task.name}: none of the {len(tested)} test clips of fold {fold.name} has {what}; change the split"
            )
