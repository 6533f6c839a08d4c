"""Does a module keep the HEAR contract? The checks of hear-validator without TensorFlow, and deeper ones.

Each check is a short function over an open module that gives a finding, or "" where all is well. Source of the
contract: https://hearbenchmark.com/hear-api.html; tolerances are those of hear-validator 2021.0.6.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluator.embedding.module import BATCH_TOLERANCE
from evaluator.embedding.spec import Module, WorkerEnded
from evaluator.errors import EvaluationError

KNOWN_RATES = (16000, 22050, 32000, 44100, 48000)  # what the HEAR tasks come in
# Seconds that hear-validator tries: 2021.0.2 takes 2.0 and 3.74, 2021.0.6 the others.
LENGTHS = (1.07, 1.98, 2.0, 4.0)
SCENE_LENGTHS = (2.74, 3.74)
WIDEST_STEP = 50.0  # ms, the tolerance of HEAR's music transcription task
STEP_TOLERANCE = 1.0  # ms
# Relative to the RMS: float32 rounding of the same sums in another order stays well below the first, and a call
# made twice in the same order below the second.
EXTENSION_TOLERANCE = 1e-4
REPEAT_TOLERANCE = 1e-5
THREE_HOURS = 3 * 3600  # seconds


@dataclass(frozen=True)
class Check:
    """One promise of the contract and whether it is kept.

    name: The promise.
    level: `error` if a broken promise makes scores wrong or impossible, else `warning`.
    detail: What was found; "" where the promise is kept.
    """

    name: str
    passed: bool
    level: str
    detail: str


def validate(module: Module) -> list[Check]:
    """Every check in turn; one that the module breaks with an error counts as failed with that error.

    The module is asked for noise and silence (n_sounds, n_samples) of one sample up to 4 s.

    Raises:
        EvaluationError: The module crashed or hung, so that nothing more can be asked.
    """
    checks = []
    for name, level, function in CHECKS:
        try:
            detail = function(module)
        except WorkerEnded:
            raise
        except EvaluationError as error:
            detail = str(error)
        checks.append(Check(name, not detail, level, detail))
    return checks


def _noise(module: Module, n_sounds: int, seconds: float, seed: int = 0) -> np.ndarray:
    """White noise in [-1, 1], (n_sounds, n_samples), float32."""
    n_samples = max(1, int(seconds * module.describe()["sample_rate"]))
    return np.random.default_rng(seed).uniform(-1, 1, (n_sounds, n_samples)).astype(np.float32)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference, relative to the RMS of `one`; 0 where there is nothing to compare."""
    if not one.size:
        return 0.0
    return float(np.abs(one - other).max() / (np.sqrt(np.mean(np.square(one))) or 1.0))


def rate(module: Module) -> str:
    """One of the rates that the HEAR tasks come in.

    Sample rates are in Hz.
    """
    value = module.describe()["sample_rate"]
    return "" if value in KNOWN_RATES else f"sample_rate is {value} Hz; the HEAR tasks come in {KNOWN_RATES}"


def _shapes(module: Module) -> str:
    """Both functions answer for every length; the driver checks shapes, sizes and values on the way."""
    for seconds in LENGTHS:
        times(module, seconds)
    for seconds in LENGTHS + SCENE_LENGTHS:
        module.scene(_noise(module, 2, seconds))
    return ""


def _types(module: Module) -> str:
    """float32 embeddings, as they came from the module."""
    module.scene(_noise(module, 2, 1.0))
    module.timestamps(_noise(module, 2, 1.0))
    came = module.raw_facts()
    wrong = [
        f"{what} are {came[what]['dtype']}"
        for what in ("scene embeddings", "timestamp embeddings")
        if came[what]["dtype"] != "float32"
    ]
    return ", ".join(wrong) + ("; float32 is wanted" if wrong else "")


def _no_gradients(module: Module) -> str:
    """Frozen and in evaluation mode after load_model."""
    return "load_model leaves the model in training mode; it was put in evaluation mode" * bool(
        module.describe()["was_training"]
    )


def times(module: Module, seconds: float) -> np.ndarray:
    """Timestamps of two clips of noise, (2, n_frames), ms; at least one frame."""
    centres = module.timestamps(_noise(module, 2, seconds))[1]
    if not centres.shape[1]:
        raise EvaluationError(f"get_timestamp_embeddings gives no frame for a clip of {seconds} s")
    return centres


def _milliseconds(module: Module) -> str:
    """Timestamps in milliseconds, not seconds."""
    centres = times(module, 4.0)[0]
    if len(centres) == 1 or centres.max() > 40:  # a hundredth of the clip: no last frame in ms lies there
        return ""
    return f"the last timestamp of a 4 s clip is {centres.max():g}: seconds, it seems; the API wants milliseconds"


def _regular(module: Module) -> str:
    """Timestamps rise in equal steps, the same for every clip of a batch."""
    for seconds in LENGTHS:
        centres = times(module, seconds)
        if not np.array_equal(centres[0], centres[1]):
            return f"timestamps of two clips of {seconds} s in one batch differ"
        steps = np.diff(centres[0])
        if len(steps) and steps.min() <= 0:
            return f"timestamps of a {seconds} s clip do not rise (smallest step {steps.min():g} ms)"
        if len(steps) and np.abs(steps - steps.mean()).max() > STEP_TOLERANCE:
            return (
                f"steps of a {seconds} s clip lie between {steps.min():g} and {steps.max():g} ms; equal ones are wanted"
            )
    return ""


def _inside(module: Module) -> str:
    """No timestamp before the clip's start or after its end."""
    for seconds in LENGTHS:
        centres = times(module, seconds)[0]
        if centres.min() < 0 or centres.max() > 1000 * seconds:
            return f"timestamps of a {seconds} s clip go from {centres.min():g} to {centres.max():g} ms"
    return ""


