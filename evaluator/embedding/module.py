"""An opened HEAR module, whoever wrote it: in this process, or in another interpreter through `worker.py`."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from evaluator.embedding import driver
from evaluator.embedding.remote import Remote
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.errors import EvaluationError, UsageError

# Relative difference (of the RMS) above which an embedding counts as depending on its batch.
BATCH_TOLERANCE = 1e-3


@contextlib.contextmanager
def open_module(spec: ModuleSpec) -> Iterator[Module]:
    """Load a module and give it back when done.

    Its calls take audio (n_clips, n_samples) and give float32 arrays; see `Module`.

    Raises:
        UsageError: It is not there, is no HEAR module, or refuses its weights or options.
        EvaluationError: The other interpreter crashes or hangs.
    """
    spec = spec.resolved()
    if spec.python:
        remote = Remote(spec)
        try:
            yield remote
        finally:
            remote.close()
    else:
        yield Local(spec)


class Local:
    """A module in this process; what it prints goes to standard error.

    Audio is (n_clips, n_samples) float32, embeddings are (n_clips, ...) float32.
    """

    def __init__(self, spec: ModuleSpec):
        with _stdout_to_stderr():
            try:
                self.driver = driver.Driver(spec.name, spec.weights, dict(spec.options), spec.device, spec.instance)
                self.described = self.driver.describe()
            except driver.ModuleTrouble as error:
                raise UsageError(str(error)) from error

    def describe(self) -> dict[str, Any]:
        """See `Module`."""
        return dict(self.described)

    def scene(self, audio: np.ndarray) -> np.ndarray:
        """See `Module`."""
        return self.ask(self.driver.scene, audio)

    def timestamps(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Module`."""
        return self.ask(self.driver.timestamps, audio)

    def clips(self, clips: list[np.ndarray]) -> dict[str, np.ndarray]:
        """See `Module`."""
        return self.ask(self.driver.clips, clips)

    def raw_facts(self) -> dict[str, Any]:
        """See `Module`."""
        return self.driver.raw_facts()

    @staticmethod
    def ask(function: Any, audio: Any) -> Any:
        """Call the driver, its complaints turned into ours."""
        with _stdout_to_stderr():
            try:
                return function(audio)
            except driver.ModuleTrouble as error:
                raise EvaluationError(str(error)) from error


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send what is written to standard output, by Python or C code, to standard error."""
    _flush_stdout()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _flush_stdout()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_stdout() -> None:
    """Write out what Python and C still hold back for standard output, so that it goes where it points now."""
    sys.stdout.flush()
    with contextlib.suppress(OSError, TypeError, AttributeError):  # not every system shows its C library this way
        ctypes.CDLL(None).fflush(None)
