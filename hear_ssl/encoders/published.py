"""What the modules of this package say of published weights, for those who name the weights instead of the module."""

import ast
import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = __name__.partition(".")[0]


def trained_on(hub_id: str) -> Mapping[str, str]:
    """What a module by name says of the datasets that these weights know, as `Model.trained_on`; empty if none is of them.

    Args:
        hub_id: Name on the Hugging Face hub, which takes capitals and small letters for the same.
    """
    module = _modules().get(hub_id.lower())
    if module is None:
        return {}
    checkpoint: Any = importlib.import_module(f"{_PACKAGE}.{module}").CHECKPOINT
    return dict(checkpoint.trained_on)


@cache
def _modules() -> dict[str, str]:
    """Hub id in small letters -> module; the files are read and not run, so that only the one that is wanted is imported."""
    found: dict[str, str] = {}
    for path in sorted(Path(__file__).parents[1].glob("[a-z]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
                continue
            if any(isinstance(target, ast.Name) and target.id == "CHECKPOINT" for target in node.targets):
                said = {keyword.arg: keyword.value for keyword in node.value.keywords}.get("hub_id")
                if isinstance(said, ast.Constant) and isinstance(said.value, str) and said.value:
                    found[said.value.lower()] = path.stem
    return found
