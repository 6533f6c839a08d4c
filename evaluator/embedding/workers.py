"""Processes that embed into the same cache at the same time, on this machine or on many: actors of Ray (extra `ray`).

A worker does what every process does that shares a cache: it opens the module, claims shards, embeds them in the batches of their
plan and writes them whole. Who asks for the clips afterwards finds them in the store, makes what is missing, and checks all as if it
had been alone. So a worker that is lost costs the shard that it was making, and results are those of one process with as many
threads. All that machines have to share is the cache and the data, under the same paths.
"""

import contextlib
import importlib.util
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluator.datasets.recordings import Recordings
from evaluator.embedding.extraction import Help
from evaluator.embedding.ray_worker import Worker, show
from evaluator.embedding.shift import PATIENCE, POLL_SECONDS, Shift
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError

GPU = "gpu"
CONNECT_SECONDS = 10.0

_log = logging.getLogger(__name__)


def hired(workers: int | str, address: str) -> "RayWorkers | None":
    """What `--workers` and `--ray` ask for; None if nothing.

    Args:
        workers: How many, or `gpu` for one on each GPU; "" for one on each processor of the cluster.
        address: Of a cluster of Ray that runs already, as `ray.init` takes it; "" for this machine.

    Raises:
        UsageError: It is neither a number nor `gpu`, or Ray is not installed.
    """
    said = str(workers)
    if not said and not address:
        return None
    if said and said != GPU and not (said.isdecimal() and int(said)):
        raise UsageError(f"--workers {said}: give a number from 1, or gpu for a worker on each GPU")
    if importlib.util.find_spec("ray") is None:
        option = f"--ray {address}" if address else f"--workers {said}"
        raise UsageError(f'{option}: workers run on Ray, which is not installed: pip install "hear-ssl[ray]"')
    return RayWorkers(int(said) if said.isdecimal() else None, said == GPU, address)


