"""One module on one task under one protocol, from files to a result: the whole street on a page."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluator.audio import decode
from evaluator.datasets import manifest, splits
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold
from evaluator.datasets.task import Task
from evaluator.embedding.in_turn import Hearing, stored
from evaluator.embedding.matrix import Matrix
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment import notes, probe_jobs, record
from evaluator.experiment.probe_jobs import Trial
from evaluator.experiment.provenance import Clock, provenance
from evaluator.experiment.setup import adapted, ask, clip_rule, wanted
from evaluator.experiment.task_targets import Question
from evaluator.experiment.usable import refuse_failures, restrict
from evaluator.probes import fit
from evaluator.probes.fit import Said
from evaluator.probes.protocol import Protocol
from evaluator.probes.settings import Network, Probe, Shots
from evaluator.results.result import Result
from evaluator.scoring import intervals


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
    facts = decode.file_facts(clips.root, [clip.path for clip in clips.clips], settings.cache)
    clock.lap("list")
    hearing = Hearing(task.name, clips, clip_rule(task, protocol), facts)
    store, extraction = stored(spec, module, views, hearing, settings.cache, settings.progress)
    clock.seconds.update(extraction.seconds)
    refuse_failures(task, clips, extraction, settings.allow_failed)
    clock.restart()
    good = sorted(extraction.keys)
    usable = [restrict(fold, good) for fold in folds]
    heard = [clips.clips[number] for number in good]
    keys = [extraction.keys[number] for number in good]
    question, matrices, candidates = ask(task, protocol, layers, store, keys, heard, clips)
    seeds = settings.seeds if draws(protocol.probe) else settings.seeds[:1]
    jobs = probe_jobs.plan(question, usable, candidates, seeds, probe_jobs.file_order(clips.clips)[good])
    said = train(f"{spec.name} {task.name}: probes", jobs, matrices, question, protocol, settings)
    clock.lap("train")
    judged = probe_jobs.collect(jobs, said, question, usable, candidates)
    best = probe_jobs.choose(judged, protocol.probe, protocol.choose_layer)
    groups = record.groups_of(heard, usable)
    scored = record.scores(task, seeds, question, usable, judged, best, intervals.units(groups))
    clock.lap("score")
    return Result(
        **record.asked(spec, task, protocol),
        **scored,
        **record.used(clips, extraction),
        notes=[
            *notes.on_training(task, module.describe()["trained_on"]),
            *notes.on_clips(task, clips, folds, extraction),
            *notes.on_interval(groups),
            *notes.on_choice(judged, best, protocol, layers),
            *notes.on_judge(task, protocol, enough_seeds=len(seeds) == settings.n_seeds),
        ],
        seconds=clock.seconds,
        provenance={
            **provenance(clock, module, task, protocol, settings.device),
            **record.sources(clips, extraction),
            "seed": settings.seed,
            "n_seeds": len(seeds),
            "draws": draws(protocol.probe),  # whether another seed would tell otherwise
            "layers": layers,
            "store": store.key,
        },
        **record.tested(heard, usable, facts),
    )


def train(
    title: str,
    jobs: Sequence[Trial],
    matrices: Sequence[Matrix],
    question: Question,
    protocol: Protocol,
    settings: Settings,
) -> list[Said]:
    """What the protocol's probe says of every job."""
    asked = [trial.job for trial in jobs]
    advance = settings.progress(title, fit.steps(asked, protocol.probe))
    return fit.judged(asked, matrices, question.targets, protocol.probe, protocol.standardise, settings.device, advance)


def draws(probe: Probe) -> bool:
    """Whether a probe's answer depends on the seed."""
    return isinstance(probe, (Network, Shots))


def divide(task: Task, clips: Manifest) -> list[Fold]:
    """The folds of a task; a user's own data has to train every class that it tests.

    Raises:
        UsageError: The split cannot be made, or leaves a part of the user's own data untrained.
    """
    folds = splits.make(task.split, clips.clips)
    if task.dataset.access == "own":
        splits.refuse_untrained(folds, clips.clips)
    refuse_unscorable(task, folds, clips)
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
        "std",
        "scores",
        "n_clips",
        "n_failed",
        "n_silent",
        "seconds",
    ]
    fields = {name: getattr(result, name) for name in wanted}
    listed = {name: [asdict(each) for each in getattr(result, name)] for name in ("curve", "folds")}
    return {**fields, **listed}
