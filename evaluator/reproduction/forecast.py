"""How long embedding will take, measured on a few clips of each run; what is embedded stays in the store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.datasets.manifest import Manifest
from evaluator.datasets.splits import Fold
from evaluator.embedding import ensemble
from evaluator.embedding.spec import Module
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.experiment import prepare
from evaluator.experiment.options import RunOptions
from evaluator.experiment.setup import set_up
from evaluator.reproduction.plan import PlannedRun
from evaluator.reproduction.running import OnFailure, group_by_module


@dataclass(frozen=True)
class Forecast:
    """How long a run will take to embed, in seconds.

    seconds: For all clips that are not in the store yet, decoding and computing.
    n_measured: Clips that were embedded to know it; 0 if all that were drawn are in the store already.
    n_clips: Of the run.
    """

    planned: PlannedRun
    seconds: float
    n_measured: int
    n_clips: int


def forecast(runs: Sequence[PlannedRun], n: int, options: RunOptions, on_failure: OnFailure) -> Iterator[Forecast]:
    """Embed `n` clips of each run, drawn at random, and extrapolate the seconds that they take; training is not counted.

    Other clips are drawn each time that the cache has grown, so that the share of clips that it holds already shows.

    Args:
        runs: Runs that lack nothing.
        n: Clips of each; fewer where it has fewer.
        options: Where data and embeddings lie.
        on_failure: Called with the module's name and the reason of each failure.
    """
    for group in group_by_module(runs):
        spec = group[0].run.spec
        try:
            with ensemble.open_any(spec) as module:
                for each in group:
                    try:
                        yield measure(each, module, n, options)
                    except (UsageError, EvaluationError) as error:
                        on_failure(spec.name, error)
        except (UsageError, EvaluationError) as error:
            on_failure(spec.name, error)


def measure(planned: PlannedRun, module: Module, n: int, options: RunOptions) -> Forecast:
    """The forecast of one run of an open module, in seconds for all of its clips.

    Raises:
        UsageError, EvaluationError: The data or the module cannot be used.
    """
    run = planned.run
    n_shards = sum(1 for _ in options.cache.glob("embeddings/**/*.safetensors"))
    n_all = 0

    def pick(clips: Manifest, folds: Sequence[Fold]) -> list[int]:
        nonlocal n_all
        n_all = len(clips.clips)
        return sorted(np.random.default_rng(n_shards).permutation(n_all)[:n].tolist())

    setup = set_up(run.task, run.protocol, options.data, options.cache, pick, options.rehash)
    experiment = prepare(run.spec, module, setup, run.layers)
    _, done = ensemble.embed(run.spec, module, experiment.views, setup.recordings, options.cache, options.progress)
    share = done.n_embedded / max(1, len(setup.recordings.clips))  # of the clips that are not in the store
    seconds_per_clip = sum(done.seconds.values()) / max(1, done.n_embedded)
    return Forecast(planned, seconds_per_clip * share * n_all, done.n_embedded, n_all)
