"""Our modules, by what their files declare in literals, which are read and not run; and how fast they are here."""

import ast
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluator.embedding import names, speed
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.reproduction import weights
from evaluator.reproduction.weights import FLOAT, ModuleWeights

LOG = logging.getLogger("evaluator")
EVERY = "all"
_DECLARED = ("FACTS", "CHECKPOINT")
_RANDOM = f"{names.PACKAGE}.encoders.architecture"  # builds the network of a module with random weights
_NUMBERS = ("layers", "width", "parameters", "sample_rate")
_WORDS = ("hub_id", "revision", "trained_on", "licence", "citation")


def rows(cache: Path) -> Iterator[dict[str, Any]]:
    """A row for each module; rates in Hz, sizes in bytes, None for what is not known.

    Args:
        cache: Folder in which speeds are remembered.
    """
    known, measured = weights.read_module_weights(), speed.recall(cache)
    for path in names.files_of_ours():
        name = f"{names.PACKAGE}.{path.stem}"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said, its = _declared(tree), measured.get(name)
        yield {
            "module": name,
            "what": (ast.get_docstring(tree) or "").partition("\n")[0],
            **{each: said.get(each) for each in _NUMBERS},
            "download_bytes": _download(said, known.get(name)),
            **{each: said.get(each) or None for each in _WORDS},
            "seconds_per_hour": None if its is None else round(its.wall, 3 if its.wall < 1 else 1),
            "random_weights": None if its is None else its.random_weights,
        }


def _declared(tree: ast.Module) -> dict[str, Any]:
    """Literal arguments of the declarations in a file, by their names; what is no literal is left out."""
    said: dict[str, Any] = {}
    for node in tree.body:
        is_declaration = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if not is_declaration or not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if any(isinstance(target, ast.Name) and target.id in _DECLARED for target in node.targets):
            for keyword in node.value.keywords:
                try:
                    value = ast.literal_eval(keyword.value)
                except ValueError:
                    continue
                if keyword.arg and (keyword.arg != "trained_on" or isinstance(value, str)):
                    said[keyword.arg] = value
    return said


def _download(said: Mapping[str, Any], known: ModuleWeights | None) -> int | None:
    """About how many bytes are downloaded before a module can be used; None where that is not known, or is up to the user."""
    if said.get("parameters") == 0:
        return 0
    if known is not None:
        kind = known.weights["from"]
        return 0 if kind in ("inside", "package") else known.bytes or None if kind != "you" else None
    published = said.get("hub_id") or said.get("stem")
    return FLOAT * said["parameters"] if published and said.get("parameters") else None


def bench(modules: Sequence[str], cache: Path) -> None:
    """Measure the speed of modules, and keep it in the cache.

    Args:
        modules: Their names, in full or short; `all` for every one whose weights are here or whose network is declared.
        cache: Folder in which speeds, in seconds for an hour of audio, are kept.

    Raises:
        UsageError: There is no such module, or one that was named cannot be measured.
    """
    ours = [f"{names.PACKAGE}.{path.stem}" for path in names.files_of_ours()]
    asked = [names.full_name(each) for each in modules if each != EVERY]
    for name in asked:
        names.refuse_misspelt(name)
        if name not in ours:
            raise UsageError(f"--bench {name}: is none of our modules; {names.LIST} shows them")
    known = weights.read_module_weights()
    for name in asked if asked else ours:
        try:
            speed.remember(cache, name, _measured(name, known))
        except (UsageError, EvaluationError) as error:
            if asked:
                raise UsageError(f"{name}: its speed cannot be measured: {error}") from error
            LOG.info("%s: its speed cannot be measured: %s", name, error)


def _measured(name: str, known: Mapping[str, ModuleWeights]) -> speed.Speed:
    """The speed of a module with its own weights, or where they are not here, of the same network with random ones.

    Nothing is downloaded.
    """
    from evaluator.embedding.module import open_module

    own = ModuleSpec(name)
    kind = known[name].weights["from"] if name in known else "unknown"
    is_here = kind == "inside" or (kind != "unknown" and not weights.missing(own, known, weights.OF_RUN))
    spec = own if is_here else replace(own, name=_RANDOM, weights=name)
    with open_module(spec) as module:
        return speed.measure(module, not is_here)
