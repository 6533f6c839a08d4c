"""The header of a result: its own fields as its JSON holds them, without what grows with clips, classes and layers.

A report of thousands of results holds a header of each in memory, and reads a whole result only when its turn has come.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

from evaluator.errors import EvaluationError
from evaluator.results import on_disk
from evaluator.results.from_json import hints_of, restored
from evaluator.results.result import Result
from evaluator.scoring.metrics import METRICS

# Fields of a result that its header leaves empty: predictions, and what grows with layers, folds, clips and classes.
_LEFT_OUT: dict[str, Any] = {
    **{each.name: [] for each in fields(Result) if not each.repr},
    "curve": [],
    "folds": [],
    "failed": {},
    "confusion": None,
    "group_scores": {},
}
# What the report reads out of them; or null, or not there at all.
_KINDS: dict[str, dict[str, type]] = {
    "provenance": {"fused": list},
    "environment": {"command": list, "data": str},
}


@dataclass(frozen=True)
class ResultHeader:
    """A result without curve, folds, reasons of failure, confusion and predictions, and where it lies.

    Attributes:
        path: Of the JSON.
        result: The result; what a header leaves out is empty.
        split_by_layers: Whether its layers tell it from other variants.
        variant: The same for results of the same module with the same weights and options, and with the same layers
            where several choices of layers were scored alike.
        title: What to call the variant: the module, and what tells it from its other variants in the report.
    """

    path: Path
    result: Result
    split_by_layers: bool = False
    variant: str = ""
    title: str = ""

    def provenance(self, name: str) -> str:
        """A field of provenance or environment as text; "" where it is missing or empty."""
        return str({**self.result.environment, **self.result.provenance}.get(name) or "")

    @property
    def layers(self) -> str:
        """Which layers were asked for, such as `all`; "" if the protocol decided."""
        return self.provenance("layers")

    @property
    def fused(self) -> bool:
        """Whether it is of several results together."""
        return "fused" in self.result.provenance

    @property
    def seed(self) -> int:
        """The first seed of the probes; 0 if not known."""
        seed = self.result.provenance.get("seed")
        return seed if isinstance(seed, int) else 0

    @property
    def n_layers(self) -> int:
        """How many layers the module shows; 0 if not known."""
        module = self.result.provenance.get("module")
        n_layers = module.get("n_layers") if isinstance(module, dict) else 0
        return n_layers if isinstance(n_layers, int) else 0

    @property
    def python(self) -> str:
        """The other interpreter in which the module ran; "" for none."""
        words = [str(word) for word in self.result.environment.get("command") or ()]
        return "".join(words[words.index("--python") + 1 :][:1]) if "--python" in words else ""


def header_of(result: Result, path: Path) -> ResultHeader:
    """The header of a result in memory that lies, or would lie, at `path`."""
    return ResultHeader(path, replace(result, **_LEFT_OUT))


def read_header(path: Path) -> ResultHeader | None:
    """What a JSON file says of a result; None if it is a file of something else.

    Raises:
        EvaluationError: It should be a result and cannot be used: half of one, of another schema, edited, or its
            predictions are not there.
    """
    document = on_disk.parsed(path)
    if not isinstance(document, dict) or "schema_version" not in document or "kind" in document:
        return None
    result = _restored(path, on_disk.of_this_schema(document, path))
    if not path.with_suffix(".npz").is_file():
        raise EvaluationError(f"{path}: its predictions, {path.with_suffix('.npz').name}, are not there; run it again")
    return ResultHeader(path, result)


def _restored(path: Path, document: Mapping[str, Any]) -> Result:
    """The result of a JSON document, each field checked by its type in `Result`."""
    hints = hints_of(Result)
    values: dict[str, Any] = {}
    for each in fields(Result):
        if each.name in _LEFT_OUT:
            continue
        if each.name in document:
            try:
                values[each.name] = restored(hints[each.name], document[each.name], each.name)
            except (TypeError, OverflowError) as error:  # the latter for a whole number that is too large for a float
                raise _not_a_result(path, f"{each.name} is {str(document[each.name])[:60]!r}") from error
        elif each.default is MISSING and each.default_factory is MISSING:
            raise _not_a_result(path, f"{each.name} is missing")
    if values["metric"] not in METRICS:
        raise EvaluationError(f"{path}: unknown metric {values['metric']!r}; known: {', '.join(METRICS)}")
    _check_origin(path, values["provenance"], values.get("environment", {}))
    return Result(**values, **_LEFT_OUT)


def _check_origin(path: Path, provenance: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
    """Refuse what the report reads out of provenance and environment where it is of another kind."""
    for block, fields_of in ((provenance, "provenance"), (environment, "environment")):
        for name, kind in _KINDS[fields_of].items():
            if not isinstance(block.get(name, kind()), kind | None):
                raise _not_a_result(path, f"{fields_of}.{name} is {str(block[name])[:60]!r}")
    if not all(isinstance(each, dict) for each in provenance.get("fused") or ()):
        raise _not_a_result(path, "provenance.fused has no facts")


def _not_a_result(path: Path, sentence: str) -> EvaluationError:
    return EvaluationError(f"{path}: its fields are not those of a result: {sentence}; run it again")
