"""A HEAR module in a process of its own, through `worker.py`: with this interpreter, or another."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from evaluator.embedding import interpreters, spent, worker
from evaluator.embedding.faults import FaultLog
from evaluator.embedding.spec import ModuleSpec, WorkerEnded
from evaluator.errors import UsageError

STDERR_LINES = 15
STDERR_KEPT = 8000  # bytes
LOOK_AGAIN = 0.25  # seconds between looks at whether a silent process is still there

Reply = tuple[dict[str, Any], list[np.ndarray]]
"""The header of a message and its arrays."""


class Remote:
    """A module in a process of its own; a crash, a hang or an early end is told, and never half an answer returned.

    Audio (n_clips, n_samples) and embeddings travel as raw bytes, so that not a bit changes.

    Args:
        spec: The module.
        free: Whether its own randomness runs; see `driver.Driver`.
    """

    def __init__(self, spec: ModuleSpec, free: bool = False):
        self.spec, self.free = spec, free
        self.log = FaultLog(spec.name)
        self.where = f" in {spec.python}" if spec.python else ""
        self.program = interpreters.interpreter(spec.python) if spec.python else interpreters.this_one()
        self.process = self.start()
        self.replies: queue.Queue[Reply | None] = queue.Queue()
        self.said = b""  # the last bytes that came over standard error
        self.too_slow = False
        self.threads = [
            threading.Thread(target=target, daemon=True) for target in (self.read_replies, self.read_stderr)
        ]
        for thread in self.threads:
            thread.start()
        try:
            self.described = self.load()
        except BaseException:
            self.close()
            raise

    def start(self) -> "subprocess.Popen[bytes]":
        """The worker, in a group of its own: Ctrl-C is for us, and it ends when we do.

        Raises:
            UsageError: There is no such program.
        """
        pipe = subprocess.PIPE
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        command = [self.program, "-u", str(Path(worker.__file__).resolve())]
        environment = interpreters.environment(self.spec.python)
        try:
            return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, **apart)
        except OSError as error:
            option = f"--python {self.spec.python}" if self.spec.python else self.program
            raise UsageError(f"{option}: cannot be run ({error.strerror or error})") from error

    def load(self) -> dict[str, Any]:
        """Have the module loaded; gives what it tells of itself.

        Raises:
            UsageError: It cannot be loaded there.
            WorkerEnded: The process ended, or took too long.
        """
        spec = self.spec
        wanted: dict[str, Any] = {
            "name": spec.name,
            "weights": spec.weights,
            "options": spec.loaded_options,
            "device": spec.device,
            "file": spec.file,
        }
        wanted["free"] = self.free
        if not spec.python:  # whatever can be imported here can be imported there
            wanted["path"] = [entry for entry in sys.path if isinstance(entry, str)]
        try:
            (told, _) = self.exchange("describe", [], wanted)
        except WorkerEnded:
            if spec.python and not self.too_slow:  # was it the interpreter itself that did not start?
                interpreters.refuse_unfit(self.program, spec.python)
            raise
        if told["ok"]:
            return dict(told["value"])
        if told["missing"] == "hear_ssl":
            raise UsageError(
                f"--python {spec.python}: {spec.name} needs hear-ssl there; install it, or leave that module out"
            )
        raise self.log.refusal(told, spec.python, self.program)

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
        """Pass on what the module says, as if it ran here, and remember the last of it.

        Another interpreter's is only remembered: libraries of other years have much to say.
        """
        stream: Any = self.process.stderr
        with contextlib.suppress(ValueError, OSError):
            while chunk := stream.read1(1 << 16):
                self.said = (self.said + chunk)[-STDERR_KEPT:]
                if not self.spec.python:
                    with contextlib.suppress(ValueError, OSError, AttributeError):  # ours may be closed, or None
                        sys.stderr.write(chunk.decode(errors="replace"))
                        sys.stderr.flush()

    def ask(self, call: str, arrays: Sequence[np.ndarray] = ()) -> Reply:
        """Send a message and wait for its answer.

        Raises:
            ModuleFault: The module fails, or answers what cannot be used.
            WorkerEnded: The process ended, or took longer than the limit.
        """
        reply = self.exchange(call, arrays, {})
        if not reply[0]["ok"]:
            raise self.log.fault(reply[0], f" (in {self.spec.python})" if self.spec.python else "")
        self.described["framework"] = reply[0]["framework"]
        return reply

    def exchange(self, call: str, arrays: Sequence[np.ndarray], values: dict[str, Any]) -> Reply:
        """Send a message and wait for whatever is answered; errors as those of `ask`, but for complaints."""
        limit = threading.Timer(self.spec.timeout, self.stop)
        limit.daemon = True
        limit.start()
        try:
            worker.send(self.process.stdin, {"call": call, **values}, arrays)
            reply = self.next_reply()
        except (OSError, ValueError):  # the pipe is broken, or was closed
            reply = None
        except BaseException:  # Ctrl-C: nobody waits for the answer any more
            self.kill()
            raise
        finally:
            limit.cancel()
        if reply is None:
            raise WorkerEnded(
                f"module {self.spec.name}{self.where}: {self.ending('loading' if values else call)}{self.last_words()}"
            )
        spent.told(self.process.pid, *reply[0].pop("used"))
        return reply

    def stop(self) -> None:
        """End a process that took too long."""
        self.too_slow = True
        self.kill()

    def next_reply(self) -> Reply | None:
        """The next message; None where none will come, also if a child of the dead process holds its streams open."""
        while True:
            gone = self.process.poll() is not None
            try:
                return self.replies.get(timeout=LOOK_AGAIN)
            except queue.Empty:
                if gone:
                    return None

    def ending(self, call: str) -> str:
        """How the worker ended, in words."""
        if self.too_slow:
            return (
                f"{call} gave no answer within {self.spec.timeout:g} s and was stopped; "
                "allow more with --worker-timeout"
            )
        try:
            code = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"its process stopped answering during {call}"
        if code >= 0:
            return f"its process ended with exit code {code} during {call}"
        known = {each.value: each.name for each in signal.Signals}
        name = known.get(-code, f"signal {-code}")
        return f"its process was killed by {name}{' (out of memory?)' * (name == 'SIGKILL')} during {call}"

    def last_words(self) -> str:
        """What the worker said last, if anything."""
        self.threads[1].join(timeout=2)
        lines = self.said.decode(errors="replace").rstrip().splitlines()[-STDERR_LINES:]
        return "\nIts last words:\n  " + "\n  ".join(lines) if lines else ""

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

    def reuses_memory(self, audio: np.ndarray) -> bool:
        """See `Module`."""
        return bool(self.ask("reuses_memory", [audio])[0]["value"])

    def raw_facts(self) -> dict[str, Any]:
        """See `Module`."""
        return dict(self.ask("raw_facts")[0]["value"])

    def kill(self) -> None:
        """End the process by force, and its children where the system knows groups."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg") and self.process.returncode is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()

    def close(self) -> None:
        """End the worker: it goes by itself when its input closes, else by force."""
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.close()  # type: ignore[union-attr]
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        spent.ended(self.process.pid)
        for thread, stream in zip(self.threads, (self.process.stdout, self.process.stderr), strict=True):
            thread.join(timeout=1)  # a child of the module may still hold the other end
            if not thread.is_alive():
                stream.close()  # type: ignore[union-attr]
