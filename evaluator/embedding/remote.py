"""A HEAR module in another interpreter, through `worker.py`."""

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from evaluator.embedding import worker
from evaluator.embedding.spec import ModuleSpec, WorkerEnded
from evaluator.errors import EvaluationError, UsageError

STDERR_LINES = 15


class Remote:
    """A module in another interpreter; a crash, a hang or an early end is told, and never half an answer returned.

    Audio (n_clips, n_samples) and embeddings travel as raw bytes, so that not a bit changes.
    """

    def __init__(self, spec: ModuleSpec):
        self.spec = spec
        command = [interpreter(spec.python), "-u", str(Path(worker.__file__).resolve())]
        pipe = subprocess.PIPE
        try:
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment())
        except OSError as error:
            raise UsageError(f"--python {spec.python}: cannot be run ({error.strerror or error})") from error
        self.replies: queue.Queue[tuple[dict[str, Any], list[np.ndarray]] | None] = queue.Queue()
        self.last_lines: deque[str] = deque(maxlen=STDERR_LINES)
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
                if "No module named 'hear_ssl'" in str(error):
                    raise UsageError(
                        f"--python {spec.python}: {spec.name} needs hear-ssl there; install it, or leave that module out"
                    ) from error
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
            self.last_lines.append(line.decode(errors="replace").rstrip())

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
        return "\nIts last words:\n  " + "\n  ".join(self.last_lines) if self.last_lines else ""

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
    if program := shutil.which(python):
        return program
    raise UsageError(f"--python {python}: neither an interpreter nor a virtual environment's folder")


def _environment() -> dict[str, str]:
    """The worker's environment: ours, with as many threads as we use, so that its numbers are the same bit for bit."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    torch = sys.modules.get("torch")
    if torch is not None:
        inherited["OMP_NUM_THREADS"] = str(torch.get_num_threads())
    return inherited
