"""Our extensions of the HEAR API: what a module, or its model, may say of itself; a file that `worker.py` takes along (Python 3.7).

What is not said, or said otherwise than it should be, is not known.
"""

import inspect
import re


def takes_clips(module, model):
    """Whether clips of any lengths can be handed over together, to get_clip_embeddings."""
    return callable(getattr(module, "get_clip_embeddings", None)) and bool(getattr(model, "takes_clips", True))


def n_layers(model):
    """How many layers clips' embeddings have; 0 where there is but one vector."""
    return int(getattr(model, "n_layers", 0) or 0)


def trained_on(model):
    """Datasets of which the weights have heard sounds, and which sounds, as far as the model says."""
    said = getattr(model, "trained_on", None)
    try:
        return {str(name): str(what) for name, what in dict(said or {}).items()}
    except (TypeError, ValueError):
        return {}


def heard(model):
    """Hashes of the sounds that the weights were trained on, 16 hex digits each, as far as the model says."""
    said = getattr(model, "heard", None)
    try:
        return sorted({str(sound) for sound in said or () if re.match("[0-9a-f]{16}$", str(sound))})
    except TypeError:
        return []


def licence(module, model, weights):
    """The licence of the weights in words, as far as the model or, of weights that the module chose, the module says it."""
    declared = "" if weights else getattr(getattr(module, "CHECKPOINT", None), "licence", "")
    said = getattr(model, "licence", declared)
    return said if isinstance(said, str) else ""


def read_from(model):
    """Paths of all files and folders that decide what was loaded; None where the model does not say."""
    said = getattr(model, "read_from", None)
    return [str(place) for place in said] if isinstance(said, (list, tuple)) else None


def is_ours(module, model):
    """Whether it is one of hear_ssl; a model of ours behind functions of somebody else's is not."""
    whose = (getattr(module, "__name__", "") if inspect.ismodule(module) else "", type(model).__module__)
    return all(name.split(".")[0] == "hear_ssl" for name in whose)


def identity(module, model):
    """What embeddings depend on beside audio and weights, as a model of ours says it: code and effective options; else None."""
    return model.embedding_identity() if is_ours(module, model) else None


def leaves_audio(module, model):
    """Whether a model of ours says that it leaves the samples that it is handed as they came."""
    return is_ours(module, model) and getattr(model, "leaves_audio", False) is True
