"""Tab completion by argcomplete, where it is installed: names of modules, tasks, protocols and papers, without torch."""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Completer = Callable[..., Iterable[str]]


def complete(top: argparse.ArgumentParser, commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """Answer the shell and end, if it is the shell that asks."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete
    from argcomplete.completers import FilesCompleter

    files = {
        "module": ("py",),
        "task": ("yaml", "yml", "csv", "tsv", "txt"),
        "protocol": ("yaml", "yml"),
        "paper": ("yaml",),
    }
    by_argument = {"modules": "module", "tasks": "task", "add": "module", "published": "paper"}

    def completer_of(kind: str) -> Completer:
        def found(prefix: str, **_: Any) -> list[str]:
            return [*NAMES[kind](), *FilesCompleter(files[kind])(prefix)]

        return found

    for command in commands.values():
        for action in command._actions:
            kind = by_argument.get(action.dest, action.dest)
            if kind in NAMES:
                action.completer = completer_of(kind)  # type: ignore[attr-defined]  # argcomplete looks for it there
    argcomplete.autocomplete(top)


def _modules() -> list[str]:
    from evaluator.embedding import names

    return [*names.short_names(), *(f"{names.PACKAGE}.{each}" for each in names.short_names())]


def _tasks() -> list[str]:
    from evaluator import schema

    every = schema.names_in("suites")
    for suite in schema.names_in("suites"):
        tasks = schema.parse(schema.tasks_folder() / "suites" / f"{suite}.yaml").at(("tasks",))
        every += [f"{suite}/{name}" for name in tasks]
    return every


def _names_in(folder: str) -> Callable[[], list[str]]:
    def names() -> list[str]:
        from evaluator import schema

        return [name for name in schema.names_in(folder) if name != "modules"]

    return names


NAMES: Mapping[str, Callable[[], list[str]]] = {
    "module": _modules,
    "task": _tasks,
    "protocol": _names_in("protocols"),
    "paper": _names_in("recipes"),
}
