"""Importing a HEAR module and loading its model, and what its errors say; one of the files that `worker.py` takes along (Python 3.7, no other of ours)."""

import contextlib
import importlib
import importlib.util
import inspect
import os
import random
import sys
import traceback

import numpy as np

REQUIRED = ("load_model", "get_scene_embeddings")
LONGEST_TRACEBACK = 20000  # characters; its end says most
HERE = os.path.dirname(os.path.abspath(__file__))
# What is installed under another name than it is imported by.
PACKAGES = {"sklearn": "scikit-learn", "cv2": "opencv-python", "yaml": "PyYAML", "PIL": "Pillow"}


class ModuleTrouble(Exception):
    """The module does not do what the HEAR API asks; the message is a sentence.

    Attributes:
        cause: The module's own error in a line; "" where it raised none.
        traceback: Of that error, as text.
        missing: The package that is not there; "" if that is not what is wrong.
        kind: "absent" where it is the module itself that is not there, "import" where importing it failed otherwise, "memory"
            where there was not enough of it, else "".
    """

    def __init__(self, sentence, error=None):
        super().__init__(sentence)
        self.cause = describe_error(error) if error is not None else ""
        self.traceback = _full_traceback(error) if error is not None else ""
        self.missing = missing_package(error)
        self.kind = "memory" if is_out_of_memory(error) else ""


def import_module(name):
    """The module called `name`, importable or the path of a .py file.

    Raises ModuleTrouble if it cannot be imported or lacks a function that every HEAR module has.
    """
    try:
        # Appended, never put first: a user's json.py or tasks.py must shadow nothing.
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())
        module = _import_file(name) if name.endswith(".py") else importlib.import_module(name)
    except (ModuleTrouble, KeyboardInterrupt):
        raise
    except BaseException as error:  # a module may raise anything while it is imported, SystemExit too
        trouble = ModuleTrouble("module %s cannot be imported (%s)" % (name, describe_error(error)), error)
        trouble.kind = "absent" if trouble.missing == name.split(".")[0] else "import"
        raise trouble from error
    return checked_module(name, module)


def _import_file(name):
    """The module in the .py file `name`, under a name that nothing else has: a user's ./json.py must not become everybody's json."""
    path = os.path.abspath(os.path.expanduser(name))
    if not os.path.isfile(path):
        raise ModuleTrouble("%s: there is no such file" % name)
    sys.path.append(os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("hear_module_" + os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def checked_module(name, module):
    """The module or object, if it has the functions that every HEAR module has; else ModuleTrouble is raised."""
    missing = [function for function in REQUIRED if not callable(getattr(module, function, None))]
    if missing:
        raise ModuleTrouble("module %s is no HEAR module: it has no %s" % (name, ", ".join(missing)))
    return module


def load_model(name, module, weights, options):
    """The model that load_model gives, called as the module wants it; ModuleTrouble if it fails.

    name: Of the module, for sentences.
    weights: Its one positional argument; "" for none.
    options: Its keyword arguments.
    """
    try:
        if weights:
            return module.load_model(weights, **options)
        try:
            return module.load_model(**options)
        except TypeError as error:
            if "missing" not in str(error) or "argument" not in str(error):
                raise
            return module.load_model("", **options)  # some require the path, and take "" for none
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        takes = ""
        if options and isinstance(error, TypeError):
            with contextlib.suppress(TypeError, ValueError):  # not every callable has a signature
                takes = "; load_model takes %s" % inspect.signature(module.load_model)
        needs = (
            "" if weights or isinstance(error, ImportError) else "; if it needs a weight file, name it with --weights"
        )
        raise ModuleTrouble(
            "module %s: load_model failed (%s)%s%s" % (name, describe_error(error), takes, needs), error
        ) from error


def describe_error(error):
    """Type and first line of an error, at most 300 characters, and the line of the module that led to it."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # an exception of the module's own, whose text fails in its turn
        lines = []
    what = ("%s: %s" % (type(error).__name__, lines[0] if lines else "no message"))[:300]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if os.path.isfile(frame.filename)]
    ours = (HERE, os.path.dirname(importlib.__file__))
    frames = [frame for frame in frames if os.path.dirname(frame.filename) not in ours]
    if not frames:
        return what
    # The deepest line beside the file that was entered: the module's own, not one inside torch.
    home = os.path.dirname(frames[0].filename)
    last = [frame for frame in frames if frame.filename.startswith(home)][-1]
    return "%s, at %s, line %d" % (what, os.path.basename(last.filename), last.lineno)


def is_out_of_memory(error):
    """Whether an error says that there is not enough memory, on a GPU or beside it, in the words of any framework."""
    if isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "ResourceExhaustedError"):
        return True
    if not isinstance(error, RuntimeError):
        return False
    with contextlib.suppress(Exception):  # an exception of the module's own, whose text fails in its turn
        text = str(error).lower()
        return any(words in text for words in ("out of memory", "can't allocate memory", "not enough memory"))
    return False


def let_go(error):
    """Free what the frames of an error still hold, and what torch keeps of a GPU's memory for later: the next try needs it."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
    torch = sys.modules.get("torch")
    if hasattr(torch, "cuda") and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _full_traceback(error):
    """An error's traceback as text, its beginning left out where it is very long."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))[-LONGEST_TRACEBACK:]


def missing_package(error):
    """The package whose absence an error is about, as it is installed; "" for other errors."""
    name = getattr(error, "name", None)
    if not isinstance(error, ModuleNotFoundError) or not isinstance(name, str):
        return ""
    top = name.split(".")[0]
    if top in sys.modules:  # it is there, but of a version that lacks a part
        return ""
    return PACKAGES.get(top, top)


@contextlib.contextmanager
def process_kept(stream=None):
    """Gives the process back as it was: modules seed the random generators, change the folder, switch gradients off.

    stream: Where the state of the module's own random numbers is kept from call to call, a list, empty at first; they run on
    apart from the process' own, so that chance shows as what it is. None for a module that is not called.
    """
    folder, kept = working_folder(), _generator_states()
    torch = sys.modules.get("torch")
    of_torch = (torch.is_grad_enabled(), torch.get_default_dtype()) if hasattr(torch, "float32") else None
    if stream:
        _set_generators(stream[0])
    try:
        yield
    finally:
        if folder:
            with contextlib.suppress(OSError):
                os.chdir(folder)
        if stream is not None:
            stream[:] = [_generator_states()]
        _set_generators(kept)
        torch = sys.modules.get("torch")
        if hasattr(torch, "float32"):  # a failed import leaves half a torch
            with_gradients, dtype = of_torch or (True, torch.float32)
            torch.set_grad_enabled(with_gradients)
            torch.set_default_dtype(dtype)


def _generator_states():
    """The states of the random generators of Python, numpy and, where it is loaded, torch, by name."""
    torch = sys.modules.get("torch")
    states = {"python": random.getstate(), "numpy": np.random.get_state()}
    if hasattr(torch, "get_rng_state"):
        states["torch"] = torch.get_rng_state()
    return states


def _set_generators(states):
    """Set random generators to what `_generator_states` gave."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    if "torch" in states:
        sys.modules["torch"].set_rng_state(states["torch"])


def shuffle_generators():
    """Start the random generators of Python, numpy and torch somewhere new."""
    random.seed()
    np.random.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()


def working_folder():
    """The current folder; "" where somebody deleted it."""
    try:
        return os.getcwd()
    except OSError:
        return ""
