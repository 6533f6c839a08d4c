"""Bridges to networks in other people's packages, `birdnet:2.4` or `avex:NAME`, as their files declare them in literals.

The files lie in `hear_ssl/bridges/hubs/`, one a package; they are read and not run, and the folder is the list. What runs
is `hear_ssl/bridges/door.py`, in whichever interpreter has the package.
"""

import ast
import functools
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.errors import UsageError

OPTION = "bridge"  # keyword of the door's load_model
_OWNER = "hear_ssl"


@dataclass(frozen=True)
class Bridge:
    """A bridge to one package, as its file declares it.

    Attributes:
        kind: What stands before the colon.
        what: Its docstring's first line.
        models: Names of its networks, as of the version that was tried; the package may have more.
        python: The oldest and the newest Python that has the packages, such as ("3.10", "3.13").
        install: Arguments of pip, a line a step.
        facts: sample_rate (Hz), width, layers, trained_on, licence, citation: those that are known of all its networks.
        notes: The docstring below its first line.
    """

    kind: str
    what: str
    models: tuple[str, ...]
    python: tuple[str, str]
    install: tuple[str, ...]
    facts: Mapping[str, Any]
    notes: str = ""

    @property
    def name(self) -> str:
        """How it is asked for: its one network, or where the network's name goes.

        >>> read("birdnet").name
        'birdnet:2.4'
        """
        return f"{self.kind}:{self.models[0] if len(self.models) == 1 else 'NAME'}"


@functools.cache
def kinds() -> tuple[str, ...]:
    """What may stand before a colon for a bridge, sorted; none where our package of modules is not installed.

    >>> "birdnet" in kinds()
    True
    """
    return tuple(sorted(path.stem for folder in _folders() for path in (folder / "hubs").glob("[a-z]*.py")))


def kind_of(name: str) -> str:
    """Which bridge a module's name asks for; "" for none.

    >>> kind_of("birdnet:2.4"), kind_of("hf:org/model"), kind_of("birdnet")
    ('birdnet', '', '')
    """
    kind, colon, _ = name.partition(":")
    return kind if colon and kind in kinds() else ""


def door() -> str:
    """The file of the module that all bridges are.

    Raises:
        UsageError: Our package of modules is not installed.
    """
    for folder in _folders():
        return str(folder / "door.py")
    raise UsageError(f"{_OWNER} is not installed here, and bridges are its")


def whole_name(name: str) -> str:
    """A bridge's name with its one network, where it has no other and none is named: `birdnet:` is `birdnet:2.4`.

    >>> whole_name("birdnet:"), whole_name("avex:"), whole_name("melspec")
    ('birdnet:2.4', 'avex:', 'melspec')
    """
    kind = kind_of(name)
    if kind and name == f"{kind}:" and len(models := read(kind).models) == 1:
        return name + models[0]
    return name


@functools.cache
def read(kind: str) -> Bridge:
    """What the file of a bridge declares, such as the sample rate in Hz of all its networks, where they have one.

    Raises:
        UsageError: There is no such bridge.
    """
    if kind not in kinds():
        raise UsageError(schema.unknown("bridge", kind, kinds()))
    (path,) = (each for folder in _folders() for each in (folder / "hubs").glob(f"{kind}.py"))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    models, python, install = (ast.literal_eval(said[name]) for name in ("MODELS", "PYTHON", "INSTALL"))
    facts = said["FACTS"]
    assigned = facts.keywords if isinstance(facts, ast.Call) else []
    what, _, notes = (ast.get_docstring(tree) or "").partition("\n")
    known = {each.arg: ast.literal_eval(each.value) for each in assigned if each.arg}
    return Bridge(kind, what, tuple(models), python, tuple(install), known, notes.strip())


def _folders() -> list[Path]:
    """Where bridges lie; our package is found and not imported."""
    spec = importlib.util.find_spec(_OWNER)
    return [Path(folder) / "bridges" for folder in (spec.submodule_search_locations or [])] if spec else []
