"""An opened HEAR module, whoever wrote it: in this process, or in another interpreter through `worker.py`."""

import contextlib
import ctypes
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from evaluator.embedding import worker
from evaluator.errors import EvaluationError, UsageError

# Relative difference (of the RMS) above which an embedding counts as depending on its batch.
BATCH_TOLERANCE = 1e-3
STDERR_LINES = 15


class WorkerEnded(EvaluationError):
    """The other interpreter crashed or was stopped; nothing more can be asked of it."""


@dataclass(frozen=True)
class ModuleSpec:
    """Which module, and how it is to be loaded.

    Attributes:
        name: Importable name, path of a .py file, `hf:ORG/MODEL` for a wav2vec2-family checkpoint, or
            `ensemble:MEMBER+MEMBER` for several modules as one.
        weights: Path or name for load_model; "" for the module's own choice.
        options: Keyword arguments of load_model.
        device: "auto", "cpu", "cuda", ...
        python: Another interpreter, or its virtual environment's folder; "" for this one.
        timeout: Seconds that one call in another interpreter may take.
    """

    name: str
    weights: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    python: str = ""
    timeout: float = 600.0

    def resolved(self) -> "ModuleSpec":
        """The same with `hf:ORG/MODEL` or `ensemble:MEMBER+MEMBER` spelled out as a module and its weights.

        Raises:
            UsageError: Both such a name and other weights are given, or it is one that only `run` knows.
        """
        kind, _, weights = self.name.partition(":")
        if kind == "in_turn":
            raise UsageError(f"{self.name}: members in turn can be run on tasks only; here take ensemble:{weights}")
        if kind not in ("hf", "ensemble") or ":" not in self.name:
            return self
        if self.weights:
            raise UsageError(f"{self.name} names its weights already; leave out --weights {self.weights}")
        options = (self.options, self.device, self.python, self.timeout)
        return ModuleSpec(f"hear_ssl.{kind}", weights, *options)


class Module(Protocol):
    """What can be asked of an opened module; shapes as in `worker.Driver`."""

    def describe(self) -> dict[str, Any]:
        """Sizes, framework, device, hashes and versions."""

    def scene(self, audio: np.ndarray) -> np.ndarray:
        """(n, samples) -> (n, size), float32."""

    def timestamps(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, samples) -> (n, n_frames, size) float32 and (n, n_frames) float64 ms."""

    def clips(self, clips: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Each (samples,) -> {view: (n, ...)}, float32."""

    def raw_facts(self) -> dict[str, Any]:
        """What the last answers were like before they were checked and converted."""


@contextlib.contextmanager
def open_module(spec: ModuleSpec) -> Iterator[Module]:
    """Load a module and give it back when done.

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
    """A module in this process; what it prints goes to standard error."""

    def __init__(self, spec: ModuleSpec):
        with stdout_to_stderr():
            try:
                self.driver = worker.Driver(spec.name, spec.weights, dict(spec.options), spec.device)
                self.described = self.driver.describe()
            except worker.ModuleTrouble as error:
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
        with stdout_to_stderr():
            try:
                return function(audio)
            except worker.ModuleTrouble as error:
                raise EvaluationError(str(error)) from error


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send what is written to standard output, by Python or C code, to standard error."""
    flush_stdout()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        flush_stdout()
        os.dup2(kept, 1)
        os.close(kept)


def flush_stdout() -> None:
    """Write out what Python and C still hold back for standard output, so that it goes where it points now."""
    sys.stdout.flush()
    with contextlib.suppress(OSError, TypeError, AttributeError):  # not every system shows its C library this way
        ctypes.CDLL(None).fflush(None)


