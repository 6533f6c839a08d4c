"""How long embedding will take, measured on a few clips of each run; what is embedded stays in the store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluator.audio import decode
from evaluator.datasets import manifest
from evaluator.embedding.in_turn import Hearing, opened, stored
from evaluator.embedding.spec import Module
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.run import Settings
from evaluator.experiment.setup import clip_rule, wanted
from evaluator.reproduction.plan import Planned
from evaluator.reproduction.running import Tell, by_module


@dataclass(frozen=True)
class Forecast:
    """What a run will take to embed.

    seconds: For all clips that are not in the store yet, decoding and computing.
    n_measured: Clips that were embedded to know it; 0 if all that were drawn are in the store already.
    n_clips: Of the run.
    """

    planned: Planned
    seconds: float
    n_measured: int
    n_clips: int


def forecast(runs: Sequence[Planned], n: int, settings: Settings, tell: Tell) -> Iterator[Forecast]:
    """Embed `n` clips of each run, drawn at random, and extrapolate; training is not counted.

    Other clips are drawn each time that the cache has grown, so that the share of clips that it holds already is told.

    Args:
        runs: Runs that lack nothing.
        n: Clips of each.
        settings: Where data and embeddings lie.
        tell: Called with the module's name and the reason of each failure.
    """
    for group in by_module(runs):
        spec = group[0].run.spec
        try:
            with opened(spec) as module:
                for each in group:
                    try:
                        yield measure(each, module, n, settings)
                    except (UsageError, EvaluationError) as error:
                        tell(spec.name, error)
        except (UsageError, EvaluationError) as error:
            tell(spec.name, error)


def measure(planned: Planned, module: Module, n: int, settings: Settings) -> Forecast:
    """The forecast of one run of an open module.

    Raises:
        UsageError, EvaluationError: The data or the module does not do.
    """
    run = planned.run
    _, views = wanted(module, run.spec.name, run.task, run.protocol, run.layers)
    clips = manifest.read(run.task, settings.data, settings.cache)
    n_shards = sum(1 for _ in settings.cache.glob("embeddings/**/*.safetensors"))
    drawn = np.random.default_rng(n_shards).permutation(len(clips.clips))[:n]
    few = replace(clips, clips=tuple(clips.clips[number] for number in sorted(drawn.tolist())))
    facts = decode.file_facts(few.root, [clip.path for clip in few.clips], settings.cache)
    hearing = Hearing(run.task.name, few, clip_rule(run.task, run.protocol), facts)
    _, done = stored(run.spec, module, views, hearing, settings.cache, settings.progress)
    share = done.n_embedded / max(1, len(few.clips))  # of the clips that are not in the store
    each = sum(done.seconds.values()) / max(1, done.n_embedded)
    return Forecast(planned, each * share * len(clips.clips), done.n_embedded, len(clips.clips))
