"""The networks of `transformers` that run here, and what may be said of one: an allow-list, and bounds on every number.

A config.json comes with weights from anywhere. Of its keys only those that decide the network's form are passed on, each
after a look at its type and size; keys that lead to code or to another network are refused by name. A network is built
without memory (on torch's `meta` device), so that its tensors' shapes can be compared with those of the weights first.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from hear_ssl.encoders import bounds, weights
from hear_ssl.encoders.families import FAMILIES
from hear_ssl.encoders.family import Family

# Keys that change what the numbers mean, or whose code they are: never passed on, never passed over.
REFUSED = {
    "auto_map": "it names program code of its own, and none is run from a checkpoint",
    "quantization_config": "its weights are packed, and plain ones are wanted",
    "add_adapter": "it puts convolutions behind the encoder, which no embedding here includes",
}
ATTENTION = ("_attn_implementation", "attn_implementation", "_attn_implementation_internal")
# What the library itself has; any other word is looked for on the hub, as code.
OWN_ATTENTION = ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")


def model_type(config: Mapping[str, Any], where: str, families: tuple[str, ...]) -> str:
    """The model_type that a config.json says.

    Args:
        config: What is in it.
        where: Its path, for messages.
        families: Those that are taken; keys of `FAMILIES`.

    Raises:
        ValueError: Another one.
    """
    value = config.get("model_type")
    if isinstance(value, str) and value in families:
        return value
    if len(families) > 1 or value not in FAMILIES:
        raise ValueError(f"{where}: model type {value!r} is not one of {', '.join(families)}")
    raise ValueError(
        f"{where}: model type {value!r} is not {families[0]!r}, which this module is; hear_ssl.hf (hf:FOLDER) runs any of "
        f"{', '.join(FAMILIES)}"
    )


def network_settings(config: Mapping[str, Any], where: str, family: Family) -> dict[str, Any]:
    """Those keys of a config.json that decide the network's form; all others stay behind.

    Args:
        config: What is in it.
        where: Its path, for messages.
        family: Of the network.

    Raises:
        ValueError: A key that leads to code or to another network, or a fixed one of another value.
    """
    part = config.get(family.section, {}) if family.section else config
    if not isinstance(part, dict):
        raise ValueError(f"{where}: {family.section} is {bounds.shown(part)}; an object of settings is wanted")
    for said in (config, part):
        _refuse_code(said, where, {**REFUSED, **family.refused})
    part = family.older(part)
    for problem in bounds.problems(part, family.fixed):
        raise ValueError(f"{where}: {problem}")
    return {key: part[key] for key in family.rules if key in part}


def _refuse_code(config: Mapping[str, Any], where: str, refused: Mapping[str, str]) -> None:
    """Refuse keys that are never passed on and never passed over."""
    for key, why in refused.items():
        if why and config.get(key):
            raise ValueError(f"{where}: the key {key} is set: {why}")
    for key in ATTENTION:
        value = config.get(key)
        if value is not None and value not in OWN_ATTENTION:
            raise ValueError(
                f"{where}: {key} is {str(value)[:100]!r}, which names code to be fetched; remove the key: how attention is "
                "computed is not the checkpoint's affair"
            )


def build(
    family: Family,
    settings: Mapping[str, Any],
    where: str,
    names: Mapping[str, str] | None = None,
    has_buffers: bool = False,
) -> Any:
    """A network without weights on torch's `meta` device, where tensors have a shape and take no memory; in evaluation mode.

    Args:
        family: Of the network.
        settings: What `network_settings` gave; what is left out is the library's default, what this family does not
            know stays out.
        where: File that they come from, for messages.
        names: What that file calls a setting, where it is something else.
        has_buffers: Compute the tables that are in no checkpoint (positions), which do take memory.

    Raises:
        ValueError: A value of the wrong type or out of bounds; the message names field and value.
    """
    with weights.quiet_transformers() as transformers:
        make_config = getattr(transformers, f"{family.classes}Config", None)
        if make_config is None:
            raise ValueError(
                f"{where}: transformers {transformers.__version__} does not know networks of type {family.model_type}; "
                "pip install --upgrade transformers"
            )
        default = make_config().to_dict()
        known = {key: value for key, value in settings.items() if key in default}
        # What is left out is checked too: the library's defaults may not go with what is there.
        whole = default | known
        for problem in bounds.problems(whole, family.rules) or family.misfits(whole):
            field, _, rest = problem.partition(" ")
            raise ValueError(f"{where}: {(names or {}).get(field, field)} {rest}")
        passed = {
            key: family.rules[key].passed(value) if key in family.rules else value for key, value in known.items()
        }
        # The library draws a random vector even so; the caller's random numbers are not to depend on it.
        place = _parameters_without_memory() if has_buffers else torch.device("meta")
        make = family.network or (lambda library, config: getattr(library, f"{family.classes}Model")(config))
        try:
            config = make_config(**passed, attn_implementation=family.attention)
            with torch.random.fork_rng(devices=[]), place:
                return make(transformers, config).eval()
        except Exception as error:  # of the library's own types among others; it was given nothing but these settings
            if has_buffers:  # the same settings made a network on `meta` before: memory is short, the file is right
                raise
            raise ValueError(_refused_by_library(error, passed, where, names or {})) from error


def _refused_by_library(error: Exception, passed: Mapping[str, Any], where: str, names: Mapping[str, str]) -> str:
    """The sentence for settings that our rules take and the installed library does not: the first one that it names, and its reason."""
    # The library's own errors say the field only, and come from one with the reason.
    reason = weights.first_line(error.__cause__ or error)
    found = {key: match.start() for key in passed if (match := re.search(rf"\b{re.escape(key)}\b", reason))}
    if not found:
        return (
            f"{where}: the installed transformers makes no network of these settings ({reason}); are they of one model?"
        )
    field = min(found, key=found.__getitem__)
    return (
        f"{where}: {names.get(field, field)} is {bounds.shown(passed[field])}; the installed transformers does not take it "
        f"({reason}); give the value of the published model, or leave the key out for the library's own"
    )


@contextmanager
def _parameters_without_memory() -> Iterator[None]:
    """While it lasts, parameters of new networks go to torch's `meta` device; buffers do not."""
    register = torch.nn.Module.register_parameter

    def on_meta(module: torch.nn.Module, name: str, parameter: torch.nn.Parameter | None) -> None:
        moved = None if parameter is None else torch.nn.Parameter(parameter.to("meta"), parameter.requires_grad)
        register(module, name, moved)

    torch.nn.Module.register_parameter = on_meta  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        torch.nn.Module.register_parameter = register  # type: ignore[method-assign]
