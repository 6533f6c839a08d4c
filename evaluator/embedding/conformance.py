"""Does a module keep the HEAR contract? The checks of hear-validator without TensorFlow, and deeper ones.

Each check is a short function over what is asked that gives a finding, or "" where all is well. Source of the
contract: https://hearbenchmark.com/hear-api.html; tolerances are those of hear-validator 2021.0.6.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from evaluator.embedding import rounding, timestamp_checks
from evaluator.embedding.asked import Asked, Check, difference, verdict
from evaluator.embedding.module import BATCH_TOLERANCE
from evaluator.embedding.spec import Module, WorkerEnded
from evaluator.errors import EvaluationError

KNOWN_RATES = (16000, 22050, 32000, 44100, 48000)  # what the HEAR tasks come in
# Relative to the RMS: float32 rounding of the same sums in another order stays well below the first, and a call
# made twice in the same order below the second.
EXTENSION_TOLERANCE = 1e-4
REDUCED_TOLERANCE = (
    5e-3  # of bfloat16, whose steps are 4e-3 of a number: another order of sums now and then takes another step
)
REPEAT_TOLERANCE = 1e-5


def checks(module: Module, quick: bool = False) -> Iterator[Check]:
    """Every check in turn; one that the module breaks with an error counts as failed with that error.

    The module is asked for noise and silence (n_sounds, n_samples) of one sample up to 60 s.

    Args:
        module: An open HEAR module.
        quick: Whether a few seconds of audio have to do.

    Raises:
        EvaluationError: The module crashed or hung, so that nothing more can be asked.
    """
    asked = Asked(module, quick)
    for check in CHECKS:
        if (check.frames and not asked.has_frames) or (quick and not check.quick):
            continue
        made: Callable[[], str] = partial(check.function, asked)
        yield verdict(check.name, check.broken, check.level, made)


def validate(module: Module, quick: bool = False) -> list[Check]:
    """The checks of `checks` as a list; errors and lengths as there."""
    return list(checks(module, quick))


def _rate(asked: Asked) -> str:
    """One of the rates that the HEAR tasks come in."""
    known = f"the HEAR tasks come in {KNOWN_RATES}; the evaluator resamples to any rate"
    return "" if asked.rate in KNOWN_RATES else f"sample_rate is {asked.rate} Hz; {known}"


def _frames(asked: Asked) -> str:
    """It gives timestamp embeddings."""
    return "event tasks and --layers need them, scene tasks do not" * (not asked.has_frames)


def _any_length(asked: Asked) -> str:
    """It takes clips of any length."""
    if not asked.window:
        return ""
    return (
        f"takes windows of {asked.window:g} s only: the evaluator zero-pads shorter clips, and longer ones are refused"
    )


def _shapes(asked: Asked) -> str:
    """Both functions answer for every length; the driver checks shapes, sizes and values on the way."""
    for seconds in asked.lengths if asked.has_frames else ():
        asked.times(seconds)
    for seconds in asked.scene_lengths:
        asked.module.scene(asked.noise(2, seconds))
    return ""


def _types(asked: Asked) -> str:
    """float32 embeddings, as they came from the module."""
    asked.module.scene(asked.sound(2))
    if asked.has_frames:
        asked.module.timestamps(asked.sound(2))
    came = {name: facts for name, facts in asked.module.raw_facts().items() if name.endswith(" embeddings")}
    wrong = [f"{name} are {facts['dtype']}" for name, facts in sorted(came.items()) if facts["dtype"] != "float32"]
    return ", ".join(wrong) + ("; float32 is wanted" if wrong else "")


def _no_gradients(asked: Asked) -> str:
    """Frozen and in evaluation mode after load_model."""
    return "the evaluator put it in evaluation mode" * bool(asked.module.describe()["was_training"])


def _batch(asked: Asked) -> str:
    """A clip's embedding does not depend on the other clips of the batch."""
    module = asked.module
    clips = asked.sound(3) * np.array([[0.01], [1], [0.1]], dtype=np.float32)
    for embed in (module.scene, lambda audio: module.timestamps(audio)[0])[: 1 + asked.has_frames]:
        together, alone = embed(clips), embed(clips[:1])
        if together[0].shape != alone[0].shape:
            return f"a clip has {len(alone[0])} frames alone and {len(together[0])} with two others"
        change = difference(alone[0], together[0])
        if change > BATCH_TOLERANCE:
            return (
                f"a clip alone and with two others differ by {100 * change:.2g} % of the RMS; "
                "the evaluator will run one by one"
            )
    return ""


def _repeatable(asked: Asked) -> str:
    """The same call gives the same embedding, whatever was called in between."""
    clips = asked.sound(2)
    scenes, frames = [], []
    for _ in range(2):
        scenes.append(asked.module.scene(clips))
        frames.append(asked.module.timestamps(clips)[0] if asked.has_frames else scenes[-1])
    if frames[0].shape != frames[1].shape:
        return f"a second call gives frames of shape {frames[1].shape} instead of {frames[0].shape}"
    change = max(difference(*scenes), difference(*frames))
    return f"the same call twice differs by {100 * change:.2g} % of the RMS" * (change > REPEAT_TOLERANCE)


