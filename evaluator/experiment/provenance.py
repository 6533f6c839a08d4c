"""Where a score comes from: all that is needed to ask the very same question again, and how long it took."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from evaluator.datasets.task import Task
from evaluator.embedding import spent
from evaluator.embedding.extraction import Extraction
from evaluator.embedding.spec import Module
from evaluator.probes import training
from evaluator.probes.protocol import Protocol
from evaluator.results import environment


class Clock:
    """Seconds by stage: wall time, and processor time of all threads and processes together."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self.seconds: dict[str, float] = {}
        self.processor: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        """Begin a stage now."""
        self.last = spent.now()

    def lap(self, stage: str) -> None:
        """End the stage, or a part of it that comes on top of the others, and begin the next."""
        now = spent.now()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now.wall - self.last.wall
        self.processor[stage] = self.processor.get(stage, 0.0) + now.processor - self.last.processor
        self.last = now

    def take_over(self, stage: str, other: "Clock") -> None:
        """Count a stage that was timed for several results at once, in seconds."""
        if stage in other.seconds:
            self.seconds[stage], self.processor[stage] = other.seconds[stage], other.processor[stage]

    def lap_embedding(self, extraction: Extraction) -> None:
        """End the stage of embedding (n_clips,) clips: reading, the module, and the rest, which is to keep and to prove.

        Reading goes on beside the module: its wall time is what was waited for, and the processor time of the module holds that of the
        rest.
        """
        self.lap("embed")
        whole = self.seconds["embed"]
        self.seconds.update(extraction.seconds)
        self.seconds["keep"] = max(0.0, whole - sum(extraction.seconds.values()))
        self.processor["read"] = extraction.read_processor
        if extraction.help:
            self.processor["workers"] = sum(sum(each.processor_seconds) for each in extraction.help)
        self.processor["embed"] = max(0.0, self.processor["embed"] - extraction.read_processor)


def audio_sha256(extraction: Extraction) -> str:
    """SHA-256 over the audio of the clips as it was used, in their order; it changes with a file or the clip rule.

    Cuts and paddings count in seconds.
    """
    return hashlib.sha256(json.dumps(sorted(extraction.keys.items())).encode()).hexdigest()


def provenance(module: Module, task: Task, protocol: Protocol) -> dict[str, Any]:
    """What decides question and answer as far as task, protocol and module tell: whole, and as hashes."""
    return {
        "dataset_variant": task.dataset.variant,
        "task_profile": task.profile,
        "task_sha256": task.spec_sha256,
        "protocol_sha256": protocol.sha256,
        "protocol_says": protocol.title,
        "protocol_differs": protocol.differs,
        "task": task.document(),
        "protocol": protocol.document(),
        "module": _without_heard(environment.parted(module.describe())[0]),
    }


def machine(clock: Clock, module: Module, task: Task, protocol: Protocol, device: str) -> dict[str, Any]:
    """When (in ISO 8601, to the second), where and on which machine it was asked, and what the user called what was asked.

    Args:
        clock: When it began.
        module, task, protocol: What was asked.
        device: Where probes train, as the user asked for it: "auto", "cpu", "cuda", ...
    """
    import torch

    chosen = training.pick_device(device)
    return {
        **environment.machine(clock.started),
        "asked_task": task.path or task.name,
        "asked_protocol": protocol.path or protocol.name,
        "probe_device": chosen,
        "processor": environment.processor(chosen),
        "threads": torch.get_num_threads(),
        "module": environment.parted(module.describe())[1],
    }


def _without_heard(described: Mapping[str, Any]) -> dict[str, Any]:
    """What a module says of itself, without the hashes of the sounds that it heard: how many there are is enough."""
    told = {**described, "heard": len(described.get("heard", ()))}
    if "members" in described:
        told["members"] = [_without_heard(each) for each in described["members"]]
    return told


def surroundings(clock: Clock) -> dict[str, Any]:
    """When (in ISO 8601, to the second), by which command and with what something was made, but for what was asked."""
    return environment.surroundings(clock.started)
