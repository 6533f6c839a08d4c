"""One module on one task under one protocol, from files to a result: the whole street on a page."""

import hashlib
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from evaluator import audio, judging, manifest, metrics, probe, splits, stats
from evaluator.audio import ClipRule
from evaluator.check import counts
from evaluator.errors import EvaluationError
from evaluator.extract import Extraction, extract
from evaluator.manifest import Manifest
from evaluator.module import Module, ModuleSpec
from evaluator.probe import ProbeJob, ProbeOutcome
from evaluator.protocol import Protocol
from evaluator.results import FoldResult, Result
from evaluator.splits import Fold
from evaluator.store import Store
from evaluator.task import Task

PACKAGES = ("hear-ssl", "torch", "transformers", "numpy", "scikit-learn", "soundfile", "soxr")
LISTED_FAILURES = 10
EVENTS_BY_CLIP = "judged by which events a clip holds, not yet by when they are heard"


@dataclass(frozen=True)
class Settings:
    """What a user may choose about a run, beside module, task and protocol.

    Attributes:
        data: Where the dataset lies; None for data that is made or knows its place.
        cache: Folder for embeddings and made data.
        device: Where probes train: "auto", "cpu", "cuda", ...
        seed: Of the probes' initial weights and batch order, and of the bootstrap.
        allow_failed: Share of clips that may be unreadable, 0 to 1, before scoring is refused.
        progress: Gives a progress bar: called with a title and a total, returns what is called at each step.
    """

    data: Path | None
    cache: Path
    device: str = "auto"
    seed: int = 0
    allow_failed: float = 0.0
    progress: Callable[[str, int], Callable[[int], object]] = lambda title, total: lambda n: None


def evaluate(spec: ModuleSpec, module: Module, task: Task, protocol: Protocol, settings: Settings) -> Result:
    """Score a module on a task.

    Args:
        spec: What the user asked for.
        module: The same, opened.
        task: The task.
        protocol: How embeddings are judged.
        settings: The rest.

    Raises:
        UsageError: The data is not there or does not fit the task.
        EvaluationError: More clips are unreadable than `settings.allow_failed` admits (what could be embedded is
            kept), or the module fails.
    """
    clock = Clock()
    clips = manifest.read(task, settings.data, settings.cache)
    folds = divide(task, clips)
    facts = audio.file_facts(clips.root, [clip.path for clip in clips.clips], settings.cache)
    store = Store(settings.cache, identity(spec, module.describe()))
    clock.lap("list")
    advance = settings.progress(f"{spec.name} {task.name}: clips", len(clips.clips))
    extraction = extract(module, clips, clip_rule(task, protocol), facts, store, advance)
    clock.seconds.update(extraction.seconds)
    refuse_failures(task, clips, extraction, settings.allow_failed)
    clock.restart()
    good = sorted(extraction.keys)
    features = store.read([extraction.keys[number] for number in good], protocol.view)
    targets = label_matrix(clips, good)
    usable = [restrict(fold, good) for fold in folds]
    jobs = [
        ProbeJob(0, fold.train, fold.valid, fold.test, seed=fold_seed(settings.seed, number))
        for number, fold in enumerate(usable)
    ]
    trained = settings.progress(f"{spec.name} {task.name}: probes", len(jobs) * judging.steps(protocol.judge))
    kind = "single" if task.labels == "single" else "multi"
    outcomes = judging.judged(jobs, [features], targets, kind, task.metric, protocol.judge, settings.device, trained)
    clock.lap("train")
    tested = [(targets[fold.test], outcome.test) for fold, outcome in zip(usable, outcomes, strict=True)]
    scored = [
        fold_result(fold, outcome, metrics.score(task.metric, *pair))
        for fold, outcome, pair in zip(usable, outcomes, tested, strict=True)
    ]
    groups = [[clips.clips[good[row]].group for row in fold.test] for fold in usable]
    units = stats.units(groups)
    low, high = stats.bootstrap_interval(tested, task.metric, seed=settings.seed, groups=units)
    clock.lap("score")
    return Result(
        module=spec.name,
        weights=spec.weights,
        options=dict(spec.options),
        task=task.name,
        dataset=task.dataset.name,
        protocol=protocol.name,
        profile=protocol.profile,
        metric=task.metric,
        score=float(np.mean([fold.score for fold in scored])),
        ci_low=low,
        ci_high=high,
        folds=scored,
        n_clips=len(clips.clips),
        n_failed=len(extraction.failed),
        n_silent=len(extraction.silent),
        failed={clips.clips[number].name: why for number, why in sorted(extraction.failed.items())},
        notes=[
            *notes(extraction, clips),
            *untrained(folds, clips),
            f"the interval draws {'groups of clips' if units else 'clips'}{stats.why_not(groups)}",
            *([EVENTS_BY_CLIP] if task.labels == "events" else []),
            *(finding.what for finding in counts(task, clips) if finding.level != "note"),
        ],
        classes=list(clips.classes),
        confusion=metrics.confusion(tested) if task.labels == "single" else None,
        seconds=clock.seconds,
        provenance={
            **provenance(clock, module, task, protocol, settings),
            "n_embedded": extraction.n_embedded,
            "manifest_sha256": clips.sha256,
            "audio_sha256": audio_sha256(extraction),
            "store": store.key,
        },
        test_clips=[[clips.clips[good[row]].name for row in fold.test] for fold in usable],
        test_groups=groups,
        test_targets=[true for true, _ in tested],
        test_probabilities=[probabilities for _, probabilities in tested],
    )


