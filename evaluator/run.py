"""One module on one task under one protocol, from files to a result: the whole street on a page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluator import stats
from evaluator.datasets import audio, manifest, splits
from evaluator.datasets.audio import AudioError, FileFacts
from evaluator.datasets.check import counts
from evaluator.datasets.clip import Clip
from evaluator.datasets.clip_rule import ClipRule
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold
from evaluator.embedding.in_turn import Hearing, stored
from evaluator.embedding.matrix import Matrix
from evaluator.embedding.module import Module, ModuleSpec
from evaluator.embedding.usable import notes, refuse_failures, restrict
from evaluator.errors import UsageError
from evaluator.judging import dispatch, metrics, trials
from evaluator.judging.asking import adapted, ask, clip_rule, wanted
from evaluator.judging.dispatch import Said
from evaluator.judging.judge import Judge, Network, Shots
from evaluator.judging.protocol import Protocol
from evaluator.judging.questions import Question
from evaluator.judging.trials import Judged, Trial
from evaluator.provenance import Clock, audio_sha256, provenance
from evaluator.results import FoldResult, Result
from evaluator.task import Task


@dataclass(frozen=True)
class Settings:
    """What a user may choose about a run, beside module, task and protocol.

    Attributes:
        data: Where the dataset lies; None for data that is made or knows its place.
        cache: Folder for embeddings and made data.
        device: Where probes train: "auto", "cpu", "cuda", ...
        seed: Of the probes' initial weights and batch order, and of the bootstrap.
        n_seeds: How often probes are trained: with this seed, and the next ones.
        layers: Which layers are judged (`features.parse`); "" for those that the protocol says.
        allow_failed: Share of clips that may be unreadable, 0 to 1, before scoring is refused.
        progress: Gives a progress bar: called with a title and a total, returns what is called at each step.
    """

    data: Path | None
    cache: Path
    device: str = "auto"
    seed: int = 0
    n_seeds: int = 1
    layers: str = ""
    allow_failed: float = 0.0
    progress: Callable[[str, int], Callable[[int], object]] = lambda title, total: lambda n: None

    @property
    def seeds(self) -> list[int]:
        """The seeds that probes are trained with."""
        return list(range(self.seed, self.seed + self.n_seeds))


def evaluate(spec: ModuleSpec, module: Module, task: Task, protocol: Protocol, settings: Settings) -> Result:
    """Score a module on a task.

    Args:
        spec: What the user asked for.
        module: The same, opened.
        task: The task.
        protocol: How embeddings are judged.
        settings: The rest.

    Raises:
        UsageError: The data is not there or does not fit the task, or the module cannot answer the question.
        EvaluationError: More clips are unreadable than `settings.allow_failed` admits (what could be embedded is
            kept), or the module fails.
    """
    clock = Clock()
    protocol = adapted(task, protocol)
    layers, views = wanted(module, spec.name, task, protocol, settings.layers)
    clips = manifest.read(task, settings.data, settings.cache)
    folds = divide(task, clips)
    refuse_unscorable(task, folds, clips)
    facts = audio.file_facts(clips.root, [clip.path for clip in clips.clips], settings.cache)
    clock.lap("list")
    hearing = Hearing(task.name, clips, clip_rule(task, protocol), facts)
    store, extraction = stored(spec, module, views, hearing, settings.cache, settings.progress)
    clock.seconds.update(extraction.seconds)
    refuse_failures(task, clips, extraction, settings.allow_failed)
    clock.restart()
    good = sorted(extraction.keys)
    usable = [restrict(fold, good) for fold in folds]
    heard = [clips.clips[number] for number in good]
    question, matrices, candidates = ask(
        task, protocol, layers, store, [extraction.keys[n] for n in good], heard, clips
    )
    seeds = settings.seeds if draws(protocol.judge) else settings.seeds[:1]
    jobs = trials.plan(question, usable, candidates, seeds, trials.file_order(clips.clips)[good])
    said = train(f"{spec.name} {task.name}: probes", jobs, matrices, question, protocol, settings)
    clock.lap("train")
    judged = trials.collect(jobs, said, question, usable, candidates)
    best = trials.choose(judged, protocol.judge, protocol.choose_layer)
    groups = [[heard[row].group for row in fold.test] for fold in usable]
    scored = scores(task, seeds, question, usable, judged, best, stats.units(groups))
    clock.lap("score")
    return Result(
        **asked(spec, task, protocol),
        **scored,
        n_clips=len(clips.clips),
        n_failed=len(extraction.failed),
        n_silent=len(extraction.silent),
        failed={clips.clips[number].name: why for number, why in sorted(extraction.failed.items())},
        notes=[
            *notes(extraction, clips),
            *untrained(folds, clips),
            f"the interval draws {'groups of clips' if stats.units(groups) else 'clips'}{stats.why_not(groups)}",
            *how_chosen(judged, best, protocol, layers),
            *unweighted(task, protocol.judge),
            *([f"{protocol.name} draws nothing, so that one seed tells all"] if len(seeds) < settings.n_seeds else []),
            *(finding.what for finding in counts(task, clips) if finding.level != "note"),
        ],
        classes=list(clips.classes),
        seconds=clock.seconds,
        provenance={
            **provenance(clock, module, task, protocol, settings.device),
            "seed": settings.seed,
            "n_seeds": len(seeds),
            "draws": draws(protocol.judge),  # whether another seed would tell otherwise
            "layers": layers,
            "n_embedded": extraction.n_embedded,
            "manifest_sha256": clips.sha256,
            "audio_sha256": audio_sha256(extraction),
            "store": store.key,
            "data": str(clips.root.resolve()),
        },
        test_clips=[[heard[row].name for row in fold.test] for fold in usable],
        test_groups=groups,
        test_seconds=[seconds_of([heard[row] for row in fold.test], facts) for fold in usable],
    )


def seconds_of(clips: Sequence[Clip], facts: Mapping[str, FileFacts | AudioError]) -> np.ndarray:
    """Length of each clip before the protocol cuts it or fills it up, in seconds, (n_clips,)."""
    known = [facts[clip.path] for clip in clips]
    lengths = [
        audio.clip_seconds(fact, clip, ClipRule()) if isinstance(fact, FileFacts) else float("nan")
        for fact, clip in zip(known, clips, strict=True)
    ]
    return np.array(lengths, dtype=np.float32)


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
        "spread": headline.spread,
        "scores": question.scores(best.answers),
        "chosen": best.name,
        "curve": list(curve.values()),
        "folds": fold_results(folds, best),
        "confusion": metrics.confusion(best.tested()) if task.labels == "single" else None,
        "test_targets": best.targets,
        "test_probabilities": [said for _, said in best.tested()],
        "test_events": [answer.found for answer in first if answer.found is not None],
    }


def train(
    title: str,
    jobs: Sequence[Trial],
    matrices: Sequence[Matrix],
    question: Question,
    protocol: Protocol,
    settings: Settings,
) -> list[Said]:
    """What the protocol's judge says of every job."""
    asked = [trial.job for trial in jobs]
    advance = settings.progress(title, dispatch.steps(asked, protocol.judge))
    return dispatch.judged(
        asked, matrices, question.targets, protocol.judge, protocol.standardise, settings.device, advance
    )


