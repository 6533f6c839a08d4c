"""One loaded HEAR module and checked answers from it, in this process or, through `worker.py`, in another interpreter.

This file needs Python 3.7 or later, numpy and the module, and nothing of ours, so that it works in any environment that a module
of 2021 asks for.
"""

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import platform
import random
import sys
import traceback

import numpy as np

FUNCTIONS = ("load_model", "get_timestamp_embeddings", "get_scene_embeddings")
MOST_FILES_HASHED = 2000
CODE_SEEN = {}  # content of each file of imported modules when this process first looked at it


class ModuleTrouble(Exception):
    """The module does not do what the HEAR API asks; the message is a sentence."""


def import_module(name):
    """The module called `name`, importable or the path of a .py file.

    Raises ModuleTrouble if it cannot be imported or lacks one of the three functions.
    """
    # Appended, never put first: a user's json.py or tasks.py must shadow nothing.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        if name.endswith(".py"):
            path = os.path.abspath(os.path.expanduser(name))
            if not os.path.isfile(path):
                raise ModuleTrouble("%s: there is no such file" % name)
            sys.path.append(os.path.dirname(path))
            # A name that nothing else has: a user's ./json.py must not become everybody's json.
            spec = importlib.util.spec_from_file_location("hear_module_" + os.path.basename(path)[:-3], path)
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(name)
    except ModuleTrouble:
        raise
    except BaseException as error:  # a module may raise anything while it is imported, SystemExit too
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ModuleTrouble(
            "module %s cannot be imported (%s). If it needs older libraries, make a virtual environment for it and "
            "name that with --python" % (name, describe_error(error))
        ) from error
    return checked_module(name, module)


def checked_module(name, module):
    """The module or object, if it has the three functions of the HEAR API; else ModuleTrouble is raised."""
    missing = [function for function in FUNCTIONS if not callable(getattr(module, function, None))]
    if missing:
        raise ModuleTrouble("module %s is no HEAR module: it has no %s" % (name, ", ".join(missing)))
    return module


def describe_error(error):
    """Type and first line of an error, at most 300 characters, and the line of the module that led to it."""
    lines = str(error).strip().splitlines()
    what = ("%s: %s" % (type(error).__name__, lines[0] if lines else "no message"))[:300]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if os.path.isfile(frame.filename)]
    frames = [frame for frame in frames if frame.filename not in (__file__, importlib.__file__)]
    if not frames:
        return what
    # The deepest line beside the file that was entered: the module's own, not one inside torch.
    home = os.path.dirname(frames[0].filename)
    last = [frame for frame in frames if frame.filename.startswith(home)][-1]
    return "%s, at %s, line %d" % (what, os.path.basename(last.filename), last.lineno)


@contextlib.contextmanager
def process_kept():
    """Gives the process back as it was: modules seed the random generators, change the folder, switch gradients off."""
    folder = os.getcwd()
    generators = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")
    kept = (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_rng_state()) if torch else None
    try:
        yield
    finally:
        os.chdir(folder)
        random.setstate(generators[0])
        np.random.set_state(generators[1])
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "float32"):  # a failed import leaves half a torch
            with_gradients, dtype, generator = kept or (True, torch.float32, None)
            torch.set_grad_enabled(with_gradients)
            torch.set_default_dtype(dtype)
            if generator is not None:
                torch.set_rng_state(generator)