class Remote:
    """A module in another interpreter; a crash, a hang or an early end is told, and never half an answer returned."""

    def __init__(self, spec: ModuleSpec):
        self.spec = spec
        command = [interpreter(spec.python), "-u", str(Path(worker.__file__).resolve())]
        pipe = subprocess.PIPE
        try:
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment())
        except OSError as error:
            raise UsageError(f"--python {spec.python}: cannot be run ({error.strerror or error})") from error
        self.replies: queue.Queue[tuple[dict[str, Any], list[np.ndarray]] | None] = queue.Queue()
        self.said: deque[str] = deque(maxlen=STDERR_LINES)
        self.threads = [
            threading.Thread(target=target, daemon=True) for target in (self.read_replies, self.read_stderr)
        ]
        for thread in self.threads:
            thread.start()
        load = {
            "name": spec.name,
            "weights": spec.weights,
            "options": dict(spec.options),
            "device": spec.device,
        }
        try:
            self.described = self.ask("describe", [], **load)[0]["value"]
        except BaseException as error:
            self.close()
            if isinstance(error, EvaluationError) and not isinstance(error, WorkerEnded):
                raise UsageError(str(error)) from error
            raise

    def read_replies(self) -> None:
        """Take in whole messages; None is the end of them."""
        stream: IO[bytes] = self.process.stdout  # type: ignore[assignment]

        def read(n: int) -> bytes:
            data = stream.read(n)
            if len(data) < n:
                raise EOFError
            return data

        try:
            while True:
                self.replies.put(worker.receive(read))
        except (EOFError, ValueError, OSError):
            self.replies.put(None)

    def read_stderr(self) -> None:
        """Remember the last lines that the worker said."""
        for line in self.process.stderr:  # type: ignore[union-attr]
            self.said.append(line.decode(errors="replace").rstrip())

    def ask(
        self, call: str, arrays: Sequence[np.ndarray] = (), **values: Any
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        """Send a message and wait for its answer.

        Raises:
            EvaluationError: The module complains.
            WorkerEnded: The worker crashed, or took longer than the limit.
        """
        try:
            worker.send(self.process.stdin, {"call": call, **values}, arrays)
            reply = self.replies.get(timeout=self.spec.timeout)
        except OSError:  # the pipe is broken
            reply = None
        except queue.Empty:
            self.process.kill()
            raise WorkerEnded(
                f"module {self.spec.name} in {self.spec.python}: {call} gave no answer within {self.spec.timeout:g} s and "
                f"was stopped; allow more with --worker-timeout{self.last_words()}"
            ) from None
        if reply is None:
            raise WorkerEnded(
                f"module {self.spec.name} in {self.spec.python}: {self.ending()} during {call}{self.last_words()}"
            )
        if not reply[0]["ok"]:
            raise EvaluationError(f"{reply[0]['error']} (in {self.spec.python})")
        return reply

    def ending(self) -> str:
        """How the worker ended, in words."""
        try:
            code = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "the worker stopped answering"
        if code >= 0:
            return f"the worker ended with exit code {code}"
        name = signal.Signals(-code).name
        return f"the worker was killed by {name}{' (out of memory?)' * (name == 'SIGKILL')}"

    def last_words(self) -> str:
        """What the worker said last, if anything."""
        self.threads[1].join(timeout=2)
        return "\nIts last words:\n  " + "\n  ".join(self.said) if self.said else ""

    def describe(self) -> dict[str, Any]:
        """See `Module`."""
        return dict(self.described)

    def scene(self, audio: np.ndarray) -> np.ndarray:
        """See `Module`."""
        return self.ask("scene", [audio])[1][0]

    def timestamps(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Module`."""
        frames, times = self.ask("timestamps", [audio])[1]
        return frames, times

    def clips(self, clips: list[np.ndarray]) -> dict[str, np.ndarray]:
        """See `Module`."""
        header, arrays = self.ask("clips", clips)
        return dict(zip(header["views"], arrays, strict=True))

    def raw_facts(self) -> dict[str, Any]:
        """See `Module`."""
        return self.ask("raw_facts")[0]["value"]

    def close(self) -> None:
        """End the worker: it goes by itself when its input closes, else by force."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def interpreter(python: str) -> str:
    """The interpreter that `--python` means: a program, or one in a virtual environment's folder.

    Raises:
        UsageError: There is none.
    """
    path = Path(python).expanduser()
    for candidate in (path, path / "bin" / "python", path / "Scripts" / "python.exe"):
        if candidate.is_file():
            return str(candidate)
    if found := shutil.which(python):
        return found
    raise UsageError(f"--python {python}: neither an interpreter nor a virtual environment's folder")


def environment() -> dict[str, str]:
    """The worker's environment: ours, with as many threads as we use, so that its numbers are the same bit for bit."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    torch = sys.modules.get("torch")
    if torch is not None:
        inherited["OMP_NUM_THREADS"] = str(torch.get_num_threads())
    return inherited
