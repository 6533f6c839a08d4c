"""What users hand over, as the types that the rooms below take: names or objects, one or several, paths or None."""

import json
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from evaluator import schema
from evaluator.audio.clip_rule import LEAST_EXPANDED, MOST_EXPANDED, refuse_channel
from evaluator.datasets.task import Task
from evaluator.embedding import bridges, members, names
from evaluator.embedding.spec import ModuleSpec
from evaluator.errors import UsageError
from evaluator.experiment import catalogue
from evaluator.files import cache_folder, usable_cache
from evaluator.probes import protocol as protocols
from evaluator.probes.protocol import Protocol

HearModule = str | ModuleSpec | ModuleType | Any
"""A module's name (of ours also without `hear_ssl.`) or path, a `ModuleSpec`, or the module itself: anything with the functions of the HEAR API."""

Tasks = str | Path | Task | Sequence[str | Path | Task]
"""Tasks by name or path, or as found by `find_tasks`; one or several."""


def module_specs(
    modules: HearModule | Sequence[HearModule],
    weights: str = "",
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    python: str = "",
    timeout: float = 600.0,
    in_process: bool = False,
    allow_unrepeatable: bool = False,
    store: str = "float32",
) -> list[ModuleSpec]:
    """One or several modules as specs; those that are specs already stay as they are.

    Args:
        modules: What the user gave.
        weights, options, device, python, timeout, in_process, allow_unrepeatable: As those of a `ModuleSpec`, for all of the others; timeout in
            seconds.
        store: Its `kept_as`.

    Raises:
        UsageError: There is none, or one is no HEAR module.
    """
    several = list(modules) if isinstance(modules, (list, tuple)) else [modules]
    if options is not None and not isinstance(options, Mapping):
        raise UsageError(f"options={options!r}: give a dict of keyword arguments of load_model")
    for name, value in (options or {}).items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"options[{name!r}]={value!r}: a {type(value).__name__}; give what JSON can hold (numbers, texts, true, false, "
                "lists, dicts), since options are part of a result"
            ) from error
    if (weights or options or python or in_process) and any(isinstance(module, ModuleSpec) for module in several):
        raise UsageError(
            "weights, options, python and in_process stand in a ModuleSpec itself; leave them out beside one"
        )
    if not several:
        raise UsageError("modules=[]: give at least one module, such as 'hear_ssl.melspec'")
    shared = {
        "weights": weights,
        "options": dict(options or {}),
        "device": device,
        "python": python,
        "timeout": timeout,
        "in_process": in_process,
        "allow_unrepeatable": allow_unrepeatable,
        "kept_as": store,
    }
    return [_spec(module, shared) for module in several]


def one_module(module: HearModule, *shared: Any) -> ModuleSpec:
    """A single module as a spec; further arguments (a timeout in seconds among them) and errors as those of `module_specs`."""
    specs = module_specs(module, *shared)
    if len(specs) > 1:
        raise UsageError(
            f"{len(specs)} modules are given where one is wanted: {', '.join(each.name for each in specs)}"
        )
    return specs[0]


def check_count(name: str, value: Any, lowest: int) -> None:
    """Refuse what is no whole number from `lowest` on.

    Raises:
        UsageError: It is not; the sentence names it.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < lowest:
        raise UsageError(f"{name}={value!r}: give a whole number from {lowest}")


def check_share(name: str, value: Any) -> None:
    """Refuse what is no number from 0 to 1.

    Raises:
        UsageError: It is not; the sentence names it.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise UsageError(f"{name}={value!r}: give a number from 0 to 1")


def _spec(module: HearModule, shared: Mapping[str, Any]) -> ModuleSpec:
    if isinstance(module, ModuleSpec):
        return module
    if isinstance(module, (str, Path)):
        name = str(module)
        if shared["python"]:
            return ModuleSpec(bridges.whole_name(names.with_folder(name)), **shared)
        options = names.options_in_full(shared["options"]) if name.startswith(members.PREFIX) else shared["options"]
        return ModuleSpec(names.full_name(name), **{**shared, "options": options})
    functions = ("load_model", "get_scene_embeddings")
    missing = [name for name in functions if not callable(getattr(module, name, None))]
    if missing:
        raise UsageError(f"{module!r} is no HEAR module: it has no {', '.join(missing)}; give one, or its name")
    if shared["python"]:
        raise UsageError(
            f"python={shared['python']!r}: a module that is here already cannot be loaded there; give its name"
        )
    if isinstance(module, ModuleType) and getattr(module, "__file__", None):
        return ModuleSpec(module.__name__, **shared, instance=module)
    name = module.__name__ if isinstance(module, ModuleType) else type(module).__name__
    return ModuleSpec(name, **shared, instance=module, session=TemporaryDirectory(prefix="hear-eval-"))


