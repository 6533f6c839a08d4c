"""How embeddings are judged: one YAML file a protocol, in a published and a clean profile.

The published profile follows the code behind the printed numbers, its accidents included; the clean one is the same
protocol without them. What a profile changes stands in `differs`.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluator import schema
from evaluator.errors import UsageError
from evaluator.schema import Field

PROFILES = ("clean", "published")


@dataclass(frozen=True)
class Protocol:
    """Everything that a protocol fixes, in one profile.

    clip: `cut_and_pad` (zeros up to the task's length), `cut` (long clips only) or `whole`.
    view: Which stored embedding is judged ("scene").
    optimiser, learning_rate, weight_decay, epochs, batch_size: Of the probe's training.
    warmup_share: Share of all steps over which the learning rate rises from 0, before it falls linearly to 0.
    extra_step_per_epoch: Whether the schedule advances once more after each epoch.
    weights: `last` epoch's, or those with the lowest validation loss (`best_valid`).
    differs: What this profile does otherwise than its sibling, in a sentence.
    """

    name: str
    profile: str
    title: str
    citation: str
    source: str
    differs: str
    clip: str
    view: str
    optimiser: str
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    warmup_share: float
    extra_step_per_epoch: bool
    weights: str

    @property
    def sha256(self) -> str:
        """SHA-256 over everything that decides a score; titles and sources are left out."""
        words = ("title", "citation", "source", "differs")
        decides = {name: value for name, value in asdict(self).items() if name not in words}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


_PROFILE_FIELDS = {
    "differs": Field(str),
    "clip": Field(str, choices=("cut_and_pad", "cut", "whole")),
    "weights": Field(str, choices=("last", "best_valid")),
    "extra_step_per_epoch": Field(bool),
}
_FIELDS = {
    "name": Field(str),
    "title": Field(str),
    "citation": Field(str),
    "source": Field(str),
    "view": Field(str, choices=("scene",)),
    "optimiser": Field(str, choices=("adamw",)),
    "learning_rate": Field(float, least=1e-12),
    "weight_decay": Field(float, least=0),
    "epochs": Field(int, least=1),
    "batch_size": Field(int, least=1),
    "warmup_share": Field(float, least=0, most=1),
    "profiles": Field(dict, fields={name: Field(dict, fields=_PROFILE_FIELDS) for name in PROFILES}),
}


def load(name: str, profile: str = "clean") -> Protocol:
    """A protocol by its name, or from a user's YAML file, in one of its profiles.

    Raises:
        UsageError: No such protocol or profile, or its file is wrong; the sentence names the field.
    """
    if profile not in PROFILES:
        raise UsageError(schema.unknown("profile", profile, PROFILES))
    if name.endswith((".yaml", ".yml")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise UsageError(f"{name}: there is no such protocol file")
    elif name in schema.names_in("protocols"):
        path = schema.tasks_folder() / "protocols" / f"{name}.yaml"
    else:
        raise UsageError(schema.unknown("protocol", name, schema.names_in("protocols")))
    fields = schema.read(path, _FIELDS)
    return Protocol(profile=profile, **fields.pop("profiles")[profile], **fields)


def list_protocols() -> list[Protocol]:
    """Every built-in protocol in each of its profiles."""
    return [load(name, profile) for name in schema.names_in("protocols") for profile in PROFILES]
