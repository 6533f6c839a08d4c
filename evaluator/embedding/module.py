"""An opened HEAR module, whoever wrote it: in this process, or in one of its own through `worker.py`.

Ours run here. Others run in a process of their own, with this interpreter or another, so that a hang meets its limit and a
crash is told; a module that is handed over as an object runs here, and so does one that somebody wants to debug. What is
asked and answered is the same.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from evaluator.embedding import driver, names, worker
from evaluator.embedding.faults import FaultLog
from evaluator.embedding.remote import Remote
from evaluator.embedding.spec import Module, ModuleSpec

# Relative difference (of the RMS) above which an embedding counts as depending on its batch.
BATCH_TOLERANCE = 1e-3


@contextlib.contextmanager
def open_module(spec: ModuleSpec) -> Iterator[Module]:
    """Load a module and give it back when done.

    Its calls take audio (n_clips, n_samples) and give float32 arrays; see `Module`.

    Raises:
        UsageError: It is not there, is no HEAR module, or refuses its weights or options.
        EvaluationError: Its process crashes or hangs.
    """
    if spec.instance is None and not spec.python:  # another interpreter may have modules that are not here
        names.refuse_misspelt(spec.name)
    spec = spec.resolved()
    if spec.isolated:
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
        self.log = FaultLog(spec.name)
        with _stdout_to_stderr():
            try:
                self.driver = driver.Driver(
                    spec.name, spec.weights, spec.loaded_options, spec.device, spec.instance, file=spec.file
                )
                self.driver.describe()
            except driver.ModuleTrouble as error:
                raise self.log.refusal(worker.complaint(error)) from error

    def describe(self) -> dict[str, Any]:
        """See `Module`."""
        return self.driver.describe()

    def scene(self, audio: np.ndarray) -> np.ndarray:
        """See `Module`."""
        return self.ask(self.driver.scene, audio)

    def timestamps(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Module`."""
        return self.ask(self.driver.timestamps, audio)

    def clips(self, clips: list[np.ndarray]) -> dict[str, np.ndarray]:
        """See `Module`."""
        return self.ask(self.driver.clips, clips)

    def reuses_memory(self, audio: np.ndarray) -> bool:
        """See `Module`."""
        return bool(self.ask(self.driver.reuses_memory, audio))

    def raw_facts(self) -> dict[str, Any]:
        """See `Module`."""
        return self.driver.raw_facts()

    def read_from(self) -> list[str] | None:
        """Absolute paths of all files and folders that decide what was loaded; None where the module does not say."""
        own: list[str] | None = self.driver.read_from() if self.driver.describe()["identity"] else None
        return own

    def ask(self, function: Any, audio: Any) -> Any:
        """Call the driver, its complaints turned into ours."""
        with _stdout_to_stderr():
            try:
                return function(audio)
            except driver.ModuleTrouble as error:
                raise self.log.fault(worker.complaint(error)) from error


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send what is written to standard output, by Python or C code, to standard error; both are there again afterwards."""
    _flush_stdout()
    kept = {number: os.dup(number) for number in (1, 2) if _is_open(number)}
    if len(kept) == 2:
        os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _flush_stdout()
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)


def _is_open(number: int) -> bool:
    """Whether a file descriptor leads anywhere."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _flush_stdout() -> None:
    """Write out what Python and C still hold back for standard output, so that it goes where it points now."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # a stream may be closed, or None
        sys.stdout.flush()
    with contextlib.suppress(OSError, TypeError, AttributeError):  # not every system shows its C library this way
        ctypes.CDLL(None).fflush(None)
