"""How long a module takes for an hour of audio on this machine: measured in a few seconds, and remembered with the machine's facts."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.embedding import spent
from evaluator.embedding.spec import Module
from evaluator.files import write_whole
from evaluator.own_cache import own_folder

CLIP_SECONDS, BATCH = 5.0, 4  # of noise, which takes as long as any sound
ENOUGH_SECONDS = 3.0  # of wall time; one batch at least
_FILE = "speed.json"


@dataclass(frozen=True)
class Speed:
    """Seconds that a module takes for an hour of audio in clips of 5 s, decoding left out.

    wall: As a clock shows, with all threads of this machine.
    processor: Of all threads together.
    random_weights: Whether its own weights were not here, and the same network with random ones was measured.
    machine: Name of the processor, how many of them, threads, and device.
    measured: When, as an ISO date.
    """

    wall: float
    processor: float
    random_weights: bool
    machine: dict[str, Any]
    measured: str


def measure(module: Module, random_weights: bool) -> Speed:
    """The speed of an open module, over clips (n_clips, n_samples) of noise.

    Args:
        module: Asked for scene embeddings, in batches of equally long clips.
        random_weights: Whether these are not its own.

    Raises:
        EvaluationError: It fails.
    """
    described = module.describe()
    rate = int(described["sample_rate"])
    audio = np.random.default_rng(0).uniform(-0.1, 0.1, (BATCH, int(CLIP_SECONDS * rate))).astype(np.float32)
    module.scene(audio[:1])  # what only the first call takes
    began, n_batches, until = spent.now(), 0, time.perf_counter() + ENOUGH_SECONDS
    while n_batches == 0 or time.perf_counter() < until:
        module.scene(audio)
        n_batches += 1
    ended = spent.now()
    hours = n_batches * BATCH * CLIP_SECONDS / 3600
    took = (ended.wall - began.wall) / hours, (ended.processor - began.processor) / hours
    return Speed(*took, random_weights, machine(described), datetime.now(UTC).date().isoformat())


def machine(described: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a speed depends on beside the module, as far as it is known without torch."""
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
        "device": str((described or {}).get("device", "cpu")),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def remember(cache: Path, name: str, speed: Speed) -> None:
    """Keep what was measured of a module, in seconds for an hour of audio, in the cache, in place of what was there of it."""
    path = own_folder(cache, "speed") / _FILE
    known = {**_read(path), name: asdict(speed)}
    write_whole(path, (json.dumps(known, indent=1) + "\n").encode())


def recall(cache: Path) -> dict[str, Speed]:
    """What was measured on a machine like this one, in seconds for an hour of audio, by module; nothing where it cannot be read."""
    here, found = machine(), {}
    for path in dict.fromkeys([cache / "speed" / _FILE, own_folder(cache, "speed", make=False) / _FILE]):
        for name, said in _read(path).items():
            try:
                speed = Speed(**said)
            except TypeError:
                continue
            if {**speed.machine, "device": ""} == {**here, "device": ""}:
                found[name] = speed
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
