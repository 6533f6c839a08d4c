"""Options that every module of ours takes, and how unknown ones are refused."""

from collections.abc import Mapping
from typing import Any

OPTIONS = {
    "layer": "last, mean, an index from 0, or a list of indices (concatenated)",
    "pooling": "mean or mean+std: how frames become a scene embedding",
    "window_seconds": "longest stretch of audio that the network sees at once (default 30)",
    "batch_seconds": "audio in one forward pass, in seconds (default 5 on a CPU, 160 on a GPU)",
}


def check_options(options: Mapping[str, Any], own: Mapping[str, str]) -> None:
    """Refuse option names that neither every module (`OPTIONS`) nor this one (`own`) takes.

    Args:
        options: By name, as `load_model` was called with; lengths among them are in seconds.
        own: Options of this module alone, a name and its meaning each.

    Raises:
        ValueError: An unknown name; the message lists the right ones.
    """
    check_names(options, {**OPTIONS, **own})


def check_names(options: Mapping[str, Any], known: Mapping[str, str]) -> None:
    """Refuse options that are not `known`, a name and its meaning (with its unit: Hz, seconds) each.

    Raises:
        ValueError: An unknown name; the message lists the right ones.
    """
    for name in options:
        if name not in known:
            listing = "; ".join(f"{key}: {meaning}" for key, meaning in known.items())
            raise ValueError(f"unknown option {name!r}; known options are {listing}")
