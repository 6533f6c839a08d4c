"""What a result records of a run, field by field."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.embedding.extract import Extraction
from evaluator.embedding.spec import ModuleSpec
from evaluator.experiment.probe_jobs import Judged
from evaluator.experiment.provenance import audio_sha256
from evaluator.experiment.task_targets import Question
from evaluator.probes.protocol import Protocol
from evaluator.results.result import FoldResult
from evaluator.scoring import metrics


def asked(spec: ModuleSpec, task: Task, protocol: Protocol) -> dict[str, Any]:
    """The fields of a result that say what was asked."""
    return {
        "module": spec.name,
        "weights": spec.weights,
        "options": dict(spec.options),
        "task": task.name,
        "dataset": task.dataset.name,
        "protocol": protocol.name,
        "profile": protocol.profile,
        "metric": task.metric,
    }


def scores(
    task: Task,
    seeds: Sequence[int],
    question: Question,
    folds: Sequence[Fold],
    judged: Mapping[Any, Judged],
    best: Judged,
    groups: Sequence[np.ndarray] | None,
) -> dict[str, Any]:
    """The fields of a result that say how well it went.

    Args:
        task, seeds, question, folds: What was asked, and of which clips.
        judged, best: All that was judged, and what stands for it.
        groups: Of the test clips of each fold, where groups are drawn for the intervals.
    """
    curve = {each.name: each.point(seeds[0], groups) for each in judged.values()}
    headline = curve.get(best.name) or best.point(seeds[0], groups)
    first = [fold[0] for fold in best.answers]
    return {
        "score": headline.score,
        "ci_low": headline.ci_low,
        "ci_high": headline.ci_high,
        "seeds": list(seeds),
        "seed_scores": by_seed(best.fold_scores, len(seeds)),
        "std": headline.std,
        "scores": question.scores(best.answers),
        "chosen": best.name,
        "curve": list(curve.values()),
        "folds": fold_results(folds, best),
        "confusion": metrics.confusion(best.tested()) if task.labels == "single" else None,
        "test_targets": best.targets,
        "test_probabilities": [said for _, said in best.tested()],
        "test_events": [answer.found for answer in first if answer.found is not None],
    }


def by_seed(scores: np.ndarray, n_seeds: int) -> list[float]:
    """Mean score of each seed; scores are (n_folds, n_times), the times of a seed beside each other."""
    means: list[float] = scores.mean(axis=0).reshape(n_seeds, -1).mean(axis=1).tolist()
    return means


def fold_results(folds: Sequence[Fold], judged: Judged) -> list[FoldResult]:
    """What is kept of each fold."""
    scores = judged.fold_scores.mean(axis=1)
    found = []
    layers = judged.by_fold or [""] * len(folds)
    for fold, score, outcomes, layer in zip(folds, scores.tolist(), judged.outcomes, layers, strict=True):
        sizes, first = (len(fold.train), len(fold.valid), len(fold.test)), outcomes[0]
        chosen = ", ".join(part for part in (layer, first.chosen) if part)
        found.append(FoldResult(fold.name, score, *sizes, first.chosen_epoch, first.valid_score, chosen, first.shares))
    return found


def used(clips: Manifest, extraction: Extraction) -> dict[str, Any]:
    """The fields of a result that say which clips there were, and what became of them."""
    return {
        "n_clips": len(clips.clips),
        "n_failed": len(extraction.failed),
        "n_silent": len(extraction.silent),
        "failed": {clips.clips[number].name: why for number, why in sorted(extraction.failed.items())},
        "classes": list(clips.classes),
    }


def sources(clips: Manifest, extraction: Extraction) -> dict[str, Any]:
    """Where the embeddings come from: hashes of labels and audio, and the folder that both were in."""
    return {
        "n_embedded": extraction.n_embedded,
        "manifest_sha256": clips.sha256,
        "audio_sha256": audio_sha256(extraction),
        "data": str(clips.root.resolve()),
    }


def groups_of(heard: Sequence[Clip], folds: Sequence[Fold]) -> list[list[str]]:
    """The group of each test clip, fold by fold; folds count places in `heard`."""
    return [[heard[row].group for row in fold.test] for fold in folds]


def tested(heard: Sequence[Clip], folds: Sequence[Fold], facts: Mapping[str, FileFacts | AudioError]) -> dict[str, Any]:
    """The fields of a result that say which clips were tested: names, groups and lengths, fold by fold."""
    return {
        "test_clips": [[heard[row].name for row in fold.test] for fold in folds],
        "test_groups": groups_of(heard, folds),
        "test_seconds": [seconds_of([heard[row] for row in fold.test], facts) for fold in folds],
    }


def seconds_of(clips: Sequence[Clip], facts: Mapping[str, FileFacts | AudioError]) -> np.ndarray:
    """Length of each clip before the protocol cuts it or fills it up, in seconds, (n_clips,)."""
    known = [facts[clip.path] for clip in clips]
    lengths = [
        decode.clip_seconds(fact, clip, ClipRule()) if isinstance(fact, FileFacts) else float("nan")
        for fact, clip in zip(known, clips, strict=True)
    ]
    return np.array(lengths, dtype=np.float32)