def _silence(asked: Asked) -> str:
    """Silence is normal input."""
    asked.module.scene(np.zeros_like(asked.sound(2)))
    return ""


def _clipping(asked: Asked) -> str:
    """Full-scale square waves are normal input."""
    asked.module.scene(np.sign(asked.sound(2)))
    return ""


def _short(asked: Asked) -> str:
    """Clips of 100 ms, 20 ms and one sample."""
    if asked.window:
        return ""
    refused = []
    for seconds in (0.1, 0.02, 0.0):
        try:
            asked.module.scene(asked.noise(1, seconds))
        except WorkerEnded:
            raise
        except EvaluationError:
            refused.append("one sample" if not seconds else f"{1000 * seconds:g} ms")
    return f"refuses clips of {', '.join(refused)}; the evaluator will zero-pad such clips" * bool(refused)


def _long(asked: Asked) -> str:
    """A clip of 60 s."""
    if asked.window:
        return ""
    asked.module.scene(asked.noise(1, 60.0))
    return ""


def _lengths(asked: Asked) -> str:
    """Where the module has our extension: a clip embedded beside longer ones equals it alone."""
    if not asked.module.describe()["extension"]:
        return ""
    clips = [asked.noise(1, seconds, seed)[0] for seed, seconds in enumerate((0.7, 1.4, 0.3))]
    together = asked.module.clips(clips)
    for number, clip in enumerate(clips):
        change = difference(asked.module.scene(clip[None])[0], together["scene"][number])
        if change > (
            REDUCED_TOLERANCE if rounding.reduced(asked.module.describe()["identity"]) else EXTENSION_TOLERANCE
        ):
            return f"get_clip_embeddings differs from get_scene_embeddings by {100 * change:.2g} % of the RMS"
    return ""


@dataclass(frozen=True)
class _Promise:
    """A check that is waiting: the promise kept and broken, its level, how it is made, whether about frames, and whether it takes moments."""

    name: str
    broken: str
    level: str
    function: Callable[[Asked], str]
    frames: bool = False
    quick: bool = True


CHECKS = (
    _Promise(
        "embeddings have the declared shapes and no NaN",
        "embeddings have other shapes than declared, or cannot be used",
        "error",
        _shapes,
    ),
    _Promise("it gives timestamp embeddings", "it gives no timestamp embeddings", "warning", _frames),
    _Promise("clips of any length work", "clips of some lengths do not work", "warning", _any_length),
    _Promise(
        "timestamps are in milliseconds",
        "timestamps are not in milliseconds",
        "error",
        timestamp_checks.milliseconds,
        frames=True,
    ),
    _Promise(
        "timestamps rise in equal steps, the same in a batch",
        "timestamps do not rise in equal steps, the same in a batch",
        "error",
        timestamp_checks.regular,
        frames=True,
    ),
    _Promise(
        "timestamps lie inside the clip",
        "timestamps lie outside the clip",
        "error",
        timestamp_checks.inside,
        frames=True,
    ),
    _Promise("silence gives finite embeddings", "silence gives no finite embeddings", "error", _silence),
    _Promise(
        "full-scale square waves give finite embeddings",
        "full-scale square waves give no finite embeddings",
        "error",
        _clipping,
    ),
    _Promise("a clip of 60 s works", "a clip of 60 s does not work", "error", _long, quick=False),
    _Promise("the same call gives the same embedding", "the same call gives another embedding", "error", _repeatable),
    _Promise(
        "clips of different lengths together equal them alone",
        "clips of different lengths together differ from them alone",
        "error",
        _lengths,
    ),
    _Promise("the sample rate is one of HEAR's", "the sample rate is none of HEAR's", "warning", _rate),
    _Promise("embeddings are float32", "embeddings are not float32", "error", _types),
    _Promise(
        "load_model leaves the model in evaluation mode",
        "load_model leaves the model in training mode",
        "warning",
        _no_gradients,
    ),
    _Promise(
        "timestamps are at most 50 ms apart",
        "timestamps are more than 50 ms apart",
        "warning",
        timestamp_checks.fine_enough,
        frames=True,
    ),
    _Promise(
        "timestamps cover the clip",
        "timestamps do not cover the clip",
        "warning",
        timestamp_checks.covering,
        frames=True,
    ),
    _Promise("timestamps do not drift", "timestamps drift", "error", timestamp_checks.drift, frames=True, quick=False),
    _Promise("embeddings do not depend on the batch", "embeddings depend on the batch", "warning", _batch),
    _Promise("very short clips work", "very short clips do not work", "warning", _short),
)
