"""A process that works for another one, made by Ray: what it is called for (`workers.py` calls)."""

import contextlib
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evaluator.datasets.recordings import Recordings
from evaluator.embedding import claims, ensemble, spent
from evaluator.embedding.embed import no_progress
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.errors import EvaluationError, UsageError


class Worker:
    """One worker: a process, made by Ray, that holds an open module.

    Args:
        number: Its own among all of a run; it goes through shards in an order of its own.
        threads: That torch uses.
        folder, paths: Working folder and import paths of whoever asks: a module may be a file there.
    """

    def __init__(self, number: int, threads: int, folder: str, paths: Sequence[str]):
        import torch

        os.environ["OMP_NUM_THREADS"] = str(threads)  # for a module in a process of its own
        torch.set_num_threads(threads)
        claims.take_place(number)
        self.threads = threads
        self.folder, self.spec = folder, ModuleSpec("")
        self.opened = contextlib.ExitStack()
        self.module: Module | None = None
        sys.path += [path for path in paths if path not in sys.path]

    def open(self, spec: ModuleSpec) -> str | float:
        """Open a module, unless it is open already, and close the one before; gives a number, or why it cannot be."""
        if self.module is not None and self.spec == spec:
            return 0.0
        self.opened.close()
        self.module = None
        try:
            os.chdir(self.folder)
            self.module, self.spec = self.opened.enter_context(ensemble.open_any(spec)), spec
        except (UsageError, EvaluationError) as error:
            return str(error)
        except OSError as error:
            return f"{error.filename}: {error.strerror} on {platform.node()}; workers need the same paths everywhere"
        return 0.0

    def call(self, function: Callable[[Any], Any], item: Any) -> Any:
        """What a function gives of an item."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(self.threads):
            return function(item)

    def embed(self, work: tuple[ModuleSpec, str, Recordings, Path]) -> str | float:
        """Embed what the stores lack of some clips, as `ensemble.embed`; gives its processor seconds, or why it stopped."""
        spec, views, recordings, cache = work
        began = spent.now().processor  # with that of a module in a process of its own
        if self.module is None:
            return "the module is not open"
        try:
            ensemble.embed(spec, self.module, views, recordings, cache, no_progress)
        except (UsageError, EvaluationError) as error:
            return str(error)
        return spent.now().processor - began


def show(item: Any) -> None:
    """A first piece of work, which shows that a worker is there."""
