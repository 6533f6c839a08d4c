"""What `hear-eval validate --deep` looks for beside the contract: chance, and memory that is used again.

The module is loaded a second time, in a fresh process, in which its random generators start anywhere and run on: weights that
are drawn anew with every load, and chance in every call, show there and nowhere else.
"""

import contextlib
from collections.abc import Iterator

import numpy as np

from evaluator.embedding.asked import Asked, Check, difference, verdict
from evaluator.embedding.conformance import REPEAT_TOLERANCE
from evaluator.embedding.remote import Remote
from evaluator.embedding.spec import Module, ModuleSpec

# Relative to the RMS: another process may sum in another order, as the extension's batches do.
PROCESS_TOLERANCE = 1e-4


def checks(spec: ModuleSpec, module: Module) -> Iterator[Check]:
    """The deep checks in turn, on noise (n_sounds, n_samples) of a length that the module takes.

    A module that was handed over as an object cannot be loaded again: of it only its memory is looked at.

    Args:
        spec, module: The module, as asked for and opened.

    Raises:
        UsageError: It cannot be loaded a second time.
        EvaluationError: It crashed or hung.
    """
    asked = Asked(module)
    clips = asked.sound(3)
    yield verdict(
        "answers keep their values", "answers change after they were given", "warning", lambda: _memory(module, clips)
    )
    if spec.instance is not None:
        return
    with contextlib.closing(Remote(spec.resolved(), free=True)) as fresh:
        yield verdict(
            "no chance is at work in a call", "chance is at work in a call", "error", lambda: _chance(fresh, clips)
        )
        yield verdict(
            "a fresh process gives the same embedding",
            "a fresh process gives another embedding",
            "error",
            lambda: _fresh(module, fresh, clips),
        )


def _memory(module: Module, clips: np.ndarray) -> str:
    """What a module gave stays as it is when it is called again."""
    return (
        "the module uses the memory of its answer again in the next call: the evaluator copies each, others have to do so too"
    ) * module.reuses_memory(clips)


def _chance(fresh: Remote, clips: np.ndarray) -> str:
    """Two calls while the module's generators run."""
    change = difference(fresh.scene(clips), fresh.scene(clips))
    return (
        f"the same call twice differs by {100 * change:.2g} % of the RMS while random generators run: is dropout active?"
    ) * (change > REPEAT_TOLERANCE)


def _fresh(module: Module, fresh: Remote, clips: np.ndarray) -> str:
    """The module here, and loaded again."""
    change = difference(module.scene(clips), fresh.scene(clips))
    return (
        f"loaded a second time, the module differs by {100 * change:.2g} % of the RMS: are weights drawn anew, "
        "or not those of the file?"
    ) * (change > PROCESS_TOLERANCE)
