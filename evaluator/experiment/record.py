"""The result of a run: everything that is kept of it, in one typed record."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.audio import decode
from evaluator.audio.clip import Clip
from evaluator.audio.clip_rule import AS_IT_IS
from evaluator.audio.decode import AudioError, FileFacts
from evaluator.embedding import spent
from evaluator.embedding.extraction import Extraction, seconds_of
from evaluator.embedding.spec import Module, highest_rate
from evaluator.experiment import caveats, data_caveats
from evaluator.experiment.experiment import Embedded, Experiment
from evaluator.experiment.fit import Fitted
from evaluator.experiment.options import RunOptions
from evaluator.experiment.provenance import Clock, audio_sha256, machine, provenance
from evaluator.experiment.score import Scores
from evaluator.results.bill import BILL, Bill
from evaluator.results.caveats import Caveat
from evaluator.results.hearing import Hearing, Recorded
from evaluator.results.result import Result


def record(
    experiment: Experiment,
    module: Module,
    embedded: Embedded,
    fitted: Fitted,
    scores: Scores,
    options: RunOptions,
    clock: Clock,
) -> Result:
    """The result of a run.

    Args:
        experiment, module: What was evaluated.
        embedded, fitted, scores: What came of each stage.
        options: Of the user.
        clock: When it began, and how long each stage took, in seconds.
    """
    spec, setup, extraction = experiment.spec, experiment.setup, embedded.extraction
    clips = setup.recordings.clips
    hearing = _hearing(experiment, module, extraction)
    return Result(
        module=spec.name,
        weights=spec.weights,
        options=dict(spec.options),
        task=setup.task.name,
        dataset=setup.task.dataset.name,
        protocol=setup.protocol.name,
        profile=setup.protocol.profile,
        metric=setup.metric,
        score=scores.primary.score,
        ci_low=scores.primary.ci_low,
        ci_high=scores.primary.ci_high,
        seeds=fitted.seeds,
        seed_scores=scores.seed_scores,
        std=scores.primary.std,
        scores=scores.others,
        chosen=fitted.choice.name,
        curve=scores.curve,
        folds=scores.folds,
        n_clips=len(clips),
        n_failed=len(extraction.failed),
        n_silent=len(extraction.silent),
        failed=_failed(experiment, extraction),
        notes=[*_notes(experiment, fitted, scores, options), *caveats.on_licence(module.describe()), str(hearing)],
        classes=list(setup.recordings.manifest.classes),
        confusion=scores.confusion,
        seconds=clock.seconds,
        provenance=_provenance(experiment, module, embedded, fitted, options),
        **_predictions(fitted, scores, setup.recordings.facts),
        caveats=_caveats(experiment, module, embedded, fitted, scores, options.cache),
        **_sampling(scores),
        hearing=hearing,
        environment=_environment(experiment, module, embedded, options, clock),
    )


def _predictions(fitted: Fitted, scores: Scores, facts: Mapping[str, FileFacts | AudioError]) -> dict[str, Any]:
    """What is kept of each fold's test clips, by the names of the fields of a `Result`."""
    chosen = fitted.choice.evaluation
    return {
        "test_clips": [[fitted.clips[row].name for row in fold.test] for fold in fitted.folds],
        "test_groups": scores.groups,
        "test_seconds": _test_seconds(fitted, facts),
        "test_targets": chosen.targets,
        "test_probabilities": [probabilities for _, probabilities in chosen.tested()],
        "test_events": [fold[0].events for fold in chosen.predictions if fold[0].events is not None],
    }


def _failed(experiment: Experiment, extraction: Extraction) -> dict[str, str]:
    """Why clips could not be used, files named as clips are: relative to the data's folder, wherever that lies."""
    recordings = experiment.setup.recordings
    root = str(recordings.manifest.root)
    folder = f"{root}{os.sep}" if root != os.curdir else ""
    return {recordings.clips[number].name: why.replace(folder, "") for number, why in sorted(extraction.failed.items())}


def _hearing(experiment: Experiment, module: Module, extraction: Extraction) -> Hearing:
    """How the clips that could be used were recorded, and what of them the module heard."""
    recordings = experiment.setup.recordings
    known = [recordings.facts[recordings.clips[number].path] for number in sorted(extraction.keys)]
    kinds = Counter((one.sample_rate, one.channels, one.expansion) for one in known if isinstance(one, FileFacts))
    return Hearing(
        sample_rate=highest_rate(module.describe()),
        channel=recordings.rule.channel,
        expand=recordings.rule.expand,
        recorded=[
            Recorded(*kind, n_clips=n) for kind, n in sorted(kinds.items(), key=lambda each: (-each[1], each[0]))
        ],
        unheard=round(extraction.unheard, 4),
    )