def unweighted(task: Task, judge: Judge) -> list[str]:
    """A sentence if the judge weights classes and the task gives it none to weight."""
    if isinstance(judge, Network) and judge.class_weights != "none" and task.labels != "single":
        return ["class weights are for tasks with one label a clip; here every label counts the same"]
    return []


def draws(judge: Judge) -> bool:
    """Whether a judge's answer depends on the seed."""
    return isinstance(judge, (Network, Shots))


def by_seed(scores: np.ndarray, n_seeds: int) -> list[float]:
    """Mean score of each seed; scores are (n_folds, n_times), the times of a seed beside each other."""
    means: list[float] = scores.mean(axis=0).reshape(n_seeds, -1).mean(axis=1).tolist()
    return means


def how_chosen(judged: Mapping[Any, Judged], best: Judged, protocol: Protocol, layers: str) -> list[str]:
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


def divide(task: Task, clips: Manifest) -> list[Fold]:
    """The folds of a task; a user's own data has to train every class that it tests.

    Raises:
        UsageError: The split cannot be made, or leaves a part of the user's own data untrained.
    """
    folds = splits.make(task.split, clips.clips)
    if task.dataset.access == "own":
        splits.refuse_untrained(folds, clips.clips)
    return folds


def refuse_unscorable(task: Task, folds: Sequence[Fold], clips: Manifest) -> None:
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


def untrained(folds: Sequence[Fold], clips: Manifest) -> list[str]:
    """A sentence for each fold of a published dataset that tests what it does not train."""
    missing = {fold.name: splits.untrained(fold, clips.clips) for fold in folds}
    return [
        f"fold {name} tests {len(labels)} classes without a training clip, {labels[0]} for one"
        for name, labels in missing.items()
        if labels
    ]


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
        "chosen",
        "seed_scores",
        "spread",
        "scores",
        "n_clips",
        "n_failed",
        "n_silent",
        "seconds",
    ]
    fields = {name: getattr(result, name) for name in wanted}
    listed = {name: [asdict(each) for each in getattr(result, name)] for name in ("curve", "folds")}
    return {**fields, **listed}
