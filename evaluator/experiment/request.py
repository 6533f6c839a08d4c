"""The name of a request: a hash of all that its result depends on, told by data alone, before torch or a module is imported.

Equal names, equal results: module as asked for, the files that it is loaded from, whole task and protocol, options, seeds,
clips and labels, every recording's content, this code, libraries, machine, variables and settings (`results/conditions.py`). A
module that is not ours has no name, for nobody can say without running it what it does; nor has one that does not say
what it was loaded from, nor anything of which a part may have changed while it was used. What has no name is run.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from evaluator.audio.facts import FileFacts
from evaluator.embedding import loaded_files
from evaluator.embedding.loaded_files import NotSettled
from evaluator.embedding.spec import Module, ModuleSpec
from evaluator.errors import EvaluationError, UsageError
from evaluator.experiment.options import RunOptions
from evaluator.experiment.setup import Setup
from evaluator.module_names import is_baseline
from evaluator.results import conditions

_FORMAT = 1
_NOT_OF_MODULE = ("timeout", "instance", "session")  # of a `ModuleSpec`: no number depends on them, or no name has them
_NOT_OF_OPTIONS = (
    "cache",
    "data",
    "progress",
    "rehash",
    "workers",
)  # the data counts by its folder and what lies there


class Namer:
    """Names the requests of one module, before it is opened by what is remembered of it, afterwards by what it says.

    Args:
        spec: The module, as asked for.
        options: Of the user.
        paths: Whether results name folders.
        under: The conditions (`conditions.conditions`) when this began.
    """

    def __init__(self, spec: ModuleSpec, options: RunOptions, paths: bool, under: dict[str, Any] | None):
        self.spec, self.options, self.paths = spec, options, paths
        self.began_ns, self.torch_is_there = time.time_ns(), True
        self.conditions = under if _can_be_named(spec) else None
        self.places: Sequence[str] | None = None
        self.loaded: dict[str, Any] = {}

    def expected(self, setups: Sequence[Setup]) -> list[str | None]:
        """Names of the requests on tasks of (n_clips,) clips each, as far as they are known without the module; else None."""
        if self.conditions is None:
            return [None] * len(setups)
        places = loaded_files.recall(self.options.cache, self._module_name())
        if places is None:
            return [None] * len(setups)
        try:
            loaded = loaded_files.content(self.options.cache, places, anew=self.options.rehash)
        except (NotSettled, OSError):
            return [None] * len(setups)
        return [self._name(setup, loaded) for setup in setups]

    def opening(self) -> None:
        """Note that the module is loaded now, which may import torch: nobody set it otherwise then, if it is not there yet."""
        self.began_ns, self.torch_is_there = time.time_ns(), "torch" in sys.modules
        self.variables = dict(os.environ)

    def opened(self, module: Module) -> None:
        """Note what the module was loaded from."""
        if self.conditions is None:
            return
        if not self.torch_is_there:
            conditions.torch_is_new()
        conditions.set_by_opening(self.variables)
        self.places = loaded_files.places_of(module)
        if self.places is not None:
            try:
                self.loaded = loaded_files.content(self.options.cache, self.places, since_ns=self.began_ns)
                loaded_files.remember(self.options.cache, self._module_name(), self.places)
            except (NotSettled, OSError, EvaluationError):
                self.places = None  # what was loaded is not certain, or a later run could not find it

    def of_result(self, setup: Setup) -> str | None:
        """The name of a request on a task of (n_clips,) clips that was just answered; None where anything may have changed meanwhile."""
        if self.places is None or self.conditions is None or conditions.conditions() != self.conditions:
            return None
        try:
            loaded = loaded_files.content(self.options.cache, self.places, since_ns=self.began_ns)
        except (NotSettled, OSError):
            return None
        return self._name(setup, loaded) if loaded == self.loaded else None

    def _module_name(self) -> str:
        """What the places that the module looks at are remembered under: all that decides which they are."""
        return _sha256([_FORMAT, self._module(), os.getcwd(), self.conditions])

    def _module(self) -> dict[str, Any]:
        known = {each.name: getattr(self.spec, each.name) for each in fields(self.spec)}
        return {name: value for name, value in known.items() if name not in _NOT_OF_MODULE} | {
            "options": dict(self.spec.options),
            "from_clips": dict(self.spec.from_clips),
        }

    def _name(self, setup: Setup, loaded: dict[str, Any]) -> str:
        recordings = setup.recordings
        options = {each.name: getattr(self.options, each.name) for each in fields(self.options)}
        return _sha256(
            {
                "format": _FORMAT,
                "module": self._module(),
                "loaded": loaded,
                "as_baseline": is_baseline(self.spec.name, sys.argv[1:]),  # read from the command by reports
                "task": setup.task.document(),
                "protocol": setup.protocol.document(),
                "asked": [setup.task.path, setup.protocol.path],
                "options": {name: value for name, value in options.items() if name not in _NOT_OF_OPTIONS},
                "paths": self.paths,
                "data": str(recordings.manifest.root.resolve()),
                "clips": recordings.manifest.sha256,
                "intake": asdict(recordings.manifest.intake),
                "files": {path: _of_file(facts) for path, facts in recordings.facts.items()},
                "conditions": self.conditions,
            }
        )


def _can_be_named(spec: ModuleSpec) -> bool:
    """Whether a module is ours, by its name, and loaded here by words alone."""
    try:
        json.dumps(dict(spec.options))
        return spec.is_ours and not spec.python
    except (UsageError, TypeError, ValueError):  # which is told when it is opened
        return False


def _of_file(facts: Any) -> list[Any]:
    """What a file holds, in frames and Hz, or why that cannot be had."""
    if isinstance(facts, FileFacts):
        return facts.line[-6:]
    return [str(facts)]


def _sha256(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _plain(value: Any) -> Any:
    """A value that JSON has no word for; what has no text of its own stays different from everything.

    Raises:
        TypeError: It has none.
    """
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{value!r} has no name")