def _sampling(scores: Scores) -> dict[str, Any]:
    """What was sampled, and how folds make one score."""
    return {
        "interval_over": scores.units.over,
        "n_units": scores.units.n,
        "over_folds": scores.over_folds,
        "group_scores": scores.group_scores,
    }


def _notes(experiment: Experiment, fitted: Fitted, scores: Scores, options: RunOptions) -> list[str]:
    """How the score came about, and what its interval is of."""
    one_seed_tells_all = len(fitted.seeds) < options.n_seeds
    return [*caveats.notes(experiment, fitted.choice, fitted.evaluations, one_seed_tells_all), *scores.target]


def _provenance(
    experiment: Experiment, module: Module, embedded: Embedded, fitted: Fitted, options: RunOptions
) -> dict[str, Any]:
    """What decides question and answer: all that is needed to ask the very same again."""
    setup = experiment.setup
    return {
        **provenance(module, setup.task, setup.protocol),
        "manifest_sha256": setup.recordings.manifest.sha256,
        "audio_sha256": audio_sha256(embedded.extraction),
        "session": Path(experiment.spec.session.name).name if experiment.spec.session else None,
        "seed": options.seed,
        "n_seeds": len(fitted.seeds),
        "asked_seeds": options.n_seeds,
        "seeded": setup.protocol.probe.SEEDED,  # whether luck is in it
        "follows_seeds": setup.protocol.probe.follows_seeds,  # whether another seed would tell otherwise
        "layers": experiment.layers,
        **({"from_clips": dict(experiment.spec.from_clips)} if experiment.spec.from_clips else {}),
        **({} if experiment.spec.kept_as == "float32" else {"kept_as": experiment.spec.kept_as}),
    }


def _environment(
    experiment: Experiment, module: Module, embedded: Embedded, options: RunOptions, clock: Clock
) -> dict[str, Any]:
    """When, where and how it was asked, and what of the embeddings was there already; no answer depends on it."""
    spec, setup = experiment.spec, experiment.setup
    return {
        **machine(clock, module, setup.task, setup.protocol, options.device),
        "data": str(setup.recordings.manifest.root.resolve()),
        "module_python": spec.python,
        "in_process": spec.in_process,
        **({"table_folder": spec.table_folder} if spec.table_folder else {}),
        "store": embedded.store.key,
        "n_embedded": embedded.extraction.n_embedded,
        **({"workers": [asdict(each) for each in embedded.extraction.help]} if embedded.extraction.help else {}),
        BILL: _bill(experiment, embedded, clock).as_plain(),
    }


def _bill(experiment: Experiment, embedded: Embedded, clock: Clock) -> Bill:
    """What it took, to this moment; audio of (n_clips,) clips counts as the module hears it, in seconds."""
    recordings, done = experiment.setup.recordings, embedded.extraction
    return Bill(
        wall=dict(clock.seconds),
        processor=dict(clock.processor),
        audio_seconds=sum(seconds_of(recordings, number) for number in done.keys),
        embedded_seconds=done.embedded_seconds,
        peak_bytes=spent.now().peak_bytes,
    )


def _caveats(
    experiment: Experiment, module: Module, embedded: Embedded, fitted: Fitted, scores: Scores, cache: Path
) -> list[Caveat]:
    """Everything that limits what the score means, the gravest first."""
    setup = experiment.setup
    return [
        *caveats.on_module(setup, module.describe(), cache),
        *caveats.on_probe(experiment, fitted.choice, fitted.evaluations),
        *data_caveats.on_data(setup, {*embedded.extraction.failed, *embedded.extraction.silent}),
        *caveats.on_clips(setup, embedded.extraction),
        *caveats.on_sound(setup, embedded.extraction, highest_rate(module.describe())),
        *caveats.on_groups(scores.few, scores.rare),
    ]


def _test_seconds(fitted: Fitted, facts: Mapping[str, FileFacts | AudioError]) -> list[np.ndarray]:
    """For each fold the length of each test clip before the protocol cuts it or fills it up, in seconds, (n_clips,)."""
    return [
        np.array([_seconds_of(fitted.clips[row], facts) for row in fold.test], dtype=np.float32)
        for fold in fitted.folds
    ]


def _seconds_of(clip: Clip, facts: Mapping[str, FileFacts | AudioError]) -> float:
    fact = facts[clip.path]
    return decode.clip_seconds(fact, clip, AS_IT_IS) if isinstance(fact, FileFacts) else float("nan")
