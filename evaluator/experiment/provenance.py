"""Where a score comes from: all that is needed to ask the very same question again, and how long it took."""

import hashlib
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from evaluator.datasets.task import Task
from evaluator.embedding.extraction import Extraction
from evaluator.embedding.spec import Module
from evaluator.probes import training
from evaluator.probes.protocol import Protocol

PACKAGES = ("hear-ssl", "torch", "transformers", "numpy", "scipy", "scikit-learn", "soundfile", "soxr")


class Clock:
    """Wall time by stage, in seconds."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self.seconds: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        """Begin a stage now."""
        self.last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End the stage and begin the next."""
        now = time.perf_counter()
        self.seconds[stage] = now - self.last
        self.last = now


def audio_sha256(extraction: Extraction) -> str:
    """SHA-256 over the audio of the clips as it was used, in their order; it changes with a file or the clip rule.

    Cuts and paddings count in seconds.
    """
    return hashlib.sha256(json.dumps(sorted(extraction.keys.items())).encode()).hexdigest()


def provenance(clock: Clock, module: Module, task: Task, protocol: Protocol, device: str) -> dict[str, Any]:
    """Where a score comes from: all that is needed to ask the very same question again."""
    return {
        **surroundings(clock),
        "asked_task": task.path or task.name,
        "asked_protocol": protocol.path or protocol.name,
        "dataset_variant": task.dataset.variant,
        "task_profile": task.profile,
        "task_sha256": task.spec_sha256,
        "protocol_sha256": protocol.sha256,
        "protocol_says": protocol.title,
        "protocol_differs": protocol.differs,
        "module": _without_heard(module.describe()),
        "probe_device": training.pick_device(device),
    }


def _without_heard(described: Mapping[str, Any]) -> dict[str, Any]:
    """What a module says of itself, without the hashes of the sounds that it heard: how many there are is enough."""
    told = {**described, "heard": len(described.get("heard", ()))}
    if "members" in described:
        told["members"] = [_without_heard(each) for each in described["members"]]
    return told


def surroundings(clock: Clock) -> dict[str, Any]:
    """When, where and by which command something was made, but for what was asked."""
    return {
        "started": clock.started.isoformat(timespec="seconds"),
        "command": sys.argv[1:],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of the packages that a number may depend on, those that are installed."""
    installed = {}
    for name in PACKAGES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed
