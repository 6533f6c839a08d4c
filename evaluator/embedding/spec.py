"""Which HEAR module, how it is loaded, and what can be asked of it once it is opened."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from evaluator import schema
from evaluator.embedding import bridges
from evaluator.errors import EvaluationError, UsageError
from evaluator.module_names import PRECOMPUTED

KEPT_AS = ("float32", "float16")
KINDS = (
    "ensemble",
    "hf",
    "precomputed",
    "untrained",
)  # what may stand before a colon in a module's name, beside bridges


class WorkerEnded(EvaluationError):
    """The module's own process crashed or was stopped; nothing more can be asked of it."""


class ModuleFault(EvaluationError):
    """The module itself failed on a call, or answered what cannot be used; the clips' files are not to blame.

    Attributes:
        sentence: The message without the place of the traceback.
        cause: What the module's own error says, in a line; the sentence where it raised none.
        log: File of the traceback; "" if there is none.
        out_of_memory: Whether there was not enough memory: fewer clips at once may do.
    """

    def __init__(self, sentence: str, cause: str = "", log: str = "", out_of_memory: bool = False):
        self.sentence, self.cause, self.log, self.out_of_memory = sentence, cause or sentence, log, out_of_memory
        super().__init__(f"{sentence}; traceback in {log}" if log else sentence)


