"""How embeddings are judged: one YAML file a protocol, in a published and a clean profile.

The published profile follows the code behind the printed numbers, its accidents included; the clean one is the same
protocol without them. What a profile changes stands in `differs`. A protocol says which embedding is judged and by
which judge: a linear layer trained by gradient, logistic regression, or nearest neighbours.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.errors import UsageError
from evaluator.schema import Document, Field

PROFILES = ("clean", "published")


@dataclass(frozen=True)
class Linear:
    """One linear layer, trained by gradient (`evaluator/probe.py`).

    optimiser, learning_rate, weight_decay, epochs, batch_size: Of the training.
    warmup_share: Share of all steps over which the learning rate rises from 0, before it falls linearly to 0.
    extra_step_per_epoch: Whether the schedule advances once more after each epoch.
    weights: `last` epoch's, or those with the lowest validation loss (`best_valid`).
    """

    kind: str
    optimiser: str
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    warmup_share: float
    extra_step_per_epoch: bool
    weights: str


@dataclass(frozen=True)
class Logistic:
    """Logistic regression with an L2 penalty (`evaluator/closed_form.py`).

    strengths: Inverse penalties C to choose from on validation, scikit-learn's unit.
    most_iterations: Of the solver (L-BFGS).
    """

    kind: str
    strengths: tuple[float, ...]
    most_iterations: int


@dataclass(frozen=True)
class Neighbours:
    """The labels of the nearest training clips by cosine, each counting the same (`evaluator/closed_form.py`).

    numbers: How many neighbours, to choose from on validation.
    """

    kind: str
    numbers: tuple[int, ...]


Judge = Linear | Logistic | Neighbours


@dataclass(frozen=True)
class Protocol:
    """Everything that a protocol fixes, in one profile.

    clip: `cut_and_pad` (zeros up to the task's length), `cut` (long clips only) or `whole`.
    view: Which stored embedding is judged ("scene").
    choose_layer: Where layers compete (`--layers all`), which part's score chooses: `valid`, or `test` as some papers do.
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
    choose_layer: str
    judge: Judge

    @property
    def sha256(self) -> str:
        """SHA-256 over everything that decides a score; titles and sources are left out."""
        words = ("title", "citation", "source", "differs")
        decides = {name: value for name, value in asdict(self).items() if name not in words}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


_KIND = Field(str)
_JUDGES: Mapping[str, tuple[type[Any], Mapping[str, Field]]] = {
    "linear": (
        Linear,
        {
            "kind": _KIND,
            "optimiser": Field(str, choices=("adamw",)),
            "learning_rate": Field(float, least=1e-12),
            "weight_decay": Field(float, least=0),
            "epochs": Field(int, least=1),
            "batch_size": Field(int, least=1),
            "warmup_share": Field(float, least=0, most=1),
            "extra_step_per_epoch": Field(bool),
            "weights": Field(str, choices=("last", "best_valid")),
        },
    ),
    "logistic": (
        Logistic,
        {
            "kind": _KIND,
            "strengths": Field(list, each=Field(float, least=1e-12)),
            "most_iterations": Field(int, least=1),
        },
    ),
    "neighbours": (Neighbours, {"kind": _KIND, "numbers": Field(list, each=Field(int, least=1))}),
}
_PROFILE_FIELDS = {
    "differs": Field(str),
    "clip": Field(str, choices=("cut_and_pad", "cut", "whole")),
    "choose_layer": Field(str, required=False, default="valid", choices=("valid", "test")),
    "judge": Field(dict, required=False, default={}),  # fields in which this profile's judge is its own
}
_FIELDS = {
    "name": Field(str),
    "title": Field(str),
    "citation": Field(str),
    "source": Field(str),
    "view": Field(str, choices=("scene",)),
    "judge": Field(dict),
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
    document = schema.parse(path)
    fields = document.check(_FIELDS)
    judges = {each: _judge(document, each) for each in PROFILES}
    said = fields.pop("profiles")[profile]
    return Protocol(**{**fields, **said, "judge": judges[profile], "profile": profile})


def _judge(document: Document, profile: str) -> Judge:
    """The judge with the profile's own fields; a field stands in one place, for both profiles or for each."""
    shared, own = document.at(("judge",)), document.at(("profiles", profile)).get("judge", {})
    kind = shared.get("kind")
    if not isinstance(kind, str) or kind not in _JUDGES:
        raise document.error(("judge", "kind"), schema.unknown("kind", kind, _JUDGES))
    made, fields = _JUDGES[kind]
    keys = ("profiles", profile, "judge")
    for name in own:
        if name in shared:
            raise document.error(
                (*keys, name), "stands under judge too; say it there for both profiles, or here for each"
            )
    ours = document.check({name: field for name, field in fields.items() if name not in own}, ("judge",))
    theirs = document.check({name: fields[name] for name in own if name in fields}, keys) if own else {}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in {**ours, **theirs}.items()}
    return made(**values)


def list_protocols() -> list[Protocol]:
    """Every built-in protocol in each of its profiles."""
    return [load(name, profile) for name in schema.names_in("protocols") for profile in PROFILES]
