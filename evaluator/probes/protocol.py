"""How frozen embeddings are evaluated: one YAML file a protocol, in a published and a clean profile.

The published profile follows the code behind the printed numbers, its deviations included; the clean one is the same
protocol without them. What a profile changes stands in `differs`. A protocol says how much of each clip is used, which features
a probe reads, and which probe (`evaluator/probes/kinds/`).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.errors import UsageError
from evaluator.probes import settings
from evaluator.probes.kind import ProbeKind
from evaluator.schema import Field
from evaluator.scoring.intervals import MEAN, POOLED

PROFILES = ("clean", "published")
LAYERS = ("scene", "all", "last", "mean", "weighted")  # or numbers from 0
_NUMBERS = re.compile(r"\d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*", re.ASCII)


@dataclass(frozen=True)
class Protocol:
    """Everything that a protocol fixes, in one profile.

    clip: `cut_and_pad` (zeros up to the task's length), `cut` (long clips only) or `whole`.
    min_seconds, fill: Shorter clips are filled up to this length, with `zeros` or by `repeat`ing them; None for no.
    peak: Whether each clip is divided by its largest absolute sample.
    layers: `scene` (the module's own scene embedding), or one of `features.parse`: all, last, mean, weighted, a number.
    pooling: How the frames of a layer become one vector: `mean`, or `mean+std` (one after the other).
    standardise: Whether features are set to mean 0 and deviation 1 of the training clips.
    choose_layer: Where layers compete, which part's score chooses: `valid`, or `test` as some papers do.
    events: For tasks that ask when: (median filter, minimum duration) in ms to choose from on validation; empty where the
        protocol evaluates whole clips only.
    differs: What this profile does otherwise than its sibling, in a sentence.
    path: Path of a user's own file; "" for a protocol that has a name.
    """

    name: str
    profile: str
    title: str
    citation: str
    source: str
    differs: str
    clip: str
    min_seconds: float | None
    fill: str
    peak: bool
    layers: str
    pooling: str
    standardise: bool
    choose_layer: str
    events: tuple[tuple[float, float], ...]
    probe: ProbeKind
    path: str = ""

    @property
    def over_folds(self) -> str:
        """How (n_folds,) make one score: all their test clips together; as published, the mean of the folds' scores."""
        return POOLED if self.profile == "clean" else MEAN

    @property
    def sha256(self) -> str:
        """SHA-256 over everything that decides a score; titles and sources are left out."""
        return sha256_of(self.document())

    def document(self) -> dict[str, Any]:
        """The whole protocol as plain values that JSON holds, the probe's settings included; where its file lies is left out."""
        plain = {name: value for name, value in asdict(self).items() if name != "path"}
        return {**plain, "probe": {"kind": settings.kind_of(self.probe), **plain["probe"]}}

    def adapted(self, changes: Mapping[str, Any], events: tuple[tuple[float, float], ...], task: str) -> "Protocol":
        """The protocol as a task (its name) wants its own: some fields of the probe, and the event choices if any.

        Raises:
            UsageError: The probe has no such fields.
        """
        return replace(self, probe=settings.adapted(self.probe, changes, task), events=events or self.events)


def sha256_of(document: Mapping[str, Any]) -> str:
    """`Protocol.sha256` of a whole protocol, also of one that was written as JSON and read again."""
    words = ("title", "citation", "source", "differs")
    decides = {name: value for name, value in document.items() if name not in words}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def from_document(document: Mapping[str, Any], path: str = "") -> Protocol:
    """The protocol that `Protocol.document` gave; its probe predicts probabilities (n_rows, n_classes).

    Args:
        document: The whole protocol.
        path: Of the user's own file; "" for a protocol that has a name.

    Raises:
        UsageError: It is no whole protocol; the sentence says what is wrong with it.
    """
    try:
        events = tuple((median, shortest) for median, shortest in document["events"])
        probe = settings.from_plain(document["probe"])
        return Protocol(**{**document, "events": events, "probe": probe, "path": path})
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"the result's protocol is not whole ({error!r:.120}); run it anew by the protocol's name"
        ) from error


EVENTS = Field(
    list,
    required=False,
    default=[],
    each=Field(list, each=Field(float, min=0)),
    meaning="For events: pairs of median filter and minimum duration, in ms, to choose from on validation.",
)
_PROFILE_FIELDS = {
    "differs": Field(str, meaning="What this profile does otherwise than the other, in a sentence."),
    "clip": Field(
        str,
        choices=("cut_and_pad", "cut", "whole"),
        meaning="Clips are cut and zero-padded to the length of the task, cut only, or used whole.",
    ),
    "choose_layer": Field(
        str,
        required=False,
        default="valid",
        choices=("valid", "test"),
        meaning="Where layers compete, the part of the split whose score chooses.",
    ),
    "probe": Field(dict, required=False, default={}, meaning="Fields of the probe that are this profile's own."),
}
FIELDS = {
    "name": Field(str, meaning="Name of the protocol, that of its file."),
    "title": Field(str, meaning="What it does, in a line."),
    "citation": Field(str, meaning="What to cite."),
    "source": Field(str, meaning="Where its numbers come from."),
    "min_seconds": Field(
        (float, type(None)), required=False, min=0, meaning="Shorter clips are filled up to this length, in seconds."
    ),
    "fill": Field(str, required=False, default="zeros", choices=("zeros", "repeat"), meaning="What fills them."),
    "peak": Field(
        bool, required=False, default=False, meaning="Whether each clip is divided by its largest absolute sample."
    ),
    "layers": Field(
        str,
        required=False,
        default="scene",
        meaning="Which embeddings are evaluated: scene, all, last, mean, weighted, or numbers in quotes.",
    ),
    "pooling": Field(
        str,
        required=False,
        default="mean",
        choices=("mean", "mean+std"),
        meaning="How the frames of a layer become one vector.",
    ),
    "standardise": Field(
        bool,
        required=False,
        default=False,
        meaning="Whether features are set to mean 0 and standard deviation 1 of the training clips.",
    ),
    "events": EVENTS,
    "probe": Field(dict, meaning="The probe: its kind, and the fields of that kind."),
    "profiles": Field(
        dict,
        fields={
            name: Field(dict, fields=_PROFILE_FIELDS, meaning=f"What the {name} profile says.") for name in PROFILES
        },
        meaning="What clean and published say each for itself.",
    ),
}


def load(name: str, profile: str = "clean") -> Protocol:
    """A protocol by its name, or from a user's YAML file, in one of its profiles.

    Raises:
        UsageError: No such protocol or profile, or its file is wrong; the sentence names the field.
    """
    if profile not in PROFILES:
        raise UsageError(schema.unknown("profile", profile, PROFILES))
    if name.endswith((".yaml", ".yml")):
        file = Path(name).expanduser()
        path = str(file.absolute())
        if not file.is_file():
            raise UsageError(f"{name}: there is no such protocol file")
    elif name in schema.names_in("protocols"):
        path = ""
        file = schema.tasks_folder() / "protocols" / f"{name}.yaml"
    else:
        raise UsageError(schema.unknown("protocol", name, schema.names_in("protocols")))
    document = schema.parse(file)
    fields = document.check(FIELDS)
    probe_of = {each: settings.read(document, each) for each in PROFILES}
    own = fields.pop("profiles")[profile]
    fields["events"] = event_choices(document, ("events",), fields["events"])
    if not is_layers(fields["layers"]):
        raise document.error(
            ("layers",), f"is {fields['layers']!r}, but should be {', '.join(LAYERS)}, or numbers in quotes"
        )
    return Protocol(**{**fields, **own, "probe": probe_of[profile], "profile": profile, "path": path})


def is_layers(text: str) -> bool:
    """Whether a text says which layers are evaluated: one of `LAYERS`, or numbers."""
    return text in LAYERS or bool(layer_numbers(text))


def layer_numbers(text: str) -> list[int]:
    """The layers that a text names by their numbers from 0, (n_layers,), each once, in order; none for any other text.

    >>> layer_numbers("6"), layer_numbers("1,6,12"), layer_numbers("0-2,12"), layer_numbers("all"), layer_numbers("4-2")
    ([6], [1, 6, 12], [0, 1, 2, 12], [], [])
    """
    if not _NUMBERS.fullmatch(text):
        return []
    ends = [[int(number) for number in part.split("-")] for part in text.split(",")]
    if any(first > last for first, *_, last in ((*each, each[-1]) for each in ends)):
        return []
    return sorted({number for each in ends for number in range(each[0], each[-1] + 1)})


def event_choices(
    document: schema.Document, keys: tuple[str, ...], pairs: list[list[float]]
) -> tuple[tuple[float, float], ...]:
    """Pairs of median filter and minimum duration in ms, as a file has them.

    Raises:
        UsageError: One is no pair.
    """
    for number, pair in enumerate(pairs):
        if len(pair) != 2:
            raise document.error((*keys, str(number)), "should be a pair: median filter and minimum duration, in ms")
    return tuple((median, shortest) for median, shortest in pairs)


def list_protocols() -> list[Protocol]:
    """Every built-in protocol in each of its profiles, (n_protocols,), by name, the clean one first."""
    return [load(name, profile) for name in schema.names_in("protocols") for profile in PROFILES]