class Driver:
    """One loaded HEAR module and checked answers from it.

    Args:
        name: Importable name, or path of a .py file.
        weights: Passed to load_model as its one positional argument; "" for none.
        options: Keyword arguments of load_model.
        device: "auto" (a GPU if there is one), "cpu", "cuda", ...
        instance: The module itself, where it is there already; else it is imported by its name.
    """

    def __init__(self, name, weights="", options=None, device="auto", instance=None):
        self.name = name
        self.weights = weights
        self.raw = {}
        with process_kept():
            self.module = import_module(name) if instance is None else checked_module(name, instance)
            self.model = self.load(weights, dict(options or {}))
        torch = sys.modules.get("torch")
        tensorflow = sys.modules.get("tensorflow")
        self.torch = torch if torch is not None and isinstance(self.model, torch.nn.Module) else None
        if self.torch is None and tensorflow is None and torch is not None:
            self.torch = torch  # neither kind, but torch is all there is: tensors are its language
        self.tensorflow = tensorflow if self.torch is None else None
        self.device = self.choose_device(device)
        if hasattr(self.model, "to") and self.torch is not None:
            try:
                self.model = self.model.to(self.device)
            except (RuntimeError, AssertionError) as error:
                raise ModuleTrouble(
                    "device %r cannot be used here (%s); known are auto, cpu and, with a GPU, cuda"
                    % (self.device, describe_error(error))
                ) from error
        parts = self.model.modules() if self.torch is not None and hasattr(self.model, "modules") else [self.model]
        self.was_training = any(getattr(part, "training", False) for part in parts)
        if self.was_training and hasattr(self.model, "eval"):
            self.model.eval()
        self.sizes = {
            key: self.whole_number(key) for key in ("sample_rate", "scene_embedding_size", "timestamp_embedding_size")
        }
        self.described = None

    def load(self, weights, options):
        """Call load_model as the module wants it."""
        try:
            if weights:
                return self.module.load_model(weights, **options)
            try:
                return self.module.load_model(**options)
            except TypeError as error:
                if "missing" not in str(error) or "argument" not in str(error):
                    raise
                return self.module.load_model("", **options)  # some require the path, and take "" for none
        except (Exception, SystemExit) as error:
            takes = ""
            if options and isinstance(error, TypeError):
                takes = "; load_model takes %s" % inspect.signature(self.module.load_model)
            needs = "" if weights else "; if it needs a weight file, name it with --weights"
            raise ModuleTrouble(
                "module %s: load_model failed (%s)%s%s" % (self.name, describe_error(error), takes, needs)
            ) from error

    def choose_device(self, device):
        """The device asked for; "auto" is a GPU where the module's own torch sees one."""
        if self.torch is None:
            return "cpu" if device == "auto" else device
        if device == "auto":
            return "cuda" if self.torch.cuda.is_available() else "cpu"
        return device

    def whole_number(self, key):
        """One of the model's three sizes, as a positive int."""
        value = getattr(self.model, key, None)
        whole = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not whole or value != int(value) or value <= 0:
            raise ModuleTrouble(
                "module %s: model.%s is %r; the HEAR API wants a positive whole number" % (self.name, key, value)
            )
        return int(value)

    def describe(self):
        """What is loaded, as plain values: sizes, framework, device, hashes, versions."""
        if self.described is None:
            model = self.model
            versions = {"python": platform.python_version()}
            for package in ("numpy", "torch", "transformers", "tensorflow", "keras"):
                if package in sys.modules:
                    versions[package] = str(getattr(sys.modules[package], "__version__", "unknown"))
            self.described = dict(
                self.sizes,
                framework="torch" if self.torch else "tensorflow" if self.tensorflow else "numpy",
                device=str(self.device),
                extension=callable(getattr(self.module, "get_clip_embeddings", None))
                and bool(getattr(model, "takes_clips", True)),
                n_layers=int(getattr(model, "n_layers", 0) or 0),
                trained_on=self.trained_on(),
                was_training=self.was_training,
                weights_sha256=self.hash_weights(),
                code=self.code(),
                identity=self.identity(),
                versions=versions,
                threads=self.torch.get_num_threads() if self.torch else 0,
            )
        return dict(self.described)

    def trained_on(self):
        """Our extension: datasets of which the weights have heard sounds, and which sounds, as far as the model says."""
        said = getattr(self.model, "trained_on", None)
        try:
            return {str(name): str(what) for name, what in dict(said or {}).items()}
        except (TypeError, ValueError):
            return {}

    def hash_weights(self):
        """SHA-256 over names, types, shapes and bytes of all weights; of the weight file if the model shows none.

        What a torch model's state holds beside tensors (`get_extra_state`) counts where JSON can say it.
        """
        arrays = []
        if self.torch is not None and hasattr(self.model, "state_dict"):
            for key, value in sorted(self.model.state_dict().items()):
                if hasattr(value, "detach"):
                    flat = value.detach().cpu().contiguous().reshape(-1)
                    arrays.append((key, str(value.dtype), tuple(value.shape), flat.view(self.torch.uint8).numpy()))
                else:
                    with contextlib.suppress(TypeError, ValueError):
                        said = json.dumps(value, sort_keys=True).encode()
                        arrays.append((key, "json", (len(said),), np.frombuffer(said, np.uint8)))
        elif self.tensorflow is not None:
            if not getattr(self.model, "variables", None):  # Keras makes them when it is first called
                with contextlib.suppress(ModuleTrouble):
                    self.scene(np.zeros((1, self.sizes["sample_rate"]), np.float32))
            for number, value in enumerate(getattr(self.model, "variables", None) or []):
                array = np.ascontiguousarray(value.numpy())
                arrays.append((str(number), str(array.dtype), array.shape, array))
        digest = hashlib.sha256()
        for key, dtype, shape, array in arrays:
            digest.update(("%s %s %s\n" % (key, dtype, shape)).encode())
            digest.update(array.tobytes())
        if arrays:
            return digest.hexdigest()
        if self.weights and os.path.isfile(self.weights):
            with open(self.weights, "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    digest.update(block)
            return digest.hexdigest()
        return ""

    def identity(self):
        """What embeddings depend on beside audio and weights, as a model of ours says it: code and effective options; else None."""
        if type(self.model).__module__.split(".")[0] != "hear_ssl":
            return None
        return self.model.embedding_identity()

    def code(self):
        """What stands for the module's code: what a model of ours says, else a hash over its package's files.

        "" for an object whose source is in no file.
        """
        if self.identity():
            return "sha256 %s" % self.identity()["code"]
        owner = self.module if inspect.ismodule(self.module) else inspect.getmodule(type(self.module))
        if owner is None or not getattr(owner, "__file__", None) and not getattr(owner, "__path__", None):
            return ""
        top = sys.modules.get(owner.__name__.split(".")[0], owner)
        paths = []
        for folder in getattr(top, "__path__", []):
            for where, folders, names in os.walk(folder):
                folders.sort()
                paths += [os.path.join(where, name) for name in sorted(names) if name.endswith(".py")]
        digest = hashlib.sha256()
        for path in paths[:MOST_FILES_HASHED] or files_beside(owner):
            with open(path, "rb") as file:
                content = file.read()
            digest.update(os.path.basename(path).encode() + b"\n" + content)
            # A lone file is run anew each time that it is loaded; what is imported is not.
            fresh = self.name.endswith(".py") and path == getattr(owner, "__file__", None)
            if not fresh and CODE_SEEN.setdefault(path, content) != content:
                raise ModuleTrouble(
                    "module %s: %s was edited after this process imported it; restart Python, so that what runs is what "
                    "the file says" % (self.name, path)
                )
        return "sha256 %s" % digest.hexdigest()

    def call(self, function, audio):
        """Call one of the module's functions on audio, arrays turned into the framework's tensors."""
        with process_kept(), self.torch.no_grad() if self.torch is not None else contextlib.nullcontext():
            try:
                return function(self.tensors(audio), self.model)
            except (Exception, SystemExit) as error:
                shape = list(audio.shape) if hasattr(audio, "shape") else "%d clips" % len(audio)
                raise ModuleTrouble(
                    "module %s: %s failed on audio of shape %s (%s)"
                    % (self.name, function.__name__, shape, describe_error(error))
                ) from error

    def tensors(self, audio):
        """The framework's own tensors of an array (n, samples) or a list of arrays (samples,); always copies."""
        if isinstance(audio, list):
            return [self.tensors(clip) for clip in audio]
        audio = np.array(audio, dtype=np.float32)
        if self.torch is not None:
            return self.torch.from_numpy(audio).to(self.device)
        return audio if self.tensorflow is None else self.tensorflow.convert_to_tensor(audio)

    def array(self, value, what):
        """Whatever the module returned as a contiguous array; its type, device and so on are noted in `raw`."""
        dtype = getattr(value, "dtype", type(value).__name__)
        self.raw[what] = {
            "dtype": str(getattr(dtype, "name", dtype)).replace("torch.", ""),  # TensorFlow's own text is another
            "requires_grad": bool(getattr(value, "requires_grad", False)),
            "device": str(getattr(value, "device", "cpu")),
        }
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            if str(value.dtype) == "torch.bfloat16":  # numpy has no such type
                value = value.float()
        value = value.numpy() if hasattr(value, "numpy") else np.asarray(value)
        if value.dtype.kind not in "fiu":
            raise ModuleTrouble("module %s: %s are of type %s; numbers are wanted" % (self.name, what, value.dtype))
        return np.ascontiguousarray(value)

    def embeddings(self, value, what, wanted):
        """Checked embeddings, float32.

        wanted: the shape, None where any size will do.
        """
        array = self.array(value, what)
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused as such
            array = array.astype(np.float32, copy=False)
        fits = array.ndim == len(wanted) and all(w in (None, n) for w, n in zip(wanted, array.shape))
        if not fits:
            shape = "(%s)" % ", ".join("any" if size is None else str(size) for size in wanted)
            raise ModuleTrouble(
                "module %s: %s have shape %s, but %s is wanted (clips, ..., declared size)"
                % (self.name, what, array.shape, shape)
            )
        finite = np.isfinite(array.reshape(len(array), -1)).all(axis=1)
        if not finite.all():
            raise ModuleTrouble(
                "module %s: %s of clip %d of %d in the batch hold NaN or infinite values"
                % (self.name, what, int(np.argmin(finite)) + 1, len(array))
            )
        return array

    def scene(self, audio):
        """Scene embeddings of equally long clips: audio (n, samples) float32 -> (n, size) float32."""
        value = self.call(self.module.get_scene_embeddings, audio)
        return self.embeddings(value, "scene embeddings", (len(audio), self.sizes["scene_embedding_size"]))

    def timestamps(self, audio):
        """Frame embeddings (n, n_frames, size) float32 and their times in ms (n, n_frames) float64."""
        answer = self.call(self.module.get_timestamp_embeddings, audio)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise ModuleTrouble(
                "module %s: get_timestamp_embeddings gives %s; (embeddings, timestamps) is wanted"
                % (self.name, type(answer).__name__)
            )
        wanted = (len(audio), None, self.sizes["timestamp_embedding_size"])
        frames = self.embeddings(answer[0], "timestamp embeddings", wanted)
        times = self.array(answer[1], "timestamps").astype(np.float64)
        if times.ndim == 1:
            times = np.repeat(times[None], len(frames), axis=0)
        if times.shape != frames.shape[:2] or not np.isfinite(times).all():
            raise ModuleTrouble(
                "module %s: timestamps have shape %s for embeddings of shape %s, or are not finite"
                % (self.name, times.shape, frames.shape)
            )
        return frames, times

    def clips(self, clips):
        """Our extension: clips of any lengths, each (samples,) float32 -> {view: (n, ...) float32}."""
        views = self.call(self.module.get_clip_embeddings, list(clips))
        if not isinstance(views, dict) or "scene" not in views:
            what = sorted(map(str, views)) if isinstance(views, dict) else type(views).__name__
            raise ModuleTrouble(
                "module %s: get_clip_embeddings gives %s; a dict with 'scene' in it is wanted" % (self.name, what)
            )
        wanted = {view: (len(clips),) + (None,) * (np.ndim(value) - 1) for view, value in views.items()}
        wanted["scene"] = (len(clips), self.sizes["scene_embedding_size"])
        return {view: self.embeddings(value, view + " of clips", wanted[view]) for view, value in views.items()}

    def raw_facts(self):
        """Type, device and so on of what the module returned last, by name of the answer."""
        return self.raw


def files_beside(module):
    """The file of a module that is no package, and the files beside or below it that it imports, sorted."""
    home = os.path.dirname(module.__file__) + os.sep
    found, waiting = {module.__file__}, [module]
    while waiting:
        for value in list(vars(waiting.pop()).values()):
            name = getattr(value, "__name__" if inspect.ismodule(value) else "__module__", None)
            imported = sys.modules.get(name) if isinstance(name, str) else None
            path = getattr(imported, "__file__", None) or ""
            # Whatever is installed (site-packages, dist-packages) goes by its version.
            own = path.startswith(home) and path.endswith(".py") and "-packages" + os.sep not in path
            if own and path not in found:
                found.add(path)
                waiting.append(imported)
    return sorted(found)
