"""A task: a question about a dataset, as data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from evaluator.datasets.dataset import Dataset


@dataclass(frozen=True)
class Task:
    """A question about a dataset: which clips, (n_clips,), which labels, how divided, how scored.

    clip_seconds: Clips are heard up to this length; None for whole clips.
    labels: `single` (exactly one a clip), `multi` (any number) or `events` (any number, with times).
    source: Where the rule comes from.
    profile: `clean` or `published` where the two ask differently, else `both`.
    differs: Where they do, what the published one does and the clean one does not.
    order: Of a seeded split, where the order of the clips before the draw comes from, and whether it can be repeated.
    probe, events: What it changes of its own protocol: fields of the probe, and how events are made of probabilities.
    path: Path of a user's own file or folder; "" for a task that has a name.
    channel: What becomes of several channels: `mix`, `first`, `loudest` or a number from 1 on (`ClipRule`).
    expand: How many times slower than life clips are heard; None for as their files play.
    """

    name: str
    dataset: Dataset
    split: Mapping[str, Any]
    clip_seconds: float | None
    labels: str
    metric: str
    protocol: str
    source: str
    profile: str = "both"
    differs: str = ""
    order: str = ""
    probe: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[tuple[float, float], ...] = ()
    path: str = ""
    channel: str = "mix"
    expand: float | None = None

    def heard(self, channel: str | None, expand: float | None) -> "Task":
        """The task with clips, (n_clips,), heard otherwise; None leaves a rule as it is."""
        return replace(
            self,
            channel=self.channel if channel is None else channel,
            expand=self.expand if expand is None else expand,
        )

    @property
    def spec_sha256(self) -> str:
        """SHA-256 over everything that decides the task's numbers; titles, notes and places are left out."""
        decides: dict[str, Any] = {
            "name": self.name,
            "dataset": [self.dataset.name, list(map(asdict, self.dataset.readers)), self.dataset.known_bad],
            "split": self.split,
            "clip_seconds": self.clip_seconds,
            "labels": self.labels,
            "metric": self.metric,
        }
        if self.channel != "mix" or self.expand is not None:
            decides["heard"] = [self.channel, self.expand]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
