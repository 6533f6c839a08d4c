"""The kinds of probes, one a file, found by listing this folder."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping

from evaluator.probes.kind import ProbeKind


def _in_file(name: str) -> type[ProbeKind]:
    """The one kind that a file of this folder defines."""
    module = importlib.import_module(f"{__name__}.{name}")
    kinds = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, ProbeKind) and each.__module__ == module.__name__
    ]
    if len(kinds) != 1:
        raise TypeError(f"{module.__name__}: defines {len(kinds)} kinds of probes, but a file of this folder has one")
    return kinds[0]


KINDS: Mapping[str, type[ProbeKind]] = {each.name: _in_file(each.name) for each in pkgutil.iter_modules(__path__)}