def divide(task: Task, clips: Manifest) -> list[Fold]:
    """The folds of a task; a user's own data has to train every class that it tests.

    Raises:
        UsageError: The split cannot be made, or leaves a part of the user's own data untrained.
    """
    folds = splits.make(task.split, clips.clips)
    if task.dataset.access == "own":
        splits.refuse_untrained(folds, clips.clips)
    return folds


def untrained(folds: Sequence[Fold], clips: Manifest) -> list[str]:
    """A sentence for each fold of a published dataset that tests what it does not train."""
    missing = {fold.name: splits.untrained(fold, clips.clips) for fold in folds}
    return [
        f"fold {name} tests {len(labels)} classes without a training clip, {labels[0]} for one"
        for name, labels in missing.items()
        if labels
    ]


def fold_seed(seed: int, fold: int) -> int:
    """Seed of a fold's probe: no fold of one run shares it with another fold of the next seed's run."""
    return int(np.random.SeedSequence((seed, fold)).generate_state(1)[0])


def fold_result(fold: Fold, outcome: ProbeOutcome, score: float) -> FoldResult:
    """What is kept of a fold."""
    sizes = (len(fold.train), len(fold.valid), len(fold.test))
    return FoldResult(fold.name, score, *sizes, outcome.chosen_epoch, outcome.valid_score, outcome.chosen)


def audio_sha256(extraction: Extraction) -> str:
    """SHA-256 over the audio of the clips as it was used, in their order; it changes with a file or the clip rule."""
    return hashlib.sha256(json.dumps(sorted(extraction.keys.items())).encode()).hexdigest()


def provenance(clock: "Clock", module: Module, task: Task, protocol: Protocol, settings: Settings) -> dict[str, Any]:
    """Where a score comes from: all that is needed to ask the very same question again."""
    return {
        "started": clock.started.isoformat(timespec="seconds"),
        "command": sys.argv[1:],
        "seed": settings.seed,
        "dataset_variant": task.dataset.variant,
        "task_profile": task.profile,
        "task_sha256": task.spec_sha256,
        "protocol_sha256": protocol.sha256,
        "module": module.describe(),
        "probe_device": probe.pick_device(settings.device),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions(),
    }


class Clock:
    """Wall time by stage, in seconds."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self.seconds: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        """Begin a stage now."""
        self.last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End the stage and begin the next."""
        now = time.perf_counter()
        self.seconds[stage] = now - self.last
        self.last = now


def identity(spec: ModuleSpec, described: Mapping[str, Any]) -> dict[str, Any]:
    """All that an embedding of this module depends on beside the clip.

    The weights count by their content; only where a module shows none, by what the user called them.
    """
    return {
        "module": Path(spec.name).name if spec.name.endswith(".py") else spec.name,
        "code": described["code"],
        "weights": described["weights_sha256"] or f"unknown content of {spec.weights!r}",
        "options": {name: spec.options[name] for name in sorted(spec.options)},
        "sample_rate": described["sample_rate"],
    }


def clip_rule(task: Task, protocol: Protocol) -> ClipRule:
    """How much of each clip is heard: the task's length, applied as the protocol says."""
    if protocol.clip == "whole" or task.clip_seconds is None:
        return ClipRule()
    return ClipRule(task.clip_seconds, pad=protocol.clip == "cut_and_pad")


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


def label_matrix(clips: Manifest, good: Sequence[int]) -> np.ndarray:
    """Targets of the good clips, (n_clips, n_classes), 1 where a clip has the label."""
    place = {label: column for column, label in enumerate(clips.classes)}
    targets = np.zeros((len(good), len(clips.classes)), np.float32)
    for row, number in enumerate(good):
        for label in clips.clips[number].labels:
            targets[row, place[label]] = 1
    return targets


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


def versions() -> dict[str, str]:
    """Versions of the packages that a number may depend on, those that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def as_line(result: Result) -> dict[str, Any]:
    """What `--json` prints of a result: one flat object."""
    wanted = [
        "module",
        "task",
        "protocol",
        "profile",
        "metric",
        "score",
        "ci_low",
        "ci_high",
        "n_clips",
        "n_failed",
        "n_silent",
        "seconds",
    ]
    fields = {name: getattr(result, name) for name in wanted}
    return {**fields, "folds": [asdict(fold) for fold in result.folds]}
