"""A module on a task whose test clips are made worse, step by step: probes are fitted once to clean clips, and tested on all.

Every degraded copy of the test clips is embedded like any other clips, under keys of its own (`audio/degradation.py`), and becomes a
result of its own. The probes that are tested on it are the very same, so that nothing but the sound differs from the clean result. On
request, training clips are degraded as well; then each step has its own probes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from evaluator.audio.degradation import Degradation
from evaluator.embedding.extraction import Extraction
from evaluator.embedding.precomputed import UNCHANGING
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.evaluation import Choice, choose
from evaluator.experiment.experiment import Embedded, Experiment, embed, prepare
from evaluator.experiment.fit import Fitted, Probed, fit, fit_probes
from evaluator.experiment.options import RunOptions
from evaluator.experiment.provenance import Clock
from evaluator.experiment.record import record
from evaluator.experiment.score import score
from evaluator.experiment.setup import Setup
from evaluator.module_names import PRECOMPUTED
from evaluator.probes.jobs import Outcomes
from evaluator.results.caveats import Caveat
from evaluator.results.result import Result
from evaluator.results.robustness import CLEAN, DEGRADATION, DEGRADED


@dataclass(frozen=True)
class Step:
    """One degradation of a task's clips, embedded.

    experiment: Of the clips that are degraded: those that are tested, or all.
    numbers: Their numbers among the task's clips, in order.
    clock: How long embedding took, in seconds.
    """

    degradation: Degradation
    experiment: Experiment
    numbers: list[int]
    embedded: Embedded
    clock: Clock


@dataclass(frozen=True)
class Robustness:
    """The results of a module on one task: of the clean clips, of each degradation in order, (n_degraded,), and which failed, and why."""

    clean: Result
    degraded: list[Result]
    failures: list[tuple[Degradation, EvaluationError]]


def refuse(setup: Setup, degradations: Sequence[Degradation]) -> None:
    """Refuse, before a module is opened, what cannot be asked of a task of (n_clips,) clips.

    Raises:
        UsageError: Stretches of clips whose labels are events with times; or nothing is asked, or something twice.
    """
    if setup.protocol.probe.measures:
        raise UsageError(
            f"{setup.task.name}: the protocol {setup.protocol.name} trains no probe that could be tested on degraded clips; take another, such as "
            "--protocol logistic"
        )
    if not degradations:
        raise UsageError(f"{setup.task.name}: no degradation is asked for; give levels, such as --snr 20 10 0")
    twice = [each.title for number, each in enumerate(degradations) if each in degradations[:number]]
    if twice:
        raise UsageError(f"{twice[0]}: is asked for twice; give each level once")
    lengths = [each.title for each in degradations if each.kind == "length"]
    if lengths and setup.task.labels == "events":
        raise UsageError(
            f"{setup.task.name}: its labels are events with times, which stretches of a clip ({lengths[0]}) would move or lose; leave --length out"
        )


def run(
    spec: ModuleSpec,
    module: Module,
    setup: Setup,
    degradations: Sequence[Degradation],
    options: RunOptions,
    training: str = CLEAN,
) -> Robustness:
    """Score an open module on the clean and on the degraded clips of a task that is set up, (n_clips,).

    Args:
        spec, module, setup, options: As for `experiment.run.run`.
        degradations: What is done to the clips, one at a time.
        training: `CLEAN`, or `DEGRADED`: whether training and validation clips are degraded like the test clips.

    Raises:
        UsageError: The module, the task or the probe cannot do what is asked.
        EvaluationError: Too many of the clean clips are unreadable, or the module or the training fails. What fails of one
            degradation is among the failures.
    """
    refuse(setup, degradations)
    if spec.name.startswith(PRECOMPUTED):
        raise UsageError(f"{spec.name}: {UNCHANGING}")
    experiment, clock = prepare(spec, module, setup, options.layers), Clock()
    embedded = _embed(experiment, module, options)
    clock.lap_embedding(embedded.extraction)
    steps, failures = _steps(experiment, module, degradations, options, training)
    clock.restart()
    if training == DEGRADED:
        fitted, of_steps = (
            fit(experiment, embedded, options),
            [fit(each.experiment, each.embedded, options) for each in steps],
        )
    else:
        fitted, of_steps = _fit_once(experiment, embedded, steps, options)
    clock.lap("fit")
    clean = _recorded(experiment, module, embedded, fitted, options, clock)
    degraded = []
    for step, its in zip(steps, of_steps, strict=True):
        step.clock.restart()
        extraction = _beside(embedded.extraction, step)
        whole = replace(experiment, setup=_degraded(setup, step.degradation))
        result = _recorded(whole, module, replace(step.embedded, extraction=extraction), its, options, step.clock)
        degraded.append(_told(result, clean, step, embedded.extraction, training))
    return Robustness(clean, degraded, failures)


def _embed(experiment: Experiment, module: Module, options: RunOptions) -> Embedded:
    return embed(experiment, module, options.cache, options.progress, options.allow_failed, options.workers)


def _degraded(setup: Setup, degradation: Degradation) -> Setup:
    """The setup with all of its clips degraded."""
    rule = replace(setup.recordings.rule, degradation=degradation)
    name = f"{setup.recordings.name}, {degradation.title}"
    return replace(setup, recordings=replace(setup.recordings, name=name, rule=rule))


def _steps(
    experiment: Experiment, module: Module, degradations: Sequence[Degradation], options: RunOptions, training: str
) -> tuple[list[Step], list[tuple[Degradation, EvaluationError]]]:
    """The degraded clips, embedded; and what failed."""
    setup, steps, failures = experiment.setup, [], []
    every = range(len(setup.recordings.clips))
    tested = sorted({number for fold in setup.folds for number in fold.test.tolist()})
    numbers = list(every) if training == DEGRADED else tested
    for degradation in degradations:
        whole, clock = _degraded(setup, degradation), Clock()
        manifest = whole.recordings.manifest
        clips = tuple(manifest.clips[number] for number in numbers)
        part = replace(whole, recordings=replace(whole.recordings, manifest=replace(manifest, clips=clips)))
        its = replace(experiment, setup=whole if training == DEGRADED else part)
        try:
            embedded = _embed(its, module, options)
        except EvaluationError as error:
            failures.append((degradation, error))
            continue
        clock.lap_embedding(embedded.extraction)
        steps.append(Step(degradation, its, numbers, embedded, clock))
    return steps, failures


def _fit_once(
    experiment: Experiment, embedded: Embedded, steps: Sequence[Step], options: RunOptions
) -> tuple[Fitted, list[Fitted]]:
    """Probes fitted to clean clips, tested on these and on every degraded copy: (n_clips,) clips, one copy behind the other."""
    setup, n = experiment.setup, len(experiment.setup.recordings.clips)
    keys = dict(embedded.extraction.keys)
    for copy, step in enumerate(steps, start=1):
        keys |= {copy * n + step.numbers[row]: key for row, key in step.embedded.extraction.keys.items()}
    manifest = replace(setup.recordings.manifest, clips=setup.recordings.clips * (1 + len(steps)))
    firsts = [copy * n for copy in range(1 + len(steps))]
    folds = tuple(replace(fold, test=np.concatenate([fold.test + first for first in firsts])) for fold in setup.folds)
    copies = replace(setup, recordings=replace(setup.recordings, manifest=manifest), folds=folds)
    embedded.store.want(keys.values())  # each step had its own view of it
    embedded.store.verify(keys.values())
    probed = fit_probes(
        replace(experiment, setup=copies), replace(embedded, extraction=Extraction(keys=keys)), options, n_ordered=n
    )
    copy_of_row = np.array([number // n for number in sorted(keys)])
    parts = [_tested_on(probed, copy_of_row == copy) for copy in range(1 + len(steps))]
    evaluations = [part.evaluations() for part in parts]
    choice = choose(evaluations[0], setup.protocol.probe, setup.protocol.choose_layer)
    chosen = {id(each): key for key, each in evaluations[0].items()}
    fitted = [  # what stands for the clean result stands for all
        part.fitted(its, Choice([its[chosen[id(each)]] for each in choice.by_fold]))
        for part, its in zip(parts, evaluations, strict=True)
    ]
    return fitted[0], fitted[1:]


def _tested_on(probed: Probed, is_tested: np.ndarray) -> Probed:
    """The same probes, tested on some of their test clips only.

    Args:
        probed: Probes and their predictions.
        is_tested: Of each clip, (n_rows,).

    Raises:
        EvaluationError: A fold is left without test clips.
    """
    masks, folds = [], []
    for fold in probed.folds:
        kept = is_tested[fold.test]
        if not kept.any():
            raise EvaluationError(f"fold {fold.name}: no clip of its test part can be used")
        sizes = [len(probed.targets.rows(np.array([clip]))) for clip in fold.test]
        masks.append(np.repeat(kept, sizes))
        folds.append(replace(fold, test=fold.test[kept]))

    def part(outcomes: Outcomes, mask: np.ndarray) -> Outcomes:
        return {
            setting: [replace(each, test=each.test[mask]) for each in repeated]
            for setting, repeated in outcomes.items()
        }

    outcomes = [part(each, masks[job.job.fold]) for job, each in zip(probed.jobs, probed.outcomes, strict=True)]
    return replace(probed, folds=folds, outcomes=outcomes)


def _beside(clean: Extraction, step: Step) -> Extraction:
    """What became of all clips of the task, (n_clips,): of those that were degraded there, of the others as they are."""
    done, numbers = step.embedded.extraction, step.numbers
    others = set(numbers)

    def both(of_clean: Iterable[int], of_step: Iterable[int]) -> list[int]:
        return sorted([*(n for n in of_clean if n not in others), *(numbers[row] for row in of_step)])

    kinds = {*clean.odd, *done.odd}
    return replace(
        done,
        keys={n: key for n, key in clean.keys.items() if n not in others} | _renumbered(done.keys, numbers),
        failed={n: why for n, why in clean.failed.items() if n not in others} | _renumbered(done.failed, numbers),
        refused={n: log for n, log in clean.refused.items() if n not in others} | _renumbered(done.refused, numbers),
        silent=both(clean.silent, done.silent),
        padded=both(clean.padded, done.padded),
        odd={kind: both(clean.odd.get(kind, ()), done.odd.get(kind, ())) for kind in kinds},
    )


def _renumbered(values: dict[int, str], numbers: Sequence[int]) -> dict[int, str]:
    return {numbers[row]: value for row, value in values.items()}


def _recorded(
    experiment: Experiment, module: Module, embedded: Embedded, fitted: Fitted, options: RunOptions, clock: Clock
) -> Result:
    """The result of probes that were tested, with predictions (n_times, n_clips, n_classes) for each fold."""
    scores = score(fitted, experiment.setup.recordings.manifest.classes)
    clock.lap("score")
    return record(experiment, module, embedded, fitted, scores, options, clock)


def _told(result: Result, clean: Result, step: Step, before: Extraction, training: str) -> Result:
    """A result of degraded clips, (n_clips,), as one: its question is another one than that of the clean clips."""
    facts: dict[str, Any] = {
        **{name: value for name, value in asdict(step.degradation).items() if name != "noise"},
        "noise": None if step.degradation.noise is None else step.degradation.noise.name,
        "noise_sha256": [each.sha256 for each in step.degradation.noise.files] if step.degradation.noise else [],
        "training": training,
        "of": clean.task,
        "clean_run": clean.run,
    }
    same = sum(before.keys.get(step.numbers[row]) == key for row, key in step.embedded.extraction.keys.items())
    unchanged = f"; {same} of {len(step.numbers)} are as they were, since it changes nothing of them" if same else ""
    fitted = "the clean ones" if training == CLEAN else "clips degraded alike"
    text = (
        f"test clips were degraded on purpose: {step.degradation.sentence}; probes were fitted to {fitted}{unchanged}"
    )
    return replace(
        result,
        task=f"{clean.task}, {step.degradation.title}",
        provenance={**result.provenance, DEGRADATION: facts},
        caveats=[Caveat("degraded_clips", text), *result.caveats],
        notes=[*result.notes, *_on_levels(step.degradation)],
    )


def _on_levels(degradation: Degradation) -> list[str]:
    """What a reader should know of levels, beyond the sentence."""
    if degradation.kind in ("noise", "gain"):
        return ["samples beyond full scale are kept as they are: nothing is clipped"]
    return []
