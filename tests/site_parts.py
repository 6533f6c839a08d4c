"""The parts of the website that are code, in `docs/site/`, which is no package."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

SITE = Path(__file__).parents[1] / "docs" / "site"


def part(name: str) -> ModuleType:
    """A module of `docs/site/`, by its name; those that it imports from there are found."""
    if str(SITE) not in sys.path:
        sys.path.append(str(SITE))
    spec = importlib.util.spec_from_file_location(f"site_{name}", SITE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