def _fine_enough(module: Module) -> str:
    """Steps of at most 50 ms."""
    step = float(np.diff(times(module, 4.0)[0]).max(initial=0))
    return f"timestamps are {step:g} ms apart; HEAR's event tasks want {WIDEST_STEP:g} ms or less" * (
        step > WIDEST_STEP
    )


def _covering(module: Module) -> str:
    """The first and last timestamps lie within a step of the clip's ends."""
    for seconds in LENGTHS:
        centres = times(module, seconds)[0]
        step = float(np.diff(centres).mean()) if len(centres) > 1 else 1000 * seconds
        if centres[0] > step or centres[-1] < 1000 * seconds - max(step, WIDEST_STEP):
            return f"timestamps of a {seconds} s clip start at {centres[0]:g} and end at {centres[-1]:g} ms"
    return ""


def _drift(module: Module) -> str:
    """The step is the same in a clip of 4 s and in one of 60 s, so that hours of audio do not shift."""
    short, long = times(module, 4.0)[0], times(module, 60.0)[0]
    if len(short) == 1 or len(long) == 1:
        return ""
    steps = [(centres[-1] - centres[0]) / (len(centres) - 1) for centres in (short, long)]
    if abs(steps[0] - steps[1]) * (len(short) - 1) <= STEP_TOLERANCE:
        return ""
    shift = THREE_HOURS * abs(steps[0] / steps[1] - 1)
    return f"a step is {steps[0]:g} ms over 4 s but {steps[1]:g} ms over 60 s: {shift:.2g} s apart after three hours"


def _batch(module: Module) -> str:
    """A clip's embedding does not depend on the other clips of the batch."""
    clips = _noise(module, 3, 1.5) * np.array([[0.01], [1], [0.1]], dtype=np.float32)
    for embed in (module.scene, lambda audio: module.timestamps(audio)[0]):
        together, alone = embed(clips), embed(clips[:1])
        if together[0].shape != alone[0].shape:
            return f"a clip has {len(alone[0])} frames alone and {len(together[0])} with two others"
        change = _difference(alone[0], together[0])
        if change > BATCH_TOLERANCE:
            return (
                f"a clip alone and with two others differ by {100 * change:.2g} % of the RMS; "
                "the evaluator will run one by one"
            )
    return ""


def _repeatable(module: Module) -> str:
    """The same call gives the same embedding, whatever was called in between."""
    clips = _noise(module, 2, 1.5)
    first = module.scene(clips)
    frames = module.timestamps(clips)[0]
    again = module.scene(clips)
    frames_again = module.timestamps(clips)[0]
    if frames.shape != frames_again.shape:
        return f"a second call gives frames of shape {frames_again.shape} instead of {frames.shape}"
    change = max(_difference(first, again), _difference(frames, frames_again))
    return f"the same call twice differs by {100 * change:.2g} % of the RMS" * (change > REPEAT_TOLERANCE)


def _silence(module: Module) -> str:
    """Silence is normal input."""
    module.scene(np.zeros_like(_noise(module, 2, 1.5)))
    return ""


def _clipping(module: Module) -> str:
    """Full-scale square waves are normal input."""
    module.scene(np.sign(_noise(module, 2, 1.5)))
    return ""


def _short(module: Module) -> str:
    """Clips of 100 ms, 20 ms and one sample."""
    refused = []
    for seconds in (0.1, 0.02, 0.0):
        try:
            module.scene(_noise(module, 1, seconds))
        except WorkerEnded:
            raise
        except EvaluationError:
            refused.append("one sample" if not seconds else f"{1000 * seconds:g} ms")
    return f"refuses clips of {', '.join(refused)}; the evaluator will zero-pad such clips" * bool(refused)


def _long(module: Module) -> str:
    """A clip of 60 s."""
    module.scene(_noise(module, 1, 60.0))
    return ""


def _lengths(module: Module) -> str:
    """Where the module has our extension: a clip embedded beside longer ones equals it alone."""
    if not module.describe()["extension"]:
        return ""
    clips = [_noise(module, 1, seconds, seed)[0] for seed, seconds in enumerate((0.7, 1.4, 0.3))]
    together = module.clips(clips)
    for number, clip in enumerate(clips):
        change = _difference(module.scene(clip[None])[0], together["scene"][number])
        if change > EXTENSION_TOLERANCE:
            return f"get_clip_embeddings differs from get_scene_embeddings by {100 * change:.2g} % of the RMS"
    return ""


CHECKS: tuple[tuple[str, str, Callable[[Module], str]], ...] = (
    ("embeddings have the declared shapes and no NaN", "error", _shapes),
    ("timestamps are in milliseconds", "error", _milliseconds),
    ("timestamps rise in equal steps, the same in a batch", "error", _regular),
    ("timestamps lie inside the clip", "error", _inside),
    ("silence gives finite embeddings", "error", _silence),
    ("full-scale square waves give finite embeddings", "error", _clipping),
    ("a clip of 60 s works", "error", _long),
    ("the same call gives the same embedding", "error", _repeatable),
    ("clips of different lengths together equal them alone", "error", _lengths),
    ("the sample rate is one of HEAR's", "warning", rate),
    ("embeddings are float32", "error", _types),
    ("load_model leaves the model in evaluation mode", "warning", _no_gradients),
    ("timestamps are at most 50 ms apart", "warning", _fine_enough),
    ("timestamps cover the clip", "warning", _covering),
    ("timestamps do not drift", "error", _drift),
    ("embeddings do not depend on the batch", "warning", _batch),
    ("very short clips work", "warning", _short),
)