def tasks_of(tasks: Tasks, profile: str, channel: str | int | None = None, expand: float | None = None) -> list[Task]:
    """One or several tasks, (n_tasks,), in the order in which they are given; names of suites give all of theirs.

    Args:
        tasks, profile: As those of `run`.
        channel, expand: How their clips are heard; None for as the tasks say.

    Raises:
        UsageError: There is no such task, none is given, or there is no such channel or pace.
    """
    heard = channel_of(channel), check_pace(expand)
    several: Iterable[str | Path | Task] = [tasks] if isinstance(tasks, (str, Path, Task)) else tasks
    chosen = [
        task
        for each in several
        for task in ([each] if isinstance(each, Task) else catalogue.find(_as_text(each), profile))
    ]
    if not chosen:
        raise UsageError(f"tasks={tasks!r}: give at least one task, such as 'demo/calls'")
    return [task.heard(*heard) for task in chosen]


def channel_of(channel: str | int | None) -> str | None:
    """A channel as a clip rule takes it; None for what the task says.

    Raises:
        UsageError: It names none.
    """
    if channel is None:
        return None
    try:
        refuse_channel(str(channel))
    except ValueError as error:
        raise UsageError(f"channel={channel!r}: {error}") from error
    return str(channel).lstrip("0")


def check_pace(expand: float | None) -> float | None:
    """How many times slower than life clips are heard, as a number; None for what the task says.

    Args:
        expand: 0.001 to 1000; at 10, a call at 50 kHz is heard at 5 kHz.

    Raises:
        UsageError: It is no such number.
    """
    if expand is None:
        return None
    if isinstance(expand, bool) or not isinstance(expand, Real) or not LEAST_EXPANDED <= float(expand) <= MOST_EXPANDED:
        raise UsageError(
            f"expand={expand!r}: give a number from {LEAST_EXPANDED:g} to {MOST_EXPANDED:g}, such as 10 for bats"
        )
    return float(expand)


def _as_text(task: str | Path) -> str:
    """A task as `catalogue.find` takes it; a `Path` is a file or folder, never a name."""
    if isinstance(task, Path) and not task.is_absolute():
        return f"./{task}"
    return str(task)


def protocol_of(protocol: str | Path | Protocol | None, task: Task, profile: str) -> Protocol:
    """The protocol that was given, or the one of the task's suite.

    Raises:
        UsageError: There is no such protocol.
    """
    if profile not in protocols.PROFILES:
        raise UsageError(schema.unknown("profile", profile, protocols.PROFILES))
    if isinstance(protocol, Protocol):
        if profile not in (protocol.profile, protocols.PROFILES[0]):
            raise UsageError(
                f"profile={profile!r}: the protocol that was given is {protocol.profile}; load it in that profile"
            )
        return protocol
    return protocols.load(str(protocol or task.protocol), profile)


def folder_of_cache(cache: str | Path | None) -> Path:
    """The folder for embeddings, made if it is not there; one that can be read but not written will do.

    Raises:
        UsageError: It can be neither made nor read.
    """
    return usable_cache(cache_folder(None if cache is None else path_of(cache)))


def folder_of_data(data: str | Path | None) -> Path | None:
    """Where datasets lie, if it is said."""
    return None if data is None else path_of(data)


def path_of(place: str | Path) -> Path:
    """A path as users write it, `~` for their home folder."""
    return Path(place).expanduser()


def places_of(places: str | Path | Sequence[str | Path]) -> list[Path]:
    """Result files and folders, one or several, as paths, (n_places,), in their order.

    Raises:
        UsageError: One is no name of a file.
    """
    several = [places] if isinstance(places, (str, Path)) else list(places)
    if strange := [each for each in several if not isinstance(each, (str, Path))]:
        raise UsageError(
            f"{type(strange[0]).__name__} is no file: give result files or folders, as run(out=...) writes them"
        )
    return [path_of(each) for each in several]


def names_of(names: str | Sequence[str]) -> list[str]:
    """Names, (n_names,), from one text or several, each of which may hold several with commas between them.

    >>> names_of("arch2024,wu2022"), names_of(["arch2024", "wu2022"])
    (['arch2024', 'wu2022'], ['arch2024', 'wu2022'])
    """
    several = [names] if isinstance(names, str) else list(names)
    return [name.strip() for each in several for name in str(each).split(",") if name.strip()]