class RayWorkers(contextlib.AbstractContextManager["RayWorkers"]):
    """Workers on Ray, started when there is work for the first time and ended with this context.

    They stay from module to module; those that were lost, or never found room, are asked for again with the next work.

    Args:
        n: How many; None for one for each GPU, or each processor, that there is.
        gpu: Whether each has a GPU of its own.
        address: Of a cluster that runs already; "" for this machine.
    """

    def __init__(self, n: int | None, gpu: bool, address: str):
        self.n, self.gpu, self.address = n, gpu, address
        self.threads = 1
        self.actors: list[Any] = []
        self.ours = False  # whether Ray was started or joined here
        self.n_started = 0

    def __exit__(self, *_: object) -> None:
        if self.n_started:
            import ray

            for actor in self.actors:
                ray.kill(actor)
        if self.ours:
            ray.shutdown()

    def embed(
        self, spec: ModuleSpec, views: str, recordings: Recordings, cache: Path, look: Callable[[], object]
    ) -> Help:
        """Have a module's embeddings of clips made; whatever fails or is lost there is left to whoever asks.

        Args:
            spec, views, recordings, cache: As for `ensemble.embed`.
            look: Called about twice a second while they work.

        Raises:
            UsageError: There is no such cluster, it has no GPU, or the module needs one that workers do not have.
        """
        if spec.device.startswith("cuda") and not self.gpu:
            raise UsageError(f"--device {spec.device}: workers that have a GPU each are --workers gpu")
        began = time.monotonic()
        ray = self.joined()
        self.hire(ray)
        sent = replace(spec, instance=None, device="cuda" if self.gpu else spec.device)
        work = ray.put((sent, views, recordings, cache.absolute()))
        shift = Shift(ray, self.actors, [(each.open.remote(sent), each.embed.remote(work)) for each in self.actors])
        while shift.goes_on():
            shift.wait()
            look()
        for actor in shift.without_room():
            ray.kill(actor)
        self.actors = [actor for actor in self.actors if actor in shift.begun and actor not in shift.lost]
        for why in dict.fromkeys(shift.complaints):
            _log.warning("%s: a worker stopped: %s", spec.name, why)
        if shift.lost:
            _log.warning(
                "%s: %d of %d workers were lost; the shards that they had begun are made again",
                spec.name,
                len(shift.lost),
                len(shift.begun),
            )
        ended = time.monotonic()
        start = (shift.first or ended) - began
        took = round(start, 3), round(ended - began - start, 3), shift.processor_seconds
        return Help(len(shift.begun), len(shift.lost), self.threads, *took)

    def each(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """What a function gives of each item, worked on wherever a worker is free; None where it failed or its worker was lost.

        Raises:
            UsageError: As for `embed`.
        """
        ray = self.joined()
        self.hire(ray)
        results: list[Any] = [None] * len(items)
        ahead = deque(enumerate(items))
        calls: dict[Any, tuple[Any, int | None]] = {actor.call.remote(show, 0): (actor, None) for actor in self.actors}
        idle_since = time.monotonic()
        while True:
            if any(number is not None for _, number in calls.values()):
                idle_since = time.monotonic()
            elif not ahead or not calls or time.monotonic() - idle_since > PATIENCE:
                break
            for call in ray.wait(list(calls), timeout=POLL_SECONDS)[0]:
                actor, number = calls.pop(call)
                try:
                    answer = ray.get(call)
                except ray.exceptions.RayActorError:
                    self.actors.remove(actor)
                    continue
                except ray.exceptions.RayError:
                    answer = None  # who asked does it again, and learns why
                if number is not None:
                    results[number] = answer
                if ahead:
                    number, item = ahead.popleft()
                    calls[actor.call.remote(function, item)] = actor, number
        for actor, _ in calls.values():  # there was no room for them
            ray.kill(actor)
            self.actors.remove(actor)
        return results

    def joined(self) -> Any:
        """Ray, started on this machine or joined at its address, unless the caller's process did so before.

        Raises:
            UsageError: There is nothing at the address, or no GPU.
        """
        import ray

        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report home
        os.environ.setdefault("RAY_worker_niceness", "0")  # workers here count as much as this process would alone
        quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
        if not ray.is_initialized():
            _refuse_silence(self.address)
            on_sigterm = signal.getsignal(signal.SIGTERM)
            try:
                if self.address:
                    ray.init(address=self.address, **quiet)
                else:
                    n_processors = (self.n or 1) * _threads(_n_processors() // (self.n or 1))
                    ray.init(address="local", num_cpus=n_processors, include_dashboard=False, **quiet)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise UsageError(f"--ray {self.address or 'on this machine'}: {error}") from error
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, on_sigterm)  # Ray puts its own handler there
            self.ours = True
        return ray

    def hire(self, ray: Any) -> None:
        """Ask for as many workers as there should be.

        Raises:
            UsageError: There is no GPU.
        """
        there = ray.cluster_resources()
        if self.gpu and not there.get("GPU"):
            raise UsageError(f"--workers gpu: Ray finds no GPU {f'at {self.address}' if self.address else 'here'}")
        here = not self.address and not self.gpu
        self.threads = _threads(_n_processors() // (self.n or 1) if here else 1)
        n = self.n or int(there["GPU"] if self.gpu else there.get("CPU", 1) // self.threads)
        room = {"num_cpus": 0, "num_gpus": 1} if self.gpu else {"num_cpus": self.threads, "num_gpus": 0}
        while len(self.actors) < max(1, n):
            actor = ray.remote(Worker).options(**room).remote(self.n_started, self.threads, os.getcwd(), sys.path)
            self.actors.append(actor)
            self.n_started += 1


def _refuse_silence(address: str) -> None:
    """Look whether anything answers at HOST:PORT: Ray itself tries for minutes.

    Raises:
        UsageError: Nothing does.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"--ray {address}: no cluster of Ray answers there ({error})") from error


def _n_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads(otherwise: int) -> int:
    """Threads of a worker: what the user's OMP_NUM_THREADS says, else as said here, at least one."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) else max(1, otherwise)
