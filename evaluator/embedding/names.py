"""Names of modules as people write them: short ones of ours in full, and what a misspelt one may have meant.

No module is imported for that; which are ours is read from their folder.
"""

import importlib.machinery
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.embedding import bridges, members
from evaluator.embedding.spec import KINDS
from evaluator.errors import UsageError
from evaluator.module_names import HUB, folder

PACKAGE = "hear_ssl"
LIST = "`hear-eval list modules`"


def files_of_ours() -> list[Path]:
    """The files of our modules, (n_modules,), sorted; none where the package is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    return sorted(path for folder in folders for path in folder.glob("[a-z]*.py"))


def short_names() -> list[str]:
    """What our modules are called without the package, (n_modules,), but for those that need others to be named (`KINDS`)."""
    return [path.stem for path in files_of_ours() if path.stem not in KINDS]


def full_name(name: str) -> str:
    """The name with every short name of ours in it in full, where no other module and no file is called so; a bridge's with its network.

    >>> full_name("melspec"), full_name("ensemble:average:melspec+./mine.py"), full_name("untrained:hear_ssl.crepe")
    ('hear_ssl.melspec', 'ensemble:average:hear_ssl.melspec+./mine.py', 'untrained:hear_ssl.crepe')
    """
    begin, inside = _parts(name)
    if begin:
        return begin + "+".join(map(full_name, inside))
    if bridges.kind_of(name):
        return bridges.whole_name(name)
    if name.startswith(HUB):
        return with_folder(name)
    return f"{PACKAGE}.{name}" if name in short_names() and not _is_somebodys(name) else name


def with_folder(name: str) -> str:
    """A name of a module on the hub, or, where it is that of a folder, a name of this folder that no model on the hub can have.

    A folder below the working folder has one name however its path is written; another keeps the way to it.

    >>> with_folder("hf:org/model"), with_folder("melspec")
    ('hf:org/model', 'melspec')
    """
    path = name.removeprefix(HUB)
    is_folder = name.startswith(HUB) and path != "" and Path(path).is_dir()
    if not is_folder:
        return name
    below = os.path.relpath(path)
    return f"{HUB}{folder(path if below.startswith(os.pardir) else below)}"


def options_in_full(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an ensemble, where they are by member with the full name of each.

    >>> options_in_full({"member_options": {"melspec": {}}, "merge": "average"})
    {'member_options': {'hear_ssl.melspec': {}}, 'merge': 'average'}
    """
    return {
        name: {full_name(member): own for member, own in value.items()}
        if name in members.OF_MEMBERS and isinstance(value, Mapping)
        else value
        for name, value in options.items()
    }


def refuse_misspelt(name: str) -> None:
    """Refuse a name that clearly is a slip: of our package, or nearly a short name of ours while there is no module of that name.

    Raises:
        UsageError: It is; the sentence says what may have been meant.
    """
    begin, inside = _parts(name)
    for each in inside if begin else []:
        refuse_misspelt(full_name(each))
    package, dot, rest = name.partition(".")
    near = schema.nearest(rest or name, short_names())
    if dot:
        is_ours = "." in rest or rest in ("py", *(path.stem for path in files_of_ours()))
        is_slip = package == PACKAGE and not is_ours and not _is_somebodys(name)
    else:
        is_slip = bool(near) and name.isidentifier() and not _is_somebodys(name)
    if is_slip:
        hint = f"did you mean {' or '.join(repr(f'{PACKAGE}.{each}') for each in near)}? " if near else ""
        raise UsageError(f"unknown module {name!r}; {hint}{LIST} shows ours")


def _parts(name: str) -> tuple[str, list[str]]:
    """What stands before the modules that a name is made of, and these; ("", []) where it is no ensemble or untrained copy."""
    kind, colon, rest = name.partition(":")
    if not colon or kind not in ("ensemble", "untrained"):
        return "", []
    merge = rest.partition(":")[0]
    begin = f"{kind}:{merge}:" if merge in ("average", "concatenate") else f"{kind}:"
    return begin, name.removeprefix(begin).split("+") if kind == "ensemble" else [rest]


def _is_somebodys(name: str) -> bool:
    """Whether a name can be imported, or is a file's; a folder without Python code in it is no module."""
    if Path(name).is_file():
        return True
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a name inside a package that is none; a module that was made by hand
        return not name.startswith(f"{PACKAGE}.")
    return spec is not None and not isinstance(spec.loader, (type(None), importlib.machinery.NamespaceLoader))
