"""What a loaded HEAR module is made of: its weights and its code, as hashes; a file that `worker.py` takes along (Python 3.7)."""

import contextlib
import hashlib
import inspect
import json
import os
import sys

import numpy as np

MOST_FILES_HASHED = 2000
CODE_SEEN = {}  # content of each file of imported modules when this process first looked at it


def of_torch(model, torch):
    """All that a torch model's state holds: (name, type, shape, bytes as an array) each.

    What it holds beside tensors (`get_extra_state`) counts where JSON can say it.
    """
    for key, value in sorted(model.state_dict().items()):
        if hasattr(value, "detach"):
            flat = value.detach().cpu().contiguous().reshape(-1)
            yield key, str(value.dtype), tuple(value.shape), flat.view(torch.uint8).numpy()
        else:
            with contextlib.suppress(TypeError, ValueError):
                said = json.dumps(value, sort_keys=True).encode()
                yield key, "json", (len(said),), np.frombuffer(said, np.uint8)


def of_tensorflow(model):
    """The variables of a model of TensorFlow or Keras: (number, type, shape, array) each, in their order."""
    for number, value in enumerate(getattr(model, "variables", None) or []):
        array = np.ascontiguousarray(value.numpy())
        yield str(number), str(array.dtype), array.shape, array


def digest(parts, places):
    """SHA-256 over names, types, shapes and bytes of all weights; of the files among `places` if the model shows none, else "".

    parts: (name, type, shape, array) of each weight, as `of_torch` gives them.
    places: Paths.
    """
    found, empty = hashlib.sha256(), True
    for key, dtype, shape, array in parts:
        found.update(("%s %s %s\n" % (key, dtype, shape)).encode())
        found.update(array.tobytes())
        empty = False
    if not empty:
        return found.hexdigest()
    files = [place for place in places if os.path.isfile(place)]
    for place in files:
        with open(place, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                found.update(block)
    return found.hexdigest() if files else ""


def _owner_of(module):
    """The Python module that holds a HEAR module: itself, or where the class of an object is written."""
    return module if inspect.ismodule(module) else inspect.getmodule(type(module))


def of_code(name, module):
    """What stands for the module's code, and the first of its files that was edited after its import ("" if none was).

    The code is a hash over its package's files, or over those beside a lone file; "" for an object whose source is in no file.
    """
    owner = _owner_of(module)
    if not (getattr(owner, "__file__", None) or getattr(owner, "__path__", None)):
        return "", ""
    found, edited = hashlib.sha256(), ""
    for path in _files_of_package(owner) or sorted({each.__file__ for each in _modules_beside(owner)}):
        with open(path, "rb") as file:
            content = file.read()
        found.update(os.path.basename(path).encode() + b"\n" + content)
        # A lone file is run anew each time that it is loaded; what is imported is not.
        fresh = name.endswith(".py") and path == getattr(owner, "__file__", None)
        if not fresh and CODE_SEEN.setdefault(path, content) != content:
            edited = edited or path
    return "sha256 %s" % found.hexdigest(), edited


def _files_of_package(owner):
    """The Python files of the whole package that a module belongs to, in a fixed order; none if it belongs to none."""
    top = sys.modules.get(owner.__name__.split(".")[0], owner)
    paths = []
    for folder in getattr(top, "__path__", []):
        for where, folders, names in os.walk(folder):
            folders.sort()
            paths += [os.path.join(where, name) for name in sorted(names) if name.endswith(".py")]
    return paths[:MOST_FILES_HASHED]


def _modules_beside(owner):
    """A module, and what it imports from beside or below its file, and so on: its own files, as modules.

    Whatever is installed (site-packages, dist-packages) goes by its version.
    """
    home = os.path.dirname(getattr(owner, "__file__", None) or "") + os.sep
    found, waiting = {owner.__name__: owner}, [owner]
    while waiting:
        for value in list(vars(waiting.pop()).values()):
            name = getattr(value, "__name__" if inspect.ismodule(value) else "__module__", None)
            imported = sys.modules.get(name) if isinstance(name, str) else None
            path = getattr(imported, "__file__", None) or ""
            own = path.startswith(home) and path.endswith(".py") and "-packages" + os.sep not in path
            if own and imported.__name__ not in found:
                found[imported.__name__] = imported
                waiting.append(imported)
    return list(found.values())


def own_files(module):
    """The files of its own that a module imports, as modules, (n_modules,): its package's, or those beside its file."""
    owner = _owner_of(module)
    if owner is None or not getattr(owner, "__file__", None):
        return []
    top = owner.__name__.split(".")[0]
    if hasattr(sys.modules.get(top), "__path__"):
        return [each for name, each in sorted(sys.modules.items()) if (name + ".").startswith(top + ".") and each]
    return _modules_beside(owner)
