"""Which HEAR module, how it is loaded, and what can be asked of it once it is opened."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from evaluator import schema
from evaluator.errors import EvaluationError, UsageError

KINDS = ("ensemble", "hf", "untrained")  # what may stand before a colon in a module's name


class WorkerEnded(EvaluationError):
    """The other interpreter crashed or was stopped; nothing more can be asked of it."""


@dataclass(frozen=True)
class ModuleSpec:
    """Which module, and how it is to be loaded.

    Attributes:
        name: Importable name, path of a .py file, `hf:ORG/MODEL` for a wav2vec2-family checkpoint,
            `ensemble:MEMBER+MEMBER` for several modules as one, or `untrained:MODULE` for an untrained copy.
        weights: Path or name for load_model; "" for the module's own choice.
        options: Keyword arguments of load_model.
        device: "auto", "cpu", "cuda", ...
        python: Another interpreter, or its virtual environment's folder; "" for this one.
        timeout: Seconds that one call in another interpreter may take.
        allow_unrepeatable: Whether embeddings are taken that differ when they are asked for again.
        instance: The HEAR module itself, where it was given instead of a name; it is asked in this process.
        session: For an object that is no imported module, whose state no key can name: the temporary folder of its
            embeddings, which are never found again after it; None for others.
    """

    name: str
    weights: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    python: str = ""
    timeout: float = 600.0
    allow_unrepeatable: bool = field(default=False, compare=False)
    instance: Any = field(default=None, compare=False, repr=False)
    session: TemporaryDirectory[str] | None = field(default=None, repr=False)

    def resolved(self) -> "ModuleSpec":
        """The same with `hf:ORG/MODEL`, `ensemble:MEMBER+MEMBER` or `untrained:MODULE` spelled out as a module and its weights.

        The weights of an untrained copy are those of its module, which it is loaded with before they are drawn anew.

        Raises:
            UsageError: The name says which weights, and others are given.
        """
        kind, colon, weights = self.name.partition(":")
        if colon and len(kind) > 1 and kind.isidentifier() and kind not in KINDS:
            raise UsageError(f"{self.name}: {schema.unknown('kind of module', kind, KINDS)}")
        if kind not in KINDS or not colon:
            return self
        if kind == "untrained":
            loaded_with = {"untrained_weights": self.weights} if self.weights else {}
            return replace(self, name="hear_ssl.untrained", weights=weights, options={**self.options, **loaded_with})
        if self.weights:
            raise UsageError(f"{self.name} names its weights already; leave out --weights {self.weights}")
        return replace(self, name=f"hear_ssl.{kind}", weights=weights)


def option_value(text: str) -> Any:
    """What an option said on a command line means: JSON (numbers, true, false, lists), or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class Module(Protocol):
    """What can be asked of an opened module; shapes as in `driver.Driver`."""

    def describe(self) -> dict[str, Any]:
        """Sizes, framework, device, hashes and versions."""

    def scene(self, audio: np.ndarray) -> np.ndarray:
        """(n, samples) -> (n, size), float32."""

    def timestamps(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, samples) -> (n, n_frames, size) float32 and (n, n_frames) float64 ms."""

    def clips(self, clips: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Each (samples,) -> {view: (n, ...)}, float32."""

    def raw_facts(self) -> dict[str, Any]:
        """What the last answers were like before they were checked and converted."""
