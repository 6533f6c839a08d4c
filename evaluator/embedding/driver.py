"""One loaded HEAR module and checked answers from it, in this process or, through `worker.py`, in another.

This file and those beside it that it loads need Python 3.7 or later, numpy and the module, and nothing else of ours, so that it
works in any environment that a module of 2021 asks for.

Every answer is copied before it is given on: a module may use its memory again for the next. Whatever a module raises or
answers that is not as it should be becomes a `ModuleTrouble`, whose text is a sentence; only KeyboardInterrupt passes.
"""

import contextlib
import importlib.util
import os
import platform
import sys

import numpy as np


def beside(name):
    """A file beside this one as a module: in the worker, where nothing of ours can be imported, as in the evaluator."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("hear_eval_" + name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


loading, frameworks, fingerprint = beside("loading"), beside("frameworks"), beside("fingerprint")
answers, extensions, usage = beside("answers"), beside("extensions"), beside("usage")
ModuleTrouble, describe_error, process_kept = loading.ModuleTrouble, loading.describe_error, loading.process_kept

VERSIONS_OF = ("numpy", "torch", "transformers", "tensorflow", "keras", "onnxruntime", "openvino")
NO_FRAMES = "gives no timestamp embeddings; event tasks and --layers need them"


class Driver:
    """One loaded HEAR module and checked answers from it.

    Args:
        name: Importable name, or path of a .py file.
        weights: Passed to load_model as its one positional argument; "" for none.
        options: Keyword arguments of load_model.
        device: "auto" (a GPU if there is one), "cpu", "cuda", ...
        instance: The module itself, where it is there already; else it is imported by its name.
        free: Whether its random generators start anywhere, rather than where those of the process are.
        file: Path of the .py file that it is loaded from where that is not its name; "" where it is, or it is imported.
    """

    def __init__(self, name, weights="", options=None, device="auto", instance=None, free=False, file=""):
        self.name, self.source = name, file or name
        self.weights = weights
        self.raw = {}
        self.described = None
        self.stream = []  # of the module's random numbers
        with process_kept(self.stream), self.told("cannot be used"):
            self.module = (
                loading.import_module(self.source) if instance is None else loading.checked_module(name, instance)
            )
            frameworks.compute_exactly()  # what the module imports is there, what it decides as it loads comes after
            if free:
                loading.shuffle_generators()
            self.model = loading.load_model(name, self.module, weights, dict(options or {}))
            self.framework, self.others = frameworks.chosen(self.module, self.model, fingerprint.own_files(self.module))
            self.asked_for = device
            self.device = self.use(self.framework)
            self.kind = frameworks.of_model(self.model)
            parts = self.model.modules() if self.kind == "torch" and hasattr(self.model, "modules") else [self.model]
            self.was_training = any(getattr(part, "training", False) is True for part in parts)
            if self.was_training and hasattr(self.model, "eval"):
                self.model.eval()
            self.sizes = {key: self.whole_number(key) for key in ("sample_rate", "scene_embedding_size")}
            self.sizes["timestamp_embedding_size"] = self.frame_size()

    @contextlib.contextmanager
    def told(self, what):
        """Turns all that the module may raise, KeyboardInterrupt apart, into ModuleTrouble: a sentence with `what` failed."""
        try:
            yield
        except (ModuleTrouble, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise ModuleTrouble("module %s %s (%s)" % (self.name, what, describe_error(error)), error) from error

    def refuse(self, fault):
        """Raise what is wrong with the module, as `answers` says it; nothing is where it is ""."""
        if fault:
            raise ModuleTrouble("module %s: %s" % (self.name, fault))

    def is_torch(self):
        """Whether the module speaks torch."""
        return self.framework == "torch"

    def use(self, framework):
        """Hand the module this framework's arrays from now on; gives the device, where a torch model now is."""
        self.framework = framework
        device = self.asked_for
        if framework != "torch":
            return "cpu" if device == "auto" else device
        torch = importlib.import_module("torch")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if hasattr(self.model, "to"):
            try:
                self.model = self.model.to(device)
            except (RuntimeError, AssertionError) as error:
                raise ModuleTrouble(
                    "device %r cannot be used here (%s); known are auto, cpu and, with a GPU, cuda"
                    % (device, describe_error(error)),
                    error,
                ) from error
        return device

    def whole_number(self, key):
        """One of the model's sizes, as a positive int."""
        value = getattr(self.model, key, None)
        self.refuse(answers.size_fault(value, key))
        return int(value)

    def frame_size(self):
        """Width of a frame; 0 for a module that gives no timestamp embeddings."""
        function = getattr(self.module, "get_timestamp_embeddings", None)
        if not callable(function) or getattr(self.model, "timestamp_embedding_size", None) is None:
            return 0
        return self.whole_number("timestamp_embedding_size")

    def describe(self):
        """What is loaded, as plain values: sizes, framework, device, hashes, versions."""
        if self.described is None:
            with self.told("cannot be described"):
                self.described = self.description()
        return dict(self.described, framework=self.framework, device=str(self.device))

    def description(self):
        """What never changes of `describe`."""
        versions = {"python": platform.python_version()}
        for package in VERSIONS_OF:
            if package in sys.modules:
                versions[package] = str(getattr(sys.modules[package], "__version__", "unknown"))
        return dict(
            self.sizes,
            extension=extensions.takes_clips(self.module, self.model),
            n_layers=extensions.n_layers(self.model),
            trained_on=extensions.trained_on(self.model),
            heard=extensions.heard(self.model),
            licence=extensions.licence(self.module, self.model, self.weights),
            was_training=self.was_training,
            weights_sha256=self.hash_weights(),
            code=self.code(),
            identity=self.identity(),
            versions=versions,
            threads=sys.modules["torch"].get_num_threads() if self.is_torch() else 0,
            arithmetic=frameworks.arithmetic() if self.is_torch() else {},
        )

    def read_from(self):
        """Paths of all files and folders that decide what was loaded; None where the model does not say."""
        return extensions.read_from(self.model)

    def hash_weights(self):
        """SHA-256 over all weights; of the files that they were read from if the model shows none, "" without one."""
        parts = []
        if "torch" in sys.modules and hasattr(self.model, "state_dict"):  # whatever arrays it is handed
            parts = fingerprint.of_torch(self.model, sys.modules["torch"])
        elif "tensorflow" in (self.kind, self.framework):
            if not getattr(self.model, "variables", None):  # Keras makes them when it is first called
                with contextlib.suppress(ModuleTrouble):
                    self.scene(np.zeros((1, self.sizes["sample_rate"]), np.float32))
            parts = fingerprint.of_tensorflow(self.model)
        return fingerprint.digest(parts, [self.weights] if self.weights else self.read_from() or [])

    def identity(self):
        """What embeddings depend on beside audio and weights, as a model of ours says it: code and effective options; else None."""
        return extensions.identity(self.module, self.model)

    def code(self):
        """What stands for the module's code: what a model of ours says, else see `fingerprint.of_code`."""
        if self.identity():
            return "sha256 %s" % self.identity()["code"]
        code, edited = fingerprint.of_code(self.source, self.module)
        if edited:
            raise ModuleTrouble(
                "module %s: %s was edited after this process imported it; restart Python, so that what runs is what "
                "the file says" % (self.name, edited)
            )
        return code

    def call(self, name, audio):
        """Call one of the module's functions on audio; where it is not clear what to hand over, what it takes decides."""
        try:
            given = [self.attempt(name, audio)]
        except ModuleTrouble:
            given = self.attempt_others(name, audio)
            if not given:
                raise
        self.others = []
        return given[0]

    def attempt_others(self, name, audio):
        """The answer to another framework's arrays, which the module gets from then on; none if it takes no other."""
        first = self.framework, self.device
        for framework in self.others:
            with contextlib.suppress(ModuleTrouble):
                self.device = self.use(framework)
                return [self.attempt(name, audio)]
        self.framework, self.device = first
        return []

    def attempt(self, name, audio):
        """Call one of the module's functions on audio, arrays turned into the framework's tensors."""
        function, torch, process = getattr(self.module, name), sys.modules.get("torch"), os.getpid()
        no_gradients = getattr(torch, "no_grad", contextlib.nullcontext)  # of a failed import there is half a torch
        with process_kept(self.stream), no_gradients():
            try:
                return function(self.given(audio), self.model)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                shape = list(audio.shape) if hasattr(audio, "shape") else "%d clips" % len(audio)
                trouble = ModuleTrouble(
                    "module %s: %s failed on audio of shape %s (%s)" % (self.name, name, shape, describe_error(error)),
                    error,
                )
                if trouble.kind == "memory":
                    loading.let_go(error)
                raise trouble from error
            finally:
                if os.getpid() != process:  # the module forked, and its child came back here, where only one may go on
                    os._exit(0)

    def given(self, audio):
        """What the module is handed: tensors of its framework, copies where it might write into them.

        A model of ours that leaves its audio as it came (`leaves_audio`) gets the arrays' own memory, and brings it to its device
        itself. Nobody else's word is taken for that: the next module may hear the same arrays.
        """
        if self.framework == "torch" and extensions.leaves_audio(self.module, self.model):
            return frameworks.shared(audio)
        return frameworks.given(self.framework, audio, self.device)

    def array(self, value, what):
        """A fresh array of whatever the module returned; its type, device and so on are noted in `raw`."""
        self.refuse(answers.kind_fault(value, what))
        with self.told("gives %s that cannot be read" % what):
            array, self.raw[what] = answers.copied(value)
        self.refuse(answers.type_fault(array, what))
        return array

    def embeddings(self, value, what, wanted):
        """Checked embeddings, float32, in memory of their own.

        wanted: the shape, None where any size will do.
        """
        array = self.array(value, what)
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused as such
            array = array.astype(np.float32, copy=False)
        self.refuse(answers.shape_fault(array, what, wanted))
        self.refuse(answers.value_fault(array, what))
        return array

    def scene(self, audio):
        """Scene embeddings of equally long clips: audio (n, samples) float32 -> (n, size) float32."""
        value = self.call("get_scene_embeddings", audio)
        return self.embeddings(value, "scene embeddings", (len(audio), self.sizes["scene_embedding_size"]))

    def timestamps(self, audio):
        """Frame embeddings (n, n_frames, size) float32 and their times in ms (n, n_frames) float64."""
        if not self.sizes["timestamp_embedding_size"]:
            raise ModuleTrouble("module %s %s" % (self.name, NO_FRAMES))
        answer = self.call("get_timestamp_embeddings", audio)
        self.refuse(answers.pair_fault(answer))
        wanted = (len(audio), None, self.sizes["timestamp_embedding_size"])
        frames = self.embeddings(answer[0], "timestamp embeddings", wanted)
        times = self.array(answer[1], "timestamps").astype(np.float64)
        if times.ndim == 1:
            times = np.repeat(times[None], len(frames), axis=0)
        self.refuse(answers.times_fault(times, frames))
        return frames, times

    def clips(self, clips):
        """Our extension: clips of any lengths, each (samples,) float32 -> {view: (n, ...) float32}."""
        views = self.call("get_clip_embeddings", list(clips))
        self.refuse(answers.views_fault(views))
        wanted = {view: (len(clips),) + (None,) * (np.ndim(value) - 1) for view, value in views.items()}
        wanted["scene"] = (len(clips), self.sizes["scene_embedding_size"])
        return {str(view): self.embeddings(value, "%s of clips" % view, wanted[view]) for view, value in views.items()}

    def reuses_memory(self, audio):
        """Whether a scene embedding of audio (n, samples), as the module gave it, changes when the module is called again."""
        first = self.call("get_scene_embeddings", audio)
        then = self.array(first, "scene embeddings")
        self.call("get_scene_embeddings", audio[::-1] * np.float32(0.5))
        return not np.array_equal(then, self.array(first, "scene embeddings"), equal_nan=True)

    def raw_facts(self):
        """Type, device and so on of what the module returned last, by name of the answer."""
        return self.raw