@dataclass(frozen=True)
class ModuleSpec:
    """Which module, and how it is to be loaded.

    Attributes:
        name: Importable name, path of a .py file, `hf:ORG/MODEL` for an audio encoder of transformers,
            `ensemble:MEMBER+MEMBER` for several modules as one, `untrained:MODULE` for an untrained copy, `birdnet:2.4` and the like for a
            network of another package, or `precomputed:F` for a table of vectors in its place.
        weights: Path or name for load_model; "" for the module's own choice.
        options: Keyword arguments of load_model.
        device: "auto", "cpu", "cuda", ...
        python: Another interpreter, or its virtual environment's folder; "" for this one.
        timeout: Seconds that one call of a module in a process of its own may take.
        allow_unrepeatable: Whether embeddings are taken that differ when they are asked for again.
        instance: The HEAR module itself, where it was given instead of a name; it is asked in this process.
        session: For an object that is no imported module, whose state no key can name: the temporary folder of its
            embeddings, which are never found again after it; None for others.
        in_process: Whether a module that is not ours runs in this process, where a debugger reaches it and its crash or
            hang is ours.
        from_clips: What options came to that a task's training clips decide (`experiment/from_clips.py`); they take the places of those in
            `options`, which stay as the user gave them.
        table_folder: Where a table (`precomputed:F`) of a relative name lies; "" for the working folder.
        kept_as: In which numbers the store keeps its embeddings: "float32", or "float16" in half the bytes (`halves.py`).

    Raises:
        UsageError: It is to run in this process and in another interpreter, or kept in other numbers.
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
    in_process: bool = False
    kept_as: str = "float32"
    from_clips: Mapping[str, Any] = field(default_factory=dict)
    table_folder: str = ""

    def __post_init__(self) -> None:
        if self.in_process and self.python:
            raise UsageError(
                f"{self.name}: --in-process and --python {self.python} exclude each other; leave one of them out"
            )
        if self.kept_as not in KEPT_AS:
            raise UsageError(f"--store: {schema.unknown('kind of numbers', self.kept_as, KEPT_AS)}")

    @property
    def loaded_options(self) -> dict[str, Any]:
        """Keyword arguments that load_model is called with."""
        return {**self.options, **self.from_clips}

    @property
    def is_ours(self) -> bool:
        """Whether the module is one of hear_ssl's by its name, and holds nobody else's, so that its code can be named."""
        if self.name.startswith(PRECOMPUTED):
            return False
        spelled = self.resolved()
        return self.instance is None and _is_ours(spelled.name, spelled.weights)

    @property
    def file(self) -> str:
        """The file that the module is loaded from where its name is not what is imported, as of a bridge; else ""."""
        return bridges.door() if bridges.kind_of(self.name) else ""

    @property
    def isolated(self) -> bool:
        """Whether the module runs in a process of its own: in another interpreter, or because it is not ours."""
        own_process = self.instance is None and not self.in_process and not _is_ours(self.name, self.weights)
        return bool(self.python) or own_process

    def resolved(self) -> "ModuleSpec":
        """The same with `hf:ORG/MODEL`, `ensemble:MEMBER+MEMBER` or `untrained:MODULE` spelled out as a module and its weights.

        The weights of an untrained copy are those of its module, which it is loaded with before they are drawn anew. A bridge keeps its
        name, which becomes an option of what it is loaded from (`file`).

        Raises:
            UsageError: The name says which weights, and others are given; or it is a table, which cannot be loaded, or the untrained copy
                of a bridge's network.
        """
        if self.name.startswith(PRECOMPUTED):
            raise UsageError(
                f"{self.name}: is a table of vectors, which is looked into and not loaded; give a module here, and the table to run, "
                "similarity or map"
            )
        kind, colon, weights = self.name.partition(":")
        if bridges.kind_of(self.name):
            return replace(self, options={**self.options, bridges.OPTION: self.name})
        if colon and len(kind) > 1 and kind.isidentifier() and kind not in KINDS:
            raise UsageError(f"{self.name}: {schema.unknown('kind of module', kind, (*KINDS, *bridges.kinds()))}")
        if kind not in KINDS or not colon:
            return self
        if kind == "untrained" and bridges.kind_of(weights):
            raise UsageError(f"{self.name}: nobody here can draw the weights of {weights} anew; leave untrained: out")
        if kind == "untrained":
            loaded_with = {"untrained_weights": self.weights} if self.weights else {}
            return replace(self, name="hear_ssl.untrained", weights=weights, options={**self.options, **loaded_with})
        if self.weights:
            raise UsageError(f"{self.name} names its weights already; leave out --weights {self.weights}")
        return replace(self, name=f"hear_ssl.{kind}", weights=weights)


def _is_ours(name: str, weights: str) -> bool:
    """Whether a module, as spelled out by `resolved`, is one of hear_ssl's, and holds nobody else's."""
    kind, colon, rest = name.partition(":")
    if f"{kind}{colon}" == PRECOMPUTED:
        return False
    if colon and kind in KINDS:
        return kind == "hf" or all(_is_ours(part, "") for part in _wrapped(rest))
    if name in ("hear_ssl.untrained", "hear_ssl.ensemble"):
        return all(_is_ours(part, "") for part in _wrapped(weights))
    return name.split(".")[0] == "hear_ssl" and not name.endswith(".py")


def _wrapped(text: str) -> list[str]:
    """The modules that are named after `ensemble:` or `untrained:`."""
    return [part.strip().removeprefix("concatenate:").removeprefix("average:") for part in text.split("+")]


def option_value(text: str) -> Any:
    """What an option said on a command line means: JSON (numbers, true, false, lists), or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def highest_rate(described: Mapping[str, Any]) -> int:
    """The sample rate of a module in Hz, as it describes itself; of an ensemble that of the member that hears most."""
    rate = described["sample_rate"]
    return int(max(rate)) if isinstance(rate, list) else int(rate)


class Module(Protocol):
    """What can be asked of an opened module; audio is (n_clips, n_samples) at its sample rate in Hz."""

    def describe(self) -> dict[str, Any]:
        """Sizes, framework, device, hashes and versions."""

    def scene(self, audio: np.ndarray) -> np.ndarray:
        """(n, samples) -> (n, size), float32."""

    def timestamps(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, samples) -> (n, n_frames, size) float32 and (n, n_frames) float64 ms."""

    def clips(self, clips: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Each (samples,) -> {view: (n, ...)}, float32."""

    def reuses_memory(self, audio: np.ndarray) -> bool:
        """Whether a scene embedding of (n, samples), as the module itself gave it, changes when it is called again."""

    def raw_facts(self) -> dict[str, Any]:
        """What the last answers were like before they were checked and converted."""
