"""Results that are handed on: without the names of host, folders and user."""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

from evaluator.errors import UsageError
from evaluator.results.caveats import Caveat
from evaluator.results.result import Result

# An absolute path inside a text, or one that begins with ~ or ..; never a part of an address such as https://a.b/c.
_PATH = re.compile(
    r"(?<![\w/.~-])(?!//)(?:~|\.\.|[A-Za-z]:)?[/\\](?:[^\s/\\\"'<>|:;,()\[\]{}]+[/\\])*([^\s/\\\"'<>|:;,()\[\]{}]*)"
)
_WAY_OUT = re.compile(r"(?:\.\./)+[^,;\"']*\.\w+")  # with blanks, as no other pattern would find them in a sentence
_DROPPED = (
    "host",
    "working_directory",
    "table_folder",
    "module_python",
    "command",
)  # the command names folders, absolute or not
_WHOLE = ("task", "protocol")  # of the provenance: hashed as they are, and without a folder


def without_paths(result: Result) -> Result:
    """The result without host, user and folders: files are named relative to the data's folder, or by their own name.

    Clips are named relative to the data already; those that lie outside it, as a table may say, get their own name behind a hash of
    where they lie. Classes and groups stay as they are. The run's name is another one only where module, weights or
    options were paths: they are part of it.
    """
    environment = result.environment
    data = str(environment.get("data") or "")
    result = _without_places(result, data)
    folders = [data, *_folders_of_user(str(environment.get("working_directory") or ""))]
    provenance = {
        name: value if name in _WHOLE else _named(value, folders) for name, value in result.provenance.items()
    }
    kept = {name: value for name, value in environment.items() if name not in _DROPPED}
    return replace(
        result,
        module=_module(result.module, ["", *folders[1:]]),
        weights=_named(result.weights, ["", *folders[1:]]),
        options=_named(result.options, ["", *folders[1:]]),
        failed=_named(result.failed, folders),
        notes=_named(result.notes, folders),
        caveats=[Caveat(each.kind, _named(each.text, folders)) for each in result.caveats],
        provenance=provenance,
        environment={**_named(kept, folders), "data": PurePath(data).name},
    )


def _without_places(result: Result, data: str) -> Result:
    """The result with clips outside the data's folder named without the way there, wherever they are named."""
    names = {name for fold in result.test_clips for name in fold} | set(result.failed)
    outside = {
        name: f"{hashlib.sha256(name.encode()).hexdigest()[:8]}-{PurePath(name).name}"
        for name in names
        if ".." in PurePath(name).parts or PurePath(name).is_absolute()
    }
    if not outside:
        return result
    written = outside | {os.path.normpath(os.path.join(data, name)): short for name, short in outside.items()}

    def renamed(text: str) -> str:
        for name in sorted((each for each in written if each in text), key=len, reverse=True):
            text = text.replace(name, written[name])
        # a caveat may name the recording of a clip that is a stretch of it
        return _WAY_OUT.sub(lambda match: PurePath(match[0]).name, text)

    return replace(
        result,
        test_clips=[[outside.get(name, name) for name in fold] for fold in result.test_clips],
        failed={outside.get(name, name): renamed(why) for name, why in result.failed.items()},
        notes=[renamed(note) for note in result.notes],
        caveats=[Caveat(each.kind, renamed(each.text)) for each in result.caveats],
    )


def refuse_folders(name: str, document: Any) -> None:
    """Refuse to hand on a task or protocol whose own text names folders of this machine, before the work: it is hashed as it is.

    Args:
        name: What it is called.
        document: All of it, as plain values.

    Raises:
        UsageError: It names one; the sentence quotes it.
    """
    if isinstance(document, (dict, list, tuple)):
        for each in document.values() if isinstance(document, dict) else document:
            refuse_folders(name, each)
    elif isinstance(document, str) and any(folder in document for folder in _folders_of_user(os.getcwd())):
        raise UsageError(
            f"--no-paths: {name} says {document!r:.200}, which names a folder of this machine and is part of the result; write it "
            "relative to the data"
        )


def _folders_of_user(working: str) -> list[str]:
    """The folders that tell whose machine it is; not the root, which is everywhere."""
    return [folder for folder in (working, str(Path.home())) if len(PurePath(folder).parts) > 1]


def _module(name: str, folders: Sequence[str]) -> str:
    """A module's name, or those of the members of an ensemble, with files by their own names."""
    return "+".join(str(_named(part, folders)) for part in name.split("+"))


def _named(value: Any, folders: Sequence[str]) -> Any:
    """A value with every path in it relative to the first of the folders, or cut to its last part."""
    if isinstance(value, dict):
        return {_named(name, folders): _named(item, folders) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_named(item, folders) for item in value]
    return _text(value, folders) if isinstance(value, str) else value


def _text(text: str, folders: Sequence[str]) -> str:
    data = folders[0]
    if data and text == data:
        return PurePath(data).name
    for folder in filter(None, folders):  # also such with spaces, which no pattern finds in a sentence
        text = text.replace(f"{folder.rstrip('/')}/", "")
    if (PurePath(text).is_absolute() or PureWindowsPath(text).is_absolute()) and "\n" not in text:
        return re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    for folder in filter(None, folders):
        text = re.sub(rf"{re.escape(folder)}(?![\w.-])", PurePath(folder).name if folder == data else ".", text)
    return _PATH.sub(lambda match: match[1] or PurePath(match[0]).name or match[0], text)
