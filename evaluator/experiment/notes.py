"""Sentences that a reader of a score should know."""

from collections.abc import Mapping, Sequence
from typing import Any

from evaluator.check.check import counts
from evaluator.datasets import splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.embedding.extract import Extraction
from evaluator.experiment.probe_jobs import Judged
from evaluator.experiment.usable import notes
from evaluator.probes.protocol import Protocol
from evaluator.probes.settings import Network
from evaluator.scoring import intervals


def on_choice(judged: Mapping[Any, Judged], best: Judged, protocol: Protocol, layers: str) -> list[str]:
    """A sentence about what the score is of, if there was a choice."""
    if len(judged) == 1:
        return ["the module shows one layer only"] if layers == "all" and best.name == "" else []
    if len({which for which, _ in judged}) == 1:
        return [f"the score is of {best.name}; the others are in the curve"]
    if best.by_fold:
        return [
            f"each fold chose its layer by its validation clips: {', '.join(best.by_fold)}; the curve has all layers"
        ]
    how = "by its validation score in every fold" if protocol.choose_layer == "valid" else "by its TEST score"
    return [f"{best.name} was chosen {how}; the curve has all layers"]


def untrained(folds: Sequence[Fold], clips: Manifest) -> list[str]:
    """A sentence for each fold of a published dataset that tests what it does not train."""
    missing = {fold.name: splits.untrained(fold, clips.clips) for fold in folds}
    return [
        f"fold {name} tests {len(labels)} classes without a training clip, {labels[0]} for one"
        for name, labels in missing.items()
        if labels
    ]


def on_judge(task: Task, protocol: Protocol, enough_seeds: bool) -> list[str]:
    """What the probe did not do although it was asked to: weight classes where there are none, or train with every seed."""
    said = []
    if isinstance(protocol.probe, Network) and protocol.probe.class_weights != "none" and task.labels != "single":
        said.append("class weights are for tasks with one label a clip; here every label counts the same")
    if not enough_seeds:
        said.append(f"{protocol.name} draws nothing, so that one seed tells all")
    return said


def on_training(task: Task, trained_on: Mapping[str, str]) -> list[str]:
    """A sentence if the module says that its weights have heard sounds of this dataset.

    Args:
        task: The task.
        trained_on: What the module says (`Module.describe`).
    """
    if task.dataset.name not in trained_on:
        return []
    return [f"HEARD BEFORE: the module was trained on {trained_on[task.dataset.name]}; its score here flatters it"]


def on_clips(task: Task, clips: Manifest, folds: Sequence[Fold], extraction: Extraction) -> list[str]:
    """What stands out among the clips: silent and lengthened ones, classes without training, other counts than published."""
    found = [finding.what for finding in counts(task, clips) if finding.level != "note"]
    return [*notes(extraction, clips), *untrained(folds, clips), *found]


def on_interval(groups: Sequence[Sequence[str]]) -> list[str]:
    """What the interval draws; groups of each fold's test clips."""
    return [
        f"the interval draws {'groups of clips' if intervals.units(groups) else 'clips'}{intervals.why_not(groups)}"
    ]
