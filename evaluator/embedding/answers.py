"""What a HEAR module returned, copied, and what is wrong with it in words; a file that `worker.py` takes along (Python 3.7).

A fault is a sentence without the module's name, "" where there is none.
"""

import numpy as np


def copied(value):
    """A fresh array of whatever a module returned, and its type, device and so on; raises whatever reading it raises."""
    dtype = getattr(value, "dtype", type(value).__name__)
    facts = {
        "dtype": str(getattr(dtype, "name", dtype)).replace("torch.", ""),  # TensorFlow's own text is another
        "requires_grad": bool(getattr(value, "requires_grad", False)),
        "device": str(getattr(value, "device", "cpu")),
    }
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # numpy has no such type
            value = value.float()
    return np.array(value.numpy() if hasattr(value, "numpy") else value, order="C"), facts  # always a copy


def kind_fault(value, what):
    """Of an answer that is no array, nor anything that one can be made of."""
    if value is None or isinstance(value, (str, bytes, dict, tuple)):
        return "%s are %s; an array is wanted" % (what, "None" if value is None else named(value))
    return ""


def type_fault(array, what):
    """Of an array of anything but numbers."""
    return "" if array.dtype.kind in "fiu" else "%s are of type %s; numbers are wanted" % (what, array.dtype)


def shape_fault(array, what, wanted):
    """Of embeddings of another shape than `wanted`, which has None where any size will do."""
    if array.ndim == len(wanted) and all(w in (None, n) for w, n in zip(wanted, array.shape)):
        return ""
    shape = "(%s)" % ", ".join("any" if size is None else str(size) for size in wanted)
    return "%s have shape %s, but %s is wanted (clips, ..., declared size)" % (what, array.shape, shape)


def value_fault(array, what):
    """Of embeddings (n_clips, ...) that are not all finite."""
    finite = np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if finite.all():
        return ""
    clip = int(np.argmin(finite)) + 1
    return "%s of clip %d of %d in the batch hold NaN or infinite values" % (what, clip, len(array))


def pair_fault(answer):
    """Of what get_timestamp_embeddings gives, where it is no pair."""
    if isinstance(answer, (tuple, list)) and len(answer) == 2:
        return ""
    return "get_timestamp_embeddings gives %s; (embeddings, timestamps) is wanted" % named(answer)


def times_fault(times, frames):
    """Of the times in ms, (n_clips, n_frames), of frames (n_clips, n_frames, size)."""
    if times.shape == frames.shape[:2] and np.isfinite(times).all():
        return ""
    shapes = (times.shape, frames.shape)
    return "timestamps have shape %s for embeddings of shape %s, or are not finite" % shapes


def views_fault(views):
    """Of what get_clip_embeddings gives, where it has no scene embeddings by that name."""
    if isinstance(views, dict) and "scene" in views:
        return ""
    what = sorted(map(str, views)) if isinstance(views, dict) else named(views)
    return "get_clip_embeddings gives %s; a dict with 'scene' in it is wanted" % what


def size_fault(value, key):
    """Of one of the model's sizes, such as its sample rate in Hz, that is no positive whole number."""
    whole = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if whole and np.isfinite(value) and value == int(value) and value > 0:
        return ""
    return "model.%s is %s; the HEAR API wants a positive whole number" % (key, shown(value))


def shown(value):
    """A value as Python writes it, at most 60 characters."""
    try:
        return repr(value)[:60]
    except Exception:
        return "a %s" % type(value).__name__


def named(value):
    """What kind of thing an answer is."""
    length = " of %d" % len(value) if isinstance(value, (tuple, list, dict)) else ""
    return type(value).__name__ + length
