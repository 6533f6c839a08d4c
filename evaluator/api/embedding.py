"""One module: its embeddings of files, and whether it keeps the HEAR contract."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.api import inputs
from evaluator.api.inputs import HearModule
from evaluator.audio.clip_rule import ClipRule
from evaluator.embedding import conformance, deep_checks, rounding
from evaluator.embedding.asked import Check
from evaluator.embedding.embed import Progress, no_progress
from evaluator.embedding.module import open_module
from evaluator.errors import UsageError
from evaluator.experiment import embed_files
from evaluator.experiment.embed_files import Embeddings

DEPTHS = ("quick", "full", "deep")


def embed(
    module: HearModule,
    files: str | Path | Sequence[str | Path],
    *,
    layers: str | int = "scene",
    frames: bool = False,
    channel: str | int | None = None,
    expand: float | None = None,
    weights: str = "",
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    python: str = "",
    worker_timeout: float = 600.0,
    in_process: bool = False,
    allow_failed: float = 0.0,
    allow_unrepeatable: bool = False,
    store: str = "float32",
    cache: str | Path | None = None,
    rehash: bool = False,
    progress: Progress = no_progress,
) -> Embeddings:
    """Vectors of audio files, and on request their frames; what is in the cache is not made again.

    Args:
        module: A HEAR module by name, or the module itself.
        files: Audio files, and folders that hold some at any depth.
        layers: `scene`, `all` (a vector for each layer), `last`, `mean`, or a layer's number.
        frames: Whether timestamp embeddings and their times in ms are wanted too; of a module that gives none they are empty.
        channel, expand, weights, options, device, python, worker_timeout, in_process, allow_failed, allow_unrepeatable, store, cache,
            rehash, progress: As in `run`.

    Raises:
        UsageError: The module, its layers or a file is not there.
        EvaluationError: More files cannot be read than `allow_failed` admits, or the module fails.

    >>> embeddings = embed("hear_ssl.melspec", ["tone.wav", "noise.wav"], frames=True)
    >>> embeddings.vectors.shape, len(embeddings.frames), list(embeddings.to_frame().columns[:2])
    ((2, 128), 2, ['path', 'v0'])
    """
    how = (weights, options, device, python, worker_timeout, in_process, allow_unrepeatable, store)
    spec = inputs.one_module(module, *how)
    inputs.check_share("allow_failed", allow_failed)
    places = [files] if isinstance(files, (str, Path)) else list(files)
    every = embed_files.audio_files([inputs.path_of(place) for place in places])
    folder = inputs.folder_of_cache(cache)
    rule = ClipRule(channel=inputs.channel_of(channel) or "mix", expand=inputs.check_pace(expand))
    return embed_files.embed_files(spec, every, str(layers), frames, folder, allow_failed, progress, rehash, rule)


def validate(
    module: HearModule,
    *,
    depth: str = "full",
    weights: str = "",
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    python: str = "",
    worker_timeout: float = 600.0,
    in_process: bool = False,
    on_check: Callable[[Check], object] = lambda check: None,
) -> list[Check]:
    """Each promise of the HEAR contract, and whether a module keeps it.

    It is asked for sounds of 1 sample up to 60 s, alone and in batches (n_sounds, n_samples); in a reduced precision also how far each
    layer is from float32.

    Args:
        module: A HEAR module by name, or the module itself.
        depth: `quick` for a few seconds of audio; `full`; `deep` to load it a second time as well, in a fresh process in which its
            random generators run.
        weights, options, device, python, worker_timeout, in_process: As in `run`.
        on_check: Called with each check as soon as it is done.

    Raises:
        UsageError: It is not there, or cannot be loaded.
        EvaluationError: It crashes or hangs.

    >>> all(check.passed for check in validate("hear_ssl.melspec"))
    True
    """
    if depth not in DEPTHS:
        raise UsageError(schema.unknown("depth", depth, DEPTHS))
    spec = inputs.one_module(module, weights, options, device, python, worker_timeout, in_process)
    done: list[Check] = []
    with open_module(spec) as opened:
        deep = deep_checks.checks(spec, opened) if depth == "deep" else ()
        kept = conformance.checks(opened, quick=depth == "quick")
        for check in itertools.chain(kept, rounding.checks(spec, opened), deep):
            done.append(check)
            on_check(check)
    return done
