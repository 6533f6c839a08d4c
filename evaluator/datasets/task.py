"""A task: a question about a dataset, as data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from evaluator.datasets.dataset import Dataset
from evaluator.datasets.reading.kinds import READERS
from evaluator.errors import UsageError
from evaluator.typed import from_plain

# What a whole task says of its dataset: neither where it lies nor where it is downloaded from.
_OF_DATASET = tuple(each.name for each in fields(Dataset) if each.name not in ("root", "download"))


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
    def by_table(self) -> bool:
        """Whether it is a user's own folder or table as it stands, where no YAML file says how it is meant."""
        return bool(self.path) and Path(self.path).suffix.lower() not in (".yaml", ".yml")

    @property
    def spec_sha256(self) -> str:
        """SHA-256 over everything that decides the task's numbers; titles, notes and places are left out."""
        return spec_sha256(self.document())

    def document(self) -> dict[str, Any]:
        """The whole task as plain values that JSON holds, readers included, times in seconds; where it lies is left out."""
        plain = {name: value for name, value in asdict(self).items() if name != "path"}
        return {**plain, "dataset": {name: plain["dataset"][name] for name in _OF_DATASET}}


def spec_sha256(document: Mapping[str, Any]) -> str:
    """`Task.spec_sha256` of a whole task, also of one that was written as JSON and read again.

    Raises:
        KeyError: It lacks a field.
    """
    dataset = document["dataset"]
    decides = {name: document[name] for name in ("name", "split", "clip_seconds", "labels", "metric")}
    decides["dataset"] = [dataset["name"], dataset["readers"], dataset["known_bad"]]
    if document["channel"] != "mix" or document["expand"] is not None:
        decides["heard"] = [document["channel"], document["expand"]]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def from_document(document: Mapping[str, Any], root: Path | None = None, path: str = "") -> Task:
    """The task that `Task.document` gave, with its readers of (n_clips,) clips.

    Args:
        document: The whole task.
        root: Where the data lies, of data that knows its folder.
        path: Of the user's own file or folder; "" for a task that has a name.

    Raises:
        UsageError: It is no whole task; the sentence says what is wrong with it.
    """
    try:
        facts = dict(document["dataset"])
        readers = [
            from_plain(READERS[each["kind"]], {name: value for name, value in each.items() if name != "kind"})
            for each in facts.pop("readers")
        ]
        known_bad = tuple(facts.pop("known_bad"))
        dataset = Dataset(**facts, readers=tuple(readers), known_bad=known_bad, root=root)
        events = tuple((median, shortest) for median, shortest in document["events"])
        probe = {name: tuple(value) if isinstance(value, list) else value for name, value in document["probe"].items()}
        return Task(**{**document, "dataset": dataset, "events": events, "probe": probe, "path": path})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"the result's task is not whole ({error!r:.120}); run it anew by the task's name") from error
