"""Which arrays a HEAR module is handed: numpy's, torch's or TensorFlow's; a file that `worker.py` takes along (Python 3.7).

What decides is what the module says or is made of, never what somebody else has imported into the process:

1. `input_type = "numpy"`, `"torch"` or `"tensorflow"` on the module or on its model,
2. the model's class: a `torch.nn.Module` gets torch's tensors, a `tf.Module` or a model of Keras TensorFlow's,
3. what the files import that define the module's functions and the model's class: torch, else TensorFlow, else numpy.
"""

import contextlib
import functools
import importlib
import inspect
import sys

import numpy as np

KNOWN = ("torch", "tensorflow", "numpy")
# Top of a class' or module's name, and whose tensors it goes with.
TOPS = {"torch": "torch", "tensorflow": "tensorflow", "keras": "tensorflow", "tf_keras": "tensorflow", "numpy": "numpy"}


def said(module, model):
    """What the module or the model itself says; "" if nothing.

    Raises ValueError if the module says what nobody knows; on a model the word may mean something else.
    """
    for owner in (module, model):
        value = getattr(owner, "input_type", None)
        if isinstance(value, str) and value in KNOWN:
            return value
        if isinstance(value, str) and owner is module:
            raise ValueError("input_type is %r; known are %s" % (value, ", ".join(KNOWN)))
    return ""


def of_model(model):
    """What the class of a model stands for; "" for a class of nobody's framework."""
    for each in type(model).__mro__:
        top = str(each.__module__).split(".")[0]
        if top == "keras":
            return _of_keras()
        if top in ("torch", "tensorflow", "tf_keras"):
            return TOPS[top]
    return ""


def _of_keras():
    """The framework that Keras 3 computes with here; before version 3 it was TensorFlow."""
    try:
        backend = sys.modules["keras"].backend.backend()
    except (AttributeError, KeyError):
        return "tensorflow"
    return backend if backend in KNOWN else "numpy"


def _imported_by(namespace):
    """Which of the frameworks a namespace has names of, or imports inside its functions."""
    found = set()
    for value in list(namespace.values()):
        names = [getattr(value, "__name__" if inspect.ismodule(value) else "__module__", None)]
        names += getattr(getattr(value, "__code__", None), "co_names", ())
        found |= {TOPS[name.split(".")[0]] for name in names if isinstance(name, str) and name.split(".")[0] in TOPS}
    return found


def _own_namespaces(module, model):
    """The namespaces of the module, and of the files that define its functions and its model's class."""
    found = [vars(module)] if hasattr(module, "__dict__") else []
    for name in ("load_model", "get_scene_embeddings", "get_timestamp_embeddings", "get_clip_embeddings"):
        function = getattr(module, name, None)
        while isinstance(function, functools.partial):
            function = function.func
        function = inspect.unwrap(getattr(function, "__func__", function))
        if hasattr(function, "__globals__"):
            found.append(function.__globals__)
    for owner in (type(module), type(model)):
        file = sys.modules.get(str(owner.__module__))
        if file is not None and str(owner.__module__).split(".")[0] not in ("builtins", "types"):
            found += [vars(file), vars(owner)]
    return found


def chosen(module, model, beside):
    """What a module is handed, and what else it might mean: (framework, others), the others in the order to try them.

    beside: The files of its own that it imports, as modules.
    """
    sure = said(module, model) or of_model(model)
    if sure:
        return sure, []
    imported = set()
    for namespace in _own_namespaces(module, model):
        imported |= _imported_by(namespace)
    first = next((name for name in ("torch", "tensorflow") if name in imported), "numpy")
    wider = {"numpy"} | imported
    for each in beside:
        wider |= _imported_by(vars(each))
    return first, [name for name in KNOWN if name in wider and name != first]


def given(framework, audio, device):
    """The framework's own tensors of an array (n, samples) or a list of arrays (samples,); always copies."""
    if isinstance(audio, list):
        return [given(framework, clip, device) for clip in audio]
    if framework == "torch" and str(device).startswith("cuda"):
        return _uploaded(audio, device)
    audio = np.array(audio, dtype=np.float32)
    if framework == "numpy":
        return audio
    library = importlib.import_module(framework)
    return library.from_numpy(audio).to(device) if framework == "torch" else library.convert_to_tensor(audio)


def _uploaded(audio, device):
    """An array as a tensor on a GPU, by way of page-locked memory: twice as fast, and the host need not wait for it."""
    torch = importlib.import_module("torch")
    locked = torch.empty(audio.shape, dtype=torch.float32, pin_memory=True)
    locked.numpy()[...] = audio
    return locked.to(device, non_blocking=True)


def shared(audio):
    """Tensors of torch of an array (n, samples) or a list of arrays (samples,), in the arrays' own memory where they can be written to."""
    if isinstance(audio, list):
        return [shared(clip) for clip in audio]
    torch = importlib.import_module("torch")
    return torch.from_numpy(np.require(audio, np.float32, ["C", "W"]))


def compute_exactly():
    """Have torch compute float32 as float32, and by the same kernels each time; a module may decide otherwise as it loads.

    Torch's own default takes TF32, with 10 bits after the point, for convolutions on a GPU.
    """
    torch = sys.modules.get("torch")
    with contextlib.suppress(AttributeError, RuntimeError):  # half a torch, or one told by its newer words
        if hasattr(torch, "set_float32_matmul_precision"):  # of processors as well: "medium" is bfloat16 there
            torch.set_float32_matmul_precision("highest")
        else:
            torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True


def arithmetic():
    """How torch computes: TF32 for products and convolutions of float32, and kernels that are the same each time; for results."""
    torch = sys.modules["torch"]
    asked = {
        "tf32_products": lambda: torch.backends.cuda.matmul.allow_tf32,
        "tf32_convolutions": lambda: torch.backends.cudnn.allow_tf32,
        "deterministic_convolutions": lambda: torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark,
        "deterministic_algorithms": lambda: torch.are_deterministic_algorithms_enabled(),
    }
    found = {}
    for name, ask in asked.items():
        with contextlib.suppress(AttributeError, RuntimeError):  # an old torch, or one told by its newer words
            found[name] = bool(ask())
    return found
