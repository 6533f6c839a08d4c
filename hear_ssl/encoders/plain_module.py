"""Any HEAR module, ours or anyone's, as Python: how it is imported, what stands for its code, and the process kept from what it changes."""

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch


@contextlib.contextmanager
def process_kept() -> Iterator[None]:
    """Gives the process back as it was: some modules change the folder, the default type or switch gradients on."""
    folder, dtype, gradients = Path.cwd(), torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        yield
    finally:
        os.chdir(folder)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)


def import_module(name: str, role: str) -> ModuleType:
    """The module called `name`: importable, or the path of a .py file; errors call it by its `role`.

    Raises:
        ValueError: It cannot be imported, or lacks one of the three functions.
    """
    try:
        if name.endswith(".py"):
            path = Path(name).expanduser().resolve()
            if str(path.parent) not in sys.path:
                sys.path.append(str(path.parent))  # for the files beside it; last, so that they shadow nothing
            spec = importlib.util.spec_from_file_location(f"hear_module_{path.stem}", path)
            module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
            sys.modules[module.__name__] = module
            spec.loader.exec_module(module)  # type: ignore[union-attr]
        else:
            module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # a module may raise anything while it is imported
        raise ValueError(
            f"{role} {name!r} cannot be imported ({type(error).__name__}: {error}); wanted are importable "
            "HEAR modules, paths of .py files, or hf:ORG/MODEL"
        ) from error
    required = ("load_model", "get_timestamp_embeddings", "get_scene_embeddings")
    missing = [function for function in required if not callable(getattr(module, function, None))]
    if missing:
        raise ValueError(f"{role} {name} is no HEAR module: it has no {', '.join(missing)}")
    return module


def code_version(module: ModuleType, model: Any) -> str:
    """What stands for a plain module's code and weights that torch does not see: a SHA-256."""
    digest = hashlib.sha256()
    for path in _source_files(module):
        digest.update(path.name.encode() + b"\n" + path.read_bytes())
    if not isinstance(model, torch.nn.Module):
        for variable in getattr(model, "variables", None) or []:
            digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()[:16]


def _source_files(module: ModuleType) -> list[Path]:
    """The Python files of a module's package; of a lone file, it and those beside or below it that it imports."""
    top = sys.modules.get(module.__name__.partition(".")[0], module)
    if folders := getattr(top, "__path__", None):
        return [path for folder in folders for path in sorted(Path(folder).rglob("*.py"))]
    if not module.__file__:
        return []
    home = Path(module.__file__).parent
    files, todo = {Path(module.__file__)}, [module]
    while todo:
        for value in list(vars(todo.pop()).values()):
            imported = value if inspect.ismodule(value) else sys.modules.get(str(getattr(value, "__module__", "")))
            path = Path(getattr(imported, "__file__", None) or "/")
            # What is installed goes by its version.
            own = path.suffix == ".py" and home in path.parents and not any("-packages" in part for part in path.parts)
            if imported is not None and own and path not in files:
                files.add(path)
                todo.append(imported)
    return sorted(files)
